"""The growing edge of the tree writes exactly the files that a new size needs, with the right bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from privledger.ledger.integrate import TreeTail
from privledger.protocol.tiles import TileReader, tiles_for
from privledger_crypto.merkle import leaf_hash, root_of

LEAVES = [b"leaf %d" % number for number in range(1200)]
GROWTHS = st.lists(st.integers(1, 700), min_size=1, max_size=4)


def _grow(sizes: list[int]) -> tuple[TreeTail, dict[str, bytes], list[tuple[int, int, dict[str, bytes]]]]:
    tail, disk, steps, size = TreeTail(), {}, [], 0
    for step in sizes:
        end = min(len(LEAVES), size + step)
        growth = tail.append(LEAVES[size:end])
        disk.update(growth.files)
        steps.append((size, end, growth.files))
        size = end
    return tail, disk, steps


@given(GROWTHS)
def test_the_root_is_that_of_the_leaves(sizes: list[int]) -> None:
    tail, _, _ = _grow(sizes)
    assert tail.root() == root_of(leaf_hash(leaf) for leaf in LEAVES[: tail.size])


@given(GROWTHS)
def test_the_files_written_are_those_that_the_specification_names(sizes: list[int]) -> None:
    _, _, steps = _grow(sizes)
    for old, new, files in steps:
        assert set(files) == {resource.path for resource in tiles_for(old, new)}


@given(GROWTHS)
def test_the_files_give_every_leaf_and_node_back(sizes: list[int]) -> None:
    tail, disk, _ = _grow(sizes)
    reader = TileReader(disk.__getitem__, tail.size)
    assert list(reader.leaves(0, tail.size)) == LEAVES[: tail.size]
    assert all(reader(0, index) == leaf_hash(LEAVES[index]) for index in range(tail.size))


@given(GROWTHS, st.integers(1, 300))
def test_a_tail_restored_from_its_files_grows_in_the_same_way(sizes: list[int], more: int) -> None:
    tail, disk, _ = _grow(sizes)
    restored = TreeTail.restore(disk.__getitem__, tail.size)
    extra = [b"more %d" % number for number in range(more)]
    assert restored.append(extra) == tail.append(extra)
    assert restored.root() == tail.root()


def test_a_tree_of_65536_leaves_has_a_third_level() -> None:
    tail = TreeTail()
    growth = tail.append([b""] * 65_537)
    assert {"tile/2/000.p/1", "tile/1/000", "tile/0/256.p/1"} <= set(growth.files)
    assert tail.root() == root_of([leaf_hash(b"")] * 65_537)


def test_full_tiles_are_named_so_that_their_partial_ones_can_go() -> None:
    growth = TreeTail().append(LEAVES[:600])
    assert sorted(growth.completed) == ["tile/0/000", "tile/0/001", "tile/entries/000", "tile/entries/001"]
