"""The command `privledger`: which commands there are, and how every run ends.

A command's module is imported when that command is run or its own help is asked for. The list that `--help` shows comes from
`COMMANDS` below; a test compares its lines with the commands' own.

How a run ends: `privledger.cli.status`. Errors go to stderr as one line with a hint; with `--json` they also go to stdout, as the
one JSON document that a program waits for. `--debug` may stand anywhere and shows the traceback.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, cast

import typer
from typer.core import TyperCommand, TyperGroup

from privledger.cli.status import Status, status_of

__all__ = ["COMMANDS", "PROGRAM", "CommandLine", "app", "run"]

PROGRAM = "privledger"


@dataclass(frozen=True, slots=True)
class Listed:
    """A command in the list: the module under `privledger.cli.commands` that holds it, and its line of help."""

    module: str
    line: str


# In the order of use: make, ask, share, read, end, prove, check, look after.
COMMANDS: dict[str, Listed] = {
    "init": Listed("init", "Make a place and a wallet."),
    "wallet": Listed("wallet", "Make, recover, back up or show a wallet."),
    "address": Listed("address", "Make an address that owners can grant to."),
    "request": Listed("request", "Ask an owner for access, or for a proof of ownership."),
    "put": Listed("put", "Seal a file and put it on record."),
    "list": Listed("list", "List your records, or the grants you received."),
    "show": Listed("show", "Show a record: its history, grants and receipts."),
    "grant": Listed("grant", "Let somebody read a record under terms."),
    "inbox": Listed("inbox", "Look for grants that were given to you."),
    "read": Listed("read", "Read a record that was granted to you, or your own."),
    "revoke": Listed("revoke", "End grants."),
    "erase": Listed("erase", "Erase a record for good."),
    "prove": Listed("prove", "Prove that a record is yours, and nothing else."),
    "disclose": Listed("disclose", "Write what an auditor needs to see of a record."),
    "bundle": Listed("bundle", "Write a record's life to one file that checks offline."),
    "verify": Listed("verify", "Verify any signed file."),
    "audit": Listed("audit", "Check everything again, from the trust root up."),
    "doctor": Listed("doctor", "Look after a place and a wallet."),
}


class CommandLine(TyperGroup):
    """The group of all commands: loads them lazily, and ends every run with a `Status`."""

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands, in the order of use."""
        return list(COMMANDS)

    # typer keeps the class of its contexts private, hence Any.
    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | TyperGroup | None:
        """The command of that name: a bare line while listing, else the real one from its module."""
        listed = COMMANDS.get(cmd_name)
        if listed is None:
            return None
        if self._listing:
            return TyperCommand(cmd_name, help=listed.line, rich_markup_mode=None)
        module = importlib.import_module(f"privledger.cli.commands.{listed.module}")
        return cast("TyperCommand | TyperGroup", typer.main.get_command(module.app))

    @contextlib.contextmanager
    def _lines_only(self) -> Iterator[None]:
        self._listing = True
        try:
            yield
        finally:
            self._listing = False

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list without importing the commands."""
        with self._lines_only():
            super().format_commands(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete a command's name without importing the commands."""
        with self._lines_only():
            return super().shell_complete(ctx, incomplete)

    def main(self, args: Sequence[str] | None = None, *more: Any, **extra: Any) -> NoReturn:
        """Run, and exit with a `Status`. `--debug` is taken out of the arguments wherever it stands before `--`."""
        words = list(sys.argv[1:] if args is None else args)
        debug = _take_debug(words)
        as_json = "--json" in words
        extra["standalone_mode"] = False
        extra.setdefault("prog_name", PROGRAM)
        try:
            # typer turns Ctrl-C into 130 and `raise typer.Exit(code)` into the code; a command returns its Status or None.
            returned = super().main(words or ["--help"], *more, **extra)
            sys.stdout.flush()
            if returned == Status.INTERRUPTED:
                raise KeyboardInterrupt
        except BaseException as exc:
            if debug and not isinstance(exc, SystemExit):
                traceback.print_exception(exc)
            sys.exit(_ended_by(exc, as_json=as_json))
        sys.exit(returned if isinstance(returned, int) else Status.DONE)


