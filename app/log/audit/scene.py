"""One club under audit: its rows, what is known of it, and what the checks have found out for each other so far."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from core.log.audit.findings import IN_THE_LOG, Check, Code, Finding
from core.log.audit.records import Examined
from core.log.audit.rows import Entry, LiveRow, RecordRow
from core.log.audit.states import LastWord
from core.log.errors import LogInvalid
from core.log.evidence import Signatures
from core.log.rebuilding import Stretch
from core.log.records import Record
from core.log.tiles import Coordinate, Tile, root_from_tiles, tiles_for_root
from core.log.trust import KeyRange, LedgerTrust
from ports.audit import AuditedLog
from ports.ledger import LedgerHead
from ports.log import Publication
from shared.events import Event

_TILES_KEPT = 1000

Found = Callable[[Finding], None]
Tell = Callable[[Check, int, int], None]
"""Told what is being checked, how much of it is done, and how much there is; 0 where that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An aggregate: its live row, if there is one, and what the log can be trusted to have said of it last.

    `last` is None for one that records speak of and that never came to be.
    """

    id: str
    row: LiveRow | None
    record: Record
    event: Event
    last: LastWord | None


class Parsed(NamedTuple):
    """What a record's row says by itself."""

    examined: Examined
    record: Record | None
    reason: str
    event: Event | None


@dataclass(kw_only=True)
class Scene:
    """`origins` are those of every club, by id. What the checks note here is bounded by what they find."""

    look: AuditedLog
    club: UUID
    origin: str
    origins: Mapping[str, str]
    events: Mapping[str, type[Event]]
    erasures: Collection[str]
    checks: Collection[Check]
    signatures: Signatures
    trust: LedgerTrust
    anchored: LedgerHead | None
    keys: Sequence[KeyRange]
    """Those that the ledger has of the log."""
    rotating: bool
    """Whether a wish to rotate waits, so that the ledger may know the next key already."""
    publication: Publication | None
    found: Found
    tell: Tell
    size: int = 0
    mended: dict[Coordinate, bytes] = field(default_factory=dict)
    torn: bool = False
    """Some tiles contradict each other, and nothing says which is right."""
    blamed: set[int] = field(default_factory=set)
    """Leaves whose hash in the tile is to blame, and not their record."""
    vacant: dict[bytes, int] = field(default_factory=dict)
    """Leaf hashes whose record is not where it should be."""
    doubtful: set[tuple[str, str]] = field(default_factory=set)
    """Aggregates of which a record or an event is bad: their rows cannot be compared."""
    secondary: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    """Aggregates that an event left beside the one that it is about: version and event of the last."""
    lost: list[Stretch] = field(default_factory=list)
    """Leaves without their record, as a rebuild declared."""
    erased: set[str] = field(default_factory=set)
    bad_keys: set[str] = field(default_factory=set)
    """Subjects whose key is gone or another than it was."""
    parsed: dict[RecordRow, Parsed] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)
    """How many records there are of each type."""
    first_bad: int | None = None
    _cached: dict[Coordinate, bytes] = field(default_factory=dict)
    intact: tuple[int, str | None] | None = None
    """Size and time of the newest anchor that still holds."""
    findings: int = 0

    def does(self, check: Check) -> bool:
        return check in self.checks

    def report(
        self,
        code: Code,
        table: str,
        detail: str,
        *,
        record: str | None = None,
        kind: str | None = None,
        id: str | None = None,
        field: str | None = None,
        index: int | None = None,
        tile: Coordinate | None = None,
        key: str | None = None,
    ) -> None:
        """Hand out a finding, and remember where the log itself begins to be another than it was."""
        self.findings += 1
        if index is not None and code in IN_THE_LOG:
            self.first_bad = index if self.first_bad is None else min(index, self.first_bad)
        self.found(
            Finding(
                code=code,
                origin=self.origin,
                table=table,
                detail=detail,
                record=record,
                kind=kind,
                id=id,
                field=field,
                index=index,
                tile=tile,
                key=key,
            )
        )

    def doubt(self, entry: Entry, record: Record | None, event: Event | None) -> None:
        """Note every aggregate that a bad record or event may have been about."""
        if entry.event is not None:
            self.doubtful.add((str(entry.event.kind), str(entry.event.aggregate_id)))
        for state in record.after if record else ():
            self.doubtful.add((state.kind, state.id))
        if event is not None:
            kind, key, _version = event.about
            self.doubtful.add((kind, str(key)))

    async def stored_tiles(self, wanted: Iterable[Coordinate]) -> dict[Coordinate, bytes]:
        """The tiles as they are stored."""
        places = set(wanted)
        missing = places - self._cached.keys()
        if missing:
            self.keep_tiles(dict.fromkeys(missing, b"") | dict(await self.look.tiles(missing)))
        return {at: hashes for at in places if (hashes := self._cached.get(at))}

    def keep_tiles(self, tiles: Mapping[Coordinate, bytes]) -> None:
        """Tiles that were read, kept for those who need them next; there are never many."""
        if len(self._cached) > _TILES_KEPT:
            self._cached.clear()
        self._cached.update(tiles)

    async def tiles(self, wanted: Iterable[Tile]) -> dict[Coordinate, bytes]:
        """The tiles as they are stored or, where that is known to be wrong, as they have to be."""
        places = [tile.at for tile in wanted]
        found = await self.stored_tiles(places)
        return {**found, **{at: self.mended[at] for at in places if at in self.mended}}

    async def root_at(self, size: int) -> bytes | None:
        """The root that the stored tree had at a size; None where tiles that it needs are missing."""
        return (await self.roots_at([size])).get(size)

    async def roots_at(self, sizes: Iterable[int]) -> dict[int, bytes]:
        """The same for many sizes, as far as there are tiles."""
        wanted = {size for size in sizes if size <= self.size}
        tiles = await self.tiles({tile for size in wanted for tile in tiles_for_root(size)})
        return {size: root for size in wanted if (root := root_of(size, tiles)) is not None}


def root_of(size: int, tiles: Mapping[Coordinate, bytes]) -> bytes | None:
    """The root of `size` leaves out of these tiles; None where some are missing."""
    try:
        return root_from_tiles(size, lambda level, index: tiles.get((level, index), b""))
    except LogInvalid:
        return None
