"""Hashing to BLS12-381 G1 and expand_message_xmd SHA-256 (RFC 9380)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from privledger_crypto.group import BACKENDS, expand_message_xmd, hash_to_point, use_backend

FOLDER = Path(__file__).parent / "hash-to-curve"
POINTS = json.loads((FOLDER / "BLS12381G1_XMD_SHA-256_SSWU_RO_.json").read_text())
EXPANDED = [
    (data["DST"].encode("ascii"), vector)
    for data in (json.loads((FOLDER / f"expand_message_xmd_SHA256_{dst}.json").read_text()) for dst in (38, 256))
    for vector in data["tests"]
]
MODULUS = int(POINTS["field"]["p"], 16)


def compressed(x: int, y: int) -> bytes:
    """Encode affine coordinates as the pairing draft's appendix C says."""
    sign = 1 if 2 * y > MODULUS else 0
    return ((4 + sign << 381) + x).to_bytes(48, "big")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("vector", POINTS["vectors"], ids=lambda vector: f"{len(vector['msg'])}-bytes")
def test_a_message_hashes_to_the_published_point(backend: str, vector: dict[str, Any]) -> None:
    expected = compressed(int(vector["P"]["x"], 16), int(vector["P"]["y"], 16))
    with use_backend(backend):
        point = hash_to_point(vector["msg"].encode("ascii"), POINTS["dst"].encode("ascii"))
    assert point.to_bytes() == expected


@pytest.mark.parametrize(
    ("dst", "vector"),
    EXPANDED,
    ids=[f"dst{len(dst)}-msg{len(vector['msg'])}-{vector['len_in_bytes']}" for dst, vector in EXPANDED],
)
def test_a_message_expands_to_the_published_bytes(dst: bytes, vector: dict[str, Any]) -> None:
    expanded = expand_message_xmd(vector["msg"].encode("ascii"), dst, int(vector["len_in_bytes"], 16))
    assert expanded.hex() == vector["uniform_bytes"]
