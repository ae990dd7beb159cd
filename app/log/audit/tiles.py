"""Tiles: all there, none too many, and upper ones the sums of lower ones; where not, which of the two is to blame."""

from app.log.audit.scene import Scene, root_of
from core.log.audit.findings import Code
from core.log.audit.rows import TileRow
from core.log.audit.trees import Blame, all_tiles, blame, differing, hash_at, leaves_below, parent_of, with_hash
from core.log.errors import MalformedRecord
from core.log.merkle import HASH_SIZE
from core.log.records import leaf_of
from core.log.tiles import TILE_BYTES, TILE_WIDTH, Coordinate, Tile, tile_at, tile_root, tiles_for_root


async def check_tiles(scene: Scene) -> None:
    """Goes through the stored tiles, lowest level first, beside those that there have to be."""
    expected = all_tiles(scene.size)
    wanted = next(expected, None)
    async for window in scene.look.all_tiles():
        sound: dict[Tile, bytes] = {}
        for row in window:
            at = _place(row)
            while wanted is not None and at is not None and wanted.at < at:
                await _missing(scene, wanted)
                wanted = next(expected, None)
            if wanted is None or at != wanted.at:
                scene.report(Code.TILE_STRAY, "tile", "no such tile at this size", tile=at, key=f"{row[:2]}")
                continue
            if isinstance(row.hashes, bytes) and len(row.hashes) == wanted.width * HASH_SIZE:
                sound[wanted] = row.hashes
            else:
                await _malformed(scene, wanted)
            wanted = next(expected, None)
        scene.keep_tiles({tile.at: hashes for tile, hashes in sound.items()})
        await _compare_with_upper(scene, sound)
    while wanted is not None:
        await _missing(scene, wanted)
        wanted = next(expected, None)


