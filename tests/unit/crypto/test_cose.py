"""COSE_Sign1 and COSE_Sign in our one shape."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privledger_crypto import cbor, cose, signing
from privledger_crypto.errors import FormatError, ParameterError, VerificationError

AAD = b"ledger.example/0123"
PAYLOAD = cbor.encode({1: 1, 2: bytes(16)})


def signer(number: int) -> cose.Ed25519Signer:
    return cose.Ed25519Signer(signing.Ed25519PrivateKey(bytes([number] * 32)))


ALICE, BOB, CAROL = sorted((signer(n) for n in (1, 2, 3)), key=lambda one: one.key_id)
SIGNED = cose.sign1(ALICE, PAYLOAD, external_aad=AAD)


@dataclass(frozen=True)
class AnySigner:
    """A signer that says and signs whatever it is told."""

    algorithm: int
    key_id: bytes
    signature: bytes

    def sign(self, message: bytes) -> bytes:
        return self.signature


def parse(data: bytes) -> cose.Sign1:
    return cose.parse_sign1(data, max_size=512)


def test_a_sign1_is_an_untagged_array_of_protected_header_empty_map_payload_and_signature():
    protected, unprotected, payload, signature = cbor2.loads(SIGNED)
    assert cbor2.loads(protected) == {1: -19, 4: ALICE.key_id}
    assert (unprotected, payload, len(signature)) == ({}, PAYLOAD, 64)


def test_what_is_signed_is_the_sig_structure_of_rfc_9052():
    protected, _, payload, signature = cbor2.loads(SIGNED)
    structure = cbor2.dumps(["Signature1", protected, AAD, payload])
    assert parse(SIGNED).to_be_signed(AAD) == structure
    signing.verify_ed25519(ALICE.key_id, structure, signature)


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=300))
def test_the_structures_are_what_cbor2_writes(body, sign, aad, payload):
    assert cose.sign1_structure(body, aad, payload) == cbor2.dumps(["Signature1", body, aad, payload])
    assert cose.sign_structure(body, sign, aad, payload) == cbor2.dumps(["Signature", body, sign, aad, payload])


@given(st.binary(max_size=300), st.binary(max_size=60))
def test_a_signed_payload_comes_back_and_verifies(payload, aad):
    message = parse(cose.sign1(ALICE, payload, external_aad=aad))
    assert (message.algorithm, message.key_id, message.payload) == (cose.ALG_ED25519, ALICE.key_id, payload)
    cose.verify_sign1(message, external_aad=aad)


def test_a_message_is_false_with_another_external_aad():
    with pytest.raises(VerificationError):
        cose.verify_sign1(parse(SIGNED), external_aad=b"ledger.example/4567")


@pytest.mark.parametrize(
    "change", [{"payload": b"other"}, {"key_id": BOB.key_id}, {"protected": b""}, {"signature": bytes(64)}], ids=str
)
def test_a_message_is_false_with_any_part_changed(change):
    with pytest.raises(VerificationError):
        cose.verify_sign1(replace(parse(SIGNED), **change), external_aad=AAD)


@given(st.integers(0, len(SIGNED) * 8 - 1))
def test_one_changed_bit_is_malformed_or_false(bit):
    changed = bytearray(SIGNED)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises((FormatError, VerificationError)):
        cose.verify_sign1(parse(bytes(changed)), external_aad=AAD)


HEADER, _, _, SIGNATURE = cbor2.loads(SIGNED)
KEY = ALICE.key_id


@pytest.mark.parametrize(
    "value",
    [
        cbor2.CBORTag(18, [HEADER, {}, PAYLOAD, SIGNATURE]),
        {},
        [HEADER, {}, PAYLOAD],
        [HEADER, {}, PAYLOAD, SIGNATURE, b""],
        [HEADER, {4: KEY}, PAYLOAD, SIGNATURE],
        [HEADER, [], PAYLOAD, SIGNATURE],
        [HEADER, b"", PAYLOAD, SIGNATURE],
        [HEADER, {}, None, SIGNATURE],
        [HEADER, {}, "text", SIGNATURE],
        [HEADER, {}, PAYLOAD, None],
        [{1: -19, 4: KEY}, {}, PAYLOAD, SIGNATURE],
        [b"", {}, PAYLOAD, SIGNATURE],
        [HEADER + b"\0", {}, PAYLOAD, SIGNATURE],
        [HEADER, {}, PAYLOAD, SIGNATURE[:63]],
        [HEADER, {}, PAYLOAD, SIGNATURE + b"\0"],
        [HEADER, {}, PAYLOAD, b""],
        [cbor2.dumps({1: -19, 4: KEY[:31]}), {}, PAYLOAD, SIGNATURE],
        [cbor2.dumps({1: -19, 4: KEY + b"\0"}), {}, PAYLOAD, SIGNATURE],
        [cbor2.dumps({1: -19, 4: "x" * 32}), {}, PAYLOAD, SIGNATURE],
        [cbor2.dumps({4: KEY, 1: -19}), {}, PAYLOAD, SIGNATURE],
        [cbor2.dumps({1: -19}), {}, PAYLOAD, SIGNATURE],
        [cbor2.dumps({4: KEY}), {}, PAYLOAD, SIGNATURE],
        [cbor2.dumps({1: -19, 3: 0, 4: KEY}), {}, PAYLOAD, SIGNATURE],
        [cbor2.dumps({1: -19, 4: KEY, "x": 0}), {}, PAYLOAD, SIGNATURE],
        [cbor2.dumps({1: -8, 4: KEY}), {}, PAYLOAD, SIGNATURE],
        [cbor2.dumps({1: True, 4: KEY}), {}, PAYLOAD, SIGNATURE],
        [cbor2.dumps({1: "EdDSA", 4: KEY}), {}, PAYLOAD, SIGNATURE],
        [cbor2.dumps({1: -48, 4: KEY}), {}, PAYLOAD, SIGNATURE],
        [cbor2.dumps({1: -65537, 4: KEY}), {}, PAYLOAD, SIGNATURE],
    ],
    ids=repr,
)
def test_another_shape_is_no_sign1(value):
    with pytest.raises(FormatError):
        parse(cbor2.dumps(value))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SIGNED[:-1],
        SIGNED + b"\0",
        b"\x98\x04" + SIGNED[1:],
        b"\x9f" + SIGNED[1:] + b"\xff",
        SIGNED.replace(b"\x58\x26", b"\x59\x00\x26", 1),
        SIGNED.replace(b"\xa0", b"\xb8\x00", 1),
    ],
)
def test_another_encoding_is_no_sign1(data):
    with pytest.raises(FormatError):
        parse(data)


def test_a_sign1_has_at_most_max_size_bytes():
    assert cose.parse_sign1(SIGNED, max_size=len(SIGNED)).payload == PAYLOAD
    with pytest.raises(FormatError, match="bytes"):
        cose.parse_sign1(SIGNED, max_size=len(SIGNED) - 1)


@pytest.mark.parametrize("algorithm", [cose.ALG_MLDSA44, cose.ALG_SIGMA_DLOG])
def test_an_algorithm_without_a_verifier_is_not_accepted(algorithm):
    key, signature = {cose.ALG_MLDSA44: (1312, 2420), cose.ALG_SIGMA_DLOG: (48, 64)}[algorithm]
    data = cose.sign1(AnySigner(algorithm, bytes(key), bytes(signature)), PAYLOAD, external_aad=AAD)
    with pytest.raises(VerificationError, match="not accepted"):
        cose.verify_sign1(cose.parse_sign1(data, max_size=8192), external_aad=AAD)


def test_given_verifiers_replace_the_default():
    with pytest.raises(VerificationError, match="not accepted"):
        cose.verify_sign1(parse(SIGNED), external_aad=AAD, verifiers={})


def test_an_mldsa44_message_verifies_with_its_verifier():
    private = signing.MLDSA44PrivateKey.from_seed(bytes(32))

    class Signer:
        algorithm = cose.ALG_MLDSA44
        key_id = private.public

        def sign(self, message: bytes) -> bytes:
            return private.sign(message)

    message = cose.parse_sign1(cose.sign1(Signer(), PAYLOAD, external_aad=AAD), max_size=8192)
    verifiers = {cose.ALG_MLDSA44: signing.verify_mldsa44}
    cose.verify_sign1(message, external_aad=AAD, verifiers=verifiers)
    with pytest.raises(VerificationError):
        cose.verify_sign1(message, external_aad=b"", verifiers=verifiers)


def test_a_verifier_is_given_the_key_the_signed_bytes_and_the_signature():
    key, signature = bytes(range(48)), bytes(range(64))
    data = cose.sign1(AnySigner(cose.ALG_SIGMA_DLOG, key, signature), PAYLOAD, external_aad=AAD)
    calls = []
    cose.verify_sign1(
        parse(data), external_aad=AAD, verifiers={cose.ALG_SIGMA_DLOG: lambda *arguments: calls.append(arguments)}
    )
    assert calls == [(key, parse(data).to_be_signed(AAD), signature)]


def test_a_verifier_that_finds_a_key_malformed_makes_the_message_false():
    def verifier(public: bytes, message: bytes, signature: bytes) -> None:
        raise FormatError("not a point")

    with pytest.raises(VerificationError, match="malformed"):
        cose.verify_sign1(parse(SIGNED), external_aad=AAD, verifiers={cose.ALG_ED25519: verifier})


@pytest.mark.parametrize(
    "bad",
    [AnySigner(-8, bytes(32), bytes(64)), AnySigner(-19, bytes(31), bytes(64)), AnySigner(-19, bytes(32), bytes(63))],
)
def test_a_signer_with_an_unknown_algorithm_or_wrong_sizes_signs_nothing(bad):
    with pytest.raises(ParameterError):
        cose.sign1(bad, PAYLOAD, external_aad=AAD)
    with pytest.raises(ParameterError):
        cose.sign_many([bad], PAYLOAD, external_aad=AAD)


def test_the_key_does_not_show_in_the_representation_of_a_signer():
    assert repr(ALICE) == "Ed25519Signer(key=<Ed25519PrivateKey>)"


# --- COSE_Sign ------------------------------------------------------------------------------------------------------


MANY = cose.sign_many([CAROL, ALICE, BOB], PAYLOAD, external_aad=AAD)


def parse_many(data: bytes) -> cose.Sign:
    return cose.parse_sign(data, max_size=4096)


def test_a_sign_has_an_empty_header_and_its_signatures_in_the_order_of_their_keys():
    body, unprotected, payload, signatures = cbor2.loads(MANY)
    assert (body, unprotected, payload) == (b"", {}, PAYLOAD)
    assert [cbor2.loads(one[0]) for one in signatures] == [{1: -19, 4: s.key_id} for s in (ALICE, BOB, CAROL)]
    assert [one[1] for one in signatures] == [{}, {}, {}]


def test_each_signature_covers_both_headers_aad_and_payload():
    for protected, _, signature in cbor2.loads(MANY)[3]:
        structure = cbor2.dumps(["Signature", b"", protected, AAD, PAYLOAD])
        signing.verify_ed25519(cbor2.loads(protected)[4], structure, signature)


def test_a_sign_comes_back_and_verifies():
    message = parse_many(MANY)
    assert (message.payload, [one.key_id for one in message.signatures]) == (
        PAYLOAD,
        [ALICE.key_id, BOB.key_id, CAROL.key_id],
    )
    cose.verify_sign(message, external_aad=AAD)


def test_a_sign_is_false_with_another_external_aad():
    with pytest.raises(VerificationError):
        cose.verify_sign(parse_many(MANY), external_aad=b"")


@pytest.mark.parametrize("which", range(3))
def test_a_sign_is_false_if_one_signature_is(which):
    message = parse_many(MANY)
    signatures = list(message.signatures)
    signatures[which] = replace(signatures[which], signature=bytes(64))
    with pytest.raises(VerificationError):
        cose.verify_sign(replace(message, signatures=tuple(signatures)), external_aad=AAD)


def test_a_signature_of_a_sign1_is_worth_nothing_in_a_sign():
    alone = cbor2.loads(SIGNED)
    data = cbor2.dumps([b"", {}, PAYLOAD, [[alone[0], {}, alone[3]]]])
    with pytest.raises(VerificationError):
        cose.verify_sign(parse_many(data), external_aad=AAD)


ONE, TWO, THREE = cbor2.loads(MANY)[3]


@pytest.mark.parametrize(
    "value",
    [
        cbor2.CBORTag(98, [b"", {}, PAYLOAD, [ONE]]),
        [b"", {}, PAYLOAD, []],
        [b"", {}, PAYLOAD, [TWO, ONE]],
        [b"", {}, PAYLOAD, [ONE, ONE]],
        [b"", {}, PAYLOAD, [ONE, TWO, ONE]],
        [b"\xa0", {}, PAYLOAD, [ONE]],
        [b"", {1: 1}, PAYLOAD, [ONE]],
        [b"", {}, None, [ONE]],
        [b"", {}, PAYLOAD, ONE],
        [b"", {}, PAYLOAD, [[*ONE, b""]]],
        [b"", {}, PAYLOAD, [[ONE[0], {4: b"x"}, ONE[2]]]],
        [b"", {}, PAYLOAD, [[ONE[0], {}, ONE[2][:63]]]],
        [b"", {}, PAYLOAD, [[b"", {}, ONE[2]]]],
        [b"", {}, PAYLOAD, [b""]],
        [b"", {}, PAYLOAD],
    ],
    ids=repr,
)
def test_another_shape_is_no_sign(value):
    with pytest.raises(FormatError):
        parse_many(cbor2.dumps(value))


def test_a_sign_has_at_most_64_signatures():
    def header(n: int) -> bytes:
        return cbor.encode({1: -19, 4: n.to_bytes(32, "big")})

    items = [[header(n), {}, bytes(64)] for n in range(65)]
    assert len(cose.parse_sign(cbor2.dumps([b"", {}, b"", items[:64]]), max_size=1 << 16).signatures) == 64
    with pytest.raises(FormatError, match="64"):
        cose.parse_sign(cbor2.dumps([b"", {}, b"", items]), max_size=1 << 16)


@pytest.mark.parametrize("signers", [[], [ALICE, ALICE], [ALICE, BOB, ALICE], [signer(n) for n in range(65)]])
def test_one_to_64_signers_sign_each_once(signers):
    with pytest.raises(ParameterError):
        cose.sign_many(signers, PAYLOAD, external_aad=AAD)


@pytest.mark.parametrize("order", [(), (1, 0), (0, 0), (0, 1, 1)])
def test_a_sign_made_by_hand_is_false_unless_its_keys_rise(order):
    message = parse_many(MANY)
    signatures = tuple(message.signatures[n] for n in order)
    with pytest.raises(VerificationError, match="sorted"):
        cose.verify_sign(replace(message, signatures=signatures), external_aad=AAD)


def test_a_sign_has_at_most_max_size_bytes():
    with pytest.raises(FormatError, match="bytes"):
        cose.parse_sign(MANY, max_size=len(MANY) - 1)
