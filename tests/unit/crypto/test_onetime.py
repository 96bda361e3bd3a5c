"""One-time keys: only the receiver can sign, keys do not repeat, the identity is refused."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privledger_crypto.errors import CryptoError, FormatError, ParameterError, VerificationError
from privledger_crypto.group import BACKENDS, ORDER, generator, hash_to_scalar, use_backend
from privledger_crypto.onetime import (
    one_time_public,
    one_time_secret,
    sign_one_time,
    verify_one_time,
)
from privledger_crypto.relations import prove_discrete_log

SPEND = 0x1234567890ABCDEF
SEED = bytes(range(32))


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest):
    with use_backend(request.param):
        yield request.param


def spend_public() -> bytes:
    return generator().mul(SPEND).to_bytes()


def tweak() -> int:
    return hash_to_scalar(SEED, b"PRIVLEDGER-V1-ONE-TIME-KEY")


def test_the_secret_belongs_to_the_public_key(backend: str) -> None:
    assert generator().mul(one_time_secret(SPEND, SEED)).to_bytes() == one_time_public(spend_public(), SEED)


def test_the_derivation_is_frozen() -> None:
    assert (
        one_time_public(spend_public(), SEED).hex()
        == "860be953c71999eb7f936a0522653dc105f73376e27fc1ea216cf611aa3a4324330f24a017c66ce2ca49fcafee2796d8"
    )


def test_two_seeds_give_two_keys() -> None:
    assert one_time_public(spend_public(), SEED) != one_time_public(spend_public(), bytes(32))


def test_a_signature_verifies(backend: str) -> None:
    signature = sign_one_time(one_time_secret(SPEND, SEED), b"message", secrets.token_bytes)
    assert len(signature) == 64
    verify_one_time(one_time_public(spend_public(), SEED), b"message", signature)


def test_a_signature_of_another_message_is_refused() -> None:
    signature = sign_one_time(one_time_secret(SPEND, SEED), b"message", secrets.token_bytes)
    with pytest.raises(VerificationError):
        verify_one_time(one_time_public(spend_public(), SEED), b"massage", signature)


def test_the_spend_key_does_not_sign_for_the_one_time_key() -> None:
    with pytest.raises(VerificationError):
        verify_one_time(
            one_time_public(spend_public(), SEED), b"message", sign_one_time(SPEND, b"message", secrets.token_bytes)
        )


def test_a_discrete_logarithm_proof_is_no_signature() -> None:
    proof = prove_discrete_log(SPEND, context=b"message", random_bytes=secrets.token_bytes)
    with pytest.raises(VerificationError):
        verify_one_time(spend_public(), b"message", proof)


@settings(max_examples=30)
@given(at=st.integers(0, 63), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused(at: int, bit: int) -> None:
    signature = bytearray(sign_one_time(SPEND, b"message", secrets.token_bytes))
    signature[at] ^= 1 << bit
    with pytest.raises(CryptoError):
        verify_one_time(spend_public(), b"message", bytes(signature))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_seed_has_32_bytes(length: int) -> None:
    with pytest.raises(ParameterError):
        one_time_public(spend_public(), bytes(length))


def test_a_public_key_that_leads_to_the_identity_is_refused() -> None:
    with pytest.raises(ParameterError, match="identity"):
        one_time_public(generator().mul(-tweak()).to_bytes(), SEED)


def test_a_secret_key_that_leads_to_the_identity_is_refused() -> None:
    with pytest.raises(ParameterError, match="identity"):
        one_time_secret(ORDER - tweak(), SEED)


@pytest.mark.parametrize("secret", [0, -1, ORDER])
def test_a_spend_secret_out_of_range_is_refused(secret: int) -> None:
    with pytest.raises(ParameterError):
        one_time_secret(secret, SEED)


@pytest.mark.parametrize("public", [b"", b"\xc0" + bytes(47), b"\x80" + bytes(47)])
def test_a_spend_key_that_is_no_point_is_refused(public: bytes) -> None:
    with pytest.raises(FormatError):
        one_time_public(public, SEED)
