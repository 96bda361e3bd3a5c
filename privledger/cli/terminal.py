"""What is asked at the terminal, and progress that is shown there.

Passphrases and phrases never come from arguments or variables, where other users and logs could see them. Progress goes to
stderr, and only if that is a terminal.
"""

from __future__ import annotations

import getpass
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from privledger.cli.files import read_input
from privledger.cli.output import Output
from privledger.protocol.errors import UnavailableError, UsageError
from privledger.storage.files import read_bytes

__all__ = [
    "DEMO_FILE",
    "Progress",
    "ask_secret",
    "confirm_word",
    "counting",
    "demo_note",
    "new_passphrase",
    "passphrase",
    "progress",
]

Progress = Callable[[int, int | None], None]

DEMO_FILE = "DEMO-NO-PASSPHRASE"
_DEMO = "demo, no passphrase"  # not secret: it stands in a file beside what it opens
_MAX_SECRET = 4096  # bytes


def demo_note() -> bytes:
    """What the file of a trial wallet holds: its passphrase, and why it must not be used."""
    return (
        f"{_DEMO}\n\n"
        "This wallet is for a trial. Its passphrase stands above, so whoever can read this directory can use it.\n"
        "Put nothing real into it. For a wallet of your own: privledger wallet new\n"
    ).encode()


def passphrase(wallet: Path, file: Path | None, out: Output) -> bytes:
    """The passphrase of an existing wallet: of a trial wallet, else from `file`, or asked for.

    Raises:
        UsageError: there is no file and no terminal, or the passphrase is empty.
    """
    if (demo := wallet / DEMO_FILE).exists():
        # The variable that names a passphrase file may be set for another wallet.
        unused = f" {file} was not used." if file is not None else ""
        out.warn(f"this is a trial wallet without a passphrase; put nothing real into it.{unused}")
        return _encode(read_bytes(demo, max_size=_MAX_SECRET).decode().splitlines()[0])
    if file is not None:
        return _from_file(file)
    return _encode(ask_secret(f"Passphrase of {wallet}: "))


def new_passphrase(file: Path | None) -> bytes:
    """The passphrase for a new wallet, asked for twice.

    Raises:
        UsageError: there is no file and no terminal, it is empty, or the two differ.
    """
    if file is not None:
        return _from_file(file)
    first = ask_secret("A passphrase for the new wallet: ")
    encoded = _encode(first)
    if ask_secret("The same again: ") != first:
        raise UsageError("the two passphrases differ", hint="Nothing was made. Try again.")
    return encoded


def _from_file(file: Path) -> bytes:
    data = read_input(file, max_size=_MAX_SECRET)
    try:
        return _encode(data.decode().removesuffix("\n").removesuffix("\r"))
    except UnicodeDecodeError as exc:
        raise UsageError(f"the passphrase in {file} is not UTF-8 text") from exc


def _encode(text: str) -> bytes:
    if not text:
        raise UsageError(
            "the passphrase is empty", hint="Give one; for a trial without one use `privledger init --demo`."
        )
    # The same characters typed on another system may come composed differently.
    return unicodedata.normalize("NFC", text).encode()


def ask_secret(prompt: str) -> str:
    """Ask at the terminal without showing what is typed.

    Raises:
        UsageError: there is no terminal to ask at.
    """
    try:
        with Path("/dev/tty").open("rb"):
            pass
    except OSError as exc:
        raise UsageError(
            "a passphrase is needed and there is no terminal to ask at", hint="Give --passphrase-file FILE."
        ) from exc
    try:
        return getpass.getpass(prompt)
    except EOFError as exc:
        raise typer.Abort from exc


def confirm_word(question: str, word: str, hint: str) -> None:
    """Ask for `word` on stdin.

    Raises:
        UnavailableError: something else was typed; nothing is to be done then.
    """
    print(f"{question} Type {word!r} to go on: ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        print(file=sys.stderr)  # the input ended, so nobody ended the line
    if answer.strip().lower() != word:
        raise UnavailableError("not confirmed, and nothing was done", code="not_confirmed", hint=hint)


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Progress | None]:
    """A bar on stderr while the block runs, or None where there is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # a tenth of a second that only long work at a terminal pays
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def advance(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


@contextmanager
def counting(title: str, unit: str, *, quiet: bool = False) -> Iterator[Progress | None]:
    """A bar on stderr that counts things, not bytes, or None where there is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def advance(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield advance
