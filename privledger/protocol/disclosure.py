"""What an owner or grantee shows an auditor beside the chain: openings, receipts, certificates (docs/spec/audit.md §2).

Nothing in a disclosure is believed: reading it checks its form alone, and the auditor checks each piece against the chain. So
statements stay bytes here, and a false one fails at its own step.

Left to others: the steps (`privledger.audit`), and what a person is willing to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from privledger.protocol._values import (
    DIGEST_SIZE,
    ID_SIZE,
    UINT32,
    array,
    as_bytes,
    as_uint,
    is_rising,
    reading,
    require,
    require_id,
    require_size,
    require_uint,
)
from privledger.protocol.container import pack, unpack
from privledger.protocol.descriptor import MAX_BLOB, descriptor_scalar, verify_descriptor
from privledger.protocol.errors import VerificationError
from privledger.protocol.grantenvelope import PROOF_SIZE
from privledger.protocol.ids import ZERO_GRANT, check_origin
from privledger.protocol.receipt import (
    MAP_KEY_SIZE,
    MAX_RECEIPT,
    ReceiptOpening,
    parse_receipt_opening,
    terms_map_key,
)
from privledger.protocol.statements import MAX_STATEMENT
from privledger.protocol.terms import MAX_TERMS_OPENING, parse_opening
from privledger_crypto import cbor

__all__ = [
    "DescriptorDisclosure",
    "Disclosure",
    "GrantDisclosure",
    "ServiceReceipts",
    "parse_disclosure",
    "unpack_disclosure",
]

MAX_GRANTS = 65_536
MAX_KEEPERS = 64  # over the life of a grant, which may outlive some
MAX_RECEIPTS = 65_536  # of one grant with one keeper
MAX_CERTIFICATES = 1024
_MAX_ORIGIN = 200  # bytes


@dataclass(frozen=True, slots=True)
class ServiceReceipts:
    """The receipts of a grant with one keeper, in order, and what binds their number to a posted root (or None).

    `map_key` (32 bytes) is where the grant stands in the keeper's receipt map; see `GrantDisclosure.proves_key`.
    """

    service: bytes
    map_key: bytes = field(repr=False)
    receipts: tuple[bytes, ...] = field(repr=False)
    opening: ReceiptOpening | None

    def __post_init__(self) -> None:
        require_id(self.service, "a service id")
        require_size(self.map_key, MAP_KEY_SIZE, "a key of a receipt map")
        require(len(self.receipts) <= MAX_RECEIPTS, f"a disclosure holds at most {MAX_RECEIPTS} receipts of one keeper")


@dataclass(frozen=True, slots=True)
class GrantDisclosure:
    """One grant (16 zero bytes for the owner's own reads): the opening of its `T`, if shown, and its receipts by keeper."""

    grant: bytes
    opening: bytes | None = field(repr=False)
    services: tuple[ServiceReceipts, ...]

    def __post_init__(self) -> None:
        require_id(self.grant, "a grant id")
        if self.opening is not None:
            parse_opening(self.opening)
        require(is_rising([one.service for one in self.services]), "the keepers of a grant are sorted and distinct")

    @property
    def proves_key(self) -> bool:
        """Whether the map keys can be computed again from what is shown: not of the owner's reads, nor without an opening."""
        return self.opening is not None and self.grant != ZERO_GRANT

    def verify_key(self, record: bytes, shown: ServiceReceipts) -> None:
        """Check the map key of `shown` against the opening of this grant's terms, if that is shown.

        Raises:
            VerificationError: it is the key of something else, so receipts under the right one may be left out.
        """
        if self.opening is None or not self.proves_key:
            return
        if shown.map_key != terms_map_key(record, self.grant, self.opening):
            raise VerificationError("the receipts are shown under a map key that is not this grant's")


@dataclass(frozen=True, slots=True)
class DescriptorDisclosure:
    """What `d` is made from in one epoch, and the proof that `C` opens to it."""

    epoch: int
    blob_size: int
    blob_root: bytes
    descriptor_digest: bytes
    proof: bytes

    def __post_init__(self) -> None:
        require_uint(self.epoch, UINT32, "an epoch")
        require_uint(self.blob_size, MAX_BLOB, "the size of a blob")
        require_size(self.blob_root, DIGEST_SIZE, "a blob root")
        require_size(self.descriptor_digest, DIGEST_SIZE, "the digest of a descriptor")
        require_size(self.proof, PROOF_SIZE, "the proof of a descriptor")

    def verify(self, *, origin: str, record: bytes, commitment: bytes) -> None:
        """Check that `commitment`, the record's `C` (48 untrusted bytes), opens to this `d`.

        Raises:
            FormatError: the commitment is no point. VerificationError: the proof is false.
        """
        d = descriptor_scalar(self.blob_root, self.blob_size, self.descriptor_digest)
        verify_descriptor(commitment, d, self.proof, origin=origin, record=record, epoch=self.epoch)


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What is shown of one record.

    Args:
        grants: sorted by grant id, each once.
        certificates: erasure certificate statements.

    Raises:
        UsageError, FormatError: fields that do not go together.
    """

    origin: str
    record: bytes
    grants: tuple[GrantDisclosure, ...] = ()
    descriptor: DescriptorDisclosure | None = None
    certificates: tuple[bytes, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        check_origin(self.origin)
        require_id(self.record, "a record id")
        require(is_rising([one.grant for one in self.grants]), "the grants of a disclosure are sorted and distinct")
        require(len(self.grants) <= MAX_GRANTS, f"a disclosure holds at most {MAX_GRANTS} grants")
        require(len(self.certificates) <= MAX_CERTIFICATES, f"at most {MAX_CERTIFICATES} certificates")

    def to_value(self) -> dict[cbor.Key, cbor.Value]:
        """The map of docs/spec/audit.md §2."""
        descriptor: cbor.Value = None
        if (shown := self.descriptor) is not None:
            descriptor = [shown.epoch, shown.blob_size, shown.blob_root, shown.descriptor_digest, shown.proof]
        return {
            1: self.origin,
            2: self.record,
            3: [[one.grant, one.opening, [_service_value(item) for item in one.services]] for one in self.grants],
            4: descriptor,
            5: list(self.certificates),
        }

    def pack(self) -> bytes:
        """The disclosure as a container. Raises UsageError if it is over 64 MiB."""
        return pack("disclosure", self.to_value())


def parse_disclosure(value: object) -> Disclosure:
    """Read an untrusted disclosure map.

    Raises:
        FormatError.
    """
    with reading("disclosure"):
        body = dict(value) if isinstance(value, dict) else value
        descriptor = body.pop(4, False) if isinstance(body, dict) else False
        fields = cbor.Fields(body, "disclosure")
        disclosure = Disclosure(
            origin=fields.text(1, _MAX_ORIGIN),
            record=fields.bytes(2, length=ID_SIZE),
            grants=tuple(_parse_grant(item) for item in fields.list(3, MAX_GRANTS)),
            descriptor=None if descriptor is None else _parse_descriptor(descriptor),
            certificates=_byte_strings(fields.list(5, MAX_CERTIFICATES), "a certificate", MAX_STATEMENT),
        )
        fields.done()
    return disclosure


def unpack_disclosure(data: bytes) -> Disclosure:
    """Read an untrusted disclosure container. Raises FormatError."""
    return parse_disclosure(unpack(data, types={"disclosure"}).body)


def _service_value(one: ServiceReceipts) -> cbor.Value:
    return [one.service, one.map_key, list(one.receipts), None if one.opening is None else one.opening.to_value()]


def _parse_grant(item: object) -> GrantDisclosure:
    grant, opening, services = array(item, "a grant", length=3)
    return GrantDisclosure(
        as_bytes(grant, "a grant id", length=ID_SIZE),
        None if opening is None else as_bytes(opening, "a terms opening", max_length=MAX_TERMS_OPENING),
        tuple(_parse_service(one) for one in array(services, "the keepers of a grant", max_items=MAX_KEEPERS)),
    )


def _parse_service(item: object) -> ServiceReceipts:
    service, map_key, receipts, opening = array(item, "the receipts of a keeper", length=4)
    return ServiceReceipts(
        as_bytes(service, "a service id", length=ID_SIZE),
        as_bytes(map_key, "a key of a receipt map", length=MAP_KEY_SIZE),
        _byte_strings(array(receipts, "receipts", max_items=MAX_RECEIPTS), "a receipt", MAX_RECEIPT),
        None if opening is None else parse_receipt_opening(array(opening, "a receipt opening")),
    )


def _parse_descriptor(value: object) -> DescriptorDisclosure:
    epoch, size, root, digest, proof = array(value, "the disclosed descriptor", length=5)
    return DescriptorDisclosure(
        as_uint(epoch, UINT32, "an epoch"),
        as_uint(size, MAX_BLOB, "the size of a blob"),
        as_bytes(root, "a blob root", length=DIGEST_SIZE),
        as_bytes(digest, "the digest of a descriptor", length=DIGEST_SIZE),
        as_bytes(proof, "the proof of a descriptor", length=PROOF_SIZE),
    )


def _byte_strings(items: Sequence[cbor.Value], what: str, max_length: int) -> tuple[bytes, ...]:
    return tuple(as_bytes(item, what, max_length=max_length) for item in items)
