"""Step A6: every entry is accepted again, and every block recomputed.

Unlike `privledger.rules.replay` this one goes on after a fault where that can still mean something, since an auditor wants to
know everything that is wrong. It stops where the state is no longer that of the log: at a leaf that cannot be read, or an entry
that the rules refuse. Left to others: form (A4), signatures (A5) and the tree (A3).
"""

from __future__ import annotations

from hashlib import sha256

from privledger.audit.history import History, is_notable
from privledger.audit.report import Sheet, moment
from privledger.protocol.entries import MAX_TIME, Block, Entry, is_block, parse_block, parse_entry
from privledger.protocol.errors import PrivledgerError, UnavailableError
from privledger.protocol.tiles import TILE_WIDTH, entries_path
from privledger.protocol.trust import TrustRoot
from privledger.rules.apply import Accepted, apply, seal_block
from privledger.rules.state import State

__all__ = ["Replay"]


class Replay:
    """Replays leaves in order onto a state; `size` leaves stand in complete blocks.

    `stopped` says why the replay ended early, or is None. The state, history and `block` are those of the last complete block.
    """

    def __init__(self, sheet: Sheet, trust: TrustRoot, state: State, history: History, size: int) -> None:
        self._sheet = sheet
        self._trust = trust
        self.state = state
        self.history = history
        self.size = size
        self.block: Block | None = None
        self.stopped: str | None = None
        self._pending: list[Entry] = []

    @property
    def next_index(self) -> int:
        """The index of the next leaf to feed."""
        return self.size + len(self._pending)

    def stop(self, index: int, why: str) -> None:
        """End the replay before the leaf `index`."""
        if self.stopped is None:
            self.stopped = f"the replay stops at entry {index}: {why}"
            self._sheet.block("A6", self.stopped)

    def feed(self, leaves: list[bytes], broken: set[int]) -> None:
        """Take the next leaves; `broken` are the offsets among them of leaves that step A4 refuses."""
        if self.stopped is not None:
            return
        pending, origin = self._pending, self._trust.origin
        for offset, leaf in enumerate(leaves):
            if offset in broken:
                self.stop(self.next_index, "it cannot be read (step A4)")
                return
            if is_block(leaf):
                if not self._close(parse_block(leaf)):
                    return
                pending = self._pending
            else:
                try:
                    pending.append(parse_entry(leaf, origin=origin))
                except PrivledgerError as exc:  # a ledger entry of another origin, which _bundles has reported
                    self.stop(self.next_index, str(exc))
                    return

    def finish(self, time: int | None) -> None:
        """Check how the log ends; `time` is that of the checkpoint, or None if it is not known."""
        if self.stopped is not None:
            return
        if self._pending or self.size == 0:
            self._fail("the log does not end with a block, so its checkpoint names no state", self.next_index - 1)
            self.stop(self.next_index, "a block is missing at the end")
            return
        if self.block is not None and time is not None and self.block.time != time:
            self._fail(
                f"the checkpoint is signed for {moment(time)}, and its block closed at {moment(self.block.time)}",
                self.size - 1,
            )
        settings = self.state.settings
        known = {key.public for key in self._trust.log_keys}
        if settings is not None and not any(
            pair.ed25519 in known and pair.mldsa44 in known for pair in settings.log_keys
        ):
            self._fail("the ledger's settings name other log keys than the trust root", 0)

    def _close(self, block: Block) -> bool:
        """Recompute a block from the entries before it; returns whether the replay can go on."""
        sheet, state, index, entries = self._sheet, self.state, self.next_index, self._pending
        meta = state.meta
        height, earliest = (0, 0) if meta is None else (meta.height + 1, meta.time)
        if self.size == 0 and entries and sha256(entries[0].leaf).digest() != self._trust.genesis:
            self._fail("entry 0 is not the one that the trust root names: this is another ledger", 0)
        if block.height != height:
            self._fail(f"the block says height {block.height}, and {height} is next", index)
        if block.tree_size != index:
            self._fail(f"the block says that {block.tree_size} leaves stand before it, and {index} do", index)
        time = block.time
        if not earliest <= time <= MAX_TIME:
            self._fail(f"the block's time {time} is before the last one's {earliest}", index)
            time = earliest
        failed = sheet.has_failed("A6")
        try:
            transition = apply(state, height, time, entries)
            for position, result in enumerate(transition.results):
                if not isinstance(result, Accepted):
                    what = f"the rules refuse this entry ({result.code}): {result.detail}"
                    self._fail(what, self.size + position)
                    self.stop(self.size + position, "the rules refuse it, so what follows cannot be recomputed")
            if len(transition.accepted) != len(entries):
                return False
            expected = seal_block(state, height, time, transition)
        except UnavailableError as exc:  # rules that this program does not know
            self.stop(index, str(exc))
            return False
        except PrivledgerError as exc:
            self._fail(str(exc), index)
            self.stop(index, "the block cannot be recomputed")
            return False
        if block.rules_version != expected.rules_version:
            self._fail(f"the block is under rules version {expected.rules_version}", index)
        # A false height or time stands in the state as well, so the root of such a block says nothing new.
        if block.root != expected.root and sheet.has_failed("A6") == failed:
            self._fail("the block names another state root than the replay gives", index)
        self._note(entries)
        self.size = index + 1
        self.block = block
        self.history.add_block(self.size, time)
        self._pending = []
        return True

    def _note(self, entries: list[Entry]) -> None:
        for position, entry in enumerate(entries):
            if entry.kind not in _ORDINARY and is_notable(entry.body):
                self.history.add_entry(self.size + position, entry)

    def _fail(self, what: str, index: int) -> None:
        self._sheet.fail("A6", what, entries_path(index // TILE_WIDTH), index)


_ORDINARY = frozenset({"record", "grant", "erase"})
