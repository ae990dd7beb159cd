"""Rows of a log as the audit finds them: whatever the columns hold, since a tampered one may hold anything.

Ids and instants are in canonical text, so that they compare with what records say. Tuples, because there are millions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

Raw = None | bool | int | float | str | bytes


class EventRow(NamedTuple):
    id: Raw
    club: Raw
    other_club: Raw
    leading_club: Raw
    kind: Raw
    aggregate_id: Raw
    version: Raw
    type: Raw
    at: Raw
    actor: Raw
    request_id: Raw


class RecordRow(NamedTuple):
    event_id: Raw
    data: Raw
    salt: Raw
    commitment: Raw


class Entry(NamedTuple):
    """A record where it stands: `place`, its leaf index, is None before integration, `waiting` for which is told.

    `record` or `event` is None where the row is missing; `event_id` is then the id by which it was looked for.
    """

    place: Raw
    event_id: Raw
    record: RecordRow | None
    event: EventRow | None
    waiting: bool = False


class LostRow(NamedTuple):
    place: Raw
    commitment: Raw


class DisclosureRow(NamedTuple):
    event_id: Raw
    pointer: Raw
    name: Raw
    value: Raw
    subject: Raw
    subject_club: Raw


class SubjectRow(NamedTuple):
    id: Raw
    club: Raw
    person: Raw
    shared_with: Raw
    key: Raw


class TileRow(NamedTuple):
    level: Raw
    place: Raw
    hashes: Raw


class DirectoryRow(NamedTuple):
    club: Raw
    origin: Raw


class HeadRow(NamedTuple):
    origin: Raw
    size: Raw
    root: Raw


class KeyRow(NamedTuple):
    from_size: Raw
    until_size: Raw
    verifier_key: Raw


class CheckpointRow(NamedTuple):
    size: Raw
    note: Raw


class AnchorRow(NamedTuple):
    """`signed`: the checkpoint that it anchors is there."""

    size: Raw
    evidence: Raw
    signed: bool


class PendingRow(NamedTuple):
    """`recorded`: the club has a record of the event; `placed`: and a leaf."""

    sequence: Raw
    event_id: Raw
    consumer: Raw
    recorded: bool
    placed: bool


class Extent(NamedTuple):
    """How far leaf rows and the lowest tiles reach: the highest index, and the last tile with the size of its bytes."""

    highest_leaf: Raw
    last_tile: Raw
    last_tile_bytes: Raw


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for the value of a column that cannot be read as what it should hold."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRow:
    """A row of today: `key` is the id that it goes by, `values` are values of the core, or Unreadable."""

    key: Raw
    values: Mapping[str, object]
