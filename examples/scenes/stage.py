"""What the scenes share: the directory, the moved clock, the parties, and how things are shown and checked.

Every sentence that the demonstration claims goes through `Stage.expect` or `Stage.refused`: what does not behave as it should is
counted, and the demonstration then ends with exit code 1. Left to others: the scenes.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from textwrap import fill

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from privledger.audit import Report
from privledger.cli.making import make_wallet
from privledger.local import LocalPlace
from privledger.protocol.errors import AuthorisationError, PrivledgerError
from privledger.sdk.grantee import Grantee
from privledger.sdk.owner import Owner
from privledger.wallet.notes import GivenGrant
from privledger.wallet.store import Wallet
from scenes.months import Month

__all__ = [
    "DAY",
    "AuditOf",
    "MovedClock",
    "Party",
    "Screen",
    "SealedMonth",
    "Stage",
    "moment",
    "random_bytes",
    "short_ids",
    "wrapped",
]

DAY = 86_400  # seconds
PLAIN_WIDTH = 118  # columns where there is no terminal to ask, and COLUMNS does not say
PROSE_WIDTH = 100  # columns, of sentences
_ID = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{24}\b")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC")
_NO_BREAK = "\N{NO-BREAK SPACE}"


def random_bytes(count: int) -> bytes:
    """Random bytes of the operating system."""
    return os.urandom(count)


def moment(seconds: int) -> str:
    """A time for people."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def short_ids(text: str) -> str:
    """The text with the first eight digits of every id of 32, as the command line takes them too."""
    return _ID.sub(r"\1", text)


def wrapped(text: str, width: int, *, indent: str = "") -> str:
    """Lines broken between words, never inside a time, an id or a path; lines after the first begin with `indent`."""
    whole = _MOMENT.sub(rf"\1{_NO_BREAK}\2{_NO_BREAK}UTC", text)
    lines = fill(whole, width, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)
    return lines.replace(_NO_BREAK, " ")


class MovedClock:
    """The machine's clock, set back by some days at the start and put forward again by `forward`, never past the present."""

    def __init__(self, back: int) -> None:
        self._back = back

    def __call__(self) -> int:
        return int(time.time()) - self._back

    def forward(self, seconds: int) -> None:
        """Put the clock forward; it stops at the real time."""
        self._back = max(0, self._back - seconds)

    def to_present(self) -> None:
        """Put the clock forward to the real time."""
        self._back = 0


class Screen:
    """Headlines, sentences and tables; without colours, boxes and progress where stdout is no terminal."""

    def __init__(self) -> None:
        live = Console().is_terminal
        self.console = Console(highlight=False, width=None if live else int(os.environ.get("COLUMNS") or PLAIN_WIDTH))
        self._live = live

    def scene(self, number: int, headline: str) -> None:
        """A headline."""
        self.console.print()
        self.console.print(
            f"[bold cyan]Scene {number}: {headline}[/]" if self._live else f"== Scene {number}: {headline}"
        )

    def say(self, text: str) -> None:
        """Prose, filled into lines; nothing in it is taken for markup."""
        self._write(wrapped(text, self._prose))

    def quote(self, text: str) -> None:
        """Lines of somebody else's, set off at the left."""
        for line in text.splitlines():
            self._write(wrapped(f"  | {line}", self._prose, indent="  |   "))
        self._write("  |")

    @property
    def _prose(self) -> int:
        return min(self.console.width, PROSE_WIDTH)

    def verbatim(self, text: str) -> None:
        """What is to be copied, or keeps its own lines."""
        self._write(text)

    def _write(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)

    def mark(self, right: bool, text: str) -> None:
        """A checked sentence."""
        label, style = ("ok", "green") if right else ("WRONG", "bold red")
        self.console.print(f"[{style}]  {label:<7}[/]", end="")
        self._write(wrapped(f"{'':9}{text}", self._prose, indent=" " * 9).lstrip())

    def table(self, title: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, whole: bool = False) -> None:
        """Rows under a title; ids by their first eight digits, unless the table shows them `whole`."""
        drawn = Table(box=box.ROUNDED if self._live else box.MARKDOWN)
        for column in head:
            drawn.add_column(column, overflow="fold")
        for row in rows:
            drawn.add_row(*(_plain(cell if whole else short_ids(cell)) for cell in row))
        self._write(f"\n{wrapped(title, self._prose)}\n")
        if self._live:
            self.console.print(drawn)
            return
        with self.console.capture() as captured:
            self.console.print(drawn)
        self._write("\n".join(line.rstrip() for line in captured.get().strip("\n ").splitlines()) + "\n")

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[], None]]:
        """A bar while the block runs; yields what moves it on by one. Silent where there is no terminal."""
        if not self._live:
            yield lambda: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(title, total=total)
            yield lambda: bar.advance(task)


