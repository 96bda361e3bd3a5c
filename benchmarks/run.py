"""Run the benchmarks and print one table (`make bench`).

    python benchmarks/run.py [--quick] [--only NAME] [--json] [--update-docs]

Targets are part of the table: a row below its target says so, and the exit code is 1. `--quick` measures small sizes, to see that
everything runs; its numbers are not to be quoted.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from benchmarks.common import Row, machine

_PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "speed.md"
_BEGIN, _END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


class _Bench(NamedTuple):
    module: str
    sizes: tuple[int, ...]
    quick: tuple[int, ...]


_BENCHES = {
    "ingest": _Bench("benchmarks.bench_ingest", (10_000, 100_000), (1_000,)),
    "audit": _Bench("benchmarks.bench_audit", (10_000, 100_000), (1_000,)),
    "seal": _Bench("benchmarks.bench_seal", (64 << 20, 1 << 30), (8 << 20,)),
    "calls": _Bench("benchmarks.bench_calls", (50,), (5,)),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 0 if every target is met."""
    options = _options(arguments)
    rows: list[Row] = []
    for name in options.only or _BENCHES:
        bench = _BENCHES[name]
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        rows += importlib.import_module(bench.module).run(bench.quick if options.quick else bench.sizes)
    if options.json:
        print(
            json.dumps({"machine": machine(), "quick": options.quick, "rows": [asdict(row) for row in rows]}, indent=1)
        )
    else:
        print(machine())
        print("\n".join(_text(rows)))
    if options.update_docs:
        _update(rows)
    return int(any(row.ok is False for row in rows))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure privledger on this machine.")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    parser.add_argument("--only", action="append", choices=list(_BENCHES), help="one benchmark; may be repeated")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--update-docs", action="store_true", help=f"write the table to docs/reference/{_PAGE.name}")
    options = parser.parse_args(arguments)
    if options.update_docs and (options.quick or options.only):
        parser.error("--update-docs takes full runs of everything")
    return options


_HEADINGS = ("what", "size", "value", "of raw", "target", "")


def _cells(row: Row) -> tuple[str, ...]:
    digits = 0 if row.value >= 100 else 1 if row.value >= 10 else 2
    verdict = {None: "", True: "met", False: "MISSED"}[row.ok]
    ratio = "" if row.ratio is None else f"{row.ratio:.0%}"
    return (row.name, row.size, f"{row.value:,.{digits}f} {row.unit}", ratio, row.target, verdict)


def _text(rows: Iterable[Row]) -> list[str]:
    table = [_HEADINGS, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(_HEADINGS))]
    right = {2, 3}
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    ]


def _update(rows: Iterable[Row]) -> None:
    """Put the table between the markers of the page, which is made if it is missing."""
    page = _PAGE.read_text() if _PAGE.exists() else _NEW_PAGE
    if page.count(_BEGIN) != 1 or page.count(_END) != 1:
        raise SystemExit(f"{_PAGE.name} does not hold the two markers {_BEGIN} and {_END}")
    before, rest = page.split(_BEGIN)
    after = rest.split(_END)[1]
    table = [
        f"Measured on {datetime.datetime.now(datetime.UTC):%Y-%m-%d}: {machine()}.",
        "",
        "| " + " | ".join((*_HEADINGS[:-1], "result")) + " |",
        "|---|---|---:|---:|---|---|",
        *("| " + " | ".join(_cells(row)) + " |" for row in rows),
    ]
    _PAGE.parent.mkdir(parents=True, exist_ok=True)
    _PAGE.write_text(before + "\n".join([_BEGIN, "", *table, "", _END]) + after)


_NEW_PAGE = f"""# Speed

What `make bench` measured. Each number is the median of its runs; how it is measured stands in `benchmarks/`, in the module
named like it. A ratio compares with the *raw line* measured in the same run, so it carries over to other machines better than
the numbers beside it:

- of ingest and audit: canonical form and signatures of the same entries on two worker processes, and nothing else;
- of sealing and reading: the slower of SHA-256 and of writing with fsync, of the same bytes.

{_BEGIN}
{_END}

Run it yourself with `make bench`, or a part of it with `make bench BENCH_ARGS='--only seal'`. The table is written by
`make bench BENCH_ARGS=--update-docs`.
"""


if __name__ == "__main__":
    sys.exit(main())
