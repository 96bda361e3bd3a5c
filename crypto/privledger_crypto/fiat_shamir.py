"""The Fiat-Shamir transformation: a SHAKE128 duplex sponge and the codecs of what goes in and comes out.

    >>> from privledger_crypto.fiat_shamir import DuplexSponge, derive_session_id
    >>> sponge = DuplexSponge(derive_session_id(b"EXAMPLE-V01"))
    >>> sponge.absorb(b"message")
    >>> len(sponge.squeeze(48))
    48

Absorbs insert no separator: whoever absorbs must encode without ambiguity. All that goes in and out is public.

Left to others: what a protocol absorbs, and in which order (`sigma`).
Source: draft-irtf-cfrg-fiat-shamir-03.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, Literal

from .errors import FormatError, ParameterError

__all__ = [
    "SESSION_ID_SIZE",
    "DuplexSponge",
    "decode_uint",
    "derive_session_id",
    "parse_field",
    "parse_uint",
    "parse_var_len",
    "serialize_field",
    "serialize_uint",
    "serialize_var_len",
    "uint_size",
]

SESSION_ID_SIZE: Final = 32  # bytes
_RATE: Final = 168  # bytes, the rate of SHAKE128
_OVERSAMPLING: Final = 16  # bytes squeezed beyond the modulus, so that the bias is below 2^-128
_SESSION_ID_SEED: Final = b"irtf-cfrg-fiat-shamir/session-id"

ByteOrder = Literal["little", "big"]


class DuplexSponge:
    """SHAKE128 as a duplex sponge: absorb and squeeze in any order.

    `session_id`: 32 bytes (see `derive_session_id`). An absorb of at least one byte restarts the output stream over all
    that was absorbed so far; without one, squeezes continue the stream. Raises: ParameterError.
    """

    __slots__ = ("_hash", "_offset")

    def __init__(self, session_id: bytes) -> None:
        if len(session_id) != SESSION_ID_SIZE:
            raise ParameterError(f"a session identifier has {SESSION_ID_SIZE} bytes, not {len(session_id)}")
        self._hash = hashlib.shake_128(session_id + bytes(_RATE - SESSION_ID_SIZE))
        self._offset = 0

    def absorb(self, data: bytes) -> None:
        """Absorb `data`; the empty string changes nothing."""
        if data:
            self._hash.update(data)
            self._offset = 0

    def squeeze(self, length: int) -> bytes:
        """Return the next `length` bytes of the output stream."""
        end = self._offset + length
        out = self._hash.digest(end)[self._offset :]
        self._offset = end
        return out


def derive_session_id(tag: bytes) -> bytes:
    """Return the 32-byte session identifier of an application's `tag` (`DeriveSessionID`).

    Prover and verifier each build the tag; neither takes it from the other.
    """
    sponge = DuplexSponge(_SESSION_ID_SEED)
    sponge.absorb(tag)
    return sponge.squeeze(SESSION_ID_SIZE)


def uint_size(modulus: int) -> int:
    """Return `Ns`, the least number of bytes that holds every integer below `modulus`. Raises: ParameterError."""
    if modulus < 2:
        raise ParameterError("a modulus is at least 2")
    return ((modulus - 1).bit_length() + 7) // 8


def serialize_uint(value: int, modulus: int, order: ByteOrder = "little") -> bytes:
    """Return `value`, which lies in [0, modulus), as `uint_size(modulus)` bytes. Raises: ParameterError."""
    if not 0 <= value < modulus:
        raise ParameterError("the integer lies outside [0, modulus)")
    return value.to_bytes(uint_size(modulus), order)


def parse_uint(data: bytes, modulus: int, order: ByteOrder = "little") -> int:
    """Read exactly one integer below `modulus`; nothing is reduced. Raises: FormatError."""
    if len(data) != uint_size(modulus):
        raise FormatError(f"an integer here has {uint_size(modulus)} bytes, not {len(data)}")
    value = int.from_bytes(data, order)
    if value >= modulus:
        raise FormatError("the integer is not below the modulus, so its encoding is not canonical")
    return value


def serialize_field(coordinates: Sequence[int], modulus: int, order: ByteOrder = "little") -> bytes:
    """Return the coordinates of an element of a field extension, one after the other. Raises: ParameterError."""
    return b"".join(serialize_uint(value, modulus, order) for value in coordinates)


def parse_field(data: bytes, modulus: int, degree: int, order: ByteOrder = "little") -> tuple[int, ...]:
    """Read exactly one element of the degree-`degree` extension, every coordinate canonical. Raises: FormatError."""
    size = uint_size(modulus)
    if len(data) != size * degree:
        raise FormatError(f"a field element here has {size * degree} bytes, not {len(data)}")
    return tuple(parse_uint(data[at : at + size], modulus, order) for at in range(0, len(data), size))


def serialize_var_len(data: bytes) -> bytes:
    """Return `data` behind its length in 4 little-endian bytes. Raises: ParameterError from 2^32 bytes on."""
    if len(data) >= 1 << 32:
        raise ParameterError("a byte string of 2^32 bytes or more cannot be serialised")
    return len(data).to_bytes(4, "little") + data


def parse_var_len(data: bytes) -> tuple[bytes, bytes]:
    """Read one length-prefixed byte string; return it and what follows. Raises: FormatError."""
    if len(data) < 4:
        raise FormatError("a length prefix has 4 bytes")
    end = 4 + int.from_bytes(data[:4], "little")
    if len(data) < end:
        raise FormatError(f"the length prefix announces {end - 4} bytes, and {len(data) - 4} follow")
    return bytes(data[4:end]), bytes(data[end:])


def decode_uint(data: bytes, modulus: int) -> int:
    """Turn `uint_size(modulus) + 16` squeezed bytes into an integer modulo `modulus`, little-endian, almost uniform.

    Every input decodes: for verifier messages, never for prover messages. Raises: ParameterError for another length.
    """
    if len(data) != uint_size(modulus) + _OVERSAMPLING:
        raise ParameterError(f"decoding takes {uint_size(modulus) + _OVERSAMPLING} squeezed bytes, not {len(data)}")
    return int.from_bytes(data, "little") % modulus
