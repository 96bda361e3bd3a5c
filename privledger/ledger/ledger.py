"""A ledger in a directory: the port `Ledger` over files and an index.

    ledger = open_ledger(directory, origin=origin, signers=[signer], guard_path=guard, clock=clock, lock_wait=10.0)
    ledger.submit(entries)             # Accepted(index) | Already(index) | Refused(code, detail), in order
    ledger.state([record_key(record)])

`directory` holds `log/` (static files, to be served as they are) and `ledger/` (index, lock, staging). Several processes may
open one directory; they take turns a block at a time. Left to others: making a new ledger's keys and first entries
(`privledger.ledger.create`), and everything about records' contents.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain, islice
from pathlib import Path
from types import TracebackType

from privledger.ledger.admission import POOL_THRESHOLD, Admission
from privledger.ledger.guard import Guard
from privledger.ledger.logfiles import LogFiles
from privledger.ledger.publish import Publisher, Step
from privledger.ledger.recover import Recovery
from privledger.ledger.sequence import Sequencer
from privledger.protocol.checkpoint import LogSigner
from privledger.protocol.entries import is_block, parse_entry
from privledger.protocol.errors import UnavailableError, UsageError
from privledger.protocol.light import StateAnswer
from privledger.protocol.outcomes import SubmitOutcome
from privledger.protocol.tiles import TileReader
from privledger.replica.mirror import Mirror, Standing, mentioned_record
from privledger.storage.files import make_directory
from privledger.storage.lock import ProcessLock
from privledger_crypto.errors import ParameterError
from privledger_crypto.merkle import consistency_proof, inclusion_proof

__all__ = ["LocalLedger", "open_ledger"]

_GROUP = 8  # blocks closed before another process gets its turn: about a second


def _no_step(_name: str) -> None:
    """Nobody listens."""


class LocalLedger:
    """The port `Ledger` over one directory; safe to share between threads. Use `open_ledger`."""

    def __init__(
        self,
        origin: str,
        *,
        files: LogFiles,
        mirror: Mirror,
        sequencer: Sequencer,
        lock: ProcessLock,
        clock: Callable[[], int],
        pool_threshold: int,
    ) -> None:
        self._origin = origin
        self._files = files
        self._mirror = mirror
        self._sequencer = sequencer
        self._lock = lock
        self._clock = clock
        self._admission = Admission(origin, pool_threshold=pool_threshold)
        self._mutex = threading.RLock()
        self._tiles = TileReader(files.read, 0)

    def __enter__(self) -> LocalLedger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers and close the index."""
        with self._mutex:
            self._admission.close()
            self._mirror.close()

    @property
    def origin(self) -> str:
        """The ledger's name."""
        return self._origin

    # --- writing ----------------------------------------------------------------------------------------------------

    def submit(self, entries: Sequence[bytes]) -> list[SubmitOutcome]:
        """Order entries; one answer each, in order, when the checkpoint that covers them is published and durable.

        Many entries make several blocks. If an error ends the call, the blocks before it stand; send all once more, and
        what stands is answered with `Already`.

        Raises:
            UnavailableError: `locked`, `clock_back`, `disk_full`, `restored_backup` and others, each with a way out.
            ConflictError: another sequencer signs for this ledger.
        """
        outcomes: list[SubmitOutcome] = []
        with closing(self._admission.blocks(entries)) as blocks:
            # Blocks are closed in groups: the lock changes hands and the index is committed once a group.
            while group := list(islice(blocks, 1)):
                with self._writing():
                    for admitted in chain(group, islice(blocks, _GROUP - 1)):
                        outcomes += self._sequencer.order(admitted)
        return outcomes

    def warm(self) -> None:
        """Start the worker processes that check the signatures of large submissions; else the first of those does."""
        self._admission.warm()

    def fresh(self) -> bytes:
        """A checkpoint at most F/2 old; closes an empty block if it must.

        Raises:
            UnavailableError: the block could not be closed, for example `clock_back`.
        """
        with self._mutex:
            standing = self._standing()
            if self._is_fresh(standing):
                return standing.note
            with self._writing():
                memory = self._sequencer.memory
                if memory is None or memory.standing is None or not self._is_fresh(memory.standing):
                    self._sequencer.close((), empty=True)
            return self._standing().note

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the ledger's lock, with everything brought to one point before and indexed after."""
        with self._mutex, self._lock, _uncollected():
            self._sequencer.settle()
            try:
                yield
            finally:
                self._sequencer.index()

    def _is_fresh(self, standing: Standing) -> bool:
        """Whether the block is at most F/2 old; one from a clock far ahead is not, so that closing the next says so."""
        settings = standing.state.settings
        age = self._clock() - standing.block.time
        return settings is not None and -settings.limits.freshness <= age <= settings.limits.freshness // 2

    # --- reading ----------------------------------------------------------------------------------------------------

    def checkpoint(self) -> bytes:
        """The newest signed checkpoint."""
        with self._mutex:
            return self._standing().note

    def resource(self, path: str) -> bytes:
        """A static file of the log. Raises UnavailableError (`not_found`)."""
        return self._files.read(path)

    def leaves(self, start: int, end: int) -> list[bytes]:
        """The leaves of [start, end) of the published log. Raises UsageError outside of it."""
        with self._mutex:
            return list(self._reader().leaves(start, end))

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof that leaf `index` is in the tree of `size` leaves. Raises UsageError outside of the published log."""
        with self._mutex:
            try:
                return list(inclusion_proof(self._reader(size), index, size))
            except ParameterError as exc:
                raise UsageError(str(exc)) from exc

    def consistency(self, old_size: int, new_size: int) -> list[bytes]:
        """The proof that one tree begins the other. Raises UsageError outside of the published log."""
        with self._mutex:
            try:
                return list(consistency_proof(self._reader(new_size), old_size, new_size))
            except ParameterError as exc:
                raise UsageError(str(exc)) from exc

    def state(self, keys: Sequence[bytes]) -> StateAnswer:
        """Values (or absence) of `keys` at the newest checkpoint, with proofs; a key that is asked twice is answered once."""
        with self._mutex:
            standing = self._standing()
            path = self.inclusion(standing.size - 1, standing.size)
            state = standing.state
            items = tuple((key, state.get(key), state.prove(key)) for key in dict.fromkeys(keys))
            return StateAnswer(standing.note, standing.block.to_leaf(), tuple(path), items)

    def find(self, *, record: bytes) -> list[int]:
        """Indices of the entries that name this record, in order: an index, to be checked by the caller."""
        with self._mutex:
            standing = self._standing()
            size, known = standing.size, standing.state.record(record)
            at = self._mirror.position()
            indexed = 0 if at is None else min(at.size, size)
            found = [index for index in self._mirror.store.mentions(record) if index < indexed]
            # Another process may have published blocks and died before it indexed them.
            for index, leaf in enumerate(self._reader().leaves(indexed, size), indexed):
                if not is_block(leaf) and mentioned_record(parse_entry(leaf)) == record:
                    found.append(index)
            # The index leaves `record` entries out: the state says where each stands.
            return found if known is None or known.index in found else [known.index, *found]

    def _standing(self) -> Standing:
        """The state at the published checkpoint; takes the lock only if something has to be repaired."""
        standing = self._sequencer.follow()
        if standing is None:
            with self._lock:
                standing = self._sequencer.settle().standing
        if standing is None:
            raise UnavailableError("the ledger has no block yet", code="not_found", hint="Finish creating it.")
        return standing

    def _reader(self, size: int | None = None) -> TileReader:
        """The published tiles, which also give the nodes of every smaller tree. Raises UsageError if `size` is larger."""
        published = self._standing().size
        if size is not None and size > published:
            raise UsageError(f"the published log has {published} leaves, not {size}")
        if self._tiles.size != published:
            self._tiles = TileReader(self._files.read, published)
        return self._tiles


@contextmanager
def _uncollected() -> Iterator[None]:
    """Hold back the cyclic garbage collector for one block, which makes no cycles.

    With a large state in memory it would walk over all of it several times a block: a fifth of the time, for nothing.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def open_ledger(
    directory: Path,
    *,
    origin: str,
    signers: Sequence[LogSigner],
    guard_path: Path,
    clock: Callable[[], int],
    lock_wait: float = 10.0,
    checkpointing: Step = _no_step,
    pool_threshold: int = POOL_THRESHOLD,
) -> LocalLedger:
    """Open the ledger in `directory`; what a crash left is brought in order at the first use.

    Args:
        directory: holds `log/` and `ledger/`; both are made if they are missing.
        origin: the ledger's name.
        signers: the log's keys; two while they change.
        guard_path: the guard file, outside of `log/` and `ledger/`.
        clock: seconds since 1970 UTC.
        lock_wait: seconds to wait for another process.
        checkpointing: told the name of each step that is done, in order: `applied`, `tiles`, `guard`, `signed`, `published`,
            `indexed`; what it raises ends the call there.
        pool_threshold: entries of one `submit` from which two worker processes check signatures.
    """
    private = directory / "ledger"
    make_directory(private)
    files = LogFiles(directory / "log", staging=private / "staging")
    files.create()
    mirror = Mirror(private / "index.sqlite", origin=origin)
    guard = Guard(guard_path, origin=origin)
    publisher = Publisher(origin=origin, files=files, guard=guard, signers=signers, step=checkpointing)
    recovery = Recovery(origin=origin, files=files, mirror=mirror, guard=guard, publisher=publisher, signers=signers)
    sequencer = Sequencer(
        files=files, mirror=mirror, publisher=publisher, recovery=recovery, clock=clock, step=checkpointing
    )
    return LocalLedger(
        origin,
        files=files,
        mirror=mirror,
        sequencer=sequencer,
        lock=ProcessLock(private / "lock", wait=lock_wait),
        clock=clock,
        pool_threshold=pool_threshold,
    )
