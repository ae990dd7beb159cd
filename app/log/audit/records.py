"""Records: each against its leaf, its event row and its personal values; records and leaves without each other."""

from collections.abc import Iterator, Mapping, Sequence

from app.log.audit.losses import Losses
from app.log.audit.openings import Openings
from app.log.audit.reading import Reading, read
from app.log.audit.scene import Scene
from core.log.audit.findings import Check, Code
from core.log.audit.records import Fault, commitment_fault, event_faults, leaf_fault, record_faults
from core.log.audit.rows import Entry, EventRow, Raw
from core.log.audit.trees import hash_at
from core.log.tiles import TILE_WIDTH, Coordinate, Tile

_TILES_AT_ONCE = 4
_OF_EVENTS = frozenset({Code.EVENT_MISSING, Code.EVENT_MISMATCH})
WINDOW = _TILES_AT_ONCE * TILE_WIDTH


class Records:
    """The checks of one club's records, window by window of leaves, and then of what has no leaf."""

    def __init__(self, scene: Scene, losses: Losses) -> None:
        self._scene = scene
        self._losses = losses
        self._openings = Openings(scene)
        self._missing: set[Raw] = set()

    async def check(self) -> None:
        scene = self._scene
        if scene.does(Check.DISCLOSURES):
            await self._openings.begin()
        if scene.does(Check.LEAVES):
            await self._losses.begin()
        for start in range(0, scene.size, WINDOW):
            scene.tell(Check.EVENTS, start, scene.size)
            await self._window(start, min(start + WINDOW, scene.size))
        await self._beyond()
        if scene.does(Check.LEAVES):
            await self._losses.finish()
        await self._unplaced()
        if scene.does(Check.EVENTS):
            await self._without_record()
        if scene.does(Check.DISCLOSURES):
            await self._openings.finish()
        scene.tell(Check.EVENTS, scene.size, scene.size)

    async def _window(self, start: int, end: int) -> None:
        scene = self._scene
        wanted = [Tile(0, index) for index in range(start // TILE_WIDTH, -(-end // TILE_WIDTH))]
        tiles = await scene.tiles(wanted)
        entries = {entry.place: entry for entry in await scene.look.entries(start, end)}
        if scene.does(Check.LEAVES):
            await self._losses.window(start, end)
        readings = []
        for index in range(start, end):
            leaf = _leaf(tiles, index)
            entry = entries.get(index)
            if entry is None or entry.record is None:
                self._vacant(index, entry, leaf)
            else:
                readings.append(read(scene, entry, entry.record, leaf=leaf, index=index))
        self._losses.contradicted()
        await self._judge(readings)

    async def _judge(self, readings: Sequence[Reading]) -> None:
        self._scene.told.update(reading.record.type for reading in readings if reading.record is not None)
        for reading in readings:
            faults = list(self._faults(reading))
            for fault in faults:
                self._report(reading, fault)
            if faults:
                self._scene.doubt(reading.entry, reading.record, reading.event)
            if all(fault.code in _OF_EVENTS for fault in faults):
                self._note(reading)
        if self._scene.does(Check.DISCLOSURES):
            await self._openings.check(readings)

    def _faults(self, reading: Reading) -> Iterator[Fault]:
        scene, record = self._scene, reading.record
        found = leaf_fault(reading.examined, reading.leaf)
        if found and scene.does(Check.LEAVES):
            yield found
        found = commitment_fault(reading.examined, reading.leaf)
        if found and scene.does(Check.COMMITMENTS):
            yield found
        if not scene.does(Check.EVENTS):
            return
        if record is None:
            yield Fault(Code.RECORD_MALFORMED, "data", reading.reason)
            return
        yield from record_faults(reading.row, record, scene.origin)
        if reading.entry.event is None:
            yield Fault(Code.EVENT_MISSING, None, f"there is no row of this event ({record.type})")
        else:
            yield from event_faults(reading.entry.event, record, reading.event)

    def _report(self, reading: Reading, fault: Fault) -> None:
        scene, record = self._scene, reading.record
        if fault.code is Code.LEAF_MISMATCH and reading.leaf is not None and reading.index is not None:
            scene.vacant[reading.leaf] = reading.index
        state = record.after[0] if record is not None and record.after else None
        scene.report(
            fault.code,
            "event" if fault.code in _OF_EVENTS else "record",
            fault.detail,
            record=reading.event_id,
            kind=state.kind if state else None,
            id=state.id if state else None,
            field=fault.field,
            index=reading.index,
        )

    def _note(self, reading: Reading) -> None:
        """What a record that the log vouches for lets other checks know, whatever became of its event row."""
        scene, record, event = self._scene, reading.record, reading.event
        if record is None or event is None:
            return
        if record.type in scene.erasures:
            scene.erased.add(str(event.about[1]))
        for state in record.after[1:]:
            known = scene.secondary.get((state.kind, state.id), (-1, ""))
            scene.secondary[state.kind, state.id] = max(known, (state.version, record.id))

    def _vacant(self, index: int, entry: Entry | None, leaf: bytes | None) -> None:
        scene = self._scene
        if entry is None and self._losses.explains(index, leaf):
            return
        if leaf is not None:
            scene.vacant[leaf] = index
        if entry is not None:
            scene.doubt(entry, None, None)
        if not scene.does(Check.LEAVES):
            return
        if entry is None:
            scene.report(Code.LEAF_MISSING, "leaf", "no such row: a leaf or a record was deleted", index=index)
            return
        self._missing.add(entry.event_id)
        kind, aggregate_id = _about(entry.event)
        detail, record = "the record of this leaf is not here", str(entry.event_id)
        scene.report(Code.RECORD_MISSING, "record", detail, record=record, kind=kind, id=aggregate_id, index=index)

    async def _beyond(self) -> None:
        async for window in self._scene.look.leaves_beyond(self._scene.size):
            readings = [read(self._scene, entry, entry.record) for entry in window if entry.record is not None]
            self._scene.told.update(reading.record.type for reading in readings if reading.record is not None)
            for entry in window if self._scene.does(Check.LEAVES) else ():
                index = entry.place if isinstance(entry.place, int) else None
                detail = f"a leaf beyond the log's {self._scene.size}"
                key = str(entry.place)
                self._scene.report(Code.LEAF_STRAY, "leaf", detail, record=str(entry.event_id), index=index, key=key)

    async def _unplaced(self) -> None:
        scene = self._scene
        async for window in scene.look.unplaced():
            readings = [read(scene, entry, entry.record) for entry in window if entry.record is not None]
            for reading in readings:
                if not reading.entry.waiting:
                    self._lost(reading)
            await self._judge(readings)

    def _lost(self, reading: Reading) -> None:
        """A record that nobody will integrate: forged, unless it is the one that a leaf misses."""
        scene = self._scene
        index = scene.vacant.get(reading.examined.opened or b"")
        if index is None:
            scene.doubt(reading.entry, reading.record, reading.event)
        if scene.does(Check.PLACES):
            detail = "it has neither a leaf nor a pending row"
            detail += (
                "; no leaf of this log commits to it" if index is None else f"; it is what leaf {index} commits to"
            )
            scene.report(Code.RECORD_UNPLACED, "record", detail, record=reading.event_id, index=index)

    async def _without_record(self) -> None:
        async for window in self._scene.look.without_record():
            for event in window:
                kind, aggregate_id = _about(event)
                self._scene.doubtful.add((str(kind), str(aggregate_id)))
                if event.id not in self._missing:
                    detail, record = f"the event ({event.type!s}) has no record in this log", str(event.id)
                    self._scene.report(Code.RECORD_MISSING, "record", detail, record=record, kind=kind, id=aggregate_id)


def _about(event: EventRow | None) -> tuple[str | None, str | None]:
    return (None, None) if event is None else (str(event.kind), str(event.aggregate_id))


def _leaf(tiles: Mapping[Coordinate, bytes], index: int) -> bytes | None:
    return hash_at(tiles.get((0, index // TILE_WIDTH), b""), index % TILE_WIDTH) or None
