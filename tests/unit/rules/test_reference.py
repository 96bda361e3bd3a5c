"""The rules against a slow and obvious account of them, over arbitrary histories.

The reference keeps what happened as plain Python objects named by people's words (owners, labels), decides from the list of
accepted entries alone, and knows nothing of state keys, encodings, indices of blocks or overlays.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from privledger.protocol import entries as e
from privledger.protocol import state as s
from privledger.protocol.ids import service_id
from privledger.rules.apply import Accepted, apply, seal_block
from privledger.rules.replay import Replayer
from privledger.rules.state import State
from tests.support.chain import ORIGIN, START, Chain, ledger_body, point, record_of, service_body, short, signer

OWNERS = ["ann", "bob"]
LABELS = [0, 1, 2]
KEEPERS = ["kay", "lou"]
BY = ["right", "right", "right", "mallory"]  # mostly the right key

ACTIONS = st.one_of(
    st.tuples(st.just("record"), st.sampled_from(OWNERS)),
    st.tuples(st.just("erase"), st.sampled_from(OWNERS), st.sampled_from(BY)),
    st.tuples(st.just("grant"), st.sampled_from(OWNERS), st.sampled_from(LABELS), st.sampled_from(BY)),
    st.tuples(
        st.just("revoke"),
        st.sampled_from(OWNERS),
        st.frozensets(st.sampled_from(LABELS), min_size=1),
        st.sampled_from(BY),
    ),
    # All grants up to the n-th last accepted entry.
    st.tuples(st.just("cut"), st.sampled_from(OWNERS), st.integers(-1, 6), st.sampled_from(BY)),
    st.tuples(st.just("service"), st.sampled_from(KEEPERS), st.integers(0, 2), st.integers(0, 1), st.sampled_from(BY)),
    st.tuples(st.just("status"), st.integers(0, 8), st.sampled_from([0, 0, 0, 1, 1, 2]), st.sampled_from(BY)),
)
HISTORY = st.lists(ACTIONS, max_size=30)


# --- the reference --------------------------------------------------------------------------------------------------


@dataclass
class Reference:
    """What the accepted actions so far amount to. A step is the number of an accepted action, entry 0 being 0."""

    history: list[tuple] = field(default_factory=lambda: [("status", 0, 0, "right")])

    def first(self, *wanted) -> int | None:
        """The step of the first accepted action that begins with these words."""
        return next((n for n, one in enumerate(self.history) if one[: len(wanted)] == wanted), None)

    def revoked(self, owner, label) -> bool:
        return any(one[:2] == ("revoke", owner) and label in one[2] for one in self.history)

    def cut(self, owner) -> int:
        return max((one[2] for one in self.history if one[:2] == ("cut", owner)), default=-1)

    def live(self, owner, label) -> bool:
        granted = self.first("grant", owner, label)
        return (
            granted is not None
            and self.first("erase", owner) is None
            and not self.revoked(owner, label)
            and granted > self.cut(owner)
        )

    def refusal(self, action) -> str | None:
        """Why the rules refuse this action now, or None."""
        kind, name, by = action[0], action[1], action[-1]
        status = [one for one in self.history if one[0] == "status"]
        if status[-1][2] == 1 and kind in ("record", "grant", "service"):
            return "paused"
        if status[-1][2] == 2 and kind not in ("revoke", "cut", "erase"):
            return "ended"
        if kind == "status":
            return self._sequence(by, name == len(status), action[2] == status[-1][2])
        if kind == "service":
            known = [one for one in self.history if one[:2] == ("service", name)]
            return self._sequence(by, action[2] == len(known), bool(known) and known[-1][3] == action[3])
        if kind == "record":
            return None if self.first("record", name) is None else "record_exists"
        if self.first("record", name) is None:
            return "unknown_record"
        if by != "right":
            return "wrong_key"
        if self.first("erase", name) is not None:
            return "record_erased"
        if kind == "grant":
            if self.revoked(name, action[2]):
                return "grant_revoked"
            return None if self.first("grant", name, action[2]) is None else "grant_exists"
        if kind == "revoke" and all(self.revoked(name, label) for label in action[2]):
            return "no_change"
        if kind == "cut":
            if action[2] >= len(self.history):
                return "bad_sequence"
            return "no_change" if action[2] <= self.cut(name) else None
        return None

    @staticmethod
    def _sequence(by: str, is_next: bool, is_same: bool) -> str | None:
        if by != "right":
            return "wrong_key"
        if not is_next:
            return "bad_sequence"
        return "no_change" if is_same else None


# --- the rules under test -------------------------------------------------------------------------------------------


class Ledger:
    """The real rules, closing a block after every `per_block` actions. Entries are unsigned: admission has its own tests."""

    def __init__(self, per_block: int) -> None:
        self.state = State.empty()
        self.per_block = per_block
        self.steps: list[int] = []  # the index of each accepted action
        self.codes: list[str | None] = []
        self.height = 0
        self.waiting: list[e.Entry] = []
        self.take([entry(("status", 0, 0, "right"), 0)])

    def take(self, entries: list[e.Entry]) -> None:
        transition = apply(self.state, self.height, START, entries)
        seal_block(self.state, self.height, START, transition)
        self.height += 1
        for result in transition.results:
            if isinstance(result, Accepted):
                self.steps.append(result.index)
            self.codes.append(None if isinstance(result, Accepted) else result.code)

    def values(self) -> dict[bytes, object]:
        """The state without its meta value, with steps in place of indices."""
        step: dict[int | None, Any] = {None: None, **{index: n for n, index in enumerate(self.steps)}}
        found: dict[bytes, object] = {}
        for key, value in self.state.items():
            if key[0] == 3:
                record = s.parse_record_state(value)
                # A cut may lie on a block's leaf, or before entry 0; the accepted entries up to it are what counts.
                cut = None if record.cut is None else sum(1 for index in self.steps if index <= record.cut)
                found[key] = replace(record, cut=cut, index=step[record.index], changed=step[record.changed])
            elif key[0] == 4:
                grant = s.parse_grant_state(value)
                found[key] = replace(grant, index=step[grant.index], revoked_by=step[grant.revoked_by])
            elif key != s.META_KEY:
                found[key] = value
        return found


def entry(action: tuple, cut: int) -> e.Entry:
    kind, name, by = action[0], action[1], action[-1]
    body: e.Body
    right = name if isinstance(name, str) and kind != "service" else "governance"
    if kind == "record":
        body, by = e.RecordEntry(point(name)), "right"
    elif kind == "erase":
        body = e.EraseEntry(record_of(name))
    elif kind == "grant":
        body = e.GrantEntry(record_of(name), short(action[2]), point(1), point(2))
    elif kind == "revoke":
        body = e.RevokeEntry(record_of(name), tuple(sorted(short(label) for label in action[2])))
    elif kind == "cut":
        body = e.RevokeEntry(record_of(name), (), cut)
    elif kind == "service":
        body = service_body(name, action[2], valid_from=action[3])
    else:
        body = ledger_body(name, status=action[2])
    return e.Entry(body.kind, (signer(right if by == "right" else by).key_id,), body, b"")


def run(history: list[tuple], per_block: int, reference: Reference | None = None) -> Ledger:
    """Apply a history; a cut counts back from the last accepted action, so it names an index only now."""
    ledger, reference = Ledger(per_block), reference or Reference()
    waiting: list[e.Entry] = []
    codes: list[str | None] = []
    # Indices of accepted actions in the block under way are known before it closes: they follow each other.
    next_index = 2
    steps = [0]
    for action in history:
        cut = 0
        if action[0] == "cut":
            target = max(0, len(reference.history) - 1 - action[2])
            cut = steps[target] if target < len(steps) else next_index
            action = (*action[:2], target, action[3])
        code = reference.refusal(action)
        codes.append(code)
        if code is None:
            reference.history.append(action)
            steps.append(next_index)
            next_index += 1
        waiting.append(entry(action, cut))
        if len(waiting) == per_block:
            ledger.take(waiting)
            waiting = []
            next_index += 1
    ledger.take(waiting)
    assert ledger.steps == steps
    assert ledger.codes == [None, *codes]
    return ledger


@settings(max_examples=150)
@given(HISTORY, st.integers(1, 8))
def test_the_rules_answer_as_the_reference_does(history, per_block):
    reference = Reference()
    ledger = run(history, per_block, reference)
    for owner in OWNERS:
        record = ledger.state.record(record_of(owner))
        assert (record is not None) == (reference.first("record", owner) is not None)
        for label in LABELS:
            grant = ledger.state.grant(record_of(owner), short(label))
            assert s.is_grant_live(record, grant) == reference.live(owner, label)
    for name in KEEPERS:
        known = ledger.state.service(service_id(signer(name).key_id))
        assert (known is not None) == (reference.first("service", name) is not None)


@settings(max_examples=60)
@given(HISTORY, st.integers(1, 8))
def test_the_same_entries_give_the_same_root(history, per_block):
    one, two = run(history, per_block), run(history, per_block)
    assert one.state.root == two.state.root
    assert State.from_items(reversed(list(one.state.items()))).root == one.state.root


@settings(max_examples=60)
@given(HISTORY, st.integers(1, 8))
def test_it_does_not_matter_into_how_many_blocks_entries_fall(history, per_block):
    assert run(history, per_block).values() == run(history, len(history) + 1).values()


@settings(max_examples=20)
@given(HISTORY)
def test_replaying_every_accepted_entry_again_changes_nothing(history):
    ledger = run(history, 4)
    reference = Reference()
    accepted = []
    for action in history:
        if action[0] != "cut" and reference.refusal(action) is None:
            reference.history.append(action)
            accepted.append(entry(action, 0))
    before = ledger.values()
    ledger.take(accepted)
    after = ledger.values()
    assert {key: value for key, value in after.items() if before.get(key) != value} == {}


def test_a_replayer_and_the_rules_have_one_state():
    """A signed history through the replayer, whose entries come from bytes."""
    chain = Chain()
    chain.close(chain.record("ann"), chain.grant("ann", 0), chain.service("kay"))
    replayer = Replayer(ORIGIN)
    replayer.feed(chain.leaves)
    assert replayer.finish().root == chain.state.root
