"""Sealing of records: Cobblestone-256, as a stream, for small messages, and read at random.

Cobblestone-256 is C2SP chunked encryption v1 (https://c2sp.org/chunked-encryption) with HKDF-Expand SHA-512 and
AES-256-GCM. A sealed message is `salt (24) || commitment (32) || chunks`; each chunk is 16 KiB of plaintext and a
16-byte tag, and the last one is always shorter, which marks the end. It is key-committing: no message opens under two
keys or two contexts.

    >>> key = bytes(32)
    >>> open_sealed(key, b"record 1", seal(key, b"record 1", b"payload"))
    b'payload'

Randomness: the encryptor of `cryptography` draws the salt itself from the system, so this is the one place of the
library without a `random_bytes` parameter. Left to others: padding, which key and which context, and where bytes go.
"""

from __future__ import annotations

import hmac

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import AlreadyFinalized, InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from .errors import FormatError, ParameterError, VerificationError

__all__ = [
    "CHUNK_SIZE",
    "HEADER_SIZE",
    "KEY_SIZE",
    "TAG_SIZE",
    "Opener",
    "RangeOpener",
    "Sealer",
    "open_sealed",
    "opened_size",
    "seal",
    "sealed_size",
]

KEY_SIZE = 32  # bytes, AES-256
SALT_SIZE = 24  # bytes, "Key derivation"
COMMITMENT_SIZE = 32  # bytes, "Key derivation"
HEADER_SIZE = SALT_SIZE + COMMITMENT_SIZE  # 56 bytes
CHUNK_SIZE = 16 * 1024  # bytes of plaintext, "Message chunking"
TAG_SIZE = 16  # bytes, AES-GCM
MAXIMUM_CHUNKS = 2**38  # "Message chunking": a message of 4 PiB

_SEALED_CHUNK = CHUNK_SIZE + TAG_SIZE
_NONCE_SIZE = 12
_INFO_PREFIX = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
_NOT_GENUINE = "sealed bytes do not open: wrong key, wrong context, or changed bytes"

Buffer = bytes | bytearray | memoryview


