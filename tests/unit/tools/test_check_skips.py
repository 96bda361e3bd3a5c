"""`tools/check_skips.py` lets no test fall silent unnoticed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PASSED = '<testcase classname="tests.unit.test_a" name="test_one"/>'
SKIPPED = '<testcase classname="tests.unit.test_a" name="test_two"><skipped message="no macOS here"/></testcase>'
FAILED = '<testcase classname="tests.unit.test_a" name="test_three"><failure message="1 != 2"/></testcase>'
BROKEN = '<testcase classname="tests.unit.test_a" name="test_four"><error message="in set-up"/></testcase>'


@pytest.fixture
def check(tmp_path: Path, repository_root: Path):
    def run(cases: str, expected: str = "") -> subprocess.CompletedProcess[str]:
        (tmp_path / "tests.xml").write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
        (tmp_path / "expected-skips").write_text(expected)
        script = repository_root / "tools" / "check_skips.py"
        command = [sys.executable, str(script), str(tmp_path / "tests.xml"), str(tmp_path / "expected-skips")]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_a_run_without_skips_passes_and_is_counted(check) -> None:
    result = check(PASSED)
    assert (result.returncode, result.stdout) == (0, "1 passed, 0 failed, 0 skipped\n")


@pytest.mark.parametrize("part", ["tests/unit/test_a.py::test_two", "no macOS"])
def test_a_listed_skip_passes(check, part: str) -> None:
    result = check(PASSED + SKIPPED, f"# a comment\n\n{part} | only macOS has it\n")
    assert (result.returncode, result.stdout) == (0, "1 passed, 0 failed, 1 skipped\n")


def test_an_unlisted_skip_fails_and_is_named(check) -> None:
    result = check(PASSED + SKIPPED, "tests/unit/test_b.py | another file\n")
    assert result.returncode == 1
    assert "unexpected skip: tests/unit/test_a.py::test_two: no macOS here" in result.stderr


@pytest.mark.parametrize("case", [FAILED, BROKEN], ids=["failure", "error"])
def test_a_failed_test_fails_the_check(check, case: str) -> None:
    result = check(PASSED + case)
    assert (result.returncode, result.stdout) == (1, "1 passed, 1 failed, 0 skipped\n")


def test_a_run_of_no_test_fails(check) -> None:
    result = check("")
    assert (result.returncode, result.stderr) == (1, "no test ran\n")


def test_a_listed_skip_without_a_reason_is_refused(check) -> None:
    result = check(PASSED, "test_two\n")
    assert result.returncode == 1
    assert "expected-skips:1" in result.stderr
