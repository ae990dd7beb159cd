"""What the database says of itself: is it there, is its schema ours, does it keep what row-level security promises?"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from adapters.outbound.sql.database import Database, Session
from adapters.outbound.sql.schema import OUTSIDE_ROW_LEVEL_SECURITY
from adapters.outbound.sql.sqlite import Sqlite
from concordat.checks import Check, State
from concordat.schema import UNKNOWN_ADVICE, UNKNOWN_FOUND, schema_state
from concordat.schema import State as SchemaState
from ports.unit_of_work import StoreUnavailable

SUBJECT = "database"
MIGRATE = "Run concordat migrate with CONCORDAT_DATABASE_OWNER_URL, and serve with the URL that it prints."

UNKNOWN_SCHEMA = Check(subject="schema", state=State.FAILED, found=UNKNOWN_FOUND, advice=UNKNOWN_ADVICE)

# The most that each may be on a session of ours, in milliseconds; 0 would mean for ever.
_LONGEST = {
    "statement_timeout": 10_000,
    "lock_timeout": 3_000,
    "idle_in_transaction_session_timeout": 15_000,
}
_DURABLE = {
    "fsync": {"on"},
    "full_page_writes": {"on"},
    "synchronous_commit": {"on", "remote_apply", "remote_write"},
}

_SHOWN = 3

_ROLE = "SELECT current_user AS name, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
_OWNED = (
    "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
    " AND pg_has_role(current_user, c.relowner, 'USAGE') ORDER BY 1"
)
_OPEN = (
    "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
    " AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1"
)
_SETTINGS = "SELECT name, setting FROM pg_settings"
_WORKERS = "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'concordat worker %' ORDER BY 1"


async def examine_database(database: Database) -> list[Check]:
    """Every check of the database; the last ones only where the first did not fail."""
    adapter = database.dialect.name
    try:
        async with database.reading(None) as session:
            version = await _version(session)
            found = [Check(subject=SUBJECT, adapter=adapter, found=f"answers ({version})")]
            found.append(await _schema(session))
            if adapter == "postgresql":
                found += await _postgres(session)
    except Exception as error:
        reason = error.parameters["reason"] if isinstance(error, StoreUnavailable) else error
        found = [
            Check(
                subject=SUBJECT,
                adapter=adapter,
                state=State.FAILED,
                found=f"does not answer: {reason}",
                advice="Is it running, and is the URL right?",
            )
        ]
    # SQLite reads what it cannot write, and every request that changes something would fail.
    return [*found, *without_write_access(_files(database))]


def _files(database: Database) -> list[Path]:
    """What has to be writable for SQLite: its file, those beside it, and their folder, where they come and go."""
    file = database.dialect.engine.url.database if isinstance(database.dialect, Sqlite) else None
    if not file or file == ":memory:":
        return []
    beside = [Path(f"{file}{ending}") for ending in ("", "-wal", "-shm")]
    return [Path(file).absolute().parent, *(each for each in beside if each.exists())]


def without_write_access(paths: Sequence[Path]) -> Iterator[Check]:
    """Asked of the operating system: to open SQLite's files ourselves would end the locks that it holds on them."""
    for path in paths:
        if not os.access(path, os.W_OK, effective_ids=True):
            advice = "Let the service's own user write it, and the folder that it is in."
            yield _failed(SUBJECT, f"{path} cannot be written", advice)


async def _version(session: Session) -> str:
    if session.database.dialect.name == "postgresql":
        return "Postgres " + str((await session.told("SHOW server_version"))[0]["server_version"])
    return "SQLite " + str((await session.told("SELECT sqlite_version() AS version"))[0]["version"])


async def _schema(session: Session) -> Check:
    state = await schema_state(session)
    if state is SchemaState.BEHIND:
        embedded = session.database.dialect.name == "sqlite"
        advice = "Run concordat migrate." if embedded else MIGRATE
        return Check(subject="schema", state=State.FAILED, found="older than this version needs", advice=advice)
    if state is SchemaState.UNKNOWN:
        return UNKNOWN_SCHEMA
    return Check(subject="schema", found="current")


async def _postgres(session: Session) -> list[Check]:
    role = (await session.told(_ROLE))[0]
    owned = [row["relname"] for row in await session.told(_OWNED)]
    open_tables = [row["relname"] for row in await session.told(_OPEN)]
    settings = {row["name"]: row["setting"] for row in await session.told(_SETTINGS)}
    names = [row["application_name"] for row in await session.told(_WORKERS)]
    return [
        *unsafe_role(role, owned),
        *without_row_level_security(open_tables),
        *unsafe_durability(settings),
        *unsafe_timeouts(settings),
        *workers(names),
    ]


def unsafe_role(role: Mapping[str, Any], owned: Sequence[str]) -> Iterator[Check]:
    reasons = []
    if role["rolsuper"]:
        reasons.append("is a superuser")
    if role["rolbypassrls"]:
        reasons.append("bypasses row-level security")
    if owned:
        reasons.append(f"owns {', '.join(owned[:_SHOWN])}{' and more' if len(owned) > _SHOWN else ''}")
    if reasons:
        yield _failed("role", f"the role {role['name']} {' and '.join(reasons)}", MIGRATE)
    else:
        yield Check(subject="role", found=f"{role['name']} owns nothing and obeys row-level security")


def without_row_level_security(tables: Sequence[str]) -> Iterator[Check]:
    bare = sorted(set(tables) - OUTSIDE_ROW_LEVEL_SECURITY)
    if bare:
        yield _failed("row-level security", f"is not forced on {', '.join(bare)}", MIGRATE)
    else:
        yield Check(subject="row-level security", found="forced on every table but the named ones")


def unsafe_durability(settings: Mapping[str, str]) -> Iterator[Check]:
    for name, safe in _DURABLE.items():
        if settings.get(name) not in safe:
            advice = f"Set {name} = on in postgresql.conf: an acknowledged write could be lost."
            yield _failed("durability", f"{name} is {settings.get(name)}", advice)


def unsafe_timeouts(settings: Mapping[str, str]) -> Iterator[Check]:
    for name, longest in _LONGEST.items():
        value = int(settings.get(name, "0"))
        if not 0 < value <= longest:
            shown = f"{value} ms" if value else "off"
            yield _failed("timeouts", f"{name} is {shown}", f"It has to be {longest} ms at most.")


def workers(names: Sequence[str]) -> Iterator[Check]:
    if len(names) > 1:
        advice = "The embedded bus and ledger take one worker: stop the others."
        yield _failed("worker", f"there are {len(names)}: {', '.join(names)}", advice)
    else:
        yield Check(subject="worker", found=names[0].removeprefix("concordat worker ") if names else "none is running")


def _failed(subject: str, found: str, advice: str) -> Check:
    return Check(subject=subject, state=State.FAILED, found=found, advice=advice)
