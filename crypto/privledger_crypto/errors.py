"""The errors of `privledger_crypto`.

    CryptoError
    ├── FormatError          bytes that are not what they claim to be (malformed, not canonical, wrong length)
    ├── VerificationError    well-formed and false (a signature, proof, tag or root that does not hold)
    └── ParameterError       the caller asked for something that cannot be (lengths, ranges, counts)

Malformed and false are two things: the first is a fault of the sender's program, the second may be an attack.
No message carries a secret.
"""

from __future__ import annotations

__all__ = ["CryptoError", "FormatError", "ParameterError", "VerificationError"]


class CryptoError(Exception):
    """Base of every error that `privledger_crypto` raises on purpose."""


class FormatError(CryptoError):
    """The bytes are not a well-formed, canonical encoding of what was expected."""


class VerificationError(CryptoError):
    """The bytes are well-formed, and what they claim is false."""


class ParameterError(CryptoError, ValueError):
    """A parameter is outside what the construction allows."""
