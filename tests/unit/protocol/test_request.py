"""Read requests and asks."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from privledger.protocol.errors import FormatError, UsageError
from privledger.protocol.request import make_ask, make_request, parse_ask, parse_request
from privledger_crypto import cose

from .refusals import check_statement_reader
from .samples import (
    EPOCH,
    GRANT,
    KEEPERS,
    NOW,
    ORIGIN,
    RECORD,
    RECORD_SIGNER,
    RESPONSE_KEM,
    VAULT,
    forge,
    one_time_signer,
    owner_request,
    request,
)

SERVICES = tuple(sorted((*KEEPERS, VAULT)))
FIELDS: dict[str, Any] = {
    "record": RECORD,
    "grant": GRANT,
    "services": SERVICES,
    "epoch": EPOCH,
    "number": 3,
    "response_key": RESPONSE_KEM.public,
    "nonce": b"\x33" * 16,
    "expiry": NOW + 600,
}
NUMBERS = {"record": 1, "grant": 2, "services": 4, "epoch": 5, "number": 6, "response_key": 7, "nonce": 8, "expiry": 9}


def test_a_grantees_request_reads_back_as_it_was():
    read = request()
    assert {name: getattr(read, name) for name in FIELDS} == FIELDS
    assert (read.key, read.algorithm) == (one_time_signer().key_id, cose.ALG_SIGMA_DLOG)
    assert not read.is_owner
    assert read.digest == hashlib.sha256(read.raw).digest()


def test_an_owners_request_is_signed_by_the_record_key():
    read = owner_request()
    assert read.is_owner
    assert (read.key, read.algorithm, read.number) == (RECORD_SIGNER.key_id, cose.ALG_ED25519, 0)


def test_a_request_to_the_vault_alone_needs_no_response_key():
    assert request(services=(VAULT,), response_key=b"").response_key == b""


def test_the_reader_of_requests_refuses_every_structural_change():
    check_statement_reader(request().raw, one_time_signer(), parse_request)
    check_statement_reader(owner_request().raw, RECORD_SIGNER, parse_request)


BAD: list[dict[str, Any]] = [
    {"record": bytes(15)},
    {"grant": bytes(15)},
    {"services": ()},
    {"services": SERVICES[::-1]},
    {"services": (VAULT, VAULT)},
    {"services": (bytes(15),)},
    {"services": tuple(number.to_bytes(16, "big") for number in range(33))},
    {"epoch": 2**32},
    {"number": 0},
    {"number": 2**32},
    {"response_key": bytes(1216)},
    {"response_key": RESPONSE_KEM.public[:-1]},
    {"nonce": bytes(15)},
    {"nonce": bytes(17)},
    {"expiry": 2**32},
    {"grant": bytes(16)},
]


@pytest.mark.parametrize("change", BAD, ids=lambda change: str(change)[:40])
def test_a_request_that_cannot_be_is_neither_made_nor_read(change):
    with pytest.raises(UsageError):
        make_request(one_time_signer(), origin=ORIGIN, **{**FIELDS, **change})
    ((name, value),) = change.items()
    value = list(value) if isinstance(value, tuple) else value
    with pytest.raises(FormatError):
        parse_request(forge(one_time_signer(), request().raw, {NUMBERS[name]: value}), ORIGIN)


def test_links_are_refused_in_this_version():
    with pytest.raises(FormatError):
        parse_request(forge(one_time_signer(), request().raw, {3: [b""]}), ORIGIN)


def test_an_owners_request_with_a_read_number_is_neither_made_nor_read():
    with pytest.raises(UsageError):
        make_request(RECORD_SIGNER, origin=ORIGIN, **{**FIELDS, "grant": bytes(16)})
    with pytest.raises(FormatError):
        parse_request(forge(RECORD_SIGNER, owner_request().raw, {6: 1}), ORIGIN)


def test_a_grantees_request_signed_with_ed25519_is_refused():
    with pytest.raises(FormatError):
        parse_request(forge(RECORD_SIGNER, request().raw, {}), ORIGIN)


def test_an_owners_request_signed_by_a_one_time_key_is_refused():
    with pytest.raises(FormatError):
        parse_request(forge(one_time_signer(), owner_request().raw, {}), ORIGIN)


ASK: dict[str, Any] = {
    "record": RECORD,
    "grant": GRANT,
    "what": "receipts",
    "service": KEEPERS[0],
    "nonce": b"\x44" * 16,
    "expiry": NOW + 60,
    "map_key": b"\x55" * 32,
}
CERTIFICATE: dict[str, Any] = {"grant": bytes(16), "what": "certificate", "map_key": b""}


@pytest.mark.parametrize("change", [{}, {"grant": bytes(16)}, CERTIFICATE], ids=str)
def test_an_ask_reads_back_as_it_was(change):
    fields = {**ASK, **change}
    read = parse_ask(make_ask(RECORD_SIGNER, origin=ORIGIN, **fields), ORIGIN)
    assert {name: getattr(read, name) for name in fields} == fields
    assert read.key == RECORD_SIGNER.key_id


def test_the_reader_of_asks_refuses_every_structural_change():
    check_statement_reader(make_ask(RECORD_SIGNER, origin=ORIGIN, **ASK), RECORD_SIGNER, parse_ask)


@pytest.mark.parametrize(
    "change",
    [
        {"record": b""},
        {"grant": b""},
        {"what": "everything"},
        {"what": "certificate"},
        {"map_key": b""},
        {"map_key": bytes(31)},
        {"map_key": bytes(33)},
        {"service": b""},
        {"nonce": b""},
        {"expiry": 2**32},
    ],
    ids=str,
)
def test_an_ask_that_cannot_be_is_neither_made_nor_read(change):
    with pytest.raises(UsageError):
        make_ask(RECORD_SIGNER, origin=ORIGIN, **{**ASK, **change})
    good = make_ask(RECORD_SIGNER, origin=ORIGIN, **ASK)
    ((name, value),) = change.items()
    with pytest.raises(FormatError):
        parse_ask(forge(RECORD_SIGNER, good, {list(ASK).index(name) + 1: value}), ORIGIN)


def test_an_ask_for_a_certificate_names_no_map_key():
    with pytest.raises(UsageError):
        make_ask(RECORD_SIGNER, origin=ORIGIN, **{**ASK, **CERTIFICATE, "map_key": bytes(32)})
    good = make_ask(RECORD_SIGNER, origin=ORIGIN, **{**ASK, **CERTIFICATE})
    with pytest.raises(FormatError):
        parse_ask(forge(RECORD_SIGNER, good, {7: bytes(32)}), ORIGIN)


def test_an_ask_by_a_one_time_key_is_refused():
    good = make_ask(RECORD_SIGNER, origin=ORIGIN, **ASK)
    with pytest.raises(FormatError):
        parse_ask(forge(one_time_signer(), good, {}), ORIGIN)
