"""Publication: what a signed checkpoint covers, laid out as tlog-tiles, before the checkpoint that promises it."""

from dataclasses import dataclass

from app.log.cosigned import joined
from app.log.trees import hashes_of
from core.log.checkpoints import Checkpoint, parse_checkpoint
from core.log.notes import parse_note
from core.log.records import leaf_data
from core.log.tiles import TILE_HEIGHT, TILE_WIDTH, EntryBundle, Tile, encode_entries, tile_at
from ports.log import Log, Publication, StoredCheckpoint

CHECKPOINT = "checkpoint"


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """Writes tiles and entry bundles first, the checkpoint last, so that a reader never misses what it names."""

    publication: Publication

    async def publish(self, log: Log, checkpoint: StoredCheckpoint | None) -> bool:
        """Bring the publication up to a checkpoint and its cosignatures; False, with nothing done, when it is there."""
        if checkpoint is None:
            return False
        head = await log.head()
        newest = await self.published(head.origin)
        published = 0 if newest is None else newest.size
        if published > checkpoint.size:
            return False
        note = (await joined(log, checkpoint)).encode()
        if published == checkpoint.size and await self.publication.get(head.origin, CHECKPOINT) == note:
            return False
        for tile in grown_tiles(published, checkpoint.size):
            await self.publication.put(head.origin, tile.path, await hashes_of(log, tile))
        for bundle in grown_bundles(published, checkpoint.size):
            await self.publication.put(head.origin, bundle.path, await entries_of(log, bundle))
        await self.publication.put(head.origin, CHECKPOINT, note)
        return True

    async def published(self, origin: str) -> Checkpoint | None:
        """The newest checkpoint that was published; whether its signature holds is not asked."""
        note = await self.publication.get(origin, CHECKPOINT)
        return None if note is None else parse_checkpoint(parse_note(note.decode(errors="replace")).text)


def grown_tiles(old: int, new: int) -> list[Tile]:
    """The tiles of a tree of `new` leaves that a tree of `old` leaves does not have, or has less wide."""
    tiles, level = [], 0
    while new >> TILE_HEIGHT * level:
        first = (old >> TILE_HEIGHT * level) // TILE_WIDTH
        count = -(-(new >> TILE_HEIGHT * level) // TILE_WIDTH)
        tiles += [tile_at(level, index, new) for index in range(first, count)]
        level += 1
    return tiles


def grown_bundles(old: int, new: int) -> list[EntryBundle]:
    """The entry bundles behind the level-0 tiles that grew."""
    return [EntryBundle(tile.index, tile.width) for tile in grown_tiles(old, new) if tile.level == 0]


async def entries_of(log: Log, bundle: EntryBundle) -> bytes:
    """An entry bundle out of the stored records."""
    start = bundle.index * TILE_WIDTH
    return encode_entries([leaf_data(commitment) for commitment in await log.entries(start, start + bundle.width)])
