"""Signed messages: COSE_Sign1 and COSE_Sign (RFC 9052), in one shape each.

    COSE_Sign1 = [protected, {}, payload, signature]
    COSE_Sign  = [h'', {}, payload, [[protected, {}, signature], ...]]     sorted by key, each key once
    protected  = << {1: algorithm, 4: public key} >>

Untagged, deterministically encoded, with the payload inside and the unprotected headers empty: everything that is
carried is signed. The key identifier is the public key itself. `external_aad` is signed and not carried; the ledger
puts its origin there, so an entry of one ledger is worth nothing in another.

| algorithm | number | key | signature |
|---|---|---|---|
| Ed25519 | -19 (RFC 9864) | 32 bytes | 64 bytes |
| ML-DSA-44 | -48 (RFC 9964) | 1312 bytes | 2420 bytes |
| sigma discrete logarithm on BLS12-381 G1 | -65537 (private use) | 48 bytes | 64 bytes |

Verification functions other than Ed25519's are passed in, so this module knows nothing of proofs. Whether a key may
sign, and what the payload says, is left to the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, TypeAlias

from . import cbor
from .errors import FormatError, ParameterError, VerificationError
from .signing import Ed25519PrivateKey, verify_ed25519

__all__ = [
    "ALG_ED25519",
    "ALG_MLDSA44",
    "ALG_SIGMA_DLOG",
    "DEFAULT_VERIFIERS",
    "MAX_SIGNATURES",
    "Ed25519Signer",
    "KeySignature",
    "Sign",
    "Sign1",
    "Signer",
    "Verifier",
    "parse_sign",
    "parse_sign1",
    "sign1",
    "sign1_structure",
    "sign_many",
    "sign_structure",
    "verify_sign",
    "verify_sign1",
]

ALG_ED25519 = -19
ALG_MLDSA44 = -48
ALG_SIGMA_DLOG = -65537

MAX_SIGNATURES = 64
"""Signatures in one COSE_Sign."""

Verifier: TypeAlias = Callable[[bytes, bytes, bytes], None]
"""`verify(public, message, signature)`: raises `VerificationError` or returns None."""

DEFAULT_VERIFIERS: Mapping[int, Verifier] = {ALG_ED25519: verify_ed25519}

_SIZES = {ALG_ED25519: (32, 64), ALG_MLDSA44: (1312, 2420), ALG_SIGMA_DLOG: (48, 64)}
"""Bytes of key and signature by algorithm."""

_HEADER_ALGORITHM, _HEADER_KEY_ID = 1, 4  # RFC 9052 table 3
# The protected header of Ed25519 is these six bytes and the key: {1: -19, 4: bytes(32)}.
_ED25519_PREFIX = b"\xa2\x01\x32\x04\x58\x20"
_ED25519_HEADER_SIZE = len(_ED25519_PREFIX) + 32


class Signer(Protocol):
    """Who signs: an algorithm number, a public key, and a way to sign (in memory, in an agent or in hardware)."""

    @property
    def algorithm(self) -> int:
        """The COSE algorithm number."""

    @property
    def key_id(self) -> bytes:
        """The public key, in the size of the algorithm."""

    def sign(self, message: bytes) -> bytes:
        """The signature of `message`, in the size of the algorithm."""


@dataclass(frozen=True, slots=True)
class Ed25519Signer:
    """A `Signer` with an Ed25519 key in memory."""

    key: Ed25519PrivateKey

    @property
    def algorithm(self) -> int:
        """-19."""
        return ALG_ED25519

    @property
    def key_id(self) -> bytes:
        """The 32-byte public key."""
        return self.key.public

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of `message`."""
        return self.key.sign(message)


# --- what is signed -------------------------------------------------------------------------------------------------


def sign1_structure(protected: bytes, external_aad: bytes, payload: bytes) -> bytes:
    """The bytes that a COSE_Sign1 signature covers (Sig_structure with context "Signature1", RFC 9052 section 4.4).

    `protected` is the encoded header, empty if it has no parameters.
    """
    string = cbor.byte_string
    return b"\x84\x6aSignature1" + string(protected) + string(external_aad) + string(payload)