def sealed_size(plaintext_size: int) -> int:
    """The size in bytes of a sealed message whose plaintext has `plaintext_size` bytes.

    Raises ParameterError if the size is negative or beyond 2^38 chunks.
    """
    if not 0 <= plaintext_size < MAXIMUM_CHUNKS * CHUNK_SIZE:
        raise ParameterError(f"a plaintext of {plaintext_size} bytes cannot be sealed")
    return HEADER_SIZE + plaintext_size + (plaintext_size // CHUNK_SIZE + 1) * TAG_SIZE


def opened_size(sealed: int) -> int:
    """The size in bytes of the plaintext of a sealed message of `sealed` bytes.

    Raises FormatError if no sealed message has that size (too short, too long, or cut at a chunk's end).
    """
    full, rest = divmod(sealed - HEADER_SIZE, _SEALED_CHUNK)
    if sealed < HEADER_SIZE + TAG_SIZE or rest < TAG_SIZE or full >= MAXIMUM_CHUNKS:
        raise FormatError(f"no sealed message is {sealed} bytes long: it is cut off, or it is something else")
    return full * CHUNK_SIZE + rest - TAG_SIZE


def _check_key(key: bytes) -> None:
    if len(key) != KEY_SIZE:
        raise ParameterError(f"a sealing key is {KEY_SIZE} bytes, not {len(key)}")


class Sealer:
    """Seals one message as a stream, in constant memory. Feed pieces of 64 KiB to 4 MiB.

    `key` is 32 uniformly random bytes, `context` any bytes; the reader must give the same two.
    Raises ParameterError if the key has another length.
    """

    __slots__ = ("_encryptor",)

    def __init__(self, key: bytes, context: bytes) -> None:
        _check_key(key)
        self._encryptor = Cobblestone256Encryptor(key, context)

    def update(self, chunk: Buffer) -> bytes:
        """Take the next bytes of plaintext and return the sealed bytes that are ready (the header comes first).

        Raises ParameterError after `finalize`.
        """
        try:
            return self._encryptor.update(chunk)
        except AlreadyFinalized as exc:
            raise ParameterError("this message is already sealed; make a new Sealer") from exc

    def finalize(self) -> bytes:
        """Close the message and return its last sealed bytes. Raises ParameterError the second time."""
        try:
            return self._encryptor.finalize()
        except AlreadyFinalized as exc:
            raise ParameterError("this message is already sealed; make a new Sealer") from exc


class Opener:
    """Opens one sealed message as a stream, in constant memory. Feed pieces of 64 KiB to 4 MiB.

    What `update` returns is authentic, but only `finalize` knows that the message is whole: **publish the plaintext
    after `finalize` returned, not before** (write to a temporary file, then rename). After any error the opener is
    spent and what it returned must be thrown away. Raises ParameterError if the key is not 32 bytes.
    """

    __slots__ = ("_decryptor", "_seen")

    def __init__(self, key: bytes, context: bytes) -> None:
        _check_key(key)
        self._decryptor = Cobblestone256Decryptor(key, context)
        self._seen = 0

    def update(self, chunk: Buffer) -> bytes:
        """Take the next sealed bytes and return the plaintext of the chunks that are complete.

        Raises VerificationError if the key, the context or a byte is wrong, ParameterError after the end or an error.
        """
        self._seen += memoryview(chunk).nbytes
        try:
            return self._decryptor.update(chunk)
        except InvalidTag as exc:
            raise VerificationError(_NOT_GENUINE) from exc
        except AlreadyFinalized as exc:
            raise ParameterError("this message ended or failed; make a new Opener") from exc

    def finalize(self) -> bytes:
        """Return the rest of the plaintext and confirm that the message is whole.

        Raises FormatError if the message is cut off (no sealed message has its size), VerificationError if the last
        chunk is not genuine, ParameterError after the end or an error.
        """
        try:
            return self._decryptor.finalize()
        except InvalidTag as exc:
            opened_size(self._seen)
            raise VerificationError(_NOT_GENUINE) from exc
        except AlreadyFinalized as exc:
            raise ParameterError("this message ended or failed; make a new Opener") from exc


def seal(key: bytes, context: bytes, plaintext: bytes) -> bytes:
    """Seal a small message under a 32-byte `key` and a `context`. Raises ParameterError if the key is not 32 bytes."""
    sealer = Sealer(key, context)
    return b"".join((sealer.update(plaintext), sealer.finalize()))


def open_sealed(key: bytes, context: bytes, sealed: bytes) -> bytes:
    """Open a small sealed message with the `key` and `context` it was sealed with.

    Raises FormatError if no sealed message has this size, VerificationError if key, context or bytes are wrong, and
    ParameterError if the key is not 32 bytes.
    """
    opener = Opener(key, context)
    opened_size(len(sealed))
    return b"".join((opener.update(sealed), opener.finalize()))


class RangeOpener:
    """Opens any part of a sealed message without the rest of it.

    `header` is the first 56 sealed bytes and `sealed_size` the size of the whole. Every chunk is checked on its own,
    at its place: one moved, cut or taken from another message does not open. What a read returns is genuine whatever
    `sealed_size` said; that the size itself is true is known once the last chunk opened, as
    `plan(opener.plaintext_size, 0)` and `open` do.

    Raises ParameterError if the key is not 32 bytes, FormatError if the header or the size has a wrong length, and
    VerificationError if the header's commitment is not that of this key and context.
    Source: C2SP chunked-encryption, "Key derivation", "AEAD usage", "Implementation notes" (random access).
    """

    __slots__ = ("_aead", "_base_nonce", "_sealed_size", "plaintext_size")

    def __init__(self, key: bytes, context: bytes, header: bytes, sealed_size: int) -> None:
        _check_key(key)
        if len(header) != HEADER_SIZE:
            raise FormatError(f"the header of a sealed message is {HEADER_SIZE} bytes, not {len(header)}")
        self.plaintext_size = opened_size(sealed_size)
        self._sealed_size = sealed_size
        salt, commitment = header[:SALT_SIZE], header[SALT_SIZE:]
        length = KEY_SIZE + _NONCE_SIZE + COMMITMENT_SIZE
        okm = HKDFExpand(algorithm=SHA512(), length=length, info=_INFO_PREFIX + salt + context).derive(key)
        if not hmac.compare_digest(okm[KEY_SIZE + _NONCE_SIZE :], commitment):
            raise VerificationError(_NOT_GENUINE)
        self._aead = AESGCM(okm[:KEY_SIZE])
        self._base_nonce = int.from_bytes(okm[KEY_SIZE : KEY_SIZE + _NONCE_SIZE], "big")

    def plan(self, offset: int, length: int) -> tuple[int, int]:
        """Which sealed bytes `[start, end)` to fetch in order to read `length` plaintext bytes from `offset`.

        A length of 0 names the chunk at `offset`. Raises ParameterError if the range leaves the plaintext.
        """
        first, last = self._chunks(offset, length)
        end = HEADER_SIZE + (last + 1) * _SEALED_CHUNK
        return HEADER_SIZE + first * _SEALED_CHUNK, min(end, self._sealed_size)

    def open(self, sealed_slice: Buffer, offset: int, length: int) -> bytes:
        """The `length` plaintext bytes from `offset`, out of the sealed bytes that `plan(offset, length)` named.

        Raises ParameterError if the range leaves the plaintext, FormatError if the slice has not the planned length,
        and VerificationError if a chunk is not the genuine one of its place.
        """
        first, _ = self._chunks(offset, length)
        start, end = self.plan(offset, length)
        view = memoryview(sealed_slice).cast("B")
        if len(view) != end - start:
            raise FormatError(f"the range needs sealed bytes {start} to {end}, and {len(view)} bytes came")
        pieces = []
        for number, position in enumerate(range(0, len(view), _SEALED_CHUNK), start=first):
            nonce = (self._base_nonce ^ number).to_bytes(_NONCE_SIZE, "big")
            try:
                pieces.append(self._aead.decrypt(nonce, view[position : position + _SEALED_CHUNK], None))
            except InvalidTag as exc:
                raise VerificationError(f"chunk {number} of a sealed message is not genuine or not in place") from exc
        skip = offset - first * CHUNK_SIZE
        return b"".join(pieces)[skip : skip + length]

    def _chunks(self, offset: int, length: int) -> tuple[int, int]:
        """The first and last chunk numbers of a range, after checking that it lies inside the plaintext."""
        if offset < 0 or length < 0 or offset + length > self.plaintext_size:
            raise ParameterError(f"{length} bytes from {offset} leave a plaintext of {self.plaintext_size} bytes")
        return offset // CHUNK_SIZE, (offset + max(length, 1) - 1) // CHUNK_SIZE
