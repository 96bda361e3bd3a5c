"""What an owner stores: deposits, what a service confirms, and shares on their way to a keeper (docs/spec/record.md §3 and §4).

A *deposit* statement authorises every store and delete, in a directory and over HTTP alike. A *holding* statement confirms what
is held. A *deposit key* is the X-Wing key under which a keeper receives shares; it is renewed and destroyed.

Left to others: whether the key is the record's (the state), what may be replaced, and storing anything.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from privledger.protocol import keys
from privledger.protocol._values import (
    DIGEST_SIZE,
    ID_SIZE,
    MAX_TIME,
    UINT32,
    array,
    as_bytes,
    as_uint,
    ed25519_statement,
    making,
    reading,
    require,
    require_id,
    require_size,
    require_uint,
)
from privledger.protocol.descriptor import MAX_BLOB
from privledger.protocol.errors import FormatError
from privledger.protocol.statements import make_statement
from privledger_crypto import cbor, cose, envelope, group, shares
from privledger_crypto.shares import MAX_SHARES, Share

__all__ = [
    "ACTIONS",
    "FIXED_SIZE",
    "WHAT",
    "Deposit",
    "DepositKey",
    "Holding",
    "ShareSlot",
    "check_threshold",
    "encode_share",
    "make_deposit",
    "make_deposit_key",
    "make_holding",
    "open_share",
    "parse_deposit",
    "parse_deposit_key",
    "parse_holding",
    "parse_share",
    "seal_share",
    "share_digest",
    "verify_share",
]

WHAT = ("share", "blob", "descriptor", "capsule", "note", "envelope")
ACTIONS = ("store", "delete", "begin")
FIXED_SIZE = 4096  # bytes of every capsule, note and envelope
_MAX_SIZES = {  # bytes
    "share": 2048,
    "blob": MAX_BLOB,
    "descriptor": 65_536,
    "capsule": FIXED_SIZE,
    "note": FIXED_SIZE,
    "envelope": FIXED_SIZE,
}
_MAX_DEPOSIT = 1024  # bytes of the statement


@dataclass(frozen=True, slots=True)
class ShareSlot:
    """Which share of how many: `index` of `n`, of which `t` are needed. Raises UsageError unless 2t > n and n ≤ 31."""

    index: int
    t: int
    n: int

    def __post_init__(self) -> None:
        check_threshold(self.t, self.n)
        require(1 <= self.index <= self.n, "the index of a share lies between 1 and n")


@dataclass(frozen=True, slots=True)
class Deposit:
    """A deposit statement whose signature held.

    Args:
        what: `share blob descriptor capsule note envelope`.
        action: `store`, `delete`, or `begin` (a blob upload). A delete repeats the fields of the store that it undoes.
        service: the id of the service that is to hold it.
        item: the grant id of a note or an envelope, else empty.
        size: bytes, for `begin` the most that will come.
        digest: 32 bytes: blob root, share digest, or SHA-256 of the bytes; empty for `begin`.
        share: which share it is, for shares only.
        key: the key that signed, which the caller compares with the record's.

    Raises:
        UsageError: fields that do not go together.
    """

    record: bytes
    epoch: int
    what: str
    action: str
    service: bytes
    item: bytes
    size: int
    digest: bytes
    share: ShareSlot | None
    key: bytes
    raw: bytes

    def __post_init__(self) -> None:
        require_id(self.record, "a record id")
        require_uint(self.epoch, UINT32, "an epoch")
        require(self.what in WHAT, f"a deposit is of one of: {', '.join(WHAT)}")
        require(self.action in ACTIONS, f"a deposit does one of: {', '.join(ACTIONS)}")
        require_id(self.service, "a service id")
        has_item = self.what in ("note", "envelope")
        require_size(self.item, ID_SIZE if has_item else 0, f"the item of a {self.what}")
        require(1 <= self.size <= _MAX_SIZES[self.what], f"a {self.what} has 1 to {_MAX_SIZES[self.what]} bytes")
        if _MAX_SIZES[self.what] == FIXED_SIZE:
            require(self.size == FIXED_SIZE, f"a {self.what} has exactly {FIXED_SIZE} bytes")
        require(self.action != "begin" or self.what == "blob", "only the upload of a blob begins")
        require_size(self.digest, 0 if self.action == "begin" else DIGEST_SIZE, f"the digest of a {self.what}")
        require(
            (self.share is not None) == (self.what == "share"), "a share names its index, t and n; nothing else does"
        )

    @property
    def statement_digest(self) -> bytes:
        """SHA-256 of the statement, which a holding names."""
        return hashlib.sha256(self.raw).digest()


@dataclass(frozen=True, slots=True)
class Holding:
    """A service's word that it holds what a deposit statement (named by its SHA-256) brought."""

    service: bytes
    deposit: bytes
    time: int
    key: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class DepositKey:
    """The X-Wing key under which a keeper receives shares, from `since` until `until` (seconds since 1970 UTC)."""

    service: bytes
    public: bytes
    since: int
    until: int
    key: bytes
    raw: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the statement, which a certificate names."""
        return hashlib.sha256(self.raw).digest()


# --- statements ---------------------------------------------------------------------------------------------------


def make_deposit(
    signer: cose.Signer,
    *,
    origin: str,
    record: bytes,
    epoch: int,
    what: str,
    action: str,
    service: bytes,
    size: int,
    digest: bytes,
    item: bytes = b"",
    share: ShareSlot | None = None,
) -> bytes:
    """Sign a deposit statement with the record key; the fields are those of `Deposit`.

    Raises:
        UsageError: fields that do not go together.
    """
    Deposit(record, epoch, what, action, service, item, size, digest, share, signer.key_id, b"")
    slot: cbor.Value = None if share is None else [share.index, share.t, share.n]
    fields: dict[int, cbor.Value] = {
        1: record,
        2: epoch,
        3: what,
        4: action,
        5: service,
        6: item,
        7: size,
        8: digest,
        9: slot,
    }
    with making("deposit"):
        return make_statement(signer, "deposit", fields, origin=origin)


def parse_deposit(raw: bytes, origin: str) -> Deposit:
    """Read an untrusted deposit statement; its signature holds, by a key that the caller compares with the record's.

    Raises:
        FormatError, VerificationError.
    """
    signed = ed25519_statement(raw, origin, "deposit", max_size=_MAX_DEPOSIT)
    slot = signed.body.pop(9, False)
    with reading("deposit"):
        fields = signed.fields()
        deposit = Deposit(
            record=fields.bytes(1, length=ID_SIZE),
            epoch=fields.uint(2, UINT32),
            what=fields.text(3, 16),
            action=fields.text(4, 16),
            service=fields.bytes(5, length=ID_SIZE),
            item=fields.bytes(6, max_length=ID_SIZE),
            size=fields.uint(7, MAX_BLOB),
            digest=fields.bytes(8, max_length=DIGEST_SIZE),
            share=None if slot is None else _parse_slot(slot),
            key=signed.key,
            raw=raw,
        )
        fields.done()
    return deposit


def make_holding(signer: cose.Signer, *, origin: str, service: bytes, deposit: bytes, time: int) -> bytes:
    """Sign, with the service key, that what the deposit statement `deposit` (its exact bytes) brought is held.

    Raises:
        UsageError: a value that cannot be.
    """
    require_id(service, "a service id")
    require_uint(time, MAX_TIME, "the time of a holding")
    with making("holding"):
        fields: dict[int, cbor.Value] = {1: service, 2: hashlib.sha256(deposit).digest(), 3: time}
        return make_statement(signer, "holding", fields, origin=origin)


def parse_holding(raw: bytes, origin: str) -> Holding:
    """Read an untrusted holding statement; its signature holds, by a key that the caller compares with the service's.

    Raises:
        FormatError, VerificationError.
    """
    signed = ed25519_statement(raw, origin, "holding", max_size=_MAX_DEPOSIT)
    with reading("holding"):
        fields = signed.fields()
        holding = Holding(
            service=fields.bytes(1, length=ID_SIZE),
            deposit=fields.bytes(2, length=DIGEST_SIZE),
            time=fields.uint(3, MAX_TIME),
            key=signed.key,
            raw=raw,
        )
        fields.done()
    return holding


def make_deposit_key(
    signer: cose.Signer, *, origin: str, service: bytes, public: bytes, since: int, until: int
) -> bytes:
    """Sign, with the service key, the X-Wing key `public` (1,216 bytes) under which shares are received.

    Raises:
        UsageError: a value that cannot be.
    """
    require_id(service, "a service id")
    require_uint(until, MAX_TIME, "the end of a deposit key")
    require(0 <= since < until, "a deposit key begins before it ends")
    with making("deposit key"):
        fields: dict[int, cbor.Value] = {1: service, 2: envelope.parse_xwing_public(public), 3: since, 4: until}
        return make_statement(signer, "deposit-key", fields, origin=origin)


def parse_deposit_key(raw: bytes, origin: str) -> DepositKey:
    """Read an untrusted deposit key; its signature holds, by a key that the caller compares with the service's.

    Raises:
        FormatError, VerificationError.
    """
    signed = ed25519_statement(raw, origin, "deposit-key", max_size=2048)
    with reading("deposit key"):
        fields = signed.fields()
        key = DepositKey(
            service=fields.bytes(1, length=ID_SIZE),
            public=envelope.parse_xwing_public(fields.bytes(2, length=envelope.XWING_PUBLIC_SIZE)),
            since=fields.uint(3, MAX_TIME),
            until=fields.uint(4, MAX_TIME),
            key=signed.key,
            raw=raw,
        )
        fields.done()
        require(key.since < key.until, "a deposit key begins before it ends")
    return key


# --- shares -------------------------------------------------------------------------------------------------------


def check_threshold(t: int, n: int) -> None:
    """Raise UsageError unless 1 ≤ t ≤ n ≤ 31 and 2t > n, so that any two quorums meet."""
    require(1 <= t <= n <= MAX_SHARES and 2 * t > n, f"t of n keepers: more than half, and at most {MAX_SHARES}")


def share_digest(origin: str, record: bytes, epoch: int, service: bytes, share: Share) -> bytes:
    """The digest that a deposit and a capsule name a share by: 32 bytes, bound to record, epoch and keeper."""
    return shares.share_digest(share, keys.sealing_context("share", origin, record, epoch, service))


def verify_share(share: Share, digest: bytes, *, origin: str, record: bytes, epoch: int, service: bytes) -> None:
    """Check that a share is the one that was deposited.

    Raises:
        VerificationError: it is not. FormatError: the digest has another length.
    """
    with reading("share"):
        shares.verify_share(share, digest, keys.sealing_context("share", origin, record, epoch, service))


def encode_share(share: Share) -> bytes:
    """`CBOR([index, share])`, the plaintext of a share on its way. It is a secret."""
    return cbor.encode([share.index, group.scalar_to_bytes(share.value)])


def parse_share(data: bytes) -> Share:
    """Read an untrusted `CBOR([index, share])`. Raises FormatError."""
    with reading("share"):
        index, value = array(cbor.decode(data, max_size=64), "a share", length=2)
        return Share(as_uint(index, MAX_SHARES, "the index of a share"), group.parse_scalar(as_bytes(value, "a share")))


def seal_share(public: bytes, share: Share, *, origin: str, record: bytes, epoch: int, service: bytes) -> bytes:
    """Seal a share to a keeper's deposit key `public` (1,216 bytes).

    Raises:
        UsageError: the key is none.
    """
    info = keys.sealing_context("share", origin, record, epoch, service)
    with making("share"):
        return envelope.seal_envelope(public, info, encode_share(share))


def open_share(
    private: envelope.XWingPrivateKey, message: bytes, *, origin: str, record: bytes, epoch: int, service: bytes
) -> Share:
    """Open what `seal_share` made.

    Raises:
        VerificationError: for another key, record, epoch or service, or changed bytes. FormatError: no share inside.
    """
    info = keys.sealing_context("share", origin, record, epoch, service)
    with reading("share"):
        return parse_share(envelope.open_envelope(private, info, message))


def _parse_slot(value: object) -> ShareSlot:
    if value is False:
        raise FormatError("deposit: key 9 is missing")
    index, t, n = (
        as_uint(item, MAX_SHARES, "index, t or n of a share") for item in array(value, "[index, t, n]", length=3)
    )
    return ShareSlot(index, t, n)
