"""Fast reading of the four commonest entries, whose canonical bytes have one layout each.

A `record`, `erase`, `grant` or single-id `revoke` signed by one key is canonical exactly if certain bytes stand at certain
places, so comparing those is the whole check. Whatever does not match is left to the general reader in
`privledger.protocol.entries`, which alone decides that something is malformed; a test holds the two to one answer.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from privledger.protocol._bodies import Body, EraseEntry, GrantEntry, RecordEntry, RevokeEntry
from privledger.protocol.ids import ZERO_GRANT

# [<< {1: -19, 4: key} >>, {}, payload, signature]: what stands before the key, and before the signature.
_OPEN = b"\x84\x58\x26\xa2\x01\x32\x04\x58\x20"
_SIGNATURE = b"\x58\x40"

# Between key and signature: the empty header, the payload's length, and the payload up to its first variable bytes.
_RECORD = Struct("9s 32s 15s 48s 2s 64x")
_RECORD_OPEN = b"\xa0\x58\x3c\xa2\x00\x66record\x01\x58\x30"
_ERASE = Struct("9s 32s 13s 16s 2s 64x")
_ERASE_OPEN = b"\xa0\x58\x1a\xa2\x00\x65erase\x01\x50"
_GRANT = Struct("9s 32s 13s 16s 2s 16s 3s 48s 3s 48s 2s 64x")
_GRANT_OPEN = b"\xa0\x58\x92\xa5\x00\x65grant\x01\x50"
_REVOKE = Struct("9s 32s 14s 16s 3s 16s 2s 64x")
_REVOKE_OPEN = b"\xa0\x58\x2e\xa3\x00\x66revoke\x01\x50"


def _record(leaf: bytes) -> tuple[bytes, Body] | None:
    opening, key, middle, commitment, end = _RECORD.unpack(leaf)
    if opening == _OPEN and middle == _RECORD_OPEN and end == _SIGNATURE:
        return key, RecordEntry(commitment)
    return None


def _erase(leaf: bytes) -> tuple[bytes, Body] | None:
    opening, key, middle, record, end = _ERASE.unpack(leaf)
    if opening == _OPEN and middle == _ERASE_OPEN and end == _SIGNATURE:
        return key, EraseEntry(record)
    return None


def _grant(leaf: bytes) -> tuple[bytes, Body] | None:
    opening, key, middle, record, at2, grant, at3, grantee, at4, terms, end = _GRANT.unpack(leaf)
    if (
        opening == _OPEN
        and middle == _GRANT_OPEN
        and at2 == b"\x02\x50"
        and at3 == b"\x03\x58\x30"
        and at4 == b"\x04\x58\x30"
        and end == _SIGNATURE
        and grant != ZERO_GRANT
    ):
        return key, GrantEntry(record, grant, grantee, terms)
    return None


def _revoke(leaf: bytes) -> tuple[bytes, Body] | None:
    opening, key, middle, record, at2, grant, end = _REVOKE.unpack(leaf)
    if (
        opening == _OPEN
        and middle == _REVOKE_OPEN
        and at2 == b"\x02\x81\x50"
        and end == _SIGNATURE
        and grant != ZERO_GRANT
    ):
        return key, RevokeEntry(record, (grant,))
    return None


LAYOUTS: dict[int, Callable[[bytes], tuple[bytes, Body] | None]] = {
    _RECORD.size: _record,
    _ERASE.size: _erase,
    _GRANT.size: _grant,
    _REVOKE.size: _revoke,
}
"""By the length of the leaf: a reader that answers with the key and body, or None for "not one of mine"."""
