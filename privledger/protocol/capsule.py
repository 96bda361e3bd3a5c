"""The owner's sealed memory of a record and its grants, kept by the vault: capsules and notes (docs/spec/record.md §5).

A capsule's head opens with the seed alone and says which keepers to ask; its body and the notes open with the owner key, which
needs the keepers' part. So seed, vault and t keepers recover every live record, and nothing recovers an erased one.

Left to others: deriving the keys (`privledger.protocol.keys`) and asking the keepers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from privledger.protocol import keys
from privledger.protocol._values import (
    DIGEST_SIZE,
    ID_SIZE,
    UINT32,
    array,
    as_bytes,
    as_uint,
    making,
    reading,
    require,
    require_id,
    require_size,
    require_uint,
)
from privledger.protocol.address import MAX_ADDRESS, parse_address
from privledger.protocol.deposit import FIXED_SIZE, check_threshold
from privledger.protocol.descriptor import MAX_ATTRIBUTES, MAX_BLOB
from privledger.protocol.terms import Terms, parse_terms
from privledger_crypto import cbor, group, padding, sealing
from privledger_crypto.onetime import SEED_SIZE
from privledger_crypto.shares import MAX_SHARES

__all__ = [
    "CapsuleBody",
    "CapsuleHead",
    "KeeperShare",
    "Note",
    "keepers_value",
    "open_capsule_body",
    "open_capsule_head",
    "open_note",
    "parse_keepers",
    "require_keepers",
    "seal_capsule",
    "seal_note",
]

# Everything is padded before it is sealed, so that from outside all capsules look alike, and all notes. A head of 2,048 bytes has
# room for 31 keepers; what is left of the capsule is more than a body with 8 attributes takes.
_SEALED_OVERHEAD = sealing.HEADER_SIZE + sealing.TAG_SIZE
_NOTE_PLAINTEXT = FIXED_SIZE - _SEALED_OVERHEAD
_HEAD_PLAINTEXT = 2048  # bytes
_FRAME = 7  # bytes of CBOR around two byte strings of 256 bytes to 64 KiB
_BODY_PLAINTEXT = FIXED_SIZE - _FRAME - 2 * _SEALED_OVERHEAD - _HEAD_PLAINTEXT


@dataclass(frozen=True, slots=True)
class KeeperShare:
    """Which keeper (service id) holds the share with this index, and the digest that identifies the share."""

    service: bytes
    index: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class CapsuleHead:
    """Where a record's second lock is: the record's index in the wallet, its keepers, t of n, and its vault."""

    index: int
    keepers: tuple[KeeperShare, ...]
    t: int
    n: int
    vault: bytes

    def __post_init__(self) -> None:
        require_uint(self.index, UINT32, "the index of a record")
        check_threshold(self.t, self.n)
        require_keepers(self.keepers, self.t)
        require(self.keepers[-1].index <= self.n, "a keeper's share has an index above n")
        require_id(self.vault, "a service id")


@dataclass(frozen=True, slots=True)
class CapsuleBody:
    """What opens a record's commitment: the blinding `r`, the attributes as scalars, and what `d` is made from."""

    r: int = field(repr=False)
    attributes: tuple[int, ...] = field(repr=False)
    blob_size: int
    blob_root: bytes
    descriptor_digest: bytes

    def __post_init__(self) -> None:
        require(len(self.attributes) <= MAX_ATTRIBUTES, f"a record commits to at most {MAX_ATTRIBUTES} attributes")
        for scalar in (self.r, *self.attributes):
            require(0 <= scalar < group.ORDER, "r and the attributes are scalars")
        require_uint(self.blob_size, MAX_BLOB, "the size of a blob")
        require_size(self.blob_root, DIGEST_SIZE, "a blob root")
        require_size(self.descriptor_digest, DIGEST_SIZE, "the digest of a descriptor")


