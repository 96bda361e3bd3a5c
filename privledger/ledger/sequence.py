"""Sequencing: one block at a time, from admitted entries to a published checkpoint, under the ledger's lock.

For each block: find entries that stand in the log already, apply the rest, make tiles and bundles durable, move the guard, sign,
publish. The index follows before the lock is given back, one transaction for all blocks closed under it. Whatever fails on the
way, memory is dropped and the next call recovers from the files.

Left to others: admission, waiting for the lock, and what a crash leaves (`recover`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from privledger.ledger.admission import Admitted
from privledger.ledger.guard import GuardRecord
from privledger.ledger.logfiles import LogFiles
from privledger.ledger.publish import Publisher, Step
from privledger.ledger.recover import Memory, Recovery
from privledger.protocol.entries import Block, Entry, Limits
from privledger.protocol.errors import UnavailableError
from privledger.protocol.outcomes import Accepted, Already, Refused, SubmitOutcome
from privledger.replica.mirror import Mirror, RecordingState, Standing, entry_rows, leaf_digest
from privledger.rules import apply as rules
from privledger_crypto.statemap import SparseMap

if TYPE_CHECKING:
    from privledger.storage.statestore import BlockRow

__all__ = ["Sequencer"]


class Sequencer:
    """Orders entries of one ledger. Not for threads; between processes the caller holds the lock.

    Args:
        clock: seconds since 1970 UTC.
        step: told each step that is done.
    """

    def __init__(
        self,
        *,
        files: LogFiles,
        mirror: Mirror,
        publisher: Publisher,
        recovery: Recovery,
        clock: Callable[[], int],
        step: Step,
    ) -> None:
        self._files = files
        self._mirror = mirror
        self._publisher = publisher
        self._recovery = recovery
        self._clock = clock
        self._step = step
        self._memory: Memory | None = None
        self._unindexed: list[BlockRow] = []

    @property
    def memory(self) -> Memory | None:
        """What is remembered of the last block; None if something failed since."""
        return self._memory

    def settle(self) -> Memory:
        """Bring everything to one point; see `Recovery.settle`. Call it first under the lock, and `index` last."""
        memory, self._memory = self._memory, None
        self._memory = self._recovery.settle(memory)
        return self._memory

    def follow(self) -> Standing | None:
        """The state at the published checkpoint, without the lock; None if that takes the lock."""
        memory, note = self._memory, self._files.checkpoint()
        if memory is None or memory.standing is None:
            return None
        if note == memory.standing.note:
            return memory.standing
        published = self._recovery.published(note)
        if published is None or published.size <= memory.standing.size:
            return None
        self._memory = None
        self._memory = self._recovery.follow(memory, published)
        return self._memory.standing

    def order(self, admitted: Sequence[Admitted]) -> list[SubmitOutcome]:
        """Order the entries of one block; one answer each.

        Raises:
            UnavailableError: nothing was acknowledged; asking again is safe.
        """
        outcomes: dict[int, SubmitOutcome] = {
            place: item for place, item in enumerate(admitted) if isinstance(item, Refused)
        }
        digests = {p: leaf_digest(item.leaf) for p, item in enumerate(admitted) if isinstance(item, Entry)}
        wanted = set(digests.values())
        stands = self._mirror.store.lookup(list(digests.values()))
        for row in self._unindexed:
            stands.update(pair for pair in row.entries if pair[0] in wanted)
        first: dict[bytes, int] = {}
        for place, digest in digests.items():
            if digest in stands:
                outcomes[place] = Already(stands[digest])
            else:
                first.setdefault(digest, place)
        places = list(first.values())
        entries = [item for item in (admitted[place] for place in places) if isinstance(item, Entry)]
        for place, result in zip(places, self.close(entries) if entries else (), strict=True):
            outcomes[place] = _outcome(result)
        for place, digest in digests.items():
            if place not in outcomes:  # the same bytes once more in this block
                same = outcomes[first[digest]]
                outcomes[place] = Already(same.index) if isinstance(same, Accepted) else same
        return [outcomes[place] for place in range(len(admitted))]

    def close(self, entries: Sequence[Entry], *, empty: bool = False) -> Sequence[rules.Result]:
        """Close a block of these entries; none if no entry is accepted, unless `empty` asks for one.

        Raises:
            UnavailableError: `clock_back`, `disk_full`, `log_key_missing` and others; no answer was given.
        """
        memory = self._memory
        if memory is None:
            raise UnavailableError("the ledger has not been settled", code="unsettled")
        standing = memory.standing
        state = RecordingState(SparseMap()) if standing is None else standing.state
        height = 0 if standing is None else standing.block.height + 1
        time = self._block_time(standing)
        transition = rules.apply(state, height, time, entries)
        if not transition.accepted and not empty:
            return transition.results
        self._memory = None  # until the block is published, what is in memory is ahead of the log
        accepted = [entries[place] for place in transition.accepted]
        self._memory = self._publish(memory, state, height, time, transition, accepted)
        return transition.results

    def _block_time(self, standing: Standing | None) -> int:
        now = self._clock()
        if standing is None:
            return now
        last = standing.block.time
        settings = standing.state.settings
        freshness = (Limits() if settings is None else settings.limits).freshness
        if now < last - freshness:
            raise UnavailableError(
                f"this machine's clock is {last - now} s behind the last block, more than F = {freshness} s",
                code="clock_back",
                hint="Set the clock right; no block is closed before.",
            )
        return max(now, last)

    def _publish(
        self,
        memory: Memory,
        state: RecordingState,
        height: int,
        time: int,
        transition: rules.Transition,
        accepted: list[Entry],
    ) -> Memory:
        before = state.settings
        state.take_changes()
        block = rules.seal_block(state, height, time, transition)
        signers = self._publisher.signers_for(before, state.settings)
        self._step("applied")
        tail, start = memory.tail, memory.tail.size
        growth = tail.append([*(entry.leaf for entry in accepted), block.to_leaf()])
        self._files.write(growth.files)
        self._step("tiles")
        record = GuardRecord(tail.size, tail.root(), time)
        note = self._publisher.publish(memory.guard, record, signers)
        standing = Standing(state, block, record.size, record.root, note)
        self._unindexed.append(self._row(standing, block, accepted, start, state.take_changes()))
        self._files.drop_partials(growth.completed)
        return Memory(standing, tail, record)

    @staticmethod
    def _row(
        standing: Standing, block: Block, accepted: list[Entry], start: int, changes: list[dict[bytes, bytes]]
    ) -> BlockRow:
        from privledger.storage.statestore import BlockRow, Position

        digests, mentions = entry_rows(accepted, start)
        position = Position(standing.size, standing.root, block.height, block.time, standing.note)
        return BlockRow(position, digests, mentions, [pair for changed in changes for pair in changed.items()])

    def index(self) -> None:
        """Bring the index up to the blocks closed under this lock, in one transaction, if it can be.

        The blocks are published, so their answers stand in any case. If it fails, the next call finds the index behind the
        log and replays.
        """
        rows, self._unindexed = self._unindexed, []
        if not rows:
            return
        try:
            self._mirror.store.commit(rows)
        except UnavailableError:
            self._mirror.close()
        self._step("indexed")


def _outcome(result: rules.Result) -> SubmitOutcome:
    if isinstance(result, rules.Accepted):
        return Accepted(result.index)
    return Refused(result.code, result.detail)
