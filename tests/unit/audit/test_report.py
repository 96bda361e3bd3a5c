"""The report: statuses, exit codes, words and JSON."""

from __future__ import annotations

import json

import pytest

from privledger.audit.report import MAX_DETAILS, MAX_FINDINGS, STEPS, Report, Sheet

ORIGIN = "test.example/" + "ab" * 32


def report(sheet: Sheet) -> Report:
    return Report(
        "place", ORIGIN, 5, bytes(32), 1_700_000_000, sheet.results(), tuple(sheet.evidence), tuple(sheet.notes)
    )


def test_an_empty_sheet_has_twelve_steps_that_were_not_checked() -> None:
    made = report(Sheet())
    assert [step.step for step in made.steps] == list(STEPS)
    assert {step.status for step in made.steps} == {"not checked"}
    assert made.exit_code == 0


def test_a_checked_step_holds() -> None:
    sheet = Sheet()
    sheet.checked("A1", "size 5")
    assert (report(sheet).step("A1").status, sheet.holds("A1")) == ("ok", True)


def test_a_finding_fails_the_step_and_the_report() -> None:
    sheet = Sheet()
    sheet.checked("A3")
    sheet.fail("A3", "it is wrong", "tile/0/000", 7)
    made = report(sheet)
    assert (made.step("A3").status, made.exit_code, sheet.has_failed("A3"), sheet.holds("A3")) == (
        "failed",
        1,
        True,
        False,
    )
    assert made.findings[0].index == 7


def test_a_blocked_step_was_not_checked_to_its_end() -> None:
    sheet = Sheet()
    sheet.checked("A6")
    sheet.block("A6", "a reason")
    made = report(sheet)
    assert (made.step("A6").status, made.step("A6").detail, made.exit_code) == ("not checked", "a reason", 3)


def test_a_failure_counts_more_than_what_could_not_be_checked() -> None:
    sheet = Sheet()
    sheet.block("A6", "a reason")
    sheet.fail("A3", "it is wrong", "tile/0/000")
    assert report(sheet).exit_code == 1


def test_a_step_with_nothing_to_check_says_why() -> None:
    sheet = Sheet()
    sheet.skip("A8", "there is no vault here")
    assert report(sheet).step("A8").detail == "there is no vault here"
    assert report(sheet).step("A10").detail == "not in this version"


def test_findings_beyond_the_limit_are_counted() -> None:
    sheet = Sheet()
    for number in range(MAX_FINDINGS + 3):
        sheet.fail("A5", "it is wrong", "somewhere", number)
    made = report(sheet).step("A5")
    assert len(made.findings) == MAX_FINDINGS
    assert "3 further findings" in made.detail


def test_details_are_said_once_and_not_without_end() -> None:
    sheet = Sheet()
    for number in range(MAX_DETAILS + 2):
        sheet.checked("A9", f"detail {number}")
        sheet.checked("A9", f"detail {number}")
    assert report(sheet).step("A9").detail.endswith("detail 5; and 2 more")


def test_text_names_every_step_finding_and_note() -> None:
    sheet = Sheet()
    sheet.fail("A3", "it is wrong", "tile/0/000", 7)
    sheet.notes.append("a remark")
    sheet.evidence.append(b"evidence")
    text = report(sheet).to_text()
    assert all(f"\n{step} " in text for step in STEPS)
    assert "entry 7, tile/0/000: it is wrong" in text
    assert "Note: a remark" in text
    assert "1 piece(s) of evidence" in text
    assert text.endswith("A step FAILED: what is listed above does not hold.\n")


@pytest.mark.parametrize("blocked", [False, True])
def test_json_says_the_same(blocked: bool) -> None:
    sheet = Sheet()
    sheet.checked("A1", "size 5")
    if blocked:
        sheet.block("A2", "no older file")
    value = json.loads(report(sheet).to_json())
    assert (value["origin"], value["size"], value["exit_code"]) == (ORIGIN, 5, 3 if blocked else 0)
    assert [step["step"] for step in value["steps"]] == list(STEPS)
    assert value["steps"][0]["status"] == "ok"
