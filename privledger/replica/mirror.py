"""A state that follows a log: in memory for use, in a database to start from, moved by replaying leaves.

    mirror = Mirror(path, origin=origin)
    standing = mirror.load(read_leaf)                     # what the database holds, if it fits the log; else None
    advance = mirror.replay(standing, leaves, frontier=frontier, verified=False)
    ... check advance.root against a checkpoint ...
    standing = mirror.commit(advance, note)

The ledger mirrors its own log this way and a replica mirrors another's. Left to others: which checkpoint to believe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from privledger.protocol.entries import (
    Block,
    Entry,
    EraseEntry,
    GrantEntry,
    RecordEntry,
    RevokeEntry,
    is_block,
    parse_block,
    parse_entry,
)
from privledger.protocol.errors import FormatError, UnavailableError
from privledger.protocol.ids import record_id
from privledger.rules.replay import Replayer
from privledger.rules.state import State
from privledger_crypto.merkle import Frontier, NodeReader
from privledger_crypto.statemap import SparseMap

if TYPE_CHECKING:
    from privledger.storage.statestore import BlockRow, Position, StateStore

__all__ = [
    "Advance",
    "Mirror",
    "RecordingState",
    "Standing",
    "entry_rows",
    "leaf_digest",
    "mentioned_record",
    "restore_frontier",
]

_DIGEST_SIZE = 16  # bytes


class RecordingState(State):
    """A state that remembers the changes of each block since they were last taken, so that they can be stored."""

    __slots__ = ("_changes",)

    def __init__(self, items: SparseMap) -> None:
        super().__init__(items)
        self._changes: list[dict[bytes, bytes]] = []

    def apply_changes(self, changes: Mapping[bytes, bytes]) -> bytes:
        """Set these values, in place, and remember them; returns the new root."""
        self._changes.append(dict(changes))
        return super().apply_changes(changes)

    def take_changes(self) -> list[dict[bytes, bytes]]:
        """The changes of each block since the last call."""
        taken, self._changes = self._changes, []
        return taken


@dataclass(frozen=True, slots=True)
class Standing:
    """The state at a checkpoint: its block, size, root (32 bytes) and signed note."""

    state: RecordingState = field(repr=False)
    block: Block
    size: int
    root: bytes
    note: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Advance:
    """The state after replaying leaves, not yet stored or believed."""

    state: RecordingState = field(repr=False)
    blocks: Sequence[Block]
    leaves: Sequence[bytes] = field(repr=False)
    start: int
    size: int
    root: bytes


def leaf_digest(leaf: bytes) -> bytes:
    """What the index knows a leaf by: the first 16 bytes of its SHA-256. Who makes two alike only misleads himself."""
    return sha256(leaf).digest()[:_DIGEST_SIZE]


def mentioned_record(entry: Entry) -> bytes | None:
    """The id of the record that an entry names, if it names one."""
    body = entry.body
    if isinstance(body, RecordEntry):
        return record_id(entry.keys[0])
    if isinstance(body, GrantEntry | RevokeEntry | EraseEntry):
        return body.record
    return None


def entry_rows(entries: Sequence[Entry], start: int) -> tuple[list[tuple[bytes, int]], list[tuple[bytes, int]]]:
    """Rows of the index for entries that stand from `start` on: (leaf digest, index) and (record named, index).

    A `record` entry is left out of the second: the state says where it stands.
    """
    digests = [(leaf_digest(entry.leaf), index) for index, entry in enumerate(entries, start)]
    named = (
        (mentioned_record(entry), index) for index, entry in enumerate(entries, start) if entry.kind != RecordEntry.kind
    )
    return digests, [(record, index) for record, index in named if record is not None]


def restore_frontier(nodes: NodeReader, size: int) -> Frontier:
    """The frontier of the tree of `size` leaves, from its nodes; whether they are right, only its root can tell."""
    start, found = 0, []
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            found.append(nodes(level, start >> level))
            start += 1 << level
    return Frontier(size, found)


class Mirror:
    """The database of one follower of a log.

    Args:
        path: of the database; made when it is first needed.
        origin: the ledger's origin.
    """

    def __init__(self, path: Path, *, origin: str) -> None:
        self._path = path
        self._origin = origin
        self._opened: StateStore | None = None

    @property
    def store(self) -> StateStore:
        """The open database; a damaged one is removed and made anew, empty."""
        if self._opened is None:
            # SQLAlchemy takes a quarter of a second to import, so only who opens a database pays for it.
            from privledger.storage.statestore import StateStore, StoreCorruptError, remove_store

            try:
                self._opened = StateStore(self._path, origin=self._origin)
            except StoreCorruptError:
                remove_store(self._path)
                self._opened = StateStore(self._path, origin=self._origin)
        return self._opened

    def close(self) -> None:
        """Close the database."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def wipe(self) -> None:
        """Remove the database, so that it is built anew from the log."""
        from privledger.storage.statestore import remove_store

        self.close()
        remove_store(self._path)

    def position(self) -> Position | None:
        """Where the database stands; None if it is empty or damaged (then it is empty now)."""
        try:
            return self.store.position()
        except UnavailableError as exc:
            if exc.code != "index_corrupt":
                raise
            self.wipe()
            return None

    def load(self, leaf: Callable[[int], bytes]) -> Standing | None:
        """What the database holds, if it is whole and its state is the one that the log's own block names.

        Args:
            leaf: reads a leaf of the log; an UnavailableError of it means that the log ends before.
        """
        try:
            standing = self._load(leaf)
        except (UnavailableError, FormatError) as exc:
            if exc.code not in ("index_corrupt", "not_found", "malformed"):
                raise
            standing = None
        if standing is None:
            self.wipe()
        return standing

    def _load(self, leaf: Callable[[int], bytes]) -> Standing | None:
        at = self.store.position()
        if at is None or self.store.leaf_count() != at.size:
            return None
        block = parse_block(leaf(at.size - 1))
        state = RecordingState(SparseMap.from_items(self.store.items()))
        if (block.height, block.time, block.root, block.tree_size) != (at.height, at.time, state.root, at.size - 1):
            return None
        return Standing(state, block, at.size, at.root, at.note)

    def replay(
        self,
        standing: Standing | None,
        leaves: Sequence[bytes],
        *,
        frontier: Frontier,
        verified: bool,
        genesis: bytes | None = None,
    ) -> Advance:
        """Replay whole blocks of leaves on top of `standing`, in whose place the result then stands.

        Args:
            standing: None for the beginning. Its state is changed in place, even if this fails.
            frontier: of the tree at `standing`.
            verified: whether signatures were checked before.
            genesis: SHA-256 of entry 0, if it is known.

        Raises:
            VerificationError: the leaves are not what the rules make of them, or do not end with a block.
        """
        state = RecordingState(SparseMap()) if standing is None else standing.state
        start = frontier.size
        state.take_changes()
        replayer = Replayer(self._origin, state, frontier, genesis=genesis)
        replayer.feed(leaves, verified=verified)
        replayer.finish()
        blocks = [parse_block(leaf) for leaf in leaves if is_block(leaf)]
        return Advance(state, blocks, leaves, start, replayer.size, replayer.root())

    def commit(self, advance: Advance, note: bytes) -> Standing:
        """Store what was replayed, in one transaction, at the checkpoint `note`."""
        rows = self.rows(advance, note)
        self.store.commit(rows)
        return Standing(advance.state, advance.blocks[-1], advance.size, advance.root, note)

    def rows(self, advance: Advance, note: bytes) -> list[BlockRow]:
        """The rows of an advance, a block each."""
        from privledger.storage.statestore import BlockRow, Position

        ends = [advance.start, *(block.tree_size + 1 for block in advance.blocks)]
        rows: list[BlockRow] = []
        for block, (start, end), changes in zip(
            advance.blocks, pairwise(ends), advance.state.take_changes(), strict=True
        ):
            chosen = advance.leaves[start - advance.start : end - 1 - advance.start]
            digests, mentions = entry_rows([parse_entry(leaf) for leaf in chosen], start)
            position = Position(end, advance.root, block.height, block.time, note)
            rows.append(BlockRow(position, digests, mentions, list(changes.items())))
        return rows
