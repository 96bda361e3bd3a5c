"""The envelope that brings a grantee its part of a record's key (docs/spec/grant.md §5).

It holds the *key part*, signed by the record key, and the *grant part*, which is this grant's alone. An envelope says nothing
about who made it: the grantee checks the key part with `verify_key_part` and the grant part with `verify_grant_part` against the
state before it asks for anything.

Left to others: fetching the state, deriving the one-time secret, asking keepers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from privledger.protocol import keys
from privledger.protocol._values import (
    DIGEST_SIZE,
    ID_SIZE,
    UINT32,
    array,
    as_bytes,
    ed25519_statement,
    making,
    reading,
    require,
    require_id,
    require_size,
    require_uint,
)
from privledger.protocol.capsule import KeeperShare, keepers_value, parse_keepers, require_keepers
from privledger.protocol.deposit import FIXED_SIZE
from privledger.protocol.descriptor import MAX_BLOB, descriptor_scalar, verify_descriptor
from privledger.protocol.errors import VerificationError
from privledger.protocol.statements import make_statement
from privledger.protocol.terms import Terms, parse_terms, verify_terms
from privledger_crypto import cbor, cose, envelope, group, onetime, padding
from privledger_crypto.shares import MAX_SHARES

__all__ = [
    "PART_SIZE",
    "PROOF_SIZE",
    "GrantPart",
    "KeyPart",
    "make_key_part",
    "open_grant",
    "parse_key_part",
    "seal_grant",
    "verify_grant_part",
    "verify_key_part",
]

PART_SIZE = 32  # bytes of A
PROOF_SIZE = 32 * 11  # bytes: the challenge, and a response for each of the eleven bases of C but that of d
_PLAINTEXT_SIZE = FIXED_SIZE - envelope.ENVELOPE_OVERHEAD


@dataclass(frozen=True, slots=True)
class KeyPart:
    """What every grantee of a record's epoch gets, signed by the record key.

    Args:
        part: `A`, 32 bytes.
        keepers: which keeper holds which share, sorted by index; `t` of them are needed.
        vault: the service id of the vault that holds the blob.
        proof: shows that `C` opens to the `d` that the three fields before it make.
        key: the key that signed.
    """

    record: bytes
    epoch: int
    part: bytes = field(repr=False)
    keepers: tuple[KeeperShare, ...]
    t: int
    vault: bytes
    blob_size: int
    blob_root: bytes
    descriptor_digest: bytes
    proof: bytes
    key: bytes
    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        require_id(self.record, "a record id")
        require_uint(self.epoch, UINT32, "an epoch")
        require_size(self.part, PART_SIZE, "the grantee's part of a key")
        require(1 <= self.t <= MAX_SHARES, "t lies between 1 and 31")
        require_keepers(self.keepers, self.t)
        require_id(self.vault, "a service id")
        require_uint(self.blob_size, MAX_BLOB, "the size of a blob")
        require_size(self.blob_root, DIGEST_SIZE, "a blob root")
        require_size(self.descriptor_digest, DIGEST_SIZE, "the digest of a descriptor")
        require_size(self.proof, PROOF_SIZE, "the proof of a key part")

    @property
    def d(self) -> int:
        """The scalar that `C` must open to."""
        return descriptor_scalar(self.blob_root, self.blob_size, self.descriptor_digest)


@dataclass(frozen=True, slots=True)
class GrantPart:
    """What one grantee gets: the terms, `r` of `T`, and the seed of its one-time key (32 bytes)."""

    terms: Terms
    r: int = field(repr=False)
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        require(0 <= self.r < group.ORDER, "r of T is a scalar")
        require_size(self.seed, onetime.SEED_SIZE, "the seed of a one-time key")


def make_key_part(
    signer: cose.Signer,
    *,
    origin: str,
    record: bytes,
    epoch: int,
    part: bytes,
    keepers: tuple[KeeperShare, ...],
    t: int,
    vault: bytes,
    blob_size: int,
    blob_root: bytes,
    descriptor_digest: bytes,
    proof: bytes,
) -> bytes:
    """Sign a key part with the record key; the fields are those of `KeyPart`, the proof is `prove_descriptor`'s.

    Raises:
        UsageError: a value that cannot be.
    """
    KeyPart(record, epoch, part, keepers, t, vault, blob_size, blob_root, descriptor_digest, proof, signer.key_id, b"")
    fields: dict[int, cbor.Value] = {
        1: record,
        2: epoch,
        3: part,
        4: keepers_value(keepers),
        5: t,
        6: vault,
        7: blob_size,
        8: blob_root,
        9: descriptor_digest,
        10: proof,
    }
    with making("key part"):
        return make_statement(signer, "key-part", fields, origin=origin)


def parse_key_part(raw: bytes, origin: str) -> KeyPart:
    """Read an untrusted key part; its signature holds, by a key that `verify_key_part` compares with the record's.

    Raises:
        FormatError, VerificationError.
    """
    signed = ed25519_statement(raw, origin, "key-part", max_size=FIXED_SIZE)
    with reading("key part"):
        fields = signed.fields()
        key_part = KeyPart(
            record=fields.bytes(1, length=ID_SIZE),
            epoch=fields.uint(2, UINT32),
            part=fields.bytes(3, length=PART_SIZE),
            keepers=parse_keepers(fields.list(4, MAX_SHARES)),
            t=fields.uint(5, MAX_SHARES),
            vault=fields.bytes(6, length=ID_SIZE),
            blob_size=fields.uint(7, MAX_BLOB),
            blob_root=fields.bytes(8, length=DIGEST_SIZE),
            descriptor_digest=fields.bytes(9, length=DIGEST_SIZE),
            proof=fields.bytes(10, length=PROOF_SIZE),
            key=signed.key,
            raw=raw,
        )
        fields.done()
    return key_part


def verify_key_part(
    key_part: KeyPart, *, origin: str, record: bytes, epoch: int, key: bytes, commitment: bytes
) -> None:
    """Check a key part against the state.

    Args:
        record, epoch: what is meant to be read, the epoch as in the state.
        key, commitment: the record key and `C` in the state.

    Raises:
        VerificationError: another record, epoch or key, or the proof is false. FormatError: `C` is no point.
    """
    if (key_part.record, key_part.epoch) != (record, epoch):
        raise VerificationError("the key part is for another record or epoch")
    if key_part.key != key:
        raise VerificationError("the key part is not signed by the record's key in the state")
    verify_descriptor(commitment, key_part.d, key_part.proof, origin=origin, record=record, epoch=epoch)


def verify_grant_part(grant_part: GrantPart, *, spend: bytes, key: bytes, terms: bytes) -> None:
    """Check a grant part against the state.

    Args:
        spend: the spend key `P` of the address that the envelope was opened with.
        key, terms: the one-time key `P'` and the commitment `T` of the grant in the state.

    Raises:
        VerificationError: the seed leads to another key, or `T` opens to other terms. FormatError: a key is no point.
    """
    with reading("grant"):
        expected = onetime.one_time_public(spend, grant_part.seed)
    if expected != key:
        raise VerificationError("the seed in the envelope does not lead to the one-time key of this grant")
    verify_terms(terms, grant_part.terms, grant_part.r)


def seal_grant(
    kem: bytes, key_part: bytes, grant_part: GrantPart, *, origin: str, record: bytes, grant: bytes, epoch: int
) -> bytes:
    """Seal an envelope to an address's X-Wing key `kem` (1,216 bytes): exactly 4,096 bytes.

    Args:
        key_part: the key part statement.

    Raises:
        UsageError: the key is none, or the key part is too long.
    """
    content: cbor.Value = [
        key_part,
        {0: grant_part.terms.to_value(), 1: group.scalar_to_bytes(grant_part.r), 2: grant_part.seed},
    ]
    info = keys.sealing_context("envelope", origin, record, epoch, grant)
    with making("envelope"):
        return envelope.seal_envelope(kem, info, padding.pad_to(cbor.encode(content), _PLAINTEXT_SIZE))


def open_grant(
    private: envelope.XWingPrivateKey, message: bytes, *, origin: str, record: bytes, grant: bytes, epoch: int
) -> tuple[KeyPart, GrantPart]:
    """Open an untrusted envelope. The key part's signature holds; both parts are still to be checked against the state.

    Raises:
        VerificationError: for another address, record, grant or epoch, or changed bytes. FormatError: not an envelope.
    """
    info = keys.sealing_context("envelope", origin, record, epoch, grant)
    with reading("envelope"):
        as_bytes(message, "an envelope", length=FIXED_SIZE)
        content = padding.unpad_message(envelope.open_envelope(private, info, message))
        raw_key_part, raw_grant_part = array(cbor.decode(content), "an envelope", length=2)
        key_part = parse_key_part(as_bytes(raw_key_part, "a key part"), origin)
        if (key_part.record, key_part.epoch) != (record, epoch):
            raise VerificationError("the key part in this envelope is for another record or epoch")
        return key_part, _parse_grant_part(raw_grant_part)


def _parse_grant_part(value: cbor.Value) -> GrantPart:
    fields = cbor.Fields(value, "grant part")
    fields.map(0)  # for its presence and type; `parse_terms` reads what is in it
    terms = parse_terms(value[0] if isinstance(value, dict) else None)
    grant_part = GrantPart(terms, group.parse_scalar(fields.bytes(1)), fields.bytes(2, length=onetime.SEED_SIZE))
    fields.done()
    return grant_part
