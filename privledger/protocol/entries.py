"""Entries of the log: what they say, their signed bytes, and admission (docs/spec/entries.md §1–2).

    leaf = make_entry([signer], GrantEntry(record, grant, key, terms), origin=origin)
    entry = admit(leaf, origin=origin)          # strict, and every signature holds for this ledger
    entry.kind, entry.keys, entry.body

A leaf is the exact bytes received. Admission needs no state, is complete, and is the same for the sequencer and for every
replayer; `admit_many` does it in worker processes. Left to others: whether the key may do this (`privledger.rules`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import ClassVar, NamedTuple

from privledger.protocol._bodies import (
    BODIES,
    ENDED,
    MAX_LARGE_LEAF,
    MAX_LEAF,
    MAX_SIZE,
    MAX_TIME,
    PAUSED,
    ROLES,
    RUNNING,
    Body,
    EraseEntry,
    GrantEntry,
    LedgerEntry,
    Limits,
    LogKeys,
    ReceiptsEntry,
    RecordEntry,
    RevokeEntry,
    ServiceEntry,
    encode_payload,
    parse_payload,
)
from privledger.protocol._layouts import LAYOUTS
from privledger.protocol.errors import FormatError, PrivledgerError, UsageError, VerificationError
from privledger_crypto import cbor, cose
from privledger_crypto import errors as crypto_errors
from privledger_crypto.signing import verify_ed25519

__all__ = [
    "BODIES",
    "ENDED",
    "MAX_LARGE_LEAF",
    "MAX_LEAF",
    "MAX_SIZE",
    "MAX_TIME",
    "PAUSED",
    "ROLES",
    "RUNNING",
    "Block",
    "Body",
    "Entry",
    "EraseEntry",
    "Fault",
    "GrantEntry",
    "LedgerEntry",
    "Limits",
    "LogKeys",
    "ReceiptsEntry",
    "RecordEntry",
    "RevokeEntry",
    "ServiceEntry",
    "admit",
    "admit_many",
    "encode_payload",
    "is_block",
    "make_entry",
    "parse_block",
    "parse_entry",
    "parse_payload",
    "verify_entry",
]

_LARGE = ("ledger", "service")
_SIGN1_OPEN = b"\x84\x6aSignature1"  # Sig_structure of RFC 9052 §4.4 up to the protected header
_BLOCK_OPEN = b"\xa6\x00\x65block"
_SIGNATURE_PART = 66  # bytes at the end of a COSE_Sign1: head and Ed25519 signature


# --- blocks ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Block:
    """The last leaf of a block. `root` is the state's after the block; `tree_size` counts the leaves before this one."""

    height: int
    time: int
    rules_version: int
    root: bytes
    tree_size: int

    kind: ClassVar[str] = "block"

    def to_leaf(self) -> bytes:
        """The leaf: a bare map, since nobody signs it and everyone recomputes it."""
        return cbor.encode(
            {0: "block", 1: self.height, 2: self.time, 3: self.rules_version, 4: self.root, 5: self.tree_size}
        )


def is_block(leaf: bytes) -> bool:
    """Whether the leaf says that it is a block; `parse_block` says whether it is well-formed."""
    return leaf.startswith(_BLOCK_OPEN)


def parse_block(leaf: bytes) -> Block:
    """Read a `block` leaf.

    Raises:
        FormatError: not the canonical bytes of a block.
    """
    try:
        fields = cbor.Fields(cbor.decode(leaf, max_size=MAX_LEAF, max_depth=1), "block")
        if fields.text(0, 16) != "block":
            raise FormatError("the leaf is not a block")
        block = Block(
            fields.uint(1, MAX_SIZE),
            fields.uint(2, MAX_TIME),
            fields.uint(3, 0xFFFF),
            fields.bytes(4, 32),
            fields.uint(5, MAX_SIZE),
        )
        fields.done()
    except crypto_errors.CryptoError as exc:
        raise FormatError(f"not a block leaf: {exc}") from exc
    return block


# --- entries --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A well-formed entry. `keys` signed it, in rising order; `leaf` is its exact bytes.

    `parse_entry` makes one without looking at the signatures, `admit` makes only verified ones.
    """

    kind: str
    keys: tuple[bytes, ...]
    body: Body
    leaf: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the exact bytes."""
        return sha256(self.leaf).digest()


def make_entry(signers: Sequence[cose.Signer], body: Body, *, origin: str) -> bytes:
    """Sign `body` for the ledger `origin`: COSE_Sign1 for one signer, else COSE_Sign sorted by key.

    Raises:
        UsageError: no entry can say this, or these signers cannot sign it.
    """
    try:
        payload, aad = encode_payload(body), origin.encode()
        if len(signers) == 1:
            leaf = cose.sign1(signers[0], payload, external_aad=aad)
        else:
            leaf = cose.sign_many(signers, payload, external_aad=aad)
        parse_entry(leaf, origin=origin)
    except (PrivledgerError, crypto_errors.CryptoError) as exc:
        raise UsageError(f"this {body.kind} entry cannot be made: {exc}") from exc
    return leaf


