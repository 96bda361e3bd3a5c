"""Inclusion and consistency proofs of transparency-dev/merkle; `wantErr` marks those that must be refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from privledger_crypto import merkle
from privledger_crypto.errors import VerificationError

VECTOR_SET = "Merkle inclusion and consistency proofs (transparency-dev/merkle)"

# Its two roots are the twelve bytes "don't care 2", which only a library without length checks can call equal roots.
# Here every hash has 32 bytes, so it is refused as it stands and accepted with roots of that length.
SHORT_ROOTS = "consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"

FOLDER = Path(__file__).parent / "merkle"


def load(name: str) -> list[dict]:
    return json.loads((FOLDER / name).read_text())


def unpack(value: str | None) -> bytes:
    return base64.b64decode(value or "")


def proof(vector: dict) -> list[bytes]:
    return [unpack(item) for item in vector["proof"] or ()]


def run(vector: dict, verify, *arguments) -> None:
    if vector["wantErr"]:
        with pytest.raises(VerificationError):
            verify(*arguments)
    else:
        verify(*arguments)


@pytest.mark.parametrize("vector", load("inclusion.json"), ids=lambda vector: vector["file"])
def test_an_inclusion_proof_is_judged_as_the_vector_says(vector):
    leaf, root = unpack(vector["leafHash"]), unpack(vector["root"])
    run(vector, merkle.verify_inclusion, leaf, vector["leafIdx"], vector["treeSize"], proof(vector), root)


@pytest.mark.parametrize("vector", load("consistency.json"), ids=lambda vector: vector["file"])
def test_a_consistency_proof_is_judged_as_the_vector_says(vector):
    root1, root2 = unpack(vector["root1"]), unpack(vector["root2"])
    if vector["file"] == SHORT_ROOTS:
        with pytest.raises(VerificationError, match="32 bytes"):
            merkle.verify_consistency(vector["size1"], root1, vector["size2"], root2, proof(vector))
        root1, root2 = root1.ljust(32), root2.ljust(32)
    run(vector, merkle.verify_consistency, vector["size1"], root1, vector["size2"], root2, proof(vector))
