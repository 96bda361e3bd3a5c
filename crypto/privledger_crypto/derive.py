"""Key derivation: many independent keys from one, each under a label and a context.

    >>> from privledger_crypto.derive import expand
    >>> expand(bytes(32), "data", b"origin", 7) != expand(bytes(32), "data", b"origin", 8)
    True

HKDF with SHA-256. Its `info` is the deterministic CBOR array `["privledger/v1", label, *context]`, so two lists of context
items never run together: (b"ab", b"c") and (b"a", b"bc") give unrelated keys, as do 7 and "7".

One label serves one purpose **and one length**: HKDF's shorter output is the beginning of its longer one.

Left to others: which labels exist, and keeping the keys.
Sources: RFC 5869 (HKDF), RFC 8949 section 4.2.1 (deterministic CBOR).
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from . import cbor
from .errors import ParameterError
from .group import ORDER, WIDE_SIZE

__all__ = ["KEY_SIZE", "ContextItem", "expand", "expand_scalar", "extract_and_expand"]

KEY_SIZE: Final = 32  # bytes
_MAX_LENGTH: Final = 255 * 32  # bytes, RFC 5869 section 2.3
_DOMAIN: Final = "privledger/v1"

ContextItem = bytes | str | int


def expand(key: bytes, label: str, *context: ContextItem, length: int = KEY_SIZE) -> bytes:
    """Return `length` bytes derived from `key` for this label and context (HKDF-Expand, SHA-256).

    `key`: 32 uniformly random bytes; for anything else use `extract_and_expand`. `label`: not empty. `length`: 1 to 8160.
    Raises: ParameterError.
    """
    if len(key) != KEY_SIZE:
        raise ParameterError(f"a key to derive from has {KEY_SIZE} bytes, not {len(key)}")
    _check_length(length)
    return HKDFExpand(algorithm=SHA256(), length=length, info=_info(label, context)).derive(key)


def extract_and_expand(ikm: bytes, label: str, *context: ContextItem, length: int = KEY_SIZE) -> bytes:
    """Return `length` bytes derived from `ikm` for this label and context (HKDF, SHA-256, empty salt).

    `ikm`: input key material with enough entropy, of any length but zero. `label`: not empty. `length`: 1 to 8160.
    Raises: ParameterError.
    """
    if not ikm:
        raise ParameterError("there is nothing to derive from: the input key material is empty")
    _check_length(length)
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=_info(label, context)).derive(ikm)


def expand_scalar(key: bytes, label: str, *context: ContextItem) -> int:
    """Return a scalar in [1, ORDER) derived from the 32-byte `key`: 48 expanded bytes, big-endian, modulo the order.

    Raises: ParameterError, also in the practically impossible case that the scalar is zero.
    """
    scalar = int.from_bytes(expand(key, label, *context, length=WIDE_SIZE), "big") % ORDER
    if scalar == 0:
        raise ParameterError("the derived scalar is zero; derive under another context")
    return scalar


def _check_length(length: int) -> None:
    if not 1 <= length <= _MAX_LENGTH:
        raise ParameterError(f"HKDF yields 1 to {_MAX_LENGTH} bytes")


def _info(label: str, context: tuple[ContextItem, ...]) -> bytes:
    if not label:
        raise ParameterError("a derived key needs a label")
    for item in context:
        if isinstance(item, bool) or not isinstance(item, bytes | str | int):
            raise ParameterError("a context item is bytes, text or an integer")
    return cbor.encode([_DOMAIN, label, *context])