def parse_entry(leaf: bytes, *, origin: str | None = None) -> Entry:
    """Read an entry without checking its signatures.

    Args:
        leaf: untrusted bytes.
        origin: if given, a `ledger` entry must name it.

    Raises:
        FormatError: code `malformed` or `unknown_kind`.
        VerificationError: code `wrong_origin`.
    """
    layout = LAYOUTS.get(len(leaf))
    if layout is not None:
        found = layout(leaf)
        if found is not None:
            key, body = found
            return Entry(body.kind, (key,), body, leaf)
    entry = _parse_any(leaf)
    if origin is not None and isinstance(entry.body, LedgerEntry) and entry.body.origin != origin:
        raise VerificationError("the ledger entry names another ledger's origin", code="wrong_origin")
    return entry


def verify_entry(entry: Entry | bytes, *, origin: str) -> None:
    """Check every signature for the ledger `origin`; bytes are parsed first, with its errors.

    Raises:
        VerificationError: code `bad_signature` or `wrong_origin`.
    """
    if isinstance(entry, bytes):
        entry = parse_entry(entry, origin=origin)
    leaf, keys = entry.leaf, entry.keys
    try:
        if len(keys) == 1:
            # A canonical COSE_Sign1 holds the encoded header and payload just as the Sig_structure wants them.
            message = _SIGN1_OPEN + leaf[1:41] + _origin_string(origin) + leaf[42:-_SIGNATURE_PART]
            verify_ed25519(keys[0], message, leaf[-64:])
        else:
            cose.verify_sign(cose.parse_sign(leaf, max_size=MAX_LARGE_LEAF), external_aad=origin.encode())
    except crypto_errors.CryptoError as exc:
        raise VerificationError(
            f"a signature of this {entry.kind} entry does not hold for this ledger", code="bad_signature"
        ) from exc


def admit(leaf: bytes, *, origin: str) -> Entry:
    """Read an entry and check its signatures: everything that needs no state.

    Raises:
        FormatError: code `malformed` or `unknown_kind`.
        VerificationError: code `bad_signature` or `wrong_origin`.
    """
    entry = parse_entry(leaf, origin=origin)
    verify_entry(entry, origin=origin)
    return entry


class Fault(NamedTuple):
    """Why a leaf was not admitted."""

    code: str
    detail: str


def admit_many(leaves: Iterable[bytes], *, origin: str) -> list[Fault | None]:
    """Admit each leaf: None, or why not.

    For worker processes, so the answer is small: parsing again with `parse_entry` costs less than sending entries back.
    """
    faults: list[Fault | None] = []
    for leaf in leaves:
        try:
            admit(leaf, origin=origin)
        except (FormatError, VerificationError) as exc:
            faults.append(Fault(exc.code, str(exc)))
        else:
            faults.append(None)
    return faults


def _parse_any(leaf: bytes) -> Entry:
    """The general reader, which decides."""
    if is_block(leaf):
        raise FormatError("nobody submits a block: everyone recomputes it", code="unknown_kind")
    if len(leaf) > MAX_LARGE_LEAF:
        raise FormatError(f"the entry has {len(leaf)} bytes, at most {MAX_LARGE_LEAF} are allowed")
    payload, signatures = _split(leaf)
    if any(algorithm != cose.ALG_ED25519 for algorithm, _ in signatures):
        raise FormatError("entries are signed with Ed25519 (algorithm -19)")
    body = parse_payload(payload)
    if body.kind not in _LARGE:
        if len(signatures) > 1:
            raise FormatError(f"one key signs a {body.kind} entry, so it is a COSE_Sign1")
        if len(leaf) > MAX_LEAF:
            raise FormatError(f"the {body.kind} entry has {len(leaf)} bytes, at most {MAX_LEAF} are allowed")
    return Entry(body.kind, tuple(key for _, key in signatures), body, leaf)


def _split(leaf: bytes) -> tuple[bytes, list[tuple[int, bytes]]]:
    """The payload, and algorithm and key of each signature."""
    try:
        if leaf[1:2] != b"\x40":  # only a COSE_Sign has an empty protected header
            single = cose.parse_sign1(leaf, max_size=MAX_LARGE_LEAF)
            return single.payload, [(single.algorithm, single.key_id)]
        many = cose.parse_sign(leaf, max_size=MAX_LARGE_LEAF)
    except crypto_errors.CryptoError as exc:
        raise FormatError(f"not a signed entry: {exc}") from exc
    if len(many.signatures) < 2:
        raise FormatError("an entry with one signature is a COSE_Sign1")
    return many.payload, [(one.algorithm, one.key_id) for one in many.signatures]


@lru_cache(maxsize=16)
def _origin_string(origin: str) -> bytes:
    return cbor.byte_string(origin.encode())
