"""Terms, their plain words, and the commitment `T`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privledger.protocol.errors import FormatError, UsageError, VerificationError
from privledger.protocol.terms import (
    Terms,
    commit_terms,
    encode_opening,
    parse_opening,
    parse_terms,
    verify_terms,
)
from privledger_crypto import cbor, group
from privledger_crypto.generators import terms_generators

from .refusals import check_map_reader
from .samples import TERMS

PURPOSES = st.lists(st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True), min_size=1, max_size=12, unique=True)
UINT32 = st.integers(0, 2**32 - 1)


@st.composite
def all_terms(draw: Any) -> Terms:
    not_before, not_after = sorted((draw(UINT32), draw(UINT32)))
    first, last = sorted((draw(st.integers(1, 2**32 - 1)), draw(st.integers(1, 2**32 - 1))))
    price = draw(UINT32)
    return Terms(tuple(sorted(draw(PURPOSES))), not_before, not_after, first, last, price, "CHF" if price else "")


@given(all_terms())
def test_terms_read_back_as_they_were(terms):
    assert parse_terms(cbor.decode(cbor.encode(terms.to_value()))) == terms


@settings(max_examples=10)
@given(all_terms(), st.integers(0, group.ORDER - 1))
def test_an_opening_reads_back_and_opens_its_commitment(terms, r):
    read, blinding = parse_opening(encode_opening(terms, r))
    verify_terms(commit_terms(terms, r), read, blinding)
    assert (read, blinding) == (terms, r)


def test_the_reader_refuses_missing_unknown_and_mistyped_fields():
    check_map_reader(TERMS.to_value(), parse_terms)


CHANGES: list[dict[str, Any]] = [
    {"purposes": ()},
    {"purposes": tuple(f"p{number:02}" for number in range(13))},
    {"purposes": ("b", "a")},
    {"purposes": ("a", "a")},
    {"purposes": ("Planning",)},
    {"purposes": ("",)},
    {"purposes": ("x" * 33,)},
    {"purposes": ("a\n",)},
    {"not_before": -1},
    {"not_after": 2**32},
    {"not_before": TERMS.not_after + 1},
    {"first_read": 0},
    {"first_read": 13},
    {"last_read": 2**32},
    {"unit_price": -1},
    {"unit_price": 2**32},
    {"currency": "eur"},
    {"currency": "EURO"},
    {"currency": ""},
]
FIELDS = ("purposes", "not_before", "not_after", "first_read", "last_read", "unit_price", "currency")


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_terms_that_cannot_be_are_neither_made_nor_read(change):
    fields: dict[str, Any] = {name: getattr(TERMS, name) for name in FIELDS}
    fields.update(change)
    with pytest.raises(UsageError):
        Terms(**fields)
    values = list(fields.values())
    with pytest.raises(FormatError):
        parse_terms({0: list(values[0]), **dict(enumerate(values[1:], start=1))})


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (
            Terms(("planning",), 1_767_225_600, 1_798_761_600, 1, 12),
            "may be read 12 times (read numbers 1 to 12) for: planning; "
            "from 2026-01-01 00:00 UTC until 2027-01-01 00:00 UTC; free of charge",
        ),
        (
            Terms(("audit", "planning"), 1, 2**32 - 1, 5, 5, 250, "EUR"),
            "may be read once (read number 5) for: audit, planning; "
            "from 1970-01-01 00:00:01 UTC until 2106-02-07 06:28:15 UTC; 250 minor units of EUR a read",
        ),
    ],
)
def test_terms_describe_themselves_in_plain_words(terms, words):
    assert terms.describe() == words


def test_a_commitment_is_the_sum_that_the_specification_writes():
    scalars = (77, TERMS.digest(), 1_767_225_600, 1_798_761_600, 1, 12, 250)
    expected = group.identity()
    for base, scalar in zip(terms_generators(), scalars, strict=True):
        expected = expected + base.mul(scalar)
    assert commit_terms(TERMS, 77) == expected.to_bytes()


@pytest.mark.parametrize("name", FIELDS)
def test_a_commitment_binds_every_field(name):
    other = {
        "purposes": ("planning",),
        "not_before": 1,
        "not_after": 2**32 - 1,
        "first_read": 2,
        "last_read": 13,
        "unit_price": 251,
        "currency": "CHF",
    }[name]
    fields: dict[str, Any] = {field: getattr(TERMS, field) for field in FIELDS}
    fields[name] = other
    with pytest.raises(VerificationError):
        verify_terms(commit_terms(TERMS, 5), Terms(**fields), 5)


def test_another_blinding_does_not_open():
    with pytest.raises(VerificationError):
        verify_terms(commit_terms(TERMS, 5), TERMS, 6)


@pytest.mark.parametrize("commitment", [b"", bytes(48), b"\xc0" + bytes(47), b"\xff" * 48], ids=len)
def test_what_is_no_point_is_no_commitment(commitment):
    with pytest.raises(FormatError):
        verify_terms(commitment, TERMS, 5)


def test_a_commitment_that_is_the_identity_is_refused(monkeypatch):
    # Nobody knows a relation between the bases, so the case is made with bases that have one.
    base = group.generator()
    rest = TERMS.digest() + TERMS.not_before + TERMS.not_after + TERMS.first_read + TERMS.last_read + TERMS.unit_price
    monkeypatch.setattr("privledger.protocol.terms.terms_generators", lambda: (base,) * 7)
    with pytest.raises(UsageError, match="identity"):
        commit_terms(TERMS, -rest % group.ORDER)


@pytest.mark.parametrize("r", [-1, group.ORDER])
def test_a_blinding_that_is_no_scalar_is_refused(r):
    with pytest.raises(UsageError):
        commit_terms(TERMS, r)
    with pytest.raises(UsageError):
        encode_opening(TERMS, r)


@pytest.mark.parametrize(
    "value",
    [
        [TERMS.to_value()],
        [TERMS.to_value(), bytes(31)],
        [TERMS.to_value(), group.ORDER.to_bytes(32, "big")],
        [TERMS.to_value(), 5],
        [TERMS.to_value(), bytes(32), 0],
        [bytes(32), TERMS.to_value()],
        {},
    ],
)
def test_an_opening_of_another_shape_is_refused(value):
    with pytest.raises(FormatError):
        parse_opening(cbor.encode(value))


def test_an_opening_over_its_limit_is_refused():
    with pytest.raises(FormatError, match="1024"):
        parse_opening(cbor.encode([TERMS.to_value(), bytes(1024)]))
