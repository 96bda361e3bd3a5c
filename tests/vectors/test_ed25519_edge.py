"""Which of the 914 Ed25519 edge cases of C2SP/CCTV verify: the pinned rule, number by number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from privledger_crypto import signing
from privledger_crypto.errors import FormatError, VerificationError

VECTOR_SET = "Ed25519 edge cases (C2SP/CCTV ed25519)"

VECTORS = json.loads((Path(__file__).parent / "ed25519-edge" / "ed25519vectors.json").read_text())

# Canonical A and R, neither of small order, S < L, and the equation without the cofactor. A change of this list is a
# change of the rule, and so a fork between old and new readers of a ledger.
# fmt: off
ACCEPTED = {
    7, 29, 50, 117, 139, 161, 182, 249, 305, 411, 425, 438, 465, 473, 481, 489, 497, 511, 525, 538, 565, 573, 581, 589,
    597, 611, 625, 638, 665, 673, 681, 689, 697, 711, 725, 738, 765, 773, 781, 789, 797, 832, 899,
}
# fmt: on


def verify(vector: dict) -> None:
    key, signature = bytes.fromhex(vector["key"]), bytes.fromhex(vector["sig"])
    signing.verify_ed25519(key, vector["msg"].encode(), signature)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["number"]))
def test_an_edge_case_is_judged_by_the_pinned_rule(vector):
    if vector["number"] in ACCEPTED:
        verify(vector)
    else:
        with pytest.raises(VerificationError):
            verify(vector)


FORBIDDEN = {"low_order_A", "low_order_R", "non_canonical_A", "non_canonical_R", "low_order_residue"}


@pytest.mark.parametrize("number", sorted(ACCEPTED))
def test_no_accepted_case_has_a_small_order_or_non_canonical_point_or_needs_the_cofactor(number):
    assert FORBIDDEN.isdisjoint(VECTORS[number]["flags"] or ())


ODD_KEYS = {
    v["key"] for v in VECTORS if {"low_order_A", "non_canonical_A", "low_order_component_A"} & {*(v["flags"] or ())}
}


@pytest.mark.parametrize("key", sorted(ODD_KEYS))
def test_a_key_with_a_part_of_small_order_cannot_be_registered(key):
    with pytest.raises(FormatError):
        signing.check_ed25519_public(bytes.fromhex(key))


def test_all_914_vectors_are_used():
    assert [vector["number"] for vector in VECTORS] == list(range(914))
