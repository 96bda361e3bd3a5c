"""Project Wycheproof: Ed25519 (151) and ML-DSA-44 verification (180)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from privledger_crypto import signing
from privledger_crypto.errors import VerificationError

VECTOR_SET = "Wycheproof Ed25519 and ML-DSA-44 signatures (C2SP/wycheproof)"

FOLDER = Path(__file__).parent / "wycheproof-signatures"


def load(name: str) -> list:
    """(group, test) for every test of a file."""
    document = json.loads((FOLDER / name).read_text())
    cases = [(group, test) for group in document["testGroups"] for test in group["tests"]]
    if len(cases) != document["numberOfTests"]:
        raise ValueError(f"{name} should hold {document['numberOfTests']} tests")
    return [pytest.param(*case, id=f"{case[1]['tcId']} {case[1]['comment']}") for case in cases]


def judge(test: dict, verify) -> None:
    if test["result"] == "valid":
        verify()
    else:
        with pytest.raises(VerificationError):
            verify()


@pytest.mark.parametrize(("group", "test"), load("ed25519_test.json"))
def test_an_ed25519_signature_is_judged_as_the_vector_says(group, test):
    public, message, signature = (bytes.fromhex(x) for x in (group["publicKey"]["pk"], test["msg"], test["sig"]))
    judge(test, lambda: signing.verify_ed25519(public, message, signature))


@pytest.mark.parametrize(("group", "test"), load("mldsa_44_verify_test.json"))
def test_an_mldsa44_signature_is_judged_as_the_vector_says(group, test):
    public, message, signature = (bytes.fromhex(x) for x in (group["publicKey"], test["msg"], test["sig"]))
    context = bytes.fromhex(test.get("ctx", ""))
    judge(test, lambda: signing.verify_mldsa44(public, message, signature, context=context))
