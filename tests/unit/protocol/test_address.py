"""Addresses, access requests and share links."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic

from privledger.protocol.address import (
    fingerprint,
    make_access_request,
    make_address,
    parse_access_request,
    parse_address,
    parse_share_link,
    share_link,
)
from privledger.protocol.errors import FormatError, UsageError, VerificationError
from privledger.protocol.statements import OneTimeSigner
from privledger_crypto import group

from .refusals import check_statement_reader
from .samples import (
    ADDRESS_KEM,
    GRANT,
    NOW,
    ORIGIN,
    RECORD,
    RECORD_SIGNER,
    SPEND,
    SPEND_SECRET,
    TERMS,
    address,
    forge,
    stream,
)

SIGNER = OneTimeSigner(SPEND_SECRET, SPEND, stream("test address"))


def access_request(text: str = "Ladepunkte je Stadtteil\nfür die Planung", **changes: object) -> bytes:
    fields: dict[str, object] = {
        "nonce": b"\x11" * 16,
        "time": NOW,
        "origin": ORIGIN,
        "random_bytes": stream("ask"),
        **changes,
    }
    return make_access_request(SPEND_SECRET, address(), TERMS, text, **fields)  # type: ignore[arg-type]


def test_an_address_reads_back_with_both_keys_and_its_label():
    read = parse_address(address(), ORIGIN)
    assert (read.spend, read.kem, read.label, read.raw) == (SPEND, ADDRESS_KEM.public, "Stadtplanung Köln", address())


def test_the_reader_of_addresses_refuses_every_structural_change():
    check_statement_reader(address(), SIGNER, parse_address)


def test_an_address_signed_with_ed25519_is_refused():
    with pytest.raises(FormatError, match="spend key"):
        parse_address(forge(RECORD_SIGNER, address(), {}), ORIGIN)


@pytest.mark.parametrize("label", ["x" * 65, "a\x1b[2J", "a\nb", "a\u202eb", "\x80"])
def test_a_label_that_could_deceive_is_neither_made_nor_read(label):
    with pytest.raises(UsageError):
        make_address(SPEND_SECRET, ADDRESS_KEM.public, label, ORIGIN, stream("label"))
    with pytest.raises(FormatError):
        parse_address(forge(SIGNER, address(), {2: label}), ORIGIN)


@pytest.mark.parametrize(
    "kem",
    [bytes(1216), ADDRESS_KEM.public[:-32] + bytes(32), ADDRESS_KEM.public[:-1]],
    ids=["zero", "low order", "short"],
)
def test_an_x_wing_key_that_is_none_is_neither_taken_nor_read(kem):
    with pytest.raises(UsageError):
        make_address(SPEND_SECRET, kem, "x", ORIGIN, stream("kem"))
    with pytest.raises(FormatError):
        parse_address(forge(SIGNER, address(), {1: kem}), ORIGIN)


@pytest.mark.parametrize("secret", [0, -1, group.ORDER])
def test_a_spend_secret_that_is_none_is_refused(secret):
    with pytest.raises(UsageError):
        make_address(secret, ADDRESS_KEM.public, "x", ORIGIN, stream("secret"))


def test_a_fingerprint_is_88_bits_as_bip39_words():
    words = fingerprint(address()).split(" ")
    bits = "".join(f"{Mnemonic('english').wordlist.index(word):011b}" for word in words)
    assert len(words) == 8
    assert bits == f"{int.from_bytes(hashlib.sha256(address()).digest(), 'big'):0256b}"[:88]


def test_an_access_request_reads_back():
    read = parse_access_request(access_request(), ORIGIN)
    assert read.address == parse_address(address(), ORIGIN)
    assert (read.terms, read.text) == (TERMS, "Ladepunkte je Stadtteil\nfür die Planung")
    assert (read.nonce, read.time) == (b"\x11" * 16, NOW)


def test_the_reader_of_access_requests_refuses_every_structural_change():
    check_statement_reader(access_request(), SIGNER, parse_access_request)


def test_an_access_request_by_another_key_than_its_address_is_refused():
    other = OneTimeSigner(5, group.generator().mul(5).to_bytes(), stream("other"))
    with pytest.raises(VerificationError, match="not signed by the address"):
        parse_access_request(forge(other, access_request(), {}), ORIGIN)


def test_an_access_request_with_terms_that_cannot_be_is_refused():
    with pytest.raises(FormatError):
        parse_access_request(forge(SIGNER, access_request(), {2: {**TERMS.to_value(), 3: 0}}), ORIGIN)


def test_an_access_request_with_a_false_address_inside_is_refused():
    false = address()[:-1] + bytes([address()[-1] ^ 1])
    with pytest.raises((VerificationError, FormatError)):
        parse_access_request(forge(SIGNER, access_request(), {1: false}), ORIGIN)


@pytest.mark.parametrize(
    "change", [{"nonce": bytes(15)}, {"time": -1}, {"time": 2**32}, {"text": "a\x00"}, {"text": "x" * 2049}]
)
def test_an_access_request_that_would_not_be_read_is_not_made(change):
    with pytest.raises(UsageError):
        access_request(**change)


def test_an_access_request_for_somebody_elses_address_is_not_made():
    with pytest.raises(UsageError, match="not that of the address"):
        make_access_request(
            5, address(), TERMS, "x", nonce=bytes(16), time=NOW, origin=ORIGIN, random_bytes=stream("x")
        )


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_a_share_link_names_its_grant(record, grant):
    assert parse_share_link(share_link(ORIGIN, record, grant)) == (ORIGIN, record, grant)


LINK = share_link(ORIGIN, RECORD, GRANT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        LINK[:-1],
        LINK + "A",
        LINK + "=",
        LINK + "&x=1",
        LINK.replace("privledger:", "privledger://"),
        LINK.replace("privledger:", "PRIVLEDGER:"),
        LINK.replace("?grant=", "?id="),
        LINK.replace("bikes", "Bikes"),
        LINK[:-1] + "_",  # the last character carries bits that the ids do not have
        LINK[:-2] + "+A",
        LINK[:-2] + "é0",
        " " + LINK,
        LINK + "\n",
        "privledger:" + "a" * 300,
    ],
)
def test_a_share_link_of_another_form_is_refused(text):
    with pytest.raises(FormatError):
        parse_share_link(text)


@given(st.text(max_size=80))
def test_random_text_is_no_share_link(text):
    with pytest.raises(FormatError):
        parse_share_link("privledger:" + text)


def test_a_share_link_is_not_made_of_other_ids():
    with pytest.raises(UsageError):
        share_link(ORIGIN, bytes(15), GRANT)
    with pytest.raises(UsageError):
        share_link(ORIGIN, RECORD, bytes(17))
