"""Who may store something with a service, and when: what vault and keeper have in common (docs/spec/record.md §4).

Refusals carry the step as a read's do: 1 the deposit is not for this service, 2 the wrong key, 3 what the chain says. Sizes are
checked where the statement is read (`privledger.protocol.deposit`). Left to others: what may be replaced, and whether the
bytes are those that the deposit names (the services).
"""

from __future__ import annotations

from dataclasses import dataclass

from privledger.protocol.deposit import Deposit, parse_deposit
from privledger.protocol.errors import AuthorisationError
from privledger.protocol.ids import record_id
from privledger.protocol.state import RecordState
from privledger.replica.checks import ServiceChecks

__all__ = ["FIRST_EPOCH", "OwnedDeposit", "admit_store", "prove_deposit", "refuse_deposit"]

FIRST_EPOCH = 0  # a `record` entry begins epoch 0


@dataclass(frozen=True, slots=True)
class OwnedDeposit:
    """A deposit by the record's key; `record` is its state, None before it exists."""

    deposit: Deposit
    record: RecordState | None

    @property
    def is_current(self) -> bool:
        """Whether its epoch is current or past, so that shares and blobs of it are fixed."""
        return self.record is not None and self.deposit.epoch <= self.record.epoch


def prove_deposit(raw: bytes, checks: ServiceChecks) -> OwnedDeposit:
    """Read a deposit for this service, signed by the state's record key or, before the record exists, the key of its id.

    Raises:
        FormatError, VerificationError: not a deposit statement of this ledger.
        AuthorisationError: step 1, code `wrong_service`, or step 2, code `wrong_key`.
    """
    deposit = parse_deposit(raw, checks.origin)
    if deposit.service != checks.service:
        raise AuthorisationError("this deposit is for another service", code="wrong_service", step=1)
    record = checks.state.record(deposit.record)
    may = record_id(deposit.key) == deposit.record if record is None else deposit.key == record.key
    if not may:
        raise AuthorisationError("this deposit is not signed by the record's key", code="wrong_key", step=2)
    return OwnedDeposit(deposit, record)


def admit_store(owned: OwnedDeposit, checks: ServiceChecks) -> None:
    """Check that the view is fresh, the record not erased (on the chain or in hand), and the epoch current or the next.

    Raises:
        AuthorisationError: step 3, code `record_erased`, `stale_view` or `wrong_epoch`.
    """
    epoch, record = owned.deposit.epoch, owned.record
    if record is None:
        checks.check_fresh()
        if epoch != FIRST_EPOCH:
            raise refuse_deposit("wrong_epoch", f"a record begins with epoch {FIRST_EPOCH}, not {epoch}")
        return
    checks.check_live(owned.deposit.record, record)
    checks.check_fresh()
    if epoch not in (record.epoch, record.epoch + 1):
        raise refuse_deposit("wrong_epoch", f"the record is in epoch {record.epoch}, not {epoch}")


def refuse_deposit(code: str, message: str) -> AuthorisationError:
    """A refusal because of what the chain says (step 3)."""
    return AuthorisationError(message, code=code, step=3)
