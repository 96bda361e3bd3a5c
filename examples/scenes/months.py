"""The records of the demonstration: a year of a real bike-share scheme, cut into one CSV file a month."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DATA", "Month", "read_months"]

DATA = Path(__file__).parents[1] / "data" / "bikeshare.csv"


@dataclass(frozen=True)
class Month:
    """One month's rows as they stand in the file, under its header."""

    number: int
    name: str
    rows: int
    riders: int
    content: bytes

    @property
    def title(self) -> str:
        """The title of its record."""
        return f"Rides in {self.name}"


def read_months(count: int) -> list[Month]:
    """The first `count` months of the data set, in order."""
    lines = DATA.read_text(encoding="utf-8").splitlines(keepends=True)
    header, names = lines[0], next(csv.reader([lines[0]]))
    month, bikers = names.index("mnth"), names.index("bikers")
    rows: dict[str, list[str]] = {}
    riders: dict[str, int] = {}
    for line, row in zip(lines[1:], csv.reader(lines[1:]), strict=True):
        rows.setdefault(row[month], []).append(line)
        riders[row[month]] = riders.get(row[month], 0) + int(row[bikers])
    return [
        Month(number, name, len(rows[name]), riders[name], "".join([header, *rows[name]]).encode())
        for number, name in enumerate(list(rows)[:count], start=1)
    ]
