"""Keys and values of the state map (docs/spec/entries.md §3).

`parse_*` reads a value that somebody sent, strictly. `*_unchecked` reads one that this program wrote itself, and is several
times faster; given other bytes it may do anything. Proofs and roots are left to `privledger_crypto.statemap`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import cbor2

from privledger.protocol.entries import (
    MAX_SIZE,
    MAX_TIME,
    ROLES,
    LedgerEntry,
    encode_payload,
    parse_payload,
)
from privledger.protocol.errors import FormatError
from privledger_crypto import cbor
from privledger_crypto import errors as crypto_errors

__all__ = [
    "ERASED",
    "GRANTED",
    "LIVE",
    "META_KEY",
    "REVOKED",
    "SETTINGS_KEY",
    "GrantState",
    "Meta",
    "RecordState",
    "ServiceState",
    "grant_key",
    "grant_unchecked",
    "is_grant_live",
    "meta_unchecked",
    "parse_grant_state",
    "parse_meta",
    "parse_record_state",
    "parse_service_state",
    "parse_settings",
    "record_key",
    "record_unchecked",
    "service_key",
    "service_unchecked",
    "settings_value",
]

META_KEY = b"\x00"
SETTINGS_KEY = b"\x01"
LIVE, ERASED = 0, 1  # status of a record
GRANTED, REVOKED = 0, 1  # status of a grant

_Parsed = TypeVar("_Parsed")


def service_key(service: bytes) -> bytes:
    """Where the state of a service (16-byte id) stands."""
    return b"\x02" + service


def record_key(record: bytes) -> bytes:
    """Where the state of a record (16-byte id) stands."""
    return b"\x03" + record


def grant_key(record: bytes, grant: bytes) -> bytes:
    """Where the state of a grant (16-byte ids) stands."""
    return b"\x04" + record + grant


# --- values ---------------------------------------------------------------------------------------------------------
# Arrays of integers, byte strings, text and null have one shortest encoding, so cbor2 writes them as `cbor.encode` does.


@dataclass(frozen=True, slots=True)
class Meta:
    """The last block: its height, its time, and the index that the next leaf will have."""

    height: int
    time: int
    next_index: int

    def to_bytes(self) -> bytes:
        """The value under `META_KEY`."""
        return cbor2.dumps([self.height, self.time, self.next_index])


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service as the last `service` entry left it.

    `last_b` is the end of the period of its last `receipts` entry (0 before the first), `last_root` the root which that posted
    (32 bytes; empty before the first).
    """

    role: str
    signing_key: bytes
    key_file_digest: bytes
    valid_from: int
    valid_until: int
    seq: int
    last_b: int
    last_root: bytes = b""

    def is_valid_at(self, time: int) -> bool:
        """Whether `time`, seconds since 1970 UTC, is in [from, until)."""
        return self.valid_from <= time < self.valid_until

    def to_bytes(self) -> bytes:
        """The value under `service_key`."""
        return cbor2.dumps(
            [
                self.role,
                self.signing_key,
                self.key_file_digest,
                self.valid_from,
                self.valid_until,
                self.seq,
                self.last_b,
                self.last_root,
            ]
        )


@dataclass(frozen=True, slots=True)
class RecordState:
    """A record. `index` is that of its `record` entry, `changed` of the entry that last changed this value.

    Grants with an index up to `cut` (None: none) are revoked.
    """

    status: int
    key: bytes
    commitment: bytes
    epoch: int
    index: int
    cut: int | None
    changed: int

    @property
    def is_live(self) -> bool:
        """Whether it is not erased."""
        return self.status == LIVE

    def to_bytes(self) -> bytes:
        """The value under `record_key`."""
        return cbor2.dumps([self.status, self.key, self.commitment, self.epoch, self.index, self.cut, self.changed])


@dataclass(frozen=True, slots=True)
class GrantState:
    """A grant, or an id that was revoked before it was granted (then key and terms are empty and `index` is None).

    `revoked_by` is the index of the entry that revoked this id by name.
    """

    status: int
    key: bytes
    terms: bytes
    index: int | None
    revoked_by: int | None

    @property
    def is_revoked(self) -> bool:
        """Whether this id was revoked by name; `is_grant_live` also looks at the record."""
        return self.status == REVOKED

    def to_bytes(self) -> bytes:
        """The value under `grant_key`."""
        return cbor2.dumps([self.status, self.key, self.terms, self.index, self.revoked_by])


def settings_value(body: LedgerEntry) -> bytes:
    """The value under `SETTINGS_KEY`."""
    return cbor.encode([encode_payload(body)])


