"""Ed25519 and ML-DSA-44: keys, signatures, and one rule for what verifies.

Ed25519 signatures with odd keys or odd points are valid in some programs and false in others, and a ledger cannot
afford that. The rule here is that of libsodium's `crypto_sign_verify_detached`, and nothing else decides:

* the key A is canonically encoded and not of small order;
* R is canonically encoded and not of small order, and S < L;
* S·B - k·A encodes to exactly the bytes of R (no cofactor).

A key with a component of small order besides its own can still verify; `check_ed25519_public` refuses such keys where
they are registered. ML-DSA-44 (FIPS 204) has no such freedom and comes from `cryptography`.

    >>> key = Ed25519PrivateKey(bytes(32))
    >>> verify_ed25519(key.public, b"message", key.sign(b"message"))

What is signed, and by whom, is left to `cose` and `notes`. Key storage and random seeds are the caller's.
"""

from __future__ import annotations

from typing import NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import mldsa
from nacl import bindings as sodium
from nacl.exceptions import CryptoError as SodiumError

from .errors import FormatError, ParameterError, VerificationError

__all__ = [
    "ED25519_PUBLIC_SIZE",
    "ED25519_SEED_SIZE",
    "ED25519_SIGNATURE_SIZE",
    "MLDSA44_PUBLIC_SIZE",
    "MLDSA44_SEED_SIZE",
    "MLDSA44_SIGNATURE_SIZE",
    "Ed25519PrivateKey",
    "MLDSA44PrivateKey",
    "check_ed25519_public",
    "verify_ed25519",
    "verify_mldsa44",
]

ED25519_SEED_SIZE = 32
ED25519_PUBLIC_SIZE = 32
ED25519_SIGNATURE_SIZE = 64
"""Sizes in bytes, RFC 8032 section 5.1."""

MLDSA44_SEED_SIZE = 32
MLDSA44_PUBLIC_SIZE = 1312
MLDSA44_SIGNATURE_SIZE = 2420
"""Sizes in bytes, FIPS 204 table 2."""

_MLDSA44_CONTEXT_MAX = 255  # bytes, FIPS 204 algorithm 2


class _Secret:
    """Keeps a private key out of representations, copies and pickles."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} cannot be pickled or copied: keep its seed in a key store")


# --- Ed25519 --------------------------------------------------------------------------------------------------------


class Ed25519PrivateKey(_Secret):
    """An Ed25519 private key made from its 32-byte seed (RFC 8032 section 5.1.5).

    `public` is the 32-byte public key. Raises `ParameterError` for a seed of another length.
    """

    __slots__ = ("_secret", "public")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != ED25519_SEED_SIZE:
            raise ParameterError(f"an Ed25519 seed has {ED25519_SEED_SIZE} bytes, not {len(seed)}")
        self.public: bytes
        self.public, self._secret = sodium.crypto_sign_seed_keypair(bytes(seed))

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of `message`; the same message always gives the same signature."""
        return sodium.crypto_sign(message, self._secret)[:ED25519_SIGNATURE_SIZE]


def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> None:
    """Raises `VerificationError` unless `signature` (64 bytes) of `message` holds under `public` (32 bytes).

    The rule is the one in the module's first lines. Wrong lengths fail in the same way.
    """
    # The lengths are checked here because the binding hands the pointers to C as they are.
    if len(public) != ED25519_PUBLIC_SIZE or len(signature) != ED25519_SIGNATURE_SIZE:
        raise VerificationError("the Ed25519 key or signature does not have the right length")
    try:
        sodium.crypto_sign_open(signature + message, public)
    except SodiumError as exc:
        raise VerificationError("the Ed25519 signature does not hold for this key and message") from exc


def check_ed25519_public(public: bytes) -> None:
    """Raises `FormatError` unless `public` is a key that an honest signer could have: use it where keys are registered.

    It must be 32 bytes, the canonical encoding of a point of the prime-order subgroup, and not the identity.
    """
    if len(public) != ED25519_PUBLIC_SIZE:
        raise FormatError(f"an Ed25519 public key has {ED25519_PUBLIC_SIZE} bytes, not {len(public)}")
    if not sodium.crypto_core_ed25519_is_valid_point(public):
        raise FormatError("the Ed25519 public key is not the canonical encoding of a point of the prime-order subgroup")


# --- ML-DSA-44 ------------------------------------------------------------------------------------------------------


class MLDSA44PrivateKey(_Secret):
    """An ML-DSA-44 private key made from its 32-byte seed (FIPS 204 algorithm 6).

    `public` is the 1312-byte public key.
    """

    __slots__ = ("_key", "public")

    def __init__(self, key: mldsa.MLDSA44PrivateKey) -> None:
        self._key = key
        self.public: bytes = key.public_key().public_bytes_raw()

    @classmethod
    def from_seed(cls, seed: bytes) -> MLDSA44PrivateKey:
        """The key of a 32-byte seed. Raises `ParameterError` for a seed of another length."""
        if len(seed) != MLDSA44_SEED_SIZE:
            raise ParameterError(f"an ML-DSA-44 seed has {MLDSA44_SEED_SIZE} bytes, not {len(seed)}")
        return cls(mldsa.MLDSA44PrivateKey.from_seed_bytes(seed))

    def sign(self, message: bytes, *, context: bytes = b"") -> bytes:
        """A 2420-byte signature of `message`, bound to `context` (at most 255 bytes).

        OpenSSL signs in the hedged variant of FIPS 204, so two signatures of one message differ.
        Raises `ParameterError` for a longer context.
        """
        if len(context) > _MLDSA44_CONTEXT_MAX:
            raise ParameterError(f"an ML-DSA context has at most {_MLDSA44_CONTEXT_MAX} bytes, not {len(context)}")
        return self._key.sign(message, context)


def verify_mldsa44(public: bytes, message: bytes, signature: bytes, *, context: bytes = b"") -> None:
    """Raises `VerificationError` unless `signature` (2420 bytes) of `message` holds under `public` (1312 bytes).

    `context` is what the signer bound the signature to. Wrong lengths fail in the same way.
    """
    if len(public) != MLDSA44_PUBLIC_SIZE or len(signature) != MLDSA44_SIGNATURE_SIZE:
        raise VerificationError("the ML-DSA-44 key or signature does not have the right length")
    if len(context) > _MLDSA44_CONTEXT_MAX:
        raise VerificationError(f"an ML-DSA context has at most {_MLDSA44_CONTEXT_MAX} bytes, not {len(context)}")
    try:
        mldsa.MLDSA44PublicKey.from_public_bytes(public).verify(signature, message, context)
    except (InvalidSignature, ValueError) as exc:
        raise VerificationError("the ML-DSA-44 signature does not hold for this key and message") from exc
