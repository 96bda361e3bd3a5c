"""The state map: an authenticated key-value map with one root and short proofs of presence and absence.

A sparse Merkle tree with the hashing of ICS-23's `SmtSpec` (https://github.com/cosmos/ics23):

    leaf  = SHA-256(0x00 || SHA-256(key) || SHA-256(value))
    node  = SHA-256(0x01 || left || right)
    empty = 32 zero bytes

The bits of SHA-256(key), most significant first, lead from the root to the key's leaf (0 left, 1 right). The tree is
compact: a subtree that holds one leaf *is* that leaf's hash, an empty one is 32 zero bytes. So a set of pairs has one
root, however it came about.

    >>> state = SparseMap.from_items([(b"a", b"1"), (b"b", b"2")])
    >>> verify_existence(state.root, b"a", b"1", state.prove(b"a"))
    >>> verify_absence(state.root, b"c", state.prove(b"c"))

Left to others: what keys and values mean, storing them, and which root to trust.
"""

from __future__ import annotations

import hmac
from bisect import bisect_left, insort
from collections.abc import ItemsView, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from .errors import FormatError, ParameterError, VerificationError

__all__ = ["EMPTY", "MAXIMUM_DEPTH", "MapProof", "SparseMap", "verify_absence", "verify_existence"]

HASH_SIZE = 32  # bytes, SHA-256
MAXIMUM_DEPTH = 256  # bits of a path
EMPTY = bytes(HASH_SIZE)  # the hash of an empty subtree, SmtSpec.inner_spec.empty_child

_LEAF = b"\x00"
_NODE = b"\x01"
_FANOUT = 2  # leaves a bucket holds on average before the table grows: fewer cost memory, more cost hashing
_INDEX_BITS = 32  # of a key's hash, used to find its bucket; the table never grows deeper


@dataclass(frozen=True, slots=True)
class MapProof:
    """What stands at the end of a key's path, and the way there.

    `siblings` are the hashes beside the path, from the root's child down. For a present key the path ends at its own
    leaf. For an absent one it ends at an empty subtree (`other_leaf` is None) or at the leaf of another key, given as
    `other_leaf = (SHA-256(key), SHA-256(value))`. Raises FormatError if a length is wrong.
    """

    siblings: tuple[bytes, ...]
    other_leaf: tuple[bytes, bytes] | None = None

    def __post_init__(self) -> None:
        if len(self.siblings) > MAXIMUM_DEPTH:
            raise FormatError(f"a map proof has at most {MAXIMUM_DEPTH} siblings, not {len(self.siblings)}")
        if self.other_leaf is not None and len(self.other_leaf) != 2:
            raise FormatError("the other leaf of a map proof is a key hash and a value hash")
        if any(len(item) != HASH_SIZE for item in (*self.siblings, *(self.other_leaf or ()))):
            raise FormatError(f"every hash of a map proof is {HASH_SIZE} bytes")

    def to_cbor_value(self) -> list[object]:
        """The proof as `[siblings, other]` of lists and byte strings; `other` is empty or `[key hash, value hash]`."""
        return [list(self.siblings), list(self.other_leaf or ())]

    @classmethod
    def parse_cbor_value(cls, value: object) -> MapProof:
        """The proof that `to_cbor_value` gave. Raises FormatError if `value` has another shape."""
        if not isinstance(value, list) or len(value) != 2:
            raise FormatError("a map proof is a list of two lists: siblings, and the other leaf")
        siblings, other = (_byte_strings(part) for part in value)
        if len(other) not in (0, 2):
            raise FormatError("the other leaf of a map proof is a key hash and a value hash")
        return cls(siblings, (other[0], other[1]) if other else None)


def _byte_strings(value: object) -> tuple[bytes, ...]:
    if not isinstance(value, list) or not all(isinstance(item, bytes) for item in value):
        raise FormatError("each part of a map proof is a list of byte strings")
    return tuple(value)


def verify_existence(root: bytes, key: bytes, value: bytes, proof: MapProof) -> None:
    """Check that the map with this `root` holds `value` at `key`. Raises VerificationError if that does not follow.

    Source: ICS-23 existence proofs, SmtSpec; the key's hash alone says on which side each sibling stands.
    """
    if proof.other_leaf is not None:
        raise VerificationError("a proof of presence does not name another leaf")
    key_hash = sha256(key).digest()
    _verify_path(root, key_hash, _leaf_hash(key_hash, sha256(value).digest()), proof.siblings)


