"""The terms of a grant and the commitment that stands on the chain for them (docs/spec/grant.md §1).

    >>> terms = Terms(("planning",), not_before=0, not_after=86400, first_read=1, last_read=12)
    >>> terms.describe()
    'may be read 12 times (read numbers 1 to 12) for: planning; from 1970-01-01 00:00 UTC until 1970-01-02 00:00 UTC; free of charge'

The chain carries `T`, a Pedersen commitment with a random blinding `r`; a keeper is shown the opening beside each request.
Left to others: whether a time or a read number fits (the keeper), and who agreed to what.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from privledger.protocol._values import (
    MAX_TIME,
    UINT32,
    array,
    as_bytes,
    as_text,
    is_rising,
    making,
    reading,
    require,
    require_uint,
)
from privledger_crypto import cbor, group, pedersen
from privledger_crypto.generators import terms_generators

__all__ = [
    "MAX_PURPOSES",
    "MAX_TERMS_OPENING",
    "Terms",
    "commit_terms",
    "encode_opening",
    "parse_opening",
    "parse_terms",
    "verify_terms",
]

MAX_PURPOSES = 12  # with 31 keepers, an envelope of 4,096 bytes holds no more
MAX_PURPOSE = 32  # characters
MAX_TERMS_OPENING = 1024  # bytes
_DIGEST_DST = b"PRIVLEDGER-V1-TERMS"
_PURPOSE = re.compile(r"[a-z0-9-]{1,32}")
_CURRENCY = re.compile(r"(?:[A-Z]{3})?")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a grant allows.

    Args:
        purposes: 1 to 12 codes of a-z, 0-9 and hyphen, up to 32 characters, sorted and distinct.
        not_before, not_after: seconds since 1970 UTC, both included.
        first_read, last_read: the read numbers that may be used, from 1, both included.
        unit_price: what one read costs, in minor units of `currency`; 0 is free of charge.
        currency: an ISO 4217 code, or "" when free of charge.

    Raises:
        UsageError: a value is outside these ranges.
    """

    purposes: tuple[str, ...]
    not_before: int
    not_after: int
    first_read: int
    last_read: int
    unit_price: int = 0
    currency: str = ""

    def __post_init__(self) -> None:
        require(1 <= len(self.purposes) <= MAX_PURPOSES, f"terms name 1 to {MAX_PURPOSES} purposes")
        for purpose in self.purposes:
            require(_PURPOSE.fullmatch(purpose) is not None, "a purpose is 1 to 32 characters of a-z, 0-9 and hyphen")
        require(is_rising(self.purposes), "the purposes are sorted and distinct")
        require_uint(self.not_before, MAX_TIME, "not_before")
        require_uint(self.not_after, MAX_TIME, "not_after")
        require(self.not_before <= self.not_after, "terms end before they begin")
        require_uint(self.first_read, UINT32, "first_read")
        require_uint(self.last_read, UINT32, "last_read")
        require(1 <= self.first_read <= self.last_read, "read numbers run from 1, and the last is not below the first")
        require_uint(self.unit_price, UINT32, "unit_price")
        require(_CURRENCY.fullmatch(self.currency) is not None, "the currency is three capital letters, or empty")
        require(self.unit_price == 0 or self.currency != "", "a price names its currency")

    def to_value(self) -> dict[cbor.Key, cbor.Value]:
        """The map of docs/spec/grant.md §1."""
        return {
            0: list(self.purposes),
            1: self.not_before,
            2: self.not_after,
            3: self.first_read,
            4: self.last_read,
            5: self.unit_price,
            6: self.currency,
        }

    def digest(self) -> int:
        """Purposes and currency as one scalar."""
        return group.hash_to_scalar(cbor.encode([list(self.purposes), self.currency]), _DIGEST_DST)

    def describe(self) -> str:
        """The terms in plain words, one line."""
        count = self.last_read - self.first_read + 1
        if count == 1:
            reads = f"once (read number {self.first_read})"
        else:
            reads = f"{count} times (read numbers {self.first_read} to {self.last_read})"
        if self.unit_price:
            price = f"{self.unit_price} minor units of {self.currency} a read"
        else:
            price = "free of charge"
        return (
            f"may be read {reads} for: {', '.join(self.purposes)}; "
            f"from {_moment(self.not_before)} until {_moment(self.not_after)}; {price}"
        )

    def _scalars(self, r: int) -> tuple[int, ...]:
        times = (self.not_before, self.not_after)
        return (r, self.digest(), *times, self.first_read, self.last_read, self.unit_price)


def parse_terms(value: object) -> Terms:
    """Read an untrusted terms map.

    Raises:
        FormatError: another shape, an unknown key, or a value outside its range.
    """
    with reading("terms"):
        fields = cbor.Fields(value, "terms")
        terms = Terms(
            purposes=tuple(as_text(item, MAX_PURPOSE, "a purpose") for item in fields.list(0, MAX_PURPOSES)),
            not_before=fields.uint(1, MAX_TIME),
            not_after=fields.uint(2, MAX_TIME),
            first_read=fields.uint(3, UINT32),
            last_read=fields.uint(4, UINT32),
            unit_price=fields.uint(5, UINT32),
            currency=fields.text(6, max_length=3),
        )
        fields.done()
    return terms


def commit_terms(terms: Terms, r: int) -> bytes:
    """The commitment `T` to `terms` with the blinding `r` (a random scalar): 48 bytes.

    Raises:
        UsageError: `r` is not a scalar, or the result is the identity.
    """
    with making("terms commitment"):
        return pedersen.commit(terms_generators(), terms._scalars(r)).to_bytes()


def verify_terms(commitment: bytes, terms: Terms, r: int) -> None:
    """Check that `commitment` (48 bytes, untrusted) opens to `terms` and `r`.

    Raises:
        FormatError: the commitment is no point. VerificationError: it opens to something else.
    """
    with reading("terms commitment"):
        pedersen.verify_opening(commitment, terms_generators(), pedersen.Opening(terms._scalars(r)))


def encode_opening(terms: Terms, r: int) -> bytes:
    """The opening that goes beside a request: `CBOR([terms, r])`, at most 1,024 bytes. It is a secret of the two sides."""
    with making("terms opening"):
        return cbor.encode([terms.to_value(), group.scalar_to_bytes(r)])


def parse_opening(data: bytes) -> tuple[Terms, int]:
    """Read an untrusted opening: the terms and `r`.

    Raises:
        FormatError: not canonical, over 1,024 bytes, or of another shape.
    """
    with reading("terms opening"):
        terms, r = array(cbor.decode(data, max_size=MAX_TERMS_OPENING), "a terms opening", length=2)
        return parse_terms(terms), group.parse_scalar(as_bytes(r, "r of a terms opening"))


def _moment(seconds: int) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC" if moment.second else "%Y-%m-%d %H:%M UTC")
