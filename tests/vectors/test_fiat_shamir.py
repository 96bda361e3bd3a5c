"""Fiat-Shamir duplex sponge SHAKE128 and codecs (draft-irtf-cfrg-fiat-shamir-03)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from privledger_crypto.errors import FormatError, VerificationError
from privledger_crypto.fiat_shamir import (
    DuplexSponge,
    decode_uint,
    derive_session_id,
    parse_field,
    parse_uint,
    parse_var_len,
    serialize_field,
    serialize_uint,
    serialize_var_len,
    uint_size,
)

FOLDER = Path(__file__).parent / "sigma-proofs"
CODEC = json.loads((FOLDER / "fiatShamirCodecVectors.json").read_text())
SPONGE = json.loads((FOLDER / "fiatShamirShake128Vectors.json").read_text())


def name(vector: dict[str, Any]) -> str:
    return vector["Name"]


def sumcheck_start(session_id: bytes, variables: int, total: int, modulus: int) -> DuplexSponge:
    sponge = DuplexSponge(session_id)
    sponge.absorb(serialize_uint(variables, 1 << 32) + serialize_field((total,), modulus))
    return sponge


def sumcheck_prove(session_id: bytes, variables: int, table: Sequence[int], modulus: int) -> tuple[bytes, int]:
    """The draft's example protocol: returns the proof and the final evaluation."""
    sponge = sumcheck_start(session_id, variables, sum(table) % modulus, modulus)
    narg = b""
    values = list(table)
    for _ in range(variables):
        a_0 = sum(values[::2]) % modulus
        a_1 = (sum(values[1::2]) - a_0) % modulus
        message = serialize_field((a_0, a_1), modulus)
        sponge.absorb(message)
        narg += message
        r = int.from_bytes(sponge.squeeze(uint_size(modulus)), "little") % modulus
        values = [(low + r * (high - low)) % modulus for low, high in zip(values[::2], values[1::2], strict=True)]
    return narg, values[0]


def sumcheck_verify(session_id: bytes, variables: int, total: int, narg: bytes, modulus: int) -> int:
    """The verifier of the example protocol: returns the value that the caller compares with the final evaluation."""
    sponge = sumcheck_start(session_id, variables, total, modulus)
    size = 2 * uint_size(modulus)
    for _ in range(variables):
        a_0, a_1 = parse_field(narg[:size], modulus, 2)
        if (2 * a_0 + a_1) % modulus != total:
            raise VerificationError("round identity")
        sponge.absorb(narg[:size])
        narg = narg[size:]
        r = int.from_bytes(sponge.squeeze(uint_size(modulus)), "little") % modulus
        total = (a_0 + a_1 * r) % modulus
    if narg:
        raise FormatError("trailing bytes")
    return total


def run_codec(vector: dict[str, Any]) -> None:
    """Run one vector; compares what it gives, and raises what the code under test raises."""
    data = bytes.fromhex(vector.get("Input", ""))
    modulus = int(vector.get("Modulus", "0"), 16)
    match vector["Function"]:
        case "SerializeVarLenString":
            assert serialize_var_len(data).hex() == vector["Output"]
            assert parse_var_len(bytes.fromhex(vector["Output"]) + b"rest") == (data, b"rest")
        case "DeserializeVarLenString":
            parse_var_len(data)
        case "SerializeUint":
            assert serialize_uint(int(vector["Value"], 16), modulus).hex() == vector["Output"]
            assert parse_uint(bytes.fromhex(vector["Output"]), modulus) == int(vector["Value"], 16)
        case "DeserializeUint":
            parse_uint(data, modulus)
        case "SerializeField":
            assert serialize_field([int(vector["Value"], 16)], modulus, "big").hex() == vector["Output"]
        case "DeserializeField":
            coordinates = parse_field(data, modulus, vector["ExtensionDegree"])
            assert [hex(value) for value in coordinates] == vector["Coordinates"]
        case "DecodeUint":
            assert decode_uint(data, modulus) == int(vector["Challenge"], 16)
        case "Sumcheck":
            session = bytes.fromhex(vector["SessionId"])
            narg = bytes.fromhex(vector["Narg"])
            sumcheck_verify(session, vector["NumVariables"], int(vector["ClaimedSum"], 16), narg, modulus)
        case other:
            pytest.fail(f"no test for {other}")


def run_sponge(vector: dict[str, Any]) -> bytes:
    sponge = DuplexSponge(bytes.fromhex(vector["SessionId"]))
    out = b""
    for operation in vector["Operations"]:
        if operation["type"] == "absorb":
            sponge.absorb(bytes.fromhex(operation["data"]))
        else:
            out += sponge.squeeze(operation["length"])
    return out


@pytest.mark.parametrize("vector", [vector for vector in CODEC if "Expected" not in vector], ids=name)
def test_a_codec_gives_the_published_result(vector: dict[str, Any]) -> None:
    run_codec(vector)


@pytest.mark.parametrize("vector", [vector for vector in CODEC if "Expected" in vector], ids=name)
def test_a_codec_refuses_what_it_must(vector: dict[str, Any]) -> None:
    with pytest.raises((FormatError, VerificationError)):
        run_codec(vector)


@pytest.mark.parametrize("vector", [vector for vector in SPONGE if "Operations" in vector], ids=name)
def test_the_sponge_gives_the_published_output(vector: dict[str, Any]) -> None:
    out = run_sponge(vector)
    assert out.hex() == vector["Output"]
    if vector["Function"] == "DecodeUint":
        assert decode_uint(out, int(vector["Modulus"], 16)) == int(vector["Challenge"], 16)


def test_a_tag_gives_the_published_session_identifier() -> None:
    (vector,) = [vector for vector in SPONGE if vector["Function"] == "DeriveSessionID"]
    assert derive_session_id(bytes.fromhex(vector["Tag"])).hex() == vector["Output"]


def test_the_sumcheck_example_is_reproduced() -> None:
    (vector,) = [vector for vector in SPONGE if vector["Name"] == "sumcheck"]
    session, modulus = derive_session_id(bytes.fromhex(vector["Tag"])), int(vector["Modulus"], 16)
    narg, value = sumcheck_prove(session, vector["NumVariables"], vector["Witness"], modulus)
    total = int(vector["ClaimedSum"], 16)
    assert (session.hex(), narg.hex(), hex(value)) == (vector["SessionId"], vector["Narg"], vector["FinalEvaluation"])
    assert sumcheck_verify(session, vector["NumVariables"], total, narg, modulus) == value


def test_trailing_bytes_of_the_sumcheck_example_are_refused() -> None:
    (vector,) = [vector for vector in SPONGE if vector["Name"] == "sumcheck_reject_trailing_bytes"]
    with pytest.raises(FormatError, match="trailing"):
        run_codec(vector)
