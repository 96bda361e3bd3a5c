"""A record's descriptor, and the commitment that stands on the chain for the record (docs/spec/record.md §1 and §2).

The descriptor says what the payload is; it is sealed with the record's data key. Its digest, with the blob's root and size, is
`d`, one of the values that the commitment `C` holds. Who needs `d` gets `prove_descriptor`, a proof that `C` opens to it, and
learns nothing else.

Left to others: the blob (`privledger_crypto.sealing`, `segments`) and where sealed bytes are stored.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from privledger.protocol import keys
from privledger.protocol._values import (
    DIGEST_SIZE,
    ID_SIZE,
    UINT32,
    array,
    as_bytes,
    as_text,
    is_rising,
    making,
    reading,
    require,
    require_id,
    require_printable,
    require_size,
    require_uint,
)
from privledger.protocol.errors import UsageError
from privledger_crypto import cbor, group, padding, pedersen, relations, sealing
from privledger_crypto.generators import record_generators

__all__ = [
    "ATTRIBUTE_TYPES",
    "DESCRIPTOR_MINIMUM",
    "MAX_ATTRIBUTES",
    "MAX_BLOB",
    "MAX_DESCRIPTOR",
    "Descriptor",
    "attribute_scalar",
    "commit_record",
    "descriptor_scalar",
    "open_descriptor",
    "parse_descriptor",
    "prove_descriptor",
    "record_scalars",
    "seal_descriptor",
    "verify_descriptor",
]

MAX_ATTRIBUTES = 8  # H3 to H10
MAX_BLOB = 1 << 52  # bytes, what one sealed message can hold
MAX_DESCRIPTOR = 32_768  # bytes, before padding
DESCRIPTOR_MINIMUM = 1024  # bytes, after padding and before sealing
SALT_SIZE = 16  # bytes
MAX_TAGS = 16
MAX_DERIVED_FROM = 64
MAX_NAME = 64  # bytes of UTF-8, of a tag or an attribute
MAX_TEXT = 256  # bytes of UTF-8, of title and schema
ATTRIBUTE_TYPES = ("int", "text")

_DESCRIPTOR_DST = b"PRIVLEDGER-V1-DESCRIPTOR"
_ATTRIBUTE_DST = b"PRIVLEDGER-V1-ATTRIBUTE"
_DESCRIPTOR_INDEX = 2  # the place of d in C
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,63}/[A-Za-z0-9!#$&^_.+-]{1,63}")


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a record's payload is.

    Args:
        title: for people, at most 256 bytes.
        media_type: type/subtype, without parameters.
        size: the true size of the payload in bytes; the blob is padded.
        schema: a name or URL of the payload's form, or "".
        tags: sorted and distinct.
        attributes: name and type (`int` or `text`) of each committed attribute, in the order of the bases; at most 8.
        derived_from: ids of the records that this one was made from, sorted and distinct.
        salt: 16 random bytes, which keep the digest from testing guesses.

    Raises:
        UsageError: a value is outside these ranges.
    """

    title: str
    media_type: str
    size: int
    schema: str
    tags: tuple[str, ...]
    attributes: tuple[tuple[str, str], ...]
    derived_from: tuple[bytes, ...]
    salt: bytes = field(repr=False)

    def __post_init__(self) -> None:
        require_printable(self.title, MAX_TEXT, "the title of a record")
        require(
            _MEDIA_TYPE.fullmatch(self.media_type) is not None, "the media type is type/subtype, without parameters"
        )
        require_uint(self.size, MAX_BLOB, "the size of a record")
        require_printable(self.schema, MAX_TEXT, "the schema of a record")
        require(len(self.tags) <= MAX_TAGS and is_rising(self.tags), f"at most {MAX_TAGS} tags, sorted and distinct")
        names = [name for name, _ in self.attributes]
        require(len(names) <= MAX_ATTRIBUTES, f"a record commits to at most {MAX_ATTRIBUTES} attributes")
        require(len(set(names)) == len(names), "each attribute has a name of its own")
        for name in (*self.tags, *names):
            require(name != "", "a tag or attribute has a name")
            require_printable(name, MAX_NAME, "the name of a tag or attribute")
        for _, kind in self.attributes:
            require(kind in ATTRIBUTE_TYPES, f"an attribute is of type {' or '.join(ATTRIBUTE_TYPES)}")
        require(len(self.derived_from) <= MAX_DERIVED_FROM, f"a record is made from at most {MAX_DERIVED_FROM} others")
        require(is_rising(self.derived_from), "the records it is made from are sorted and distinct")
        for record in self.derived_from:
            require_id(record, "a record id")
        require_size(self.salt, SALT_SIZE, "the salt of a descriptor")

    def to_bytes(self) -> bytes:
        """The map of docs/spec/record.md §1 in canonical CBOR."""
        return cbor.encode(
            {
                0: self.title,
                1: self.media_type,
                2: self.size,
                3: self.schema,
                4: self.tags,
                5: self.attributes,
                6: self.derived_from,
                7: self.salt,
            }
        )

    def digest(self) -> bytes:
        """SHA-256 of `to_bytes`, 32 bytes."""
        return hashlib.sha256(self.to_bytes()).digest()


