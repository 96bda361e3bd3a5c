"""One-time keys: a fresh public key for every grant, made by the sender, that only the receiver can use.

    >>> import secrets
    >>> from privledger_crypto.group import generator
    >>> from privledger_crypto.onetime import one_time_public, one_time_secret, sign_one_time, verify_one_time
    >>> spend_secret, seed = 7, secrets.token_bytes(32)
    >>> public = one_time_public(generator().mul(spend_secret).to_bytes(), seed)
    >>> signature = sign_one_time(one_time_secret(spend_secret, seed), b"message", secrets.token_bytes)
    >>> verify_one_time(public, b"message", signature)

    P' = P + H(seed)·G        p' = p + H(seed)

The seed travels encrypted, so `P'` cannot be linked to `P` without it. Whoever holds the seed **and** `p'` can compute `p`:
`p'` never leaves the receiver's wallet, and a seed serves one key.

Left to others: carrying the seed (HPKE), the address format, the proof system (`relations`).
Source: ERC-5564 (Final), its algorithm moved to BLS12-381 G1, the shared secret replaced by a random 32-byte seed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .errors import ParameterError
from .group import ORDER, generator, hash_to_scalar, parse_point
from .relations import prove_discrete_log, verify_discrete_log

__all__ = [
    "SEED_SIZE",
    "SIGNATURE_SIZE",
    "one_time_public",
    "one_time_secret",
    "sign_one_time",
    "verify_one_time",
]

SEED_SIZE: Final = 32  # bytes
SIGNATURE_SIZE: Final = 64  # bytes: challenge and response
_KEY_DST: Final = b"PRIVLEDGER-V1-ONE-TIME-KEY"
_SIGNATURE_NAME: Final = b"ONE-TIME-SIGNATURE"


def one_time_public(spend_public: bytes, seed: bytes) -> bytes:
    """Return the one-time public key P' (48 bytes) for the receiver's `spend_public` (48 bytes, untrusted).

    `seed`: 32 random bytes, used for this key only. Raises: FormatError for bytes that are no point; ParameterError for a
    seed of another length, or one that leads to the identity.
    """
    public = parse_point(spend_public) + generator().mul(_tweak(seed))
    if public.is_identity:
        raise ParameterError("this seed leads to the identity, which is no key; draw another seed")
    return public.to_bytes()


def one_time_secret(spend_secret: int, seed: bytes) -> int:
    """Return the one-time secret key p' in [1, ORDER), given the spend secret in [1, ORDER) and the seed (32 bytes).

    Raises: ParameterError.
    """
    if not 1 <= spend_secret < ORDER:
        raise ParameterError("a secret key lies between 1 and the order of the group")
    secret = (spend_secret + _tweak(seed)) % ORDER
    if secret == 0:
        raise ParameterError("this seed leads to the identity, which is no key")
    return secret


def sign_one_time(secret: int, message: bytes, random_bytes: Callable[[int], bytes]) -> bytes:
    """Sign `message` with a one-time secret key; 64 bytes, randomised. Raises: ParameterError."""
    return prove_discrete_log(secret, context=message, random_bytes=random_bytes, name=_SIGNATURE_NAME)


def verify_one_time(public: bytes, message: bytes, signature: bytes) -> None:
    """Check a one-time key's `signature` of `message`. `public`: 48 untrusted bytes.

    Raises: FormatError for bytes that are no key or no signature; VerificationError if the signature is false.
    """
    verify_discrete_log(public, signature, context=message, name=_SIGNATURE_NAME)


def _tweak(seed: bytes) -> int:
    if len(seed) != SEED_SIZE:
        raise ParameterError(f"the seed of a one-time key has {SEED_SIZE} bytes, not {len(seed)}")
    return hash_to_scalar(seed, _KEY_DST)
