"""Every console transcript of the how-to pages and the README is run, and its output compared.

The blocks of one page run in order in one empty directory. In a ```console block a line that opens with `$ ` is a command (a
trailing backslash continues it); the lines below it are what it prints, stdout and stderr together. `...` stands for anything
inside a line, and alone on a line for any lines. A command whose exit code is not 0 is followed by a line `(exit code N)`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    path
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if "```console" in path.read_text("utf-8")
]
TIME_LIMIT = 120  # seconds for one command


@dataclass(frozen=True)
class Step:
    """A command and what it prints."""

    line: int
    command: str
    expected: str


def steps(text: str) -> list[Step]:
    """The commands of a page, in order."""
    found: list[Step] = []
    output: list[str] = []
    command, at, inside = "", 0, False
    for number, line in enumerate([*text.splitlines(), "```"], start=1):
        if not inside:
            inside = line == "```console"
            continue
        if command.endswith("\\"):
            command = f"{command[:-1]}{line.strip()}"
            continue
        if line.startswith("$ ") or line == "```":
            if command:
                found.append(Step(at, command, "\n".join(output)))
            command, output, at = line[2:] if line.startswith("$ ") else "", [], number
            inside = line != "```"
            continue
        output.append(line)
    return found


def pattern(expected: str) -> re.Pattern[str]:
    """A pattern for the expected output."""
    lines = []
    for line in expected.strip().splitlines():
        if line.strip() == "...":
            lines.append(r"(?:[^\n]*\n)*?")
        else:
            lines.append(".*?".join(re.escape(part) for part in line.rstrip().split("...")) + r"\n")
    return re.compile("".join(lines))


def environment(home: Path, cache: Path) -> dict[str, str]:
    """An environment in which `privledger` is this checkout's, and nothing is configured; `cache` is for bytecode."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PRIVLEDGER_", "PYTHON"))}
    binaries = home / ".bin"
    binaries.mkdir()
    script = binaries / "privledger"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m privledger.cli "$@"\n')
    script.chmod(0o755)
    return {
        **kept,
        "HOME": str(home),
        "PATH": f"{binaries}:{kept['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "crypto")]),
        "PYTHONPYCACHEPREFIX": str(cache),
        "COLUMNS": "100",
    }


def run(step: Step, directory: Path, env: dict[str, str]) -> str:
    """What a command prints, with its exit code if that is not 0."""
    done = subprocess.run(
        ["/bin/sh", "-c", step.command],
        cwd=directory,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIME_LIMIT,
        text=True,
        check=False,
    )
    lines = [line.rstrip() for line in done.stdout.strip().splitlines()]
    if done.returncode:
        lines.append(f"(exit code {done.returncode})")
    return "".join(f"{line}\n" for line in lines)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first command leaves bytecode for the others, which then start in half the time."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.mark.parametrize("page", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_the_transcripts_of_a_page_are_what_the_commands_print(page: Path, tmp_path: Path, cache: Path) -> None:
    directory = tmp_path / "work"
    directory.mkdir()
    env = environment(tmp_path, cache)
    found = steps(page.read_text("utf-8"))
    assert found, "a page with console blocks has commands"
    for step in found:
        printed = run(step, directory, env)
        where = f"{page.relative_to(ROOT)}:{step.line}: $ {step.command}"
        assert pattern(step.expected).fullmatch(printed), f"{where}\nexpected:\n{step.expected}\nprinted:\n{printed}"


def test_three_dots_stand_for_a_part_of_a_line_or_for_whole_lines() -> None:
    assert pattern("record ...\n...\nend").fullmatch("record 5d0c\na\nb\nend\n")
    assert not pattern("record ...").fullmatch("record\nmore\n")


def test_a_backslash_continues_a_command_and_output_belongs_to_the_command_above() -> None:
    text = "```console\n$ one \\\n    two\nprinted\n$ three\n```\nprose\n"
    assert [(step.command, step.expected) for step in steps(text)] == [("one two", "printed"), ("three", "")]
