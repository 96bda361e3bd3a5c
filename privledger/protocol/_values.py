"""What the modules of this package share when they read and check values: one place where low-level failures are mapped.

A domain value checks itself when it is made (`require`, UsageError); reading the same value from untrusted bytes happens inside
`reading`, which turns every failure into a FormatError or a VerificationError. So nothing can be written that would not be read.

Left to others: what any field means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from privledger.protocol.errors import FormatError, UsageError, VerificationError
from privledger.protocol.statements import MAX_STATEMENT, Statement, parse_statement
from privledger_crypto import cbor, cose
from privledger_crypto import errors as crypto_errors
from privledger_crypto.statemap import MapProof

__all__ = [
    "DIGEST_SIZE",
    "ID_SIZE",
    "MAX_TIME",
    "UINT32",
    "UINT63",
    "array",
    "as_bytes",
    "as_text",
    "as_uint",
    "ed25519_statement",
    "is_rising",
    "making",
    "map_proof_value",
    "parse_map_proof",
    "reading",
    "require",
    "require_id",
    "require_printable",
    "require_size",
    "require_uint",
]

DIGEST_SIZE = 32  # bytes, SHA-256
ID_SIZE = 16  # bytes, docs/spec/conventions.md §3
UINT32 = (1 << 32) - 1
MAX_TIME = UINT32  # seconds since 1970 UTC, docs/spec/conventions.md §3
UINT63 = (1 << 63) - 1  # the largest tree size or index

# Text for people is shown on terminals; a control character could repaint what they read.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
_CONTROL_BUT_NEWLINE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Map every failure inside to what a reader of untrusted `what` may raise: FormatError or VerificationError."""
    try:
        yield
    except crypto_errors.VerificationError as exc:
        raise VerificationError(f"{what}: {exc}") from exc
    except (crypto_errors.CryptoError, UsageError) as exc:
        raise FormatError(f"{what}: {exc}") from exc


@contextmanager
def making(what: str) -> Iterator[None]:
    """Map every low-level failure inside to a UsageError: the caller of a `make_*` or `seal_*` gave values that cannot be."""
    try:
        yield
    except crypto_errors.CryptoError as exc:
        raise UsageError(f"{what}: {exc}") from exc


# --- checks of a value that is being made -------------------------------------------------------------------------


def require(condition: bool, message: str) -> None:
    """Raise UsageError with `message` unless `condition` holds."""
    if not condition:
        raise UsageError(message)


def require_size(value: bytes, size: int, what: str) -> None:
    """Raise UsageError unless `value` has exactly `size` bytes."""
    if len(value) != size:
        raise UsageError(f"{what} has {size} bytes, not {len(value)}")


def require_id(value: bytes, what: str) -> None:
    """Raise UsageError unless `value` has the 16 bytes of a record, grant or service id."""
    require_size(value, ID_SIZE, what)


def require_uint(value: int, maximum: int, what: str) -> None:
    """Raise UsageError unless 0 <= `value` <= `maximum`."""
    if not 0 <= value <= maximum:
        raise UsageError(f"{what} lies between 0 and {maximum}")


def require_printable(value: str, max_size: int, what: str, *, newlines: bool = False) -> None:
    """Raise UsageError unless `value` is text of at most `max_size` bytes without control or direction characters."""
    try:
        size = len(value.encode())
    except UnicodeEncodeError as exc:
        raise UsageError(f"{what} is not valid Unicode") from exc
    if size > max_size:
        raise UsageError(f"{what} has at most {max_size} bytes of UTF-8, not {size}")
    if (_CONTROL_BUT_NEWLINE if newlines else _CONTROL).search(value):
        raise UsageError(f"{what} holds a control or direction character")


def is_rising(items: Sequence[bytes] | Sequence[str]) -> bool:
    """Whether the items are sorted and distinct."""
    return all(first < second for first, second in pairwise(items))  # type: ignore[operator]


# --- reading the items of an array --------------------------------------------------------------------------------


def as_bytes(value: object, what: str, *, length: int | None = None, max_length: int | None = None) -> bytes:
    """`value` if it is a byte string of that length. Raises FormatError."""
    if type(value) is not bytes:
        raise FormatError(f"{what} is a byte string")
    if length is not None and len(value) != length:
        raise FormatError(f"{what} has {length} bytes, not {len(value)}")
    if max_length is not None and len(value) > max_length:
        raise FormatError(f"{what} has at most {max_length} bytes, not {len(value)}")
    return value


def as_uint(value: object, maximum: int, what: str) -> int:
    """`value` if it is an integer from 0 to `maximum`. Raises FormatError."""
    if type(value) is not int or not 0 <= value <= maximum:
        raise FormatError(f"{what} is an integer from 0 to {maximum}")
    return value


def as_text(value: object, max_size: int, what: str) -> str:
    """`value` if it is text of at most `max_size` bytes of UTF-8. Raises FormatError."""
    if type(value) is not str or len(value.encode()) > max_size:
        raise FormatError(f"{what} is text of at most {max_size} bytes")
    return value


def array(value: object, what: str, *, length: int | None = None, max_items: int | None = None) -> list[cbor.Value]:
    """`value` if it is an array of that length. Raises FormatError."""
    if type(value) is not list:
        raise FormatError(f"{what} is an array")
    if length is not None and len(value) != length:
        raise FormatError(f"{what} has {length} items, not {len(value)}")
    if max_items is not None and len(value) > max_items:
        raise FormatError(f"{what} has at most {max_items} items, not {len(value)}")
    return value


# --- statements ---------------------------------------------------------------------------------------------------


def ed25519_statement(raw: bytes, origin: str, kind: str, *, max_size: int = MAX_STATEMENT) -> Statement:
    """Read an untrusted statement of `kind` that an Ed25519 key signed. Raises FormatError, VerificationError."""
    signed = parse_statement(raw, origin=origin, kinds={kind}, max_size=max_size)
    if signed.algorithm != cose.ALG_ED25519:
        raise FormatError(f"a {kind} is signed with Ed25519")
    return signed


# --- map proofs ---------------------------------------------------------------------------------------------------


def map_proof_value(proof: MapProof) -> cbor.Value:
    """A map proof as it stands inside other values (docs/spec/entries.md §6)."""
    other: cbor.Value = None if proof.other_leaf is None else list(proof.other_leaf)
    return [list(proof.siblings), other]


def parse_map_proof(value: object) -> MapProof:
    """Read an untrusted map proof. Raises FormatError."""
    siblings, other = array(value, "a map proof", length=2)
    hashes = tuple(
        as_bytes(item, "a hash of a map proof", length=DIGEST_SIZE)
        for item in array(siblings, "the siblings of a map proof", max_items=256)
    )
    if other is None:
        return MapProof(hashes)
    key_hash, value_hash = (
        as_bytes(item, "a hash of a map proof", length=DIGEST_SIZE)
        for item in array(other, "the other leaf of a map proof", length=2)
    )
    return MapProof(hashes, (key_hash, value_hash))
