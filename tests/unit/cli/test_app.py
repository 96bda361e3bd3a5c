"""How the command line lists its commands, ends its runs and stays quick."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from privledger.cli.app import COMMANDS, PROGRAM, app
from privledger.cli.status import Status, status_of
from privledger.protocol.errors import (
    AuthorisationError,
    ConflictError,
    FormatError,
    PrivledgerError,
    RefusedError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from privledger_crypto.errors import ParameterError

runner = CliRunner()

HEAVY = (
    "cryptography",
    "nacl",
    "sqlalchemy",
    "rich",
    "cbor2",
    "mnemonic",
    "py_ecc",
    "pyblst",
    "privledger.sdk",
    "privledger.protocol",
)


def _python(code: str, root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(root), str(root / "crypto")])
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_lists_every_command_with_its_line() -> None:
    printed = runner.invoke(app, ["--help"]).stdout
    assert [name for name, one in COMMANDS.items() if f"  {name} " not in printed or one.line not in printed] == []


def test_no_arguments_show_the_help() -> None:
    result = runner.invoke(app, [])
    assert (result.exit_code, "Usage: privledger" in result.stdout) == (0, True)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_of_a_command_is_the_first_of_its_own_help(name: str) -> None:
    result = runner.invoke(app, [name, "--help"])
    assert result.exit_code == 0
    assert result.stdout.split("\n\n")[1].strip() == COMMANDS[name].line


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "wallet"])
def test_every_command_takes_json_a_place_and_a_wallet(name: str) -> None:
    printed = runner.invoke(app, [name, "--help"]).stdout
    assert [option for option in ("--json", "--at", "--wallet") if option not in printed] == []


def test_help_imports_nothing_heavy(repository_root: Path) -> None:
    code = (
        "import sys\nfrom privledger.cli.app import app\nfrom typer.testing import CliRunner\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print(' '.join(sorted(sys.modules)))"
    )
    done = _python(code, repository_root)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert [name for name in HEAVY if name in loaded] == []


def test_completing_a_commands_name_imports_nothing_heavy(repository_root: Path) -> None:
    code = (
        "import os, sys\n"
        "os.environ.update(_PRIVLEDGER_COMPLETE='complete_bash', COMP_WORDS='privledger re', COMP_CWORD='1')\n"
        "from privledger.cli import main\n"
        "sys.argv = ['privledger']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(' '.join(sorted(sys.modules)), file=sys.stderr)"
    )
    done = _python(code, repository_root)
    assert done.stdout.split() == ["request", "read", "revoke"], done.stderr
    loaded = set(done.stderr.split())
    assert [name for name in HEAVY if name in loaded] == []


def test_an_unknown_command_is_a_usage_error_with_a_hint() -> None:
    result = runner.invoke(app, ["pot"])
    assert result.exit_code == Status.USAGE
    assert result.stdout == ""
    assert result.stderr.splitlines() == ["privledger: No such command 'pot'", "privledger: See `privledger --help`."]


def test_with_json_an_error_is_the_one_document_on_stdout() -> None:
    result = runner.invoke(app, ["put", "--json"])
    document = json.loads(result.stdout)
    assert (result.exit_code, document["exit"], document["error"]["code"]) == (2, 2, "usage")
    assert document["error"]["hint"] == "See `privledger put --help`."


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("x"), Status.USAGE),
        (VerificationError("x"), Status.FALSE),
        (FormatError("x"), Status.FAILED),
        (AuthorisationError("x", code="grant_revoked", step=3), Status.NOT_AUTHORISED),
        (RefusedError("x"), Status.FAILED),
        (ConflictError("x"), Status.FAILED),
        (UnavailableError("x"), Status.FAILED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_error_ends_with_its_status(error: PrivledgerError, status: Status) -> None:
    assert status_of(error) is status


def _raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    failing = typer.Typer(add_completion=False, rich_markup_mode=None)

    @failing.command("list")
    def _fail() -> None:
        raise error

    monkeypatch.setattr("privledger.cli.commands.list.app", failing)


def test_an_error_is_told_in_one_line_with_its_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    _raising(monkeypatch, UnavailableError("the ledger is locked", code="locked", hint="Wait until it has finished."))
    result = runner.invoke(app, ["list"])
    assert (result.exit_code, result.stdout) == (Status.FAILED, "")
    assert result.stderr == "privledger: the ledger is locked\nprivledger: Wait until it has finished.\n"


@pytest.mark.parametrize("error", [RuntimeError("boom"), ParameterError("boom")], ids=["foreign", "crypto"])
def test_an_unexpected_error_is_called_a_bug(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    _raising(monkeypatch, error)
    result = runner.invoke(app, ["list"])
    assert result.exit_code == Status.FAILED
    assert len(result.stderr.splitlines()) == 2
    assert "boom" in result.stderr
    assert "This is a bug." in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_may_stand_anywhere_and_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    _raising(monkeypatch, RuntimeError("boom"))
    for words in (["list", "--debug"], ["--debug", "list"]):
        result = runner.invoke(app, words)
        assert (result.exit_code, "Traceback" in result.stderr) == (Status.FAILED, True)


def test_a_reader_that_went_away_is_no_false_result_and_no_noise(repository_root: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    paths = os.pathsep.join([str(repository_root), str(repository_root / "crypto")])
    done = subprocess.run(
        [sys.executable, "-m", "privledger.cli", "--help"],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=write,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (Status.FAILED, b"")


@pytest.mark.parametrize("words", [["--help"], ["pot", "--json"]], ids=["help", "json"])
def test_a_stdout_that_takes_nothing_is_named(repository_root: Path, words: list[str]) -> None:
    """Here one that is open for reading alone; a full disk goes the same way."""
    paths = os.pathsep.join([str(repository_root), str(repository_root / "crypto")])
    with Path(__file__).open("rb") as stdout:
        done = subprocess.run(
            [sys.executable, "-m", "privledger.cli", *words],
            env={**os.environ, "PYTHONPATH": paths},
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=60,
            text=True,
            check=False,
        )
    assert (done.returncode, "privledger: stdout: " in done.stderr, "Traceback" in done.stderr) == (3, True, False)


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    _raising(monkeypatch, KeyboardInterrupt())
    result = runner.invoke(app, ["list"])
    assert result.exit_code == Status.INTERRUPTED
    assert result.stderr.splitlines()[0] == "privledger: interrupted"


def test_the_version_is_the_packages() -> None:
    from importlib.metadata import version

    assert runner.invoke(app, ["--version"]).stdout == f"{PROGRAM} {version('privledger')}\n"
