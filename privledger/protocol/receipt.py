"""Receipts: a keeper's signed word on each release, and the commitment that fixes how many there are (docs/spec/release.md §3, §4).

A keeper stores and signs a receipt before a share leaves. The receipts of a grant form a chain of heads; what a keeper posts
commits, for each grant, to the head, the count and the units, so none can be left out later. Where a grant stands in what is posted
only those can tell who know a secret of it, so nobody learns from a proof which grants of others were read.

Left to others: storing receipts, posting roots, and whether a grant was live at the size that a receipt names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from privledger.protocol import keys
from privledger.protocol._values import (
    DIGEST_SIZE,
    ID_SIZE,
    MAX_TIME,
    UINT32,
    UINT63,
    array,
    as_bytes,
    as_uint,
    ed25519_statement,
    making,
    map_proof_value,
    parse_map_proof,
    reading,
    require,
    require_id,
    require_size,
    require_uint,
)
from privledger.protocol.deposit import encode_share, parse_share
from privledger.protocol.errors import VerificationError
from privledger.protocol.request import MAX_REQUEST, Request, parse_request
from privledger.protocol.statements import make_statement
from privledger.protocol.terms import parse_opening
from privledger_crypto import cbor, cose, envelope, group, pedersen
from privledger_crypto.generators import receipt_generators
from privledger_crypto.shares import Share
from privledger_crypto.statemap import MapProof, verify_absence, verify_existence

__all__ = [
    "FIRST_HEAD",
    "MAP_KEY_SIZE",
    "MAX_RECEIPT",
    "Receipt",
    "ReceiptOpening",
    "ReceiptTotals",
    "make_receipt",
    "next_head",
    "open_response",
    "parse_receipt",
    "parse_receipt_opening",
    "receipt_map_key",
    "seal_response",
    "terms_map_key",
    "verify_totals",
]

FIRST_HEAD = bytes(DIGEST_SIZE)  # the head before a grant's first receipt
MAX_RECEIPT = 8192  # bytes
MAP_KEY_SIZE = 32  # bytes, SHA-256
_SECRET_SIZE = 32  # bytes: a scalar, or a share digest
_HEAD_DST = b"PRIVLEDGER-V1-RECEIPT-HEAD"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt whose signature, and that of the request inside, held.

    Args:
        service_key: the key that signed, which the caller compares with the service's.
        service: the keeper's service id, one of those that the request asks.
        size: the checkpoint size at which the keeper found the grant live.
        time: seconds since 1970 UTC.
        number: this receipt's place in the grant's chain, from 1.
        head_before: the chain's head before it, 32 bytes.
        units: what it counts for, 0 for an owner's read.

    Raises:
        UsageError: fields that do not go together.
    """

    service_key: bytes
    service: bytes
    request: Request
    size: int
    time: int
    number: int
    head_before: bytes
    units: int
    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        require_id(self.service, "a service id")
        require(self.service in self.request.services, "a receipt is for a request that asks this service")
        require(1 <= self.size <= UINT63, "a checkpoint has a size of at least 1")
        require_uint(self.time, MAX_TIME, "the time of a receipt")
        require(1 <= self.number <= UINT32, "receipts of a grant are numbered from 1")
        require_size(self.head_before, DIGEST_SIZE, "the head before a receipt")
        require(
            (self.number == 1) == (self.head_before == FIRST_HEAD),
            "the first receipt, and no other, has no head before",
        )
        require_uint(self.units, UINT32, "the units of a receipt")
        require(not self.request.is_owner or self.units == 0, "an owner's read counts 0 units")

    @property
    def head(self) -> bytes:
        """The chain's head after this receipt, 32 bytes."""
        return next_head(self.head_before, self.raw)


def make_receipt(
    signer: cose.Signer,
    *,
    origin: str,
    service: bytes,
    request: Request,
    size: int,
    time: int,
    number: int,
    head_before: bytes,
    units: int,
) -> bytes:
    """Sign a receipt with the service key; the fields are those of `Receipt`.

    Raises:
        UsageError: fields that do not go together.
    """
    Receipt(signer.key_id, service, request, size, time, number, head_before, units, b"")
    fields: dict[int, cbor.Value] = {
        1: service,
        2: request.raw,
        3: size,
        4: time,
        5: number,
        6: head_before,
        7: units,
    }
    with making("receipt"):
        return make_statement(signer, "receipt", fields, origin=origin)


