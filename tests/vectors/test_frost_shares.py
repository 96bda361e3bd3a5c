"""Shamir sharing and Lagrange interpolation over the fields of FROST's five suites (RFC 9591)."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import pytest

from privledger_crypto.shares import _evaluate, _interpolate

FOLDER = Path(__file__).parent / "frost"
L25519 = 2**252 + 27742317777372353535851937790883648493
L448 = 2**446 - 13818066809895115352007386748515426880336692474882178609894547503885
# The order of each suite's group and the byte order of its scalars.
SUITES: dict[str, tuple[int, Literal["little", "big"]]] = {
    "frost-ed25519-sha512": (L25519, "little"),
    "frost-ed448-shake256": (L448, "little"),
    "frost-p256-sha256": (0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551, "big"),
    "frost-ristretto255-sha512": (L25519, "little"),
    "frost-secp256k1-sha256": (0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141, "big"),
}


def load(suite: str) -> tuple[list[int], list[tuple[int, int]], int, int]:
    """The coefficients, shares, threshold and order of a suite's vector."""
    order, byte_order = SUITES[suite]
    data: dict[str, Any] = json.loads((FOLDER / f"{suite}.json").read_text())
    inputs = data["inputs"]

    def scalar(text: str) -> int:
        return int.from_bytes(bytes.fromhex(text), byte_order)

    coefficients = [scalar(inputs["group_secret_key"]), *map(scalar, inputs["share_polynomial_coefficients"])]
    shares = [(share["identifier"], scalar(share["participant_share"])) for share in inputs["participant_shares"]]
    return coefficients, shares, int(data["config"]["MIN_PARTICIPANTS"]), order


@pytest.mark.parametrize("suite", SUITES)
def test_the_dealers_polynomial_gives_the_published_shares(suite: str) -> None:
    coefficients, shares, _, order = load(suite)
    assert [(index, _evaluate(coefficients, index, order)) for index, _ in shares] == shares


@pytest.mark.parametrize("suite", SUITES)
def test_every_threshold_of_shares_gives_the_published_secret(suite: str) -> None:
    coefficients, shares, threshold, order = load(suite)
    assert {_interpolate(chosen, 0, order) for chosen in combinations(shares, threshold)} == {coefficients[0]}
