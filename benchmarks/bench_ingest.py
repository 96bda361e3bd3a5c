"""Durable ingest: entries a second from signed bytes to a published checkpoint, beside the raw line.

The raw line is what no ledger can do without, and nothing else: canonical form and signature of every entry, on two processes. The
entries are `record` entries, each of a key of its own; making and signing them is not counted, nor is starting the workers.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from pathlib import Path
from statistics import median

from benchmarks.common import Row
from privledger.ledger.admission import BLOCK_ENTRIES
from privledger.ledger.create import create_ledger
from privledger.ledger.ledger import open_ledger
from privledger.protocol.checkpoint import LogSigner
from privledger.protocol.entries import Limits, RecordEntry, admit_many, make_entry
from privledger.protocol.outcomes import Accepted
from privledger_crypto.cose import Ed25519Signer
from privledger_crypto.signing import Ed25519PrivateKey, MLDSA44PrivateKey

__all__ = ["run"]

ORIGIN = "bench.example/" + "00" * 32
_TIME = 1_700_000_000
_WORKERS = 2
_ROUNDS = 3
_TARGET = 0.5  # of the raw line


def run(sizes: Iterable[int] = (10_000, 100_000)) -> list[Row]:
    """Measure each size on new ledgers in a temporary directory.

    The raw line and the ledger are measured in turn, and the ratio is the median of the rounds' ratios: what else the machine
    does falls on both.
    """
    return [row for size in sizes for row in _rows(size)]


def _rows(size: int) -> tuple[Row, Row]:
    leaves = _leaves(size)
    rounds = [(_raw_seconds(leaves), _durable_seconds(leaves)) for _ in range(_ROUNDS)]
    raw, durable = (size / median(column) for column in zip(*rounds, strict=True))
    ratio = median(raw_seconds / seconds for raw_seconds, seconds in rounds)
    label = f"{size:,} entries"
    return (
        Row("raw line of ingest", label, raw, "entries/s"),
        Row("durable ingest", label, durable, "entries/s", ratio, f"{_TARGET:.0%} of raw", ratio >= _TARGET),
    )


def _leaves(count: int) -> list[bytes]:
    leaves = []
    for number in range(count):
        seed = sha256(b"bench %d" % number).digest()
        signer = Ed25519Signer(Ed25519PrivateKey(seed))
        leaves.append(make_entry([signer], RecordEntry(seed + seed[:16]), origin=ORIGIN))
    return leaves


def _raw_seconds(leaves: Sequence[bytes]) -> float:
    groups = [leaves[start : start + BLOCK_ENTRIES] for start in range(0, len(leaves), BLOCK_ENTRIES)]
    with ProcessPoolExecutor(_WORKERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_warm, range(2 * _WORKERS)))
        start = time.perf_counter()
        faults = [pool.submit(admit_many, group, origin=ORIGIN) for group in groups]
        if any(fault is not None for future in faults for fault in future.result()):
            raise RuntimeError("an entry of the benchmark was not admitted")
        return time.perf_counter() - start


def _warm(_number: int) -> int:
    time.sleep(0.2)  # long enough that every worker is up and gets one
    return len(admit_many([], origin=ORIGIN))


def _durable_seconds(leaves: Sequence[bytes]) -> float:
    governance = Ed25519Signer(Ed25519PrivateKey(sha256(b"governance").digest()))
    log_signer = LogSigner(
        Ed25519PrivateKey(sha256(b"log").digest()), MLDSA44PrivateKey.from_seed(sha256(b"log 2").digest())
    )
    with tempfile.TemporaryDirectory() as name:
        directory, guard = Path(name), Path(name) / "guard"
        create_ledger(
            directory,
            origin=ORIGIN,
            guard_path=guard,
            governance=[governance],
            log_signer=log_signer,
            limits=Limits(),
            clock=lambda: _TIME,
        ).close()
        with open_ledger(
            directory, origin=ORIGIN, signers=[log_signer], guard_path=guard, clock=lambda: _TIME, pool_threshold=1
        ) as ledger:
            ledger.warm()
            start = time.perf_counter()
            outcomes = ledger.submit(leaves)
            seconds = time.perf_counter() - start
    if not all(isinstance(outcome, Accepted) for outcome in outcomes):
        raise RuntimeError("an entry of the benchmark was refused")
    return seconds
