"""The segment tree of a blob: check one part of a large sealed file without reading the rest.

The sealed bytes are cut into segments of 1 MiB (the last may be shorter); the RFC 6962 tree over them has the root that
a grant names (`blob_root`). Whoever holds root and size checks any contiguous range of segments.

    >>> hasher = SegmentHasher()
    >>> hasher.update(b"sealed bytes")
    >>> tree = hasher.finalize()
    >>> verify_segments(tree.root, tree.size, 0, b"sealed bytes", tree.proof(0, 0))

A proof is the roots of the largest subtrees that the range leaves out, from left to right: at most two for each level
of the tree. Left to others: storing leaves, and learning root and size from someone who is trusted.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .errors import FormatError, ParameterError, VerificationError
from .merkle import node_hash, root_of

__all__ = ["SEGMENT_SIZE", "SegmentHasher", "SegmentTree", "segment_count", "verify_segments"]

SEGMENT_SIZE = 1 << 20  # bytes: 1 MiB
HASH_SIZE = 32  # bytes, SHA-256

_LEAF_PREFIX = b"\x00"  # RFC 6962 section 2.1

Buffer = bytes | bytearray | memoryview


def segment_count(size: int) -> int:
    """How many segments a blob of `size` bytes has. Raises ParameterError unless the size is positive."""
    if size <= 0:
        raise ParameterError(f"a blob has at least one byte, not {size}")
    return -(-size // SEGMENT_SIZE)


def _split(count: int) -> int:
    """The largest power of two below `count` (k of RFC 6962 section 2.1), for a count of at least 2."""
    return 1 << ((count - 1).bit_length() - 1)


@dataclass(frozen=True, slots=True)
class SegmentTree:
    """The tree of one blob: its `size` in bytes and the leaf hashes of its segments, in order.

    Raises ParameterError if the number of leaves does not follow from the size, or a leaf is not 32 bytes.
    """

    size: int
    leaves: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if len(self.leaves) != segment_count(self.size) or any(len(leaf) != HASH_SIZE for leaf in self.leaves):
            raise ParameterError(f"a blob of {self.size} bytes has {segment_count(self.size)} leaves of 32 bytes")

    @property
    def root(self) -> bytes:
        """The RFC 6962 root over the segments, 32 bytes."""
        return root_of(self.leaves)

    def proof(self, first: int, last: int) -> tuple[bytes, ...]:
        """The proof for segments `first` to `last`, both included. Raises ParameterError if they do not exist."""
        if not 0 <= first <= last < len(self.leaves):
            raise ParameterError(f"segments {first} to {last} are not in a blob of {len(self.leaves)} segments")
        return tuple(self._outside(0, len(self.leaves), first, last))

    def _outside(self, low: int, high: int, first: int, last: int) -> Iterator[bytes]:
        """Roots of the largest subtrees of leaves `[low, high)` that hold no leaf of the range, left to right."""
        if high <= first or low > last:
            yield root_of(self.leaves[low:high])
        elif high - low > 1:
            middle = low + _split(high - low)
            yield from self._outside(low, middle, first, last)
            yield from self._outside(middle, high, first, last)


class SegmentHasher:
    """Computes the segment tree of a blob while it streams past. Nothing is copied or kept but leaf hashes."""

    __slots__ = ("_current", "_leaves", "_size")

    def __init__(self) -> None:
        self._leaves: list[bytes] = []
        self._size = 0
        self._current = hashlib.sha256(_LEAF_PREFIX)

    def update(self, data: Buffer) -> None:
        """Take the next bytes of the blob, in pieces of any length."""
        view = memoryview(data).cast("B")
        position = 0
        while position < len(view):
            room = SEGMENT_SIZE - self._size % SEGMENT_SIZE
            piece = view[position : position + room]
            self._current.update(piece)
            position += len(piece)
            self._size += len(piece)
            if len(piece) == room:
                self._leaves.append(self._current.digest())
                self._current = hashlib.sha256(_LEAF_PREFIX)

    def finalize(self) -> SegmentTree:
        """The tree of everything seen so far. Raises ParameterError if nothing was."""
        rest = (self._current.digest(),) if self._size % SEGMENT_SIZE else ()
        return SegmentTree(self._size, (*self._leaves, *rest))


def verify_segments(root: bytes, size: int, first: int, data: Buffer, proof: Sequence[bytes]) -> None:
    """Check that `data` is the segments from number `first` on of the blob with this `root` and `size`.

    `root` and `size` come together from whoever is trusted: a root alone does not fix the size. `data` is whole
    segments in order, each of 1 MiB except the blob's last, whose length follows from `size`.

    Raises ParameterError if the blob has no such segment, FormatError if `data` is not whole segments or the proof has
    a wrong number or length of hashes, VerificationError if the root that follows from them is another one.
    """
    count = segment_count(size)
    if not 0 <= first < count:
        raise ParameterError(f"segment {first} is not in a blob of {count} segments")
    view = memoryview(data).cast("B")
    start = first * SEGMENT_SIZE
    if not view or start + len(view) > size or (len(view) % SEGMENT_SIZE and start + len(view) != size):
        raise FormatError(f"{len(view)} bytes are not whole segments from byte {start} of a blob of {size} bytes")
    if any(len(item) != HASH_SIZE for item in proof):
        raise FormatError("every hash of a segment proof is 32 bytes")
    leaves = [_leaf(view[at : at + SEGMENT_SIZE]) for at in range(0, len(view), SEGMENT_SIZE)]
    hashes = iter(proof)
    try:
        computed = _fold(0, count, first, leaves, hashes)
    except StopIteration as exc:
        raise FormatError("the segment proof has too few hashes for its range") from exc
    if next(hashes, None) is not None:
        raise FormatError("the segment proof has too many hashes for its range")
    if not hmac.compare_digest(computed, root):
        raise VerificationError(f"segments from number {first} on are not those of the blob with this root and size")


def _leaf(segment: memoryview) -> bytes:
    """The RFC 6962 leaf hash of a segment, without a copy of it."""
    digest = hashlib.sha256(_LEAF_PREFIX)
    digest.update(segment)
    return digest.digest()


def _fold(low: int, high: int, first: int, leaves: Sequence[bytes], proof: Iterator[bytes]) -> bytes:
    """The root over leaves `[low, high)`: known leaves from `first` on, every subtree without any from the proof."""
    if high <= first or low >= first + len(leaves):
        return next(proof)
    if high - low == 1:
        return leaves[low - first]
    middle = low + _split(high - low)
    left = _fold(low, middle, first, leaves, proof)
    return node_hash(left, _fold(middle, high, first, leaves, proof))