def parse_receipt(raw: bytes, origin: str) -> Receipt:
    """Read an untrusted receipt; its signature and the request's hold, by keys that the caller compares with the state's.

    Raises:
        FormatError, VerificationError.
    """
    signed = ed25519_statement(raw, origin, "receipt", max_size=MAX_RECEIPT)
    with reading("receipt"):
        fields = signed.fields()
        receipt = Receipt(
            service_key=signed.key,
            service=fields.bytes(1, length=ID_SIZE),
            request=parse_request(fields.bytes(2, max_length=MAX_REQUEST), origin),
            size=fields.uint(3, UINT63),
            time=fields.uint(4, MAX_TIME),
            number=fields.uint(5, UINT32),
            head_before=fields.bytes(6, length=DIGEST_SIZE),
            units=fields.uint(7, UINT32),
            raw=raw,
        )
        fields.done()
    return receipt


def next_head(head: bytes, raw: bytes) -> bytes:
    """The head of a grant's chain after the receipt `raw`: SHA-256(head || SHA-256(receipt)), 32 bytes."""
    require_size(head, DIGEST_SIZE, "the head of a chain of receipts")
    return hashlib.sha256(head + hashlib.sha256(raw).digest()).digest()


# --- the receipt map ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReceiptTotals:
    """What a receipt map's value commits to: the blinding `rho`, the chain's head, the number of receipts and their units."""

    rho: int = field(repr=False)
    head: bytes
    count: int
    units: int

    def __post_init__(self) -> None:
        require(0 <= self.rho < group.ORDER, "rho is a scalar")
        require_size(self.head, DIGEST_SIZE, "the head of a chain of receipts")
        require(1 <= self.count <= UINT32, "a grant without receipts has no totals")
        require_uint(self.units, UINT63, "the units of a grant")

    def commitment(self) -> bytes:
        """The map's value: 48 bytes. Raises UsageError in the practically impossible case that it is the identity."""
        scalars = (self.rho, group.hash_to_scalar(self.head, _HEAD_DST), self.count, self.units)
        with making("receipt totals"):
            return pedersen.commit(receipt_generators(), scalars).to_bytes()

    def to_value(self) -> list[cbor.Value]:
        """`[ρ, head, count, units]`."""
        return [group.scalar_to_bytes(self.rho), self.head, self.count, self.units]


@dataclass(frozen=True, slots=True)
class ReceiptOpening:
    """How many receipts a grant has under a posted root, with the proof; `totals` is None if it has none."""

    root: bytes
    totals: ReceiptTotals | None
    proof: MapProof

    def to_value(self) -> list[cbor.Value]:
        """`[root, null or [ρ, head, count, units], map proof]`."""
        totals = None if self.totals is None else self.totals.to_value()
        return [self.root, totals, map_proof_value(self.proof)]

    def to_bytes(self) -> bytes:
        """`to_value` in canonical CBOR, as a keeper answers it."""
        return cbor.encode(self.to_value())

    def verify(self, key: bytes) -> None:
        """Check that `root` holds these totals at the map key `key` (32 bytes), or nothing. Raises VerificationError."""
        require_size(key, MAP_KEY_SIZE, "a key of a receipt map")
        with reading("receipt map"):
            if self.totals is None:
                verify_absence(self.root, key, self.proof)
            else:
                verify_existence(self.root, key, self.totals.commitment(), self.proof)


def parse_receipt_opening(value: object) -> ReceiptOpening:
    """Read an untrusted `[root, null or [ρ, head, count, units], map proof]`, as a value or as its CBOR bytes.

    Raises:
        FormatError.
    """
    with reading("receipt opening"):
        decoded = cbor.decode(value, max_size=65_536) if isinstance(value, bytes) else value
        root, totals, proof = array(decoded, "a receipt opening", length=3)
        return ReceiptOpening(
            as_bytes(root, "the root of a receipt map", length=DIGEST_SIZE),
            None if totals is None else _parse_totals(totals),
            parse_map_proof(proof),
        )


