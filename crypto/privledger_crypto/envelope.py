"""Envelopes: a message that exactly one key can open, also against an adversary with a quantum computer.

HPKE base mode (RFC 9180) with KEM MLKEM768-X25519 (X-Wing, 0x647a, draft-ietf-hpke-pq), HKDF-SHA256 and AES-256-GCM.
An envelope is `enc (1120 bytes) || ciphertext and tag`.

    >>> private = XWingPrivateKey.from_seed(bytes(32))
    >>> open_envelope(private, b"info", seal_envelope(private.public, b"info", b"the owner's part"))
    b"the owner's part"

Private keys exist only as their 32-byte seed: the library below would join an ML-KEM and an X25519 key that have
nothing to do with each other. An envelope does not say who made it; what it brings must be signed, or checked against
the chain. Randomness: HPKE of `cryptography` draws the ephemeral keys itself from the system.
"""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from .errors import FormatError, ParameterError, VerificationError

__all__ = [
    "ENVELOPE_OVERHEAD",
    "SUITE_ID",
    "XWING_PUBLIC_SIZE",
    "XWING_SEED_SIZE",
    "XWingPrivateKey",
    "open_envelope",
    "parse_xwing_public",
    "seal_envelope",
]

XWING_SEED_SIZE = 32  # bytes, draft-connolly-cfrg-xwing-kem section 5
XWING_PUBLIC_SIZE = 1216  # bytes: ML-KEM-768 1184 || X25519 32
ENCAPSULATION_SIZE = 1120  # bytes: ML-KEM-768 1088 || X25519 32
ENVELOPE_OVERHEAD = ENCAPSULATION_SIZE + 16  # bytes: the encapsulation and the tag of AES-256-GCM

# RFC 9180 section 5.1: "HPKE" || kem_id || kdf_id || aead_id. Nothing in the bytes of an envelope says which suite made
# it, so the suite is bound through `info`.
SUITE_ID = b"HPKE" + bytes.fromhex("647a00010002")

_MLKEM_PUBLIC_SIZE = 1184
_MLKEM_SEED_SIZE = 64
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_PROBE = bytes(range(32))  # an arbitrary public scalar: multiplying by it unmasks points of low order
_DOES_NOT_OPEN = "the envelope does not open: it is for another key or another purpose, or its bytes were changed"


class XWingPrivateKey:
    """An X-Wing private key, made from its 32-byte seed (draft-connolly-cfrg-xwing-kem section 5.2)."""

    __slots__ = ("_key", "_public")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != XWING_SEED_SIZE:
            raise ParameterError(f"an X-Wing seed is {XWING_SEED_SIZE} bytes, not {len(seed)}")
        expanded = hashlib.shake_256(seed).digest(_MLKEM_SEED_SIZE + 32)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_SIZE])
        x25519 = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_SIZE:])
        self._key = hpke.MLKEM768X25519PrivateKey(mlkem, x25519)
        self._public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()

    @classmethod
    def from_seed(cls, seed: bytes) -> XWingPrivateKey:
        """The key of a 32-byte uniformly random seed. Raises ParameterError if it has another length."""
        return cls(seed)

    @property
    def public(self) -> bytes:
        """The public key, 1216 bytes."""
        return self._public

    def __repr__(self) -> str:
        return f"XWingPrivateKey(public={self._public[:8].hex()}…)"


def parse_xwing_public(data: bytes) -> bytes:
    """Check the 1216 bytes of an X-Wing public key and return them.

    Raises FormatError if the length is wrong, the ML-KEM part is not reduced (FIPS 203 section 7.2), or the X25519 part
    has low order (RFC 7748 section 6.1), which would take the classical half out of the key agreement.
    """
    _load_public(data)
    return data


def _load_public(data: bytes) -> hpke.MLKEM768X25519PublicKey:
    if len(data) != XWING_PUBLIC_SIZE:
        raise FormatError(f"an X-Wing public key is {XWING_PUBLIC_SIZE} bytes, not {len(data)}")
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(data[:_MLKEM_PUBLIC_SIZE])
        x25519 = X25519PublicKey.from_public_bytes(data[_MLKEM_PUBLIC_SIZE:])
        X25519PrivateKey.from_private_bytes(_PROBE).exchange(x25519)
    except ValueError as exc:
        raise FormatError("the bytes are not an X-Wing public key: a part of it is not a valid key") from exc
    return hpke.MLKEM768X25519PublicKey(mlkem, x25519)


def seal_envelope(public: bytes, info: bytes, plaintext: bytes) -> bytes:
    """Seal `plaintext` to the holder of `public` (1216 bytes); it opens only with the same `info`.

    Returns `len(plaintext) + ENVELOPE_OVERHEAD` bytes. `info` says what the envelope is for; the suite is added to it.
    Raises FormatError if `public` is not a valid X-Wing public key. Source: RFC 9180 section 6.1 (SealBase).
    """
    return _SUITE.encrypt(plaintext, _load_public(public), SUITE_ID + info)


def open_envelope(private: XWingPrivateKey, info: bytes, message: bytes) -> bytes:
    """Open an envelope with the key and the `info` it was sealed for.

    Raises VerificationError, always with the same text, whatever is wrong: key, info, length or bytes.
    Source: RFC 9180 section 6.1 (OpenBase).
    """
    try:
        return _SUITE.decrypt(message, private._key, SUITE_ID + info)
    except (InvalidTag, ValueError, TypeError) as exc:
        raise VerificationError(_DOES_NOT_OPEN) from exc
