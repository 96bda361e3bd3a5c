"""The Merkle tree, held to the recursive definitions of RFC 9162."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privledger_crypto import merkle
from privledger_crypto.errors import ParameterError, VerificationError

HASHES = [merkle.leaf_hash(bytes([i])) for i in range(130)]
BIG = 1 << 63


# RFC 9162 sections 2.1.1, 2.1.3.1 and 2.1.4.1, word for word: slow and obvious.


def split(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def mth(d: list[bytes]) -> bytes:
    if not d:
        return sha256(b"").digest()
    if len(d) == 1:
        return d[0]
    k = split(len(d))
    return sha256(b"\x01" + mth(d[:k]) + mth(d[k:])).digest()


def path(m: int, d: list[bytes]) -> list[bytes]:
    if len(d) == 1:
        return []
    k = split(len(d))
    if m < k:
        return [*path(m, d[:k]), mth(d[k:])]
    return [*path(m - k, d[k:]), mth(d[:k])]


def subproof(m: int, d: list[bytes], complete: bool) -> list[bytes]:
    if m == len(d):
        return [] if complete else [mth(d)]
    k = split(len(d))
    if m <= k:
        return [*subproof(m, d[:k], complete), mth(d[k:])]
    return [*subproof(m - k, d[k:], False), mth(d[:k])]


sizes = st.integers(1, len(HASHES))


@st.composite
def two_sizes(draw: st.DrawFn) -> tuple[int, int]:
    second = draw(sizes)
    return draw(st.integers(1, second)), second


@st.composite
def leaf_of_tree(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(sizes)
    return draw(st.integers(0, size - 1)), size


def test_the_empty_root_is_the_hash_of_nothing():
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root_of([]) == merkle.EMPTY_ROOT


def test_leaves_and_nodes_are_hashed_with_different_first_bytes():
    assert merkle.leaf_hash(b"x") == sha256(b"\x00x").digest()
    assert merkle.node_hash(HASHES[0], HASHES[1]) == sha256(b"\x01" + HASHES[0] + HASHES[1]).digest()


@pytest.mark.parametrize(("left", "right"), [(31, 32), (32, 33), (0, 64), (64, 0)])
def test_a_node_joins_two_hashes_of_32_bytes(left, right):
    with pytest.raises(ParameterError):
        merkle.node_hash(bytes(left), bytes(right))


@pytest.mark.parametrize("size", range(70))
def test_the_root_is_that_of_the_rfc(size):
    assert merkle.root_of(HASHES[:size]) == mth(HASHES[:size])


@given(st.integers(0, 130), st.integers(0, 130))
def test_a_frontier_taken_up_again_goes_on_as_if_never_left(first, second):
    first, second = sorted((first, second))
    before = merkle.Frontier()
    before.extend(HASHES[:first])
    after = merkle.Frontier(before.size, before.nodes)
    after.extend(HASHES[first:second])
    assert (after.size, after.root()) == (second, mth(HASHES[:second]))


def test_a_copy_of_a_frontier_is_independent():
    frontier = merkle.Frontier()
    frontier.extend(HASHES[:5])
    copy = frontier.copy()
    frontier.append(HASHES[5])
    assert (copy.size, copy.root()) == (5, mth(HASHES[:5]))


@pytest.mark.parametrize(
    ("size", "nodes"),
    [
        (1, []),
        (0, [bytes(32)]),
        (3, [bytes(32)]),
        (1, [bytes(31)]),
        (1, [bytes(33)]),
        (-1, [bytes(32)]),
        (BIG, [bytes(32)]),
    ],
)
def test_a_frontier_needs_one_hash_for_each_bit_of_its_size(size, nodes):
    with pytest.raises(ParameterError):
        merkle.Frontier(size, nodes)


@pytest.mark.parametrize("leaf", [b"", bytes(31), bytes(33), "x" * 32, None])
def test_a_frontier_takes_hashes_of_32_bytes_only(leaf):
    with pytest.raises(ParameterError):
        merkle.Frontier().append(leaf)


def test_the_largest_tree_takes_no_further_leaf():
    frontier = merkle.Frontier(merkle.MAX_SIZE, [HASHES[0]] * 63)
    with pytest.raises(ParameterError, match="at most"):
        frontier.append(HASHES[0])


@given(leaf_of_tree())
def test_the_inclusion_proof_is_that_of_the_rfc_and_verifies(case):
    index, size = case
    proof = merkle.inclusion_proof(HASHES[:size], index, size)
    assert list(proof) == path(index, HASHES[:size])
    merkle.verify_inclusion(HASHES[index], index, size, proof, mth(HASHES[:size]))


@given(two_sizes())
def test_the_consistency_proof_is_that_of_the_rfc_and_verifies(case):
    first, second = case
    proof = merkle.consistency_proof(HASHES[:second], first, second)
    assert list(proof) == subproof(first, HASHES[:second], True)
    merkle.verify_consistency(first, mth(HASHES[:first]), second, mth(HASHES[:second]), proof)


@given(leaf_of_tree(), st.data())
def test_an_inclusion_proof_holds_for_nothing_else(case, data):
    index, size = case
    good = [HASHES[index], index, size, list(path(index, HASHES[:size])), mth(HASHES[:size])]
    bad = list(good)
    which = data.draw(st.integers(0, 4))
    bad[which] = data.draw(
        {
            0: st.sampled_from(HASHES),
            1: st.integers(-1, 200),
            # A false size is noticed only if the path has another shape, so here it is the root that tells.
            2: st.integers(-1, index),
            3: st.just([*good[3], HASHES[0]]) | st.just(good[3][1:]) | st.just([HASHES[0], *good[3]]),
            4: st.sampled_from(HASHES).filter(lambda h: h != good[4]),
        }[which]
    )
    if bad == good:
        return
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(*bad)


@given(two_sizes(), st.data())
def test_a_consistency_proof_holds_for_nothing_else(case, data):
    first, second = case
    proof = subproof(first, HASHES[:second], True)
    good = [first, mth(HASHES[:first]), second, mth(HASHES[:second]), proof]
    bad = list(good)
    which = data.draw(st.sampled_from([1, 3, 4]))
    bad[which] = data.draw(
        st.sampled_from(HASHES)
        if which != 4
        else st.just([*proof, HASHES[0]]) | st.just(proof[1:]) | st.just([HASHES[0], *proof])
    )
    if bad == good:
        return
    with pytest.raises(VerificationError):
        merkle.verify_consistency(*bad)


@given(leaf_of_tree())
def test_proofs_ask_only_for_nodes_that_are_complete_in_their_tree(case):
    index, size = case
    leaves = merkle.LeafReader(HASHES)

    def read(level: int, node: int) -> bytes:
        assert 0 <= node << level < (node + 1) << level <= size
        return leaves(level, node)

    assert merkle.inclusion_proof(read, index, size) == merkle.inclusion_proof(HASHES[:size], index, size)
    first = index + 1
    assert merkle.consistency_proof(read, first, size) == merkle.consistency_proof(HASHES[:size], first, size)


def test_proofs_in_the_largest_tree_read_a_few_thousand_nodes_at_most():
    reads = 0

    def read(level: int, index: int) -> bytes:
        nonlocal reads
        reads += 1
        return sha256(b"%d %d" % (level, index)).digest()

    size = merkle.MAX_SIZE
    proof = merkle.inclusion_proof(read, 0, size)
    merkle.consistency_proof(read, size - 1, size)
    assert len(proof) == 63
    assert reads < 5000


@pytest.mark.parametrize("index_and_size", [(0, 0), (-1, 1), (1, 1), (2, 1), (0, BIG), (BIG, BIG + 1)])
def test_there_is_no_inclusion_proof_outside_the_tree(index_and_size):
    index, size = index_and_size
    with pytest.raises(ParameterError):
        merkle.inclusion_proof(lambda level, index: bytes(32), index, size)
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(HASHES[0], index, size, [], HASHES[0])


@pytest.mark.parametrize("two", [(0, 0), (0, 1), (2, 1), (-1, 1), (1, BIG), (BIG, BIG)])
def test_there_is_no_consistency_proof_from_nothing_or_backwards(two):
    with pytest.raises(ParameterError):
        merkle.consistency_proof(lambda level, index: bytes(32), *two)
    with pytest.raises(VerificationError):
        merkle.verify_consistency(two[0], HASHES[0], two[1], HASHES[0], [])


def test_equal_sizes_need_equal_roots():
    with pytest.raises(VerificationError, match="one root"):
        merkle.verify_consistency(3, HASHES[0], 3, HASHES[1], [])


def test_equal_sizes_need_an_empty_proof():
    with pytest.raises(VerificationError, match="empty proof"):
        merkle.verify_consistency(3, HASHES[0], 3, HASHES[0], [HASHES[0]])


@pytest.mark.parametrize("bad", [b"", bytes(31), bytes(33), None])
def test_every_hash_of_a_proof_has_32_bytes(bad):
    root = merkle.node_hash(HASHES[0], HASHES[1])
    for leaf, proof, claimed in ((bad, [HASHES[1]], root), (HASHES[0], [bad], root), (HASHES[0], [HASHES[1]], bad)):
        with pytest.raises(VerificationError, match="32 bytes"):
            merkle.verify_inclusion(leaf, 0, 2, proof, claimed)
    for first, second, proof in ((bad, root, [HASHES[1]]), (HASHES[0], bad, [HASHES[1]]), (HASHES[0], root, [bad])):
        with pytest.raises(VerificationError, match="32 bytes"):
            merkle.verify_consistency(1, first, 2, second, proof)


def test_a_hash_split_at_another_place_is_no_proof():
    left, right = HASHES[0] + HASHES[1][:1], HASHES[1][1:]
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(left, 0, 2, [right], merkle.node_hash(HASHES[0], HASHES[1]))


def test_a_reader_that_gives_a_wrong_length_is_refused():
    with pytest.raises(ParameterError, match="32 bytes"):
        merkle.inclusion_proof(lambda level, index: b"short", 0, 2)


@pytest.mark.parametrize(("level", "index"), [(0, 3), (1, 1), (2, 0), (0, -1)])
def test_a_leaf_reader_gives_complete_nodes_only(level, index):
    with pytest.raises(ParameterError, match="not complete"):
        merkle.LeafReader(HASHES[:3])(level, index)
