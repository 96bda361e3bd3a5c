"""Signed notes and the checkpoints of a log (C2SP signed-note v1.0.0, tlog-checkpoint v1.0.0, tlog-cosignature v1.0.1).

A checkpoint, signed by the log under its own name with both kinds of key:

    example.com/behind-the-sofa
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/...
    — example.com/behind-the-sofa ...

* A signature line is known by the name *and* the four-byte identifier of its key; unknown lines are ignored.
* A known key whose signature is false rejects the whole note, and so does a note that no known key has signed.
* Type 0x01 (Ed25519) signs the note text. Types 0x04 (Ed25519) and 0x06 (ML-DSA-44) carry a time and are
  cosignatures; a log uses 0x06 for itself too. The ML-DSA-44 signature covers cosigner name, time, origin, size and
  root, and no extension lines, which is why a checkpoint with such lines is refused here.

Which keys to trust, how many must sign, how old a time may be, and that a log never signs two inconsistent
checkpoints are left to the caller.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from .errors import FormatError, ParameterError, VerificationError
from .merkle import HASH_SIZE, MAX_SIZE
from .signing import (
    ED25519_PUBLIC_SIZE,
    ED25519_SIGNATURE_SIZE,
    MLDSA44_PUBLIC_SIZE,
    MLDSA44_SIGNATURE_SIZE,
    Ed25519PrivateKey,
    MLDSA44PrivateKey,
    check_ed25519_public,
    verify_ed25519,
    verify_mldsa44,
)

__all__ = [
    "MAX_NOTE_SIZE",
    "MAX_SIGNATURES",
    "TYPE_ED25519",
    "TYPE_ED25519_COSIGNATURE",
    "TYPE_MLDSA44_COSIGNATURE",
    "Checkpoint",
    "Note",
    "NoteSignature",
    "VerifierKey",
    "checkpoint_text",
    "cosign_ed25519",
    "cosign_mldsa44",
    "cosignature_time",
    "parse_checkpoint",
    "parse_note",
    "parse_vkey",
    "sign_note_ed25519",
    "verify_note",
]

TYPE_ED25519 = 0x01
TYPE_ED25519_COSIGNATURE = 0x04
TYPE_MLDSA44_COSIGNATURE = 0x06
"""Signature types, signed-note section "Signature types" and tlog-cosignature."""

MAX_NOTE_SIZE = 1 << 20
"""Bytes of a note."""
MAX_SIGNATURES = 100
"""Signatures in a note; the specification asks for 16 at least."""

_KEY_ID_SIZE = 4
_TIME_SIZE = 8
_TIME_MAX = (1 << 63) - 1
_NAME_MAX = 255  # bytes of cosigner name and origin, which ML-DSA-44 cosignatures write with a one-byte length
_PUBLIC_SIZES = {
    TYPE_ED25519: ED25519_PUBLIC_SIZE,
    TYPE_ED25519_COSIGNATURE: ED25519_PUBLIC_SIZE,
    TYPE_MLDSA44_COSIGNATURE: MLDSA44_PUBLIC_SIZE,
}
_SIGNATURE_SIZES = {
    TYPE_ED25519: ED25519_SIGNATURE_SIZE,
    TYPE_ED25519_COSIGNATURE: _TIME_SIZE + ED25519_SIGNATURE_SIZE,
    TYPE_MLDSA44_COSIGNATURE: _TIME_SIZE + MLDSA44_SIGNATURE_SIZE,
}
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")  # ASCII control characters other than newline
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_KEY_HASH = re.compile(r"[0-9a-f]{8}")
_DASH = "\u2014 "


# --- keys -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name and signature type (`TYPE_*`), as clients are configured with it.

    `public` has 32 bytes (Ed25519) or 1312 (ML-DSA-44). The name has 1 to 255 bytes of UTF-8 without spaces, plus
    signs and control characters. Raises `ParameterError` for anything else, small-order Ed25519 keys included.
    """

    name: str
    type: int
    public: bytes

    def __post_init__(self) -> None:
        """Checks name, type and key."""
        _check_name(self.name)
        if self.type not in _PUBLIC_SIZES:
            raise ParameterError(f"note signature type {self.type:#04x} is not known here")
        if len(self.public) != _PUBLIC_SIZES[self.type]:
            raise ParameterError(f"a key of note signature type {self.type:#04x} has {_PUBLIC_SIZES[self.type]} bytes")
        if self.type != TYPE_MLDSA44_COSIGNATURE:
            try:
                check_ed25519_public(self.public)
            except FormatError as exc:
                raise ParameterError(f"the note key {self.name!r} is not a sound Ed25519 key") from exc

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name || newline || type || public)."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:_KEY_ID_SIZE]

    def to_vkey(self) -> str:
        """The key in one line: name+identifier+base64(type || public)."""
        return f"{self.name}+{self.key_id.hex()}+{_to_base64(bytes([self.type]) + self.public)}"


