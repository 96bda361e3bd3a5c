"""What each kind of entry says: one dataclass a kind, its payload, and the strict reading of it (docs/spec/entries.md §1).

Left to others: signatures and the outer form (`privledger.protocol.entries`), and whether an entry is allowed
(`privledger.rules`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from privledger.protocol import ids
from privledger.protocol.errors import FormatError
from privledger_crypto import cbor
from privledger_crypto import errors as crypto_errors
from privledger_crypto.signing import MLDSA44_PUBLIC_SIZE, check_ed25519_public

MAX_LEAF = 512  # bytes; of every kind but the two below
MAX_LARGE_LEAF = 4_096  # bytes; `ledger` and `service`
MAX_TIME = (1 << 32) - 1
MAX_SIZE = (1 << 63) - 1  # of the tree, and so of every index
MAX_SEQ = (1 << 32) - 1
MAX_GOVERNANCE_KEYS = 16
MAX_LOG_KEYS = 2  # generations; a third would not fit the leaf
MAX_REVOKED_IDS = 16
POINT_SIZE = 48
ROLES = ("keeper", "vault", "witness", "issuer")
RUNNING, PAUSED, ENDED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What a ledger's members promise each other, in seconds (1 to 2^32-1)."""

    freshness: int = 30
    receipts_period: int = 86_400
    deposit_key_life: int = 604_800
    deposit_retention: int = 604_800

    def to_value(self) -> dict[int, int]:
        """The CBOR map of the limits."""
        return {1: self.freshness, 2: self.receipts_period, 3: self.deposit_key_life, 4: self.deposit_retention}

    @classmethod
    def read(cls, fields: cbor.Fields) -> Limits:
        """Read all four limits."""
        values = [fields.uint(key, MAX_TIME) for key in (1, 2, 3, 4)]
        fields.done()
        if 0 in values:
            raise FormatError("a ledger's limits are at least one second")
        return cls(*values)


@dataclass(frozen=True, slots=True)
class LogKeys:
    """One generation of the log's public keys: Ed25519 (32 bytes) and ML-DSA-44 (1,312 bytes)."""

    ed25519: bytes
    mldsa44: bytes


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """The ledger's settings. `governance` is sorted; `status` is 0 running, 1 paused, 2 ended."""

    seq: int
    origin: str
    governance: tuple[bytes, ...]
    quorum: int
    log_keys: tuple[LogKeys, ...]
    rules_version: int = 1
    limits: Limits = Limits()
    status: int = RUNNING

    kind: ClassVar[str] = "ledger"

    def to_fields(self) -> dict[int, cbor.Encodable]:
        """The payload without key 0."""
        keys = [[pair.ed25519, pair.mldsa44] for pair in self.log_keys]
        return {
            1: self.seq,
            2: self.origin,
            3: self.governance,
            4: self.quorum,
            5: keys,
            6: self.rules_version,
            7: self.limits.to_value(),
            8: self.status,
        }

    @classmethod
    def read(cls, fields: cbor.Fields) -> LedgerEntry:
        """Read and check the payload without key 0."""
        seq = fields.uint(1, MAX_SEQ)
        origin = ids.check_origin(fields.text(2, 129))
        governance = tuple(_ed25519(key, "governance key") for key in fields.list(3, MAX_GOVERNANCE_KEYS))
        _check_rising(governance, "governance keys")
        quorum = fields.uint(4, len(governance))
        log_keys = tuple(_log_keys(pair) for pair in fields.list(5, MAX_LOG_KEYS))
        version = fields.uint(6, 0xFFFF)
        if quorum < 1 or not log_keys or version < 1:
            raise FormatError("ledger: quorum, number of log keys and rules version are at least 1")
        if len({key for pair in log_keys for key in (pair.ed25519, pair.mldsa44)}) != 2 * len(log_keys):
            raise FormatError("ledger: two generations of log keys share a key")
        return cls(
            seq, origin, governance, quorum, log_keys, version, Limits.read(fields.map(7)), fields.uint(8, ENDED)
        )


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """A service: its role, signing key (Ed25519) and the SHA-256 of its key file; valid from <= block time < until."""

    service: bytes
    seq: int
    role: str
    signing_key: bytes
    key_file_digest: bytes
    valid_from: int
    valid_until: int

    kind: ClassVar[str] = "service"

    def to_fields(self) -> dict[int, cbor.Encodable]:
        """The payload without key 0."""
        return {
            1: self.service,
            2: self.seq,
            3: self.role,
            4: self.signing_key,
            5: self.key_file_digest,
            6: self.valid_from,
            7: self.valid_until,
        }

    @classmethod
    def read(cls, fields: cbor.Fields) -> ServiceEntry:
        """Read and check the payload without key 0."""
        body = cls(
            fields.bytes(1, ids.ID_SIZE),
            fields.uint(2, MAX_SEQ),
            fields.text(3, 16),
            _ed25519(fields.bytes(4, 32), "service's signing key"),
            fields.bytes(5, 32),
            fields.uint(6, MAX_TIME),
            fields.uint(7, MAX_TIME),
        )
        if body.role not in ROLES:
            raise FormatError(f"service: the role is one of {', '.join(ROLES)}")
        if body.valid_from >= body.valid_until:
            raise FormatError("service: it must be valid for a while, so 'from' is below 'until'")
        if body.seq == 0 and body.service != ids.service_id(body.signing_key):
            raise FormatError("service: the id is not that of its first signing key")
        return body


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """A new record, whose key signs; the id is the key's hash. `commitment` has 48 bytes, opaque to the chain."""

    commitment: bytes

    kind: ClassVar[str] = "record"

    def to_fields(self) -> dict[int, cbor.Encodable]:
        """The payload without key 0."""
        return {1: self.commitment}

    @classmethod
    def read(cls, fields: cbor.Fields) -> RecordEntry:
        """Read and check the payload without key 0."""
        return cls(fields.bytes(1, POINT_SIZE))


