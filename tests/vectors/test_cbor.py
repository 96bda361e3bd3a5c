"""RFC 8949 appendix A: what the profile holds round-trips, everything else is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from privledger_crypto import cbor
from privledger_crypto.errors import FormatError

VECTOR_SET = "CBOR examples (RFC 8949 appendix A, cbor/test-vectors)"

VECTORS = json.loads((Path(__file__).parent / "cbor" / "appendix_a.json").read_text())
# Values that the file gives in diagnostic notation only.
DIAGNOSTIC: dict[str, Any] = {"h''": b"", "h'01020304'": b"\x01\x02\x03\x04", "{1: 2, 3: 4}": {1: 2, 3: 4}}
# Floats, bignum tags and simple values do round-trip in general, and are not in the profile.
OUTSIDE = ("c", "d", "f0", "f7", "f8", "f9", "fa", "fb")


def is_inside(vector: dict) -> bool:
    return vector["roundtrip"] and not vector["hex"].startswith(OUTSIDE)


INSIDE = [vector for vector in VECTORS if is_inside(vector)]
REFUSED = [vector for vector in VECTORS if not is_inside(vector)]


@pytest.mark.parametrize("vector", INSIDE, ids=lambda vector: vector["hex"])
def test_a_value_of_the_profile_is_read_and_written_byte_for_byte(vector):
    expected = vector["decoded"] if "decoded" in vector else DIAGNOSTIC[vector["diagnostic"]]
    value = cbor.decode(bytes.fromhex(vector["hex"]))
    assert (value, type(value)) == (expected, type(expected))
    assert cbor.encode(expected).hex() == vector["hex"]


@pytest.mark.parametrize("vector", REFUSED, ids=lambda vector: vector["hex"])
def test_a_value_outside_the_profile_is_refused(vector):
    with pytest.raises(FormatError):
        cbor.decode(bytes.fromhex(vector["hex"]))


def test_all_82_vectors_are_used():
    assert (len(INSIDE), len(REFUSED)) == (37, 45)
