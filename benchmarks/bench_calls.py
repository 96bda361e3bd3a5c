"""Single calls as a person or an app meets them: a grant, a read, a record shown, the command line's help; and bytes on the chain."""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.common import Row, median_of, sample
from benchmarks.workbench import Workbench, workbench

__all__ = ["run"]

_CALLS = 50
_HELP_RUNS = 11
_HELP_LIMIT = 0.3  # seconds
_CHAIN_LIMIT = 512  # bytes of a grant and its revocation
_HELP = "import sys; sys.argv = ['privledger', '--help']; from privledger.cli import main; main()"


def run(sizes: Sequence[int] = (_CALLS,)) -> list[Row]:
    """Measure that many calls of each kind."""
    rows: list[Row] = []
    for calls in sizes:
        with workbench() as bench:
            rows += _calls(bench, calls)
    rows.append(_help())
    return rows


def _calls(bench: Workbench, calls: int) -> list[Row]:
    owned = bench.owner.put(io.BytesIO(bytes(10_000)), title="benchmark")
    address = bench.grantee.new_address("benchmark")
    grants: list[bytes] = []
    granting = sample(lambda: grants.append(bench.owner.grant(owned.record, address, bench.terms).grant), calls)
    grant = grants[0]
    bench.grantee.accept(owned.record, grant)
    reading = sample(lambda: bench.grantee.read(owned.record, grant, io.BytesIO()), calls)
    showing = median_of(lambda: bench.owner.show(owned.record), 5)
    size = _chain_bytes(bench, owned.record, grants[1])
    return [
        *_percentiles("one grant", f"{calls} calls", granting),
        *_percentiles("one read of 10 kB", f"{calls} calls", reading),
        Row("show", f"{calls} grants", showing * 1000, "ms"),
        Row("grant + revoke on the chain", "1", size, "bytes", None, "< 512 bytes", size < _CHAIN_LIMIT),
    ]


def _percentiles(name: str, size: str, times: Sequence[float]) -> list[Row]:
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
    return [
        Row(f"{name}, p50", size, statistics.median(times) * 1000, "ms"),
        Row(f"{name}, p95", size, p95 * 1000, "ms"),
    ]


def _chain_bytes(bench: Workbench, record: bytes, grant: bytes) -> int:
    ended = bench.owner.revoke(record, [grant])
    granted = next(view for view in bench.owner.show(record).grants if view.grant == grant)
    if granted.index is None:
        raise RuntimeError("the grant of the benchmark is not on the chain")
    leaves = [bench.place.ledger.leaves(index, index + 1)[0] for index in (granted.index, ended.index)]
    return sum(map(len, leaves))


def _help() -> Row:
    def call() -> None:
        subprocess.run([sys.executable, "-c", _HELP], check=True, capture_output=True)

    call()  # once for the compiled files
    seconds = median_of(call, _HELP_RUNS)
    return Row("privledger --help", f"{_HELP_RUNS} runs", seconds, "s", None, "< 0.3 s", seconds < _HELP_LIMIT)
