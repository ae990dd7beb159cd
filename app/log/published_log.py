"""One log as it was published, for whoever has to lean on it: its signed checkpoint, and its leaves' commitments."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.log.publisher import CHECKPOINT
from app.log.trees import hashes_of
from core.log.audit.trees import differing
from core.log.errors import MalformedTile
from core.log.merkle import HASH_SIZE
from core.log.records import commitment_of_leaf, leaf_of
from core.log.tiles import TILE_WIDTH, EntryBundle, Tile, decode_entries, tile_at
from ports.log import Log, Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLog:
    """As far as its checkpoint of `size` leaves reaches. Nothing of it is believed here."""

    publication: Publication
    origin: str
    size: int

    async def note(self) -> str:
        """The signed checkpoint."""
        return (await self.publication.get(self.origin, CHECKPOINT) or b"").decode(errors="replace")

    async def commitments(self, start: int, end: int) -> Sequence[bytes]:
        """Those of the leaves start <= index < end; raises MalformedTile where a bundle is missing or is none."""
        found: list[bytes] = []
        for number in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
            found += await self._bundle(number)
        first = start // TILE_WIDTH * TILE_WIDTH
        return found[start - first : end - first]

    async def difference(self, log: Log, stored: int) -> str:
        """Why entries and stored leaves do not lead to the published root, as far as the published tiles can tell."""
        for number in range(-(-self.size // TILE_WIDTH)):
            start, tile = number * TILE_WIDTH, await self._hashes(number)
            here = tile_at(0, number, stored) if start < stored else None
            held = await hashes_of(log, here) if here is not None else b""
            if wrong := differing(held, tile[: len(held)]):
                return f"the database has another leaf {start + wrong[0]} than was published"
            entries = b"".join([leaf_of(each) for each in await self._bundle(number)])
            if wrong := differing(entries, tile):
                return f"the published entry of leaf {start + wrong[0]} is not that of the published tile"
        return "the published entries do not lead to the root of the published checkpoint"

    async def _bundle(self, number: int) -> Sequence[bytes]:
        width = tile_at(0, number, self.size).width
        data = await self._widest(EntryBundle(number, width), EntryBundle(number))
        entries = decode_entries(data)[:width]
        if len(entries) < width:
            raise MalformedTile(f"{EntryBundle(number, width).path} is published with too few entries")
        return [commitment_of_leaf(entry) for entry in entries]

    async def _hashes(self, number: int) -> bytes:
        tile = tile_at(0, number, self.size)
        return (await self._widest(tile, Tile(0, number)))[: tile.width * HASH_SIZE]

    async def _widest(self, wanted: Tile | EntryBundle, full: Tile | EntryBundle) -> bytes:
        """A partial file goes once the full one is there, which readers then take instead."""
        for each in (wanted, full):
            data = await self.publication.get(self.origin, each.path)
            if data is not None:
                return data
        raise MalformedTile(f"{wanted.path} is not among what was published")