def verify_absence(root: bytes, key: bytes, proof: MapProof) -> None:
    """Check that the map with this `root` holds nothing at `key`. Raises VerificationError if that does not follow.

    A key's place is fixed by its hash, so one path decides: it ends at an empty subtree, or at the leaf of another key,
    which then is the only leaf on this path (any second one would have pushed both further down). No neighbours are
    needed, and none have to be shown adjacent.
    """
    key_hash = sha256(key).digest()
    if proof.other_leaf is None:
        _verify_path(root, key_hash, EMPTY, proof.siblings)
        return
    other_key_hash, other_value_hash = proof.other_leaf
    if other_key_hash == key_hash:
        raise VerificationError("the leaf that should show the key's absence is the key's own")
    if _common_bits(key_hash, other_key_hash) < len(proof.siblings):
        raise VerificationError("the leaf that should show the key's absence is not on the key's path")
    _verify_path(root, key_hash, _leaf_hash(other_key_hash, other_value_hash), proof.siblings)


def _verify_path(root: bytes, key_hash: bytes, end: bytes, siblings: Sequence[bytes]) -> None:
    """Check that `end`, reached along the bits of `key_hash` past these siblings, lies under `root`."""
    if siblings and siblings[-1] == EMPTY:
        # Beside the end of a path stands at least one leaf; otherwise the path would have ended higher up.
        raise VerificationError("the map proof is longer than the compact tree allows")
    path = int.from_bytes(key_hash, "big") >> (MAXIMUM_DEPTH - len(siblings))
    computed = end
    for sibling in reversed(siblings):
        left, right = (sibling, computed) if path & 1 else (computed, sibling)
        computed = sha256(_NODE + left + right).digest()
        path >>= 1
    if not hmac.compare_digest(computed, root):
        raise VerificationError("the map proof leads to another root")


def _leaf_hash(key_hash: bytes, value_hash: bytes) -> bytes:
    return sha256(_LEAF + key_hash + value_hash).digest()


def _common_bits(first: bytes, second: bytes) -> int:
    """How many leading bits two hashes share."""
    return MAXIMUM_DEPTH - (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).bit_length()


def _bit(key_hash: bytes, depth: int) -> int:
    return key_hash[depth >> 3] >> (7 - (depth & 7)) & 1


def _subtree(records: Sequence[bytes], depth: int) -> bytes:
    """The hash of the subtree at `depth` that holds these sorted records (see SparseMap), at least one."""
    if len(records) == 1:
        return records[0][32:64]
    first = records[0]
    fork = _common_bits(first[:32], records[-1][:32])
    if len(records) == 2:  # the common case, without two more calls; sorted, so the first is the left one
        node = sha256(_NODE + first[32:64] + records[1][32:64]).digest()
    else:
        middle = 1
        while not _bit(records[middle], fork):
            middle += 1
        node = sha256(_NODE + _subtree(records[:middle], fork + 1) + _subtree(records[middle:], fork + 1)).digest()
    for level in range(fork - 1, depth - 1, -1):
        node = sha256(_NODE + EMPTY + node if _bit(first, level) else _NODE + node + EMPTY).digest()
    return node