@dataclass(frozen=True, slots=True)
class EraseEntry:
    """The end of a record, for good."""

    record: bytes

    kind: ClassVar[str] = "erase"

    def to_fields(self) -> dict[int, cbor.Encodable]:
        """The payload without key 0."""
        return {1: self.record}

    @classmethod
    def read(cls, fields: cbor.Fields) -> EraseEntry:
        """Read and check the payload without key 0."""
        return cls(fields.bytes(1, ids.ID_SIZE))


@dataclass(frozen=True, slots=True)
class GrantEntry:
    """A grant: `key` is the one-time grantee key P', `terms` the commitment T, 48 opaque bytes each."""

    record: bytes
    grant: bytes
    key: bytes
    terms: bytes

    kind: ClassVar[str] = "grant"

    def to_fields(self) -> dict[int, cbor.Encodable]:
        """The payload without key 0."""
        return {1: self.record, 2: self.grant, 3: self.key, 4: self.terms}

    @classmethod
    def read(cls, fields: cbor.Fields) -> GrantEntry:
        """Read and check the payload without key 0."""
        record, grant = fields.bytes(1, ids.ID_SIZE), fields.bytes(2, ids.GRANT_ID_SIZE)
        if grant == ids.ZERO_GRANT:
            raise FormatError("grant: the id of 16 zero bytes stands for the owner")
        return cls(record, grant, fields.bytes(3, POINT_SIZE), fields.bytes(4, POINT_SIZE))


@dataclass(frozen=True, slots=True)
class RevokeEntry:
    """The end of some grants of a record: those of `ids` (sorted), or all with an index up to `up_to`; never both."""

    record: bytes
    ids: tuple[bytes, ...] = ()
    up_to: int | None = None

    kind: ClassVar[str] = "revoke"

    def to_fields(self) -> dict[int, cbor.Encodable]:
        """The payload without key 0."""
        fields: dict[int, cbor.Encodable] = {1: self.record}
        if self.ids:
            fields[2] = self.ids
        if self.up_to is not None:
            fields[3] = self.up_to
        return fields

    @classmethod
    def read(cls, fields: cbor.Fields) -> RevokeEntry:
        """Read and check the payload without key 0."""
        record, up_to = fields.bytes(1, ids.ID_SIZE), fields.uint_or_none(3, MAX_SIZE)
        listed = fields.list_or_none(2, MAX_REVOKED_IDS)
        if (listed is None) is (up_to is None):
            raise FormatError("revoke: exactly one of key 2 (ids) and key 3 (all up to an index) is there")
        if listed is None:
            return cls(record, (), up_to)
        named = tuple(_grant_id(item) for item in listed)
        _check_rising(named, "ids to revoke")
        return cls(record, named)


