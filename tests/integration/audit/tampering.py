"""Tamperings: every edit of a row that changes what the system would say, and what an audit has to name for it.

Each column of a table makes a kind, and so do its deletions and insertions; the seed chooses row and value. Nothing
checks the edit, foreign keys are off: as for somebody who has the file in an editor.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, select
from sqlalchemy.exc import IntegrityError

from adapters.outbound.sql.tables import metadata
from core.log.merkle import HASH_SIZE
from tests.integration.audit.naming import Names, Row, bare, eligible, names
from tests.integration.audit.values import another, fresh_id

_TRIES = 20
_OFTEN, _SELDOM = 0.5, 0.2
NOT_LOCATED = {
    "checkpoint.at": "a reading of the server's clock that nobody signs",
    "anchor.at": "the same; the ledger's own time stands in the evidence",
    "anchor delete": "sizes may be skipped, and the next anchor covers it",
    "pending.at": "a reading of the server's clock, for a gauge alone",
    "pending.sequence": "an order that only the bus sees",
    "log insert": "of no club of the network",
    "club insert": "the same",
}
"""What no audit can see, and why; every other kind has to be found, and named."""

TABLES = (
    *("event", "record", "disclosure", "subject", "leaf", "tile", "log", "log_key", "checkpoint", "anchor", "pending"),
    *("directory", "club", "member", "member_number", "agreement", "visit", "standing_grant"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """An edit that was made: `names` says whether a finding names what was edited, `undo` takes it back."""

    kind: str
    what: str
    names: Names
    undo: Callable[[Connection], None]


class Impossible(Exception):
    """This database has no row that such a tampering could be made with."""


def kinds() -> list[str]:
    """Every kind of tampering that has to be found."""
    found = []
    for name in TABLES:
        found += [f"{name}.{column.name}" for column in metadata.tables[name].columns]
        found += [f"{name} delete", f"{name} insert"]
    return [kind for kind in found if kind not in NOT_LOCATED]


def tamper(connection: Connection, kind: str, rng: random.Random) -> Tampering:
    """Makes one edit of this kind; raises Impossible where there is nothing to make it with."""
    of = metadata.tables[kind.partition(" ")[0].partition(".")[0]]
    rows = [dict(row) for row in connection.execute(select(*bare(of).columns)).mappings()]
    candidates = [row for row in rows if eligible(connection, kind, row)]
    rng.shuffle(candidates)
    for row in candidates[:_TRIES]:
        try:
            with connection.begin_nested():
                after = _edit(connection, kind, of, row, rng)
        except IntegrityError:
            continue
        what = f"{kind}: {_shown(row)} -> {_shown(after)}"
        undo = partial(_undo, of, None if kind.endswith(" insert") else row, after)
        return Tampering(kind=kind, what=what, names=names(kind, row, after), undo=undo)
    raise Impossible(kind)


def _undo(of: Table, row: Row | None, after: Row | None, connection: Connection) -> None:
    if after is not None:
        connection.execute(bare(of).delete().where(_here(of, after)))
    if row is not None:
        connection.execute(bare(of).insert().values(row))


def _here(of: Table, row: Row) -> ColumnElement[bool]:
    return and_(*(bare(of).c[key.name] == row[key.name] for key in of.primary_key))


def _edit(connection: Connection, kind: str, of: Table, row: Row, rng: random.Random) -> Row | None:
    if kind.endswith(" delete"):
        connection.execute(bare(of).delete().where(_here(of, row)))
        return None
    if kind.endswith(" insert"):
        new = {**row, **_other_key(of.name, row, rng)}
        connection.execute(bare(of).insert().values(new))
        return new
    name = kind.partition(".")[2]
    value = _value(connection, kind, row, rng)
    connection.execute(bare(of).update().where(_here(of, row)).values({name: value}))
    return {**row, name: value}


def _value(connection: Connection, kind: str, row: Row, rng: random.Random) -> Any:
    table, _, name = kind.partition(".")
    value, strict = row[name], connection.dialect.name == "postgresql"
    if kind in _TO_ANOTHER_CLUB and (kind in _NEVER_NOWHERE or rng.random() < _OFTEN):
        listed = connection.execute(select(bare(metadata.tables["directory"]).c.club)).scalars()
        return rng.choice([club for club in listed if club != value])
    if kind == "tile.hashes" and rng.random() < _SELDOM:
        return rng.choice([value[:-HASH_SIZE], value + bytes(HASH_SIZE)])
    return another(metadata.tables[table].columns[name], value, rng, strict=strict)


_TO_ANOTHER_CLUB = frozenset(
    [f"{table}.club_id" for table in TABLES if "club_id" in metadata.tables[table].columns]
    + ["pending.tenant", "standing_grant.home_club", "standing_grant.host_club", "visit.host_club", "visit.home_club"]
)
# A row without a club that sees it is a deletion, and these deletions cannot be told.
_NEVER_NOWHERE = frozenset({"anchor.club_id", "checkpoint.club_id"})


def _other_key(table: str, row: Row, rng: random.Random) -> Row:
    """What a copy of the row has to have of its own."""
    fresh = fresh_id(row, rng)
    changes: dict[str, Row] = {
        "event": {"id": fresh, "version": (row.get("version") or 0) + 1000},
        "record": {"event_id": fresh},
        "disclosure": rng.choice([{"pointer": f"{row.get('pointer')}x"}, {"event_id": fresh}]),
        "leaf": {"index": (row.get("index") or 0) + 100_000, "event_id": fresh},
        "tile": {"index": (row.get("index") or 0) + 1000},
        "log_key": {"from_size": (row.get("from_size") or 0) + 3},
        "checkpoint": {"size": (row.get("size") or 0) + 1},
        "anchor": {"size": (row.get("size") or 0) + 1},
        "pending": {
            "sequence": (row.get("sequence") or 0) + 5000,
            "event_id": rng.choice([row.get("event_id"), fresh]),
        },
        "directory": {"club": fresh, "origin": f"{row.get('origin')}0"},
        "member": {"id": fresh, "ref": fresh_id(row, rng)},
        "member_number": {"mark": rng.randbytes(32)},
        "standing_grant": {"visit_id": fresh},
    }
    return changes.get(table, {"id": fresh})


def _shown(row: Row | None) -> str:
    if row is None:
        return "(deleted)"
    return str(row)[:600]