@dataclass(frozen=True, slots=True)
class Note:
    """What an owner needs to make a grant's envelope again: the grantee's address, terms, `r` of `T`, and the one-time seed."""

    address_raw: bytes
    terms: Terms
    r: int = field(repr=False)
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        require(0 < len(self.address_raw) <= MAX_ADDRESS, f"an address has at most {MAX_ADDRESS} bytes")
        require(0 <= self.r < group.ORDER, "r of T is a scalar")
        require_size(self.seed, SEED_SIZE, "the seed of a one-time key")


# --- capsules -----------------------------------------------------------------------------------------------------


def seal_capsule(
    head: CapsuleHead, body: CapsuleBody, *, head_key: bytes, owner_key: bytes, origin: str, record: bytes, epoch: int
) -> bytes:
    """Seal a record's capsule: exactly 4,096 bytes.

    Args:
        head_key, owner_key: 32 bytes each, from `keys.capsule_head_key` and `keys.owner_key`.

    Raises:
        UsageError: a key of another length.
    """
    head_map: dict[cbor.Key, cbor.Value] = {
        0: head.index,
        1: keepers_value(head.keepers),
        2: head.t,
        3: head.n,
        4: head.vault,
    }
    body_map: dict[cbor.Key, cbor.Value] = {
        0: group.scalar_to_bytes(body.r),
        1: [group.scalar_to_bytes(attribute) for attribute in body.attributes],
        2: body.blob_size,
        3: body.blob_root,
        4: body.descriptor_digest,
    }
    with making("capsule"):
        parts = (
            ("capsule-head", head_key, head_map, _HEAD_PLAINTEXT),
            ("capsule-body", owner_key, body_map, _BODY_PLAINTEXT),
        )
        return cbor.encode(
            [
                sealing.seal(
                    key, keys.sealing_context(what, origin, record, epoch), padding.pad_to(cbor.encode(part), size)
                )
                for what, key, part, size in parts
            ]
        )


def open_capsule_head(capsule: bytes, *, head_key: bytes, origin: str, record: bytes, epoch: int) -> CapsuleHead:
    """Open the head of an untrusted capsule with the key that comes from the seed alone.

    Raises:
        FormatError: not a capsule. VerificationError: of another owner, record or epoch, or changed.
    """
    with reading("capsule"):
        sealed = _split_capsule(capsule)[0]
        context = keys.sealing_context("capsule-head", origin, record, epoch)
        content = padding.unpad_message(sealing.open_sealed(head_key, context, sealed))
        fields = cbor.Fields(cbor.decode(content), "capsule head")
        head = CapsuleHead(
            index=fields.uint(0, UINT32),
            keepers=parse_keepers(fields.list(1, MAX_SHARES)),
            t=fields.uint(2, MAX_SHARES),
            n=fields.uint(3, MAX_SHARES),
            vault=fields.bytes(4, length=ID_SIZE),
        )
        fields.done()
    return head


def open_capsule_body(capsule: bytes, *, owner_key: bytes, origin: str, record: bytes, epoch: int) -> CapsuleBody:
    """Open the body of an untrusted capsule with the owner key.

    Raises:
        FormatError: not a capsule. VerificationError: of another owner, record or epoch, or changed.
    """
    with reading("capsule"):
        sealed = _split_capsule(capsule)[1]
        context = keys.sealing_context("capsule-body", origin, record, epoch)
        content = padding.unpad_message(sealing.open_sealed(owner_key, context, sealed))
        fields = cbor.Fields(cbor.decode(content), "capsule body")
        body = CapsuleBody(
            r=group.parse_scalar(fields.bytes(0)),
            attributes=tuple(
                group.parse_scalar(as_bytes(item, "an attribute")) for item in fields.list(1, MAX_ATTRIBUTES)
            ),
            blob_size=fields.uint(2, MAX_BLOB),
            blob_root=fields.bytes(3, length=DIGEST_SIZE),
            descriptor_digest=fields.bytes(4, length=DIGEST_SIZE),
        )
        fields.done()
    return body


