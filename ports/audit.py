"""What the audit reads: everything of one club's log, and its live rows, as they stand in storage at one instant."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID

from core.log.audit.rows import (
    AnchorRow,
    CheckpointRow,
    DirectoryRow,
    DisclosureRow,
    Entry,
    EventRow,
    Extent,
    HeadRow,
    KeyRow,
    LiveRow,
    LostRow,
    PendingRow,
    Raw,
    SubjectRow,
    TileRow,
)


class AuditedLog(Protocol):
    """One club's rows in one snapshot: what others commit meanwhile is not in it.

    MUST hand out what the columns hold, also where a tampered one holds what it never should, and MUST NOT fail over
    it. Ids and instants come in canonical text where they can be read as such. What may be long comes in windows, so
    that memory stays bounded. MUST show the club's own rows alone, as row-level security does.
    """

    async def head(self) -> HeadRow | None: ...

    async def extent(self) -> Extent:
        """How far leaf rows and level-0 tiles reach."""

    async def partners(self) -> Sequence[Raw]:
        """The clubs that are parties of the same events."""

    async def keys(self) -> Sequence[KeyRow]:
        """In order of size."""

    def checkpoints(self) -> AsyncIterator[Sequence[CheckpointRow]]:
        """In order of size."""

    async def last_checkpoint(self) -> CheckpointRow | None:
        """The one of the largest size."""

    def anchors(self) -> AsyncIterator[Sequence[AnchorRow]]:
        """In order of size."""

    def all_tiles(self) -> AsyncIterator[Sequence[TileRow]]:
        """In order of level and index."""

    async def tiles(self, wanted: Collection[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        """The tiles (level, index) that exist and hold bytes."""

    async def entries(self, start: int, end: int) -> Sequence[Entry]:
        """Leaves start <= index < end in order, each with its record and the event of that record."""

    def leaves_beyond(self, size: int) -> AsyncIterator[Sequence[Entry]]:
        """Leaf rows whose index is not one of a log of `size` leaves."""

    async def lost(self, start: int, end: int) -> Sequence[LostRow]:
        """Leaves start <= index < end that are said to be lost."""

    def lost_beyond(self, size: int) -> AsyncIterator[Sequence[LostRow]]:
        """Lost leaves whose index is not one of a log of `size` leaves."""

    def unplaced(self) -> AsyncIterator[Sequence[Entry]]:
        """Records without a leaf."""

    def without_record(self) -> AsyncIterator[Sequence[EventRow]]:
        """Events of which the club is a party and has no record."""

    def of_types(self, types: Collection[str]) -> AsyncIterator[Sequence[Entry]]:
        """Records whose event row has one of these types."""

    async def newest(self, kind: str, keys: Collection[str]) -> Sequence[Entry]:
        """Of each of these aggregates, the record with the highest version by its event row."""

    async def history(self, kind: str, key: str) -> Sequence[Entry]:
        """Every record about one aggregate by its event row, oldest first."""

    async def by_event(self, events: Collection[str]) -> Sequence[Entry]:
        """The records of these events."""

    async def disclosures(self, events: Collection[str]) -> Sequence[DisclosureRow]:
        """The stored personal values of these records."""

    def disclosures_without_record(self) -> AsyncIterator[Sequence[DisclosureRow]]: ...

    async def disclosures_of(self, subject: str, limit: int) -> Sequence[DisclosureRow]:
        """Some of the values in this log that are said to be one subject's."""

    async def subjects(self, keys: Collection[str]) -> Sequence[SubjectRow]:
        """The subjects with these ids that the club may read."""

    def pending(self) -> AsyncIterator[Sequence[PendingRow]]:
        """The club's pending rows in order of event, so that equal ones stand together."""

    def live(self, table: str) -> AsyncIterator[Sequence[LiveRow]]:
        """The rows of a table that holds live state, in order of the id that they go by."""

    async def live_by(self, table: str, column: str, values: Collection[str] | Collection[bytes]) -> Sequence[LiveRow]:
        """Those whose column holds one of these ids, or of these bytes."""

    def gone(self, kind: str) -> AsyncIterator[Sequence[str]]:
        """Ids of aggregates that have events and no live row; `kind` is the name of the table too."""

    def unspoken(self, table: str, kinds: Collection[str]) -> AsyncIterator[Sequence[LiveRow]]:
        """Live rows under an id that no event about an aggregate of these kinds is about."""

    async def count(self, table: str) -> int:
        """How many of a table's rows are the club's."""


class AuditedLogs(Protocol):
    """The way to every club's rows."""

    async def directory(self) -> Sequence[DirectoryRow]:
        """Every club that the directory lists."""

    def of(self, club: UUID) -> AbstractAsyncContextManager[AuditedLog]:
        """One club's rows in one snapshot, for reading alone; waits for no writer."""
