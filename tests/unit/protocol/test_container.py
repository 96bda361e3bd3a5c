"""Containers tell what they hold, and refuse what they do not know."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privledger.protocol import container
from privledger.protocol.container import CONTAINER_TYPES, pack, pack_signed, unpack, unpack_signed
from privledger.protocol.errors import FormatError, UsageError
from privledger_crypto import cbor

from .samples import ORIGIN

BODIES: dict[type, Any] = {bytes: b"body", dict: {1: "body"}}


@pytest.mark.parametrize("kind", sorted(CONTAINER_TYPES))
def test_every_type_reads_back_as_itself(kind):
    body = BODIES[CONTAINER_TYPES[kind]]
    assert unpack(pack(kind, body)) == container.Container(kind, 1, body)


@given(st.binary(max_size=300))
def test_any_byte_string_survives_a_container(body):
    assert unpack(pack("address", body), types={"address"}).body == body


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_never_crash(data):
    with pytest.raises(FormatError):
        unpack(data)


def test_another_type_than_those_asked_for_is_refused():
    with pytest.raises(FormatError, match="expected a file of type receipt, and this is a address"):
        unpack(pack("address", b""), types={"receipt"})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["privledger", "adress", 1, b""], "unknown type 'adress'"),
        (["privledger", "address", 2, b""], "unknown version 2"),
        (["privledger", "address", 0, b""], "unknown version 0"),
        (["privledger", "address", True, b""], "not a privledger file"),
        (["privledger", "address", 1, {}], "must be a byte string"),
        (["privledger", "bundle", 1, b""], "must be a map"),
        (["privledger", "address", 1], "not a privledger file"),
        (["privledger", "address", 1, b"", 0], "not a privledger file"),
        (["otherledger", "address", 1, b""], "not a privledger file"),
        (["privledger", 7, 1, b""], "not a privledger file"),
        ({}, "not a privledger file"),
    ],
)
def test_what_is_not_a_container_of_version_1_is_refused_and_says_why(value, message):
    with pytest.raises(FormatError, match=message):
        unpack(cbor.encode(value))


def test_bytes_after_a_container_are_refused():
    with pytest.raises(FormatError):
        unpack(pack("address", b"") + b"\x00")


LARGE = {"backup", "bundle", "disclosure"}


@pytest.mark.parametrize("kind", sorted(CONTAINER_TYPES))
def test_a_container_over_the_limit_of_its_type_is_neither_made_nor_read(kind, monkeypatch):
    monkeypatch.setattr(container, "MAX_CONTAINER", 2000)
    monkeypatch.setattr(container, "MAX_SMALL_CONTAINER", 1000)
    limit = 2000 if kind in LARGE else 1000

    def body(size: int) -> Any:
        return bytes(size) if CONTAINER_TYPES[kind] is bytes else {1: bytes(size)}

    room = limit - len(cbor.encode(["privledger", kind, 1, body(300)])) + 300
    assert len(pack(kind, body(room))) == limit
    assert unpack(pack(kind, body(room))).type == kind
    with pytest.raises(UsageError):
        pack(kind, body(room + 1))
    with pytest.raises(FormatError):
        unpack(cbor.encode(["privledger", kind, 1, body(room + 1)]))


def test_the_limits_are_those_of_the_specification():
    assert (container.MAX_SMALL_CONTAINER, container.MAX_CONTAINER) == (2**20, 64 * 2**20)


def test_what_is_too_large_is_not_decoded(monkeypatch):
    def never(*arguments: object) -> Any:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(cbor, "_item", never)
    for beginning in (b"", cbor.encode(["privledger", "address", 1, b""])[:-1]):
        with pytest.raises(FormatError):
            unpack(beginning + bytes(2**20 + 1))


def test_a_large_file_of_tiny_items_is_refused_before_it_fills_the_memory():
    tracemalloc.start()
    try:
        # A disclosure of 20 million empty maps, which would take over a gigabyte.
        hostile = (
            cbor.encode(["privledger", "disclosure", 1, {}])[:-1]
            + b"\xa1\x01\x9a\x01\x31\x2d\x00"
            + b"\xa0" * 20_000_000
        )
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        with pytest.raises(FormatError, match="more items"):
            unpack(hostile)
        assert tracemalloc.get_traced_memory()[1] - before < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("kind", "body"), [("adress", b""), ("address", {}), ("bundle", b""), ("address", 1)])
def test_what_would_not_be_read_is_not_packed(kind, body):
    with pytest.raises(UsageError):
        pack(kind, body)


@pytest.mark.parametrize("kind", ["receipt", "certificate"])
def test_a_signed_container_carries_its_origin(kind):
    assert unpack_signed(pack_signed(kind, ORIGIN, b"statement"), type=kind) == (ORIGIN, b"statement")


@pytest.mark.parametrize(
    "body",
    [
        {1: ORIGIN},
        {2: b""},
        {1: "bikes", 2: b""},
        {1: ORIGIN, 2: "text"},
        {1: ORIGIN, 2: b"", 3: 0},
        {1: ORIGIN, 2: bytes(65_537)},
    ],
)
def test_a_signed_container_of_another_shape_is_refused(body):
    with pytest.raises(FormatError):
        unpack_signed(pack("receipt", body), type="receipt")


def test_a_signed_container_with_a_bad_origin_is_not_made():
    with pytest.raises(FormatError):
        pack_signed("receipt", "bikes", b"")
