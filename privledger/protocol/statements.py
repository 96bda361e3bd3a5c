"""Statements: one signed CBOR map of a named kind (docs/spec/conventions.md §2).

Everything that somebody signs off the chain is a statement: deposits, addresses, requests, receipts, certificates. Entries
have the same outer form and live in `privledger.protocol.entries`, which has a faster reader.

    raw = make_statement(signer, "ask", {1: record, 2: grant}, origin=origin)
    statement = parse_statement(raw, origin=origin, kinds={"ask"})   # strict, and the signature holds

Left to others: what the fields of a kind mean, and whether the key is the right one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from privledger.protocol.errors import FormatError, VerificationError
from privledger_crypto import cbor, cose, onetime
from privledger_crypto import errors as crypto_errors
from privledger_crypto.signing import verify_ed25519

__all__ = ["MAX_STATEMENT", "OneTimeSigner", "Statement", "make_statement", "parse_statement", "peek_statement"]

MAX_STATEMENT = 65_536  # bytes; the largest is a certificate of many epochs

_VERIFIERS = {cose.ALG_ED25519: verify_ed25519, cose.ALG_SIGMA_DLOG: onetime.verify_one_time}


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement: its kind, the key that signed it, its fields (kind left out) and its exact bytes."""

    kind: str
    key: bytes
    algorithm: int
    body: dict[int, cbor.Value]
    raw: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the exact bytes."""
        return hashlib.sha256(self.raw).digest()

    def fields(self) -> cbor.Fields:
        """A typed reader of the fields, which names the kind in its errors."""
        return cbor.Fields(dict(self.body), self.kind)


@dataclass(frozen=True, slots=True)
class OneTimeSigner:
    """Signs with the secret of a point (algorithm -65537): a one-time key or an address's spend key."""

    secret: int = field(repr=False)
    key_id: bytes
    random_bytes: Callable[[int], bytes] = field(repr=False)
    algorithm: int = cose.ALG_SIGMA_DLOG

    def sign(self, message: bytes) -> bytes:
        """Sign `message`: 64 bytes, randomised."""
        return onetime.sign_one_time(self.secret, message, random_bytes=self.random_bytes)


def make_statement(signer: cose.Signer, kind: str, fields: dict[int, cbor.Value], *, origin: str) -> bytes:
    """Sign a statement of `kind` for the ledger `origin`; `fields` have keys from 1."""
    payload: dict[cbor.Key, cbor.Value] = {0: kind}
    for key, value in fields.items():
        payload[key] = value
    return cose.sign1(signer, cbor.encode(payload), external_aad=origin.encode())


def peek_statement(raw: bytes, *, max_size: int = MAX_STATEMENT) -> Statement:
    """Read a statement without checking its signature.

    Raises:
        FormatError: not a canonical statement.
    """
    return _split(raw, max_size)[0]


def parse_statement(
    raw: bytes,
    *,
    origin: str,
    kinds: Collection[str] | None = None,
    max_size: int = MAX_STATEMENT,
) -> Statement:
    """Read untrusted bytes and check the signature for the ledger `origin`.

    Raises:
        FormatError: not a canonical statement, too long, or of a kind not in `kinds`.
        VerificationError: the signature does not hold, or is for another ledger.
    """
    statement, message = _split(raw, max_size)
    if kinds is not None and statement.kind not in kinds:
        raise FormatError(f"expected a statement of kind {' or '.join(sorted(kinds))}, found {statement.kind!r}")
    try:
        cose.verify_sign1(message, external_aad=origin.encode(), verifiers=_VERIFIERS)
    except crypto_errors.VerificationError as exc:
        raise VerificationError(f"the signature of this {statement.kind} does not hold for this ledger") from exc
    except crypto_errors.CryptoError as exc:
        raise FormatError(f"the signature of this {statement.kind} is malformed: {exc}") from exc
    return statement


def _split(raw: bytes, max_size: int) -> tuple[Statement, cose.Sign1]:
    try:
        message = cose.parse_sign1(raw, max_size=max_size)
        payload = cbor.decode(message.payload, max_size=max_size)
    except crypto_errors.CryptoError as exc:
        raise FormatError(f"not a statement: {exc}") from exc
    if not isinstance(payload, dict):
        raise FormatError("the payload of a statement is a map")
    kind = payload.pop(0, None)
    if not isinstance(kind, str):
        raise FormatError("a statement names its kind at key 0")
    body: dict[int, cbor.Value] = {}
    for key, value in payload.items():
        if not isinstance(key, int) or key < 1:
            raise FormatError(f"a {kind} has keys from 1, found {key!r}")
        body[key] = value
    return Statement(kind, message.key_id, message.algorithm, body, raw), message
