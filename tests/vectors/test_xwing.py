"""X-Wing: public keys from seeds, and shared secrets rebuilt from the parts of which an envelope's KEM is made."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from privledger_crypto.envelope import XWingPrivateKey, parse_xwing_public

VECTOR_SET = "X-Wing (draft-connolly-cfrg-xwing-kem-10)"
CASES = json.loads((Path(__file__).parent / "xwing" / "xwing.json").read_text())
NUMBERS = range(3)
XWING_LABEL = bytes.fromhex("5c2e2f2f5e5c")  # section 5.3: \.//^\


def test_the_file_holds_three_cases() -> None:
    assert len(CASES) == len(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_seed_gives_the_published_public_key(number: int) -> None:
    case = CASES[number]
    public = XWingPrivateKey.from_seed(bytes.fromhex(case["sk"])).public
    assert parse_xwing_public(public) == bytes.fromhex(case["pk"])


@pytest.mark.parametrize("number", NUMBERS)
def test_a_ciphertext_decapsulates_to_the_published_secret(number: int) -> None:
    """ss = SHA3-256(ss_M || ss_X || ct_X || pk_X || label), section 5.3."""
    case = {name: bytes.fromhex(value) for name, value in CASES[number].items()}
    expanded = hashlib.shake_256(case["sk"]).digest(96)
    mlkem_ct, x25519_ct = case["ct"][:1088], case["ct"][1088:]
    mlkem_secret = MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).decapsulate(mlkem_ct)
    peer = X25519PublicKey.from_public_bytes(x25519_ct)
    x25519_secret = X25519PrivateKey.from_private_bytes(expanded[64:]).exchange(peer)
    parts = mlkem_secret + x25519_secret + x25519_ct + case["pk"][1184:] + XWING_LABEL
    assert hashlib.sha3_256(parts).digest() == case["ss"]
