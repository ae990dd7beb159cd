"""Merkle trees kept as C2SP tlog-tiles: paths, appending at the right edge, proofs out of tiles, entry bundles."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from core.log.errors import MalformedTile
from core.log.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    MAX_SIZE,
    HashReader,
    Node,
    Span,
    consistency_proof,
    consistency_spans,
    inclusion_proof,
    inclusion_spans,
    join,
    spans,
)

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
TILE_BYTES = TILE_WIDTH * HASH_SIZE
MAX_LEVEL = 63
MAX_ENTRY = (1 << 16) - 1

Coordinate = tuple[int, int]
"""(level, index) of a tile."""

TileReader = Callable[[int, int], bytes]
"""Gives the hashes of the tile at (level, index): at least as many as the tree size in question has there."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile as published: `width` hashes of the tile at (level, index), 256 if it is full."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        return f"tile/{self.level}/{_spell(self.index, self.width)}"

    @property
    def at(self) -> Coordinate:
        return self.level, self.index


@dataclass(frozen=True, slots=True)
class EntryBundle:
    """The file with the entries behind the level-0 tile at `index`."""

    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        return f"tile/entries/{_spell(self.index, self.width)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """A grown tree: new size and root, every tile that changed, and the partial tiles to append to next time."""

    size: int
    root: bytes
    tiles: dict[Coordinate, bytes]
    edge: dict[Coordinate, bytes]


_PATH = re.compile(
    r"tile/(?P<level>0|[1-6]?[0-9]|entries)/(?P<index>(?:x[0-9]{3}/){0,8}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


def parse_path(path: str) -> Tile | EntryBundle:
    """The tile or bundle that a published path names; raises MalformedTile for every other spelling."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise MalformedTile("not a path of a tile")
    index = int(match["index"].replace("/", "").replace("x", ""))
    width = int(match["width"] or TILE_WIDTH)
    named = EntryBundle(index, width) if match["level"] == "entries" else Tile(int(match["level"]), index, width)
    if named.path != path or (isinstance(named, Tile) and named.level > MAX_LEVEL):
        raise MalformedTile("not the path of a tile")
    return named


def tile_at(level: int, index: int, size: int) -> Tile:
    """The tile at (level, index) as a tree of `size` leaves has it; raises MalformedTile where it has none."""
    width = min((size >> TILE_HEIGHT * level) - index * TILE_WIDTH, TILE_WIDTH)
    if width < 1:
        raise MalformedTile("no such tile at this size")
    return Tile(level, index, width)


def width_in(size: int, place: Tile | EntryBundle) -> int:
    """How wide a tree of `size` leaves has the tile in this place, or the one behind the bundle there; 0 for none."""
    level = place.level if isinstance(place, Tile) else 0
    return max(0, min((size >> TILE_HEIGHT * level) - place.index * TILE_WIDTH, TILE_WIDTH))


