"""The vault of a directory: blobs, descriptors, capsules, notes and envelopes, all sealed (port `Vault` of the SDK).

Every store and delete proves itself by a deposit statement, every read by a request; nothing else is asked. The vault
follows the chain in its own replica and refuses what it says is over. What it destroys when a record is erased is
everything of that record.

Left to others: the files (`_store`, `_staging`), steps 1 to 3 of a read (`privledger.replica.checks`), and what is inside.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from privledger.protocol.answers import Segments
from privledger.protocol.deposit import FIXED_SIZE, Deposit, make_holding
from privledger.protocol.errors import (
    AuthorisationError,
    ConflictError,
    FormatError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from privledger.protocol.ids import service_id
from privledger.replica.checks import Proven, ServiceChecks, View, unproven
from privledger.replica.deposits import OwnedDeposit, admit_store, prove_deposit, refuse_deposit
from privledger.replica.notices import Notices
from privledger.storage import files
from privledger.storage.lock import ProcessLock
from privledger.vault._staging import StagedBlob, sweep_staging
from privledger.vault._store import ObjectName, ObjectStore
from privledger_crypto import cbor
from privledger_crypto.cose import Ed25519Signer
from privledger_crypto.segments import SegmentTree
from privledger_crypto.signing import Ed25519PrivateKey

__all__ = ["MAX_SEGMENTS", "LocalUpload", "LocalVault"]

MAX_SEGMENTS = 64  # of 1 MiB in one answer
_MAX_OBJECT = 1 << 20  # bytes of anything but a blob; the deposit statement allows less
_LOCK_WAIT = 10.0  # seconds
_OWNERS = ("capsule", "note")  # what only the owner may fetch


class LocalUpload:
    """A blob on its way into a vault. Nothing of it is visible before `commit`."""

    def __init__(self, vault: LocalVault, begun: Deposit, staged: StagedBlob) -> None:
        self._vault = vault
        self._begun = begun
        self._staged = staged

    def write(self, data: bytes) -> None:
        """Take the next bytes, in pieces of any length.

        Raises:
            FormatError: more than `begin` announced; the upload is over.
            UnavailableError: the disk failed; the upload is over.
        """
        self._staged.write(data)

    def computed(self) -> tuple[int, bytes]:
        """Size and root of what was written so far, which is all of it: a later write is refused.

        For a caller in this process, which need not hash the same bytes again.
        """
        tree = self._staged.tree()
        return tree.size, tree.root

    def commit(self, statement: bytes) -> bytes:
        """Make the blob durable and visible under the signed deposit `statement`; returns the holding statement.

        Whatever is wrong ends the upload, and nothing of it stays.

        Raises:
            FormatError, VerificationError: not a deposit, or not of these bytes (codes `wrong_size`, `wrong_digest`).
            AuthorisationError: it may not be stored now. ConflictError: code `fixed`.
        """
        try:
            return self._vault._commit(self._begun, self._staged, statement)
        finally:
            self._staged.discard()

    def abort(self) -> None:
        """Drop what came. Safe to repeat."""
        self._staged.discard()


class LocalVault:
    """A vault in `directory`; several processes may use one directory at once.

    Args:
        directory: created if missing; the layout is docs/spec/record.md §7.
        replica: its own view of the chain.
        signing_key: its service key; signs what it holds.
        clock: seconds since 1970 UTC.
        random_bytes: names uploads under way.
        lock_wait: seconds to wait for another process that writes.
    """

    def __init__(
        self,
        directory: Path,
        *,
        replica: View,
        signing_key: Ed25519PrivateKey,
        clock: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        lock_wait: float = _LOCK_WAIT,
    ) -> None:
        files.make_directory(directory)
        self._store = ObjectStore(directory)
        self._signer = Ed25519Signer(signing_key)
        self._service = service_id(signing_key.public)
        self._checks = ServiceChecks(
            replica, service=self._service, notices=Notices(directory / "notices"), clock=clock
        )
        self._clock = clock
        self._random_bytes = random_bytes
        self._thread_lock = threading.RLock()
        self._process_lock = ProcessLock(directory / "lock", wait=lock_wait)
        self._swept_size = -1
        sweep_staging(self._store.staging)

    @property
    def service(self) -> bytes:
        """The vault's service id, 16 bytes."""
        return self._service

    # --- storing

    def begin(self, statement: bytes) -> LocalUpload:
        """Open the upload of a blob under a deposit with action `begin`, whose size is the most that will come.

        Raises:
            FormatError, VerificationError: not such a deposit. AuthorisationError: it may not be stored now.
        """
        with self._following():
            owned = prove_deposit(statement, self._checks)
            if owned.deposit.action != "begin":
                raise FormatError(f"an upload begins with a deposit to begin, not to {owned.deposit.action}")
            admit_store(owned, self._checks)
        name = self._random_bytes(8).hex()
        return LocalUpload(self, owned.deposit, StagedBlob(self._store.staging / name, owned.deposit.size))

    def put(self, statement: bytes, content: bytes, *, entry: bytes | None = None) -> bytes:
        """Store a descriptor, capsule, note or envelope under a signed deposit; returns the holding statement.

        Args:
            entry: the signed `rotate` that hands the record to a new key; rules version 1 has none.

        Raises:
            FormatError, VerificationError: not a deposit of such an object, or not of these bytes.
            AuthorisationError: it may not be stored now.
        """
        if entry is not None:
            raise FormatError("rules version 1 has no entry that lets another key store", code="unknown_kind")
        with self._following():
            owned = prove_deposit(statement, self._checks)
            deposit = owned.deposit
            if deposit.action != "store" or deposit.what in ("share", "blob"):
                raise FormatError(f"this is no way to {deposit.action} a {deposit.what} in a vault")
            _check_content(deposit, len(content), hashlib.sha256(content).digest())
            self._admit(owned)
            holding = self._holding(statement)
            self._store.put(_name(deposit), content, deposit.digest, statement, holding)
            return holding

    def delete(self, statement: bytes) -> None:
        """Destroy what a signed deposit with action `delete` names; no error if it is gone.

        A delete names the digest of what it undoes, so that an old one cannot be used again on a newer object.

        Raises:
            FormatError, VerificationError, AuthorisationError: not such a deposit by the record's key.
            ConflictError: other bytes are held (code `replaced`).
        """
        with self._following():
            deposit = prove_deposit(statement, self._checks).deposit
            if deposit.action != "delete" or deposit.what == "share":
                raise FormatError(f"this is no way to {deposit.action} a {deposit.what} in a vault")
            held = self._store.held(_name(deposit))
            if held is None:
                return
            if held.digest != deposit.digest:
                raise ConflictError(
                    f"another {deposit.what} is held than this delete names",
                    code="replaced",
                    hint="Sign a delete with the digest of what is held now.",
                )
            self._store.delete(_name(deposit))

    # --- reading

    def envelope(self, record: bytes, grant: bytes, epoch: int) -> bytes:
        """The envelope of a live grant, 4,096 bytes that only the addressee opens; anyone may ask.

        Raises:
            UnavailableError: code `not_found`, also where the grant is not live.
        """
        with self._following():
            found, granted = self._checks.state.record(record), self._checks.state.grant(record, grant)
            try:
                if found is None or granted is None:
                    raise refuse_deposit("unknown_grant", "no such grant")
                self._checks.check_live(record, found, grant, granted)
            except AuthorisationError as exc:
                raise UnavailableError("this vault holds no such envelope", code="not_found") from exc
        return self._store.read(ObjectName(record, epoch, "envelope", grant), max_size=FIXED_SIZE)

    def fetch(self, request: bytes, what: str, item: bytes = b"") -> bytes:
        """A `descriptor`; or, for a request of the owner, a `capsule` or a `note` (item: the grant id).

        Raises:
            AuthorisationError: steps 1 to 3 of docs/spec/release.md §2; up to step 2 always code `unproven`.
            UnavailableError: code `not_found`. UsageError: nothing that is fetched this way.
        """
        if what not in ("descriptor", *_OWNERS):
            raise UsageError(f"a {what!r} is not fetched from a vault", hint="Ask for a descriptor, capsule or note.")
        with self._following():
            proven = self._prove(request, owner_only=what in _OWNERS)
            name = ObjectName(proven.request.record, proven.request.epoch, what, item)
        return self._store.read(name, max_size=_MAX_OBJECT)

    def segments(self, request: bytes, first: int, count: int) -> Segments:
        """Segments `first` to `first + count - 1` of the blob (fewer at its end), at most 64, with their proof.

        Raises:
            AuthorisationError: steps 1 to 3 of docs/spec/release.md §2; up to step 2 always code `unproven`.
            UnavailableError: code `not_found`: no blob, or no segment `first`. UsageError: an impossible count.
        """
        if first < 0 or not 1 <= count <= MAX_SEGMENTS:
            raise UsageError(f"1 to {MAX_SEGMENTS} segments are read at once, not {count} from {first}")
        with self._following():
            proven = self._prove(request, owner_only=False)
            name = ObjectName(proven.request.record, proven.request.epoch, "blob")
        data, tree = self._store.read_segments(name, first, count)
        last = min(first + count, len(tree.leaves)) - 1
        return Segments(first, data, cbor.encode(list(tree.proof(first, last))))

    # --- ends

    def notify(self, entry: bytes) -> None:
        """Take a signed `revoke` or `erase` that binds before its block.

        Raises:
            FormatError, VerificationError: not one that is signed by the state's record key.
        """
        with self._following():
            self._checks.notices.take(entry, self._checks.state, origin=self._checks.origin)

    def sweep(self) -> int:
        """Destroy deposits whose epoch never became current, erased records and what crashes left; returns how many."""
        self._swept_size = -1
        with self._following():
            self._checks.notices.sweep(self._checks.state)
            count = sweep_staging(self._store.staging) + self._store.sweep_orphans()
            before = self._clock() - self._checks.settings.limits.deposit_retention
            for name in list(self._store.names()):
                record = self._checks.state.record(name.record)
                if record is not None and name.epoch <= record.epoch:
                    continue
                held = self._store.held(name)
                if held is not None and held.stored_at < before:
                    self._store.delete(name)
                    count += 1
            return count

    # --- inside

    @contextmanager
    def _following(self) -> Iterator[None]:
        """Hold the locks, follow the chain, and destroy what it erased."""
        with self._thread_lock, self._process_lock, self._checks.steady():
            self._checks.refresh()
            self._destroy_erased()
            yield

    def _destroy_erased(self) -> None:
        size = self._checks.view.checkpoint.size
        if size == self._swept_size:
            return
        for record in self._store.records():
            state = self._checks.state.record(record)
            if state is not None and not state.is_live:
                self._store.destroy_record(record)
        self._swept_size = size

    def _prove(self, request: bytes, *, owner_only: bool) -> Proven:
        proven = self._checks.prove(request)
        if owner_only and proven.grant is not None:
            raise unproven()  # control of the record key is what is asked for here
        self._checks.admit(proven)
        return proven

    def _admit(self, owned: OwnedDeposit) -> None:
        """Everything that the chain says about storing this now (step 3)."""
        deposit, record = owned.deposit, owned.record
        if record is None and deposit.what in ("note", "envelope"):
            raise refuse_deposit("unknown_record", f"a {deposit.what} is stored once its record is on the chain")
        admit_store(owned, self._checks)
        if record is not None and deposit.what == "envelope":
            grant = self._checks.state.grant(deposit.record, deposit.item)
            if grant is None:
                raise refuse_deposit("unknown_grant", "an envelope is stored once its grant is on the chain")
            self._checks.check_live(deposit.record, record, deposit.item, grant)
            if deposit.epoch != record.epoch:
                raise refuse_deposit("wrong_epoch", f"an envelope is for the current epoch, {record.epoch}")

    def _commit(self, begun: Deposit, staged: StagedBlob, statement: bytes) -> bytes:
        tree = staged.finish()
        with self._following():
            owned = prove_deposit(statement, self._checks)
            deposit = owned.deposit
            if (deposit.action, _name(deposit)) != ("store", _name(begun)) or deposit.key != begun.key:
                raise FormatError("the upload is committed by a deposit to store the blob that was begun")
            _check_content(deposit, tree.size, tree.root)
            self._admit(owned)
            return self._expose_blob(owned, staged, tree, statement)

    def _expose_blob(self, owned: OwnedDeposit, staged: StagedBlob, tree: SegmentTree, statement: bytes) -> bytes:
        name = _name(owned.deposit)
        held = self._store.held(name)
        holding = self._holding(statement)
        if held is not None and held.digest == tree.root:
            self._store.renew(name, statement, holding)
            return holding
        if held is not None and owned.is_current:
            raise ConflictError(
                "the blob of this epoch is held already, and is fixed since the record is on the chain",
                code="fixed",
                hint="A retry must send the very bytes of the first attempt.",
            )
        self._store.put_staged(name, staged.path, tree, statement, holding)
        staged.release()
        return holding

    def _holding(self, statement: bytes) -> bytes:
        return make_holding(
            self._signer, origin=self._checks.origin, service=self._service, deposit=statement, time=self._checks.now()
        )


def _name(deposit: Deposit) -> ObjectName:
    return ObjectName(deposit.record, deposit.epoch, deposit.what, deposit.item)


def _check_content(deposit: Deposit, size: int, digest: bytes) -> None:
    if size != deposit.size:
        raise VerificationError(f"{size} bytes came, the deposit names {deposit.size}", code="wrong_size")
    if digest != deposit.digest:
        raise VerificationError("the bytes are not those that the deposit names", code="wrong_digest")