def parse_descriptor(data: bytes) -> Descriptor:
    """Read an untrusted descriptor.

    Raises:
        FormatError: not canonical, over 32 KiB, another shape, or a value outside its range.
    """
    with reading("descriptor"):
        fields = cbor.Fields(cbor.decode(data, max_size=MAX_DESCRIPTOR), "descriptor")
        descriptor = Descriptor(
            title=fields.text(0, MAX_TEXT),
            media_type=fields.text(1, 128),
            size=fields.uint(2, MAX_BLOB),
            schema=fields.text(3, MAX_TEXT),
            tags=tuple(as_text(item, MAX_NAME, "a tag") for item in fields.list(4, MAX_TAGS)),
            attributes=tuple(_parse_attribute(item) for item in fields.list(5, MAX_ATTRIBUTES)),
            derived_from=tuple(
                as_bytes(item, "a record id", length=ID_SIZE) for item in fields.list(6, MAX_DERIVED_FROM)
            ),
            salt=fields.bytes(7, length=SALT_SIZE),
        )
        fields.done()
    return descriptor


def seal_descriptor(descriptor: Descriptor, key: bytes, *, origin: str, record: bytes, epoch: int) -> bytes:
    """The descriptor padded (Padmé, at least 1,024 bytes) and sealed with the record's data key."""
    with making("descriptor"):
        padded = padding.pad_message(descriptor.to_bytes(), minimum=DESCRIPTOR_MINIMUM)
        return sealing.seal(key, keys.sealing_context("descriptor", origin, record, epoch), padded)


def open_descriptor(sealed: bytes, key: bytes, *, origin: str, record: bytes, epoch: int) -> Descriptor:
    """Open what `seal_descriptor` made.

    Raises:
        FormatError: not a sealed descriptor. VerificationError: another key, record or epoch, or changed bytes.
    """
    with reading("descriptor"):
        padded = sealing.open_sealed(key, keys.sealing_context("descriptor", origin, record, epoch), sealed)
        return parse_descriptor(padding.unpad_message(padded))


# --- the commitment -----------------------------------------------------------------------------------------------


def descriptor_scalar(blob_root: bytes, blob_size: int, descriptor_digest: bytes) -> int:
    """`d`: the blob's root (32 bytes) and size and the descriptor's digest (32 bytes) as one scalar."""
    require_size(blob_root, DIGEST_SIZE, "a blob root")
    require_uint(blob_size, MAX_BLOB, "the size of a blob")
    require_size(descriptor_digest, DIGEST_SIZE, "the digest of a descriptor")
    return group.hash_to_scalar(cbor.encode([blob_root, blob_size, descriptor_digest]), _DESCRIPTOR_DST)


def attribute_scalar(type: str, value: int | str) -> int:
    """An attribute as the scalar that is committed to: an integer below 2^32 as itself, text hashed.

    Raises:
        UsageError: an unknown type, a value of another type, or an integer out of range.
    """
    if type == "int":
        require(isinstance(value, int) and not isinstance(value, bool), "an attribute of type int is an integer")
        require_uint(int(value), UINT32, "an attribute of type int")
        return int(value)
    require(type == "text", f"an attribute is of type {' or '.join(ATTRIBUTE_TYPES)}")
    require(isinstance(value, str), "an attribute of type text is text")
    try:
        encoded = str(value).encode()
    except UnicodeEncodeError as exc:
        raise UsageError("an attribute of type text is valid Unicode") from exc
    return group.hash_to_scalar(encoded, _ATTRIBUTE_DST)


def record_scalars(r: int, s: int, d: int, attributes: Sequence[int]) -> tuple[int, ...]:
    """The eleven scalars inside `C`, the blinding first; unused attributes are 0.

    Raises:
        UsageError: more than eight attributes.
    """
    require(len(attributes) <= MAX_ATTRIBUTES, f"a record commits to at most {MAX_ATTRIBUTES} attributes")
    return (r, s, d, *attributes, *(0,) * (MAX_ATTRIBUTES - len(attributes)))


def commit_record(r: int, s: int, d: int, attributes: Sequence[int] = ()) -> bytes:
    """The commitment `C` of a record: 48 bytes.

    Args:
        r: the blinding, a random scalar.
        s: the identity secret.
        d: `descriptor_scalar`.
        attributes: at most eight of `attribute_scalar`.

    Raises:
        UsageError: a value that is no scalar, or the result is the identity.
    """
    with making("record commitment"):
        return pedersen.commit(record_generators(), record_scalars(r, s, d, attributes)).to_bytes()


def prove_descriptor(
    scalars: Sequence[int], *, origin: str, record: bytes, epoch: int, random_bytes: Callable[[int], bytes]
) -> bytes:
    """Prove that the record's `C` opens to its `d`, for this record and epoch: 352 bytes.

    Args:
        scalars: `record_scalars`.

    Raises:
        UsageError: the scalars commit to nothing that can be.
    """
    with making("descriptor proof"):
        bases = record_generators()
        commitment = pedersen.commit(bases, scalars).to_bytes()
        context = _proof_context(origin, record, epoch)
        return relations.prove_opening_to(
            bases, commitment, scalars, _DESCRIPTOR_INDEX, context=context, random_bytes=random_bytes
        )


def verify_descriptor(commitment: bytes, d: int, proof: bytes, *, origin: str, record: bytes, epoch: int) -> None:
    """Check that `commitment` (the record's `C`, 48 untrusted bytes) opens to `d`.

    Raises:
        FormatError: the commitment is no point, or the proof has another form. VerificationError: the proof is false.
    """
    with reading("descriptor proof"):
        relations.verify_opening_to(
            record_generators(),
            commitment,
            proof,
            _DESCRIPTOR_INDEX,
            public_value=d,
            context=_proof_context(origin, record, epoch),
        )


def _proof_context(origin: str, record: bytes, epoch: int) -> bytes:
    return cbor.encode([origin, record, epoch])


def _parse_attribute(item: object) -> tuple[str, str]:
    name, kind = array(item, "an attribute", length=2)
    return as_text(name, MAX_NAME, "the name of an attribute"), as_text(kind, 16, "the type of an attribute")
