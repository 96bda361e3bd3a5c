"""The rules of the chain, version 1 (docs/spec/entries.md §2): what a block makes of a state.

    transition = apply(state, height, time, entries)      # reads the state, changes nothing
    block = seal_block(state, height, time, transition)   # commits; the block's last leaf is block.to_leaf()

Together they are the specification's `apply(state, height, time, entries) -> (state, results, root)`, in two steps, so that a
sequencer can order entries before it commits. No clock, randomness, float or order of a set has a say. Entries must be
admitted already (`privledger.protocol.entries.admit`): signatures are not looked at again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from privledger.protocol.entries import ENDED, MAX_TIME, PAUSED, Block, Entry, LedgerEntry
from privledger.protocol.errors import RefusedError, UnavailableError, UsageError
from privledger.protocol.state import META_KEY, Meta
from privledger.rules.kinds import KINDS
from privledger.rules.state import State
from privledger.rules.view import Changes, Refusal, StateReader, View

__all__ = ["RULES_VERSION", "Accepted", "Refused", "Result", "Transition", "apply", "seal_block"]

RULES_VERSION = 1
_ALLOWED = {PAUSED: frozenset({"ledger", "revoke", "erase", "receipts"}), ENDED: frozenset({"revoke", "erase"})}
_STATUS_CODES = {PAUSED: "paused", ENDED: "ended"}


@dataclass(frozen=True, slots=True)
class Accepted:
    """The entry becomes the leaf `index`."""

    index: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The entry leaves no leaf. `code` is stable for ever, `detail` is for people and is not part of the rules."""

    code: str
    detail: str


Result = Accepted | Refused


@dataclass(frozen=True, slots=True)
class Transition:
    """What a block will do: a result for each entry, the new values, and the positions of the accepted entries.

    `changes` lacks the value under `META_KEY`, which `seal_block` adds.
    """

    results: tuple[Result, ...]
    changes: dict[bytes, bytes] = field(repr=False)
    accepted: tuple[int, ...]
    rules_version: int = RULES_VERSION


def apply(state: StateReader, height: int, time: int, entries: Sequence[Entry]) -> Transition:
    """Apply admitted entries in order; `state` is read and not changed.

    Args:
        state: the state after block `height` - 1.
        height: of the new block, from 0.
        time: of the new block, seconds since 1970 UTC. If it is below the last block's every entry is refused (`bad_time`).
        entries: admitted for this ledger's origin.

    Raises:
        UsageError: `height` is not the next one.
        UnavailableError: the ledger is under rules that this program does not know (code `unknown_rules`).
    """
    if _is_bad_time(state, height, time):
        refused = Refused("bad_time", f"the block time {time} is below the last block's, or above {MAX_TIME}")
        return Transition((refused,) * len(entries), {}, ())
    version = _rules_version(state, entries)
    view = View(state, time)
    first = view.published
    results: list[Result] = []
    accepted: list[int] = []
    for position, entry in enumerate(entries):
        index = first + len(accepted)
        try:
            view.put(_changes(view, entry, index))
        except Refusal as refusal:
            results.append(Refused(refusal.code, refusal.detail))
        else:
            results.append(Accepted(index))
            accepted.append(position)
    return Transition(tuple(results), view.changes, tuple(accepted), version)


def seal_block(state: State, height: int, time: int, transition: Transition) -> Block:
    """Commit `transition` to the state it was computed from, in place, and return the block leaf.

    Raises:
        UsageError: `height` is not the next one, or block 0 would not hold entry 0.
        RefusedError: code `bad_time`.
    """
    if _is_bad_time(state, height, time):
        raise RefusedError(f"the block time {time} is below the last block's, or above {MAX_TIME}", code="bad_time")
    meta = state.meta
    if meta is None and not transition.accepted:
        raise UsageError("block 0 must hold entry 0, a ledger entry with seq 0")
    size = (0 if meta is None else meta.next_index) + len(transition.accepted)
    changes = dict(transition.changes)
    changes[META_KEY] = Meta(height, time, size + 1).to_bytes()
    return Block(height, time, transition.rules_version, state.apply_changes(changes), size)


def _changes(view: View, entry: Entry, index: int) -> Changes:
    kind, settings = entry.kind, view.settings
    rule = KINDS.get(kind)
    if rule is None:
        raise Refusal("unknown_kind", f"entries of kind {kind!r} are not in the rules")
    if settings is None:
        if kind != "ledger":
            raise Refusal("bad_sequence", "entry 0 is a ledger entry with seq 0")
    elif settings.status and kind not in _ALLOWED[settings.status]:
        code = _STATUS_CODES[settings.status]
        raise Refusal(code, f"the ledger is {code}: it takes only {', '.join(sorted(_ALLOWED[settings.status]))}")
    return rule(view, entry.body, entry.keys, index)


def _is_bad_time(state: StateReader, height: int, time: int) -> bool:
    """Whether the block cannot have this time. Raises UsageError if it cannot have this height."""
    meta = state.meta
    due = 0 if meta is None else meta.height + 1
    if height != due:
        raise UsageError(f"the next block has height {due}, not {height}")
    return not (0 if meta is None else meta.time) <= time <= MAX_TIME


def _rules_version(state: StateReader, entries: Sequence[Entry]) -> int:
    """The version that the block is under: of the settings before it; for block 0, of entry 0."""
    settings = state.settings
    version = RULES_VERSION
    if settings is not None:
        version = settings.rules_version
    elif entries and isinstance(entries[0].body, LedgerEntry):
        version = entries[0].body.rules_version
    if version != RULES_VERSION:
        raise UnavailableError(
            f"this ledger is under rules version {version}, and this program knows version {RULES_VERSION}",
            hint="Use a newer release of privledger.",
            code="unknown_rules",
        )
    return version
