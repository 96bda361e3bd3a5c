"""Publishing: move the guard, sign the checkpoint, put it in place — in this order, and only when the tiles are durable.

A crash between two steps leaves a guard that is ahead of the published checkpoint; `Publisher.finish` then signs what the guard
names, once more, after the caller has shown that the tiles give its root. Nothing is ever signed that contradicts the guard.

Left to others: making tiles, and the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from privledger.ledger.guard import Guard, GuardRecord
from privledger.ledger.logfiles import LogFiles
from privledger.protocol.checkpoint import LogSigner, sign_checkpoint
from privledger.protocol.entries import LedgerEntry, LogKeys
from privledger.protocol.errors import UnavailableError

__all__ = ["Publisher", "Step"]

Step = Callable[[str], None]
"""Called with the name of each step that is done; tests raise from it, in the place of a crash."""


class Publisher:
    """Signs and publishes for one ledger.

    Args:
        signers: the log's keys; several while they change from one generation to the next.
    """

    def __init__(self, *, origin: str, files: LogFiles, guard: Guard, signers: Sequence[LogSigner], step: Step) -> None:
        self._origin = origin
        self._files = files
        self._guard = guard
        self._signers = {(s.ed25519.public, s.mldsa44.public): s for s in signers}
        self._step = step

    def signers_for(self, *settings: LedgerEntry | None) -> list[LogSigner]:
        """The signers of all log keys that these settings name.

        Raises:
            UnavailableError: one is not here (`log_key_missing`).
        """
        keys: Iterable[LogKeys] = (pair for one in settings if one is not None for pair in one.log_keys)
        wanted = dict.fromkeys((pair.ed25519, pair.mldsa44) for pair in keys)
        missing = [pair for pair in wanted if pair not in self._signers]
        if missing:
            raise UnavailableError(
                f"the ledger's settings name a log key whose secret is not here: {missing[0][0].hex()}",
                code="log_key_missing",
                hint="Add its two seeds, in hex, as a line of operator/log.key.",
            )
        return [self._signers[pair] for pair in wanted]

    def publish(self, before: GuardRecord, after: GuardRecord, signers: Sequence[LogSigner]) -> bytes:
        """Move the guard from `before` to `after`, sign and publish; returns the note.

        Raises:
            ConflictError: another sequencer moved the guard; nothing was signed.
        """
        self._guard.move(before, after)
        self._step("guard")
        return self.finish(after, signers)

    def finish(self, record: GuardRecord, signers: Sequence[LogSigner]) -> bytes:
        """Sign and publish what the guard names already; returns the note."""
        note = sign_checkpoint(self._origin, record.size, record.root, time=record.time, signers=signers)
        self._step("signed")
        self._files.publish(note)
        self._step("published")
        return note