def edge_tiles(size: int) -> tuple[Tile, ...]:
    """The partial tiles of a tree, lowest first: what appending to it needs."""
    tiles = []
    level = 0
    while size:
        if size % TILE_WIDTH:
            tiles.append(Tile(level, size // TILE_WIDTH, size % TILE_WIDTH))
        size //= TILE_WIDTH
        level += 1
    return tuple(tiles)


def append(size: int, edge: Mapping[Coordinate, bytes], leaves: Sequence[bytes]) -> Appended:
    """Appends leaf hashes to a tree of `size` leaves whose partial tiles are `edge` (see `edge_tiles`)."""
    new_size = size + len(leaves)
    if size < 0 or new_size > MAX_SIZE:
        raise MalformedTile("tree size out of range")
    if any(len(leaf) != HASH_SIZE for leaf in leaves):
        raise MalformedTile("a hash is not 32 bytes long")
    present = {tile.at: _exactly(tile, edge) for tile in edge_tiles(size)}
    changed: dict[Coordinate, bytes] = {}
    level, fresh = 0, b"".join(leaves)
    while fresh:
        index = (size >> TILE_HEIGHT * level) // TILE_WIDTH
        fresh = _fill(changed, level, index, present.get((level, index), b"") + fresh)
        level += 1
    present.update(changed)
    new_edge = {tile.at: present[tile.at] for tile in edge_tiles(new_size)}
    root = root_from_tiles(new_size, lambda level, index: new_edge[level, index])
    return Appended(size=new_size, root=root, tiles=changed, edge=new_edge)


def tile_root(hashes: bytes) -> bytes:
    """The hash of a full tile, which stands in the tile above it."""
    if len(hashes) != TILE_BYTES:
        raise MalformedTile("not a full tile")
    return _fold(hashes)


def tiles_for_root(size: int) -> tuple[Tile, ...]:
    return edge_tiles(size)


def tiles_for_inclusion(index: int, size: int) -> tuple[Tile, ...]:
    """The tiles that an inclusion proof is read from, each once."""
    return _needed(inclusion_spans(index, size), size)


def tiles_for_consistency(old: int, new: int) -> tuple[Tile, ...]:
    """The tiles of the newer tree that a consistency proof is read from, each once."""
    return _needed(consistency_spans(old, new), new)


def inclusion_from_tiles(index: int, size: int, read: TileReader) -> tuple[bytes, ...]:
    return inclusion_proof(index, size, hash_reader(read))


def consistency_from_tiles(old: int, new: int, read: TileReader) -> tuple[bytes, ...]:
    return consistency_proof(old, new, hash_reader(read))


def root_from_tiles(size: int, read: TileReader) -> bytes:
    """The root of the tree of `size` leaves, which may be an older one than the tiles hold."""
    if size == 0:
        return EMPTY_ROOT
    hash_at = hash_reader(read)
    return join([hash_at(level, index) for level, index in spans(0, size)])


def hash_reader(read: TileReader) -> HashReader:
    """Reads the hash of any complete subtree out of the lowest tile that can give it with the fewest hashes."""

    def hash_at(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        tile_index, first = divmod(index << height, TILE_WIDTH)
        end = (first + (1 << height)) * HASH_SIZE
        hashes = read(tile_level, tile_index)
        if len(hashes) < end or len(hashes) > TILE_BYTES or len(hashes) % HASH_SIZE:
            raise MalformedTile(f"tile {(tile_level, tile_index)} is not as wide as the tree needs")
        return _fold(hashes[first * HASH_SIZE : end])

    return hash_at


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """An entry bundle: each entry after its length in two bytes."""
    if not 1 <= len(entries) <= TILE_WIDTH or any(len(entry) > MAX_ENTRY for entry in entries):
        raise MalformedTile("a bundle holds 1 to 256 entries below 64 KiB")
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def decode_entries(data: bytes) -> tuple[bytes, ...]:
    """The entries of a bundle; raises MalformedTile unless they fill it exactly."""
    entries: list[bytes] = []
    start = 0
    while start < len(data):
        end = start + 2 + int.from_bytes(data[start : start + 2])
        if end > len(data) or len(entries) == TILE_WIDTH:
            raise MalformedTile("entries do not fill the bundle")
        entries.append(data[start + 2 : end])
        start = end
    if not entries:
        raise MalformedTile("a bundle is never empty")
    return tuple(entries)


def _fill(changed: dict[Coordinate, bytes], level: int, index: int, hashes: bytes) -> bytes:
    """Cuts one level's hashes into tiles from `index` on; returns the hashes of the full ones, for the level above."""
    full = []
    for start in range(0, len(hashes), TILE_BYTES):
        tile = hashes[start : start + TILE_BYTES]
        changed[level, index + start // TILE_BYTES] = tile
        if len(tile) == TILE_BYTES:
            full.append(_fold(tile))
    return b"".join(full)


def _fold(hashes: bytes) -> bytes:
    """Joins adjoining hashes, a power of two of them, into one."""
    while len(hashes) > HASH_SIZE:
        pairs = range(0, len(hashes), 2 * HASH_SIZE)
        hashes = b"".join([sha256(b"\x01" + hashes[at : at + 2 * HASH_SIZE]).digest() for at in pairs])
    return hashes


def _needed(path: tuple[Span, ...], size: int) -> tuple[Tile, ...]:
    return tuple(dict.fromkeys(_home(node, size) for span in path for node in span))


def _home(node: Node, size: int) -> Tile:
    level, height = divmod(node[0], TILE_HEIGHT)
    return tile_at(level, (node[1] << height) // TILE_WIDTH, size)


def _exactly(tile: Tile, edge: Mapping[Coordinate, bytes]) -> bytes:
    hashes = edge.get(tile.at, b"")
    if len(hashes) != tile.width * HASH_SIZE:
        raise MalformedTile(f"tile {tile.at}, at the edge, is missing or not of the tree's width")
    return hashes


def _spell(index: int, width: int) -> str:
    if index < 0 or not 1 <= width <= TILE_WIDTH:
        raise MalformedTile("tile coordinates out of range")
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    number = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return number if width == TILE_WIDTH else f"{number}.p/{width}"
