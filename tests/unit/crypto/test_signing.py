"""Ed25519 and ML-DSA-44 keys and signatures."""

from __future__ import annotations

import copy
import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa

from privledger_crypto import signing
from privledger_crypto.errors import FormatError, ParameterError, VerificationError

SEED = bytes(range(32))
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493


@pytest.fixture
def ed() -> signing.Ed25519PrivateKey:
    return signing.Ed25519PrivateKey(SEED)


@pytest.fixture(scope="module")
def ml() -> signing.MLDSA44PrivateKey:
    return signing.MLDSA44PrivateKey.from_seed(SEED)


# RFC 8032 section 7.1, tests 1 and 2.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_ed25519_key_and_signature_are_those_of_rfc_8032(seed, public, message, signature):
    key = signing.Ed25519PrivateKey(bytes.fromhex(seed))
    assert key.public.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature


def test_an_ed25519_signature_holds_for_its_key_and_message(ed):
    signing.verify_ed25519(ed.public, b"message", ed.sign(b"message"))


def test_openssl_accepts_our_ed25519_signature(ed):
    ed25519.Ed25519PublicKey.from_public_bytes(ed.public).verify(ed.sign(b"message"), b"message")


def test_an_ed25519_signature_is_false_for_another_message(ed):
    with pytest.raises(VerificationError):
        signing.verify_ed25519(ed.public, b"massage", ed.sign(b"message"))


def test_an_ed25519_signature_is_false_for_another_key(ed):
    other = signing.Ed25519PrivateKey(bytes(32))
    with pytest.raises(VerificationError):
        signing.verify_ed25519(other.public, b"message", ed.sign(b"message"))


@pytest.mark.parametrize("bit", range(0, 512, 37))
def test_an_ed25519_signature_with_one_bit_changed_is_false(ed, bit):
    changed = int.from_bytes(ed.sign(b"message"), "little") ^ (1 << bit)
    with pytest.raises(VerificationError):
        signing.verify_ed25519(ed.public, b"message", changed.to_bytes(64, "little"))


def test_an_ed25519_signature_with_the_group_order_added_to_s_is_false(ed):
    signature = ed.sign(b"message")
    s = int.from_bytes(signature[32:], "little") + L
    with pytest.raises(VerificationError):
        signing.verify_ed25519(ed.public, b"message", signature[:32] + s.to_bytes(32, "little"))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_an_ed25519_key_of_another_length_verifies_nothing(ed, size):
    with pytest.raises(VerificationError, match="length"):
        signing.verify_ed25519((ed.public + b"\0")[:size], b"message", ed.sign(b"message"))


@pytest.mark.parametrize("size", [0, 63, 65])
def test_an_ed25519_signature_of_another_length_is_false(ed, size):
    # 65 bytes and a message one byte shorter are the same bytes to a verifier that joins them.
    signature = (ed.sign(b"message") + b"m")[:size]
    with pytest.raises(VerificationError, match="length"):
        signing.verify_ed25519(ed.public, b"essage", signature)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_seeds_have_32_bytes(size):
    with pytest.raises(ParameterError):
        signing.Ed25519PrivateKey(bytes(size))
    with pytest.raises(ParameterError):
        signing.MLDSA44PrivateKey.from_seed(bytes(size))


def test_an_honest_ed25519_key_passes_the_check(ed):
    signing.check_ed25519_public(ed.public)


# Points of order 1, 2, 4 and 8 in canonical form (y = 1, -1, 0 and the two y of order 8, both signs of x).
Y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7
SMALL_ORDER = [1, P - 1, 0, 1 << 255, Y8, Y8 | 1 << 255, P - Y8, (P - Y8) | 1 << 255]


@pytest.mark.parametrize("y", SMALL_ORDER)
def test_a_key_of_small_order_is_refused(y):
    with pytest.raises(FormatError):
        signing.check_ed25519_public(y.to_bytes(32, "little"))


@pytest.mark.parametrize("y", [P, P + 1, P + 3, P + 4, P + 18, P | 1 << 255, (1 << 256) - 1])
def test_a_key_that_is_not_canonical_is_refused(y):
    with pytest.raises(FormatError):
        signing.check_ed25519_public(y.to_bytes(32, "little"))


def test_a_key_that_is_no_point_is_refused():
    with pytest.raises(FormatError):
        signing.check_ed25519_public((2).to_bytes(32, "little"))


def test_a_key_outside_the_prime_order_subgroup_is_refused():
    # A key of the edge vectors that libsodium verifies with: an honest point plus one of small order.
    mixed = "10eb7c3acfb2bed3e0d6ab89bf5a3d6afddd1176ce4812e38d9fd485058fdb1f"
    with pytest.raises(FormatError):
        signing.check_ed25519_public(bytes.fromhex(mixed))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_refused(ed, size):
    with pytest.raises(FormatError, match="32 bytes"):
        signing.check_ed25519_public((ed.public + b"\0")[:size])


def test_an_mldsa44_signature_holds_for_its_key_message_and_context(ml):
    signing.verify_mldsa44(ml.public, b"message", ml.sign(b"message", context=b"c"), context=b"c")


def test_an_mldsa44_key_and_signature_have_the_sizes_of_fips_204(ml):
    assert (len(ml.public), len(ml.sign(b""))) == (signing.MLDSA44_PUBLIC_SIZE, signing.MLDSA44_SIGNATURE_SIZE)


def test_the_mldsa44_key_of_a_seed_is_always_the_same(ml):
    assert signing.MLDSA44PrivateKey.from_seed(SEED).public == ml.public


@pytest.mark.parametrize(("message", "context"), [(b"massage", b""), (b"message", b"c")])
def test_an_mldsa44_signature_is_false_for_another_message_or_context(ml, message, context):
    with pytest.raises(VerificationError):
        signing.verify_mldsa44(ml.public, message, ml.sign(b"message"), context=context)


def test_an_mldsa44_signature_is_false_for_another_key(ml):
    other = signing.MLDSA44PrivateKey(mldsa.MLDSA44PrivateKey.from_seed_bytes(bytes(32)))
    with pytest.raises(VerificationError):
        signing.verify_mldsa44(other.public, b"message", ml.sign(b"message"))


@pytest.mark.parametrize(("key", "signature"), [(1311, 2420), (1313, 2420), (1312, 2419), (1312, 2421), (0, 0)])
def test_mldsa44_keys_and_signatures_of_another_length_are_false(ml, key, signature):
    public, signed = (ml.public + b"\0")[:key], (ml.sign(b"message") + b"\0")[:signature]
    with pytest.raises(VerificationError, match="length"):
        signing.verify_mldsa44(public, b"message", signed)


def test_an_mldsa44_context_has_at_most_255_bytes(ml):
    signed = ml.sign(b"message", context=bytes(255))
    signing.verify_mldsa44(ml.public, b"message", signed, context=bytes(255))
    with pytest.raises(ParameterError):
        ml.sign(b"message", context=bytes(256))
    with pytest.raises(VerificationError):
        signing.verify_mldsa44(ml.public, b"message", signed, context=bytes(256))


@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_private_keys_are_neither_pickled_nor_copied(ed, ml, leave):
    with pytest.raises(TypeError, match="cannot be pickled"):
        leave(ed)
    with pytest.raises(TypeError, match="cannot be pickled"):
        leave(ml)


def test_the_representation_of_a_private_key_is_its_type_alone(ed, ml):
    assert f"{ed!r} {ed} {ml!r}" == "<Ed25519PrivateKey> <Ed25519PrivateKey> <MLDSA44PrivateKey>"
