"""HPKE: the X-Wing suites of draft-ietf-hpke-pq and the base mode of RFC 9180, through the library that envelopes use.

Only the library's private entry point takes associated data, and every published encryption has some.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from privledger_crypto.envelope import XWingPrivateKey

VECTOR_SET = "HPKE (draft-ietf-hpke-pq and RFC 9180)"
FOLDER = Path(__file__).parent / "hpke"
KDFS = {1: hpke.KDF.HKDF_SHA256, 3: hpke.KDF.HKDF_SHA512, 0x11: hpke.KDF.SHAKE256}
AEADS = {1: hpke.AEAD.AES_128_GCM, 2: hpke.AEAD.AES_256_GCM, 3: hpke.AEAD.CHACHA20_POLY1305}

HYBRID = [case for case in json.loads((FOLDER / "hpke-pq.json").read_text()) if case["kem_id"] == 0x647A]
BASE = [
    case
    for case in json.loads((FOLDER / "rfc9180-x25519.json").read_text())
    if case["mode"] == 0 and case["aead_id"] != 0xFFFF
]


def name(case: dict[str, Any]) -> str:
    return f"{case['kem_id']:#06x}-{case['kdf_id']:#06x}-{case['aead_id']:#06x}"


def open_first(case: dict[str, Any], *, info: bytes | None = None) -> bytes:
    """The plaintext of a case's first encryption; the private key comes from its published bytes."""
    secret = bytes.fromhex(case["skRm"])
    hybrid = case["kem_id"] == 0x647A
    key: Any = XWingPrivateKey.from_seed(secret)._key if hybrid else X25519PrivateKey.from_private_bytes(secret)
    kem = hpke.KEM.MLKEM768_X25519 if hybrid else hpke.KEM.X25519
    suite = hpke.Suite(kem, KDFS[case["kdf_id"]], AEADS[case["aead_id"]])
    first = case["encryptions"][0]
    message = bytes.fromhex(case["enc"]) + bytes.fromhex(first["ct"])
    used_info = bytes.fromhex(case["info"]) if info is None else info
    opened: bytes = openssl.hpke._decrypt_with_aad(suite, message, key, used_info, bytes.fromhex(first["aad"]))
    return opened


def test_the_files_hold_two_hybrid_and_six_base_cases() -> None:
    assert (len(HYBRID), len(BASE)) == (2, 6)


@pytest.mark.parametrize("case", HYBRID, ids=name)
def test_the_seed_gives_the_published_public_key(case: dict[str, Any]) -> None:
    assert XWingPrivateKey.from_seed(bytes.fromhex(case["skRm"])).public == bytes.fromhex(case["pkRm"])


@pytest.mark.parametrize("case", HYBRID + BASE, ids=name)
def test_the_first_message_opens(case: dict[str, Any]) -> None:
    assert open_first(case) == bytes.fromhex(case["encryptions"][0]["pt"])


@pytest.mark.parametrize("case", HYBRID + BASE, ids=name)
def test_the_first_message_does_not_open_for_another_purpose(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidTag):
        open_first(case, info=b"another purpose")
