"""The beginning of a ledger: its guard, and block 0 with the `ledger` entry and the services that are there from the start.

    ledger = create_ledger(directory, guard_path=guard, governance=[signer], log_signer=log_signer, origin=origin,
                           limits=Limits(), services=[ServiceEntry(…)], clock=clock)

Left to others: making and keeping the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from privledger.ledger.guard import Guard, GuardRecord
from privledger.ledger.ledger import LocalLedger, open_ledger
from privledger.protocol.checkpoint import LogSigner
from privledger.protocol.entries import LedgerEntry, Limits, ServiceEntry, make_entry
from privledger.protocol.errors import UsageError
from privledger.protocol.outcomes import Refused
from privledger_crypto.cose import Signer
from privledger_crypto.merkle import EMPTY_ROOT

__all__ = ["create_ledger"]


def create_ledger(
    directory: Path,
    *,
    origin: str,
    guard_path: Path,
    governance: Sequence[Signer],
    log_signer: LogSigner,
    limits: Limits,
    services: Sequence[ServiceEntry] = (),
    clock: Callable[[], int],
    quorum: int | None = None,
    lock_wait: float = 10.0,
) -> LocalLedger:
    """Make a ledger and close its block 0.

    Args:
        directory: for `log/` and `ledger/`.
        origin: from `new_origin`.
        guard_path: where the guard will stand; nothing may be there.
        governance: signers of `ledger` and `service` entries, 1 to 16.
        log_signer: the log's keys.
        limits: F and the others.
        services: written into block 0 after the `ledger` entry, with seq 0.
        clock: seconds since 1970 UTC.
        quorum: how many governance keys sign; all of them if None.

    Raises:
        ConflictError: a guard stands there already.
        UsageError: the rules refuse an entry.
    """
    signers = sorted(governance, key=lambda signer: signer.key_id)
    needed = len(signers) if quorum is None else quorum
    settings = LedgerEntry(
        seq=0,
        origin=origin,
        governance=tuple(signer.key_id for signer in signers),
        quorum=needed,
        log_keys=(log_signer.public,),
        limits=limits,
    )
    bodies: list[LedgerEntry | ServiceEntry] = [settings, *services]
    leaves = [make_entry(signers[:needed], body, origin=origin) for body in bodies]
    Guard(guard_path, origin=origin).create(GuardRecord(0, EMPTY_ROOT, 0))
    ledger = open_ledger(
        directory, origin=origin, signers=[log_signer], guard_path=guard_path, clock=clock, lock_wait=lock_wait
    )
    try:
        for outcome in ledger.submit(leaves):
            if isinstance(outcome, Refused):
                raise UsageError(f"the ledger cannot begin like this ({outcome.code}): {outcome.detail}")
    except BaseException:
        ledger.close()
        raise
    return ledger