def _take_debug(words: list[str]) -> bool:
    end = words.index("--") if "--" in words else len(words)
    found = "--debug" in words[:end]
    words[:end] = [word for word in words[:end] if word != "--debug"]
    return found


def _ended_by(exc: BaseException, *, as_json: bool) -> int:
    """Say what ended the run, and return the exit code."""
    # typer answers a closed pipe with `sys.exit(1)`; here 1 means something else.
    if isinstance(exc, SystemExit) and not isinstance(exc.__context__, BrokenPipeError):
        return exc.code if isinstance(exc.code, int) else Status.FAILED
    if isinstance(exc, KeyboardInterrupt):
        return _say(
            Status.INTERRUPTED, "interrupted", "interrupted", "Run it again; nothing was half-written.", as_json
        )
    if isinstance(exc, SystemExit | BrokenPipeError):
        _give_up_stdout()  # whoever read the output has gone
        return Status.FAILED
    if isinstance(exc, OSError) and exc.filename is None and exc.strerror:
        return _stdout_failed(exc)  # files are named, and `storage_errors` is around their writes
    if isinstance(exc, typer.Abort):
        return _say(Status.USAGE, "aborted", "no answer was given, and nothing was done", None, as_json)
    if isinstance(exc, typer.TyperException):
        return _say(Status.USAGE, "usage", *_usage(exc), as_json)
    return _failed(exc, as_json=as_json)


def _give_up_stdout() -> None:
    """Lead what is left for stdout nowhere; Python would complain once more when it closes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stdout_failed(exc: OSError) -> int:
    _give_up_stdout()
    print(f"{PROGRAM}: stdout: {exc.strerror or exc}", file=sys.stderr)
    print(f"{PROGRAM}: What was printed is not complete.", file=sys.stderr)
    return Status.FAILED


def _usage(exc: typer.TyperException) -> tuple[str, str | None]:
    context = getattr(exc, "ctx", None)
    path = PROGRAM if context is None else context.command_path
    return exc.format_message().rstrip("."), f"See `{path} --help`."


def _failed(exc: BaseException, *, as_json: bool) -> int:
    from privledger.protocol.errors import PrivledgerError
    from privledger_crypto.errors import CryptoError

    if isinstance(exc, PrivledgerError):
        return _say(status_of(exc), exc.code, str(exc), exc.hint, as_json)
    if isinstance(exc, OSError) and exc.strerror:
        return _say(Status.FAILED, "io", f"{exc.filename}: {exc.strerror}", None, as_json)
    kind = "error of the crypto layer" if isinstance(exc, CryptoError) else "error"
    return _say(
        Status.FAILED,
        "bug",
        f"an unexpected {kind}: {type(exc).__name__}: {exc}",
        "This is a bug. Run the command again with --debug and report what it shows.",
        as_json,
    )


def _say(status: Status, code: str, message: str, hint: str | None, as_json: bool) -> int:
    if as_json:
        document = {"error": {"code": code, "message": message, "hint": hint}, "exit": int(status)}
        try:
            print(json.dumps(document, indent=1), flush=True)
        except OSError as exc:
            status = Status(_stdout_failed(exc))  # the error itself still goes to stderr
    print(f"{PROGRAM}: {message}", file=sys.stderr)
    if hint:
        print(f"{PROGRAM}: {hint}", file=sys.stderr)
    return status


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"{PROGRAM} {version(PROGRAM)}")
        raise typer.Exit


# Markup and pretty tracebacks would load rich for every `--help`.
app = typer.Typer(cls=CommandLine, name=PROGRAM, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(
    epilog="Most commands take --at PLACE and --wallet PATH; set PRIVLEDGER_AT and PRIVLEDGER_WALLET once instead. "
    "Exit codes: 0 done or verified, 1 checked and false, 2 usage, 3 could not check or do it, 4 not authorised."
)
def privledger(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; may stand anywhere.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Share records and keep control of them."""


def run() -> NoReturn:
    """Run the command line with the process's arguments."""
    typer.main.get_command(app).main(prog_name=PROGRAM)
    raise AssertionError("CommandLine.main always exits")  # pragma: no cover
