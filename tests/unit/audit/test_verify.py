"""`verify_file` says what a file is, and whether it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from privledger.audit import Verdict, recognise, verify_file
from privledger.protocol.address import make_access_request, make_address
from privledger.protocol.container import pack, pack_signed
from privledger.protocol.evidence import Evidence
from privledger.protocol.presentation import ProofRequest, make_presentation
from privledger.protocol.state import parse_record_state, record_key
from privledger.protocol.trust import TrustRoot
from privledger_crypto import cbor
from tests.support.auditing import Scene, signed
from tests.support.chain import ORIGIN, START, Chain
from tests.support.places import RESPONSE, TERMS, random_source

RANDOM = random_source("verify")


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


def address() -> bytes:
    return make_address(5, RESPONSE.public, "an app", ORIGIN, RANDOM)


def request(scene: Scene) -> ProofRequest:
    return ProofRequest(ORIGIN, "library", "door", bytes(32), scene.chain.time + 9)


def presentation(scene: Scene) -> bytes:
    state = parse_record_state(scene.chain.state.get(record_key(scene.record)) or b"")
    return make_presentation(
        request(scene),
        record=scene.record,
        answer=scene.chain.answer(record_key(scene.record)),
        commitment=state.commitment,
        scalars=scene.scalars,
        random_bytes=RANDOM,
    )


def fork(scene: Scene) -> bytes:
    leaves = [*scene.chain.leaves[:-1], scene.chain.leaves[0]]
    notes = (scene.chain.checkpoint(), signed(leaves, scene.chain.time))
    return Evidence(ORIGIN, "forked-checkpoints", notes).pack()


def access_request(_: Scene) -> bytes:
    raw = make_access_request(
        5, address(), TERMS, "the rides", nonce=bytes(16), time=START, origin=ORIGIN, random_bytes=RANDOM
    )
    return pack("access-request", raw)


FILES: dict[str, tuple[Callable[[Scene], bytes], str]] = {
    "address": (lambda s: pack("address", address()), "fingerprint"),
    "access-request": (access_request, "may be read"),
    "proof-request": (lambda s: request(s).pack(), "'library' asks"),
    "presentation": (presentation, "opens the commitment"),
    "receipt": (lambda s: pack_signed("receipt", ORIGIN, s.receipts["g"][0]), "released its share"),
    "certificate": (lambda s: pack_signed("certificate", ORIGIN, s.certificate()), "destroyed 1 shares"),
    "bundle": (lambda s: s.bundle().pack(), "every step that was checked holds"),
    "evidence": (fork, "different roots"),
    "checkpoint": (lambda s: s.chain.checkpoint(), "a checkpoint of 18 leaves"),
    "trust root": (lambda s: s.chain.trust().to_json().encode(), "the one you trust"),
    "entry": (lambda s: s.chain.leaves[2], "a service entry of this ledger"),
    "statement": (lambda s: s.request("g", 4), "a request statement"),
}


def verify(data: bytes, trust: TrustRoot | None) -> Verdict:
    return verify_file(data, trust, clock=lambda: START)


@pytest.mark.parametrize("kind", FILES)
def test_what_holds(kind: str, scene: Scene) -> None:
    make, words = FILES[kind]
    verdict = verify(make(scene), scene.chain.trust())
    assert (verdict.kind, verdict.holds, verdict.exit_code) == (kind, True, 0)
    assert words in verdict.summary


@pytest.mark.parametrize("kind", FILES)
def test_for_a_reader_of_another_ledger_nothing_of_it_holds(kind: str, scene: Scene) -> None:
    other = Chain(origin="other.example/" + "cd" * 32)
    verdict = verify(FILES[kind][0](scene), other.trust())
    assert (verdict.kind, verdict.holds, verdict.exit_code) == (kind, False, 1)


@pytest.mark.parametrize("kind", FILES)
def test_without_a_trust_root_nothing_is_judged(kind: str, scene: Scene) -> None:
    verdict = verify(FILES[kind][0](scene), None)
    assert (verdict.kind, verdict.holds, verdict.exit_code) == (kind, None, 3)


@pytest.mark.parametrize("kind", [kind for kind in FILES if kind not in ("trust root", "proof-request")])
def test_a_changed_file_does_not_hold(kind: str, scene: Scene) -> None:
    """Nobody signs a proof request or a trust root, so those may say something else and be well-formed."""
    data = bytearray(FILES[kind][0](scene))
    data[-7] ^= 1
    verdict = verify(bytes(data), scene.chain.trust())
    assert verdict.holds is False
    assert verdict.exit_code == 1


def test_an_entry_of_several_governance_keys() -> None:
    chain = Chain(governance=("a", "b"), quorum=2)
    assert verify(chain.leaves[0], chain.trust()).kind == "entry"


def test_what_nobody_signs_could_not_be_checked(scene: Scene) -> None:
    trust = scene.chain.trust()
    files = {
        "block": scene.chain.leaves[-1],
        "disclosure": scene.disclosure().pack(),
        "backup": pack("backup", b"sealed"),
        "service-keys": pack("service-keys", {0: "keeper"}),
    }
    for kind, data in files.items():
        verdict = verify(data, trust)
        assert (verdict.kind, verdict.holds, verdict.exit_code) == (kind, None, 3)


def test_a_disclosure_of_another_ledger_is_false(scene: Scene) -> None:
    other = replace(scene.disclosure(), origin="other.example/" + "cd" * 32)
    assert verify(other.pack(), scene.chain.trust()).holds is False


def test_a_trust_root_with_other_limits_is_for_people_to_judge(scene: Scene) -> None:
    trust = scene.chain.trust()
    verdict = verify(replace(trust, max_age=5).to_json().encode(), trust)
    assert (verdict.holds, "other keys, witnesses or limits" in verdict.summary) == (None, True)


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x00" * 100, b"[]", b"\xff" * 3])
def test_nothing_of_ours(data: bytes, scene: Scene) -> None:
    assert recognise(data) == "unknown"
    assert verify(data, scene.chain.trust()).exit_code == 3


@pytest.mark.parametrize("kept", [30, 100, -1])
def test_a_file_that_was_cut_short_is_named_and_does_not_hold(kept: int, scene: Scene) -> None:
    verdict = verify(scene.bundle().pack()[:kept], scene.chain.trust())
    assert (verdict.kind, verdict.holds, verdict.exit_code) == ("bundle", False, 1)


def test_a_container_of_an_unknown_type_could_not_be_checked(scene: Scene) -> None:
    verdict = verify(cbor.encode(["privledger", "novel", 1, b""]), scene.chain.trust())
    assert (verdict.kind, verdict.exit_code) == ("container", 3)
    assert "novel" in verdict.summary


def test_times_are_told_as_people_say_them(scene: Scene) -> None:
    checkpoint, _ = FILES["checkpoint"]
    assert " UTC, root " in verify(checkpoint(scene), scene.chain.trust()).summary


def test_a_bundle_brings_its_report(scene: Scene) -> None:
    verdict = verify(scene.bundle().pack(), scene.chain.trust())
    assert verdict.report is not None
    assert verdict.report.step("A7").status == "ok"
