"""BBS generators and hash to scalar, suite BLS12-381-SHA-256 (decentralized-identity/bbs-signature)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from privledger_crypto.generators import create_generators
from privledger_crypto.group import BACKENDS, hash_to_scalar, use_backend

FOLDER = Path(__file__).parent / "bbs-generators"
GENERATORS = json.loads((FOLDER / "generators.json").read_text())
EXPECTED = [GENERATORS["Q1"], *GENERATORS["MsgGenerators"]]
API_ID = b"BBS_BLS12381G1_XMD:SHA-256_SSWU_RO_H2G_HM2S_"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("index", range(len(EXPECTED)))
def test_a_generator_is_the_published_one(backend: str, index: int) -> None:
    with use_backend(backend):
        assert create_generators(len(EXPECTED), API_ID)[index].to_bytes().hex() == EXPECTED[index]


def test_a_message_hashes_to_the_published_scalar() -> None:
    vector = json.loads((FOLDER / "h2s.json").read_text())
    scalar = hash_to_scalar(bytes.fromhex(vector["message"]), bytes.fromhex(vector["dst"]))
    assert scalar.to_bytes(32, "big").hex() == vector["scalar"]
