"""Replay of the log: every leaf read strictly, every signature checked, every block recomputed (steps A4, A5, A6).

    replayer = Replayer(origin)
    replayer.feed(leaves)          # any number of calls; blocks may be cut anywhere
    replayer.finish()              # no leaf is left without its block
    replayer.state, replayer.size, replayer.root()

Replicas, auditors and a ledger that rebuilds its database share this. It trusts nothing: compare `root()` with a verified
checkpoint of `size` (step A3). The numbers are those of docs/spec/audit.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from privledger.protocol.entries import Block, Entry, is_block, parse_block, parse_entry, verify_entry
from privledger.protocol.errors import FormatError, PrivledgerError, UsageError, VerificationError
from privledger.rules.apply import Refused, apply, seal_block
from privledger.rules.state import State
from privledger_crypto.merkle import Frontier, leaf_hash

__all__ = ["ReplayError", "Replayer"]


class ReplayError(VerificationError):
    """The log breaks its own rules.

    Args:
        step: `A4` (not canonical, or over its size), `A5` (a signature) or `A6` (the rules or a block).
        index: of the leaf at fault.
    """

    def __init__(self, step: str, index: int, message: str, *, code: str | None = None) -> None:
        super().__init__(f"{step}: leaf {index}: {message}", code=code)
        self.step = step
        self.index = index


class Replayer:
    """Takes a ledger's leaves in order and holds the state that they make.

    `size`, `root()`, `state` and `block` are those of the last complete block. After a ReplayError the replayer is of no more
    use, and raises the same error again.

    Args:
        origin: the ledger's.
        state: the state after the leaves of `frontier`, from a replay of one's own; None to begin at entry 0. It is changed in
            place, and must not be used elsewhere meanwhile.
        frontier: of the tree up to and with the last block.
        genesis: SHA-256 of entry 0, if it is known and the replay begins there.
    """

    def __init__(
        self,
        origin: str,
        state: State | None = None,
        frontier: Frontier | None = None,
        *,
        genesis: bytes | None = None,
    ) -> None:
        self._origin = origin
        self._state = State.empty() if state is None else state
        self._frontier = Frontier() if frontier is None else frontier.copy()
        self._genesis = genesis
        self._pending: list[Entry] = []
        self._block: Block | None = None
        self._failure: ReplayError | None = None
        meta, settings = self._state.meta, self._state.settings
        if (0 if meta is None else meta.next_index) != self._frontier.size:
            raise UsageError("the state and the frontier to replay from are not of one block")
        if settings is not None and settings.origin != origin:
            raise UsageError(f"the state to replay from is of the ledger {settings.origin}")

    @property
    def size(self) -> int:
        """Leaves of the complete blocks."""
        return self._frontier.size

    def root(self) -> bytes:
        """Root of the tree of the first `size` leaves."""
        return self._frontier.root()

    @property
    def frontier(self) -> Frontier:
        """A copy of the tree's frontier, to take up the replay later."""
        return self._frontier.copy()

    @property
    def state(self) -> State:
        """The state after the last complete block. Raises ReplayError after a failure."""
        if self._failure is not None:
            raise self._failure
        return self._state

    @property
    def block(self) -> Block | None:
        """The last complete block that this replayer was fed."""
        return self._block

    @property
    def pending(self) -> int:
        """Leaves that wait for their block."""
        return len(self._pending)

    def feed(self, leaves: Iterable[bytes], *, verified: bool = False) -> None:
        """Take the next leaves.

        Args:
            leaves: exact bytes, in order.
            verified: that the signatures of these leaves hold is known already, for example from `admit_many`.

        Raises:
            ReplayError: a leaf is at fault.
            UnavailableError: the ledger is under rules that this program does not know.
        """
        if self._failure is not None:
            raise self._failure
        try:
            for leaf in leaves:
                if is_block(leaf):
                    self._take_block(leaf)
                else:
                    self._take_entry(leaf, verified)
        except ReplayError as exc:
            self._failure = exc
            raise

    def finish(self) -> State:
        """The state, if every leaf so far is part of a complete block.

        Raises:
            ReplayError: leaves follow the last block, or there is no block.
        """
        if self._pending or self._state.meta is None:
            raise ReplayError("A6", self.size + len(self._pending), "the log does not end with a block")
        return self.state

    def _take_entry(self, leaf: bytes, verified: bool) -> None:
        index = self.size + len(self._pending)
        if index == 0 and self._genesis is not None and sha256(leaf).digest() != self._genesis:
            raise ReplayError("A6", 0, "entry 0 is not the one that the trust root names")
        try:
            entry = parse_entry(leaf, origin=self._origin)
        except FormatError as exc:
            raise ReplayError("A4", index, str(exc), code=exc.code) from exc
        except VerificationError as exc:
            raise ReplayError("A6", index, str(exc), code=exc.code) from exc
        if not verified:
            try:
                verify_entry(entry, origin=self._origin)
            except VerificationError as exc:
                raise ReplayError("A5", index, str(exc), code=exc.code) from exc
        self._pending.append(entry)

    def _take_block(self, leaf: bytes) -> None:
        size = self.size
        index = size + len(self._pending)
        try:
            block = parse_block(leaf)
        except FormatError as exc:
            raise ReplayError("A4", index, str(exc)) from exc
        self._check_clock(block, index)
        if block.tree_size != index:
            raise ReplayError("A6", index, f"the block says that {block.tree_size} leaves stand before it")
        transition = apply(self._state, block.height, block.time, self._pending)
        for offset, result in enumerate(transition.results):
            if isinstance(result, Refused):
                message = f"the rules refuse this entry ({result.code}): {result.detail}"
                raise ReplayError("A6", size + offset, message, code=result.code)
        try:
            expected = seal_block(self._state, block.height, block.time, transition)
        except PrivledgerError as exc:
            raise ReplayError("A6", index, str(exc), code=exc.code) from exc
        if block.rules_version != expected.rules_version:
            raise ReplayError("A6", index, f"the block is under rules version {expected.rules_version}")
        if block.root != expected.root:
            raise ReplayError("A6", index, f"the block names the state root {block.root.hex()}, replay gives another")
        for entry in self._pending:
            self._frontier.append(leaf_hash(entry.leaf))
        self._frontier.append(leaf_hash(leaf))
        self._pending = []
        self._block = block

    def _check_clock(self, block: Block, index: int) -> None:
        meta = self._state.meta
        due, earliest = (0, 0) if meta is None else (meta.height + 1, meta.time)
        if block.height != due:
            raise ReplayError("A6", index, f"the block has height {block.height}, and {due} is next")
        if block.time < earliest:
            raise ReplayError("A6", index, f"the block's time {block.time} is before the last one's {earliest}")
