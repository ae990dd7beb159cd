"""Tiles of one size: which there have to be, how upper and lower ones hang together, and which of two is to blame."""

from collections.abc import Iterator
from enum import Enum, auto

from core.log.audit.rows import Extent, HeadRow, Raw
from core.log.merkle import HASH_SIZE
from core.log.tiles import TILE_BYTES, TILE_HEIGHT, TILE_WIDTH, Coordinate, Tile, tile_at, tile_root


class Blame(Enum):
    """Who is wrong where an upper tile and the lower one that it sums up disagree."""

    LOWER = auto()
    UPPER = auto()
    EITHER = auto()


def all_tiles(size: int) -> Iterator[Tile]:
    """Every tile of a tree of `size` leaves, lowest level first, as wide as it has to be."""
    level = 0
    while size >> TILE_HEIGHT * level:
        for index in range(-(-(size >> TILE_HEIGHT * level) // TILE_WIDTH)):
            yield tile_at(level, index, size)
        level += 1


def blame(lower: bytes, claimed: bytes, rebuilt: bytes | None) -> Blame:
    """`claimed` is the hash in the upper tile, `rebuilt` the lower tile made anew from what lies below it."""
    if rebuilt is None or len(rebuilt) != TILE_BYTES:
        return Blame.EITHER
    if tile_root(rebuilt) == claimed:
        return Blame.LOWER
    return Blame.UPPER if rebuilt == lower else Blame.EITHER


def hash_at(tile: bytes, position: int) -> bytes:
    return tile[position * HASH_SIZE : (position + 1) * HASH_SIZE]


def differing(one: bytes, other: bytes) -> list[int]:
    """The positions at which two tiles hold different hashes, or only one holds any."""
    longest = max(len(one), len(other))
    return [
        at // HASH_SIZE for at in range(0, longest, HASH_SIZE) if one[at : at + HASH_SIZE] != other[at : at + HASH_SIZE]
    ]


def with_hash(tile: bytes, position: int, value: bytes) -> bytes:
    """The tile with another hash at one position."""
    return tile[: position * HASH_SIZE] + value + tile[(position + 1) * HASH_SIZE :]


def parent_of(tile: Tile) -> tuple[Coordinate, int]:
    """The upper tile that holds the hash of a full one, and the position there."""
    return (tile.level + 1, tile.index // TILE_WIDTH), tile.index % TILE_WIDTH


def leaves_below(level: int, index: int) -> range:
    """The leaves that a tile sums up."""
    width = TILE_WIDTH ** (level + 1)
    return range(index * width, (index + 1) * width)


def settle_size(head: HeadRow | None, extent: Extent) -> int:
    """How many leaves the log has: what two of head, leaf rows and tiles agree on, else what can be believed at all."""
    sizes = [_count(head.size) if head else None, _after(extent.highest_leaf), _tiled(extent)]
    known = [size for size in sizes if size is not None]
    agreed = [size for size in known if known.count(size) > 1]
    return (agreed or known or [0])[0]


def _count(value: Raw) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _after(highest: Raw) -> int | None:
    return 0 if highest is None else None if (found := _count(highest)) is None else found + 1


def _tiled(extent: Extent) -> int | None:
    if extent.last_tile is None:
        return 0
    last, length = _count(extent.last_tile), _count(extent.last_tile_bytes)
    return None if last is None or length is None else last * TILE_WIDTH + length // HASH_SIZE