def _split_capsule(capsule: bytes) -> tuple[bytes, bytes]:
    as_bytes(capsule, "a capsule", length=FIXED_SIZE)
    head, body = array(cbor.decode(capsule), "a capsule", length=2)
    return (
        as_bytes(head, "the head of a capsule", length=_HEAD_PLAINTEXT + _SEALED_OVERHEAD),
        as_bytes(body, "the body of a capsule", length=_BODY_PLAINTEXT + _SEALED_OVERHEAD),
    )


# --- notes --------------------------------------------------------------------------------------------------------


def seal_note(note: Note, *, owner_key: bytes, origin: str, record: bytes, epoch: int, grant: bytes) -> bytes:
    """Seal the note on a grant: exactly 4,096 bytes.

    Raises:
        UsageError: a key of another length.
    """
    with making("note"):
        content = cbor.encode(
            {0: note.address_raw, 1: note.terms.to_value(), 2: group.scalar_to_bytes(note.r), 3: note.seed}
        )
        context = keys.sealing_context("note", origin, record, epoch, grant)
        return sealing.seal(owner_key, context, padding.pad_to(content, _NOTE_PLAINTEXT))


def open_note(sealed: bytes, *, owner_key: bytes, origin: str, record: bytes, epoch: int, grant: bytes) -> Note:
    """Open an untrusted note with the owner key; the address inside is a true one.

    Raises:
        FormatError: not a note. VerificationError: of another owner, record, epoch or grant, or changed.
    """
    with reading("note"):
        as_bytes(sealed, "a note", length=FIXED_SIZE)
        context = keys.sealing_context("note", origin, record, epoch, grant)
        content = padding.unpad_message(sealing.open_sealed(owner_key, context, sealed))
        decoded = cbor.decode(content)
        fields = cbor.Fields(decoded, "note")
        address = fields.bytes(0, max_length=MAX_ADDRESS)
        parse_address(address, origin)
        fields.map(1)  # for its presence and type; `parse_terms` reads what is in it
        terms = parse_terms(decoded[1] if isinstance(decoded, dict) else None)
        note = Note(address, terms, group.parse_scalar(fields.bytes(2)), fields.bytes(3, length=SEED_SIZE))
        fields.done()
    return note


# --- lists of keepers ---------------------------------------------------------------------------------------------


def require_keepers(keepers: tuple[KeeperShare, ...], t: int) -> None:
    """Raise UsageError unless there are t to 31 keepers, sorted by index, each index and each service once."""
    require(t <= len(keepers) <= MAX_SHARES, "a record has at least t keepers, and at most 31")
    require(
        all(a.index < b.index for a, b in pairwise(keepers)),
        "keepers are sorted by the index of their share, each once",
    )
    require(len({keeper.service for keeper in keepers}) == len(keepers), "each keeper holds one share")
    for keeper in keepers:
        require(1 <= keeper.index <= MAX_SHARES, "the index of a share lies between 1 and 31")
        require_id(keeper.service, "a service id")
        require_size(keeper.digest, DIGEST_SIZE, "a share digest")


def keepers_value(keepers: tuple[KeeperShare, ...]) -> list[cbor.Value]:
    """`[[service id, index, share digest]…]`."""
    return [[keeper.service, keeper.index, keeper.digest] for keeper in keepers]


def parse_keepers(items: list[cbor.Value]) -> tuple[KeeperShare, ...]:
    """Read `[[service id, index, share digest]…]`; order and number are for `require_keepers`. Raises FormatError."""
    keepers = []
    for item in items:
        service, index, digest = array(item, "a keeper's share", length=3)
        keepers.append(
            KeeperShare(
                as_bytes(service, "a service id", length=ID_SIZE),
                as_uint(index, MAX_SHARES, "the index of a share"),
                as_bytes(digest, "a share digest", length=DIGEST_SIZE),
            )
        )
    return tuple(keepers)
