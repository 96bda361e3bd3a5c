"""An independent reader and writer of C2SP chunked encryption v1 (https://c2sp.org/chunked-encryption).

Written from the specification alone, whole messages at a time, on HMAC from the standard library and the bare AEADs. The
102 published vectors judge it; it then judges the sealed bytes of `privledger_crypto.sealing`.
"""

from __future__ import annotations

import hmac

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

CHUNK = 16 * 1024
TAG = 16
AEADS: dict[str, tuple[type[AESGCM] | type[ChaCha20Poly1305], int]] = {
    "AEAD_AES_128_GCM": (AESGCM, 16),
    "AEAD_AES_256_GCM": (AESGCM, 32),
    "AEAD_CHACHA20_POLY1305": (ChaCha20Poly1305, 32),
}


class ChunkedError(Exception):
    """The bytes are not a genuine message."""


def hkdf_expand(hash_name: str, prk: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 section 2.3."""
    output, block, counter = b"", b"", 1
    while len(output) < length:
        block = hmac.digest(prk, block + info + bytes([counter]), hash_name)
        output, counter = output + block, counter + 1
    return output[:length]


def derive(hash_name: str, aead: str, key: bytes, salt: bytes, context: bytes) -> tuple[bytes, bytes, bytes]:
    """The AEAD key, base nonce and commitment of a message."""
    size = AEADS[aead][1]
    if len(key) != size:
        raise ChunkedError("key length")
    info = b"c2sp.org/chunked-encryption@v1+" + aead.encode() + b"\x00" + salt + context
    okm = hkdf_expand(hash_name, key, info, size + 12 + 32)
    return okm[:size], okm[size : size + 12], okm[size + 12 :]


def chunk_nonce(base: bytes, number: int) -> bytes:
    """The base nonce XOR the chunk number."""
    return bytes(a ^ b for a, b in zip(base, number.to_bytes(12, "big"), strict=True))


def read(hash_name: str, aead: str, key: bytes, context: bytes, message: bytes) -> bytes:
    """The plaintext of a message; ChunkedError if anything at all is wrong."""
    if len(message) < 56 + TAG:
        raise ChunkedError("too short")
    salt, commitment, rest = message[:24], message[24:56], message[56:]
    aead_key, base, expected = derive(hash_name, aead, key, salt, context)
    if commitment != expected:
        raise ChunkedError("commitment")
    chunks = [rest[at : at + CHUNK + TAG] for at in range(0, len(rest), CHUNK + TAG)]
    if len(chunks[-1]) == CHUNK + TAG or len(chunks[-1]) < TAG:
        raise ChunkedError("truncated")
    cipher = AEADS[aead][0](aead_key)
    try:
        return b"".join(cipher.decrypt(chunk_nonce(base, n), chunk, None) for n, chunk in enumerate(chunks))
    except Exception as exc:
        raise ChunkedError("tag") from exc


def write(hash_name: str, aead: str, key: bytes, context: bytes, salt: bytes, plaintext: bytes) -> bytes:
    """The message of a plaintext under a given salt."""
    aead_key, base, commitment = derive(hash_name, aead, key, salt, context)
    cipher = AEADS[aead][0](aead_key)
    parts = [plaintext[at : at + CHUNK] for at in range(0, len(plaintext) + 1, CHUNK)]
    return (
        salt + commitment + b"".join(cipher.encrypt(chunk_nonce(base, n), part, None) for n, part in enumerate(parts))
    )