def _plain(cell: str) -> str:
    return cell.replace("[", r"\[")


@dataclass
class Party:
    """Somebody with a wallet, in a directory of their own."""

    name: str
    wallet: Wallet


@dataclass
class SealedMonth:
    """A month that is on record, and what was granted of it."""

    month: Month
    record: bytes
    planner: GivenGrant | None = None
    insurer: GivenGrant | None = None


@dataclass(frozen=True)
class AuditOf:
    """A damaged copy of the place, and what the audit of it found."""

    title: str
    directory: Path
    expected: frozenset[str]
    report: Report


@dataclass
class Stage:
    """The directory of the demonstration, and everything in it."""

    root: Path
    screen: Screen
    clock: MovedClock
    months: list[Month]
    failures: list[str] = field(default_factory=list)
    checks: int = 0
    sealed: list[SealedMonth] = field(default_factory=list)
    shown: list[Path] = field(default_factory=list)
    old_checkpoint: bytes = b""
    erased: SealedMonth | None = None

    place: LocalPlace = field(init=False)
    owner_party: Party = field(init=False)
    planner_party: Party = field(init=False)
    insurer_party: Party = field(init=False)
    owner: Owner = field(init=False)
    planner: Grantee = field(init=False)
    insurer: Grantee = field(init=False)

    @property
    def place_path(self) -> Path:
        """The place: ledger, vault, keeper and their operator's keys."""
        return self.root / "place"

    def wallet(self, name: str) -> Path:
        """The wallet of a party."""
        return self.root / "wallets" / name

    def folder(self, name: str) -> Path:
        """A directory below the root, made if it is missing."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    # --- parties ----------------------------------------------------------------------------------------------------

    def open_place(self) -> None:
        """Make the place."""
        self.place = LocalPlace.create(
            self.place_path, name="bikes.example", clock=self.clock, random_bytes=random_bytes
        )

    def new_party(self, name: str) -> Party:
        """Make a wallet that trusts the place's ledger; a trial wallet, whose passphrase lies beside it."""
        return Party(name, make_wallet(self.wallet(name), self.place.trust, None).wallet)

    def sign_on(self) -> None:
        """Let the wallets work at the place."""
        place, clock = self.place, self.clock
        self.owner = Owner(self.owner_party.wallet, place, clock=clock, random_bytes=random_bytes)
        self.planner = Grantee(self.planner_party.wallet, place, clock=clock, random_bytes=random_bytes)
        self.insurer = Grantee(self.insurer_party.wallet, place, clock=clock, random_bytes=random_bytes)

    def of_month(self, name: str) -> SealedMonth:
        """The record of a month."""
        return next(one for one in self.sealed if one.month.name == name)

    # --- checks -----------------------------------------------------------------------------------------------------

    def expect(self, right: bool, text: str) -> None:
        """Show a claim with the outcome of its check."""
        self.checks += 1
        self.screen.mark(right, text)
        if not right:
            self.failures.append(text)

    def refused(self, text: str, action: Callable[[], object], *codes: str) -> PrivledgerError | None:
        """Show that an action is refused with one of these codes; returns the refusal."""
        try:
            action()
        except PrivledgerError as exc:
            step = f" (step {exc.step})" if isinstance(exc, AuthorisationError) else ""
            self.expect(exc.code in codes, f"{text}: refused{step}, {exc.code}: {exc}")
            return exc
        self.expect(False, f"{text}: was NOT refused")
        return None
