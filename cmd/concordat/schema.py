"""Is the database's schema the one that this version needs? Looked at without loading the migrations' machinery."""

import re
from enum import StrEnum
from functools import cache
from pathlib import Path

from adapters.outbound.sql import migrations
from adapters.outbound.sql.database import Session
from concordat.failures import Failure

_REVISION = re.compile(r'^(down_)?revision(?:: [^=]+)? = (?:"([^"]+)"|None)$', re.MULTILINE)
_HAS_TABLE = {
    "postgresql": "SELECT to_regclass('{}') IS NOT NULL AS has",
    "sqlite": "SELECT count(*) AS has FROM sqlite_master WHERE name = '{}'",
}


UNKNOWN_FOUND = "made by a version before the first release, or by a newer one: this version does not know its revision"
UNKNOWN_ADVICE = "Make the database anew, or use the version that made it."


class State(StrEnum):
    """BEHIND: it has to be migrated. UNKNOWN: its revision is none of this version's, which must not begin."""

    CURRENT = "current"
    BEHIND = "behind"
    UNKNOWN = "unknown"


def unknown() -> Failure:
    """What a command says of a database at a revision that this version does not know."""
    return Failure(f"The database was {UNKNOWN_FOUND}.", UNKNOWN_ADVICE)


async def schema_state(session: Session) -> State:
    """How the database compares with the migrations that came with this version."""
    newest, known = revisions()
    found = await revision(session)
    if found == newest:
        return State.CURRENT
    return State.BEHIND if found is None or found in known else State.UNKNOWN


async def revision(session: Session) -> str | None:
    """The revision that the database is at; None before the first."""
    if not await has_table(session, "alembic_version"):
        return None
    rows = await session.told("SELECT version_num FROM alembic_version")
    return str(rows[0]["version_num"]) if rows else None


async def has_table(session: Session, name: str) -> bool:
    """Is there a table of this name, whatever the revision?"""
    (table,) = await session.told(_HAS_TABLE[session.database.dialect.name].format(name))
    return bool(table["has"])


@cache
def revisions() -> tuple[str, frozenset[str]]:
    """The newest revision, and all of them: the newest is the one that no other comes after."""
    known: set[str] = set()
    followed: set[str] = set()
    for file in Path(migrations.__file__).parent.glob("versions/v*.py"):
        for is_down, name in _REVISION.findall(file.read_text(encoding="utf-8")):
            (followed if is_down else known).add(name)
    (newest,) = known - followed
    return newest, frozenset(known)
