"""Bundles: one file that shows a grant's life, checked without a network (docs/spec/audit.md §3).

A bundle carries a state answer, the entries that led there with their inclusion proofs, and a disclosure. Reading it checks its
form alone.

Left to others: the audit steps over a bundle (`privledger.audit`) and collecting one (the SDK).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from privledger.protocol._values import (
    DIGEST_SIZE,
    UINT63,
    array,
    as_bytes,
    as_uint,
    reading,
    require,
    require_size,
    require_uint,
)
from privledger.protocol.container import pack, unpack
from privledger.protocol.disclosure import Disclosure, parse_disclosure
from privledger.protocol.errors import FormatError
from privledger.protocol.ids import check_origin
from privledger.protocol.light import StateAnswer, parse_state_answer
from privledger_crypto import cbor

__all__ = ["Bundle", "BundleEntry", "OlderCheckpoint", "parse_bundle", "unpack_bundle"]

MAX_ENTRIES = 65_536
MAX_PATH = 64  # hashes of a proof in a tree of at most 2^63 leaves
MAX_CONSISTENCY = 128  # hashes of a consistency proof, at most two a level
MAX_LEAF = 4096  # bytes, docs/spec/entries.md §1
MAX_NOTE = 65_536  # bytes of a signed checkpoint with its witnesses


@dataclass(frozen=True, slots=True)
class BundleEntry:
    """One entry with its place in the log, and the `block` leaf that closes its block, with its place."""

    index: int
    leaf: bytes
    path: tuple[bytes, ...] = field(repr=False)
    block_leaf: bytes = field(repr=False)
    block_index: int
    block_path: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        require_uint(self.block_index, UINT63, "the index of a block leaf")
        require(0 <= self.index < self.block_index, "an entry stands before the leaf that closes its block")
        for leaf in (self.leaf, self.block_leaf):
            require(0 < len(leaf) <= MAX_LEAF, f"a leaf has at most {MAX_LEAF} bytes")
        for path in (self.path, self.block_path):
            require(len(path) <= MAX_PATH, f"an inclusion path has at most {MAX_PATH} hashes")
            for one in path:
                require_size(one, DIGEST_SIZE, "a hash of a path")


@dataclass(frozen=True, slots=True)
class OlderCheckpoint:
    """An older signed checkpoint, and the path that shows the newer tree to extend it."""

    note: bytes
    path: tuple[bytes, ...]

    def __post_init__(self) -> None:
        require(0 < len(self.note) <= MAX_NOTE, f"a checkpoint has at most {MAX_NOTE} bytes")
        require(len(self.path) <= MAX_CONSISTENCY, f"a consistency path has at most {MAX_CONSISTENCY} hashes")
        for one in self.path:
            require_size(one, DIGEST_SIZE, "a hash of a path")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A grant's life in one file.

    Args:
        answer: proves the state of the ledger's settings, the record, its grants and the services.
        entries: sorted by index, each once.
        disclosure: of the same ledger; its record is the bundle's.

    Raises:
        UsageError, FormatError: fields that do not go together.
    """

    origin: str
    answer: StateAnswer
    entries: tuple[BundleEntry, ...]
    disclosure: Disclosure
    older: OlderCheckpoint | None = None

    def __post_init__(self) -> None:
        check_origin(self.origin)
        require(self.disclosure.origin == self.origin, "the disclosure in this bundle is of another ledger")
        require(len(self.entries) <= MAX_ENTRIES, f"a bundle holds at most {MAX_ENTRIES} entries")
        require(
            all(a.index < b.index for a, b in pairwise(self.entries)), "the entries of a bundle are sorted and distinct"
        )

    @property
    def record(self) -> bytes:
        """The record whose life this is."""
        return self.disclosure.record

    def to_value(self) -> dict[cbor.Key, cbor.Value]:
        """The map of docs/spec/audit.md §3."""
        older: cbor.Value = None if self.older is None else [self.older.note, list(self.older.path)]
        return {
            1: self.origin,
            2: self.answer.to_value(),
            3: [
                [one.index, one.leaf, list(one.path), one.block_leaf, one.block_index, list(one.block_path)]
                for one in self.entries
            ],
            4: self.disclosure.to_value(),
            5: older,
        }

    def pack(self) -> bytes:
        """The bundle as a container. Raises UsageError if it is over 64 MiB."""
        return pack("bundle", self.to_value())


def parse_bundle(value: object) -> Bundle:
    """Read an untrusted bundle map.

    Raises:
        FormatError.
    """
    if not isinstance(value, dict) or set(value) != {1, 2, 3, 4, 5}:
        raise FormatError("a bundle is a map with the keys 1 to 5")
    with reading("bundle"):
        fields = cbor.Fields(value, "bundle")
        return Bundle(
            origin=fields.text(1, 200),
            answer=parse_state_answer(value[2]),
            entries=tuple(_parse_entry(item) for item in fields.list(3, MAX_ENTRIES)),
            disclosure=parse_disclosure(value[4]),
            older=None if value[5] is None else _parse_older(value[5]),
        )


def unpack_bundle(data: bytes) -> Bundle:
    """Read an untrusted bundle container. Raises FormatError."""
    return parse_bundle(unpack(data, types={"bundle"}).body)


def _parse_entry(item: object) -> BundleEntry:
    index, leaf, path, block_leaf, block_index, block_path = array(item, "an entry of a bundle", length=6)
    return BundleEntry(
        as_uint(index, UINT63, "the index of an entry"),
        as_bytes(leaf, "a leaf", max_length=MAX_LEAF),
        _hashes(path, MAX_PATH),
        as_bytes(block_leaf, "a block leaf", max_length=MAX_LEAF),
        as_uint(block_index, UINT63, "the index of a block leaf"),
        _hashes(block_path, MAX_PATH),
    )


def _parse_older(value: object) -> OlderCheckpoint:
    note, path = array(value, "the older checkpoint", length=2)
    return OlderCheckpoint(as_bytes(note, "a checkpoint", max_length=MAX_NOTE), _hashes(path, MAX_CONSISTENCY))


def _hashes(value: object, max_items: int) -> tuple[bytes, ...]:
    return tuple(
        as_bytes(item, "a hash of a path", length=DIGEST_SIZE) for item in array(value, "a path", max_items=max_items)
    )
