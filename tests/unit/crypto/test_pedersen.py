"""Pedersen commitments: homomorphic, binding to each place, strict about ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privledger_crypto.errors import FormatError, ParameterError, VerificationError
from privledger_crypto.generators import receipt_generators
from privledger_crypto.group import BACKENDS, ORDER, use_backend
from privledger_crypto.pedersen import Opening, commit, parse_opening, verify_opening

scalars = st.integers(min_value=0, max_value=ORDER - 1)
lists = st.tuples(st.integers(1, ORDER - 1), scalars, scalars, scalars)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest):
    with use_backend(request.param):
        yield request.param


def test_a_commitment_opens_to_its_values(backend: str) -> None:
    bases = receipt_generators()
    verify_opening(commit(bases, [5, 0, 7, ORDER - 1]).to_bytes(), bases, Opening((5, 0, 7, ORDER - 1)))


@given(left=lists, right=lists)
def test_commitments_add(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    bases = receipt_generators()
    total = [(a + b) % ORDER for a, b in zip(left, right, strict=True)]
    if any(total):
        assert commit(bases, left) + commit(bases, right) == commit(bases, total)


@pytest.mark.parametrize("place", range(4))
def test_another_value_at_any_place_does_not_open(backend: str, place: int) -> None:
    bases, values = receipt_generators(), [5, 6, 7, 8]
    commitment = commit(bases, values).to_bytes()
    values[place] += 1
    with pytest.raises(VerificationError, match="does not open"):
        verify_opening(commitment, bases, Opening(tuple(values)))


def test_swapped_values_do_not_open() -> None:
    bases = receipt_generators()
    with pytest.raises(VerificationError):
        verify_opening(commit(bases, [5, 6, 7, 8]).to_bytes(), bases, Opening((5, 7, 6, 8)))


def test_an_opening_of_another_length_does_not_open() -> None:
    bases = receipt_generators()
    with pytest.raises(VerificationError, match="3 values for 4 bases"):
        verify_opening(commit(bases, [5, 6, 7, 0]).to_bytes(), bases, Opening((5, 6, 7)))


def test_bytes_that_are_no_point_are_a_format_error() -> None:
    with pytest.raises(FormatError):
        verify_opening(b"\xc0" + bytes(47), receipt_generators(), Opening((0, 0, 0, 0)))


@pytest.mark.parametrize(
    "values", [[0, 0, 0, 0], [1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 3, -1], [1, 2, 3, ORDER], []], ids=str
)
def test_impossible_values_are_refused(values: list[int]) -> None:
    with pytest.raises(ParameterError):
        commit(receipt_generators(), values)


@given(values=lists)
def test_an_opening_survives_encoding(values: tuple[int, ...]) -> None:
    assert parse_opening(Opening(values).to_bytes(), 4) == Opening(values)


@pytest.mark.parametrize("data", [bytes(95), bytes(97), bytes(64), bytes(64) + ORDER.to_bytes(32, "big")])
def test_a_bad_opening_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_opening(data, 3)


def test_an_opening_of_no_value_is_refused() -> None:
    with pytest.raises(ParameterError):
        parse_opening(b"", 0)


def test_the_repr_of_an_opening_shows_no_value() -> None:
    assert "987654321" not in repr(Opening((987654321,)))
