"""The statements of privledger: what each proof shows, and what it is bound to."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

import pytest

from privledger_crypto.errors import CryptoError, FormatError, ParameterError, VerificationError
from privledger_crypto.generators import receipt_generators, terms_generators
from privledger_crypto.group import BACKENDS, ORDER, generator, use_backend
from privledger_crypto.pedersen import commit
from privledger_crypto.relations import (
    CommittedValue,
    proof_tag,
    prove_discrete_log,
    prove_equal,
    prove_opening,
    prove_opening_to,
    verify_discrete_log,
    verify_equal,
    verify_opening,
    verify_opening_to,
)

VALUES = [1001, 0, 77, ORDER - 1]
OTHER = [2002, 5, 6, 77, 8, 9, 10]
rng = secrets.token_bytes


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest):
    with use_backend(request.param):
        yield request.param


def committed(values: Sequence[int] = VALUES) -> bytes:
    bases = receipt_generators() if len(values) == 4 else terms_generators()
    return commit(bases, values).to_bytes()


def test_the_tag_names_statement_suite_flavour_and_context() -> None:
    expected = b"PRIVLEDGER-V1-OPENING-CMPT-with-sigma-proofs_Shake128_BLS12381:" + hashlib.sha256(b"c").digest()
    assert proof_tag(b"OPENING", b"c") == expected


@pytest.mark.parametrize("name", [b"", b"opening", b"A B", b"A:"])
def test_a_name_that_could_be_mistaken_is_refused(name: bytes) -> None:
    with pytest.raises(ParameterError):
        proof_tag(name, b"c")


# Discrete logarithm


def test_knowledge_of_a_discrete_logarithm_verifies(backend: str) -> None:
    proof = prove_discrete_log(7, context=b"c", random_bytes=rng)
    assert len(proof) == 64
    verify_discrete_log(generator().mul(7).to_bytes(), proof, context=b"c")


@pytest.mark.parametrize(
    ("secret", "context", "name"),
    [(8, b"c", b"DISCRETE-LOG"), (7, b"d", b"DISCRETE-LOG"), (7, b"c", b"OTHER")],
    ids=["key", "context", "name"],
)
def test_a_discrete_logarithm_proof_is_bound(secret: int, context: bytes, name: bytes) -> None:
    proof = prove_discrete_log(7, context=b"c", random_bytes=rng)
    with pytest.raises(VerificationError):
        verify_discrete_log(generator().mul(secret).to_bytes(), proof, context=context, name=name)


@pytest.mark.parametrize("secret", [0, ORDER, -1])
def test_a_secret_out_of_range_is_refused(secret: int) -> None:
    with pytest.raises(ParameterError):
        prove_discrete_log(secret, context=b"c", random_bytes=rng)


def test_the_identity_is_no_public_key() -> None:
    with pytest.raises(FormatError):
        verify_discrete_log(b"\xc0" + bytes(47), bytes(64), context=b"c")


# Opening


def test_knowledge_of_an_opening_verifies(backend: str) -> None:
    bases = receipt_generators()
    proof = prove_opening(bases, committed(), VALUES, context=b"c", random_bytes=rng)
    assert len(proof) == 32 * 5
    verify_opening(bases, committed(), proof, context=b"c")


def test_an_opening_proof_of_another_commitment_is_refused() -> None:
    proof = prove_opening(receipt_generators(), committed(), VALUES, context=b"c", random_bytes=rng)
    with pytest.raises(VerificationError):
        verify_opening(receipt_generators(), committed([1, 2, 3, 4]), proof, context=b"c")


def test_an_opening_proof_in_another_context_is_refused() -> None:
    proof = prove_opening(receipt_generators(), committed(), VALUES, context=b"c", random_bytes=rng)
    with pytest.raises(VerificationError):
        verify_opening(receipt_generators(), committed(), proof, context=b"d")


def test_an_opening_proof_under_bases_in_another_order_is_refused() -> None:
    bases = receipt_generators()
    proof = prove_opening(bases, committed(), VALUES, context=b"c", random_bytes=rng)
    with pytest.raises(VerificationError):
        verify_opening((bases[0], bases[2], bases[1], bases[3]), committed(), proof, context=b"c")


@pytest.mark.parametrize("values", [[1001, 0, 77, 0], [1001, 0, 77], [1001, 0, 77, ORDER]], ids=str)
def test_values_that_do_not_open_are_refused(values: list[int]) -> None:
    with pytest.raises(ParameterError):
        prove_opening(receipt_generators(), committed(), values, context=b"c", random_bytes=rng)


# Opening to a public value


@pytest.mark.parametrize("index", [1, 2, 3])
def test_an_opening_to_a_public_value_verifies(backend: str, index: int) -> None:
    bases = receipt_generators()
    proof = prove_opening_to(bases, committed(), VALUES, index, context=b"c", random_bytes=rng)
    assert len(proof) == 32 * 4
    verify_opening_to(bases, committed(), proof, index, public_value=VALUES[index], context=b"c")


@pytest.mark.parametrize(
    ("index", "value", "context"), [(2, 78, b"c"), (1, 77, b"c"), (2, 77, b"d")], ids=["value", "place", "context"]
)
def test_an_opening_to_a_public_value_is_bound(index: int, value: int, context: bytes) -> None:
    bases = receipt_generators()
    proof = prove_opening_to(bases, committed(), VALUES, 2, context=b"c", random_bytes=rng)
    with pytest.raises(VerificationError):
        verify_opening_to(bases, committed(), proof, index, public_value=value, context=context)


def test_a_value_and_its_commitment_cannot_be_shifted_together() -> None:
    bases = receipt_generators()
    proof = prove_opening_to(bases, committed(), VALUES, 2, context=b"c", random_bytes=rng)
    with pytest.raises(VerificationError):
        verify_opening_to(bases, committed([1001, 0, 78, ORDER - 1]), proof, 2, public_value=78, context=b"c")


@pytest.mark.parametrize("index", [0, 4, -1])
def test_the_blinding_and_absent_places_are_not_opened(index: int) -> None:
    with pytest.raises(ParameterError):
        prove_opening_to(receipt_generators(), committed(), VALUES, index, context=b"c", random_bytes=rng)
    with pytest.raises(ParameterError):
        verify_opening_to(receipt_generators(), committed(), bytes(128), index, public_value=1, context=b"c")


@pytest.mark.parametrize("value", [-1, ORDER, ORDER + 77])
def test_a_public_value_out_of_range_is_refused(value: int) -> None:
    with pytest.raises(ParameterError):
        verify_opening_to(receipt_generators(), committed(), bytes(128), 2, public_value=value, context=b"c")


# Equality


def place(values: Sequence[int], index: int) -> CommittedValue:
    return CommittedValue(receipt_generators() if len(values) == 4 else terms_generators(), committed(values), index)


def test_equal_values_under_different_bases_verify(backend: str) -> None:
    left, right = place(VALUES, 2), place(OTHER, 3)
    proof = prove_equal(left, VALUES, right, OTHER, context=b"c", random_bytes=rng)
    verify_equal(left, right, proof, context=b"c")


def test_equal_values_under_the_same_bases_verify(backend: str) -> None:
    values = [4, 3, 2, 77]
    left, right = place(VALUES, 2), place(values, 3)
    proof = prove_equal(left, VALUES, right, values, context=b"c", random_bytes=rng)
    verify_equal(left, right, proof, context=b"c")


def test_unequal_values_cannot_be_proven_equal() -> None:
    with pytest.raises(ParameterError, match="differ"):
        prove_equal(place(VALUES, 2), VALUES, place(OTHER, 4), OTHER, context=b"c", random_bytes=rng)


@pytest.mark.parametrize(
    ("left", "right", "context"),
    [(1, 3, b"c"), (2, 4, b"c"), (2, 3, b"d")],
    ids=["left place", "right place", "context"],
)
def test_an_equality_proof_is_bound(left: int, right: int, context: bytes) -> None:
    proof = prove_equal(place(VALUES, 2), VALUES, place(OTHER, 3), OTHER, context=b"c", random_bytes=rng)
    with pytest.raises(VerificationError):
        verify_equal(place(VALUES, left), place(OTHER, right), proof, context=context)


def test_the_two_sides_of_an_equality_are_not_interchangeable() -> None:
    left, right = place(VALUES, 2), place(OTHER, 3)
    proof = prove_equal(left, VALUES, right, OTHER, context=b"c", random_bytes=rng)
    with pytest.raises(VerificationError):
        verify_equal(right, left, proof, context=b"c")


def test_the_blinding_has_no_place_in_an_equality() -> None:
    with pytest.raises(ParameterError):
        place(VALUES, 0)


def test_an_equality_with_the_wrong_number_of_values_is_refused() -> None:
    with pytest.raises(ParameterError):
        prove_equal(place(VALUES, 2), VALUES[:3], place(OTHER, 3), OTHER, context=b"c", random_bytes=rng)


def test_a_proof_of_one_statement_is_none_of_another() -> None:
    bases = receipt_generators()
    proof = prove_opening(bases, committed(), VALUES, context=b"c", random_bytes=rng)
    with pytest.raises(CryptoError):
        verify_opening_to(bases, committed(), proof[:128], 2, public_value=77, context=b"c")


@pytest.mark.parametrize("bad", [b"", b"\xc0" + bytes(47), b"\x80" + bytes(47)], ids=["empty", "identity", "subgroup"])
def test_a_commitment_that_is_no_point_is_a_format_error(bad: bytes) -> None:
    with pytest.raises(FormatError):
        verify_opening(receipt_generators(), bad, bytes(160), context=b"c")
