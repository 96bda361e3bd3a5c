"""Envelopes: they open for one key and one purpose, and every other failure looks the same."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from privledger_crypto.envelope import (
    ENVELOPE_OVERHEAD,
    SUITE_ID,
    XWING_PUBLIC_SIZE,
    XWingPrivateKey,
    open_envelope,
    parse_xwing_public,
    seal_envelope,
)
from privledger_crypto.errors import FormatError, ParameterError, VerificationError

PRIVATE = XWingPrivateKey.from_seed(bytes(range(32)))
INFO, SECRET = b"grant 7", b"the owner's part"
MESSAGE = seal_envelope(PRIVATE.public, INFO, SECRET)
LOW_ORDER = [bytes(32), (1).to_bytes(32, "little"), (2**255 - 20).to_bytes(32, "little")]  # u = 0, 1, p - 1


def refusal(private: XWingPrivateKey, info: bytes, message: bytes) -> str:
    with pytest.raises(VerificationError) as caught:
        open_envelope(private, info, message)
    return str(caught.value)


@given(st.binary(max_size=300), st.binary(max_size=50))
@settings(max_examples=20)
def test_an_envelope_opens_to_what_was_sealed(plaintext: bytes, info: bytes) -> None:
    message = seal_envelope(PRIVATE.public, info, plaintext)
    assert len(message) == len(plaintext) + ENVELOPE_OVERHEAD
    assert open_envelope(PRIVATE, info, message) == plaintext


def test_two_envelopes_of_one_message_differ() -> None:
    assert seal_envelope(PRIVATE.public, INFO, SECRET) != MESSAGE


def test_every_failure_says_the_same() -> None:
    changed = [bytes([MESSAGE[at] ^ 1]) for at in (0, 1100, 1120, -1)]
    said = {
        refusal(XWingPrivateKey.from_seed(bytes(32)), INFO, MESSAGE),
        refusal(PRIVATE, b"grant 8", MESSAGE),
        refusal(PRIVATE, INFO, changed[0] + MESSAGE[1:]),
        refusal(PRIVATE, INFO, MESSAGE[:1100] + changed[1] + MESSAGE[1101:]),
        refusal(PRIVATE, INFO, MESSAGE[:1120] + changed[2] + MESSAGE[1121:]),
        refusal(PRIVATE, INFO, MESSAGE[:-1] + changed[3]),
        refusal(PRIVATE, INFO, MESSAGE + b"\x00"),
        *(refusal(PRIVATE, INFO, MESSAGE[:size]) for size in (0, 1, 1119, 1120, 1135, len(MESSAGE) - 1)),
        *(refusal(PRIVATE, INFO, MESSAGE[:1088] + point + MESSAGE[1120:]) for point in LOW_ORDER),
    }
    assert len(said) == 1


def test_the_suite_is_bound_through_info() -> None:
    suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    assert suite.decrypt(MESSAGE, PRIVATE._key, b"HPKE\x64\x7a\x00\x01\x00\x02" + INFO) == SECRET
    assert SUITE_ID == b"HPKE\x64\x7a\x00\x01\x00\x02"


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_seed_is_32_bytes(size: int) -> None:
    with pytest.raises(ParameterError, match="seed"):
        XWingPrivateKey.from_seed(bytes(size))


def test_repr_of_a_private_key_shows_the_public_key_only() -> None:
    seed = os.urandom(32)
    private = XWingPrivateKey.from_seed(seed)
    assert repr(private) == f"XWingPrivateKey(public={private.public[:8].hex()}…)"


def test_a_public_key_parses_to_itself() -> None:
    assert parse_xwing_public(PRIVATE.public) == PRIVATE.public


@pytest.mark.parametrize("size", [0, XWING_PUBLIC_SIZE - 1, XWING_PUBLIC_SIZE + 1])
def test_a_public_key_of_another_length_is_malformed(size: int) -> None:
    with pytest.raises(FormatError, match="1216 bytes"):
        parse_xwing_public(bytes(size))


def test_a_lattice_key_that_is_not_reduced_is_malformed() -> None:
    """FIPS 203 section 7.2, the modulus check: 12-bit numbers of q = 3329 and above are no coefficients."""
    with pytest.raises(FormatError, match="not a valid key"):
        parse_xwing_public(b"\xff" * 1152 + PRIVATE.public[1152:])


@pytest.mark.parametrize("point", LOW_ORDER, ids=["0", "1", "p-1"])
def test_a_point_of_low_order_is_malformed(point: bytes) -> None:
    bad = PRIVATE.public[:1184] + point
    for use in (parse_xwing_public, lambda public: seal_envelope(public, INFO, SECRET)):
        with pytest.raises(FormatError, match="not a valid key"):
            use(bad)


def test_an_envelope_for_two_unrelated_keys_is_not_for_the_seed() -> None:
    """Half of the key right is not enough, whichever half."""
    mlkem, x25519 = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
    for public in (
        mlkem.public_key().public_bytes_raw() + PRIVATE.public[1184:],
        PRIVATE.public[:1184] + x25519.public_key().public_bytes_raw(),
    ):
        refusal(PRIVATE, INFO, seal_envelope(public, INFO, SECRET))
