"""Proofs and roots out of a stored log: the tiles that they need are read first, the mathematics is the core's."""

from collections.abc import Iterable

from core.log.errors import MalformedTile
from core.log.merkle import HASH_SIZE
from core.log.records import leaf_of
from core.log.tiles import (
    TILE_WIDTH,
    Tile,
    consistency_from_tiles,
    inclusion_from_tiles,
    root_from_tiles,
    tile_root,
    tiles_for_consistency,
    tiles_for_inclusion,
    tiles_for_root,
)
from ports.log import Log


async def inclusion(log: Log, index: int, size: int) -> tuple[bytes, ...]:
    """The inclusion proof of leaf `index` in the tree of `size` leaves."""
    read = await _reader(log, tiles_for_inclusion(index, size))
    return inclusion_from_tiles(index, size, read)


async def consistency(log: Log, old: int, new: int) -> tuple[bytes, ...]:
    """The consistency proof between two sizes; empty from 0, where there is nothing to be consistent with."""
    if old in (0, new):
        return ()
    read = await _reader(log, tiles_for_consistency(old, new))
    return consistency_from_tiles(old, new, read)


async def root_at(log: Log, size: int) -> bytes:
    """The root that the log had at `size`."""
    read = await _reader(log, tiles_for_root(size))
    return root_from_tiles(size, read)


async def _reader(log: Log, tiles: Iterable[Tile]) -> "_Tiles":
    return _Tiles(dict(await log.tiles([tile.at for tile in tiles])))


class _Tiles:
    def __init__(self, tiles: dict[tuple[int, int], bytes]) -> None:
        self._tiles = tiles

    def __call__(self, level: int, index: int) -> bytes:
        return self._tiles.get((level, index), b"")


async def hashes_of(log: Log, tile: Tile) -> bytes:
    """The hashes of a tile as wide as it is asked for; the stored one may be wider, or it raises MalformedTile."""
    stored = (await log.tiles([tile.at])).get(tile.at, b"")
    if len(stored) < tile.width * HASH_SIZE:
        raise MalformedTile(f"tile {tile.at} is not as wide as the tree needs")
    return stored[: tile.width * HASH_SIZE]


async def wrong_tile(log: Log, tiles: Iterable[Tile]) -> Tile | None:
    """The lowest of these tiles that does not follow from the leaves or the tiles below it; None where all do."""
    for tile in sorted(tiles, key=lambda each: each.at):
        if await hashes_of(log, tile) != await _from_below(log, tile):
            return tile
    return None


async def _from_below(log: Log, tile: Tile) -> bytes:
    start = tile.index * TILE_WIDTH
    if tile.level == 0:
        return b"".join([leaf_of(commitment) for commitment in await log.entries(start, start + tile.width)])
    below = [Tile(tile.level - 1, index) for index in range(start, start + tile.width)]
    return b"".join([tile_root(await hashes_of(log, each)) for each in below])