def sign_structure(body_protected: bytes, sign_protected: bytes, external_aad: bytes, payload: bytes) -> bytes:
    """The bytes that one signature of a COSE_Sign covers (context "Signature", RFC 9052 section 4.4).

    The headers are encoded, and empty if they have no parameters.
    """
    string = cbor.byte_string
    headers = string(body_protected) + string(sign_protected)
    return b"\x85\x69Signature" + headers + string(external_aad) + string(payload)


# --- COSE_Sign1 -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sign1:
    """A well-formed COSE_Sign1 of our shape; its signature is not thereby verified.

    `protected` holds the encoded header as received, `key_id` the signer's public key.
    """

    protected: bytes
    algorithm: int
    key_id: bytes
    payload: bytes
    signature: bytes

    def to_be_signed(self, external_aad: bytes) -> bytes:
        """The bytes that the signature covers."""
        return sign1_structure(self.protected, external_aad, self.payload)


def sign1(signer: Signer, payload: bytes, *, external_aad: bytes) -> bytes:
    """`payload` signed by `signer`, as an encoded COSE_Sign1.

    `external_aad` is covered and not carried. Raises `ParameterError` if the algorithm is unknown, or the key or the
    signature is not of its size.
    """
    protected, signature = _sign(signer, lambda header: sign1_structure(header, external_aad, payload))
    return cbor.encode([protected, {}, payload, signature])


def parse_sign1(data: bytes, *, max_size: int) -> Sign1:
    """The COSE_Sign1 that `data`, of at most `max_size` bytes, encodes.

    Raises `FormatError` for anything but the exact shape: a tag, an unprotected header, another protected header, a
    detached payload, an unknown algorithm, wrong sizes, an encoding that is not deterministic.
    """
    match cbor.decode(data, max_size=max_size, max_depth=2):
        case [bytes() as protected, {**unprotected}, bytes() as payload, bytes() as signature] if not unprotected:
            algorithm, key_id = _parse_protected(protected, signature, "COSE_Sign1")
            return Sign1(protected, algorithm, key_id, payload, signature)
    raise FormatError("COSE_Sign1: expected [protected, {}, payload, signature]")


def verify_sign1(message: Sign1, *, external_aad: bytes, verifiers: Mapping[int, Verifier] | None = None) -> None:
    """Raises `VerificationError` unless the signature holds under the key that the message names.

    `verifiers` gives the verification function of each algorithm that is accepted, by default Ed25519 alone.
    """
    verify = _verifier(message.algorithm, verifiers)
    _run(verify, message.key_id, message.to_be_signed(external_aad), message.signature)


# --- COSE_Sign ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeySignature:
    """One signature of a COSE_Sign; `protected` holds its encoded header as received."""

    protected: bytes
    algorithm: int
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Sign:
    """A well-formed COSE_Sign of our shape; its signatures are not thereby verified."""

    payload: bytes
    signatures: tuple[KeySignature, ...]

    def to_be_signed(self, signature: KeySignature, external_aad: bytes) -> bytes:
        """The bytes that `signature` covers."""
        return sign_structure(b"", signature.protected, external_aad, self.payload)


def sign_many(signers: Sequence[Signer], payload: bytes, *, external_aad: bytes) -> bytes:
    """`payload` signed by every signer, as an encoded COSE_Sign sorted by key.

    Raises `ParameterError` for no signer, more than `MAX_SIGNATURES`, a key twice, or as `sign1` does.
    """
    ordered = sorted(signers, key=lambda signer: signer.key_id)
    keys = {signer.key_id for signer in ordered}
    if not 0 < len(ordered) <= MAX_SIGNATURES or len(keys) != len(ordered):
        raise ParameterError(f"a COSE_Sign takes 1 to {MAX_SIGNATURES} signers, each key once")
    signed: list[cbor.Encodable] = []
    for signer in ordered:
        protected, signature = _sign(signer, lambda header: sign_structure(b"", header, external_aad, payload))
        signed.append([protected, {}, signature])
    return cbor.encode([b"", {}, payload, signed])


