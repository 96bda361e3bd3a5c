"""What every benchmark shares: a row of the table, medians, and a line about the machine.

How a number is measured stands in the `bench_*` modules; `run.py` collects and prints.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Row", "machine", "median_of", "sample"]


@dataclass(frozen=True, slots=True)
class Row:
    """One measured number. `ratio` is against the raw line of the same run; `ok` is None where there is no target."""

    name: str
    size: str
    value: float
    unit: str
    ratio: float | None = None
    target: str = ""
    ok: bool | None = None


def sample(action: Callable[[], object], runs: int) -> list[float]:
    """Seconds of each of `runs` calls of `action`, in order."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return times


def median_of(action: Callable[[], object], runs: int) -> float:
    """Median seconds of `runs` calls of `action`."""
    return statistics.median(sample(action, runs))


def machine() -> str:
    """Processor, memory, system and Python in one line, without host names, user names or paths."""
    return ", ".join(
        [
            _processor(),
            f"{_cores()} cores",
            _memory(),
            f"{platform.system()} {platform.machine()}",
            f"Python {platform.python_version()}",
        ]
    )


def _cores() -> int:
    import os

    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def _memory() -> str:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemTotal"):
                return f"{int(line.split()[1]) / 2**20:.0f} GiB"
    except OSError:
        pass
    return "memory unknown"
