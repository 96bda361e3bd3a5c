"""Names of ledgers, records and services (docs/spec/conventions.md §3)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from privledger.protocol.errors import FormatError, UsageError

__all__ = [
    "GRANT_ID_SIZE",
    "ID_SIZE",
    "ZERO_GRANT",
    "check_origin",
    "new_origin",
    "record_id",
    "service_id",
]

ID_SIZE = 16  # bytes; record, grant and service ids
GRANT_ID_SIZE = ID_SIZE
ZERO_GRANT = bytes(GRANT_ID_SIZE)  # stands for "the owner" where a grant id is asked for

_NAME = re.compile(r"[a-z0-9.-]{1,64}")
_ORIGIN = re.compile(r"[a-z0-9.-]{1,64}/[0-9a-f]{64}")


def check_origin(origin: str) -> str:
    """Return `origin` if it is a ledger's name and 64 hex digits.

    Raises:
        FormatError: it is not.
    """
    if not _ORIGIN.fullmatch(origin):
        raise FormatError("the origin is not of the form name/64 lower-case hex digits")
    return origin


def new_origin(name: str, random_bytes: Callable[[int], bytes]) -> str:
    """Make the origin of a new ledger: `name`, a slash and 32 random bytes in hex.

    Raises:
        UsageError: the name has other characters than a-z 0-9 . - or is longer than 64.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a ledger",
            hint="Use 1 to 64 characters of a-z, 0-9, dot and hyphen, for example bikes.example.",
        )
    return f"{name}/{random_bytes(32).hex()}"


def record_id(first_key: bytes) -> bytes:
    """The id of the record whose first record key is `first_key`: 16 bytes."""
    return hashlib.sha256(first_key).digest()[:ID_SIZE]


def service_id(first_signing_key: bytes) -> bytes:
    """The id of the service whose first signing key is `first_signing_key`: 16 bytes."""
    return hashlib.sha256(first_signing_key).digest()[:ID_SIZE]