@dataclass(frozen=True, slots=True)
class ReceiptsEntry:
    """A keeper's receipts that name checkpoint sizes in (a, b] are those under `root`, 32 bytes."""

    service: bytes
    a: int
    b: int
    root: bytes

    kind: ClassVar[str] = "receipts"

    def to_fields(self) -> dict[int, cbor.Encodable]:
        """The payload without key 0."""
        return {1: self.service, 2: self.a, 3: self.b, 4: self.root}

    @classmethod
    def read(cls, fields: cbor.Fields) -> ReceiptsEntry:
        """Read and check the payload without key 0."""
        return cls(
            fields.bytes(1, ids.ID_SIZE), fields.uint(2, MAX_SIZE), fields.uint(3, MAX_SIZE), fields.bytes(4, 32)
        )


Body = LedgerEntry | ServiceEntry | RecordEntry | EraseEntry | GrantEntry | RevokeEntry | ReceiptsEntry

BODIES: dict[str, type[Body]] = {
    body.kind: body
    for body in (LedgerEntry, ServiceEntry, RecordEntry, EraseEntry, GrantEntry, RevokeEntry, ReceiptsEntry)
}


def encode_payload(body: Body) -> bytes:
    """The bytes that the signers of an entry sign."""
    payload: dict[int, cbor.Encodable] = {0: body.kind}
    payload.update(body.to_fields())
    return cbor.encode(payload)


def parse_payload(payload: bytes) -> Body:
    """Read an entry's payload strictly.

    Raises:
        FormatError: not canonical or a field out of range (code `malformed`), or of another kind (`unknown_kind`).
    """
    try:
        value = cbor.decode(payload, max_size=MAX_LARGE_LEAF, max_depth=3)
        if not isinstance(value, dict):
            raise FormatError("the payload of an entry is a map")
        kind = value.pop(0, None)
        if not isinstance(kind, str):
            raise FormatError("the payload of an entry names its kind, a text, at key 0")
        if kind not in BODIES:
            raise FormatError(f"entries of kind {kind[:32]!r} are not in the rules", code="unknown_kind")
        fields = cbor.Fields(value, kind)
        body = BODIES[kind].read(fields)
        fields.done()
    except crypto_errors.CryptoError as exc:
        raise FormatError(str(exc)) from exc
    return body


def _ed25519(value: cbor.Value, what: str) -> bytes:
    if not isinstance(value, bytes):
        raise FormatError(f"a {what} is a byte string")
    try:
        check_ed25519_public(value)
    except crypto_errors.FormatError as exc:
        raise FormatError(f"a {what} is not usable: {exc}") from exc
    return value


def _log_keys(value: cbor.Value) -> LogKeys:
    match value:
        case [bytes() as ed25519, bytes() as mldsa44] if len(mldsa44) == MLDSA44_PUBLIC_SIZE:
            return LogKeys(_ed25519(ed25519, "log key"), mldsa44)
    raise FormatError(f"ledger: log keys are pairs of 32 and {MLDSA44_PUBLIC_SIZE} bytes")


def _grant_id(value: cbor.Value) -> bytes:
    if not isinstance(value, bytes) or len(value) != ids.GRANT_ID_SIZE or value == ids.ZERO_GRANT:
        raise FormatError("revoke: an id has 16 bytes that are not all zero")
    return value


def _check_rising(values: tuple[bytes, ...], what: str) -> None:
    if not values or any(a >= b for a, b in pairwise(values)):
        raise FormatError(f"the {what} are sorted and distinct, and there is at least one")
