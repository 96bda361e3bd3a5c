"""Admission: what can be said of entries without the state, block by block, in worker processes if there are many.

While the sequencer applies and writes one block, two workers check the signatures of the next ones. A small submission is checked
where it is, since starting processes costs more. If the workers cannot run (no `__main__` guard, no processes), admission goes
on without them: slower, with the same answers.

Left to others: whether the state allows an entry (`privledger.rules`).
"""

from __future__ import annotations

import multiprocessing
import threading
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from privledger.protocol.entries import Entry, Fault, admit, admit_many, parse_entry
from privledger.protocol.errors import FormatError, VerificationError
from privledger.protocol.outcomes import Refused

__all__ = ["BLOCK_ENTRIES", "POOL_THRESHOLD", "Admission", "Admitted"]

BLOCK_ENTRIES = 2000  # entries of one block: about 0.1 s of work, so that others get their turn
POOL_THRESHOLD = 2048  # entries of a submission; below, starting the workers (0.3 s) would cost more than they save
WORKERS = 2
_AHEAD = 2 * WORKERS  # blocks under verification ahead of the one being applied

Admitted = Entry | Refused


class Admission:
    """Admits entries for one ledger.

    Args:
        origin: the ledger's origin.
        pool_threshold: entries of a submission from which workers are used.
    """

    def __init__(self, origin: str, *, pool_threshold: int = POOL_THRESHOLD) -> None:
        self._origin = origin
        self._threshold = pool_threshold
        self._pool: ProcessPoolExecutor | None = None
        self._pool_failed = False
        self._starting = threading.Lock()

    def close(self) -> None:
        """Stop the workers."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    def warm(self) -> None:
        """Start the workers now, so that the first large submission does not wait for them."""
        try:
            pool = self._workers()
            for future in [pool.submit(admit_many, [], origin=self._origin) for _ in range(_AHEAD)]:
                future.result()
        except (BrokenProcessPool, OSError):
            self._give_up()

    def blocks(self, leaves: Sequence[bytes]) -> Generator[list[Admitted], None, None]:
        """Admit `leaves` in order, in groups of at most `BLOCK_ENTRIES`, one answer for each."""
        groups = [leaves[start : start + BLOCK_ENTRIES] for start in range(0, len(leaves), BLOCK_ENTRIES)]
        if len(leaves) < self._threshold or self._pool_failed:
            for group in groups:
                yield [self._admit(leaf) for leaf in group]
            return
        yield from self._pooled(groups)

    def _pooled(self, groups: list[Sequence[bytes]]) -> Generator[list[Admitted], None, None]:
        under_way: deque[Future[list[Fault | None]]] = deque()
        submitted = 0
        try:
            for done, group in enumerate(groups):
                while submitted < min(len(groups), done + _AHEAD) and not self._pool_failed:
                    self._start(groups[submitted], under_way)
                    submitted += 1
                yield self._collect(group, under_way)
        finally:
            for future in under_way:
                future.cancel()

    def _start(self, group: Sequence[bytes], under_way: deque[Future[list[Fault | None]]]) -> None:
        try:
            under_way.append(self._workers().submit(admit_many, list(group), origin=self._origin))
        except (BrokenProcessPool, OSError):
            self._give_up()

    def _collect(self, group: Sequence[bytes], under_way: deque[Future[list[Fault | None]]]) -> list[Admitted]:
        if under_way and not self._pool_failed:
            try:
                faults = under_way.popleft().result()
            except (BrokenProcessPool, OSError):
                self._give_up()
            else:
                return [
                    parse_entry(leaf, origin=self._origin) if fault is None else Refused(fault.code, fault.detail)
                    for leaf, fault in zip(group, faults, strict=True)
                ]
        return [self._admit(leaf) for leaf in group]

    def _workers(self) -> ProcessPoolExecutor:
        with self._starting:
            if self._pool is None:
                # Spawned, not forked: a forked child would share the database's connection and other threads' locks.
                self._pool = ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn"))
            return self._pool

    def _give_up(self) -> None:
        self._pool_failed = True
        self.close()

    def _admit(self, leaf: bytes) -> Admitted:
        try:
            return admit(leaf, origin=self._origin)
        except (FormatError, VerificationError) as exc:
            return Refused(exc.code, str(exc))