async def check_edge(scene: Scene, claims: list[tuple[int, bytes]]) -> None:
    """The last level-0 tile, which no upper one sums up: where it and the records differ, claimed roots decide."""
    if scene.size % TILE_WIDTH == 0:
        return
    whole = [(size, root) for size, root in claims if size == scene.size]
    if whole and await _all_hold(scene, whole):
        return
    edge = tile_at(0, scene.size // TILE_WIDTH, scene.size)
    rebuilt, stored = await _rebuilt(scene, edge), (await scene.tiles([edge])).get(edge.at, b"")
    if rebuilt is None or rebuilt == stored or edge.at in scene.mended:
        return
    wrong = [edge.index * TILE_WIDTH + position for position in differing(stored, rebuilt)]
    covering = [(size, root) for size, root in claims if wrong[0] < size <= scene.size]
    if await _any_holds(scene, covering, {}):
        return
    if await _any_holds(scene, covering, {edge.at: rebuilt}):
        scene.mended[edge.at] = rebuilt
    else:
        scene.torn = True
    _report_leaves(scene, edge, wrong)


async def _all_hold(scene: Scene, claims: list[tuple[int, bytes]]) -> bool:
    roots = await scene.roots_at([size for size, _root in claims])
    return all(roots.get(size) == root for size, root in claims)


async def _any_holds(scene: Scene, claims: list[tuple[int, bytes]], instead: dict[Coordinate, bytes]) -> bool:
    for size, root in claims:
        tiles = {**await scene.tiles(tiles_for_root(size)), **instead}
        if root_of(size, tiles) == root:
            return True
    return False


async def _compare_with_upper(scene: Scene, sound: dict[Tile, bytes]) -> None:
    full = {tile: hashes for tile, hashes in sound.items() if len(hashes) == TILE_BYTES and tile.at not in scene.mended}
    if not full:
        return
    uppers = await scene.stored_tiles(parent_of(tile)[0] for tile in full)
    for tile, hashes in full.items():
        above, position = parent_of(tile)
        claimed = hash_at(uppers.get(above, b""), position)
        if claimed and claimed != tile_root(hashes):
            await _decide(scene, tile, hashes, claimed, uppers[above])


async def _decide(scene: Scene, lower: Tile, hashes: bytes, claimed: bytes, upper: bytes) -> None:
    above, position = parent_of(lower)
    rebuilt = await _rebuilt(scene, lower)
    match blame(hashes, claimed, rebuilt):
        case Blame.LOWER if rebuilt is not None:
            scene.mended[lower.at] = rebuilt
            _report_lower(scene, lower, differing(hashes, rebuilt))
        case Blame.UPPER:
            scene.mended[above] = with_hash(scene.mended.get(above, upper), position, tile_root(hashes))
            _report_upper(scene, above, lower)
        case _:
            scene.torn = True
            _report_upper(scene, above, lower)
            _report_lower(scene, lower, differing(hashes, rebuilt or b"") if rebuilt else [])


def _report_lower(scene: Scene, tile: Tile, positions: list[int]) -> None:
    if tile.level == 0:
        _report_leaves(scene, tile, [tile.index * TILE_WIDTH + position for position in positions])
        return
    detail = f"hashes {positions} are not those of the tiles below; {_window(tile.at)}"
    scene.report(Code.TILE_MISMATCH, "tile", detail, tile=tile.at)


def _report_leaves(scene: Scene, tile: Tile, leaves: list[int]) -> None:
    scene.blamed.update(leaves)
    for index in leaves:
        detail = "the hash in the tile is not that of the record, nor what the tree above it says"
        scene.report(Code.TILE_MISMATCH, "tile", detail, tile=tile.at, index=index)


def _report_upper(scene: Scene, above: Coordinate, lower: Tile) -> None:
    detail = f"the hash of tile {lower.at} in it is not that tile's; {_window(lower.at)}"
    scene.report(Code.TILE_MISMATCH, "tile", detail, tile=above)


async def _missing(scene: Scene, tile: Tile) -> None:
    scene.report(Code.TILE_MISSING, "tile", f"no such row; {_window(tile.at)}", tile=tile.at)
    await _mend(scene, tile)


async def _malformed(scene: Scene, tile: Tile) -> None:
    scene.report(Code.TILE_MALFORMED, "tile", f"not {tile.width} hashes; {_window(tile.at)}", tile=tile.at)
    await _mend(scene, tile)


async def _mend(scene: Scene, tile: Tile) -> None:
    rebuilt = await _rebuilt(scene, tile)
    if rebuilt is None:
        scene.torn = True
    else:
        scene.mended[tile.at] = rebuilt


async def _rebuilt(scene: Scene, tile: Tile) -> bytes | None:
    """The tile made anew from the records or tiles below it; None where some are missing."""
    start = tile.index * TILE_WIDTH
    if tile.level == 0:
        hashes = await _leaf_hashes(scene, start, start + tile.width)
    else:
        below = [Tile(tile.level - 1, index) for index in range(start, start + tile.width)]
        tiles = await scene.tiles(below)
        hashes = [tile_root(tiles[each.at]) for each in below if len(tiles.get(each.at, b"")) == TILE_BYTES]
    return b"".join(hashes) if len(hashes) == tile.width else None


async def _leaf_hashes(scene: Scene, start: int, end: int) -> list[bytes]:
    commitments = {row.place: row.commitment for row in await scene.look.lost(start, end)}
    for entry in await scene.look.entries(start, end):
        commitments[entry.place] = entry.record.commitment if entry.record else None
    found = []
    for index in range(start, end):
        commitment = commitments.get(index)
        try:
            found.append(leaf_of(commitment if isinstance(commitment, bytes) else b""))
        except MalformedRecord:
            continue
    return found


def _place(row: TileRow) -> Coordinate | None:
    return (row.level, row.place) if isinstance(row.level, int) and isinstance(row.place, int) else None


def _window(at: Coordinate) -> str:
    leaves = leaves_below(*at)
    return f"leaves {leaves.start} to {leaves.stop - 1}"
