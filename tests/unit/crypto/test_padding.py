"""Padding: Padmé sizes and the padded message."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privledger_crypto.errors import FormatError, ParameterError
from privledger_crypto.padding import LENGTH_SIZE, pad_message, pad_to, padded_size, unpad_message


def padme_of_the_paper(length: int) -> int:
    """The algorithm as the PURBs paper prints it, with logarithms."""
    exponent = math.floor(math.log2(length))
    last_bits = exponent - (math.floor(math.log2(exponent)) + 1)
    mask = 2**last_bits - 1
    return (length + mask) & ~mask


@pytest.mark.parametrize(
    ("size", "padded"),
    [(0, 0), (1, 1), (2, 2), (9, 10), (100, 104), (1000, 1024), (4097, 4352), (1_000_000, 1_015_808)],
)
def test_sizes_known_by_hand(size: int, padded: int) -> None:
    assert padded_size(size, minimum=0) == padded


@given(st.integers(2, 2**45))
def test_sizes_are_those_of_the_paper(size: int) -> None:
    assert padded_size(size, minimum=0) == padme_of_the_paper(size)


@given(st.integers(0, 2**60))
def test_padding_costs_at_most_12_percent_and_is_stable(size: int) -> None:
    padded = padded_size(size, minimum=0)
    assert size <= padded <= size * 1.12
    assert padded_size(padded, minimum=0) == padded


def test_a_size_below_the_minimum_becomes_the_minimum() -> None:
    assert padded_size(10, minimum=4096) == 4096


@pytest.mark.parametrize(("size", "minimum"), [(-1, 0), (0, -1)])
def test_negative_sizes_are_refused(size: int, minimum: int) -> None:
    with pytest.raises(ParameterError):
        padded_size(size, minimum=minimum)


@given(st.binary(max_size=3000), st.integers(0, 5000))
def test_unpadding_undoes_padding(data: bytes, minimum: int) -> None:
    padded = pad_message(data, minimum=minimum)
    assert len(padded) == padded_size(len(data) + LENGTH_SIZE, minimum=minimum)
    assert unpad_message(padded) == data


@given(st.binary(max_size=50), st.integers(0, 50))
def test_unpadding_undoes_padding_to_a_fixed_size(data: bytes, spare: int) -> None:
    total = LENGTH_SIZE + len(data) + spare
    padded = pad_to(data, total)
    assert (len(padded), unpad_message(padded)) == (total, data)


def test_data_that_does_not_fit_the_fixed_size_is_refused() -> None:
    with pytest.raises(ParameterError, match="do not fit"):
        pad_to(b"12345", 8)


@pytest.mark.parametrize("bad", [b"", b"\x00\x00\x00", b"\x00\x00\x00\x02a", b"\xff\xff\xff\xffa"])
def test_a_length_that_is_missing_or_too_large_is_malformed(bad: bytes) -> None:
    with pytest.raises(FormatError):
        unpad_message(bad)


@given(st.integers(LENGTH_SIZE + 5, 63))
def test_padding_that_is_not_zero_is_malformed(position: int) -> None:
    padded = bytearray(pad_to(b"hello", 64))
    padded[position] = 1
    with pytest.raises(FormatError, match="zeros"):
        unpad_message(bytes(padded))
