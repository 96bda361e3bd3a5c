"""Argon2id: RFC 9106 section 5.3 and five more cases through the library that the key store uses."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

VECTOR_SET = "Argon2id (RFC 9106 and the argon2 tool, through cryptography-vectors 50.0.2)"


def load() -> list[dict[str, str]]:
    cases: list[dict[str, str]] = []
    for line in (Path(__file__).parent / "argon2" / "argon2id.txt").read_text().splitlines():
        name, equals, value = (part.strip() for part in line.partition("="))
        if name == "COUNT":
            cases.append({})
        elif equals and not line.startswith("#"):
            cases[-1][name] = value
    return cases


CASES = load()
NUMBERS = range(6)


def kdf_of(case: dict[str, str]) -> Argon2id:
    return Argon2id(
        salt=bytes.fromhex(case["salt"]),
        length=int(case["length"]),
        iterations=int(case["iter"]),
        lanes=int(case["lanes"]),
        memory_cost=int(case["memcost"]),
        ad=bytes.fromhex(case["ad"]) if "ad" in case else None,
        secret=bytes.fromhex(case["secret"]) if "secret" in case else None,
    )


def test_the_file_holds_six_cases() -> None:
    assert len(CASES) == len(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_passphrase_gives_the_published_key(number: int) -> None:
    case = CASES[number]
    assert kdf_of(case).derive(bytes.fromhex(case["pass"])).hex() == case["output"]


@pytest.mark.parametrize("number", NUMBERS)
def test_another_passphrase_does_not_give_the_published_key(number: int) -> None:
    case = CASES[number]
    with pytest.raises(InvalidKey):
        kdf_of(case).verify(b"another", bytes.fromhex(case["output"]))
