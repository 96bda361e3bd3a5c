"""Secret bytes under a passphrase, as a key store file holds them.

    $argon2id$v=19$m=65536,t=3,p=4$<salt>        one line: the PHC string of the parameters and the salt
    <Cobblestone-256 of the secret>              its key from Argon2id (RFC 9106), its context the line above

The sealing commits to its key, so no file opens under two passphrases, and no file serves to test many at once
(partitioning oracles). The line is the context, so changed parameters do not go unnoticed.

    >>> open_keystore(seal_keystore(b"seed", b"a passphrase", random_bytes=lambda n: bytes(n)), b"a passphrase")
    b'seed'

A passphrase is bytes: how text became bytes is for the caller to say. Left to others: files, prompts, and the strength
of passphrases.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from .errors import FormatError, ParameterError, VerificationError
from .sealing import KEY_SIZE, open_sealed, seal

__all__ = ["DEFAULT", "Argon2Parameters", "derive_passphrase_key", "open_keystore", "seal_keystore"]

SALT_SIZE = 16  # bytes, RFC 9106 section 3.1
# Floor: the least that is recommended for Argon2id (19 MiB, two passes, one lane). Ceiling: what a file that someone
# else made may ask of this machine before its passphrase is even known.
MEMORY_KIB = range(19 * 1024, 1024 * 1024 + 1)
ITERATIONS = range(2, 16 + 1)
LANES = range(1, 16 + 1)
HEADER_LIMIT = 128  # bytes, more than any header within the bounds above needs

_HEADER = re.compile(rb"\$argon2id\$v=19\$m=([1-9][0-9]{0,7}),t=([1-9][0-9]?),p=([1-9][0-9]?)\$([A-Za-z0-9+/]{22})")


@dataclass(frozen=True, slots=True)
class Argon2Parameters:
    """The cost of Argon2id: memory in KiB (19 MiB to 1 GiB), passes (2 to 16) and lanes (1 to 16).

    Raises ParameterError if one is outside its bounds.
    """

    memory_kib: int
    iterations: int
    lanes: int

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("memory_kib", self.memory_kib, MEMORY_KIB),
            ("iterations", self.iterations, ITERATIONS),
            ("lanes", self.lanes, LANES),
        ):
            if value not in allowed:
                raise ParameterError(f"Argon2 {name} is {value}; it must be from {allowed[0]} to {allowed[-1]}")


DEFAULT = Argon2Parameters(memory_kib=64 * 1024, iterations=3, lanes=4)  # RFC 9106 section 4, second choice


def derive_passphrase_key(passphrase: bytes, salt: bytes, parameters: Argon2Parameters) -> bytes:
    """The 32-byte Argon2id key (version 0x13) of a passphrase. Raises ParameterError if the passphrase is empty."""
    if not passphrase:
        raise ParameterError("the passphrase is empty; give one")
    kdf = Argon2id(
        salt=salt,
        length=KEY_SIZE,
        iterations=parameters.iterations,
        lanes=parameters.lanes,
        memory_cost=parameters.memory_kib,
    )
    return kdf.derive(passphrase)


def seal_keystore(
    secret: bytes,
    passphrase: bytes,
    *,
    random_bytes: Callable[[int], bytes],
    parameters: Argon2Parameters = DEFAULT,
) -> bytes:
    """The key store file of `secret` under `passphrase`.

    `random_bytes(n)` returns n random bytes; the salt comes from it. Raises ParameterError if the passphrase is empty.
    """
    salt = random_bytes(SALT_SIZE)
    if len(salt) != SALT_SIZE:
        raise ParameterError(f"random_bytes gave {len(salt)} bytes when asked for {SALT_SIZE}")
    header = _format_header(parameters, salt)
    return header + b"\n" + seal(derive_passphrase_key(passphrase, salt, parameters), header, secret)


def open_keystore(data: bytes, passphrase: bytes) -> bytes:
    """The secret inside a key store file.

    Raises FormatError if the file is malformed or asks for a cost outside the bounds, VerificationError if the
    passphrase is wrong or the file was changed, ParameterError if the passphrase is empty.
    """
    header, newline, sealed = data[: HEADER_LIMIT + 1].partition(b"\n")
    if not newline:
        raise FormatError("the key store does not start with a line of Argon2id parameters")
    parameters, salt = _parse_header(header)
    sealed = data[len(header) + 1 :]
    try:
        return open_sealed(derive_passphrase_key(passphrase, salt, parameters), header, sealed)
    except VerificationError as exc:
        raise VerificationError("wrong passphrase or damaged key store") from exc


def _format_header(parameters: Argon2Parameters, salt: bytes) -> bytes:
    """The PHC string of parameters and salt (C2SP phc-strings: base64 without padding)."""
    cost = f"m={parameters.memory_kib},t={parameters.iterations},p={parameters.lanes}"
    return f"$argon2id$v=19${cost}$".encode() + base64.b64encode(salt).rstrip(b"=")


def _parse_header(header: bytes) -> tuple[Argon2Parameters, bytes]:
    match = _HEADER.fullmatch(header)
    if match is None:
        raise FormatError("the first line of the key store is not an Argon2id PHC string with a 16-byte salt")
    try:
        parameters = Argon2Parameters(int(match[1]), int(match[2]), int(match[3]))
        salt = base64.b64decode(match[4] + b"==", validate=True)
    except (ParameterError, binascii.Error) as exc:
        raise FormatError(f"the key store's Argon2id parameters are not acceptable: {exc}") from exc
    if _format_header(parameters, salt) != header:  # the last base64 character has four bits that must be zero
        raise FormatError("the first line of the key store is not in its only form")
    return parameters, salt
