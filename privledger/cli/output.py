"""What a command prints: data to stdout, words to stderr, or one JSON document.

    out = Output(as_json)
    out.say("sealed and on the chain")            # words, for people
    out.result({"record": …}, "5d0c…")            # the data, as text or as JSON
    out.next("share it with `privledger grant`")  # what to do next

Ids are hex, times are ISO 8601 in UTC, in text and in JSON alike. Text that others wrote (titles, labels) is printed without
control characters.

Left to others: files (`privledger.cli.files`) and errors (`privledger.cli.app`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

__all__ = ["Output", "clean", "moment", "plural", "size_text", "table"]


class Output:
    """Where one run of a command prints."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def say(self, words: str) -> None:
        """Words for people, to stderr; not with --json."""
        if not self.as_json:
            print(words, file=sys.stderr, flush=True)

    def warn(self, words: str) -> None:
        """A warning, to stderr, in every mode."""
        print(f"privledger: {words}", file=sys.stderr, flush=True)

    def next(self, words: str) -> None:
        """What to do next, to stderr; not with --json."""
        self.say(f"Next: {words}")

    def result(self, document: Mapping[str, object], text: str | Iterable[str]) -> None:
        """The data of the run, to stdout: the document with --json, else the text or its lines."""
        if self.as_json:
            print(json.dumps(document, indent=1, ensure_ascii=False, default=_plain), flush=True)
            return
        for line in [text] if isinstance(text, str) else text:
            print(line)
        sys.stdout.flush()


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def moment(seconds: int) -> str:
    """A time as 2025-06-01T12:00:00Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clean(text: str) -> str:
    """Text that somebody else wrote, fit for a terminal: what is not printable is shown as `?`."""
    return "".join(char if char.isprintable() else "?" for char in text)


def plural(count: int, noun: str) -> str:
    """`1 record`, `2 records`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def size_text(size: int) -> str:
    """A number of bytes for people: `512 bytes`, `1.5 MiB`."""
    if size < 1024:
        return plural(size, "byte")
    value, unit = float(size), ""
    for unit in ("KiB", "MiB", "GiB", "TiB"):  # noqa: B007  (the last one stays)
        value /= 1024
        if value < 1024:
            break
    return f"{value:.1f} {unit}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows in columns, two spaces apart, with a head; no row gives no line."""
    if not rows:
        return []
    cells = [list(head), *([clean(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
