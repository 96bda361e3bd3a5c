"""Tiles: the paths of C2SP tlog-tiles, and a reader that needs nothing but the published files."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privledger.protocol.errors import FormatError, UsageError
from privledger.protocol.tiles import (
    Resource,
    TileReader,
    encode_entries,
    entries_path,
    parse_entries,
    parse_tile,
    tile_path,
    tiles_for,
)
from privledger_crypto.merkle import (
    LeafReader,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_inclusion,
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (tile_path(0, 0), "tile/0/000"),
        (tile_path(0, 0, 7), "tile/0/000.p/7"),
        (tile_path(3, 255), "tile/3/255"),
        (tile_path(0, 1234067), "tile/0/x001/x234/067"),  # the example of the specification
        (tile_path(0, 273, 1), "tile/0/273.p/1"),
        (tile_path(1, 1000), "tile/1/x001/000"),
        (entries_path(1234067, 8), "tile/entries/x001/x234/067.p/8"),
        (entries_path(0), "tile/entries/000"),
    ],
)
def test_paths_are_those_of_the_specification(path, expected):
    assert path == expected


def test_a_log_of_70000_leaves_has_the_tiles_of_the_specification():
    """C2SP tlog-tiles: 256 × 273 + 112 leaves make 273 full tiles and one of 112 hashes, and so on upwards."""
    paths = [one.path for one in tiles_for(0, 70_000) if one.level is not None]
    assert len(paths) == 274 + 2 + 1
    assert [path for path in paths if ".p/" in path] == ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (0, 0, []),
        (5, 5, []),
        (0, 1, [Resource(None, 0, 1), Resource(0, 0, 1)]),
        (1, 3, [Resource(None, 0, 3), Resource(0, 0, 3)]),
        (255, 256, [Resource(None, 0, 256), Resource(0, 0, 256), Resource(1, 0, 1)]),
        (256, 257, [Resource(None, 1, 1), Resource(0, 1, 1)]),
        (
            250,
            520,
            [Resource(None, i, w) for i, w in ((0, 256), (1, 256), (2, 8))]
            + [Resource(0, i, w) for i, w in ((0, 256), (1, 256), (2, 8))]
            + [Resource(1, 0, 2)],
        ),
    ],
)
def test_growth_touches_only_what_changed(old, new, expected):
    assert tiles_for(old, new) == expected


@pytest.mark.parametrize(("old", "new"), [(3, 2), (-1, 2)])
def test_a_log_does_not_shrink(old, new):
    with pytest.raises(UsageError):
        tiles_for(old, new)


@pytest.mark.parametrize("width", [0, 257])
def test_a_tile_has_1_to_256_hashes(width):
    with pytest.raises(UsageError):
        tile_path(0, 0, width)


@given(st.lists(st.binary(max_size=600), max_size=256))
def test_bundles_read_back(leaves):
    assert parse_entries(encode_entries(leaves)) == leaves


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x01", b"\x00\x02a", encode_entries([b""] * 257)])
def test_a_bundle_that_is_cut_or_too_long_is_malformed(data):
    with pytest.raises(FormatError):
        parse_entries(data)


def test_a_leaf_too_long_for_a_bundle_is_not_written():
    with pytest.raises(UsageError):
        encode_entries([bytes(1 << 16)])


def test_a_tile_of_another_size_is_malformed():
    with pytest.raises(FormatError):
        parse_tile(bytes(64), 3)


LEAVES = [b"leaf %d" % i for i in range(1_100)]
HASHES = [leaf_hash(leaf) for leaf in LEAVES[:1_100]]


class Files(dict[str, bytes]):
    """What a log of these published sizes writes."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.reads: list[str] = []
        for old, new in zip((0, *sizes), sizes, strict=False):
            nodes = LeafReader(HASHES[:new])
            for one in tiles_for(old, new):
                if one.level is None:
                    self[one.path] = encode_entries(LEAVES[one.start : one.start + one.width])
                else:
                    level = 8 * one.level
                    self[one.path] = b"".join(nodes(level, one.start + i) for i in range(one.width))

    def read(self, path: str) -> bytes:
        self.reads.append(path)
        return self[path]


@settings(max_examples=25)
@given(data=st.data())
def test_proofs_can_be_made_from_the_files_of_every_published_size(data):
    sizes = sorted(set(data.draw(st.lists(st.integers(1, 1_100), min_size=1, max_size=4))))
    files = Files(*sizes)
    for size in sizes:
        reader = TileReader(files.read, size)
        index = data.draw(st.integers(0, size - 1))
        proof = inclusion_proof(reader, index, size)
        verify_inclusion(HASHES[index], index, size, proof, root_of(HASHES[:size]))
        assert reader.leaf(index) == LEAVES[index]
        old = data.draw(st.integers(1, size))
        assert consistency_proof(reader, old, size) == consistency_proof(HASHES[:size], old, size)


def test_leaves_come_in_order_over_bundles():
    reader = TileReader(Files(700).read, 700)
    assert list(reader.leaves(250, 700)) == LEAVES[250:700]


def test_each_bundle_is_read_once_for_a_run_of_leaves():
    files = Files(700)
    list(TileReader(files.read, 700).leaves(0, 700))
    assert files.reads == ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/188"]


def test_a_small_cache_gives_the_same_proofs():
    files = Files(1_000)
    assert inclusion_proof(TileReader(files.read, 1_000, cached=1), 3, 1_000) == inclusion_proof(
        HASHES[:1_000], 3, 1_000
    )


@pytest.mark.parametrize(("level", "index"), [(0, 700), (9, 1), (-1, 0), (0, -1), (10, 0)])
def test_nodes_outside_the_tree_are_refused(level, index):
    with pytest.raises(UsageError):
        TileReader(Files(700).read, 700)(level, index)


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (5, 3), (0, 701)])
def test_leaves_outside_the_tree_are_refused(start, end):
    with pytest.raises(UsageError):
        TileReader(Files(700).read, 700).leaves(start, end)


def test_a_bundle_with_too_few_leaves_is_malformed():
    with pytest.raises(FormatError, match=r"tile/entries/000\.p/5"):
        TileReader(lambda path: encode_entries(LEAVES[:4]), 5).leaf(0)


def test_a_tile_with_too_few_hashes_is_malformed():
    with pytest.raises(FormatError):
        TileReader(lambda path: bytes(32 * 4), 5)(0, 0)
