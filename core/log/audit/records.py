"""One record against its commitment, its leaf and its event row: which of them was changed, as far as they tell."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from core.log.audit.findings import Code
from core.log.audit.rows import EventRow, Raw, RecordRow
from core.log.errors import LogInvalid, MalformedRecord
from core.log.records import Record, commitment, leaf_of, parse_record
from shared.clock import utc_text
from shared.events import Event


class Fault(NamedTuple):
    """What is wrong with a row, and with which of its columns."""

    code: Code
    field: str | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A stored record: what it says, and the leaf hashes of the commitment beside it and of what it really opens."""

    record: Record | None
    reason: str
    stored: bytes | None
    opened: bytes | None

    @property
    def sound(self) -> bool:
        """Does the record open the commitment that stands beside it?"""
        return self.stored is not None and self.stored == self.opened


def examine(row: RecordRow) -> Examined:
    """Reads a stored record as far as it can be read."""
    record, reason = None, ""
    try:
        record = parse_record(_bytes(row.data))
    except LogInvalid as error:
        reason = error.reason
    return Examined(record=record, reason=reason, stored=_stored(row), opened=_opened(row))


def leaf_fault(examined: Examined, leaf: bytes | None) -> Fault | None:
    """Compares a record with the hash that the tree has at its place, if it has one."""
    if leaf is None or leaf in (examined.stored, examined.opened):
        return None
    return Fault(Code.LEAF_MISMATCH, None, "the log committed to something else at this leaf")


def commitment_fault(examined: Examined, leaf: bytes | None) -> Fault | None:
    """Compares a record with the commitment beside it; the leaf, where there is one, says which of them was changed."""
    if examined.sound:
        return None
    if leaf is not None and leaf == examined.opened:
        return Fault(Code.COMMITMENT_MISMATCH, "commitment", "not what data and salt commit to; they match the leaf")
    if leaf is not None and leaf == examined.stored:
        return Fault(
            Code.COMMITMENT_MISMATCH, "data or salt", "they do not open the commitment, which matches the leaf"
        )
    return Fault(Code.COMMITMENT_MISMATCH, None, "data, salt and commitment do not go together")


def event_faults(event: EventRow, record: Record, recalled: Event | None) -> Iterator[Fault]:
    """The columns of an event row that are not what the record says; without its class they are fewer."""
    told: dict[str, Raw] = {
        "id": record.id,
        "type": record.type,
        "at": utc_text(record.at),
        "actor": record.actor,
        "request_id": record.req,
    }
    parties: list[str] = []
    if recalled is not None:
        kind, aggregate_id, version = recalled.about
        parties = [str(club) for club in recalled.parties]
        told |= {"kind": kind, "aggregate_id": str(aggregate_id), "version": version, "leading_club": parties[0]}
    for name, value in told.items():
        found = getattr(event, name)
        if found != value:
            yield Fault(Code.EVENT_MISMATCH, name, f"the record says {value!r}, the row {found!r}")
    if parties:
        yield from _party_faults(event, parties)


def record_faults(row: RecordRow, record: Record, origin: str) -> Iterator[Fault]:
    """A record that stands under another event, or in another log, than it says."""
    if record.id != row.event_id:
        yield Fault(Code.RECORD_MISMATCH, "event_id", f"the record is of event {record.id}")
    if record.log != origin:
        yield Fault(Code.RECORD_MISMATCH, "club_id", f"the record is of the log {record.log}")


def _party_faults(event: EventRow, parties: list[str]) -> Iterator[Fault]:
    """Which of two parties acted is not in the record, so the two columns are compared together."""
    columns = {"club_id": event.club, "other_club": event.other_club}
    foreign = [name for name, found in columns.items() if found is not None and found not in parties]
    for name in foreign:
        yield Fault(Code.EVENT_MISMATCH, name, "not a party of the event")
    if not foreign and set(columns.values()) - {None} != set(parties):
        yield Fault(Code.EVENT_MISMATCH, "other_club", f"the event has {len(parties)} parties")


def _bytes(value: Raw) -> bytes:
    if not isinstance(value, bytes):
        raise MalformedRecord("not bytes")
    return value


def _stored(row: RecordRow) -> bytes | None:
    try:
        return leaf_of(_bytes(row.commitment))
    except MalformedRecord:
        return None


def _opened(row: RecordRow) -> bytes | None:
    try:
        return leaf_of(commitment(_bytes(row.salt), _bytes(row.data)))
    except MalformedRecord:
        return None
