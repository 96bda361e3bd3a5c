"""Segments: the tree over 1 MiB pieces of a blob, and proofs of contiguous ranges."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privledger_crypto import merkle
from privledger_crypto.errors import FormatError, ParameterError, VerificationError
from privledger_crypto.segments import SEGMENT_SIZE, SegmentHasher, SegmentTree, segment_count, verify_segments

BLOB = b"".join(bytes([number]) * SEGMENT_SIZE for number in range(5))[: 4 * SEGMENT_SIZE + 12345]


def tree_of(blob: bytes) -> SegmentTree:
    hasher = SegmentHasher()
    hasher.update(blob)
    return hasher.finalize()


TREE = tree_of(BLOB)


def part(first: int, last: int) -> bytes:
    return BLOB[first * SEGMENT_SIZE : (last + 1) * SEGMENT_SIZE]


def root_by_definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, on leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\x01" + root_by_definition(leaves[:k]) + root_by_definition(leaves[k:])).digest()


def test_the_root_is_that_of_rfc_6962_over_the_segments() -> None:
    pieces = [BLOB[at : at + SEGMENT_SIZE] for at in range(0, len(BLOB), SEGMENT_SIZE)]
    assert TREE.root == root_by_definition([sha256(b"\x00" + piece).digest() for piece in pieces])
    assert TREE.leaves == tuple(merkle.leaf_hash(piece) for piece in pieces)


@pytest.mark.parametrize("size", [1, SEGMENT_SIZE - 1, SEGMENT_SIZE, SEGMENT_SIZE + 1, 2 * SEGMENT_SIZE])
def test_the_number_of_segments_follows_from_the_size(size: int) -> None:
    tree = tree_of(BLOB[:size])
    assert (tree.size, len(tree.leaves)) == (size, segment_count(size))


@given(st.lists(st.integers(0, len(BLOB)), max_size=6))
@settings(max_examples=10)
def test_how_a_stream_is_cut_into_pieces_does_not_matter(cuts: list[int]) -> None:
    hasher, edges = SegmentHasher(), [0, *sorted(cuts), len(BLOB)]
    for a, b in pairwise(edges):
        hasher.update(memoryview(BLOB)[a:b])
    assert hasher.finalize() == TREE


@pytest.mark.parametrize(("first", "last"), [(a, b) for a in range(5) for b in range(a, 5)])
def test_every_range_of_segments_verifies(first: int, last: int) -> None:
    verify_segments(TREE.root, TREE.size, first, part(first, last), TREE.proof(first, last))


@given(st.integers(1, 300), st.data())
@settings(max_examples=60)
def test_a_proof_has_at_most_two_hashes_for_each_level(count: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, count - 1))
    last = data.draw(st.integers(first, count - 1))
    tree = SegmentTree(count * SEGMENT_SIZE, tuple(sha256(bytes([n % 256])).digest() for n in range(count)))
    assert len(tree.proof(first, last)) <= 2 * count.bit_length()


def test_one_segment_of_a_gibibyte_reads_little_more_than_itself() -> None:
    tree = SegmentTree(1 << 30, tuple(sha256(n.to_bytes(2, "big")).digest() for n in range(1024)))
    assert len(tree.proof(700, 700)) == 10


def test_a_changed_byte_is_found() -> None:
    changed = bytearray(part(1, 2))
    changed[SEGMENT_SIZE + 7] ^= 1
    with pytest.raises(VerificationError):
        verify_segments(TREE.root, TREE.size, 1, changed, TREE.proof(1, 2))


def test_a_segment_in_another_place_is_found() -> None:
    with pytest.raises(VerificationError):
        verify_segments(TREE.root, TREE.size, 2, part(1, 1), TREE.proof(1, 1))


def test_another_root_is_found() -> None:
    with pytest.raises(VerificationError):
        verify_segments(bytes(32), TREE.size, 0, part(0, 0), TREE.proof(0, 0))


def test_a_changed_proof_hash_is_found() -> None:
    _, *rest = TREE.proof(1, 1)
    with pytest.raises(VerificationError):
        verify_segments(TREE.root, TREE.size, 1, part(1, 1), [bytes(32), *rest])


@pytest.mark.parametrize("size", [TREE.size - 1, TREE.size + 1])
def test_the_length_of_the_last_segment_follows_from_the_size(size: int) -> None:
    with pytest.raises(FormatError, match="whole segments"):
        verify_segments(TREE.root, size, 4, part(4, 4), TREE.proof(4, 4))


def test_a_size_with_another_number_of_segments_needs_another_proof() -> None:
    with pytest.raises((FormatError, VerificationError)):
        verify_segments(TREE.root, 3 * SEGMENT_SIZE, 1, part(1, 1), TREE.proof(1, 1))


@pytest.mark.parametrize("data", [b"", part(0, 0)[:-1], part(0, 1)[:-1]], ids=["none", "part", "whole and part"])
def test_data_that_is_not_whole_segments_is_malformed(data: bytes) -> None:
    with pytest.raises(FormatError, match="whole segments"):
        verify_segments(TREE.root, TREE.size, 0, data, TREE.proof(0, 0))


@pytest.mark.parametrize(
    ("proof", "said"),
    [
        (TREE.proof(0, 0)[:-1], "too few"),
        ((*TREE.proof(0, 0), bytes(32)), "too many"),
        ((*TREE.proof(0, 0)[:-1], bytes(31)), "32 bytes"),
    ],
    ids=["short", "long", "hash length"],
)
def test_a_proof_of_another_shape_is_malformed(proof: tuple[bytes, ...], said: str) -> None:
    with pytest.raises(FormatError, match=said):
        verify_segments(TREE.root, TREE.size, 0, part(0, 0), proof)


@pytest.mark.parametrize("first", [-1, 5])
def test_a_segment_that_the_blob_has_not_is_refused(first: int) -> None:
    with pytest.raises(ParameterError):
        verify_segments(TREE.root, TREE.size, first, b"x", ())


@pytest.mark.parametrize(("first", "last"), [(-1, 0), (2, 1), (0, 5)])
def test_no_proof_is_made_for_segments_that_do_not_exist(first: int, last: int) -> None:
    with pytest.raises(ParameterError):
        TREE.proof(first, last)


def test_a_blob_has_at_least_one_byte() -> None:
    with pytest.raises(ParameterError, match="at least one byte"):
        SegmentHasher().finalize()


@pytest.mark.parametrize("leaves", [(), (bytes(32), bytes(32)), (bytes(31),)])
def test_leaves_that_do_not_fit_the_size_are_refused(leaves: tuple[bytes, ...]) -> None:
    with pytest.raises(ParameterError):
        SegmentTree(10, leaves)
