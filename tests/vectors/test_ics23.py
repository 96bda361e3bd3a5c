"""ICS-23: the six sparse-Merkle-tree proofs, by its own neighbour rules and by our path rules, and the op-level cases."""

from __future__ import annotations

import base64
import dataclasses
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from privledger_crypto.errors import VerificationError
from privledger_crypto.statemap import EMPTY, MapProof, verify_absence, verify_existence
from tests.support import ics23

VECTOR_SET = "ICS-23 (cosmos/ics23, SmtSpec)"
FOLDER = Path(__file__).parent / "ics23"
EXISTENCE = ["exist_left", "exist_middle", "exist_right"]
ABSENCE = ["nonexist_left", "nonexist_middle", "nonexist_right"]


def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def smt(name: str) -> tuple[dict[str, bytes], tuple[Any, Any, Any]]:
    case = {field: bytes.fromhex(value) for field, value in load(f"smt/{name}").items()}
    return case, ics23.parse_commitment_proof(case["proof"])


def siblings_of(proof: ics23.Existence) -> tuple[bytes, ...]:
    """The hashes beside a path, from the root down, as our proofs hold them."""
    return tuple(op.suffix or op.prefix[1:] for op in reversed(proof.path))


def path_bits(key: bytes) -> str:
    return f"{int.from_bytes(sha256(key).digest(), 'big'):0256b}"


def path_proof(key: bytes, left: ics23.Existence | None, right: ics23.Existence | None) -> MapProof:
    """Our proof of absence out of ICS-23's neighbours: the neighbour's path is followed as far as the key's goes."""
    shared: dict[int, ics23.Existence] = {}
    for neighbour in (left, right):
        if neighbour is not None:
            ours, theirs = path_bits(key), path_bits(neighbour.key)
            shared[next(at for at in range(256) if ours[at] != theirs[at])] = neighbour
    depth = max(shared)
    neighbour = shared[depth]
    siblings = siblings_of(neighbour)
    if depth >= len(siblings):
        return MapProof(siblings, (sha256(neighbour.key).digest(), sha256(neighbour.value).digest()))
    beside = ics23.calculate(dataclasses.replace(neighbour, path=neighbour.path[: len(siblings) - depth - 1]))
    assert siblings[depth] == EMPTY
    return MapProof((*siblings[:depth], beside))


@pytest.mark.parametrize("name", EXISTENCE)
def test_a_published_existence_proof_holds_by_ics23_rules(name: str) -> None:
    case, (proof, _, _) = smt(name)
    ics23.verify_existence(proof, ics23.SMT_SPEC, case["root"], case["key"], case["value"])


@pytest.mark.parametrize("name", EXISTENCE)
def test_a_published_existence_proof_holds_by_our_rules(name: str) -> None:
    case, (proof, _, _) = smt(name)
    verify_existence(case["root"], case["key"], case["value"], MapProof(siblings_of(proof)))


@pytest.mark.parametrize("name", EXISTENCE)
def test_a_published_existence_proof_does_not_show_absence(name: str) -> None:
    case, (proof, _, _) = smt(name)
    with pytest.raises(VerificationError):
        verify_absence(case["root"], case["key"], MapProof(siblings_of(proof)))


@pytest.mark.parametrize("name", ABSENCE)
def test_a_published_absence_proof_holds_by_ics23_rules(name: str) -> None:
    case, (_, left, right) = smt(name)
    ics23.verify_absence(left, right, ics23.SMT_SPEC, case["root"], case["key"])


@pytest.mark.parametrize("name", ABSENCE)
def test_a_published_absence_proof_holds_by_our_rules(name: str) -> None:
    case, (_, left, right) = smt(name)
    verify_absence(case["root"], case["key"], path_proof(case["key"], left, right))


@pytest.mark.parametrize("name", ABSENCE)
def test_an_absence_proof_shows_nothing_under_another_root(name: str) -> None:
    case, (_, left, right) = smt(name)
    with pytest.raises(ics23.Ics23Error, match="another root"):
        ics23.verify_absence(left, right, ics23.SMT_SPEC, EMPTY, case["key"])


def test_two_neighbours_with_one_left_out_are_not_adjacent() -> None:
    """The middle proof's outer neighbours alone claim to be first or last, and they are not."""
    case, (_, left, right) = smt("nonexist_middle")
    for one, other in ((left, None), (None, right)):
        with pytest.raises(ics23.Ics23Error, match="adjacent"):
            ics23.verify_absence(one, other, ics23.SMT_SPEC, case["root"], case["key"])


