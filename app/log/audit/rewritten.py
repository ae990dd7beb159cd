"""A log that was rewritten so that everything in the database fits again: the published tiles tell where."""

from collections.abc import AsyncIterator

from app.log.audit.scene import Scene
from app.log.publisher import CHECKPOINT
from core.log.audit.trees import differing
from core.log.checkpoints import parse_checkpoint
from core.log.errors import LogInvalid
from core.log.merkle import HASH_SIZE
from core.log.notes import parse_note
from core.log.tiles import TILE_WIDTH, Tile, tile_at


async def rewritten_leaves(scene: Scene, start: int) -> AsyncIterator[tuple[int, str | None]]:
    """The leaves from `start` on whose published hash is another than the stored one, and the records at them now."""
    size = min(await _published_size(scene), scene.size)
    for number in range(start // TILE_WIDTH, -(-size // TILE_WIDTH)):
        published = await _published(scene, number)
        stored = (await scene.tiles([Tile(0, number)])).get((0, number), b"")
        width = min(len(published), len(stored))
        for position in differing(published[:width], stored[:width]):
            index = number * TILE_WIDTH + position
            entries = await scene.look.entries(index, index + 1)
            yield index, str(entries[0].event_id) if entries else None


async def _published(scene: Scene, number: int) -> bytes:
    """The tile in the widest form in which it was published."""
    if scene.publication is None:
        return b""
    tile = tile_at(0, number, await _published_size(scene))
    hashes = await scene.publication.get(scene.origin, tile.path) or b""
    return hashes if len(hashes) == tile.width * HASH_SIZE else b""


async def _published_size(scene: Scene) -> int:
    note = None if scene.publication is None else await scene.publication.get(scene.origin, CHECKPOINT)
    try:
        return 0 if note is None else parse_checkpoint(parse_note(note.decode()).text).size
    except (LogInvalid, UnicodeDecodeError):
        return 0
