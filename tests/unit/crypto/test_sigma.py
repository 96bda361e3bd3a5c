"""Sigma proofs: complete, bound to everything, strict about instances and witnesses."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privledger_crypto.errors import CryptoError, FormatError, ParameterError, VerificationError
from privledger_crypto.group import BACKENDS, ORDER, Point, generator, hash_to_point, identity, use_backend
from privledger_crypto.sigma import (
    BatchItem,
    Equation,
    LinearRelation,
    RelationBuilder,
    derive_session_id,
    parse_relation,
    prove_batchable,
    prove_compact,
    verify_batch,
    verify_batchable,
    verify_compact,
)

SESSION = derive_session_id(b"TEST-V01-0001-CMPT-with-sigma-proofs_Shake128_BLS12381")
FLAVOURS: dict[str, tuple[Callable[..., bytes], Callable[..., None]]] = {
    "compact": (prove_compact, verify_compact),
    "batchable": (prove_batchable, verify_batchable),
}
WITNESS = [11, 22]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest):
    with use_backend(request.param):
        yield request.param


def base() -> Point:
    return hash_to_point(b"base", b"TEST")


def relation(x: int = 11, r: int = 22) -> LinearRelation:
    """C = x·G + r·H and D = x·H."""
    builder = RelationBuilder()
    h, c, d = (builder.element(p) for p in (base(), generator().mul(x) + base().mul(r), base().mul(x)))
    s, t = builder.scalar(), builder.scalar()
    builder.equation(image=[(c, 1)], terms=[(s, 0, 1), (t, h, 1)])
    builder.equation(image=[(d, 1)], terms=[(s, h, 1)])
    return builder.build()


def prove(flavour: str, statement: LinearRelation | None = None) -> bytes:
    return FLAVOURS[flavour][0](statement or relation(), WITNESS, session_id=SESSION, random_bytes=secrets.token_bytes)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_proof_verifies(backend: str, flavour: str) -> None:
    FLAVOURS[flavour][1](relation(), prove(flavour), session_id=SESSION)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_proof_made_by_one_back_end_verifies_under_the_other(flavour: str) -> None:
    with use_backend("py_ecc"):
        proof = prove(flavour)
    with use_backend("pyblst"):
        FLAVOURS[flavour][1](relation(), proof, session_id=SESSION)


@pytest.mark.parametrize(("flavour", "size"), [("compact", 96), ("batchable", 160)])
def test_a_proof_has_the_announced_size(flavour: str, size: int) -> None:
    assert len(prove(flavour)) == size


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_two_proofs_of_one_statement_differ(flavour: str) -> None:
    assert prove(flavour) != prove(flavour)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_another_session_is_refused(flavour: str) -> None:
    with pytest.raises(VerificationError):
        FLAVOURS[flavour][1](relation(), prove(flavour), session_id=derive_session_id(b"other"))


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_another_statement_is_refused(flavour: str) -> None:
    with pytest.raises(VerificationError):
        FLAVOURS[flavour][1](relation(11, 23), prove(flavour), session_id=SESSION)


@settings(max_examples=40)
@given(flavour=st.sampled_from(sorted(FLAVOURS)), at=st.integers(0, 95), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused(flavour: str, at: int, bit: int) -> None:
    proof = bytearray(prove(flavour))
    proof[at] ^= 1 << bit
    with pytest.raises(CryptoError):
        FLAVOURS[flavour][1](relation(), bytes(proof), session_id=SESSION)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(
    "change", [lambda p: p[:-1], lambda p: p + b"\x00", lambda p: b""], ids=["less", "more", "none"]
)
def test_a_proof_of_another_length_is_a_format_error(flavour: str, change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(FormatError):
        FLAVOURS[flavour][1](relation(), change(prove(flavour)), session_id=SESSION)


@pytest.mark.parametrize("witness", [[11], [11, 22, 33], [11, 23], [11, 22 + ORDER], [-1, 22]], ids=str)
def test_a_bad_witness_is_refused(witness: list[int]) -> None:
    with pytest.raises(ParameterError):
        prove_compact(relation(), witness, session_id=SESSION, random_bytes=secrets.token_bytes)


def test_an_unchecked_wrong_witness_gives_a_proof_that_fails() -> None:
    proof = prove_compact(
        relation(), [11, 23], session_id=SESSION, random_bytes=secrets.token_bytes, check_witness=False
    )
    with pytest.raises(VerificationError):
        verify_compact(relation(), proof, session_id=SESSION)


def simple(
    elements: tuple[Point, ...] | None = None,
    image: tuple[tuple[int, int], ...] = ((1, 1),),
    terms: tuple[tuple[int, int, int], ...] = ((0, 0, 1),),
) -> LinearRelation:
    return LinearRelation(elements or (generator(), generator().mul(3)), (Equation(image, terms),))


INVALID: dict[str, Callable[[], LinearRelation]] = {
    "1 no equation": lambda: LinearRelation((generator(),), ()),
    "2 empty image": lambda: simple(image=()),
    "2 empty terms": lambda: simple(terms=()),
    "3 negative element": lambda: simple(image=((1, 1), (-1, 1))),
    "3 negative scalar": lambda: simple(terms=((-1, 0, 1),)),
    "3 huge scalar": lambda: simple(terms=((0, 0, 1), (1 << 32, 0, 1))),
    "4 absent element": lambda: simple(image=((2, 1),)),
    "5 unused element": lambda: simple(elements=(generator(), generator().mul(3), base())),
    "6 unused scalar": lambda: simple(terms=((1, 0, 1),)),
    "6 unused scalar, far away": lambda: simple(terms=((0, 0, 1), ((1 << 32) - 1, 0, 1))),
    "7 other generator": lambda: simple(elements=(base(), generator().mul(3))),
    "7 no element": lambda: LinearRelation((), (Equation(((0, 1),), ((0, 0, 1),)),)),
    "8 identity element": lambda: simple(elements=(generator(), identity())),
    "9 identity image": lambda: simple(image=((1, 1), (1, ORDER - 1))),
    "9 zero coefficient": lambda: simple(image=((1, 0),)),
    "10 cancelling terms": lambda: simple(terms=((0, 0, 1), (1, 0, 1), (1, 0, ORDER - 1))),
}


@pytest.mark.parametrize("make", INVALID.values(), ids=INVALID)
def test_the_prover_refuses_an_invalid_instance(make: Callable[[], LinearRelation]) -> None:
    with pytest.raises(ParameterError, match=r"relation|equation"):
        prove_compact(make(), [3], session_id=SESSION, random_bytes=secrets.token_bytes)


@pytest.mark.parametrize("make", INVALID.values(), ids=INVALID)
@pytest.mark.parametrize("verify", [verify_compact, verify_batchable], ids=["compact", "batchable"])
def test_the_verifier_refuses_an_invalid_instance(make: Callable[[], LinearRelation], verify) -> None:
    with pytest.raises(VerificationError, match="not valid"):
        verify(make(), bytes(96), session_id=SESSION)


def test_a_scalar_that_cancels_in_one_equation_only_is_allowed() -> None:
    builder = RelationBuilder()
    x, y = (builder.element(generator().mul(3)), builder.element(generator().mul(4)))
    s, t = builder.scalar(), builder.scalar()
    builder.equation(image=[(x, 1)], terms=[(s, 0, 1), (t, 0, 1), (t, 0, -1)])
    builder.equation(image=[(y, 1)], terms=[(t, 0, 1)])
    builder.build().validate()


def test_a_relation_survives_encoding(backend: str) -> None:
    assert parse_relation(relation().serialize()) == relation()


@given(cut=st.integers(0, len(relation().serialize()) - 1))
def test_a_truncated_relation_is_refused(cut: int) -> None:
    with pytest.raises(CryptoError):
        parse_relation(relation().serialize()[:cut]).validate()


def test_a_relation_that_announces_four_thousand_million_equations_is_refused_at_once() -> None:
    with pytest.raises(FormatError, match="ends too early"):
        parse_relation(b"\xff\xff\xff\xff" + bytes(48))


def test_the_identity_is_not_encoded_in_a_statement() -> None:
    with pytest.raises(ParameterError):
        simple(elements=(generator(), identity())).serialize()


def test_a_negative_coefficient_is_taken_modulo_the_order() -> None:
    builder = RelationBuilder()
    builder.equation(image=[(builder.element(-generator()), 1)], terms=[(builder.scalar(), 0, -1)])
    proof = prove_compact(builder.build(), [1], session_id=SESSION, random_bytes=secrets.token_bytes)
    verify_compact(builder.build(), proof, session_id=SESSION)


def items(count: int) -> list[BatchItem]:
    return [BatchItem(relation(), prove("batchable"), SESSION) for _ in range(count)]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_batch_of_true_proofs_is_accepted(backend: str, count: int) -> None:
    verify_batch(items(count))


def test_two_errors_that_cancel_without_weights_are_refused() -> None:
    first, second = items(2)
    up = (int.from_bytes(first.proof[-32:], "big") + 1) % ORDER
    down = (int.from_bytes(second.proof[-32:], "big") - 1) % ORDER
    with pytest.raises(VerificationError, match="at least one"):
        verify_batch(
            [
                BatchItem(first.relation, first.proof[:-32] + up.to_bytes(32, "big"), SESSION),
                BatchItem(second.relation, second.proof[:-32] + down.to_bytes(32, "big"), SESSION),
            ]
        )


def test_a_batch_with_an_invalid_instance_is_refused() -> None:
    with pytest.raises(VerificationError, match="not valid"):
        verify_batch([*items(1), BatchItem(simple(image=((1, 0),)), bytes(80), SESSION)])