def decoded(fields: dict[str, Any] | None) -> dict[str, Any]:
    """JSON fields of an op, with base64 turned into bytes."""
    binary = ("prefix", "suffix", "empty_child")
    return {name: base64.b64decode(v) if name in binary else v for name, v in (fields or {}).items()}


def spec_of(fields: dict[str, Any]) -> ics23.Spec:
    inner = decoded(fields["inner_spec"])
    inner["child_order"] = tuple(inner["child_order"])
    depths = {name: fields.get(name, 0) for name in ("max_depth", "min_depth")}
    return ics23.Spec(ics23.LeafOp(**decoded(fields["leaf_spec"])), ics23.InnerSpec(**inner), **depths)


def existence_of(fields: dict[str, Any]) -> ics23.Existence:
    leaf = ics23.LeafOp(**decoded(fields["leaf"])) if "leaf" in fields else None
    path = tuple(ics23.InnerOp(**decoded(op)) for op in fields.get("path", ()))
    return ics23.Existence(base64.b64decode(fields["key"]), base64.b64decode(fields["value"]), leaf, path)


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=title) for title, case in load(name).items()]


@pytest.mark.parametrize("name", ["sha256", "sha512"])
def test_a_hash_op_gives_the_published_hash(name: str) -> None:
    case = load("TestDoHashData")[name]
    preimage = (case.get("Preimage") or case.get("PreImage")).encode()
    assert ics23.hash_with(case["HashOp"], preimage).hex() == case["ExpectedHash"]


@pytest.mark.parametrize("case", cases("TestLeafOpData"))
def test_a_leaf_op_gives_the_published_hash_or_is_refused(case: dict[str, Any]) -> None:
    op = ics23.LeafOp(**decoded(case["Op"]))
    key, value = (base64.b64decode(case[name] or "") for name in ("Key", "Value"))
    if case["IsErr"]:
        with pytest.raises(ics23.Ics23Error):
            ics23.apply_leaf(op, key, value)
    else:
        assert ics23.apply_leaf(op, key, value) == base64.b64decode(case["Expected"])


@pytest.mark.parametrize("case", cases("TestInnerOpData"))
def test_an_inner_op_gives_the_published_hash_or_is_refused(case: dict[str, Any]) -> None:
    op, child = ics23.InnerOp(**decoded(case["Op"])), base64.b64decode(case["Child"] or "")
    if case["IsErr"]:
        with pytest.raises(ics23.Ics23Error):
            ics23.apply_inner(op, child)
    else:
        assert ics23.apply_inner(op, child) == base64.b64decode(case["Expected"])


@pytest.mark.parametrize("case", cases("TestExistenceProofData"))
def test_an_existence_proof_gives_the_published_root_or_is_refused(case: dict[str, Any]) -> None:
    proof = existence_of(case["Proof"])
    if case["IsErr"]:
        with pytest.raises(ics23.Ics23Error):
            ics23.calculate(proof)
    else:
        assert ics23.calculate(proof) == base64.b64decode(case["Expected"])


@pytest.mark.parametrize("case", cases("TestCheckLeafData"))
def test_a_leaf_op_agrees_with_its_spec_as_published(case: dict[str, Any]) -> None:
    op, spec = ics23.LeafOp(**decoded(case["Leaf"])), ics23.LeafOp(**decoded(case["Spec"]))
    if case["IsErr"]:
        with pytest.raises(ics23.Ics23Error):
            ics23.check_leaf(op, spec)
    else:
        ics23.check_leaf(op, spec)


@pytest.mark.parametrize("case", cases("TestCheckAgainstSpecData"))
def test_a_proof_agrees_with_its_spec_as_published(case: dict[str, Any]) -> None:
    if case["Err"]:
        with pytest.raises(ics23.Ics23Error):
            ics23.check_spec(existence_of(case["Proof"]), spec_of(case["Spec"]))
    else:
        ics23.check_spec(existence_of(case["Proof"]), spec_of(case["Spec"]))


@pytest.mark.parametrize("number", range(8))
def test_empty_sides_are_recognised_as_published(number: int) -> None:
    case = load("TestEmptyBranchData")[number]
    op, inner = ics23.InnerOp(**decoded(case["Op"])), spec_of(case["Spec"]).inner_spec
    sides = tuple(ics23.side_is_empty(op, inner, left=left) for left in (True, False))
    assert sides == (case["IsLeft"], case["IsRight"])
