"""Erasure certificates: what a keeper destroyed, when, and what is still pending (docs/spec/release.md §6).

n-t+1 certificates with distinct indices of one epoch, none pending, show that fewer than t shares are left; `erasure_progress`
says how far that is.

Left to others: destroying, and comparing the keys with the state's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from privledger.protocol._values import (
    DIGEST_SIZE,
    ID_SIZE,
    MAX_TIME,
    UINT32,
    array,
    as_bytes,
    as_uint,
    ed25519_statement,
    is_rising,
    making,
    reading,
    require,
    require_id,
    require_size,
    require_uint,
)
from privledger.protocol.deposit import Deposit, parse_deposit
from privledger.protocol.statements import make_statement
from privledger_crypto import cbor, cose

__all__ = [
    "MAX_LINES",
    "Certificate",
    "CertificateLine",
    "ErasureProgress",
    "erasure_progress",
    "make_certificate",
    "parse_certificate",
]

MAX_LINES = 64  # share deposits of one record with one keeper; what a statement has room for


@dataclass(frozen=True, slots=True)
class CertificateLine:
    """One share that was held.

    Args:
        deposit: the owner's deposit statement that brought it.
        destroyed_at: when the share went, seconds since 1970 UTC.
        key_digest: SHA-256 of the deposit key statement under which it came.
        key_until: until when that key may live.
        key_destroyed_at: when that key went, or None while it lives: then the certificate is pending.
    """

    deposit: Deposit
    destroyed_at: int
    key_digest: bytes
    key_until: int
    key_destroyed_at: int | None

    def __post_init__(self) -> None:
        require(
            self.deposit.what == "share" and self.deposit.action == "store", "a certificate names deposits of shares"
        )
        require_uint(self.destroyed_at, MAX_TIME, "the time of destruction")
        require_size(self.key_digest, DIGEST_SIZE, "the digest of a deposit key")
        require_uint(self.key_until, MAX_TIME, "the end of a deposit key")
        require_uint(self.key_destroyed_at or 0, MAX_TIME, "the time of destruction")

    @property
    def epoch(self) -> int:
        """The epoch of the share."""
        return self.deposit.epoch


@dataclass(frozen=True, slots=True)
class Certificate:
    """A keeper's erasure certificate whose signature, and those of the deposits inside, held.

    Args:
        lines: every share of the record that the keeper held, sorted by epoch, then by deposit statement.
        backups_until: until when copies may lie in the keeper's backups, seconds since 1970 UTC.
        key: the key that signed, which the caller compares with the service's.

    Raises:
        UsageError: fields that do not go together.
    """

    service: bytes
    record: bytes
    lines: tuple[CertificateLine, ...]
    backups_until: int
    time: int
    key: bytes
    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        require_id(self.service, "a service id")
        require_id(self.record, "a record id")
        require(1 <= len(self.lines) <= MAX_LINES, f"a certificate has 1 to {MAX_LINES} lines")
        order = [line.epoch.to_bytes(4, "big") + line.deposit.raw for line in self.lines]
        require(is_rising(order), "the lines of a certificate are sorted by epoch and deposit, each once")
        require_uint(self.backups_until, MAX_TIME, "backups_until")
        require_uint(self.time, MAX_TIME, "the time of a certificate")
        for line in self.lines:
            named = (line.deposit.service, line.deposit.record)
            require(named == (self.service, self.record), "a certificate names deposits of its own record and keeper")
            latest = max(line.destroyed_at, line.key_destroyed_at or 0)
            require(latest <= self.time, "a certificate names what was destroyed before it was signed")

    @property
    def pending(self) -> bool:
        """Whether a deposit key that carried a share still lives."""
        return any(line.key_destroyed_at is None for line in self.lines)

    @property
    def pending_until(self) -> int | None:
        """Until when the last living deposit key may live, or None if none lives."""
        return max((line.key_until for line in self.lines if line.key_destroyed_at is None), default=None)


def make_certificate(
    signer: cose.Signer,
    *,
    origin: str,
    service: bytes,
    record: bytes,
    lines: Sequence[CertificateLine],
    backups_until: int,
    time: int,
) -> bytes:
    """Sign a certificate with the service key; the lines are put in order, and `pending` follows from them.

    Raises:
        UsageError: fields that do not go together.
    """
    ordered = tuple(sorted(lines, key=lambda line: (line.epoch, line.deposit.raw)))
    certificate = Certificate(service, record, ordered, backups_until, time, signer.key_id, b"")
    fields: dict[int, cbor.Value] = {
        1: service,
        2: record,
        3: [
            [
                line.epoch,
                line.deposit.raw,
                line.destroyed_at,
                line.key_digest,
                line.key_until,
                line.key_destroyed_at,
            ]
            for line in ordered
        ],
        4: certificate.pending,
        5: backups_until,
        6: time,
    }
    with making("certificate"):
        return make_statement(signer, "certificate", fields, origin=origin)


def parse_certificate(raw: bytes, origin: str) -> Certificate:
    """Read an untrusted certificate; all signatures hold, by keys that the caller compares with the state's.

    Raises:
        FormatError, VerificationError.
    """
    signed = ed25519_statement(raw, origin, "certificate")
    with reading("certificate"):
        fields = signed.fields()
        service, record = fields.bytes(1, length=ID_SIZE), fields.bytes(2, length=ID_SIZE)
        lines = tuple(_parse_line(item, origin) for item in fields.list(3, MAX_LINES))
        pending = fields.flag(4)
        backups_until, time = fields.uint(5, MAX_TIME), fields.uint(6, MAX_TIME)
        fields.done()
        certificate = Certificate(service, record, lines, backups_until, time, signed.key, raw)
        require(certificate.pending == pending, "`pending` is not what the lines say")
    return certificate


def _parse_line(item: object, origin: str) -> CertificateLine:
    epoch, deposit, destroyed_at, key_digest, key_until, key_destroyed_at = array(item, "a line", length=6)
    line = CertificateLine(
        deposit=parse_deposit(as_bytes(deposit, "a deposit statement"), origin),
        destroyed_at=as_uint(destroyed_at, MAX_TIME, "the time of destruction"),
        key_digest=as_bytes(key_digest, "the digest of a deposit key", length=DIGEST_SIZE),
        key_until=as_uint(key_until, MAX_TIME, "the end of a deposit key"),
        key_destroyed_at=(
            None if key_destroyed_at is None else as_uint(key_destroyed_at, MAX_TIME, "the time of destruction")
        ),
    )
    require(as_uint(epoch, UINT32, "an epoch") == line.epoch, "a line names the epoch of its deposit")
    return line


# --- how far an erasure is ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ErasureProgress:
    """How far the erasure of one epoch's key is.

    Args:
        needed: how many certificates with distinct indices and none pending make it complete: n-t+1.
        done: how many there are.
        pending_until: when the last pending one may be done, or None.
        backups_until: until when backups of any of the keepers may hold something.
    """

    needed: int
    done: int
    pending_until: int | None
    backups_until: int

    @property
    def complete(self) -> bool:
        """Whether fewer than t shares are left."""
        return self.done >= self.needed


def erasure_progress(certificates: Sequence[Certificate], *, record: bytes, key: bytes, epoch: int) -> ErasureProgress:
    """Count the certificates of one record and epoch.

    Args:
        certificates: parsed, with their service keys compared by the caller.
        key: the record key that signed the epoch's deposits; deposits by others do not count.

    Raises:
        UsageError: no certificate names a share of this epoch by this key, or they name different t and n.
    """
    # A keeper may have signed while a deposit key still lived and again after it; its last word counts.
    latest: dict[bytes, Certificate] = {}
    for certificate in sorted(certificates, key=lambda one: (one.time, not one.pending)):
        if any(_counts(line, certificate, record, key, epoch) for line in certificate.lines):
            latest[certificate.service] = certificate
    slots: dict[int, bool] = {}
    sizes: set[tuple[int, int]] = set()
    for certificate in latest.values():
        for line in certificate.lines:
            slot = line.deposit.share
            if slot is not None and _counts(line, certificate, record, key, epoch):
                sizes.add((slot.t, slot.n))
                slots[slot.index] = slots.get(slot.index, False) or not certificate.pending
    require(len(sizes) == 1, "the certificates name no share of this epoch, or different t and n")
    ((t, n),) = sizes
    return ErasureProgress(
        needed=n - t + 1,
        done=sum(slots.values()),
        pending_until=max(
            (one.pending_until for one in latest.values() if one.pending_until is not None), default=None
        ),
        backups_until=max(one.backups_until for one in latest.values()),
    )


def _counts(line: CertificateLine, certificate: Certificate, record: bytes, key: bytes, epoch: int) -> bool:
    return certificate.record == record and line.epoch == epoch and line.deposit.key == key
