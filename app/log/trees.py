"""Proofs and roots out of a stored log: the tiles that they need are read first, the mathematics is the core's."""

from collections.abc import Iterable

from core.log.merkle import HASH_SIZE
from core.log.tiles import (
    Tile,
    consistency_from_tiles,
    inclusion_from_tiles,
    root_from_tiles,
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
    """The hashes of a tile as wide as it is asked for; the stored one may be wider by now."""
    stored = (await log.tiles([tile.at])).get(tile.at, b"")
    return stored[: tile.width * HASH_SIZE]
