"""COSE working group examples: sign1-tests (9) and eddsa-examples (4).

None of the 13 has our shape (they are tagged, carry unprotected headers, or sign with ES256, EdDSA -8 or Ed448), so each
is tested in two ways:

* `parse_sign1` and `parse_sign` refuse all 13, as they refuse whatever is not our one shape;
* a general reader in this file takes tag, headers and algorithm from the example, builds what is signed with our
  `sign1_structure` and `sign_structure`, and verifies with our Ed25519 rule (eddsa-01, eddsa-sig-01) or, for what we do
  not offer, with `cryptography`: Ed448 (eddsa-02, eddsa-sig-02) and ES256 (sign1-tests).

The six must-fail examples fail there for the reason in their titles: fail-01 at the tag, fail-03 and fail-04 at the
algorithm, fail-02, fail-06 and fail-07 at the signature. What is signed is also compared with the example's own
`ToBeSign_hex`, except where the message was altered after signing (fail-02, -03, -04, -06, -07), for which the two must differ.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import cbor2
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from privledger_crypto import cose, signing
from privledger_crypto.errors import FormatError, VerificationError

VECTOR_SET = "COSE_Sign1 and COSE_Sign examples (cose-wg/Examples)"

FOLDER = Path(__file__).parent / "cose"
EXAMPLES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*/*.json"))}
FAILING = {
    "sign-fail-01": "tag",
    "sign-fail-02": "signature",
    "sign-fail-03": "algorithm",
    "sign-fail-04": "algorithm",
    "sign-fail-06": "signature",
    "sign-fail-07": "signature",
}
TAGS = {"sign0": 18, "sign": 98}


def kind(example: dict) -> str:
    return "sign0" if "sign0" in example["input"] else "sign"


def signer_input(example: dict) -> dict:
    return example["input"]["sign0"] if kind(example) == "sign0" else example["input"]["sign"]["signers"][0]


def message(example: dict) -> bytes:
    return bytes.fromhex(example["output"]["cbor"])


def header_bytes(protected: bytes) -> bytes:
    """An empty header is signed as an empty string, however it is carried (RFC 9052 section 4.4)."""
    return b"" if protected == b"\xa0" else protected


def read(example: dict) -> tuple[object, bytes, bytes]:
    """Algorithm, signed bytes and signature, with our structures; the tag is checked on the way."""
    value = cbor2.loads(message(example))
    if isinstance(value, cbor2.CBORTag):
        if value.tag != TAGS[kind(example)]:
            raise VerificationError("wrong tag")
        value = value.value
    aad = bytes.fromhex(signer_input(example).get("external", ""))
    body, unprotected, payload, last = value
    if kind(example) == "sign0":
        header, signature = body, last
        signed = cose.sign1_structure(header_bytes(body), aad, payload)
    else:
        [(header, unprotected, signature)] = last
        signed = cose.sign_structure(header_bytes(body), header_bytes(header), aad, payload)
    headers = {**unprotected, **(cbor2.loads(header) if header else {})}
    return headers[1], signed, signature


def es256(key: dict, signed: bytes, signature: bytes) -> None:
    x, y = (base64.urlsafe_b64decode(key[name] + "=") for name in "xy")
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))


def eddsa(key: dict, signed: bytes, signature: bytes) -> None:
    public = bytes.fromhex(key["x_hex"])
    if key["crv"] == "Ed25519":
        signing.verify_ed25519(public, signed, signature)
    else:
        ed448.Ed448PublicKey.from_public_bytes(public).verify(signature, signed)


ALGORITHMS: dict[object, Callable[[dict, bytes, bytes], None]] = {-7: es256, -8: eddsa}


def verify(example: dict) -> None:
    algorithm, signed, signature = read(example)
    if algorithm not in ALGORITHMS:
        raise VerificationError("unknown algorithm")
    try:
        ALGORITHMS[algorithm](signer_input(example)["key"], signed, signature)
    except InvalidSignature as exc:
        raise VerificationError("false signature") from exc


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - FAILING.keys()))
def test_a_passing_example_is_signed_over_our_structure(name):
    example = EXAMPLES[name]
    intermediates = example["intermediates"]
    expected = intermediates.get("ToBeSign_hex") or intermediates["signers"][0]["ToBeSign_hex"]
    assert read(example)[1] == bytes.fromhex(expected)
    verify(example)


@pytest.mark.parametrize("name", sorted(FAILING))
def test_a_failing_example_fails_for_its_reason(name):
    with pytest.raises(VerificationError, match=FAILING[name]):
        verify(EXAMPLES[name])


@pytest.mark.parametrize("name", ["sign-fail-06", "sign-fail-07", "sign-fail-02", "sign-fail-03", "sign-fail-04"])
def test_a_message_altered_after_signing_has_another_structure(name):
    example = EXAMPLES[name]
    assert read(example)[1] != bytes.fromhex(example["intermediates"]["ToBeSign_hex"])


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_no_example_has_our_shape(name):
    for parse in (cose.parse_sign1, cose.parse_sign):
        with pytest.raises(FormatError):
            parse(message(EXAMPLES[name]), max_size=4096)


@pytest.mark.parametrize("name", ["eddsa-01", "eddsa-sig-01"])
def test_our_key_signs_the_ed25519_examples_byte_for_byte(name):
    _, signed, signature = read(EXAMPLES[name])
    key = signing.Ed25519PrivateKey(bytes.fromhex(signer_input(EXAMPLES[name])["key"]["d_hex"]))
    assert key.sign(signed) == signature


def test_all_13_examples_are_used():
    assert len(EXAMPLES) == 13
    assert {name for name, example in EXAMPLES.items() if example.get("fail")} == FAILING.keys()
