"""Padding that hides the true length of a message before it is sealed.

Padmé, from Nikitin, Barman, Lueks, Underwood, Hubaux and Ford, "Reducing Metadata Leakage from Encrypted Files and
Communication with PURBs", PoPETs 2019(4), section 4, https://doi.org/10.2478/popets-2019-0056: a length keeps only as
many significant bits as the length of its exponent needs. It leaks O(log log L) bits and costs at most 12 % (less as
messages grow).

    >>> unpad_message(pad_message(b"hello", minimum=64))
    b'hello'

A padded message is `length (4 bytes, big-endian) || data || zeros`. Payloads too large for memory use `padded_size`
alone and carry their true size elsewhere. Nothing here is encrypted or authenticated: pad, then seal; open, then unpad.
"""

from __future__ import annotations

from .errors import FormatError, ParameterError

__all__ = ["LENGTH_SIZE", "MAXIMUM_MESSAGE", "pad_message", "pad_to", "padded_size", "unpad_message"]

LENGTH_SIZE = 4  # bytes of the length in front of a padded message
MAXIMUM_MESSAGE = 2**32 - 1  # bytes, what that length can say


def padded_size(size: int, *, minimum: int) -> int:
    """The Padmé size in bytes of a message of `size` bytes, and never less than `minimum`.

    Raises ParameterError if either is negative. Source: PURBs, section 4, algorithm 1 ("Padmé").
    """
    if size < 0 or minimum < 0:
        raise ParameterError(f"sizes are never negative: size {size}, minimum {minimum}")
    if size < 2:  # the logarithms below need an exponent of at least one
        return max(size, minimum)
    exponent = size.bit_length() - 1  # E = floor(log2 L)
    kept_bits = exponent.bit_length()  # S = floor(log2 E) + 1
    mask = (1 << max(exponent - kept_bits, 0)) - 1
    return max((size + mask) & ~mask, minimum)


def pad_message(data: bytes, *, minimum: int) -> bytes:
    """`data` behind its length, followed by zeros up to the Padmé size, at least `minimum` bytes in total.

    Raises ParameterError if `data` is longer than `MAXIMUM_MESSAGE`.
    """
    return pad_to(data, padded_size(len(data) + LENGTH_SIZE, minimum=minimum))


def pad_to(data: bytes, total: int) -> bytes:
    """`data` behind its length, followed by zeros up to exactly `total` bytes; `unpad_message` undoes it.

    Raises ParameterError if `data` and its length do not fit in `total` bytes.
    """
    if len(data) > MAXIMUM_MESSAGE:
        raise ParameterError(f"a padded message holds at most {MAXIMUM_MESSAGE} bytes, not {len(data)}")
    room = total - LENGTH_SIZE - len(data)
    if room < 0:
        raise ParameterError(f"{len(data)} bytes and their length do not fit in {total} bytes")
    return b"".join((len(data).to_bytes(LENGTH_SIZE, "big"), data, bytes(room)))


def unpad_message(data: bytes) -> bytes:
    """The message inside a padded one. Every padding byte must be zero, so one message has one form per total size.

    Raises FormatError if the length is missing, exceeds the data, or a padding byte is not zero.
    """
    if len(data) < LENGTH_SIZE:
        raise FormatError(f"a padded message starts with a {LENGTH_SIZE}-byte length; only {len(data)} bytes came")
    end = LENGTH_SIZE + int.from_bytes(data[:LENGTH_SIZE], "big")
    if end > len(data):
        raise FormatError("the length in front of a padded message is larger than the message")
    if data.count(0, end) != len(data) - end:
        raise FormatError("the padding behind a message is not all zeros")
    return data[LENGTH_SIZE:end]
