"""BLS12-381 G1: adding, multiplying, decoding (EIP-2537, Wycheproof).

EIP-2537 carries both coordinates, privledger the compressed form, so its vectors are compressed first. Of its must-fail
sets only the cases that survive this are used: x not below the field's modulus, and a point outside the subgroup. The
others are about the length, padding or y of a form that this library does not read. The EIP adds points outside the
subgroup; this library refuses to decode them.
From Wycheproof's signature vectors the public keys are used: decoding accepts the keys of valid signatures and refuses
the keys that make a signature invalid.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from privledger_crypto.errors import FormatError
from privledger_crypto.group import BACKENDS, Point, identity, parse_point, use_backend

FOLDER = Path(__file__).parent / "bls12-381"
MODULUS = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
ADD = json.loads((FOLDER / "add_G1_bls.json").read_text())
MULTIPLY = json.loads((FOLDER / "mul_G1_bls.json").read_text())
FAILING = json.loads((FOLDER / "fail-add_G1_bls.json").read_text())
FAILING += json.loads((FOLDER / "fail-mul_G1_bls.json").read_text())
REACHABLE = (
    "bls_g2add_invalid_field_element",
    "bls_g1mul_invalid_field_element",
    "bls_g1mul_g1_not_in_correct_subgroup",
)
OUTSIDE = "bls_g1add_g1_not_in_correct_subgroup+g1"
GROUPS = json.loads((FOLDER / "bls_sig_g2_basic_verify_test.json").read_text())["testGroups"]


def compressed(data: bytes) -> bytes:
    """Compress the EIP's 128 bytes: two field elements of 64 bytes; zeros are the identity."""
    x, y = int.from_bytes(data[:64], "big"), int.from_bytes(data[64:], "big")
    if x == y == 0:
        return b"\xc0" + bytes(47)
    sign = 1 if 2 * y > MODULUS else 0
    return ((4 + sign << 381) + x).to_bytes(48, "big")


def point(data: bytes) -> Point:
    """Decode an operand; the identity, which EIP-2537 allows, does not come from outside here."""
    return parse_point(compressed(data)) if any(data) else identity()


def eip_name(vector: dict[str, Any]) -> str:
    return vector["Name"]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest):
    with use_backend(request.param):
        yield request.param


@pytest.mark.parametrize("vector", [vector for vector in ADD if vector["Name"] != OUTSIDE], ids=eip_name)
def test_points_add_to_the_published_sum(backend: str, vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["Input"])
    total = point(data[:128]) + point(data[128:])
    assert total.to_bytes() == compressed(bytes.fromhex(vector["Expected"]))


@pytest.mark.parametrize("vector", MULTIPLY, ids=eip_name)
def test_a_point_times_a_scalar_is_the_published_product(backend: str, vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["Input"])
    product = point(data[:128]).mul(int.from_bytes(data[128:], "big"))
    assert product.to_bytes() == compressed(bytes.fromhex(vector["Expected"]))


@pytest.mark.parametrize(
    "vector", [vector for vector in FAILING + ADD if vector["Name"] in (*REACHABLE, OUTSIDE)], ids=eip_name
)
def test_a_bad_point_is_refused(backend: str, vector: dict[str, Any]) -> None:
    encoded = compressed(bytes.fromhex(vector["Input"])[:128])
    with pytest.raises(FormatError, match="not a point"):
        parse_point(encoded)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: f"tc{group['tests'][0]['tcId']}")
def test_decoding_accepts_a_public_key_exactly_if_signatures_under_it_can_be_valid(
    backend: str, group: dict[str, Any]
) -> None:
    key = bytes.fromhex(group["publicKey"]["pk"])
    if any(case["result"] == "valid" for case in group["tests"]):
        assert parse_point(key).to_bytes() == key
    else:
        with pytest.raises(FormatError):
            parse_point(key)
