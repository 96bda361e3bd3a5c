"""The Merkle tree of the log: hashes, roots, proofs, and their verification.

The tree is that of RFC 6962 section 2.1 and RFC 9162 section 2.1: a leaf is SHA-256(0x00 || data), a node
SHA-256(0x01 || left || right), the empty tree SHA-256("").

    >>> leaves = [leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")]
    >>> proof = inclusion_proof(leaves, 2, 3)
    >>> verify_inclusion(leaves[2], 2, 3, proof, root_of(leaves))

A node is addressed as in C2SP tlog-tiles: (level, index) covers the leaves [index·2^level, (index+1)·2^level), all of
them present. Proofs are built from such perfect nodes alone, so tiles, a database or a list can serve them. Storage,
tiles and signed checkpoints are left to others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Protocol

from .errors import ParameterError, VerificationError

__all__ = [
    "EMPTY_ROOT",
    "HASH_SIZE",
    "MAX_SIZE",
    "Frontier",
    "LeafReader",
    "NodeReader",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "root_of",
    "verify_consistency",
    "verify_inclusion",
]

HASH_SIZE = 32
"""Bytes of every hash."""
MAX_SIZE = (1 << 63) - 1
"""Leaves of the largest tree, so that sizes fit a signed 64-bit integer everywhere."""
EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without leaves."""


class NodeReader(Protocol):
    """Where proofs take their nodes from."""

    def __call__(self, level: int, index: int, /) -> bytes:
        """The 32-byte hash of the perfect subtree over the leaves [index·2^level, (index+1)·2^level)."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of the leaf that holds `data`."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node above `left` and `right`. Raises `ParameterError` unless both have 32 bytes."""
    if len(left) != HASH_SIZE or len(right) != HASH_SIZE:
        raise ParameterError(f"a node joins two hashes of {HASH_SIZE} bytes")
    return _node(left, right)


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root of the tree with these leaf hashes (32 bytes each); `EMPTY_ROOT` for none."""
    frontier = Frontier()
    frontier.extend(leaf_hashes)
    return frontier.root()


class Frontier:
    """What must be kept of a tree to append to it: one hash for each bit of its size (a compact range).

    `nodes` lists the perfect subtrees from left to right, so from the largest to the smallest. `Frontier(size, nodes)`
    takes up an older one. Raises `ParameterError` if the count or the length of the hashes is wrong; whether they are
    the hashes of that tree only its root can tell.
    """

    __slots__ = ("_nodes", "_size")

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        if not 0 <= size <= MAX_SIZE:
            raise ParameterError(f"a tree has 0 to {MAX_SIZE} leaves, not {size}")
        self._size = size
        self._nodes = [_checked(node) for node in nodes]
        if len(self._nodes) != size.bit_count():
            raise ParameterError(f"a tree of {size} leaves has {size.bit_count()} nodes, not {len(self._nodes)}")

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    @property
    def nodes(self) -> tuple[bytes, ...]:
        """The hashes of the perfect subtrees, largest first."""
        return tuple(self._nodes)

    def append(self, leaf: bytes) -> None:
        """Adds one leaf hash. Raises `ParameterError` unless it has 32 bytes and the tree has room."""
        if self._size >= MAX_SIZE:
            raise ParameterError(f"a tree has at most {MAX_SIZE} leaves")
        node = _checked(leaf)
        carry = self._size
        while carry & 1:
            node = _node(self._nodes.pop(), node)
            carry >>= 1
        self._nodes.append(node)
        self._size += 1

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Adds leaf hashes in order."""
        for leaf in leaf_hashes:
            self.append(leaf)

    def root(self) -> bytes:
        """The root of the tree."""
        return _fold(self._nodes) if self._nodes else EMPTY_ROOT

    def copy(self) -> Frontier:
        """An independent frontier of the same tree."""
        return Frontier(self._size, self._nodes)


class LeafReader:
    """A `NodeReader` over a sequence of leaf hashes; it computes each node anew, so it suits small trees."""

    __slots__ = ("_leaves",)

    def __init__(self, leaf_hashes: Sequence[bytes]) -> None:
        self._leaves = leaf_hashes

    def __call__(self, level: int, index: int) -> bytes:
        """The hash at (level, index). Raises `ParameterError` if its leaves are not all there."""
        start, end = index << level, (index + 1) << level
        if not 0 <= start < end <= len(self._leaves):
            raise ParameterError(f"the node at level {level}, index {index} is not complete")
        return root_of(self._leaves[start:end])


# --- making proofs --------------------------------------------------------------------------------------------------


