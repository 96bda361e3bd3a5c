"""Receipts, their chain, the commitment to it, and the answer that they go with."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from privledger.protocol import keys
from privledger.protocol.errors import FormatError, UsageError, VerificationError
from privledger.protocol.receipt import (
    FIRST_HEAD,
    Receipt,
    ReceiptOpening,
    ReceiptTotals,
    make_receipt,
    next_head,
    open_response,
    parse_receipt,
    parse_receipt_opening,
    receipt_map_key,
    seal_response,
    terms_map_key,
    verify_totals,
)
from privledger.protocol.request import Request
from privledger.protocol.terms import encode_opening
from privledger_crypto import cbor, group
from privledger_crypto.envelope import XWingPrivateKey, seal_envelope
from privledger_crypto.generators import receipt_generators
from privledger_crypto.statemap import MapProof, SparseMap

from .refusals import check_statement_reader
from .samples import (
    EPOCH,
    GRANT,
    KEEPER_SIGNERS,
    KEEPERS,
    NOW,
    ORIGIN,
    OTHER_ORIGIN,
    RECORD,
    RESPONSE_KEM,
    SHARES,
    TERMS,
    VAULT,
    forge,
    one_time_signer,
    owner_request,
    request,
)

REQUEST = request()
KEEPER = KEEPER_SIGNERS[0]


def receipt(asked: Request = REQUEST, **changes: Any) -> Receipt:
    fields: dict[str, Any] = {
        "service": KEEPERS[0],
        "request": asked,
        "size": 42,
        "time": NOW,
        "number": 1,
        "head_before": FIRST_HEAD,
        "units": 0 if asked.is_owner else 1,
        **changes,
    }
    return parse_receipt(make_receipt(KEEPER, origin=ORIGIN, **fields), ORIGIN)


def chain(count: int, **changes: Any) -> list[Receipt]:
    made: list[Receipt] = []
    for number in range(1, count + 1):
        head = made[-1].head if made else FIRST_HEAD
        made.append(receipt(number=number, head_before=head, time=NOW + number, **changes))
    return made


def totals_of(receipts: list[Receipt]) -> ReceiptTotals:
    return ReceiptTotals(777, receipts[-1].head, len(receipts), sum(one.units for one in receipts))


def test_a_receipt_reads_back_with_the_request_inside():
    read = receipt()
    assert (read.service, read.request, read.size, read.time) == (KEEPERS[0], REQUEST, 42, NOW)
    assert (read.number, read.head_before, read.units) == (1, FIRST_HEAD, 1)
    assert read.service_key == KEEPER.key_id


def test_the_reader_of_receipts_refuses_every_structural_change():
    check_statement_reader(receipt().raw, KEEPER, parse_receipt)


BAD: list[dict[str, Any]] = [
    {"service": bytes(16)},
    {"service": bytes(15)},
    {"size": 0},
    {"size": 2**63},
    {"time": 2**32},
    {"number": 0},
    {"number": 2},
    {"number": 2**32, "head_before": b"\x01" * 32},
    {"head_before": b"\x01" * 32},
    {"head_before": bytes(31)},
    {"units": 2**32},
]
NUMBERS = {"service": 1, "size": 3, "time": 4, "number": 5, "head_before": 6, "units": 7}


@pytest.mark.parametrize("change", BAD, ids=lambda change: str(change)[:50])
def test_a_receipt_that_cannot_be_is_neither_made_nor_read(change):
    with pytest.raises(UsageError):
        receipt(**change)
    changes = {NUMBERS[name]: value for name, value in change.items()}
    with pytest.raises(FormatError):
        parse_receipt(forge(KEEPER, receipt().raw, changes), ORIGIN)


def test_an_owners_read_counts_no_units():
    assert receipt(owner_request()).units == 0
    with pytest.raises(UsageError):
        receipt(owner_request(), units=1)
    with pytest.raises(FormatError):
        parse_receipt(forge(KEEPER, receipt(owner_request()).raw, {7: 1}), ORIGIN)


def test_a_receipt_for_a_request_that_asks_others_is_refused():
    other = request(services=(VAULT,), response_key=b"")
    with pytest.raises(FormatError):
        parse_receipt(forge(KEEPER, receipt().raw, {2: other.raw}), ORIGIN)


def test_a_receipt_around_a_false_request_is_refused():
    false = REQUEST.raw[:-1] + bytes([REQUEST.raw[-1] ^ 1])
    with pytest.raises((VerificationError, FormatError)):
        parse_receipt(forge(KEEPER, receipt().raw, {2: false}), ORIGIN)


def test_a_receipt_by_a_one_time_key_is_refused():
    with pytest.raises(FormatError, match="Ed25519"):
        parse_receipt(forge(one_time_signer(), receipt().raw, {}), ORIGIN)


def test_heads_chain_as_the_specification_writes():
    one = receipt()
    expected = hashlib.sha256(bytes(32) + hashlib.sha256(one.raw).digest()).digest()
    assert one.head == next_head(FIRST_HEAD, one.raw) == expected
    with pytest.raises(UsageError):
        next_head(b"", one.raw)


def test_totals_commit_as_the_specification_writes():
    scalars = (777, group.hash_to_scalar(b"\x05" * 32, b"PRIVLEDGER-V1-RECEIPT-HEAD"), 4, 3)
    expected = group.identity()
    for base, scalar in zip(receipt_generators(), scalars, strict=True):
        expected = expected + base.mul(scalar)
    assert ReceiptTotals(777, b"\x05" * 32, 4, 3).commitment() == expected.to_bytes()


@pytest.mark.parametrize(
    "change", [{"rho": group.ORDER}, {"head": b""}, {"count": 0}, {"count": 2**32}, {"units": -1}], ids=str
)
def test_totals_that_cannot_be_are_not_made(change):
    with pytest.raises(UsageError):
        replace(ReceiptTotals(1, bytes(32), 1, 1), **change)


def test_the_blinding_of_totals_is_not_shown():
    assert "777" not in repr(ReceiptTotals(777, bytes(32), 1, 1))


def test_receipts_beyond_those_posted_are_accepted():
    receipts = chain(4)
    verify_totals(receipts, totals_of(receipts[:2]))
    verify_totals(receipts, totals_of(receipts))
    verify_totals(receipts, None)
    verify_totals([], None)


RECEIPTS = chain(3)


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        (RECEIPTS[:2], "committed to 3 receipts, and 2"),
        ([], "committed to 3 receipts, and 0"),
        (RECEIPTS[1:], "breaks at number 1"),
        ([RECEIPTS[0], RECEIPTS[2]], "breaks at number 2"),
        ([RECEIPTS[0], RECEIPTS[0], RECEIPTS[2]], "breaks at number 2"),
        ([RECEIPTS[0], receipt(number=2, head_before=b"\x01" * 32), RECEIPTS[2]], "breaks at number 2"),
        ([*RECEIPTS[:2], receipt(number=3, head_before=RECEIPTS[1].head, size=43)], "other receipts"),
        ([RECEIPTS[0], receipt(owner_request(), number=2, head_before=RECEIPTS[0].head)], "one grant"),
    ],
    ids=range(8),
)
def test_receipts_that_are_not_those_committed_to_are_refused(shown, message):
    with pytest.raises(VerificationError, match=message):
        verify_totals(shown, totals_of(RECEIPTS))


@pytest.mark.parametrize("change", [{"units": 4}, {"count": 2}, {"head": bytes(32)}], ids=str)
def test_other_totals_are_refused(change):
    with pytest.raises(VerificationError):
        verify_totals(RECEIPTS, replace(totals_of(RECEIPTS), **change))


TOTALS = totals_of(RECEIPTS)
SECRET = b"\x77" * 32
KEY = receipt_map_key(RECORD, GRANT, SECRET)
OTHER_KEY = receipt_map_key(RECORD, bytes(16), SECRET)
MAP = SparseMap.from_items([(KEY, TOTALS.commitment()), (bytes(32), b"other"), (b"\x01" * 32, b"third")])
OPENING = ReceiptOpening(MAP.root, TOTALS, MAP.prove(KEY))
ABSENT = ReceiptOpening(MAP.root, None, MAP.prove(OTHER_KEY))


@pytest.mark.parametrize("opening", [OPENING, ABSENT], ids=["present", "absent"])
def test_an_opening_reads_back_as_value_and_as_bytes(opening):
    assert parse_receipt_opening(opening.to_value()) == opening
    assert parse_receipt_opening(opening.to_bytes()) == opening


def test_an_opening_proves_what_the_root_holds():
    OPENING.verify(KEY)
    ABSENT.verify(OTHER_KEY)


@pytest.mark.parametrize(
    ("opening", "key"),
    [
        (OPENING, OTHER_KEY),
        (replace(OPENING, root=bytes(32)), KEY),
        (replace(OPENING, totals=replace(TOTALS, count=2)), KEY),
        (replace(OPENING, totals=replace(TOTALS, rho=1)), KEY),
        (replace(OPENING, totals=None), KEY),
        (replace(ABSENT, totals=TOTALS), OTHER_KEY),
        (replace(OPENING, proof=MapProof(())), KEY),
    ],
    ids=range(7),
)
def test_an_opening_that_does_not_follow_from_its_root_is_refused(opening, key):
    with pytest.raises(VerificationError):
        opening.verify(key)


def test_an_opening_is_checked_at_a_map_key_only():
    with pytest.raises(UsageError):
        OPENING.verify(RECORD + GRANT[:15])


VALUE: Any = OPENING.to_value()


@pytest.mark.parametrize(
    "value",
    [
        VALUE[:2],
        [*VALUE, 0],
        [bytes(31), *VALUE[1:]],
        [VALUE[0], [*VALUE[1], 0], VALUE[2]],
        [VALUE[0], [group.ORDER.to_bytes(32, "big"), *VALUE[1][1:]], VALUE[2]],
        [VALUE[0], [VALUE[1][0], bytes(31), 1, 1], VALUE[2]],
        [VALUE[0], [*VALUE[1][:2], 0, 1], VALUE[2]],
        [VALUE[0], [*VALUE[1][:2], 1, -1], VALUE[2]],
        [VALUE[0], VALUE[1], [[bytes(31)], None]],
        [VALUE[0], VALUE[1], [[bytes(32)] * 257, None]],
        [VALUE[0], VALUE[1], [[], [bytes(32)]]],
        [VALUE[0], VALUE[1], [[], []]],
        [VALUE[0], VALUE[1], [[]]],
        [VALUE[0], VALUE[1], None],
        {},
        None,
        b"\xff",
    ],
    ids=range(17),
)
def test_an_opening_of_another_shape_is_refused(value):
    with pytest.raises(FormatError):
        parse_receipt_opening(value)


def test_a_map_key_is_what_the_specification_writes():
    expected = hashlib.sha256(cbor.encode(["privledger/v1", "receipt-key", RECORD, GRANT, SECRET])).digest()
    assert receipt_map_key(RECORD, GRANT, SECRET) == expected
    opening = encode_opening(TERMS, int.from_bytes(b"\x07" * 32))
    assert terms_map_key(RECORD, GRANT, opening) == receipt_map_key(RECORD, GRANT, b"\x07" * 32)


def test_public_ids_alone_do_not_give_a_map_key():
    keys_found = {receipt_map_key(RECORD, GRANT, bytes([number]) * 32) for number in range(9)}
    assert len(keys_found) == 9


@pytest.mark.parametrize(
    ("record", "grant", "secret"),
    [(bytes(15), GRANT, SECRET), (RECORD, bytes(17), SECRET), (RECORD, GRANT, b""), (RECORD, GRANT, bytes(33))],
    ids=["record", "grant", "no secret", "long secret"],
)
def test_a_map_key_is_made_of_two_ids_and_a_secret(record, grant, secret):
    with pytest.raises(UsageError):
        receipt_map_key(record, grant, secret)


def test_a_map_key_of_no_opening_is_refused():
    with pytest.raises(FormatError):
        terms_map_key(RECORD, GRANT, b"\xff")


RESPONSE = seal_response(REQUEST, SHARES[0], origin=ORIGIN, service=KEEPERS[0])


def test_a_response_opens_for_its_request():
    assert open_response(RESPONSE_KEM, RESPONSE, REQUEST, origin=ORIGIN, service=KEEPERS[0]) == SHARES[0]


@pytest.mark.parametrize(
    "change",
    [
        {"private": XWingPrivateKey.from_seed(bytes(32))},
        {"request": request(nonce=bytes(16))},
        {"origin": OTHER_ORIGIN},
        {"service": KEEPERS[1]},
        {"message": RESPONSE[:-1] + bytes([RESPONSE[-1] ^ 1])},
        {"message": b""},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_response_opens_for_nothing_else(change):
    arguments: dict[str, Any] = {
        "private": RESPONSE_KEM,
        "message": RESPONSE,
        "request": REQUEST,
        "origin": ORIGIN,
        "service": KEEPERS[0],
        **change,
    }
    with pytest.raises(VerificationError):
        open_response(**arguments)


def test_the_info_of_a_response_is_that_of_the_specification():
    item = hashlib.sha256(REQUEST.raw).digest()[:16] + KEEPERS[0]
    info = cbor.encode(["privledger/v1", "response", ORIGIN, RECORD, EPOCH, item])
    assert info == keys.sealing_context("response", ORIGIN, RECORD, EPOCH, item)
    plain = cbor.encode([1, SHARES[0].value.to_bytes(32, "big")])
    message = seal_envelope(RESPONSE_KEM.public, info, plain)
    assert open_response(RESPONSE_KEM, message, REQUEST, origin=ORIGIN, service=KEEPERS[0]) == SHARES[0]


def test_a_response_that_holds_no_share_is_refused():
    item = REQUEST.digest[:16] + KEEPERS[0]
    info = keys.sealing_context("response", ORIGIN, RECORD, EPOCH, item)
    message = seal_envelope(RESPONSE_KEM.public, info, cbor.encode([99, bytes(32)]))
    with pytest.raises(FormatError):
        open_response(RESPONSE_KEM, message, REQUEST, origin=ORIGIN, service=KEEPERS[0])


def test_a_request_without_a_response_key_gets_no_share():
    with pytest.raises(UsageError):
        seal_response(request(response_key=b""), SHARES[0], origin=ORIGIN, service=KEEPERS[0])