def receipt_map_key(record: bytes, grant: bytes, secret: bytes) -> bytes:
    """The key of a grant in a keeper's receipt map: 32 bytes.

    Args:
        secret: 32 bytes, which only those know who may find the grant there: the blinding `r` of its `T`; for the owner's own
            reads (grant zero) the digest of the share that this keeper holds at the request's epoch.

    Raises:
        UsageError: a part of another length.
    """
    require_id(record, "a record id")
    require_id(grant, "a grant id")
    require_size(secret, _SECRET_SIZE, "the secret in a key of a receipt map")
    return hashlib.sha256(cbor.encode(["privledger/v1", "receipt-key", record, grant, secret])).digest()


def terms_map_key(record: bytes, grant: bytes, opening: bytes) -> bytes:
    """The same for a grant of which the opening of `T` is at hand (docs/spec/grant.md §1). Raises FormatError."""
    _, blinding = parse_opening(opening)
    return receipt_map_key(record, grant, group.scalar_to_bytes(blinding))


def verify_totals(receipts: Sequence[Receipt], totals: ReceiptTotals | None) -> None:
    """Check that the first receipts of a grant's chain are those that a keeper committed to.

    Args:
        receipts: all receipts of one grant by one keeper, in order; those after `totals.count` came after the posting.
        totals: what the posted root holds, None for nothing.

    Raises:
        VerificationError: a receipt is missing, doubled, of another grant or keeper, or the totals are others.
    """
    head, units, heads = FIRST_HEAD, 0, [(FIRST_HEAD, 0)]
    for place, receipt in enumerate(receipts, start=1):
        if _chain(receipt) != _chain(receipts[0]):
            raise VerificationError("the receipts are not all of one keeper and one grant")
        if receipt.number != place or receipt.head_before != head:
            raise VerificationError(f"the chain of receipts breaks at number {place}: one is missing or was changed")
        head, units = receipt.head, units + receipt.units
        heads.append((head, units))
    if totals is None:
        return
    if totals.count > len(receipts):
        raise VerificationError(f"the keeper committed to {totals.count} receipts, and {len(receipts)} were shown")
    if heads[totals.count] != (totals.head, totals.units):
        raise VerificationError("the keeper committed to other receipts than those that were shown")


# --- the answer ---------------------------------------------------------------------------------------------------


def seal_response(request: Request, share: Share, *, origin: str, service: bytes) -> bytes:
    """Seal a share to the response key of `request`, as the keeper `service`.

    Raises:
        UsageError: the request has no response key.
    """
    require(request.response_key != b"", "the request names no response key, so no share can be answered")
    with making("response"):
        return envelope.seal_envelope(
            request.response_key, _response_info(request, origin, service), encode_share(share)
        )


def open_response(
    private: envelope.XWingPrivateKey, message: bytes, request: Request, *, origin: str, service: bytes
) -> Share:
    """Open the untrusted answer of the keeper `service` to `request`; compare the share with its digest.

    Raises:
        VerificationError: for another key, request or keeper, or changed bytes. FormatError: no share inside.
    """
    with reading("response"):
        return parse_share(envelope.open_envelope(private, _response_info(request, origin, service), message))


def _response_info(request: Request, origin: str, service: bytes) -> bytes:
    item = request.digest[:16] + service
    return keys.sealing_context("response", origin, request.record, request.epoch, item)


def _chain(receipt: Receipt) -> tuple[bytes, bytes, bytes]:
    return receipt.service, receipt.request.record, receipt.request.grant


def _parse_totals(value: object) -> ReceiptTotals:
    rho, head, count, units = array(value, "receipt totals", length=4)
    return ReceiptTotals(
        rho=group.parse_scalar(as_bytes(rho, "rho")),
        head=as_bytes(head, "the head of a chain of receipts", length=DIGEST_SIZE),
        count=as_uint(count, UINT32, "the count of receipts"),
        units=as_uint(units, UINT63, "the units of a grant"),
    )