def inclusion_proof(nodes: NodeReader | Sequence[bytes], index: int, size: int) -> tuple[bytes, ...]:
    """The hashes that lead from leaf `index` to the root of the tree of `size` leaves, lowest first.

    PATH(index, D[size]) of RFC 9162 section 2.1.3.1. `nodes` is a reader or the leaf hashes themselves.
    Raises `ParameterError` unless 0 <= index < size <= `MAX_SIZE`, or if a node is not 32 bytes.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise ParameterError(f"there is no inclusion proof of leaf {index} in a tree of {size}")
    read = _reader(nodes)
    start, end = 0, size
    path: list[bytes] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_subtree(read, middle, end))
            end = middle
        else:
            path.append(_subtree(read, start, middle))
            start = middle
    return tuple(reversed(path))


def consistency_proof(nodes: NodeReader | Sequence[bytes], size1: int, size2: int) -> tuple[bytes, ...]:
    """The hashes that show the tree of `size1` leaves to be the beginning of the tree of `size2`.

    PROOF(size1, D[size2]) of RFC 9162 section 2.1.4.1; empty for equal sizes. `nodes` is a reader or the leaf hashes
    themselves. Raises `ParameterError` unless 0 < size1 <= size2 <= `MAX_SIZE`, or if a node is not 32 bytes.
    """
    if not 0 < size1 <= size2 <= MAX_SIZE:
        raise ParameterError(f"there is no consistency proof from a tree of {size1} to one of {size2}")
    read = _reader(nodes)
    start, end = 0, size2
    path: list[bytes] = []
    # The old tree is [0, size1). Descend towards its last leaf, until the old tree ends where the range ends.
    while end != size1:
        middle = start + _split(end - start)
        if size1 <= middle:
            path.append(_subtree(read, middle, end))
            end = middle
        else:
            path.append(_subtree(read, start, middle))
            start = middle
    if start:
        # The range is not the whole old tree (whose root the verifier has), so its hash is needed.
        path.append(_subtree(read, start, end))
    return tuple(reversed(path))


# --- verifying proofs -----------------------------------------------------------------------------------------------


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises `VerificationError` unless `proof` leads from the leaf hash `leaf` at `index` to `root` of `size` leaves.

    RFC 9162 section 2.1.3.2, with its step numbers. Hashes have 32 bytes, sizes are at most `MAX_SIZE`.
    """
    # (1)
    if not 0 <= index < size <= MAX_SIZE:
        raise VerificationError(f"inclusion: there is no leaf {index} in a tree of {size}")
    _check_hashes("inclusion", leaf, root, *proof)
    # (2), (3)
    fn, sn = index, size - 1
    r = leaf
    # (4)
    for p in proof:
        if sn == 0:
            raise VerificationError("inclusion: the proof is too long")
        if fn & 1 or fn == sn:
            r = _node(p, r)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            r = _node(r, p)
        fn >>= 1
        sn >>= 1
    # (5)
    if sn:
        raise VerificationError("inclusion: the proof is too short")
    if r != root:
        raise VerificationError("inclusion: the proof leads to another root")


def verify_consistency(size1: int, root1: bytes, size2: int, root2: bytes, proof: Sequence[bytes]) -> None:
    """Raises `VerificationError` unless `proof` shows that the tree of `size1` and `root1` begins that of `size2`.

    RFC 9162 section 2.1.4.2, with its step numbers. An old size of 0 is refused, since it would prove nothing; equal
    sizes take an empty proof and equal roots.
    """
    if not 0 < size1 <= size2 <= MAX_SIZE:
        raise VerificationError(f"consistency: a tree of {size2} cannot be shown to extend one of {size1}")
    _check_hashes("consistency", root1, root2, *proof)
    if size1 == size2:
        if proof or root1 != root2:
            raise VerificationError("consistency: trees of one size need one root and an empty proof")
        return
    # (1)
    if not proof:
        raise VerificationError("consistency: the proof is empty")
    # (2)
    path = [root1, *proof] if size1.bit_count() == 1 else list(proof)
    # (3), (4)
    fn, sn = size1 - 1, size2 - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    # (5)
    fr = sr = path[0]
    # (6)
    for c in path[1:]:
        if sn == 0:
            raise VerificationError("consistency: the proof is too long")
        if fn & 1 or fn == sn:
            fr, sr = _node(c, fr), _node(c, sr)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            sr = _node(sr, c)
        fn >>= 1
        sn >>= 1
    # (7)
    if sn:
        raise VerificationError("consistency: the proof is too short")
    if fr != root1:
        raise VerificationError("consistency: the proof leads to another old root")
    if sr != root2:
        raise VerificationError("consistency: the proof leads to another new root")


# --- shared parts ---------------------------------------------------------------------------------------------------


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _checked(node: bytes) -> bytes:
    if type(node) is not bytes or len(node) != HASH_SIZE:
        raise ParameterError(f"a hash of the tree has {HASH_SIZE} bytes")
    return node


def _check_hashes(where: str, *hashes: bytes) -> None:
    """Without this, hashes of other lengths could move bytes from one side of a node to the other."""
    for one in hashes:
        if type(one) is not bytes or len(one) != HASH_SIZE:
            raise VerificationError(f"{where}: a hash does not have {HASH_SIZE} bytes")


def _split(size: int) -> int:
    """The largest power of two smaller than `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def _fold(nodes: Sequence[bytes]) -> bytes:
    """The root above perfect subtrees given from the largest to the smallest."""
    root = nodes[-1]
    for node in reversed(nodes[:-1]):
        root = _node(node, root)
    return root


def _reader(nodes: NodeReader | Sequence[bytes]) -> NodeReader:
    return LeafReader(nodes) if isinstance(nodes, Sequence) else nodes


def _subtree(read: NodeReader, start: int, end: int) -> bytes:
    """The hash of the subtree over the leaves [start, end), as a split of RFC 9162 makes it."""
    nodes: list[bytes] = []
    while start < end:
        # Splits are aligned, so the largest perfect subtree that fits in the rest begins here.
        level = (end - start).bit_length() - 1
        nodes.append(_checked(read(level, start >> level)))
        start += 1 << level
    return _fold(nodes)
