"""The duplex sponge and its codecs: what they refuse, and that encoding and decoding are inverse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privledger_crypto.errors import FormatError, ParameterError
from privledger_crypto.fiat_shamir import (
    DuplexSponge,
    decode_uint,
    derive_session_id,
    parse_field,
    parse_uint,
    parse_var_len,
    serialize_uint,
    serialize_var_len,
    uint_size,
)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_session_identifier_has_32_bytes(length: int) -> None:
    with pytest.raises(ParameterError):
        DuplexSponge(bytes(length))


def test_two_tags_give_two_sessions() -> None:
    assert derive_session_id(b"tag") != derive_session_id(b"tag\x00")


def test_an_absorb_after_a_squeeze_changes_what_follows() -> None:
    left, right = DuplexSponge(bytes(32)), DuplexSponge(bytes(32))
    left.squeeze(16)
    right.squeeze(16)
    right.absorb(b"x")
    assert left.squeeze(16) != right.squeeze(16)


@given(data=st.binary(max_size=50), rest=st.binary(max_size=50))
def test_a_length_prefixed_string_survives_encoding(data: bytes, rest: bytes) -> None:
    assert parse_var_len(serialize_var_len(data) + rest) == (data, rest)


@pytest.mark.parametrize("data", [b"", b"\x00\x00\x00", b"\x01\x00\x00\x00"])
def test_a_truncated_string_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_var_len(data)


@given(modulus=st.integers(2, 1 << 300), data=st.data())
def test_an_integer_survives_encoding(modulus: int, data: st.DataObject) -> None:
    value = data.draw(st.integers(0, modulus - 1))
    assert parse_uint(serialize_uint(value, modulus), modulus) == value


@pytest.mark.parametrize(("modulus", "size"), [(2, 1), (256, 1), (257, 2), (1 << 32, 4), ((1 << 32) + 1, 5)])
def test_an_integer_takes_the_fewest_bytes_that_hold_every_residue(modulus: int, size: int) -> None:
    assert uint_size(modulus) == size


@pytest.mark.parametrize("value", [-1, 7])
def test_an_integer_outside_the_range_is_not_encoded(value: int) -> None:
    with pytest.raises(ParameterError):
        serialize_uint(value, 7)


def test_a_modulus_below_two_is_refused() -> None:
    with pytest.raises(ParameterError):
        uint_size(1)


def test_a_field_element_of_another_length_is_refused() -> None:
    with pytest.raises(FormatError):
        parse_field(bytes(3), 251, 2)


@pytest.mark.parametrize("length", [16, 18])
def test_decoding_takes_sixteen_bytes_more_than_the_modulus(length: int) -> None:
    with pytest.raises(ParameterError):
        decode_uint(bytes(length), 251)