class SparseMap:
    """A state map in memory: batches of changes cost O(log n) hashes a key, with shared paths hashed once.

    The upper levels are a table of 2^(depth+1) hashes in heap order (node i has children 2i and 2i+1, the root is 1).
    Each lowest entry has a bucket: the sorted records `SHA-256(key) || leaf hash || key` below it. `_lone[i]` is 1 when
    node i holds exactly one leaf, so that its parent knows when to be that leaf instead of hashing it. The table grows
    by a level whenever buckets become crowded; hashes above stay valid, so growth hashes only what is new.

    Not safe to change from two threads at once.
    """

    __slots__ = ("_buckets", "_depth", "_lone", "_nodes", "_values")

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}
        self._reserve(0)

    @classmethod
    def from_items(cls, items: Iterable[tuple[bytes, bytes]]) -> SparseMap:
        """The map of these pairs; of two with the same key the later counts.

        Raises ParameterError if a key or value is empty.
        """
        changes: dict[bytes, bytes | None] = dict(items)
        state = cls()
        state._reserve(max(0, (len(changes) // _FANOUT).bit_length()))
        state.update(changes)
        return state

    def _reserve(self, depth: int) -> None:
        """Lay out an empty table of this depth."""
        self._depth = min(depth, _INDEX_BITS)
        self._buckets: list[list[bytes]] = [[] for _ in range(1 << self._depth)]
        self._nodes: list[bytes] = [EMPTY] * (2 << self._depth)
        self._lone = bytearray(2 << self._depth)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"SparseMap({len(self)} keys, root={self.root.hex()})"

    @property
    def root(self) -> bytes:
        """The root, 32 bytes; of the empty map 32 zero bytes."""
        return self._nodes[1]

    def get(self, key: bytes) -> bytes | None:
        """The value at `key`, or None."""
        return self._values.get(key)

    def items(self) -> ItemsView[bytes, bytes]:
        """All pairs, in no promised order."""
        return self._values.items()

    def update(self, changes: Mapping[bytes, bytes | None]) -> bytes:
        """Set each key to its value, or remove it where the value is None; returns the new root.

        All changes are made, or none: ParameterError is raised before the first one if a key or value is empty, which
        ICS-23 does not allow. Removing an absent key changes nothing.
        """
        if b"" in changes or b"" in changes.values():
            raise ParameterError("the state map has no empty keys and no empty values")
        dirty = self._change(changes)
        while len(self._values) > _FANOUT << self._depth and self._depth < _INDEX_BITS:
            self._grow()
            dirty = {child for index in dirty for child in (2 * index, 2 * index + 1)}
        self._rehash(dirty)
        return self.root

    def _change(self, changes: Mapping[bytes, bytes | None]) -> set[int]:
        """Bring values and buckets up to date; returns the numbers of the buckets that changed."""
        values, buckets, shift = self._values, self._buckets, _INDEX_BITS - self._depth
        from_bytes = int.from_bytes
        dirty = set()
        for key, value in changes.items():
            old = values.get(key)
            if value == old:
                continue
            key_hash = sha256(key).digest()
            index = from_bytes(key_hash[:4], "big") >> shift
            bucket = buckets[index]
            dirty.add(index)
            if value is None:
                del bucket[bisect_left(bucket, key_hash)], values[key]
                continue
            record = key_hash + sha256(_LEAF + key_hash + sha256(value).digest()).digest() + key
            if old is None:
                insort(bucket, record)
            else:
                bucket[bisect_left(bucket, key_hash)] = record
            values[key] = value
        return dirty

    def _rehash(self, dirty: Iterable[int]) -> None:
        """Recompute the table entries of these buckets and every node above them, level by level."""
        nodes, lone, depth = self._nodes, self._lone, self._depth
        base = 1 << depth
        self._hash_buckets(dirty)
        level = {base + index >> 1 for index in dirty}
        for _ in range(depth):
            for node in level:
                left, right = nodes[2 * node], nodes[2 * node + 1]
                if left is not EMPTY and right is not EMPTY:
                    nodes[node] = sha256(_NODE + left + right).digest()
                    lone[node] = 0
                elif lone[2 * node] or lone[2 * node + 1]:  # one child is a single leaf, the other is empty
                    nodes[node] = right if left is EMPTY else left
                    lone[node] = 1
                else:
                    both_empty = left is right
                    nodes[node] = EMPTY if both_empty else sha256(_NODE + left + right).digest()
                    lone[node] = 0
            level = {node >> 1 for node in level}

    def _hash_buckets(self, indices: Iterable[int]) -> None:
        """Recompute the table entries of these buckets."""
        nodes, lone, buckets, depth = self._nodes, self._lone, self._buckets, self._depth
        base = 1 << depth
        for index in indices:
            bucket = buckets[index]
            if len(bucket) == 1:
                nodes[base + index], lone[base + index] = bucket[0][32:64], 1
            else:
                nodes[base + index], lone[base + index] = _subtree(bucket, depth) if bucket else EMPTY, 0

    def _grow(self) -> None:
        """Split every bucket in two and add their level to the table."""
        depth = self._depth
        split: list[list[bytes]] = []
        for bucket in self._buckets:
            middle = sum(1 for record in bucket if not _bit(record, depth))
            split += (bucket[:middle], bucket[middle:])
        self._buckets, self._depth = split, depth + 1
        self._nodes.extend([EMPTY] * len(split))
        self._lone.extend(bytes(len(split)))
        self._hash_buckets(range(len(split)))

    def prove(self, key: bytes) -> MapProof:
        """The proof of what the map holds at `key`: for `verify_existence` if present, `verify_absence` if not."""
        key_hash = sha256(key).digest()
        siblings: list[bytes] = []
        node = 1
        while node < 1 << self._depth and not self._lone[node] and self._nodes[node] is not EMPTY:
            node = 2 * node + _bit(key_hash, len(siblings))
            siblings.append(self._nodes[node ^ 1])
        records = self._records_below(node)
        while len(records) > 1:
            depth = len(siblings)
            middle = sum(1 for record in records if not _bit(record, depth))
            inside, beside = records[:middle], records[middle:]
            if _bit(key_hash, depth):
                inside, beside = beside, inside
            siblings.append(_subtree(beside, depth + 1) if beside else EMPTY)
            records = inside
        if not records or records[0].startswith(key_hash):
            return MapProof(tuple(siblings))
        other = records[0]
        return MapProof(tuple(siblings), (other[:32], sha256(self._values[other[64:]]).digest()))

    def _records_below(self, node: int) -> Sequence[bytes]:
        """The records under a node that is empty, holds a single leaf, or stands at the table's lowest level."""
        base = 1 << self._depth
        while node < base:
            node = 2 * node + self._lone[2 * node + 1]
        return self._buckets[node - base]
