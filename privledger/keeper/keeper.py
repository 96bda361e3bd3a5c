"""The keeper of a directory: holds shares and releases them for live grants only (port `Keeper` of the SDK).

A release is checked in the five steps of docs/spec/release.md §2, in order, against the keeper's own replica of the chain;
its receipt is on the disk before the share leaves. Shares of an erased record are destroyed at the next look at the chain.

Left to others: files and tables (`_shares`, `_depositkeys`, `_receipts`, `_posting`), steps 1 to 3
(`privledger.replica.checks`), and submitting `receipts` entries.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from privledger.keeper._database import Database
from privledger.keeper._depositkeys import DepositKeys
from privledger.keeper._guard import ReceiptGuard
from privledger.keeper._posting import Posting
from privledger.keeper._receipts import ReceiptBook
from privledger.keeper._shares import ShareRow, Shares
from privledger.protocol.answers import ReceiptsAnswer, Release
from privledger.protocol.certificate import MAX_LINES, CertificateLine, make_certificate
from privledger.protocol.deposit import Deposit, make_holding, parse_deposit, verify_share
from privledger.protocol.entries import MAX_TIME
from privledger.protocol.errors import (
    AuthorisationError,
    ConflictError,
    FormatError,
    UnavailableError,
    VerificationError,
)
from privledger.protocol.ids import service_id
from privledger.protocol.receipt import make_receipt, receipt_map_key, seal_response, terms_map_key
from privledger.protocol.request import Request
from privledger.protocol.terms import parse_opening, verify_terms
from privledger.replica.checks import Proven, ServiceChecks, View, unproven
from privledger.replica.deposits import OwnedDeposit, admit_store, prove_deposit
from privledger.replica.notices import Notices
from privledger.storage import files
from privledger.storage.lock import ProcessLock
from privledger_crypto.cose import Ed25519Signer
from privledger_crypto.group import random_scalar
from privledger_crypto.signing import Ed25519PrivateKey

__all__ = ["LocalKeeper"]

_LOCK_WAIT = 10.0  # seconds


class LocalKeeper:
    """A keeper in `directory` (mode 0700); several processes may use one directory at once.

    Args:
        directory: created if missing.
        replica: its own view of the chain.
        signing_key: its service key; signs holdings, deposit keys, receipts and certificates.
        clock: seconds since 1970 UTC.
        random_bytes: seeds of deposit keys and blindings of the receipt map.
        backups_kept: for how many seconds a backup of this directory is kept; certificates say until when. None: none is made.
        guard_path: the file that counts the receipts outside the database; a backup of the directory may not hold it. None
            for `guard` in the directory itself, which notices a database that was restored alone.
        lock_wait: seconds to wait for another process.
    """

    def __init__(
        self,
        directory: Path,
        *,
        replica: View,
        signing_key: Ed25519PrivateKey,
        clock: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        backups_kept: int | None = None,
        guard_path: Path | None = None,
        lock_wait: float = _LOCK_WAIT,
    ) -> None:
        files.make_directory(directory)
        self._signer = Ed25519Signer(signing_key)
        self._service = service_id(signing_key.public)
        self._random_bytes = random_bytes
        self._backups_kept = backups_kept
        self._thread_lock = threading.RLock()
        self._process_lock = ProcessLock(directory / "lock", wait=lock_wait)
        self._seen_size = -1
        with self._process_lock:
            self._database = Database(directory / "keeper.sqlite")
        self._book = ReceiptBook(self._database, ReceiptGuard(guard_path or directory / "guard", service=self._service))
        self._checks = ServiceChecks(
            replica,
            service=self._service,
            notices=Notices(directory / "notices"),
            clock=clock,
            latest=self._book.latest_time(),
        )
        self._shares = Shares(directory / "shares", self._database)
        self._deposit_keys = DepositKeys(
            directory / "deposit-keys",
            self._database,
            signer=self._signer,
            service=self._service,
            random_bytes=random_bytes,
        )
        self._posting = Posting(self._book, self._checks, self._signer)
        try:
            with self._process_lock:
                self._shares.settle(now=self._checks.now())
                self._deposit_keys.sweep()
        except BaseException:
            self._database.close()
            raise

    @property
    def service(self) -> bytes:
        """The keeper's service id, 16 bytes."""
        return self._service

    def close(self) -> None:
        """Close the database; nothing is pending."""
        self._database.close()

    # --- deposits

    def deposit_key(self) -> bytes:
        """The statement of the current deposit key, which shares are sealed to."""
        with self._answering():
            return self._deposit_keys.current()

    def renew_deposit_keys(self) -> None:
        """Destroy deposit keys whose time is over, and make a new one if none lives. Every other call does so too."""
        with self._following():
            return

    def deposit(self, statement: bytes, message: bytes) -> bytes:
        """Store a share under a signed deposit, or destroy one (action `delete`, empty message).

        Returns the holding statement; of a delete, nothing.

        Raises:
            FormatError, VerificationError: not a deposit of a share, or not the share that it names.
            AuthorisationError: it may not be stored now. ConflictError: code `fixed`, `replaced` or `too_many`.
        """
        with self._answering():
            owned = prove_deposit(statement, self._checks)
            deposit = owned.deposit
            if deposit.what != "share" or deposit.action == "begin":
                raise FormatError(f"this is no way to {deposit.action} a {deposit.what} with a keeper")
            if deposit.action == "delete":
                return self._delete(deposit)
            if len(message) != deposit.size:
                raise VerificationError(
                    f"{len(message)} bytes came, the deposit names {deposit.size}", code="wrong_size"
                )
            admit_store(owned, self._checks)
            return self._store(owned, message)

    # --- releases

    def release(self, request: bytes, opening: bytes = b"") -> Release:
        """Release the share to a live grant (or to the owner), sealed to the response key, with the receipt.

        Args:
            request: the signed request, the same bytes for every keeper.
            opening: the opening of `T`; empty for the owner.

        Raises:
            AuthorisationError: the step of docs/spec/release.md §2, and its code; up to step 2 always `unproven`.
            UnavailableError: no such share here (`not_found`), the period is closed until the next block
                (`period_closed`), or receipts were lost (`receipts_lost`).
        """
        with self._answering():
            proven = self._checks.prove(request, was_answered=self._has_spent)
            wanted = proven.request
            if not wanted.response_key:
                raise unproven()  # not a request to a keeper: there is nobody to seal a share to
            self._checks.admit(proven)
            if proven.grant is not None:
                _check_terms(proven, proven.grant.terms, opening, self._checks.now())
            receipt = self._book.find(wanted)
            if receipt is None and not wanted.is_owner and self._book.is_spent(wanted):
                raise AuthorisationError(
                    f"read number {wanted.number} was used by another request",
                    code="number_used",
                    step=5,
                    hint="Send that very request again, or use the next read number.",
                )
            held = self._shares.held_for(wanted.record, wanted.epoch)
            share = self._shares.read(held, origin=self._checks.origin, service=self._service)
            answer = seal_response(wanted, share, origin=self._checks.origin, service=self._service)
            if receipt is None:
                if proven.grant is None:
                    key = receipt_map_key(wanted.record, wanted.grant, held.digest)
                else:
                    key = terms_map_key(wanted.record, wanted.grant, opening)
                receipt = self._add_receipt(wanted, key)
            return Release(answer, receipt)

    def receipts(self, ask: bytes) -> ReceiptsAnswer:
        """All receipts of a grant under the asked map key for the record's owner, and what binds them to the last posted root.

        Raises:
            AuthorisationError: code `unproven`; also for the map key of another record or grant.
        """
        with self._answering():
            asked = self._checks.prove_ask(ask, "receipts")
            receipts = self._book.all(asked.record, asked.grant, asked.map_key)
            if receipts is None:
                raise unproven()
            posted = self._posting.last_posted()
            opening = None if posted is None else self._book.opening(asked.map_key, posted.b).to_bytes()
            return ReceiptsAnswer(receipts, opening)

    def certificate(self, ask: bytes) -> bytes:
        """The erasure certificate of a record for its owner; pending while a deposit key that carried a share lives.

        Raises:
            AuthorisationError: code `unproven`.
            UnavailableError: code `not_found`: never held; `not_destroyed`: the record is live and its share is held.
        """
        with self._answering():
            asked = self._checks.prove_ask(ask, "certificate")
            rows = self._shares.rows(asked.record)
            if not rows:
                raise UnavailableError("this keeper never held a share of this record", code="not_found")
            if any(row.destroyed_at is None for row in rows):
                raise UnavailableError(
                    "this keeper holds a share of this record",
                    code="not_destroyed",
                    hint="Erase the record; its certificate is made once the erase stands in the log.",
                )
            lines = [self._line(row) for row in rows]
            time = max(self._checks.now(), *(max(line.destroyed_at, line.key_destroyed_at or 0) for line in lines))
            return make_certificate(
                self._signer,
                origin=self._checks.origin,
                service=self._service,
                record=asked.record,
                lines=lines,
                # Counted from now on, which is no earlier than the last backup that can hold any of it.
                backups_until=0 if self._backups_kept is None else min(time + self._backups_kept, MAX_TIME),
                time=time,
            )

    # --- what others bring, and upkeep

    def notify(self, entry: bytes) -> None:
        """Take a signed `revoke` or `erase` that binds before its block.

        Raises:
            FormatError, VerificationError: not one that is signed by the state's record key.
        """
        with self._following():
            self._checks.notices.take(entry, self._checks.state, origin=self._checks.origin)

    def due(self) -> bool:
        """Whether it is time to post the receipt map's root."""
        with self._answering():
            return self._posting.is_due()

    def prepare_receipts(self) -> bytes:
        """The signed `receipts` entry to submit now. From here on receipts name a checkpoint after its period.

        Raises:
            UnavailableError: code `unknown_service` or `nothing_to_post`.
        """
        with self._answering():
            return self._posting.prepare()

    def receipts_posted(self, accepted: bool) -> None:
        """Note what became of the prepared entry. Left out after a crash: the chain says it too."""
        with self._following():
            self._posting.posted(accepted)

    def sweep(self) -> int:
        """Destroy shares whose epoch never became current within the limit; returns how many. Renews deposit keys too."""
        with self._following():
            self._checks.notices.sweep(self._checks.state)
            before = self._checks.now() - self._checks.settings.limits.deposit_retention
            old = [row for row in self._shares.held() if row.stored_at < before and not self._is_current(row)]
            return self._shares.destroy(old, now=self._checks.now())

    # --- inside

    @contextmanager
    def _following(self) -> Iterator[None]:
        """Hold the locks, follow the chain, and do at once what it and the time demand."""
        with self._thread_lock, self._process_lock, self._checks.steady():
            self._checks.refresh(beyond=self._posting.floor())
            self._destroy_erased()
            limits, now = self._checks.settings.limits, self._checks.now()
            self._deposit_keys.renew(now=now, life=limits.deposit_key_life, origin=self._checks.origin)
            self._posting.settle()
            yield

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """As `_following`, if no receipts were lost."""
        with self._following():
            self._posting.verify()
            yield

    def _destroy_erased(self) -> None:
        size = self._checks.view.checkpoint.size
        if size == self._seen_size:
            return
        for row in self._shares.held():
            record = self._checks.state.record(row.record)
            if record is not None and not record.is_live:
                self._shares.destroy([row], now=self._checks.now())
        self._seen_size = size

    def _is_current(self, row: ShareRow) -> bool:
        record = self._checks.state.record(row.record)
        return record is not None and row.epoch <= record.epoch

    def _store(self, owned: OwnedDeposit, message: bytes) -> bytes:
        deposit, now = owned.deposit, self._checks.now()
        earlier = self._shares.rows(deposit.record, deposit.epoch)
        if owned.is_current and earlier and earlier[-1].digest != deposit.digest:
            raise ConflictError(
                "the share of this epoch is held already, and is fixed since the record is on the chain",
                code="fixed",
                hint="A retry must send the very share of the first attempt.",
            )
        if len(self._shares.rows(deposit.record)) >= MAX_LINES and all(r.digest != deposit.digest for r in earlier):
            raise ConflictError("a record has room for 64 share deposits with one keeper", code="too_many")
        share, key = self._deposit_keys.open(deposit, message, origin=self._checks.origin)
        if deposit.share is None or share.index != deposit.share.index:
            raise VerificationError("the share is of another index than the deposit names", code="wrong_digest")
        verify_share(
            share,
            deposit.digest,
            origin=self._checks.origin,
            record=deposit.record,
            epoch=deposit.epoch,
            service=self._service,
        )
        holding = make_holding(
            self._signer, origin=self._checks.origin, service=self._service, deposit=deposit.raw, time=now
        )
        self._shares.store(deposit, share, holding=holding, deposit_key=key, now=now)
        return holding

    def _delete(self, deposit: Deposit) -> bytes:
        held = [row for row in self._shares.rows(deposit.record, deposit.epoch) if row.destroyed_at is None]
        if held and held[-1].digest != deposit.digest:
            raise ConflictError(
                "another share is held than this delete names",
                code="replaced",
                hint="Sign a delete with the digest of what is held now.",
            )
        self._shares.destroy(held, now=self._checks.now())
        return b""

    def _has_spent(self, request: Request) -> bool:
        return not request.is_owner and self._book.find(request) is not None

    def _add_receipt(self, request: Request, map_key: bytes) -> bytes:
        """Sign a receipt and store it durably."""
        size = self._open_size()
        chain = self._book.chain(map_key)
        units, time = (0 if request.is_owner else 1), self._checks.now()
        receipt = make_receipt(
            self._signer,
            origin=self._checks.origin,
            service=self._service,
            request=request,
            size=size,
            time=time,
            number=chain.count + 1,
            head_before=chain.head,
            units=units,
        )
        rho = random_scalar(self._random_bytes)
        self._book.append(request, map_key, chain, receipt, size=size, time=time, units=units, rho=rho)
        return receipt

    def _open_size(self) -> int:
        """The size of the view, which must lie after every period that was closed."""
        size = self._checks.view.checkpoint.size
        if size <= self._posting.floor():
            raise UnavailableError(
                "the receipts up to this checkpoint are posted, and no later one is here yet",
                code="period_closed",
                hint="Try again after the next block.",
            )
        return size

    def _line(self, row: ShareRow) -> CertificateLine:
        fate = self._deposit_keys.fate(row.deposit_key)
        return CertificateLine(
            deposit=parse_deposit(row.deposit, self._checks.origin),
            destroyed_at=row.destroyed_at or 0,
            key_digest=row.deposit_key,
            key_until=fate.until,
            key_destroyed_at=fate.destroyed_at,
        )


def _check_terms(proven: Proven, commitment: bytes, opening: bytes, now: int) -> None:
    """Step 4: the opening opens `T`, and time and read number lie within the terms."""
    try:
        terms, blinding = parse_opening(opening)
        verify_terms(commitment, terms, blinding)
    except (FormatError, VerificationError) as exc:
        raise _refused("bad_opening", "the opening does not open the grant's terms") from exc
    if now < terms.not_before:
        raise _refused("not_yet", f"the grant begins at {terms.not_before}, it is {now}")
    if now > terms.not_after:
        raise _refused("expired", f"the grant ended at {terms.not_after}, it is {now}")
    if not terms.first_read <= proven.request.number <= terms.last_read:
        allowed = f"{terms.first_read} to {terms.last_read}"
        raise _refused("number_out_of_range", f"read number {proven.request.number} is not one of {allowed}")


def _refused(code: str, message: str) -> AuthorisationError:
    return AuthorisationError(message, code=code, step=4)
