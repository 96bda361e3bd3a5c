"""Sealing and reading back: speed beside the raw line, peak memory, and what a small range costs.

The raw line is the slower of two things that neither can do without, measured on the same bytes in the same run: SHA-256, and writing
with fsync. Sealing is `Owner.put` from a file to a durable, confirmed record on the chain; reading is `Grantee.read` into a file, with
fsync. Memory is the growth of the peak of a process of its own over what it holds when the wallet is unlocked.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.common import Row, median_of
from benchmarks.workbench import Workbench, make_payload, unlock, workbench
from privledger.protocol.answers import Segments
from privledger.wallet.notes import OwnedRecord

__all__ = ["run"]

MIB = 1 << 20
SIZES = (64 * MIB, 1024 * MIB)
_RUNS = 3
_RATIO = 0.6
_MEMORY_LIMIT = 40.0  # MiB
_RANGE, _RANGE_LIMIT = 1 * MIB, 4.0  # bytes; MiB of the blob that may be read for them


def run(sizes: Iterable[int] = SIZES, runs: int = _RUNS) -> list[Row]:
    """Measure each size; the range is taken out of each record as well."""
    rows: list[Row] = []
    for size in sizes:
        with workbench() as bench:
            rows += _measure(bench, size, runs)
    return rows


@dataclass(slots=True)
class _Times:
    raw: list[float]
    seal: list[float]
    read: list[float]


def _measure(bench: Workbench, size: int, runs: int) -> Iterator[Row]:
    label = f"{size // MIB} MiB"
    payload = bench.directory / "payload"
    make_payload(payload, size)
    address = bench.grantee.new_address("benchmark")
    times = _Times([], [], [])
    records: list[OwnedRecord] = []
    for turn in range(runs):  # in turn, so that whatever else the disk does meets all three
        # Each writes a file of its own that stays: a blob takes fresh blocks of the disk, which cost more than used ones.
        copy = bench.directory / f"copy-{turn}"
        times.raw.append(_raw(payload, bench.directory / f"raw-{turn}"))
        times.seal.append(median_of(lambda: records.append(_put(bench, payload)), 1))
        owned = records[-1]
        grant = bench.owner.grant(owned.record, address, bench.terms).grant
        times.read.append(median_of(partial(_read, bench, owned.record, grant, copy), 1))
        if _digest(copy) != _digest(payload):
            raise RuntimeError("what was read back is not what was sealed")
    raw = statistics.median(times.raw)
    yield Row("raw line (SHA-256, write + fsync)", label, size / raw / MIB, "MiB/s")
    for name, taken in (("seal", times.seal), ("read back", times.read)):
        seconds = statistics.median(taken)
        yield Row(name, label, size / seconds / MIB, "MiB/s", raw / seconds, "≥ 60 % of raw", raw / seconds >= _RATIO)
    yield _range_row(bench, owned, label)
    for what in ("put", "read"):
        growth = _memory_growth(bench, what, owned.record, grant)
        known = not math.isnan(growth)
        ok = growth < _MEMORY_LIMIT if known else None
        yield Row(f"memory growth, {what}", label, growth, "MiB", None, "< 40 MiB", ok)


def _put(bench: Workbench, payload: Path) -> OwnedRecord:
    with payload.open("rb") as source:
        return bench.owner.put(source, title="benchmark")


def _read(bench: Workbench, record: bytes, grant: bytes, to: Path) -> None:
    with to.open("wb") as sink:
        bench.grantee.read(record, grant, sink)
        sink.flush()
        os.fsync(sink.fileno())


def _raw(payload: Path, copy: Path) -> float:
    return max(median_of(lambda: _digest(payload), 1), median_of(lambda: _copy(payload, copy), 1))


def _digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(MIB):
            digest.update(piece)
    return digest.digest()


def _copy(source: Path, to: Path) -> None:
    with source.open("rb") as file, to.open("wb") as out:
        while piece := file.read(MIB):
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())


# --- a range ------------------------------------------------------------------------------------------------------


class _CountingVault:
    """A vault that adds up the bytes of blobs that it read."""

    def __init__(self, vault: object) -> None:
        self._vault = vault
        self.read = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._vault, name)

    def segments(self, request: bytes, first: int, count: int) -> Segments:
        answer: Segments = self._vault.segments(request, first, count)  # type: ignore[attr-defined]
        self.read += len(answer.data)
        return answer


def _range_row(bench: Workbench, owned: OwnedRecord, label: str) -> Row:
    with _counted(bench) as vault:
        offset = owned.blob_size // 2 + 12_345
        data = bench.owner.read_range(owned.record, offset, _RANGE)
    if len(data) != _RANGE:
        raise RuntimeError("the range came back short")
    read = vault.read / MIB
    return Row("blob read for 1 MiB", label, read, "MiB", None, "≤ 4 MiB", read <= _RANGE_LIMIT)


@contextmanager
def _counted(bench: Workbench) -> Iterator[_CountingVault]:
    context = bench.owner.context
    vault = _CountingVault(context.vault)
    was = context.vault
    object.__setattr__(context, "vault", vault)
    try:
        yield vault
    finally:
        object.__setattr__(context, "vault", was)


# --- memory -------------------------------------------------------------------------------------------------------


def _memory_growth(bench: Workbench, what: str, record: bytes, grant: bytes) -> float:
    """MiB, or NaN where the system does not say."""
    command = [sys.executable, __file__, str(bench.directory), what, record.hex(), grant.hex()]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout)["growth"])


def _child(directory: Path, what: str, record: bytes, grant: bytes) -> None:
    with unlock(directory) as bench:
        before = _status("VmRSS")
        _forget_peak()
        if what == "put":
            _put(bench, directory / "payload")
        else:
            _read(bench, record, grant, directory / "copy")
        growth = (_status("VmHWM") - before) / 1024
    print(json.dumps({"growth": growth}))


def _status(name: str) -> float:
    """KiB."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return float(line.split()[1])
    except OSError:
        pass
    return float("nan")


def _forget_peak() -> None:
    """Make the peak what is held now; unlocking a wallet alone needs Argon2id's memory for a moment."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


if __name__ == "__main__":
    _child(Path(sys.argv[1]), sys.argv[2], bytes.fromhex(sys.argv[3]), bytes.fromhex(sys.argv[4]))
