"""The fixed bases of privledger's commitments, hashed to the curve so that nobody knows a relation between them.

    >>> from privledger_crypto.generators import record_generators
    >>> len(record_generators())
    11

Each purpose has an api_id of its own, so a base of one is never a base of another. The derivation is a sequential
chain: a longer list begins with the shorter one.

Left to others: what each base stands for (`pedersen` and the ledger's formats).
Source: draft-irtf-cfrg-bbs-signatures, `create_generators`, suite BLS12-381-SHA-256.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from .errors import ParameterError
from .group import Point, backend_name, expand_message_xmd, hash_to_point

__all__ = [
    "RECEIPT_API_ID",
    "RECORD_API_ID",
    "TERMS_API_ID",
    "create_generators",
    "receipt_generators",
    "record_generators",
    "terms_generators",
]

RECORD_API_ID: Final = b"PRIVLEDGER-V1-RECORD_BLS12381G1_XMD:SHA-256_SSWU_RO_"
TERMS_API_ID: Final = b"PRIVLEDGER-V1-TERMS_BLS12381G1_XMD:SHA-256_SSWU_RO_"
RECEIPT_API_ID: Final = b"PRIVLEDGER-V1-RECEIPT_BLS12381G1_XMD:SHA-256_SSWU_RO_"

_RECORD_COUNT: Final = 11  # H0 blinding, H1 identity secret, H2 descriptor, H3..H10 attributes
_TERMS_COUNT: Final = 7  # G0 blinding, G1 digest, G2..G3 validity, G4..G5 reads, G6 price
_RECEIPT_COUNT: Final = 4  # K0 blinding, K1..K3
_EXPAND_LENGTH: Final = 48  # bytes, `expand_len` of the suite


def create_generators(count: int, api_id: bytes) -> tuple[Point, ...]:
    """Return `count` independent points of G1 for the interface `api_id`, in the active back end.

    `count`: at least 1. `api_id`: not empty. Cached. Raises: ParameterError.
    """
    if count < 1:
        raise ParameterError("ask for at least one generator")
    if not api_id:
        raise ParameterError("generators need an api_id; an empty one separates nothing")
    return _create(count, bytes(api_id), backend_name())


@lru_cache(maxsize=64)
def _create(count: int, api_id: bytes, backend: str) -> tuple[Point, ...]:
    del backend  # part of the cache key only: points belong to the back end that made them
    seed_dst = api_id + b"SIG_GENERATOR_SEED_"
    generator_dst = api_id + b"SIG_GENERATOR_DST_"
    value = expand_message_xmd(api_id + b"MESSAGE_GENERATOR_SEED", seed_dst, _EXPAND_LENGTH)
    points = []
    for index in range(1, count + 1):
        value = expand_message_xmd(value + index.to_bytes(8, "big"), seed_dst, _EXPAND_LENGTH)
        points.append(hash_to_point(value, generator_dst))
    return tuple(points)


def record_generators() -> tuple[Point, ...]:
    """Return H0..H10, the bases of a record commitment: blinding, identity secret, descriptor, eight attributes."""
    return create_generators(_RECORD_COUNT, RECORD_API_ID)


def terms_generators() -> tuple[Point, ...]:
    """Return G0..G6, the bases of a terms commitment: blinding, digest, two times, first and last read, price."""
    return create_generators(_TERMS_COUNT, TERMS_API_ID)


def receipt_generators() -> tuple[Point, ...]:
    """Return K0..K3, the bases of a receipt commitment, the blinding first."""
    return create_generators(_RECEIPT_COUNT, RECEIPT_API_ID)
