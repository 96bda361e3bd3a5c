"""Evidence: what holds by itself, what proves nothing, and that nobody can frame a keeper with a key of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from privledger.audit import Report, verify_evidence
from privledger.protocol.entries import ReceiptsEntry
from privledger.protocol.errors import FormatError, PrivledgerError, VerificationError
from privledger.protocol.evidence import Evidence, unpack_evidence
from privledger.protocol.receipt import parse_receipt
from tests.support.auditing import Scene, failed, signed
from tests.support.chain import ORIGIN, Chain, signer
from tests.support.tampering import more, shown


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.fixture(scope="module")
def place(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("place")
    scene.write(directory)
    return directory


def double_read(scene: Scene, by: str = "keeper") -> Evidence:
    """Two receipts of two requests under one read number."""
    pair = (scene.receipt("g", 4, by=by), scene.receipt("g", 4, by=by))
    return Evidence(ORIGIN, "read-number-twice", pair)


def only(report: Report) -> Evidence:
    (evidence,) = report.evidence
    return unpack_evidence(evidence)


def test_evidence_that_is_handed_over_is_a_finding(scene: Scene, place: Path) -> None:
    report = scene.audit(place, double_read(scene).pack())
    assert failed(report) == {"A12"}
    assert only(report).kind == "read-number-twice"


def test_evidence_signed_by_a_key_of_nobody_proves_nothing(scene: Scene, place: Path) -> None:
    """Anybody can sign receipts in a keeper's name."""
    report = scene.audit(place, double_read(scene, by="vault").pack())
    assert failed(report) == {"A9"}
    assert "evidence against nobody" in report.findings[0].what


def test_false_receipts_do_not_frame_a_keeper(scene: Scene, place: Path) -> None:
    disclosure = shown(scene, "g", *double_read(scene, by="vault").items)
    assert "A12" not in failed(scene.audit(place, disclosure.pack()))
    assert "A12" not in failed(scene.audit_bundle(scene.bundle(disclosure)))


def test_a_false_receipts_entry_does_not_frame_a_keeper(scene: Scene, place: Path) -> None:
    forged = scene.chain.entry("vault", ReceiptsEntry(scene.keeper, 0, 12, bytes(32)))
    bundle = scene.bundle()
    entries = tuple(replace(one, leaf=forged) if b"receipts" in one.leaf else one for one in bundle.entries)
    assert failed(scene.audit(place, replace(bundle, entries=entries).pack())) == set()


def test_without_the_chain_the_words_name_the_key(scene: Scene) -> None:
    words = verify_evidence(double_read(scene), scene.chain.trust())
    assert f"compare the key {signer('keeper').key_id.hex()}" in words


def test_a_release_after_all_grants_were_revoked(tmp_path: Path) -> None:
    """Evidence of an end by "all up to" carries the grant as well, to show that it was reached."""
    scene = Scene()
    index = scene.chain.size - 1
    scene.world.close(scene.chain.revoke("owner", up_to=index))
    scene.write(tmp_path)
    late = more(scene, "g", scene.receipt("g", 4))
    for report in (scene.audit(tmp_path, late.pack()), scene.audit_bundle(scene.bundle(late))):
        assert failed(report) == {"A7", "A12"}
        evidence = only(report)
        assert len(evidence.items) == 5
        assert "after entry 18" in verify_evidence(evidence, scene.chain.trust())
        with pytest.raises(VerificationError):
            verify_evidence(replace(evidence, items=evidence.items[:4]), scene.chain.trust())


def test_a_release_after_the_record_was_erased(tmp_path: Path) -> None:
    scene = Scene()
    scene.world.close(scene.chain.erase("owner"))
    scene.write(tmp_path)
    report = scene.audit(tmp_path, more(scene, "g", scene.receipt("g", 4)).pack())
    assert {"A7", "A12"} <= failed(report)


@pytest.mark.parametrize("kind", ["two-receipts-one-number", "read-number-twice"])
def test_receipts_that_agree_are_no_evidence(scene: Scene, kind: str) -> None:
    with pytest.raises(VerificationError):
        verify_evidence(Evidence(ORIGIN, kind, tuple(scene.receipts["g"][:2])), scene.chain.trust())


def test_checkpoints_of_different_sizes_are_no_evidence(scene: Scene) -> None:
    notes = (scene.chain.checkpoint(2), scene.chain.checkpoint(3))
    with pytest.raises(VerificationError):
        verify_evidence(Evidence(ORIGIN, "forked-checkpoints", notes), scene.chain.trust())


def test_a_fork_that_strangers_signed_is_no_evidence(scene: Scene) -> None:
    leaves = [*scene.chain.leaves[:-1], scene.chain.leaves[0]]
    notes = (scene.chain.checkpoint(), signed(leaves, scene.chain.time, log="other"))
    with pytest.raises(VerificationError):
        verify_evidence(Evidence(ORIGIN, "forked-checkpoints", notes), scene.chain.trust())


def test_periods_that_follow_each_other_are_no_evidence(scene: Scene) -> None:
    entries = tuple(scene.chain.entry("keeper", ReceiptsEntry(scene.keeper, a, a + 5, bytes([a]) * 32)) for a in (0, 5))
    with pytest.raises(VerificationError):
        verify_evidence(Evidence(ORIGIN, "two-roots-one-period", entries), scene.chain.trust())


def test_evidence_of_another_ledger(scene: Scene) -> None:
    other = Chain(origin="other.example/" + "cd" * 32)
    with pytest.raises(VerificationError):
        verify_evidence(double_read(scene), other.trust())


@pytest.mark.parametrize("place_of", range(4))
def test_a_late_receipt_needs_each_of_its_items(scene: Scene, place: Path, place_of: int) -> None:
    evidence = only(scene.audit(place, more(scene, "late", scene.receipt("late", 2)).pack()))
    changed = list(evidence.items)
    changed[place_of] = changed[place_of][:-3] + b"\x00\x01\x02"
    with pytest.raises((VerificationError, FormatError)):
        verify_evidence(replace(evidence, items=tuple(changed)), scene.chain.trust())


def test_a_receipt_before_the_end_is_not_late(scene: Scene, place: Path) -> None:
    evidence = only(scene.audit(place, more(scene, "late", scene.receipt("late", 2)).pack()))
    early = (scene.receipts["late"][0], *evidence.items[1:])
    assert parse_receipt(early[0], ORIGIN).size <= 14
    with pytest.raises(PrivledgerError):
        verify_evidence(replace(evidence, items=early), scene.chain.trust())
