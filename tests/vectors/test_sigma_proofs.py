"""Sigma proofs, suite sigma-proofs_Shake128_BLS12381 (draft-irtf-cfrg-sigma-protocols-03)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from privledger_crypto.errors import CryptoError, VerificationError
from privledger_crypto.fiat_shamir import DuplexSponge
from privledger_crypto.group import BACKENDS, parse_scalar, use_backend
from privledger_crypto.sigma import (
    BatchItem,
    derive_session_id,
    parse_relation,
    prove_batchable,
    prove_compact,
    verify_batch,
    verify_batchable,
    verify_compact,
)

FOLDER = Path(__file__).parent / "sigma-proofs"
VALID = json.loads((FOLDER / "sigma-proofs_Shake128_BLS12381.json").read_text())
INVALID = json.loads((FOLDER / "sigma-proofs-invalid_Shake128_BLS12381.json").read_text())
ACCEPT = VALID + [vector for vector in INVALID if vector["Expected"] == "accept"]
REJECT = [vector for vector in INVALID if vector["Expected"] == "reject"]
VERIFY: dict[str, Callable[..., None]] = {"batchable": verify_batchable, "compact": verify_compact}
PROVE: dict[str, Callable[..., bytes]] = {"batchable": prove_batchable, "compact": prove_compact}
MARKER = {"batchable": "DSFS", "compact": "CMPT"}


def short_id(vector: dict[str, Any]) -> str:
    return vector["Id"].removeprefix("sigma-protocols/bls12381/")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest):
    with use_backend(request.param):
        yield request.param


def verify(vector: dict[str, Any]) -> None:
    relation = parse_relation(bytes.fromhex(vector["Instance"]))
    session = derive_session_id(vector["Tag"].encode("ascii"))
    VERIFY[vector["Flavor"]](relation, bytes.fromhex(vector["NargString"]), session_id=session)


def seeded(vector: dict[str, Any]) -> Callable[[int], bytes]:
    """The draft's seeded generator. It reads bytes as little-endian and `random_scalar` as big-endian, hence reversed."""
    tag = f"TestDRNG-SIGMA-PROOFS-{MARKER[vector['Flavor']]}-{vector['Ciphersuite']}-{vector['Relation']}"
    sponge = DuplexSponge(derive_session_id(tag.encode("ascii")))
    return lambda length: sponge.squeeze(length)[::-1]


def test_the_files_hold_the_published_number_of_vectors() -> None:
    assert (len(VALID), len(INVALID), len(REJECT)) == (14, 32, 28)


@pytest.mark.parametrize("vector", ACCEPT, ids=short_id)
def test_a_valid_proof_is_accepted(backend: str, vector: dict[str, Any]) -> None:
    verify(vector)


@pytest.mark.parametrize("vector", REJECT, ids=short_id)
def test_an_invalid_proof_is_refused(backend: str, vector: dict[str, Any]) -> None:
    with pytest.raises(CryptoError):
        verify(vector)


@pytest.mark.parametrize("vector", VALID, ids=short_id)
def test_an_instance_reencodes_to_the_same_bytes(vector: dict[str, Any]) -> None:
    assert parse_relation(bytes.fromhex(vector["Instance"])).serialize().hex() == vector["Instance"]


@pytest.mark.parametrize("vector", VALID, ids=short_id)
def test_a_tag_gives_the_published_session_identifier(vector: dict[str, Any]) -> None:
    assert derive_session_id(vector["Tag"].encode("ascii")).hex() == vector["SessionId"]


@pytest.mark.parametrize("vector", VALID, ids=short_id)
def test_the_prover_reproduces_the_published_proof(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["Witness"])
    witness = [parse_scalar(data[at : at + 32]) for at in range(0, len(data), 32)]
    proof = PROVE[vector["Flavor"]](
        parse_relation(bytes.fromhex(vector["Instance"])),
        witness,
        session_id=bytes.fromhex(vector["SessionId"]),
        random_bytes=seeded(vector),
    )
    assert proof.hex() == vector["NargString"]


def batch_item(vector: dict[str, Any]) -> BatchItem:
    relation = parse_relation(bytes.fromhex(vector["Instance"]))
    session = derive_session_id(vector["Tag"].encode("ascii"))
    return BatchItem(relation, bytes.fromhex(vector["NargString"]), session)


BATCH = [vector for vector in VALID if vector["Flavor"] == "batchable"]
FALSE_ALONE = [
    vector
    for vector in REJECT
    if vector["Flavor"] == "batchable" and vector["Id"][-2:] in ("1b", "2b", "F3", "4b", "H1", "H2")
]


def test_a_batch_of_all_valid_batchable_proofs_is_accepted(backend: str) -> None:
    verify_batch([batch_item(vector) for vector in BATCH])


@pytest.mark.parametrize("vector", FALSE_ALONE, ids=short_id)
def test_one_false_proof_spoils_a_batch(vector: dict[str, Any]) -> None:
    with pytest.raises(VerificationError):
        verify_batch([batch_item(BATCH[0]), batch_item(vector), batch_item(BATCH[1])])
