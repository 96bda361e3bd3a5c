"""A replica: a service's own view of the chain, replayed from leaves that it checked itself.

    replica = Replica(path, ledger, trust, clock)
    replica.refresh(max_age=30)
    replica.state.grant(record, grant), replica.checkpoint.size, replica.view_time, replica.settings

It believes a checkpoint with both signatures of the log keys that its settings name: those of entry 0, which the trust root pins,
or those that a `ledger` entry, signed by the governance quorum, put in their place. Keys that were replaced sign nothing
any more but the block that replaces them, which needs both. New leaves are appended to its own frontier and must give the checkpoint's
root, which is the proof of consistency; every leaf is read strictly, its signature checked, its block recomputed.

Left to others: what follows from the state (`privledger.replica.checks`), and where the leaves come from.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from privledger.protocol.checkpoint import SignedCheckpoint, verify_checkpoint
from privledger.protocol.entries import LedgerEntry, LogKeys, is_block, parse_entry
from privledger.protocol.errors import FormatError, PrivledgerError, UnavailableError, VerificationError
from privledger.protocol.tiles import TileReader
from privledger.protocol.trust import TrustRoot, vkeys_of
from privledger.replica.mirror import Advance, Mirror, Standing, restore_frontier
from privledger.rules.state import State
from privledger.storage.files import make_directory
from privledger.storage.lock import ProcessLock
from privledger_crypto import errors as crypto_errors
from privledger_crypto import notes
from privledger_crypto.merkle import Frontier, inclusion_proof, leaf_hash, verify_inclusion

__all__ = ["LogReader", "NoCheckpoint", "Replica"]


class LogReader(Protocol):
    """Where a log is read; nothing that it answers is believed."""

    def checkpoint(self) -> bytes:
        """The newest signed checkpoint."""

    def fresh(self) -> bytes:
        """A checkpoint at most F/2 old."""

    def resource(self, path: str) -> bytes:
        """A static file of the log."""


@dataclass(frozen=True, slots=True)
class NoCheckpoint:
    """What a replica stands at before its first refresh."""

    size: int = 0


class Replica:
    """The view of one service, kept in `path` between runs. Safe to refresh from several threads and processes.

    Args:
        path: the database; its directory is made if it is missing.
        ledger: where the log is read.
        trust: the trust root; its `max_age` is not used here.
        clock: seconds since 1970 UTC.
        lock_wait: seconds to wait for another process that refreshes the same database.
    """

    def __init__(
        self, path: Path, ledger: LogReader, trust: TrustRoot, clock: Callable[[], int], *, lock_wait: float = 10.0
    ) -> None:
        make_directory(path.parent)
        self._ledger = ledger
        self._trust = trust
        self._clock = clock
        self._mirror = Mirror(path, origin=trust.origin)
        self._lock = ProcessLock(path.with_suffix(".lock"), wait=lock_wait)
        self._mutex = threading.RLock()
        self._standing: Standing | None = None
        self._checkpoint: SignedCheckpoint | None = None

    def close(self) -> None:
        """Close the database."""
        with self._mutex:
            self._mirror.close()

    @property
    def state(self) -> State:
        """The state at `checkpoint`; empty before the first refresh. It moves on when the replica does."""
        standing = self._standing
        return State.empty() if standing is None else standing.state

    @property
    def checkpoint(self) -> SignedCheckpoint | NoCheckpoint:
        """The verified checkpoint that the view stands at."""
        return self._checkpoint or NoCheckpoint()

    @property
    def view_time(self) -> int:
        """The time of the view's last block, in seconds; 0 before the first refresh."""
        return 0 if self._standing is None else self._standing.block.time

    @property
    def settings(self) -> LedgerEntry:
        """The ledger's settings.

        Raises:
            UnavailableError: nothing was replayed yet (`stale_view`).
        """
        settings = self.state.settings
        if settings is None:
            raise UnavailableError("this replica has not followed the ledger yet", code="stale_view")
        return settings

    def refresh(self, max_age: int) -> None:
        """Follow the ledger, and have a view whose last block is at most `max_age` seconds old.

        Raises:
            UnavailableError: `stale_view` if the ledger shows no newer block; the view has moved as far as it could.
            VerificationError: what the ledger shows is false, or contradicts what it showed before.
        """
        with self._mutex:
            self._follow(self._ledger.checkpoint())
            if self._age() > max_age:
                try:
                    self._follow(self._ledger.fresh())
                except UnavailableError as exc:
                    if exc.code == "locked":
                        raise
                    raise self._stale(max_age, str(exc)) from exc
            if self._age() > max_age:
                raise self._stale(max_age, "the ledger has no newer one")

    def _age(self) -> int:
        return self._clock() - self.view_time

    def _stale(self, max_age: int, why: str) -> UnavailableError:
        return UnavailableError(
            f"the view's last block is {self._age()} s old, at most {max_age} s are accepted: {why}",
            code="stale_view",
            hint="Try again when the ledger answers; check both clocks.",
        )

    # --- following --------------------------------------------------------------------------------------------------

    def _follow(self, note: bytes) -> None:
        if self._checkpoint is not None and note == self._checkpoint.note:
            return
        with self._lock:
            standing = self._standing
            try:
                self._standing, self._checkpoint = self._moved(standing, note)
            except BaseException:
                meta = None if standing is None else standing.state.meta
                if standing is not None and (meta is None or meta.next_index != standing.size):
                    # Blocks were replayed on top that are not to be believed.
                    self._standing, self._checkpoint = None, None
                raise

    def _moved(self, standing: Standing | None, note: bytes) -> tuple[Standing, SignedCheckpoint]:
        """The state at the checkpoint `note`, or at the stored one if that is newer."""
        size = _claimed_size(note)
        reader = TileReader(self._ledger.resource, size)
        standing = self._stored(standing, reader)
        if standing is not None and standing.size >= size:
            return standing, self._unmoved(standing, note)
        before = () if standing is None else _log_keys(standing.state)
        advance = self._advance(standing, reader, size)
        opening, closing = _last_block_keys(before, advance.leaves)
        if opening != closing:
            verify_checkpoint(note, self._trusting(opening))
        checkpoint = verify_checkpoint(note, self._trusting(closing))
        if advance.root != checkpoint.root:
            raise VerificationError(
                f"the leaves of the log do not give the root of its checkpoint of size {size}", code="forked"
            )
        if advance.blocks[-1].time != checkpoint.time:
            raise VerificationError("the checkpoint is not signed for the time of its block", code="forked")
        return self._mirror.commit(advance, note), checkpoint

    def _unmoved(self, standing: Standing, note: bytes) -> SignedCheckpoint:
        """The stored checkpoint, after a look at one that is not newer: it may not contradict it."""
        trust = self._trusting(_log_keys(standing.state))
        try:
            shown = verify_checkpoint(note, trust)
        except VerificationError:
            pass  # an older one, by keys of that time, or nothing that is to be believed
        else:
            if shown.size == standing.size and shown.root != standing.root:
                raise VerificationError(
                    f"the ledger signed two different checkpoints of size {shown.size}", code="forked"
                )
        return verify_checkpoint(standing.note, trust)

    def _trusting(self, log_keys: tuple[LogKeys, ...]) -> TrustRoot:
        return replace(self._trust, log_keys=vkeys_of(self._trust.origin, log_keys))

    def _stored(self, standing: Standing | None, reader: TileReader) -> Standing | None:
        """What the database holds, which another process may have moved; built anew if the log does not bear it out."""
        at = self._mirror.position()
        if at is None:
            return None
        if standing is not None and (standing.size, standing.root) == (at.size, at.root):
            return standing

        def leaf(index: int) -> bytes:
            stored = TileReader(self._ledger.resource, at.size)
            data = stored.leaf(index)
            try:
                path = inclusion_proof(stored, index, at.size)
                verify_inclusion(leaf_hash(data), index, at.size, path, at.root)
            except crypto_errors.CryptoError as exc:
                raise FormatError("the stored view is not of this log") from exc
            return data

        return self._mirror.load(leaf)

    def _advance(self, standing: Standing | None, reader: TileReader, size: int) -> Advance:
        start = 0 if standing is None else standing.size
        frontier = Frontier() if standing is None else restore_frontier(reader, start)
        if standing is not None and frontier.root() != standing.root:
            raise VerificationError(
                f"the log is not the one seen before: its first {start} leaves differ", code="forked"
            )
        leaves = list(reader.leaves(start, size))
        return self._mirror.replay(standing, leaves, frontier=frontier, verified=False, genesis=self._trust.genesis)


def _log_keys(state: State) -> tuple[LogKeys, ...]:
    """The log keys that the settings in `state` name."""
    return () if state.settings is None else state.settings.log_keys


def _last_block_keys(
    before: tuple[LogKeys, ...], leaves: Sequence[bytes]
) -> tuple[tuple[LogKeys, ...], tuple[LogKeys, ...]]:
    """The log keys before and after the last of these whole blocks, which stand on `before`; in block 0 they are the same.

    Its checkpoint needs the signatures of both (docs/spec/entries.md §4.5).
    """
    opening = closing = before
    for leaf in leaves[:-1]:
        if is_block(leaf):
            opening = closing
        elif LedgerEntry.kind.encode() in leaf and isinstance(body := parse_entry(leaf).body, LedgerEntry):
            closing = body.log_keys
    return opening or closing, closing


def _claimed_size(note: bytes) -> int:
    """The size that a checkpoint names, before anything about it is believed."""
    try:
        return notes.parse_checkpoint(notes.parse_note(note).text).size
    except (crypto_errors.CryptoError, PrivledgerError) as exc:
        raise FormatError(f"not a checkpoint: {exc}") from exc
