"""How an owner learns whom to grant to: addresses, access requests and share links (docs/spec/grant.md §2, §3 and §6).

An address is a statement signed by its own spend key, so it proves possession of both of its keys. Compare the eight words of
`fingerprint` aloud: an address that came over an untrusted way may be somebody else's.

Left to others: one-time keys (`privledger_crypto.onetime`), and whether the terms asked for are granted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from mnemonic import Mnemonic

from privledger.protocol._values import (
    MAX_TIME,
    making,
    reading,
    require,
    require_id,
    require_printable,
    require_size,
    require_uint,
)
from privledger.protocol.errors import FormatError, VerificationError
from privledger.protocol.ids import GRANT_ID_SIZE, ID_SIZE, check_origin
from privledger.protocol.statements import OneTimeSigner, make_statement, parse_statement
from privledger.protocol.terms import Terms, parse_terms
from privledger_crypto import cbor, cose, envelope, group

__all__ = [
    "FINGERPRINT_WORDS",
    "MAX_ADDRESS",
    "MAX_LABEL",
    "MAX_REQUEST_TEXT",
    "NONCE_SIZE",
    "AccessRequest",
    "Address",
    "fingerprint",
    "make_access_request",
    "make_address",
    "parse_access_request",
    "parse_address",
    "parse_share_link",
    "share_link",
]

MAX_LABEL = 64  # bytes of UTF-8
MAX_REQUEST_TEXT = 2048  # bytes of UTF-8
MAX_ADDRESS = 2048  # bytes
NONCE_SIZE = 16  # bytes
FINGERPRINT_WORDS = 8  # of 11 bits each: 88 bits
_LINK_SCHEME = "privledger:"
_LINK_QUERY = "?grant="
_MAX_LINK = 256  # characters


@dataclass(frozen=True, slots=True)
class Address:
    """An address whose signature held: spend key `P` (48 bytes), X-Wing key (1,216 bytes), label, and the exact statement."""

    spend: bytes
    kem: bytes
    label: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """What somebody asks an owner for, signed by the address that would be granted to."""

    address: Address
    terms: Terms
    text: str
    nonce: bytes
    time: int
    raw: bytes


def make_address(
    spend_secret: int, xwing_public: bytes, label: str, origin: str, random_bytes: Callable[[int], bytes]
) -> bytes:
    """Make an address statement for the ledger `origin`.

    Args:
        spend_secret: the secret scalar of the spend key.
        xwing_public: 1,216 bytes.
        label: a name for people, at most 64 bytes; it is claimed, not proven.

    Raises:
        UsageError: a value that cannot be.
    """
    require_printable(label, MAX_LABEL, "the label of an address")
    with making("address"):
        envelope.parse_xwing_public(xwing_public)
        signer = _spend_signer(spend_secret, random_bytes)
        return make_statement(signer, "address", {1: xwing_public, 2: label}, origin=origin)


def parse_address(statement: bytes, origin: str) -> Address:
    """Read an untrusted address statement and check its proof of possession.

    Raises:
        FormatError: not an address, or a key that is none. VerificationError: the signature does not hold for `origin`.
    """
    signed = parse_statement(statement, origin=origin, kinds={"address"}, max_size=MAX_ADDRESS)
    if signed.algorithm != cose.ALG_SIGMA_DLOG:
        raise FormatError("an address is signed by its spend key, a point of BLS12-381")
    with reading("address"):
        fields = signed.fields()
        kem = envelope.parse_xwing_public(fields.bytes(1, length=envelope.XWING_PUBLIC_SIZE))
        label = fields.text(2, MAX_LABEL)
        require_printable(label, MAX_LABEL, "the label")
        fields.done()
    return Address(signed.key, kem, label, statement)


def fingerprint(raw: bytes) -> str:
    """Eight English BIP-39 words, to compare aloud: the first 88 bits of SHA-256 of the address statement."""
    bits = int.from_bytes(hashlib.sha256(raw).digest()[:11], "big")
    words = _words()
    return " ".join(words[bits >> (11 * place) & 0x7FF] for place in reversed(range(FINGERPRINT_WORDS)))


def make_access_request(
    spend_secret: int,
    address: bytes,
    terms: Terms,
    text: str,
    *,
    nonce: bytes,
    time: int,
    origin: str,
    random_bytes: Callable[[int], bytes],
) -> bytes:
    """Make an access request statement.

    Args:
        spend_secret: the secret scalar of the address's spend key.
        address: the address statement to be granted to.
        terms: the terms wanted.
        text: what is asked for, for people, at most 2,048 bytes.
        nonce: 16 random bytes.
        time: seconds since 1970 UTC.

    Raises:
        UsageError: a value that cannot be.
    """
    require_printable(text, MAX_REQUEST_TEXT, "the text of an access request", newlines=True)
    require_size(nonce, NONCE_SIZE, "the nonce of an access request")
    require_uint(time, MAX_TIME, "the time of an access request")
    with making("access request"):
        signer = _spend_signer(spend_secret, random_bytes)
        require(parse_address(address, origin).spend == signer.key_id, "the secret is not that of the address")
        body: dict[int, cbor.Value] = {1: address, 2: terms.to_value(), 3: text, 4: nonce, 5: time}
        return make_statement(signer, "access-request", body, origin=origin)


def parse_access_request(statement: bytes, origin: str) -> AccessRequest:
    """Read an untrusted access request; its signature and that of the address inside hold, by one key.

    Raises:
        FormatError, VerificationError.
    """
    signed = parse_statement(statement, origin=origin, kinds={"access-request"}, max_size=8192)
    with reading("access request"):
        fields = signed.fields()
        address = parse_address(fields.bytes(1, max_length=MAX_ADDRESS), origin)
        fields.map(2)  # read for its presence and type; `parse_terms` reads what is in it
        terms = parse_terms(signed.body[2])
        text = fields.text(3, MAX_REQUEST_TEXT)
        require_printable(text, MAX_REQUEST_TEXT, "the text", newlines=True)
        nonce = fields.bytes(4, length=NONCE_SIZE)
        time = fields.uint(5, MAX_TIME)
        fields.done()
    if signed.key != address.spend or signed.algorithm != cose.ALG_SIGMA_DLOG:
        raise VerificationError("this access request is not signed by the address that it names")
    return AccessRequest(address, terms, text, nonce, time, statement)


def share_link(origin: str, record: bytes, grant: bytes) -> str:
    """The link that names a grant (docs/spec/grant.md §6). It holds no key, yet it tells who knows whom: keep it private.

    Raises:
        UsageError, FormatError: an id or the origin has another form.
    """
    require_id(record, "a record id")
    require_id(grant, "a grant id")
    item = base64.urlsafe_b64encode(record + grant).decode().rstrip("=")
    return f"{_LINK_SCHEME}{check_origin(origin)}{_LINK_QUERY}{item}"


def parse_share_link(text: str) -> tuple[str, bytes, bytes]:
    """Read an untrusted share link: origin, record id and grant id.

    Raises:
        FormatError: not exactly of the form that `share_link` writes.
    """
    if len(text) > _MAX_LINK or not text.startswith(_LINK_SCHEME):
        raise FormatError("a share link begins with privledger: and is at most 256 characters long")
    origin, found, item = text.removeprefix(_LINK_SCHEME).partition(_LINK_QUERY)
    try:
        ids = base64.b64decode(item + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as exc:
        raise FormatError("the share link is damaged: its grant is not base64url") from exc
    if not found or len(ids) != ID_SIZE + GRANT_ID_SIZE:
        raise FormatError("the share link is cut off: it ends in ?grant= and 43 characters")
    record, grant = ids[:ID_SIZE], ids[ID_SIZE:]
    if share_link(check_origin(origin), record, grant) != text:
        raise FormatError("the share link is damaged: it is not in the form it was made in")
    return origin, record, grant


def _spend_signer(spend_secret: int, random_bytes: Callable[[int], bytes]) -> OneTimeSigner:
    require(0 < spend_secret < group.ORDER, "a spend secret lies between 1 and the order of the group")
    return OneTimeSigner(spend_secret, group.generator().mul(spend_secret).to_bytes(), random_bytes)


@cache
def _words() -> tuple[str, ...]:
    return tuple(Mnemonic("english").wordlist)
