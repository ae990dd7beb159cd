"""Which rows a kind of tampering may be made with so that it changes something, and which findings name the edit."""

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, TableClause, column, select, table

from adapters.outbound.sql.tables import metadata
from core.clubs.commitments import number_mark
from core.log.audit.findings import Finding
from core.log.merkle import HASH_SIZE
from core.log.tiles import TILE_WIDTH
from tests.integration.audit.values import canonical

Row = dict[str, Any]
Names = Callable[[Finding], bool]

AGGREGATES = {"club": "id", "member": "id", "agreement": "id", "visit": "id"}
_KEYED = {**AGGREGATES, "subject": "id", "standing_grant": "visit_id", "directory": "club"}
# Whose rows these are, or what they are found by: where it was changed, a row is missing here and new there.
_KEYS = {"id", "club", "club_id", "host_club", "home_club", "proposer", "partner", "visit_id", "shared_with"}


@cache
def bare(of: Table) -> TableClause:
    """The table without types: values go in and out as the driver has them."""
    return table(of.name, *(column(each.name) for each in of.columns))


def eligible(connection: Connection, kind: str, row: Row) -> bool:
    """Is there anything to see when this row is edited? `NOT_LOCATED` of the tamperings says the rest."""
    match kind:
        case "pending delete" | "pending.tenant" | "pending.consumer":
            return bool(row["consumer"] == "log")
        case "checkpoint delete" | "checkpoint.club_id" | "checkpoint.size":
            return bool(_rows(connection, "anchor", club_id=row["club_id"], size=row["size"]))
        case "subject.key":
            return row["person"] is not None or bool(_marks(connection, row["club_id"]))
        case "member_number.mark":
            return row["mark"] in _marks(connection, row["club_id"])
        case "subject.person" if row["id"] != row["person"] and row["person"] is not None:
            return not all(member["erased"] for member in _rows(connection, "member", id=row["person"]))
        case "log_key.verifier_key" | "log_key delete" | "log_key.club_id":
            return bool(_rows(connection, "checkpoint", club_id=row["club_id"]))
    return True


def names(kind: str, row: Row, after: Row | None) -> Names:
    """Says of a finding whether it names the row, as it was or as it is, and the column where that can be told."""
    of, _, name = kind.partition(" ")[0].partition(".")
    held = [each for each in (row, after) if each is not None]
    if of in ("event", "record", "pending"):
        ids = {canonical(each["id" if of == "event" else "event_id"]) for each in held}
        return lambda finding: finding.record in ids
    if of == "disclosure":
        places = {(canonical(each["event_id"]), each["pointer"]) for each in held}
        return lambda finding: (finding.record, finding.field) in places
    if of == "leaf":
        indices = {each["index"] for each in held}
        keys = {str(index) for index in indices}
        return lambda finding: finding.index in indices or finding.key in keys
    if of == "tile":
        return _names_of_tile(row, after)
    if of in ("checkpoint", "anchor"):
        sizes = {str(each["size"]) for each in held}
        return lambda finding: finding.table == of and finding.key in sizes
    if of in _KEYED:
        ids = {canonical(each[_KEYED[of]]) for each in held}
        field = name if name and name not in _KEYS else None
        return lambda finding: finding.table == of and finding.id in ids and field in (None, finding.field)
    field = name if of == "log" and name not in ("", "club_id") else None
    return lambda finding: finding.table == of and field in (None, finding.field)


def _names_of_tile(row: Row, after: Row | None) -> Names:
    places = {(each["level"], each["index"]) for each in (row, after) if each is not None}
    if after is None or len(after["hashes"]) != len(row["hashes"]) or row["hashes"] == after["hashes"]:
        return lambda finding: finding.tile in places
    changed = next(at for at, byte in enumerate(row["hashes"]) if byte != after["hashes"][at]) // HASH_SIZE
    leaf = row["index"] * TILE_WIDTH + changed if row["level"] == 0 else None
    return lambda finding: finding.tile in places and finding.index == leaf


def _marks(connection: Connection, club: object) -> set[bytes]:
    """The marks of the club's members that were not erased."""
    keys = [subject["key"] for subject in _rows(connection, "subject", id=club)]
    members = _rows(connection, "member", club_id=club)
    return {number_mark(key, member["number"]) for key in keys for member in members if not member["erased"]}


def _rows(connection: Connection, name: str, **equal: object) -> list[Row]:
    of = bare(metadata.tables[name])
    statement = select(*of.columns).where(*(of.c[key] == value for key, value in equal.items()))
    return [dict(row) for row in connection.execute(statement).mappings()]
