"""The demonstration runs, shows what it promises, and notices when something does not behave as it should."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
MONTHS = "3"
WIDTH = 80  # columns
TIME_LIMIT = 120  # seconds


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run Python on these words, without a terminal."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "crypto")])
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        env={**os.environ, "PYTHONPATH": paths, "COLUMNS": f"{WIDTH}"},
        check=False,
    )


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demonstration works."""
    return tmp_path_factory.mktemp("demo") / "demo-place"


@pytest.fixture(scope="module")
def shown(directory: Path) -> str:
    """What a run over a few months prints."""
    done = run(str(ROOT / "examples" / "demo.py"), str(directory), "--months", MONTHS)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def test_every_claim_holds_and_all_ten_scenes_are_shown(shown: str) -> None:
    assert re.findall(r"^== Scene (\d+):", shown, re.MULTILINE) == [str(number) for number in range(1, 11)]
    assert "All of them hold." in shown
    assert "WRONG" not in shown


def test_without_a_terminal_the_text_is_plain(shown: str) -> None:
    assert shown.isascii()
    assert "\x1b" not in shown


def test_no_line_ends_in_spaces(shown: str) -> None:
    assert [line for line in shown.splitlines() if line != line.rstrip()] == []


def test_a_line_is_no_wider_than_the_terminal_unless_it_is_to_be_copied(shown: str) -> None:
    """Origin, share link and commands are left whole."""
    wide = [line for line in shown.splitlines() if len(line) > WIDTH]
    assert [line for line in wide if not line.startswith(("The ledger is ", "  privledger"))] == []


def test_no_time_is_broken_in_prose(shown: str) -> None:
    prose = [line for line in shown.splitlines() if not line.startswith("|")]
    assert [line for line in prose if re.search(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?$", line)] == []


def test_tables_show_short_ids_and_whole_details(shown: str) -> None:
    rows = [line for line in shown.splitlines() if line.startswith("|")]
    assert [line for line in rows if " ..." in line] == []
    long = [line for line in rows if re.search(r"\b[0-9a-f]{32}\b", line)]
    assert all("record id" in line or "grant" in line for line in long)
    assert len(long) <= 4  # in the table of all that the chain shows


@pytest.mark.parametrize(
    "line",
    [
        f"{MONTHS} of {MONTHS} files equal the originals, byte for byte",
        r"keeper again under read number 1: refused \(step 5\), number_used",
        r"at the keeper, past its wallet: refused \(step 3\), grant_revoked: the grant was revoked by entry (\d+)",
        r"the refusal names entry \d+, which block \d+ closed",
        "the certificate is PENDING, and says until when",
        "MOVES ITS CLOCK FORWARD BY 8 DAYS",
        "the certificate is no longer pending",
        "recovery from the owner's 24 words brings back 2 records, and not March",
        "every checked step holds",
        r"A7 \| ok +\| receipts +\| \d receipts of 3",
        "the bundle holds",
    ],
)
def test_a_key_line_is_shown(shown: str, line: str) -> None:
    assert re.search(line, " ".join(shown.split()))


def test_every_damaged_copy_is_caught(shown: str) -> None:
    caught = re.findall(r"^  ok     copy (\d+) caught by ([A0-9 ]+):", shown, re.MULTILINE)
    assert [int(number) for number, _ in caught] == list(range(1, 14))
    assert {step for _, steps in caught for step in steps.split()} >= {
        "A1",
        "A2",
        "A3",
        "A5",
        "A7",
        "A8",
        "A9",
        "A11",
        "A12",
    }


def test_the_commands_that_it_leaves_work(shown: str) -> None:
    commands = re.findall(r"^  privledger (.*?)(?:  # exit code (\d))?$", shown, re.MULTILINE)
    assert len(commands) >= 7
    ended = {words: run("-m", "privledger.cli", *shlex.split(words)).returncode for words, _ in commands}
    assert ended == {words: int(code or 0) for words, code in commands}


def test_a_second_run_does_not_overwrite_the_first(shown: str, directory: Path) -> None:
    done = run(str(ROOT / "examples" / "demo.py"), str(directory))
    assert done.returncode == 2
    assert "--fresh" in done.stderr


def test_fresh_does_not_remove_a_directory_that_the_demonstration_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    done = run(str(ROOT / "examples" / "demo.py"), str(tmp_path), "--fresh")
    assert done.returncode == 2
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.fixture
def scenes(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the damaged copies, importable as the demonstration imports it."""
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    return importlib.import_module("scenes.damage")


def test_a_copy_that_is_not_caught_ends_the_demonstration_with_1(
    scenes: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = importlib.import_module("demo")
    monkeypatch.setattr(scenes, "HARMS", (scenes.Harm("none", "nothing is wrong", "A3", lambda *_: None),))
    monkeypatch.setattr(sys, "argv", ["demo.py", str(tmp_path / "place"), "--months", MONTHS])
    assert demo.main() == 1
    assert "WRONG  copy 1 caught by no step: nothing is wrong" in capsys.readouterr().out
