"""A ledger seen with suspicion: every answer is checked against the trust root and the last checkpoint this wallet accepted.

    view = LedgerView(ledger, trust, memory=wallet, clock=clock)
    values = view.state([record_key(id)])          # proven at a fresh, consistent checkpoint
    index = view.submit_one(entry)                 # accepted, and included

A ledger that shows an older, a forked or a false state is an error here and never a result (promise P5). Left to others: what the
values mean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

from privledger.protocol.checkpoint import SignedCheckpoint, verify_checkpoint
from privledger.protocol.entries import LedgerEntry
from privledger.protocol.errors import RefusedError, VerificationError
from privledger.protocol.light import StateAnswer, VerifiedState, check_age, verify_state_answer
from privledger.protocol.outcomes import Refused
from privledger.protocol.state import (
    SETTINGS_KEY,
    GrantState,
    RecordState,
    ServiceState,
    grant_key,
    parse_grant_state,
    parse_record_state,
    parse_service_state,
    parse_settings,
    record_key,
    service_key,
)
from privledger.protocol.trust import TrustRoot
from privledger.sdk.ports import Ledger
from privledger_crypto import errors as crypto_errors
from privledger_crypto import merkle

__all__ = ["CheckpointMemory", "LedgerView"]


class CheckpointMemory(Protocol):
    """Where the newest accepted checkpoint is kept between runs."""

    def last_checkpoint(self) -> bytes | None: ...

    def save_checkpoint(self, note: bytes) -> None: ...


class LedgerView:
    """The `Ledger` port behind checks. Holds the newest checkpoint that was verified and consistent."""

    def __init__(self, ledger: Ledger, trust: TrustRoot, *, memory: CheckpointMemory, clock: Callable[[], int]) -> None:
        if ledger.origin != trust.origin:
            raise VerificationError(
                f"this place holds the ledger {ledger.origin}, the wallet trusts {trust.origin}",
                code="wrong_origin",
                hint="Use --at PLACE with the right place, or another wallet.",
            )
        self.port = ledger
        self.trust = trust
        self.clock = clock
        self._memory = memory
        note = memory.last_checkpoint()
        self._last: SignedCheckpoint | None = None if note is None else verify_checkpoint(note, trust)

    @property
    def origin(self) -> str:
        """The ledger's origin."""
        return self.trust.origin

    def accept(self, note: bytes) -> SignedCheckpoint:
        """Take a checkpoint if it is signed, of this very ledger, and extends the last accepted one; remember it.

        Raises:
            VerificationError: not signed by this ledger (code `false`), of a ledger with another entry 0 (`wrong_genesis`), a
                fork (`forked`), or older than what this wallet has seen (`older`).
        """
        new = verify_checkpoint(note, self.trust)
        last = self._last
        if last is None:
            self._check_genesis(new)
            self._remember(new)
        elif new.size < last.size:
            raise VerificationError(
                f"the ledger shows its state at size {new.size}, and this wallet has seen it at size {last.size}",
                code="older",
                hint="A copy that lags behind, or a service that hides what came since. Try again, or use another place.",
            )
        else:
            self._check_extends(last, new)
            self._remember(new)
        return new

    def _check_genesis(self, new: SignedCheckpoint) -> None:
        """First contact: entry 0 is the one that the trust root names."""
        leaf = self.port.leaves(0, 1)[0] if new.size else b""
        if hashlib.sha256(leaf).digest() != self.trust.genesis:
            raise VerificationError(
                "entry 0 of this ledger is not the one that the trust root names",
                code="wrong_genesis",
                hint="This is another ledger under the same name and keys. Compare the trust root with somebody who uses it.",
            )
        self.verify_leaf(leaf, 0, new)

    def _check_extends(self, last: SignedCheckpoint, new: SignedCheckpoint) -> None:
        try:
            if last.size == new.size:
                if last.root != new.root:
                    raise crypto_errors.VerificationError("two roots of one size")
            else:
                path = self.port.consistency(last.size, new.size)
                merkle.verify_consistency(last.size, last.root, new.size, new.root, path)
        except crypto_errors.CryptoError as exc:
            raise VerificationError(
                f"the ledger's history changed: the checkpoint of size {new.size} does not fit the one of size {last.size} "
                "that this wallet accepted before",
                code="forked",
                hint="Keep both checkpoints; they are evidence. `privledger audit` can write it to a file.",
            ) from exc

    def _remember(self, checkpoint: SignedCheckpoint) -> None:
        if self._last is None or checkpoint.size > self._last.size:
            self._memory.save_checkpoint(checkpoint.note)
            self._last = checkpoint

    def fresh(self) -> SignedCheckpoint:
        """A verified checkpoint, at most the trust root's `max_age` old.

        Raises:
            VerificationError: as `accept`. UnavailableError: too old (code `stale_view`).
        """
        checkpoint = self.accept(self.port.fresh())
        check_age(checkpoint.time, now=self.clock(), max_age=self.trust.max_age)
        return checkpoint

    def state(self, keys: Sequence[bytes]) -> VerifiedState:
        """Proven values of `keys` at a checkpoint that is fresh and extends what this wallet has seen.

        Raises:
            VerificationError: a proof does not hold, or as `accept`. UnavailableError: the state is old.
        """
        return self.answer(keys)[1]

    def answer(self, keys: Sequence[bytes]) -> tuple[StateAnswer, VerifiedState]:
        """As `state`, with the answer itself, to pass on."""
        self.port.fresh()
        answer = self.port.state(keys)
        verified = verify_state_answer(answer, self.trust, now=self.clock(), max_age=self.trust.max_age)
        self.accept(answer.note)
        missing = [key for key in keys if key not in verified.values]
        if missing:
            raise VerificationError(f"the ledger left out {len(missing)} of the values asked for")
        return answer, verified

    def record(self, record: bytes) -> RecordState | None:
        """The proven state of a record, or None if there is none."""
        key = record_key(record)
        value = self.state([key]).values[key]
        return None if value is None else parse_record_state(value)

    def grant(self, record: bytes, grant: bytes) -> tuple[RecordState | None, GrantState | None]:
        """The proven states of a record and of one grant, at one checkpoint."""
        first, second = record_key(record), grant_key(record, grant)
        values = self.state([first, second]).values
        a, b = values[first], values[second]
        return (None if a is None else parse_record_state(a)), (None if b is None else parse_grant_state(b))

    def service(self, service: bytes) -> ServiceState | None:
        """The proven state of a service, or None."""
        key = service_key(service)
        value = self.state([key]).values[key]
        return None if value is None else parse_service_state(value)

    def settings(self) -> LedgerEntry:
        """The proven settings of the ledger."""
        value = self.state([SETTINGS_KEY]).values[SETTINGS_KEY]
        if value is None:
            raise VerificationError("the ledger proves that it has no settings")
        return parse_settings(value)

    def submit(self, entries: Sequence[bytes]) -> list[int]:
        """Submit entries, and check that each stands in the log under a consistent checkpoint.

        Raises:
            RefusedError: the rules refuse one; the others may stand (submitting again is safe).
            VerificationError: the ledger answered `accepted` and cannot prove it.
        """
        outcomes = self.port.submit(entries)
        if len(outcomes) != len(entries):
            raise VerificationError("the ledger answered for another number of entries than it was given")
        checkpoint = self.accept(self.port.checkpoint())
        indices = []
        for entry, outcome in zip(entries, outcomes, strict=True):
            if isinstance(outcome, Refused):
                raise RefusedError(f"the ledger refuses the entry: {outcome.detail}", code=outcome.code)
            self.verify_leaf(entry, outcome.index, checkpoint)
            indices.append(outcome.index)
        return indices

    def submit_one(self, entry: bytes) -> int:
        """Submit one entry; returns its index."""
        return self.submit([entry])[0]

    def verify_leaf(self, leaf: bytes, index: int, checkpoint: SignedCheckpoint) -> list[bytes]:
        """Check that `leaf` stands at `index` under a checkpoint; returns the inclusion path.

        Raises:
            VerificationError: it does not.
        """
        if not 0 <= index < checkpoint.size:
            raise VerificationError(
                f"the ledger says that an entry stands at index {index}, beyond its own checkpoint of {checkpoint.size}",
                code="swallowed",
            )
        try:
            path = self.port.inclusion(index, checkpoint.size)
            merkle.verify_inclusion(merkle.leaf_hash(leaf), index, checkpoint.size, path, checkpoint.root)
        except crypto_errors.CryptoError as exc:
            raise VerificationError(
                f"the ledger says that an entry stands at index {index} and cannot prove it", code="swallowed"
            ) from exc
        return path
