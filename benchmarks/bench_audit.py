"""How fast an audit from scratch is, against the raw line: the same entries' form and signature checks alone, by as many processes.

    python benchmarks/bench_audit.py 10000 100000

Both lines are measured in the same run, process start included. The log has blocks of 100 entries, of which 40 in 100 are
records, 55 grants and 5 revocations.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from benchmarks.common import Row
from privledger.audit import DirectoryFetcher, audit_place
from privledger.protocol.checkpoint import LogSigner, sign_checkpoint
from privledger.protocol.entries import (
    Body,
    GrantEntry,
    LedgerEntry,
    RecordEntry,
    RevokeEntry,
    admit_many,
    is_block,
    make_entry,
    parse_entry,
)
from privledger.protocol.ids import record_id
from privledger.protocol.tiles import TILE_WIDTH, encode_entries, parse_entries, tiles_for
from privledger.protocol.trust import TrustRoot, trust_root_of
from privledger.rules.apply import apply, seal_block
from privledger.rules.state import State
from privledger_crypto.cose import Ed25519Signer
from privledger_crypto.merkle import leaf_hash, root_of
from privledger_crypto.signing import Ed25519PrivateKey, MLDSA44PrivateKey

ORIGIN = "bench.example/" + "0" * 64
START = 1_700_000_000
BLOCK = 100  # entries
WORKERS = 2
ROUNDS = 3
TARGET = 0.6  # of the raw line


def _digest(*parts: object) -> bytes:
    return sha256(repr(parts).encode()).digest()


def _signer(*parts: object) -> Ed25519Signer:
    return Ed25519Signer(Ed25519PrivateKey(_digest("key", *parts)))


def _entries(count: int) -> Iterable[bytes]:
    """`count` entries: in each hundred 40 new records, 55 grants in them, 5 revocations."""
    for number in range(count):
        block, place = divmod(number, 100)
        owner = _signer(block, place % 40)
        record = record_id(owner.key_id)
        body: Body
        if place < 40:
            body = RecordEntry(_digest("C", number) + bytes(16))
        elif place < 95:
            body = GrantEntry(record, _digest("g", block, place)[:16], _digest("P", number) + bytes(16), bytes(48))
        else:
            body = RevokeEntry(record, (_digest("g", block, place - 40)[:16],))
        yield make_entry([owner], body, origin=ORIGIN)


def write_log(directory: Path, count: int) -> TrustRoot:
    """Write the files of a log of `count` entries after entry 0; returns its trust root."""
    log = LogSigner(Ed25519PrivateKey(_digest("log")), MLDSA44PrivateKey.from_seed(_digest("log")))
    governance = _signer("governance")
    settings = LedgerEntry(0, ORIGIN, (governance.key_id,), 1, (log.public,))
    waiting = [make_entry([governance], settings, origin=ORIGIN)]
    state, leaves, height = State.empty(), list[bytes](), 0
    genesis = waiting[0]

    def close() -> None:
        nonlocal height
        transition = apply(state, height, START + height, [parse_entry(leaf) for leaf in waiting])
        if len(transition.accepted) != len(waiting):
            raise RuntimeError("the benchmark's entries break the rules")
        block = seal_block(state, height, START + height, transition)
        leaves.extend((*waiting, block.to_leaf()))
        waiting.clear()
        height += 1

    for leaf in _entries(count):
        waiting.append(leaf)
        if len(waiting) == BLOCK:
            close()
    if waiting:
        close()
    hashes = [leaf_hash(leaf) for leaf in leaves]
    _write_tiles(directory, leaves, hashes)
    note = sign_checkpoint(ORIGIN, len(leaves), root_of(hashes), time=START + height - 1, signers=[log])
    (directory / "checkpoint").write_bytes(note)
    return trust_root_of(genesis)


def _write_tiles(directory: Path, leaves: Sequence[bytes], hashes: Sequence[bytes]) -> None:
    levels = [list(hashes)]
    while len(levels[-1]) >= TILE_WIDTH:
        below = levels[-1]
        full = len(below) // TILE_WIDTH * TILE_WIDTH
        levels.append([root_of(below[at : at + TILE_WIDTH]) for at in range(0, full, TILE_WIDTH)])
    for resource in tiles_for(0, len(leaves)):
        path = directory / resource.path
        path.parent.mkdir(parents=True, exist_ok=True)
        span = slice(resource.start, resource.start + resource.width)
        path.write_bytes(
            encode_entries(leaves[span]) if resource.level is None else b"".join(levels[resource.level][span])
        )


def _raw_bundle(path: Path) -> int:
    leaves = [leaf for leaf in parse_entries(path.read_bytes()) if not is_block(leaf)]
    if any(fault is not None for fault in admit_many(leaves, origin=ORIGIN)):
        raise RuntimeError("an entry of the benchmark is not admitted")
    return len(leaves)


def raw_line(directory: Path) -> float:
    """Seconds to check form and signatures of every entry in `WORKERS` processes, start included."""
    paths = [path for path in sorted((directory / "tile" / "entries").rglob("*")) if path.is_file()]
    started = time.perf_counter()
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        sum(pool.map(_raw_bundle, paths, chunksize=4))
    return time.perf_counter() - started


def run(sizes: Sequence[int] = (10_000, 100_000)) -> list[Row]:
    """Two rows a size: entries per second of the raw line and of the audit.

    The two are measured in turn, and the ratio is the median of the rounds' ratios: what else the machine does falls on both.
    """
    rows: list[Row] = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            trust = write_log(directory, size)
            rounds = [(raw_line(directory), _audit_seconds(directory, trust)) for _ in range(ROUNDS)]
        raw, seconds = (median(column) for column in zip(*rounds, strict=True))
        ratio = median(raw_seconds / audit_seconds for raw_seconds, audit_seconds in rounds)
        label = f"{size:,} entries"
        rows += [
            Row("raw line of audit", label, size / raw, "entries/s"),
            Row("audit", label, size / seconds, "entries/s", ratio, f"≥ {TARGET:.0%} of raw", ratio >= TARGET),
        ]
    return rows


def _audit_seconds(directory: Path, trust: TrustRoot) -> float:
    started = time.perf_counter()
    report = audit_place(
        DirectoryFetcher(directory), trust, memory=None, workers=WORKERS, clock=lambda: int(time.time())
    )
    seconds = time.perf_counter() - started
    if report.exit_code != 0:
        raise RuntimeError(report.to_text())
    return seconds


if __name__ == "__main__":
    for row in run([int(word) for word in sys.argv[1:]] or (10_000, 100_000)):
        print(row)
