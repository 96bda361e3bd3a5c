"""Generators: frozen, distinct, extendable, cached by back end."""

from __future__ import annotations

import hashlib

import pytest

from privledger_crypto.errors import ParameterError
from privledger_crypto.generators import (
    RECEIPT_API_ID,
    RECORD_API_ID,
    TERMS_API_ID,
    create_generators,
    receipt_generators,
    record_generators,
    terms_generators,
)
from privledger_crypto.group import BACKENDS, generator, use_backend

LISTS = {
    "record": (record_generators, 11, "5bdc1aaa600792708f6bf24321da75bd31a8b0ebea82083254e68c2c0a1d7dd1"),
    "terms": (terms_generators, 7, "bd961a621d7cfc386ab69caa1fd0beff4de65506858a723bd3ddfeb2e660f78f"),
    "receipt": (receipt_generators, 4, "f272a61d00d786ab961ddc7e1802103ea4cd8ab582e13b2e38c331d9fe8e749c"),
}


def digest(points) -> str:
    return hashlib.sha256(b"".join(point.to_bytes() for point in points)).hexdigest()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", LISTS)
def test_the_bases_are_frozen(backend: str, name: str) -> None:
    function, count, expected = LISTS[name]
    with use_backend(backend):
        assert (len(function()), digest(function())) == (count, expected)


def test_no_base_occurs_twice_and_none_is_the_group_generator() -> None:
    points = [*record_generators(), *terms_generators(), *receipt_generators(), generator()]
    assert len(set(points)) == len(points) == 23


def test_a_longer_list_begins_with_the_shorter_one() -> None:
    assert create_generators(12, RECORD_API_ID)[:11] == record_generators()


def test_each_purpose_has_its_own_api_id() -> None:
    assert len({RECORD_API_ID, TERMS_API_ID, RECEIPT_API_ID}) == 3


def test_a_list_is_made_once() -> None:
    assert record_generators() is record_generators()


def test_the_cache_keeps_back_ends_apart() -> None:
    fast = receipt_generators()
    with use_backend("py_ecc"):
        slow = receipt_generators()
    assert slow == fast
    with pytest.raises(ParameterError, match="do not mix"):
        slow[0] + fast[0]


@pytest.mark.parametrize(("count", "api_id"), [(0, b"X"), (-1, b"X"), (1, b"")])
def test_impossible_requests_are_refused(count: int, api_id: bytes) -> None:
    with pytest.raises(ParameterError):
        create_generators(count, api_id)