def parse_vkey(text: str) -> VerifierKey:
    """The key that `text`, one line without its newline, writes (signed-note section "Verifier keys").

    Raises `FormatError` for another form, an unknown type, or an identifier that is not that of the key.
    """
    parts = text.split("+", 2)  # base64 may hold more plus signs
    if len(parts) != 3 or not _KEY_HASH.fullmatch(parts[1]):
        raise FormatError("verifier key: expected name+eight hexadecimal digits+base64")
    material = _from_base64(parts[2], "verifier key")
    if not material:
        raise FormatError("verifier key: the key is empty")
    try:
        key = VerifierKey(parts[0], material[0], material[1:])
    except ParameterError as exc:
        raise FormatError(f"verifier key: {exc}") from exc
    if key.key_id.hex() != parts[1]:
        raise FormatError(f"verifier key: the identifier is {parts[1]}, that of the key is {key.key_id.hex()}")
    return key


# --- notes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the key's name and four-byte identifier, and what the signature type puts after them."""

    name: str
    key_id: bytes
    signature: bytes

    def __post_init__(self) -> None:
        """Raises `ParameterError` for a name, identifier or signature that no line can hold."""
        _check_name(self.name)
        if len(self.key_id) != _KEY_ID_SIZE or not self.signature:
            raise ParameterError(f"a note signature has an identifier of {_KEY_ID_SIZE} bytes and is not empty")

    def to_line(self) -> str:
        """The line, with its newline."""
        return f"{_DASH}{self.name} {_to_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends in a newline, and its signatures in order. Nothing is verified by making one.

    Raises `ParameterError` if the text has control characters or does not end in a newline, or for 0 or more than
    `MAX_SIGNATURES` signatures.
    """

    text: str
    signatures: tuple[NoteSignature, ...]

    def __post_init__(self) -> None:
        """Checks text and count."""
        if not self.text.endswith("\n") or _CONTROL.search(self.text):
            raise ParameterError("a note text ends in a newline and has no other control characters")
        if not 0 < len(self.signatures) <= MAX_SIGNATURES:
            raise ParameterError(f"a note has 1 to {MAX_SIGNATURES} signatures, not {len(self.signatures)}")

    def to_bytes(self) -> bytes:
        """The note in UTF-8, as it is published."""
        return f"{self.text}\n{''.join(one.to_line() for one in self.signatures)}".encode()


def parse_note(data: bytes) -> Note:
    """The note that `data`, of at most `MAX_NOTE_SIZE` bytes, holds; `to_bytes` gives exactly `data` again.

    Raises `FormatError` for invalid UTF-8, control characters, no blank line before the signatures, a malformed
    signature line (base64 that is not canonical included), or more than `MAX_SIGNATURES` of them.
    """
    if len(data) > MAX_NOTE_SIZE:
        raise FormatError(f"note: {len(data)} bytes, at most {MAX_NOTE_SIZE} are allowed")
    try:
        content = data.decode()
    except UnicodeDecodeError as exc:
        raise FormatError("note: not valid UTF-8") from exc
    text, blank, tail = content.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise FormatError("note: expected a text, an empty line, and signature lines that each end in a newline")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise FormatError(f"note: {len(lines)} signatures, at most {MAX_SIGNATURES} are allowed")
    try:
        return Note(text + "\n", tuple(_parse_line(line) for line in lines))
    except ParameterError as exc:
        raise FormatError(f"note: {exc}") from exc


def _parse_line(line: str) -> NoteSignature:
    parts = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or len(parts) != 2:
        raise FormatError("note: a signature line is an em dash, a name and base64, with single spaces")
    blob = _from_base64(parts[1], "note signature")
    return NoteSignature(parts[0], blob[:_KEY_ID_SIZE], blob[_KEY_ID_SIZE:])


# --- checkpoints ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's state: its origin, the number of leaves, and the 32-byte root.

    Raises `ParameterError` unless the origin has 1 to 255 bytes without control characters, the size is from 0 to
    2^63-1, and the root has 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Checks origin, size and root."""
        if not 0 < len(_utf8(self.origin)) <= _NAME_MAX or "\n" in self.origin or _CONTROL.search(self.origin):
            raise ParameterError(f"an origin has 1 to {_NAME_MAX} bytes and no control characters")
        if not 0 <= self.size <= MAX_SIZE:
            raise ParameterError(f"a checkpoint has a size from 0 to {MAX_SIZE}")
        if len(self.root) != HASH_SIZE:
            raise ParameterError(f"a checkpoint has a root of {HASH_SIZE} bytes")


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """The three lines of a checkpoint, which are the note text that is signed."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{_to_base64(checkpoint.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a note text of exactly three lines.

    Raises `FormatError` for extension lines, a size with leading zeroes or signs, or base64 that is not canonical.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise FormatError("checkpoint: expected the three lines origin, size and root, and no extension lines")
    if not _DECIMAL.fullmatch(lines[1]):
        raise FormatError("checkpoint: the size is not a decimal of 1 to 19 digits without leading zeroes")
    try:
        return Checkpoint(lines[0], int(lines[1]), _from_base64(lines[2], "checkpoint root"))
    except ParameterError as exc:
        raise FormatError(f"checkpoint: {exc}") from exc


# --- signing --------------------------------------------------------------------------------------------------------


def sign_note_ed25519(private: Ed25519PrivateKey, name: str, text: str) -> NoteSignature:
    """The signature (type 0x01) of a note text by the key `name`; a log signs under its origin."""
    key = VerifierKey(name, TYPE_ED25519, private.public)
    return NoteSignature(name, key.key_id, private.sign(_utf8(text)))


def cosign_ed25519(private: Ed25519PrivateKey, name: str, timestamp: int, text: str) -> NoteSignature:
    """The cosignature (type 0x04) of a checkpoint text at `timestamp` (POSIX seconds, 0 to 2^63-1).

    The message does not name the cosigner, so the key must serve one name only.
    """
    key = VerifierKey(name, TYPE_ED25519_COSIGNATURE, private.public)
    time = _time(timestamp)
    return NoteSignature(name, key.key_id, time + private.sign(_ed25519_message(timestamp, text)))


def cosign_mldsa44(
    private: MLDSA44PrivateKey, name: str, origin: str, timestamp: int, size: int, root: bytes
) -> NoteSignature:
    """The cosignature (type 0x06) of the checkpoint (origin, size, root) by the key `name`.

    `timestamp` is in POSIX seconds, 0 to 2^63-1; 0 says nothing about the tree being the latest. A log signs its own
    checkpoints with its origin as `name`. Raises `ParameterError` as `VerifierKey` and `Checkpoint` do.
    """
    key = VerifierKey(name, TYPE_MLDSA44_COSIGNATURE, private.public)
    time = _time(timestamp)
    message = _mldsa44_message(name, time, Checkpoint(origin, size, root))
    return NoteSignature(name, key.key_id, time + private.sign(message))


def cosignature_time(signature: NoteSignature) -> int:
    """The POSIX seconds that a cosignature (type 0x04 or 0x06) carries. Trust it only once the note is verified.

    Raises `FormatError` if the signature has the length of neither type, or the time is above 2^63-1.
    """
    sizes = (_SIGNATURE_SIZES[TYPE_ED25519_COSIGNATURE], _SIGNATURE_SIZES[TYPE_MLDSA44_COSIGNATURE])
    if len(signature.signature) not in sizes:
        raise FormatError(f"cosignature of {signature.name!r}: wrong length")
    timestamp = int.from_bytes(signature.signature[:_TIME_SIZE], "big")
    if timestamp > _TIME_MAX:
        raise FormatError(f"cosignature of {signature.name!r}: the time is above 2^63-1")
    return timestamp


# --- verifying ------------------------------------------------------------------------------------------------------


def verify_note(note: Note, keys: Sequence[VerifierKey]) -> list[VerifierKey]:
    """The keys among `keys` that signed the note, each once, in the order of their signatures; never empty.

    Lines of unknown keys are ignored. Raises `VerificationError` if a signature of a known key is false, or no known
    key signed; `ParameterError` if two of `keys` cannot be told apart by name and identifier.
    """
    known = {(key.name, key.key_id): key for key in keys}
    if len(known) != len(keys):
        raise ParameterError("two of the keys have the same name and identifier")
    verified: list[VerifierKey] = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        _verify_signature(note.text, signature, key)
        if key not in verified:
            verified.append(key)
    if not verified:
        raise VerificationError("note: no known key has signed it")
    return verified


def _verify_signature(text: str, signature: NoteSignature, key: VerifierKey) -> None:
    where = f"note: signature type {key.type:#04x} of {key.name!r}"
    value = signature.signature
    if len(value) != _SIGNATURE_SIZES[key.type]:
        raise VerificationError(f"{where} has a wrong length")
    try:
        if key.type == TYPE_ED25519:
            verify_ed25519(key.public, _utf8(text), value)
        elif key.type == TYPE_ED25519_COSIGNATURE:
            message = _ed25519_message(cosignature_time(signature), text)
            verify_ed25519(key.public, message, value[_TIME_SIZE:])
        else:
            time = _time(cosignature_time(signature))
            message = _mldsa44_message(key.name, time, parse_checkpoint(text))
            verify_mldsa44(key.public, message, value[_TIME_SIZE:])
    except (FormatError, VerificationError) as exc:
        raise VerificationError(f"{where} is false: {exc}") from exc


# --- shared parts ---------------------------------------------------------------------------------------------------


def _ed25519_message(timestamp: int, text: str) -> bytes:
    """The cosignature/v1 message: a header line, a time line, and the note text."""
    return f"cosignature/v1\ntime {timestamp}\n".encode() + _utf8(text)


def _mldsa44_message(name: str, time: bytes, checkpoint: Checkpoint) -> bytes:
    """The `cosigned_message` structure of a whole tree, so with start 0."""
    cosigner, origin = name.encode(), checkpoint.origin.encode()
    return b"".join(
        (
            b"subtree/v1\n\0",
            bytes([len(cosigner)]),
            cosigner,
            time,
            bytes([len(origin)]),
            origin,
            bytes(8),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def _time(timestamp: int) -> bytes:
    if not 0 <= timestamp <= _TIME_MAX:
        raise ParameterError("a cosignature time is from 0 to 2^63-1 POSIX seconds")
    return timestamp.to_bytes(_TIME_SIZE, "big")


def _check_name(name: str) -> None:
    if not 0 < len(_utf8(name)) <= _NAME_MAX:
        raise ParameterError(f"a note key name has 1 to {_NAME_MAX} bytes")
    if "+" in name or _CONTROL.search(name) or any(char.isspace() for char in name):
        raise ParameterError("a note key name has no spaces, plus signs or control characters")


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as exc:
        raise ParameterError("the text holds a lone surrogate") from exc


def _to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _from_base64(text: str, where: str) -> bytes:
    """Standard base64 with its padding; unused bits must be zero, so that each value has one form."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise FormatError(f"{where}: not base64") from exc
    if _to_base64(data) != text:
        raise FormatError(f"{where}: base64 that is not canonical")
    return data
