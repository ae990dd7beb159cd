"""What the audit reads, in SQL: one club's rows as they are stored, in one snapshot."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select

from adapters.outbound.sql import inspection as sql
from adapters.outbound.sql.database import Database, Session
from adapters.outbound.sql.stored import Reads, Shape, canonical, ids
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

T = TypeVar("T")
Values = Sequence[Any]

WINDOW = 1000
TILES = 100
"""Tiles are 8 KiB each, so that they come fewer at a time."""


class SqlAuditedLog:
    """Implements ports.audit.AuditedLog for the club of the session."""

    def __init__(self, session: Session, window: int = WINDOW) -> None:
        self._session = session
        self._engine = session.database.dialect.name
        self._window = window

    async def head(self) -> HeadRow | None:
        found = await self._all(sql.HEADS, sql.HEAD)
        return found[0] if found else None

    async def extent(self) -> Extent:
        highest, last = await self._values(sql.HIGHEST_LEAF), await self._values(sql.LAST_TILE)
        tile, length = last[0] if last else (None, None)
        return Extent(highest_leaf=highest[0][0] if highest else None, last_tile=tile, last_tile_bytes=length)

    async def partners(self) -> Sequence[Raw]:
        clubs = {club for row in await self._values(sql.PARTNERS) for club in row}
        return [canonical(sql.event.c.club_id, club, self._engine) for club in clubs]

    async def keys(self) -> Sequence[KeyRow]:
        return await self._all(sql.KEYS, sql.KEY)

    def checkpoints(self) -> AsyncIterator[Sequence[CheckpointRow]]:
        return self._windows(sql.CHECKPOINTS, self._of(sql.CHECKPOINT))

    async def last_checkpoint(self) -> CheckpointRow | None:
        found = await self._all(sql.LAST_CHECKPOINT, sql.CHECKPOINT)
        return found[0] if found else None

    async def anchors(self) -> AsyncIterator[Sequence[AnchorRow]]:
        async for window in self._windows(sql.ANCHORS, list):
            yield [AnchorRow(*sql.ANCHOR.of(row[:2], self._engine), signed=bool(row[2])) for row in window]

    def all_tiles(self) -> AsyncIterator[Sequence[TileRow]]:
        return self._windows(sql.ALL_TILES, self._of(sql.TILE), most=TILES)

    async def tiles(self, wanted: Collection[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        found: dict[tuple[int, int], bytes] = {}
        for level in sorted({level for level, _index in wanted}):
            indices = [index for of_level, index in wanted if of_level == level]
            for row in await self._all(sql.TILES, sql.TILE, level=level, indices=indices):
                if isinstance(row.place, int) and isinstance(row.hashes, bytes):
                    found[level, row.place] = row.hashes
        return found

    async def entries(self, start: int, end: int) -> Sequence[Entry]:
        return await self._entries(sql.ENTRIES, start=start, end=end)

    def leaves_beyond(self, size: int) -> AsyncIterator[Sequence[Entry]]:
        return self._windows(sql.LEAVES_BEYOND, self._entry, size=size)

    async def lost(self, start: int, end: int) -> Sequence[LostRow]:
        return await self._all(sql.LOST, sql.LOST_LEAF, start=start, end=end)

    def lost_beyond(self, size: int) -> AsyncIterator[Sequence[LostRow]]:
        return self._windows(sql.LOST_BEYOND, self._of(sql.LOST_LEAF), size=size)

    async def unplaced(self) -> AsyncIterator[Sequence[Entry]]:
        async for window in self._windows(sql.UNPLACED, self._entry):
            waiting = await self._waiting([entry.event_id for entry in window])
            yield [entry._replace(waiting=entry.event_id in waiting) for entry in window]

    def without_record(self) -> AsyncIterator[Sequence[EventRow]]:
        return self._windows(sql.WITHOUT_RECORD, self._of(sql.EVENT))

    def of_types(self, types: Collection[str]) -> AsyncIterator[Sequence[Entry]]:
        return self._windows(sql.OF_TYPES, self._entry, types=list(types))

    async def newest(self, kind: str, keys: Collection[str]) -> Sequence[Entry]:
        return await self._entries(sql.NEWEST, kind=kind, ids=ids(keys)) if keys else ()

    async def history(self, kind: str, key: str) -> Sequence[Entry]:
        return await self._entries(sql.HISTORY, kind=kind, ids=ids([key]))

    async def by_event(self, events: Collection[str]) -> Sequence[Entry]:
        return await self._entries(sql.BY_EVENT, ids=ids(events)) if events else ()

    async def disclosures(self, events: Collection[str]) -> Sequence[DisclosureRow]:
        return await self._all(sql.DISCLOSURES, sql.DISCLOSURE, ids=ids(events)) if events else ()

    def disclosures_without_record(self) -> AsyncIterator[Sequence[DisclosureRow]]:
        return self._windows(sql.DISCLOSURES_WITHOUT_RECORD, self._of(sql.DISCLOSURE))

    async def disclosures_of(self, subject: str, limit: int) -> Sequence[DisclosureRow]:
        return await self._all(sql.DISCLOSURES_OF, sql.DISCLOSURE, ids=ids([subject]), most=limit)

    async def subjects(self, keys: Collection[str]) -> Sequence[SubjectRow]:
        return await self._all(sql.SUBJECTS, sql.SUBJECT, ids=ids(keys)) if keys else ()

    async def pending(self) -> AsyncIterator[Sequence[PendingRow]]:
        async for window in self._windows(sql.PENDING_ROWS, list):
            yield [
                PendingRow(*sql.PENDING.of(row[:3], self._engine), recorded=bool(row[3]), placed=bool(row[4]))
                for row in window
            ]

    def live(self, table: str) -> AsyncIterator[Sequence[LiveRow]]:
        return self._windows(sql.live_rows(table), self._of(sql.live(table)))

    async def live_by(self, table: str, column: str, values: Collection[str] | Collection[bytes]) -> Sequence[LiveRow]:
        wanted: list[object] = [value for value in values if isinstance(value, bytes)]
        wanted += ids(value for value in values if isinstance(value, str))
        rows = await self._values(sql.live_by(table, column), values=wanted) if wanted else ()
        return [sql.live(table).of(row, self._engine) for row in rows]

    def unspoken(self, table: str, kinds: Collection[str]) -> AsyncIterator[Sequence[LiveRow]]:
        return self._windows(sql.unspoken(table), self._of(sql.live(table)), kinds=list(kinds))

    async def gone(self, kind: str) -> AsyncIterator[Sequence[str]]:
        column = sql.event.c.aggregate_id
        async for window in self._windows(sql.gone(kind), list):
            yield [str(canonical(column, row[0], self._engine)) for row in window]

    async def count(self, table: str) -> int:
        return int((await self._values(sql.count(table)))[0][0])

    async def _waiting(self, events: Sequence[Raw]) -> set[Raw]:
        rows = await self._values(sql.WAITING, ids=ids(str(event) for event in events))
        return {canonical(sql.pending.c.event_id, row[0], self._engine) for row in rows}

    async def _entries(self, statement: Select[Any], **given: Any) -> list[Entry]:
        return [self._entry(row) for row in await self._values(statement, **given)]

    def _entry(self, row: Values) -> Entry:
        leaf = sql.LEAF.found(row[: sql.LEAF.width], self._engine)
        record = sql.RECORD.found(row[sql.LEAF.width : sql.LEAF.width + sql.RECORD.width], self._engine)
        event = sql.EVENT.found(row[sql.LEAF.width + sql.RECORD.width :], self._engine)
        place, event_id = leaf or (None, record.event_id if record else None)
        return Entry(place=place, event_id=event_id, record=record, event=event)

    def _of(self, shape: Reads[T]) -> Callable[[Values], T]:
        return lambda row: shape.of(row, self._engine)

    async def _values(self, statement: Select[Any], **given: Any) -> Sequence[Values]:
        return await self._session.tuples(statement, **given)

    async def _all(self, statement: Select[Any], shape: Shape[T], **given: Any) -> list[T]:
        return [shape.of(row, self._engine) for row in await self._values(statement, **given)]

    async def _windows(
        self, paged: sql.Paged, make: Callable[[Values], T], *, most: int | None = None, **given: Any
    ) -> AsyncIterator[list[T]]:
        most = most or self._window
        rows = await self._values(paged.first, most=most, **given)
        while rows:
            yield [make(row[: -paged.width]) for row in rows]
            if len(rows) < most:
                return
            after = {f"after_{at}": value for at, value in enumerate(rows[-1][-paged.width :])}
            rows = await self._values(paged.next, most=most, **after, **given)


class SqlAuditedLogs:
    """Implements ports.audit.AuditedLogs."""

    def __init__(self, database: Database, window: int = WINDOW) -> None:
        self._database = database
        self._window = window

    async def directory(self) -> Sequence[DirectoryRow]:
        async with self._database.snapshot(None) as session:
            rows = await session.tuples(sql.DIRECTORY_ROWS)
        return [sql.DIRECTORY.of(row, self._database.dialect.name) for row in rows]

    @asynccontextmanager
    async def of(self, club: UUID) -> AsyncIterator[SqlAuditedLog]:
        async with self._database.snapshot(club) as session:
            yield SqlAuditedLog(session, self._window)
