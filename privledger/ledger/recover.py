"""Recovery: after a crash, a restore or another process's work, bring guard, checkpoint, memory and index to one point.

What may be found, and what is done (docs/spec/entries.md §5):

- tiles beyond the guard: a block that was never decided. Ignored, and overwritten by the next block.
- the guard ahead of the published checkpoint: decided. If the tiles give the guard's root, it is signed again and published.
- the guard ahead, and the tiles missing or different: a log restored from a backup. Refused, since going on would fork.
- the guard behind a checkpoint that our own keys signed: an older operator directory. Moved forward, if the tiles agree.
- the index behind: replayed. The index ahead, contradicting the log, damaged or gone: built anew from the log.

The caller holds the ledger's lock. Left to others: closing blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from privledger.ledger.guard import Guard, GuardRecord
from privledger.ledger.integrate import TreeTail
from privledger.ledger.logfiles import LogFiles
from privledger.ledger.publish import Publisher
from privledger.protocol.checkpoint import LogSigner, SignedCheckpoint, verify_checkpoint
from privledger.protocol.errors import ConflictError, FormatError, PrivledgerError, UnavailableError, VerificationError
from privledger.protocol.tiles import TileReader
from privledger.protocol.trust import TrustRoot, vkeys_of
from privledger.replica.mirror import Advance, Mirror, Standing

__all__ = ["Memory", "Recovery"]


@dataclass(frozen=True, slots=True)
class Memory:
    """The ledger at its last block, ready for the next: None for `standing` before block 0."""

    standing: Standing | None
    tail: TreeTail = field(repr=False)
    guard: GuardRecord


class Recovery:
    """Finds out where a ledger stands, and finishes what a crash left unfinished."""

    def __init__(
        self,
        *,
        origin: str,
        files: LogFiles,
        mirror: Mirror,
        guard: Guard,
        publisher: Publisher,
        signers: Sequence[LogSigner],
    ) -> None:
        self._files = files
        self._mirror = mirror
        self._guard = guard
        self._publisher = publisher
        keys = vkeys_of(origin, [signer.public for signer in signers])
        self._trust = TrustRoot(origin, sha256(b"").digest(), keys)

    def settle(self, memory: Memory | None) -> Memory:
        """Where the ledger stands, all parts brought together; `memory` is what the caller remembers, if anything.

        Raises:
            UnavailableError: `restored_backup`, `guard_missing`, `log_key_missing`, or the system would not let us.
            ConflictError: `forked`.
        """
        record, note = self._guard.read(), self._files.checkpoint()
        if memory is not None and self._is_current(memory, record, note):
            return memory
        self._files.sweep()
        published = self.published(note)
        if record.size == 0 and published is None:
            self._mirror.wipe()
            return Memory(None, TreeTail(), record)
        target = record
        if published is not None:
            _check_fork(record, published)
            if published.size > record.size:
                target = GuardRecord(published.size, published.root, published.time)
        standing, advance, tail, signers = self._reach(self._start(memory, target), target)
        if target.size > record.size:
            self._guard.move(record, target)
        if published is None or published.size < record.size:
            note = self._publisher.finish(record, signers)
        elif published is not None:
            note = published.note
        return self._stored(standing, advance, tail, target, note or b"")

    def published(self, note: bytes | None) -> SignedCheckpoint | None:
        """The checkpoint that stands published; None if there is none, or a damaged one (which is then signed again)."""
        if note is None:
            return None
        try:
            return verify_checkpoint(note, self._trust)
        except (FormatError, VerificationError):
            return None

    def follow(self, memory: Memory, checkpoint: SignedCheckpoint) -> Memory:
        """`memory` brought to what another process published, in memory only and without the lock.

        The state of `memory` is changed in place: if this fails, it is of no more use.
        """
        target = GuardRecord(checkpoint.size, checkpoint.root, checkpoint.time)
        standing, advance, tail, _ = self._reach(memory.standing, target)
        if advance is not None:
            advance.state.take_changes()
            standing = Standing(advance.state, advance.blocks[-1], advance.size, advance.root, checkpoint.note)
        if standing is None:
            raise UnavailableError("the published log has no block", code="restored_backup")
        return Memory(replace(standing, note=checkpoint.note), tail, target)

    def _is_current(self, memory: Memory, record: GuardRecord, note: bytes | None) -> bool:
        standing = memory.standing
        if standing is None or note != standing.note or record != memory.guard:
            return False
        at = self._mirror.position()
        return at is not None and at.size == standing.size and at.root == standing.root

    def _start(self, memory: Memory | None, target: GuardRecord) -> Standing | None:
        """The newest state that may be replayed from: remembered and stored, else stored, else None (the beginning)."""
        at = self._mirror.position()
        if at is None or at.size > target.size or not self._stands(at.size, at.root):
            self._mirror.wipe()
            return None
        standing = None if memory is None else memory.standing
        if standing is not None and (standing.size, standing.root) == (at.size, at.root):
            return standing
        return self._mirror.load(TileReader(self._files.read, target.size).leaf)

    def _stands(self, size: int, root: bytes) -> bool:
        """Whether the tiles on disk give this root at this size."""
        try:
            return TreeTail.restore(self._files.read, size).root() == root
        except PrivledgerError:
            return False

    def _reach(
        self, standing: Standing | None, target: GuardRecord
    ) -> tuple[Standing | None, Advance | None, TreeTail, list[LogSigner]]:
        """Replay to `target` and show that the tiles give its root; also the signers of its block."""
        before = None if standing is None else standing.state.settings
        advance = None
        try:
            tail = TreeTail.restore(self._files.read, target.size)
            if standing is None or standing.size < target.size:
                start = TreeTail() if standing is None else TreeTail.restore(self._files.read, standing.size)
                leaves = list(TileReader(self._files.read, target.size).leaves(start.size, target.size))
                advance = self._mirror.replay(standing, leaves, frontier=start.frontier(), verified=True)
        except (FormatError, VerificationError, UnavailableError) as exc:
            if isinstance(exc, UnavailableError) and exc.code != "not_found":
                raise
            raise _restored(target, str(exc)) from exc
        root = tail.root() if advance is None else advance.root
        if (tail.root(), root) != (target.root, target.root):
            raise _restored(target, "the tiles give another root")
        if advance is None and standing is not None:
            return standing, None, tail, self._publisher.signers_for(before)
        after = None if advance is None else advance.state.settings
        return standing, advance, tail, self._publisher.signers_for(before, after)

    def _stored(
        self, standing: Standing | None, advance: Advance | None, tail: TreeTail, target: GuardRecord, note: bytes
    ) -> Memory:
        if advance is not None:
            standing = self._mirror.commit(advance, note)
        if standing is None:
            raise UnavailableError("the log has no block", code="restored_backup")
        return Memory(replace(standing, note=note), tail, target)


def _check_fork(record: GuardRecord, published: SignedCheckpoint) -> None:
    if published.size == record.size and published.root != record.root:
        raise ConflictError(
            f"two different checkpoints of size {record.size} exist: the guard's and the published one",
            code="forked",
            hint="Keep both files as evidence and stop: one of them was signed by another holder of the log keys.",
        )


def _restored(target: GuardRecord, reason: str) -> UnavailableError:
    return UnavailableError(
        f"the log is older than its guard, or damaged: size {target.size} was signed, and {reason}",
        code="restored_backup",
        hint="Restore a newer backup of the log directory. To go on from an older one would fork the ledger.",
    )
