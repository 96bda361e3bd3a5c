"""What is asked of keepers and vaults: read requests and asks (docs/spec/release.md §1 and §5).

Every keeper and the vault get the same request bytes, signed by the grant's one-time key, or by the record key where the owner
reads; nothing else authenticates a read. An *ask* is how an owner has receipts or a certificate handed over.

Left to others: the checks against time and state, and the opening of `T` that goes beside a request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from privledger.protocol._values import (
    DIGEST_SIZE,
    ID_SIZE,
    MAX_TIME,
    UINT32,
    as_bytes,
    ed25519_statement,
    is_rising,
    making,
    reading,
    require,
    require_id,
    require_size,
    require_uint,
)
from privledger.protocol.ids import ZERO_GRANT
from privledger.protocol.statements import make_statement, parse_statement
from privledger_crypto import cbor, cose
from privledger_crypto.envelope import XWING_PUBLIC_SIZE, parse_xwing_public

__all__ = [
    "ASK_WHAT",
    "MAX_EXPIRY_AHEAD",
    "MAX_REQUEST",
    "MAX_SERVICES",
    "NONCE_SIZE",
    "Ask",
    "Request",
    "make_ask",
    "make_request",
    "parse_ask",
    "parse_request",
]

NONCE_SIZE = 16  # bytes
MAX_SERVICES = 32  # 31 keepers and the vault
MAX_EXPIRY_AHEAD = 600  # seconds from the request's making; the services check it against their clocks
MAX_REQUEST = 4096  # bytes
ASK_WHAT = ("receipts", "certificate")


@dataclass(frozen=True, slots=True)
class Request:
    """A read request whose signature held, by the key it names; whether that key may read is for the state to say.

    Args:
        grant: 16 zero bytes where the owner asks.
        services: ids of the keepers and the vault that are asked, sorted and distinct.
        number: the read number, 0 for the owner.
        response_key: the X-Wing key that shares are sealed to (1,216 bytes), or empty.
        expiry: seconds since 1970 UTC.
        key: the one-time key (48 bytes), or the record key (32 bytes).

    Raises:
        UsageError: fields that do not go together.
    """

    record: bytes
    grant: bytes
    services: tuple[bytes, ...]
    epoch: int
    number: int
    response_key: bytes = field(repr=False)
    nonce: bytes
    expiry: int
    key: bytes
    algorithm: int
    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        require_id(self.record, "a record id")
        require_id(self.grant, "a grant id")
        require(1 <= len(self.services) <= MAX_SERVICES, f"a request asks 1 to {MAX_SERVICES} services")
        require(is_rising(self.services), "the services asked are sorted and distinct")
        for service in self.services:
            require_id(service, "a service id")
        require_uint(self.epoch, UINT32, "an epoch")
        require_uint(self.number, UINT32, "a read number")
        require_size(self.nonce, NONCE_SIZE, "the nonce of a request")
        require_uint(self.expiry, MAX_TIME, "the expiry of a request")
        if self.is_owner:
            require(self.algorithm == cose.ALG_ED25519, "the owner's request (grant zero) is signed by the record key")
            require(self.number == 0, "the owner's request uses read number 0")
        else:
            require(self.algorithm == cose.ALG_SIGMA_DLOG, "a grantee's request is signed by its one-time key")
            require(self.number >= 1, "read numbers run from 1")

    @property
    def is_owner(self) -> bool:
        """Whether the owner asks: grant zero."""
        return self.grant == ZERO_GRANT

    @property
    def digest(self) -> bytes:
        """SHA-256 of the statement."""
        return hashlib.sha256(self.raw).digest()


@dataclass(frozen=True, slots=True)
class Ask:
    """An owner's ask for receipts (of one grant, or of its own reads: grant zero) or for a certificate (grant zero).

    `map_key` says where in the keeper's receipt map the grant stands (32 bytes); it is empty for a certificate.
    """

    record: bytes
    grant: bytes
    what: str
    service: bytes
    nonce: bytes
    expiry: int
    map_key: bytes = field(repr=False)
    key: bytes
    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        require_id(self.record, "a record id")
        require_id(self.grant, "a grant id")
        require(self.what in ASK_WHAT, f"an ask is for {' or '.join(ASK_WHAT)}")
        require(self.what == "receipts" or self.grant == ZERO_GRANT, "a certificate is of a record: grant zero")
        require_id(self.service, "a service id")
        require_size(self.nonce, NONCE_SIZE, "the nonce of an ask")
        require_uint(self.expiry, MAX_TIME, "the expiry of an ask")
        require_size(self.map_key, DIGEST_SIZE if self.what == "receipts" else 0, "the map key of an ask")


def make_request(
    signer: cose.Signer,
    *,
    origin: str,
    record: bytes,
    grant: bytes,
    services: Sequence[bytes],
    epoch: int,
    number: int,
    response_key: bytes,
    nonce: bytes,
    expiry: int,
) -> bytes:
    """Sign a read request; the fields are those of `Request`.

    Args:
        signer: of the one-time key, or of the record key where `grant` is zero.

    Raises:
        UsageError: fields that do not go together.
    """
    with making("request"):
        Request(
            record=record,
            grant=grant,
            services=tuple(services),
            epoch=epoch,
            number=number,
            response_key=_response_key(response_key),
            nonce=nonce,
            expiry=expiry,
            key=signer.key_id,
            algorithm=signer.algorithm,
            raw=b"",
        )
        fields: dict[int, cbor.Value] = {
            1: record,
            2: grant,
            3: [],
            4: list(services),
            5: epoch,
            6: number,
            7: response_key,
            8: nonce,
            9: expiry,
        }
        return make_statement(signer, "request", fields, origin=origin)


def parse_request(raw: bytes, origin: str) -> Request:
    """Read an untrusted request; its signature holds, by a key that the caller compares with the state's.

    Raises:
        FormatError, VerificationError.
    """
    signed = parse_statement(raw, origin=origin, kinds={"request"}, max_size=MAX_REQUEST)
    with reading("request"):
        fields = signed.fields()
        record, grant = fields.bytes(1, length=ID_SIZE), fields.bytes(2, length=ID_SIZE)
        fields.list(3, max_items=0)  # links: none in this version
        request = Request(
            record=record,
            grant=grant,
            services=tuple(as_bytes(item, "a service id", length=ID_SIZE) for item in fields.list(4, MAX_SERVICES)),
            epoch=fields.uint(5, UINT32),
            number=fields.uint(6, UINT32),
            response_key=_response_key(fields.bytes(7, max_length=XWING_PUBLIC_SIZE)),
            nonce=fields.bytes(8, length=NONCE_SIZE),
            expiry=fields.uint(9, MAX_TIME),
            key=signed.key,
            algorithm=signed.algorithm,
            raw=raw,
        )
        fields.done()
    return request


def make_ask(
    signer: cose.Signer,
    *,
    origin: str,
    record: bytes,
    grant: bytes,
    what: str,
    service: bytes,
    nonce: bytes,
    expiry: int,
    map_key: bytes = b"",
) -> bytes:
    """Sign an ask with the record key; the fields are those of `Ask`.

    Raises:
        UsageError: fields that do not go together.
    """
    Ask(record, grant, what, service, nonce, expiry, map_key, signer.key_id, b"")
    fields: dict[int, cbor.Value] = {1: record, 2: grant, 3: what, 4: service, 5: nonce, 6: expiry, 7: map_key}
    with making("ask"):
        return make_statement(signer, "ask", fields, origin=origin)


def parse_ask(raw: bytes, origin: str) -> Ask:
    """Read an untrusted ask; its signature holds, by a key that the caller compares with the record's.

    Raises:
        FormatError, VerificationError.
    """
    signed = ed25519_statement(raw, origin, "ask", max_size=1024)
    with reading("ask"):
        fields = signed.fields()
        ask = Ask(
            record=fields.bytes(1, length=ID_SIZE),
            grant=fields.bytes(2, length=ID_SIZE),
            what=fields.text(3, 16),
            service=fields.bytes(4, length=ID_SIZE),
            nonce=fields.bytes(5, length=NONCE_SIZE),
            expiry=fields.uint(6, MAX_TIME),
            map_key=fields.bytes(7, max_length=DIGEST_SIZE),
            key=signed.key,
            raw=raw,
        )
        fields.done()
    return ask


def _response_key(data: bytes) -> bytes:
    return parse_xwing_public(data) if data else data