def parse_sign(data: bytes, *, max_size: int) -> Sign:
    """The COSE_Sign that `data`, of at most `max_size` bytes, encodes.

    Raises `FormatError` for anything but the exact shape, with 1 to `MAX_SIGNATURES` signatures in strictly rising
    order of their keys.
    """
    match cbor.decode(data, max_size=max_size, max_depth=4):
        case [b"", {**unprotected}, bytes() as payload, list() as items] if not unprotected:
            if not 0 < len(items) <= MAX_SIGNATURES:
                raise FormatError(f"COSE_Sign: expected 1 to {MAX_SIGNATURES} signatures, not {len(items)}")
            signatures = tuple(_parse_key_signature(item) for item in items)
            if not _is_rising(signatures):
                raise FormatError("COSE_Sign: the signatures are not sorted by key, or a key signs twice")
            return Sign(payload, signatures)
    raise FormatError("COSE_Sign: expected [h'', {}, payload, [signatures]]")


def verify_sign(message: Sign, *, external_aad: bytes, verifiers: Mapping[int, Verifier] | None = None) -> None:
    """Raises `VerificationError` unless there is a signature, the keys rise strictly, and every signature holds.

    `verifiers` is as in `verify_sign1`. Whether these keys are a quorum is left to the caller.
    """
    if not message.signatures or not _is_rising(message.signatures):
        raise VerificationError("COSE_Sign: no signature, signatures not sorted by key, or a key that signs twice")
    for one in message.signatures:
        verify = _verifier(one.algorithm, verifiers)
        _run(verify, one.key_id, message.to_be_signed(one, external_aad), one.signature)


# --- shared parts ---------------------------------------------------------------------------------------------------


def _sign(signer: Signer, structure: Callable[[bytes], bytes]) -> tuple[bytes, bytes]:
    """The protected header of `signer` and its signature of `structure(header)`."""
    if signer.algorithm not in _SIZES:
        raise ParameterError(f"the COSE algorithm {signer.algorithm} is not known here")
    key_size, signature_size = _SIZES[signer.algorithm]
    if len(signer.key_id) != key_size:
        raise ParameterError(f"a key of COSE algorithm {signer.algorithm} has {key_size} bytes")
    protected = cbor.encode({_HEADER_ALGORITHM: signer.algorithm, _HEADER_KEY_ID: signer.key_id})
    signature = signer.sign(structure(protected))
    if len(signature) != signature_size:
        raise ParameterError(f"a signature of COSE algorithm {signer.algorithm} has {signature_size} bytes")
    return protected, signature


def _parse_protected(protected: bytes, signature: bytes, where: str) -> tuple[int, bytes]:
    """Algorithm and key of a protected header, with the sizes of key and signature checked."""
    if len(protected) == _ED25519_HEADER_SIZE and protected.startswith(_ED25519_PREFIX):
        if len(signature) != 64:
            raise FormatError(f"{where}: an Ed25519 signature has 64 bytes, not {len(signature)}")
        return ALG_ED25519, protected[len(_ED25519_PREFIX) :]
    match cbor.decode(protected, max_depth=1):
        case {1: int() as algorithm, 4: bytes() as key_id, **others} if algorithm in _SIZES and not others:
            if (len(key_id), len(signature)) != _SIZES[algorithm]:
                raise FormatError(f"{where}: wrong size of key or signature for algorithm {algorithm}")
            return algorithm, key_id
    raise FormatError(f"{where}: the protected header must be {{1: a known algorithm, 4: public key}}")


def _parse_key_signature(item: cbor.Value) -> KeySignature:
    match item:
        case [bytes() as protected, {**unprotected}, bytes() as signature] if not unprotected:
            algorithm, key_id = _parse_protected(protected, signature, "COSE_Sign signature")
            return KeySignature(protected, algorithm, key_id, signature)
    raise FormatError("COSE_Sign: expected each signature to be [protected, {}, signature]")


def _is_rising(signatures: Sequence[KeySignature]) -> bool:
    return all(a.key_id < b.key_id for a, b in pairwise(signatures))


def _verifier(algorithm: int, verifiers: Mapping[int, Verifier] | None) -> Verifier:
    verify = (DEFAULT_VERIFIERS if verifiers is None else verifiers).get(algorithm)
    if verify is None:
        raise VerificationError(f"signatures of COSE algorithm {algorithm} are not accepted here")
    return verify


def _run(verify: Verifier, key_id: bytes, message: bytes, signature: bytes) -> None:
    try:
        verify(key_id, message, signature)
    except FormatError as exc:
        # A verifier that decodes points may call them malformed; to the message, its signature is false.
        raise VerificationError("COSE: the key or signature is malformed") from exc