def is_grant_live(record: RecordState | None, grant: GrantState | None) -> bool:
    """Whether a grant lives: its record is live, it was granted and not revoked, and its index is above the cut."""
    if record is None or grant is None or record.status != LIVE or grant.status != GRANTED or grant.index is None:
        return False
    return record.cut is None or grant.index > record.cut


# --- reading our own ------------------------------------------------------------------------------------------------


def meta_unchecked(value: bytes) -> Meta:
    """The `Meta` that `to_bytes` wrote."""
    return Meta(*cbor2.loads(value))


def service_unchecked(value: bytes) -> ServiceState:
    """The `ServiceState` that `to_bytes` wrote."""
    return ServiceState(*cbor2.loads(value))


def record_unchecked(value: bytes) -> RecordState:
    """The `RecordState` that `to_bytes` wrote."""
    return RecordState(*cbor2.loads(value))


def grant_unchecked(value: bytes) -> GrantState:
    """The `GrantState` that `to_bytes` wrote."""
    return GrantState(*cbor2.loads(value))


# --- reading what others sent ---------------------------------------------------------------------------------------


def parse_meta(value: bytes) -> Meta:
    """Read the value under `META_KEY`. Raises FormatError."""
    return _parse(value, "meta", 3, lambda f: Meta(f.uint(0, MAX_SIZE), f.uint(1, MAX_TIME), f.uint(2, MAX_SIZE)))


def parse_settings(value: bytes) -> LedgerEntry:
    """Read the value under `SETTINGS_KEY`. Raises FormatError."""
    body = parse_payload(_parse(value, "settings", 1, lambda f: f.bytes(0)))
    if not isinstance(body, LedgerEntry):
        raise FormatError("the settings in the state are not a ledger entry's")
    return body


def parse_service_state(value: bytes) -> ServiceState:
    """Read the value under a `service_key`. Raises FormatError."""

    def read(f: cbor.Fields) -> ServiceState:
        role = f.text(0, 16)
        if role not in ROLES:
            raise FormatError(f"a service in the state has the unknown role {role!r}")
        state = ServiceState(
            role,
            f.bytes(1, 32),
            f.bytes(2, 32),
            f.uint(3, MAX_TIME),
            f.uint(4, MAX_TIME),
            f.uint(5, MAX_TIME),
            f.uint(6, MAX_SIZE),
            f.bytes(7, max_length=32),
        )
        if len(state.last_root) != (32 if state.last_b else 0):
            raise FormatError("a service in the state has a last period without its root, or a root without a period")
        return state

    return _parse(value, "service", 8, read)


def parse_record_state(value: bytes) -> RecordState:
    """Read the value under a `record_key`. Raises FormatError."""
    return _parse(
        value,
        "record",
        7,
        lambda f: RecordState(
            f.uint(0, ERASED),
            f.bytes(1, 32),
            f.bytes(2, 48),
            f.uint(3, MAX_TIME),
            f.uint(4, MAX_SIZE),
            f.uint_or_none(5, MAX_SIZE),
            f.uint(6, MAX_SIZE),
        ),
        nullable=(5,),
    )


def parse_grant_state(value: bytes) -> GrantState:
    """Read the value under a `grant_key`. Raises FormatError."""

    def read(f: cbor.Fields) -> GrantState:
        state = GrantState(
            f.uint(0, REVOKED),
            f.bytes(1, max_length=48),
            f.bytes(2, max_length=48),
            f.uint_or_none(3, MAX_SIZE),
            f.uint_or_none(4, MAX_SIZE),
        )
        size = 0 if state.index is None else 48
        if len(state.key) != size or len(state.terms) != size or state.is_revoked is (state.revoked_by is None):
            raise FormatError("a grant in the state contradicts itself")
        if state.index is None and not state.is_revoked:
            raise FormatError("a grant in the state is neither granted nor revoked")
        return state

    return _parse(value, "grant", 5, read, nullable=(3, 4))


def _parse(
    value: bytes,
    what: str,
    length: int,
    read: Callable[[cbor.Fields], _Parsed],
    nullable: tuple[int, ...] = (),
) -> _Parsed:
    """Read an array as a map from position to item, with null as absence where `nullable` allows it."""
    try:
        row = cbor.decode(value, max_size=8_192, max_depth=1)
        if not isinstance(row, list) or len(row) != length:
            raise FormatError(f"the {what} value in the state is not an array of {length}")
        present = {i: item for i, item in enumerate(row) if not (item is None and i in nullable)}
        fields = cbor.Fields(cast("object", present), f"{what} value")
        parsed = read(fields)
        fields.done()
    except crypto_errors.CryptoError as exc:
        raise FormatError(f"not a {what} value of the state: {exc}") from exc
    return parsed
