"""Shamir's secret sharing over the scalar field of BLS12-381: n shares, of which any t give the secret and t − 1 give nothing.

    >>> import secrets
    >>> from privledger_crypto.shares import combine, split
    >>> shares = split(42, threshold=2, count=3, random_bytes=secrets.token_bytes)
    >>> combine([shares[0], shares[2]], threshold=2)
    42

More than half of the keepers must agree (2t > n), so two disjoint groups never both answer. A `share_digest` lets the
holder of a short list of digests tell a right share from a wrong one; it hides the share because a share of a random
secret is as hard to guess as the secret.

Sums and products of Python integers are not constant time. Left to others: carrying shares, choosing keepers.
Source: A. Shamir, CACM 22 (1979); RFC 9591 appendix C.1 for the interpolation.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from .errors import FormatError, ParameterError, VerificationError
from .group import ORDER, SCALAR_SIZE, parse_scalar, random_scalar, scalar_to_bytes

__all__ = [
    "DIGEST_SIZE",
    "MAX_SHARES",
    "SHARE_SIZE",
    "Share",
    "combine",
    "parse_share",
    "share_digest",
    "split",
    "verify_share",
]

MAX_SHARES: Final = 31  # the ledger's limit of keepers for a record
SHARE_SIZE: Final = 1 + SCALAR_SIZE  # bytes: index, value
DIGEST_SIZE: Final = 32  # bytes, SHA-256
_DIGEST_LABEL: Final = b"privledger/v1/share-digest\x00"


@dataclass(frozen=True, slots=True)
class Share:
    """One share: the polynomial's value at `index` (1 to 31). Its repr does not show the value. Raises: ParameterError."""

    index: int
    value: int = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.index <= MAX_SHARES:
            raise ParameterError(f"the index of a share lies between 1 and {MAX_SHARES}")
        if not 0 <= self.value < ORDER:
            raise ParameterError("the value of a share lies between 0 and the order of the group")

    def to_bytes(self) -> bytes:
        """Return 33 bytes: the index in one byte, the value in 32, big-endian."""
        return bytes([self.index]) + scalar_to_bytes(self.value)


def parse_share(data: bytes) -> Share:
    """Read an untrusted share of exactly 33 bytes. Raises: FormatError."""
    if len(data) != SHARE_SIZE:
        raise FormatError(f"a share has {SHARE_SIZE} bytes, not {len(data)}")
    if not 1 <= data[0] <= MAX_SHARES:
        raise FormatError(f"the index of a share lies between 1 and {MAX_SHARES}")
    return Share(data[0], parse_scalar(data[1:]))


def split(secret: int, *, threshold: int, count: int, random_bytes: Callable[[int], bytes]) -> tuple[Share, ...]:
    """Split `secret`, in [0, ORDER), into `count` shares with indices 1 to `count`, any `threshold` of which combine.

    Raises: ParameterError unless 1 ≤ threshold ≤ count ≤ 31 and 2·threshold > count.
    """
    _check_threshold(threshold)
    if not threshold <= count <= MAX_SHARES:
        raise ParameterError(f"the number of shares lies between the threshold and {MAX_SHARES}")
    if 2 * threshold <= count:
        raise ParameterError("the threshold must be more than half of the shares, or two groups could act apart")
    if not 0 <= secret < ORDER:
        raise ParameterError("the secret lies between 0 and the order of the group")
    coefficients = [secret, *(random_scalar(random_bytes) for _ in range(threshold - 1))]
    return tuple(Share(index, _evaluate(coefficients, index, ORDER)) for index in range(1, count + 1))


def combine(shares: Sequence[Share], *, threshold: int) -> int:
    """Return the secret behind `shares`, of which at least `threshold` are needed, each index once.

    With more than `threshold` shares, all must lie on one polynomial. With exactly that many nothing can be checked here:
    check each with `verify_share` first.

    Raises: ParameterError for too few shares or a repeated index; VerificationError if they do not agree.
    """
    _check_threshold(threshold)
    if len({share.index for share in shares}) != len(shares):
        raise ParameterError("two shares have the same index")
    if len(shares) < threshold:
        raise ParameterError(f"{threshold} shares are needed, and {len(shares)} were given")
    points = [(share.index, share.value) for share in shares[:threshold]]
    for share in shares[threshold:]:
        if _interpolate(points, share.index, ORDER) != share.value:
            raise VerificationError("the shares do not lie on one polynomial: at least one is wrong")
    return _interpolate(points, 0, ORDER)


def share_digest(share: Share, context: bytes) -> bytes:
    """Return the 32-byte digest that identifies `share` within `context` (the record, its epoch …).

    SHA-256 over a label, the context behind its length in 8 big-endian bytes, and the share's 33 bytes.
    """
    return hashlib.sha256(_DIGEST_LABEL + len(context).to_bytes(8, "big") + context + share.to_bytes()).digest()


def verify_share(share: Share, digest: bytes, context: bytes) -> None:
    """Check that `share` is the one whose digest (32 bytes) was kept for `context`.

    Raises: FormatError for a digest of another length; VerificationError.
    """
    if len(digest) != DIGEST_SIZE:
        raise FormatError(f"the digest of a share has {DIGEST_SIZE} bytes, not {len(digest)}")
    if not hmac.compare_digest(share_digest(share, context), digest):
        raise VerificationError(f"the share with index {share.index} is not the one that was deposited")


def _check_threshold(threshold: int) -> None:
    if not 1 <= threshold <= MAX_SHARES:
        raise ParameterError(f"the threshold lies between 1 and {MAX_SHARES}")


def _evaluate(coefficients: Sequence[int], x: int, modulus: int) -> int:
    """Evaluate a polynomial, constant term first, by Horner's rule."""
    result = 0
    for coefficient in reversed(coefficients):
        result = (result * x + coefficient) % modulus
    return result


def _interpolate(points: Sequence[tuple[int, int]], x: int, modulus: int) -> int:
    """Evaluate at `x` the polynomial of least degree through `points`, whose abscissae are distinct (Lagrange)."""
    result = 0
    for at, value in points:
        numerator, denominator = 1, 1
        for other, _ in points:
            if other != at:
                numerator = numerator * (x - other) % modulus
                denominator = denominator * (at - other) % modulus
        result = (result + value * numerator * pow(denominator, -1, modulus)) % modulus
    return result
