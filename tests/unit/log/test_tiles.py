"""Tiles: paths, the appender against whole-tree hashing, proofs out of tiles, entry bundles."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.log.errors import LogInvalid, MalformedTile
from core.log.merkle import EMPTY_ROOT, leaf_hash, root, verify_consistency, verify_inclusion
from core.log.tiles import (
    Appended,
    EntryBundle,
    Tile,
    TileReader,
    append,
    consistency_from_tiles,
    decode_entries,
    edge_tiles,
    encode_entries,
    inclusion_from_tiles,
    parse_path,
    root_from_tiles,
    tile_at,
    tile_root,
    tiles_for_consistency,
    tiles_for_inclusion,
    tiles_for_root,
)

BIG = 66_100
SMALL = 700
LEAVES = tuple(leaf_hash(b"%d" % index) for index in range(BIG))


def grow(sizes: list[int], *, start: Appended | None = None) -> tuple[Appended, dict[tuple[int, int], bytes]]:
    """Appends batches of these sizes, keeping every tile as it was last written."""
    tree = start or append(0, {}, ())
    kept = dict(tree.tiles)
    for size in sizes:
        tree = append(tree.size, tree.edge, LEAVES[tree.size : tree.size + size])
        kept.update(tree.tiles)
    return tree, kept


def plain_tiles(size: int) -> dict[tuple[int, int], bytes]:
    """Every tile of a tree, straight from the definition in tlog-tiles."""
    tiles: dict[tuple[int, int], bytes] = {}
    hashes, level = list(LEAVES[:size]), 0
    while hashes:
        for index in range(-(-len(hashes) // 256)):
            tiles[level, index] = b"".join(hashes[index * 256 : index * 256 + 256])
        hashes = [root(hashes[at : at + 256]) for at in range(0, len(hashes) - 255, 256)]
        level += 1
    return tiles


def always(hashes: bytes) -> TileReader:
    return lambda _level, _index: hashes


@cache
def big() -> dict[tuple[int, int], bytes]:
    return grow([BIG])[1]


@settings(max_examples=60)
@given(st.lists(st.integers(0, 300), max_size=6))
def test_any_split_into_batches_gives_the_same_tiles_and_root(batches: list[int]) -> None:
    tree, tiles = grow(batches)
    size = sum(batches)
    assert (tree.size, tree.root, tiles) == (size, root(LEAVES[:size]), plain_tiles(size))
    assert tree.edge == {tile.at: tiles[tile.at] for tile in edge_tiles(size)}


@settings(max_examples=5)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=4))
def test_batches_across_the_65536_boundary_equal_one_batch(batches: list[int]) -> None:
    first, _ = grow([65_300])
    tree, tiles = grow(batches, start=first)
    size = 65_300 + sum(batches)
    assert tree.root == root(LEAVES[:size])
    whole = plain_tiles(size)
    assert {at: whole[at] for at in tiles} == tiles


@pytest.mark.parametrize("size", [255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537])
def test_appending_one_leaf_at_a_boundary_changes_only_tiles_at_the_edge(size: int) -> None:
    before, _ = grow([size])
    after = append(size, before.edge, LEAVES[size : size + 1])
    assert after.root == root(LEAVES[: size + 1])
    assert len(after.tiles) <= 3
    assert (0, size // 256) in after.tiles


def test_an_empty_batch_changes_nothing() -> None:
    before, _ = grow([300])
    after = append(before.size, before.edge, ())
    assert (after.size, after.root, after.tiles, after.edge) == (300, before.root, {}, before.edge)
    assert append(0, {}, ()).root == EMPTY_ROOT


@pytest.mark.parametrize("damage", [b"", b"\0" * 31, b"\0" * 33])
def test_the_appender_refuses_an_edge_that_is_not_of_the_trees_width(damage: bytes) -> None:
    tree, _ = grow([300])
    with pytest.raises(MalformedTile):
        append(tree.size, {**tree.edge, (0, 1): tree.edge[0, 1][:-32] + damage[:0] + damage}, LEAVES[:1])
    with pytest.raises(MalformedTile):
        append(tree.size, {(0, 1): tree.edge[0, 1]}, LEAVES[:1])


def test_the_appender_refuses_leaves_that_are_no_hashes_and_sizes_out_of_range() -> None:
    with pytest.raises(MalformedTile):
        append(0, {}, (b"short",))
    with pytest.raises(MalformedTile):
        append(-1, {}, LEAVES[:1])


@given(st.integers(1, SMALL), st.data())
def test_inclusion_proofs_from_the_announced_tiles_verify(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    wanted = {tile.at: big()[tile.at][: tile.width * 32] for tile in tiles_for_inclusion(index, size)}
    proof = inclusion_from_tiles(index, size, lambda level, at: wanted[level, at])
    verify_inclusion(LEAVES[index], index, size, proof, root(LEAVES[:size]))


@given(st.integers(1, SMALL), st.data())
def test_consistency_proofs_from_the_announced_tiles_verify(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    wanted = {tile.at: big()[tile.at][: tile.width * 32] for tile in tiles_for_consistency(old, new)}
    proof = consistency_from_tiles(old, new, lambda level, at: wanted[level, at])
    verify_consistency(old, root(LEAVES[:old]), new, root(LEAVES[:new]), proof)


@settings(max_examples=20)
@given(st.integers(65_000, BIG), st.data())
def test_proofs_across_three_levels_of_tiles_verify(size: int, data: st.DataObject) -> None:
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    head = root(LEAVES[:size])
    included = inclusion_from_tiles(index, size, lambda level, at: big()[level, at])
    verify_inclusion(LEAVES[index], index, size, included, head)
    extended = consistency_from_tiles(old, size, lambda level, at: big()[level, at])
    verify_consistency(old, root(LEAVES[:old]), size, head, extended)


@given(st.integers(0, SMALL))
def test_the_root_of_any_older_size_is_read_from_its_tiles(size: int) -> None:
    wanted = {tile.at: big()[tile.at] for tile in tiles_for_root(size)}
    assert root_from_tiles(size, lambda level, index: wanted[level, index]) == root(LEAVES[:size])


def test_no_partial_tile_is_announced_beyond_the_tree() -> None:
    needed = tiles_for_inclusion(0, 70_000)
    assert set(needed) == {Tile(0, 0), Tile(1, 0), Tile(0, 273, 112), Tile(1, 1, 17)}
    assert all(tile == tile_at(*tile.at, 70_000) for tile in needed)


def test_edge_tiles_are_those_of_the_example_in_tlog_tiles() -> None:
    assert edge_tiles(70_000) == (Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1))
    assert edge_tiles(256) == (Tile(1, 0, 1),)
    assert edge_tiles(0) == ()


def test_a_damaged_or_short_tile_gives_no_good_proof() -> None:
    tiles = dict(big())
    tiles[0, 1] = tiles[0, 1][:-1] + b"\0"
    proof = inclusion_from_tiles(300, 600, lambda level, at: tiles[level, at])
    with pytest.raises(LogInvalid):
        verify_inclusion(LEAVES[301], 301, 600, proof, root(LEAVES[:600]))
    for short in (b"", tiles[0, 1][:32], tiles[0, 1][:-5], tiles[0, 1] * 2):
        with pytest.raises(MalformedTile):
            inclusion_from_tiles(300, 600, always(short))


def test_a_full_tile_hashes_into_the_tile_above_it() -> None:
    assert tile_root(big()[0, 0]) == big()[1, 0][:32] == root(LEAVES[:256])
    with pytest.raises(MalformedTile):
        tile_root(big()[0, 0][32:])


@pytest.mark.parametrize(
    ("named", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(1, 1_234_067), "tile/1/x001/x234/067"),
        (Tile(2, 999, 1), "tile/2/999.p/1"),
        (Tile(0, 1000, 255), "tile/0/x001/000.p/255"),
        (Tile(63, 5, 10), "tile/63/005.p/10"),
        (EntryBundle(273, 112), "tile/entries/273.p/112"),
        (EntryBundle(1_000_000), "tile/entries/x001/x000/000"),
    ],
)
def test_paths_are_spelt_as_tlog_tiles_does(named: Tile | EntryBundle, path: str) -> None:
    assert named.path == path
    assert parse_path(path) == named


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000/",
        "/tile/0/000",
        "tile/entries/0000",
        "tile/0/../000",
        "tile/0/\u0660\u0660\u0660",
        "tile/0/000\n",
        "checkpoint",
    ],
)
def test_any_other_path_is_refused(path: str) -> None:
    with pytest.raises(MalformedTile):
        parse_path(path)


@given(st.integers(0, 63), st.integers(0, 10**12), st.integers(1, 256))
def test_every_coordinate_survives_its_path(level: int, index: int, width: int) -> None:
    assert parse_path(Tile(level, index, width).path) == Tile(level, index, width)
    assert parse_path(EntryBundle(index, width).path) == EntryBundle(index, width)


@pytest.mark.parametrize(("index", "width"), [(-1, 256), (0, 0), (0, 257)])
def test_coordinates_out_of_range_have_no_path(index: int, width: int) -> None:
    with pytest.raises(MalformedTile):
        _ = Tile(0, index, width).path


def test_a_tile_that_the_tree_does_not_have_is_refused() -> None:
    with pytest.raises(MalformedTile):
        tile_at(1, 0, 255)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_entries_survive_their_bundle(entries: list[bytes]) -> None:
    assert decode_entries(encode_entries(entries)) == tuple(entries)


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\x05abc", b"\0\x01a\0", b"\0\0" * 257])
def test_a_malformed_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedTile):
        decode_entries(data)


@pytest.mark.parametrize("entries", [[], [b""] * 257, [b"\0" * 65_536]])
def test_entries_that_fit_no_bundle_are_refused(entries: list[bytes]) -> None:
    with pytest.raises(MalformedTile):
        encode_entries(entries)
