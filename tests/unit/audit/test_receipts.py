"""Step A7 says how far receipts are known to be complete, and what it takes on trust (docs/spec/audit.md §1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from privledger.audit.report import Report
from privledger.protocol.disclosure import Disclosure
from tests.support.auditing import Scene, failed, with_grant

AGAIN = "the keeper has posted again, ask for a new disclosure"


@pytest.fixture
def scene() -> Scene:
    return Scene()


def audits(scene: Scene, directory: Path, disclosure: Disclosure) -> dict[str, Report]:
    """The disclosure, audited beside the place and in a bundle."""
    scene.write(directory)
    return {
        "place": scene.audit(directory, disclosure.pack()),
        "bundle": scene.audit_bundle(scene.bundle(disclosure)),
    }


@pytest.mark.parametrize("subject", ["place", "bundle"])
def test_receipts_under_an_older_posted_root_are_not_known_to_be_all(
    scene: Scene, tmp_path: Path, subject: str
) -> None:
    old = scene.disclosure()
    posted = scene.chain.state.service(scene.keeper)
    assert posted is not None
    fresh = scene.post()
    report = audits(scene, tmp_path / "old", old)[subject]
    assert (failed(report), report.exit_code) == (set(), 3)
    step = report.step("A7")
    assert step.status == "not checked"
    assert f"complete up to size {posted.last_b}; {AGAIN}" in step.detail
    scene.openings = fresh
    report = audits(scene, tmp_path / "new", scene.disclosure())[subject]
    assert (report.exit_code, report.step("A7").status) == (0, "ok")


@pytest.mark.parametrize("subject", ["place", "bundle"])
def test_a_receipt_left_out_after_a_second_posting_does_not_pass(scene: Scene, tmp_path: Path, subject: str) -> None:
    """The owner shows what it was given before the last read, when that read is in what the keeper posted since."""
    cut = with_grant(scene.disclosure(), "g", receipts=tuple(scene.receipts["g"][:2]))
    assert audits(scene, tmp_path / "before", cut)[subject].exit_code == 0
    scene.post()
    assert audits(scene, tmp_path / "after", cut)[subject].exit_code == 3


def test_a_root_posted_again_without_change_is_the_last_one(scene: Scene, tmp_path: Path) -> None:
    scene.openings = scene.post()
    scene.post()
    assert audits(scene, tmp_path, scene.disclosure())["place"].exit_code == 0


@pytest.mark.parametrize("subject", ["place", "bundle"])
@pytest.mark.parametrize(
    ("label", "whose"), [("owner", "an owner's reads"), ("g", "a grant whose terms are not shown")]
)
def test_a_map_key_that_nothing_shown_gives_is_said_to_be_taken(
    scene: Scene, tmp_path: Path, subject: str, label: str, whose: str
) -> None:
    shown = scene.grant_disclosure(label)
    disclosure = Disclosure(scene.disclosure().origin, scene.record, (type(shown)(shown.grant, None, shown.services),))
    report = audits(scene, tmp_path, disclosure)[subject]
    assert report.exit_code == 0
    assert f"the map key of {whose} is taken from the disclosure" in report.step("A7").detail
