"""Envelopes: one size, one addressee, and each part checked against the state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from privledger.protocol import keys
from privledger.protocol.address import parse_address
from privledger.protocol.capsule import KeeperShare
from privledger.protocol.descriptor import commit_record, prove_descriptor
from privledger.protocol.errors import FormatError, UsageError, VerificationError
from privledger.protocol.grantenvelope import (
    PROOF_SIZE,
    GrantPart,
    make_key_part,
    open_grant,
    parse_key_part,
    seal_grant,
    verify_grant_part,
    verify_key_part,
)
from privledger.protocol.terms import Terms, commit_terms
from privledger_crypto import cbor, group, onetime, padding
from privledger_crypto.envelope import XWingPrivateKey, seal_envelope

from .refusals import check_map_reader, check_statement_reader
from .samples import (
    ADDRESS_KEM,
    BLOB_ROOT,
    BLOB_SIZE,
    COMMITMENT,
    DESCRIPTOR,
    EPOCH,
    GRANT,
    KEEPER_SHARES,
    ONE_TIME_SEED,
    ORIGIN,
    OTHER_ORIGIN,
    RECORD,
    RECORD_SIGNER,
    SCALARS,
    SEED,
    SPEND,
    TERMS,
    VAULT,
    address,
    forge,
    signer_of,
    stream,
)

PLACE: dict[str, Any] = {"origin": ORIGIN, "record": RECORD, "grant": GRANT, "epoch": EPOCH}
FIELDS: dict[str, Any] = {
    "record": RECORD,
    "epoch": EPOCH,
    "part": keys.grantee_part(SEED, ORIGIN, 7, EPOCH),
    "keepers": KEEPER_SHARES,
    "t": 2,
    "vault": VAULT,
    "blob_size": BLOB_SIZE,
    "blob_root": BLOB_ROOT,
    "descriptor_digest": DESCRIPTOR.digest(),
    "proof": prove_descriptor(SCALARS, origin=ORIGIN, record=RECORD, epoch=EPOCH, random_bytes=stream("key part")),
}
KEY_PART = make_key_part(RECORD_SIGNER, origin=ORIGIN, **FIELDS)
GRANT_PART = GrantPart(TERMS, 4321, ONE_TIME_SEED)
ENVELOPE = seal_grant(ADDRESS_KEM.public, KEY_PART, GRANT_PART, **PLACE)
STATE: dict[str, Any] = {
    "origin": ORIGIN,
    "record": RECORD,
    "epoch": EPOCH,
    "key": RECORD_SIGNER.key_id,
    "commitment": COMMITMENT,
}


def test_an_envelope_opens_for_its_addressee():
    key_part, grant_part = open_grant(ADDRESS_KEM, ENVELOPE, **PLACE)
    verify_key_part(key_part, **STATE)
    public = onetime.one_time_public(SPEND, ONE_TIME_SEED)
    verify_grant_part(grant_part, spend=SPEND, key=public, terms=commit_terms(TERMS, 4321))
    assert (key_part, grant_part) == (parse_key_part(KEY_PART, ORIGIN), GRANT_PART)
    assert {name: getattr(key_part, name) for name in FIELDS} == FIELDS


def test_an_envelope_is_4096_bytes_even_with_31_keepers_and_12_purposes():
    keepers = tuple(KeeperShare(index.to_bytes(16, "big"), index, bytes(32)) for index in range(1, 32))
    largest = {**FIELDS, "epoch": 2**32 - 1, "keepers": keepers, "t": 31, "blob_size": 2**52}
    key_part = make_key_part(RECORD_SIGNER, origin=ORIGIN, **largest)
    purposes = tuple(f"{number:032}" for number in range(12))
    terms = Terms(purposes, 2**32 - 1, 2**32 - 1, 2**32 - 1, 2**32 - 1, 2**32 - 1, "EUR")
    place = {**PLACE, "epoch": 2**32 - 1}
    full = seal_grant(ADDRESS_KEM.public, key_part, GrantPart(terms, group.ORDER - 1, bytes(32)), **place)
    assert (len(full), len(ENVELOPE)) == (4096, 4096)
    assert open_grant(ADDRESS_KEM, full, **place)[1].terms == terms


@pytest.mark.parametrize(
    "change", [{"origin": OTHER_ORIGIN}, {"record": bytes(16)}, {"grant": bytes(16)}, {"epoch": 1}], ids=str
)
def test_an_envelope_opens_in_its_place_only(change):
    with pytest.raises(VerificationError):
        open_grant(ADDRESS_KEM, ENVELOPE, **{**PLACE, **change})


def test_an_envelope_opens_for_nobody_else():
    with pytest.raises(VerificationError):
        open_grant(XWingPrivateKey.from_seed(bytes(32)), ENVELOPE, **PLACE)


@pytest.mark.parametrize("data", [b"", ENVELOPE[:-1], ENVELOPE + b"\x00"], ids=len)
def test_an_envelope_of_another_size_is_refused(data):
    with pytest.raises(FormatError):
        open_grant(ADDRESS_KEM, data, **PLACE)


def seal_raw(value: Any) -> bytes:
    info = keys.sealing_context("envelope", ORIGIN, RECORD, EPOCH, GRANT)
    return seal_envelope(ADDRESS_KEM.public, info, padding.pad_to(cbor.encode(value), 4096 - 1136))


GRANT_MAP: dict[Any, Any] = {0: TERMS.to_value(), 1: bytes(32), 2: bytes(32)}


def test_the_reader_of_grant_parts_refuses_missing_unknown_and_mistyped_fields():
    def read(value: Any) -> object:
        if len(cbor.encode(value)) > 1500:
            raise FormatError("no room")
        return open_grant(ADDRESS_KEM, seal_raw([KEY_PART, value]), **PLACE)

    check_map_reader(GRANT_MAP, read)


@pytest.mark.parametrize(
    "value",
    [
        [KEY_PART],
        [KEY_PART, GRANT_MAP, 0],
        [GRANT_MAP, KEY_PART],
        [b"", GRANT_MAP],
        [KEY_PART, {**GRANT_MAP, 0: {**TERMS.to_value(), 3: 0}}],
        [KEY_PART, {**GRANT_MAP, 1: group.ORDER.to_bytes(32, "big")}],
        [KEY_PART, {**GRANT_MAP, 2: bytes(31)}],
        {},
    ],
    ids=range(8),
)
def test_an_envelope_with_another_content_is_refused(value):
    with pytest.raises(FormatError):
        open_grant(ADDRESS_KEM, seal_raw(value), **PLACE)


def test_an_envelope_with_the_key_part_of_another_record_is_refused():
    other = make_key_part(RECORD_SIGNER, origin=ORIGIN, **{**FIELDS, "record": bytes(16)})
    with pytest.raises(VerificationError, match="another record"):
        open_grant(ADDRESS_KEM, seal_raw([other, GRANT_MAP]), **PLACE)


def test_the_reader_of_key_parts_refuses_every_structural_change():
    check_statement_reader(KEY_PART, RECORD_SIGNER, parse_key_part)


NUMBERS = dict(zip(FIELDS, range(1, 11), strict=True))
BAD: list[dict[str, Any]] = [
    {"record": b""},
    {"epoch": 2**32},
    {"part": bytes(31)},
    {"keepers": ()},
    {"keepers": KEEPER_SHARES[::-1]},
    {"keepers": KEEPER_SHARES[:1]},
    {"t": 0},
    {"t": 4},
    {"t": 32},
    {"vault": bytes(15)},
    {"blob_size": 2**52 + 1},
    {"blob_root": bytes(31)},
    {"descriptor_digest": b""},
    {"proof": bytes(PROOF_SIZE - 1)},
]


@pytest.mark.parametrize("change", BAD, ids=lambda change: str(change)[:40])
def test_a_key_part_that_cannot_be_is_neither_made_nor_read(change):
    with pytest.raises(UsageError):
        make_key_part(RECORD_SIGNER, origin=ORIGIN, **{**FIELDS, **change})
    ((name, value),) = change.items()
    if name == "keepers":
        value = [[keeper.service, keeper.index, keeper.digest] for keeper in value]
    with pytest.raises(FormatError):
        parse_key_part(forge(RECORD_SIGNER, KEY_PART, {NUMBERS[name]: value}), ORIGIN)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"record": bytes(16)}, "another record or epoch"),
        ({"epoch": 1}, "another record or epoch"),
        ({"key": bytes(32)}, "not signed by the record's key"),
        ({"commitment": commit_record(1, 2, 3)}, "proof"),
        ({"origin": OTHER_ORIGIN}, "proof"),
    ],
    ids=["record", "epoch", "key", "commitment", "origin"],
)
def test_a_key_part_that_the_state_contradicts_is_refused(change, message):
    with pytest.raises(VerificationError, match=message):
        verify_key_part(parse_key_part(KEY_PART, ORIGIN), **{**STATE, **change})


@pytest.mark.parametrize(
    "change", [{"blob_size": 5}, {"blob_root": bytes(32)}, {"descriptor_digest": bytes(32)}], ids=str
)
def test_a_key_part_with_another_blob_or_descriptor_than_committed_is_refused(change):
    other = make_key_part(RECORD_SIGNER, origin=ORIGIN, **{**FIELDS, **change})
    with pytest.raises(VerificationError):
        verify_key_part(parse_key_part(other, ORIGIN), **STATE)


def test_a_commitment_that_is_no_point_is_refused():
    with pytest.raises(FormatError):
        verify_key_part(parse_key_part(KEY_PART, ORIGIN), **{**STATE, "commitment": bytes(48)})


def test_a_key_part_by_somebody_else_is_refused():
    other = make_key_part(signer_of("mallory"), origin=ORIGIN, **FIELDS)
    with pytest.raises(VerificationError):
        verify_key_part(parse_key_part(other, ORIGIN), **STATE)


PUBLIC = onetime.one_time_public(SPEND, ONE_TIME_SEED)


@pytest.mark.parametrize(
    "change",
    [
        {"key": onetime.one_time_public(SPEND, bytes(32))},
        {"spend": group.generator().mul(5).to_bytes()},
        {"terms": commit_terms(TERMS, 4322)},
    ],
    ids=["key", "spend", "terms"],
)
def test_a_grant_part_that_the_state_contradicts_is_refused(change):
    state = {"spend": SPEND, "key": PUBLIC, "terms": commit_terms(TERMS, 4321), **change}
    with pytest.raises(VerificationError):
        verify_grant_part(GRANT_PART, **state)


def test_a_terms_commitment_that_is_no_point_is_refused():
    with pytest.raises(FormatError):
        verify_grant_part(GRANT_PART, spend=SPEND, key=PUBLIC, terms=bytes(48))


@pytest.mark.parametrize("change", [{"r": group.ORDER}, {"r": -1}, {"seed": bytes(31)}], ids=str)
def test_a_grant_part_that_cannot_be_is_not_made(change):
    with pytest.raises(UsageError):
        replace(GRANT_PART, **change)


def test_an_envelope_is_not_sealed_to_what_is_no_key_or_with_too_much_in_it():
    with pytest.raises(UsageError):
        seal_grant(bytes(1216), KEY_PART, GRANT_PART, **PLACE)
    with pytest.raises(UsageError):
        seal_grant(ADDRESS_KEM.public, bytes(3000), GRANT_PART, **PLACE)


def test_no_secret_is_shown():
    shown = repr((parse_key_part(KEY_PART, ORIGIN), GRANT_PART))
    assert repr(FIELDS["part"]) not in shown
    assert "4321" not in shown
    assert "BBBB" not in shown
    assert parse_address(address(), ORIGIN).spend == SPEND
