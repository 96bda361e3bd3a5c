"""Replay: an honest log gives the ledger's own state, and every way to bend one is refused by step and leaf."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privledger.protocol import entries as e
from privledger.protocol.errors import UnavailableError, UsageError
from privledger.rules.replay import Replayer, ReplayError
from privledger.rules.state import State
from privledger_crypto import cbor, cose
from tests.support.chain import ORIGIN, START, Chain, ledger_body, record_of, short, signer


def build() -> Chain:
    chain = Chain()
    chain.close(chain.record("owner"), chain.grant("owner", 1), chain.service("keeper"))
    chain.close()
    chain.close(chain.grant("owner", 2), chain.revoke("owner", 1), chain.receipts("keeper", 0, 5), time=START + 50)
    return chain


CHAIN = build()
LEAVES = tuple(CHAIN.leaves)  # entry 0, block; record, grant, service, block; block; grant, revoke, receipts, block
BLOCK_1, BLOCK_2, BLOCK_3 = 5, 6, 10


def fails(leaves, step: str, index: int, *, verified: bool = False, match: str | None = None) -> None:
    with pytest.raises(ReplayError, match=match) as caught:
        Replayer(ORIGIN).feed(leaves, verified=verified)
    assert (caught.value.step, caught.value.index) == (step, index)


def changed(index: int, leaf: bytes) -> list[bytes]:
    return [*LEAVES[:index], leaf, *LEAVES[index + 1 :]]


def block(index: int, **fields) -> list[bytes]:
    """The log with other fields in one of its blocks."""
    return changed(index, replace(e.parse_block(LEAVES[index]), **fields).to_leaf())


@pytest.mark.parametrize("verified", [False, True])
def test_replay_gives_the_state_and_root_of_the_ledger(verified):
    replayer = Replayer(ORIGIN)
    replayer.feed(LEAVES, verified=verified)
    assert replayer.finish() is replayer.state
    assert replayer.state.root == CHAIN.state.root
    assert dict(replayer.state.items()) == dict(CHAIN.state.items())
    assert (replayer.size, replayer.root(), replayer.block) == (CHAIN.size, CHAIN.root(), CHAIN.blocks[-1])


@given(st.lists(st.integers(0, len(LEAVES)), max_size=6))
def test_it_does_not_matter_how_the_leaves_are_cut(cuts):
    replayer = Replayer(ORIGIN)
    places = [0, *sorted(cuts), len(LEAVES)]
    for start, end in pairwise(places):
        replayer.feed(LEAVES[start:end])
    assert (replayer.finish().root, replayer.root()) == (CHAIN.state.root, CHAIN.root())


def test_size_and_root_are_those_of_the_last_complete_block():
    replayer = Replayer(ORIGIN)
    replayer.feed(LEAVES[: BLOCK_1 + 4])
    assert (replayer.size, replayer.pending) == (BLOCK_2 + 1, 2)
    assert replayer.root() == CHAIN.root(BLOCK_2 + 1)
    assert replayer.state.grant(record_of("owner"), short(2)) is None


def test_a_replay_is_taken_up_where_an_earlier_one_ended():
    earlier = Replayer(ORIGIN)
    earlier.feed(LEAVES[: BLOCK_1 + 1])
    later = Replayer(ORIGIN, State.from_items(earlier.state.items()), earlier.frontier)
    later.feed(LEAVES[BLOCK_1 + 1 :])
    assert (later.finish().root, later.root()) == (CHAIN.state.root, CHAIN.root())


def test_a_state_and_a_frontier_of_different_blocks_are_not_taken_up():
    earlier = Replayer(ORIGIN)
    earlier.feed(LEAVES[: BLOCK_1 + 1])
    with pytest.raises(UsageError):
        Replayer(ORIGIN, earlier.state)


def test_the_state_of_another_ledger_is_not_taken_up():
    earlier = Replayer(ORIGIN)
    earlier.feed(LEAVES)
    with pytest.raises(UsageError):
        Replayer("x/" + "0" * 64, earlier.state, earlier.frontier)


# --- the end --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [0, 1, 4, BLOCK_3])
def test_leaves_without_their_block_are_refused_at_the_end(end):
    replayer = Replayer(ORIGIN)
    replayer.feed(LEAVES[:end])
    with pytest.raises(ReplayError, match="does not end with a block") as caught:
        replayer.finish()
    assert (caught.value.step, caught.value.index) == ("A6", end)


# --- A4 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verified", [False, True])
def test_a_leaf_that_is_not_canonical_fails_a4(verified):
    fails(changed(3, LEAVES[3] + b"\0"), "A4", 3, verified=verified)


def test_a_block_that_is_not_canonical_fails_a4():
    fails(changed(BLOCK_1, LEAVES[BLOCK_1] + b"\0"), "A4", BLOCK_1)


def test_a_signed_block_entry_fails_a4():
    payload = cbor.encode({0: "block", 1: 4, 2: START + 60, 3: 1, 4: bytes(32), 5: 11})
    fails([*LEAVES, cose.sign1(signer("owner"), payload, external_aad=ORIGIN.encode())], "A4", 11)


# --- A5 -------------------------------------------------------------------------------------------------------------

FORGED = LEAVES[3][:-1] + bytes([LEAVES[3][-1] ^ 1])


def test_a_false_signature_fails_a5():
    fails(changed(3, FORGED), "A5", 3)


def test_signatures_that_were_verified_elsewhere_are_not_checked_again():
    replayer = Replayer(ORIGIN)
    replayer.feed(changed(3, FORGED), verified=True)
    assert replayer.root() != CHAIN.root()


def test_the_log_of_another_ledger_fails():
    other = Chain(origin="other.example/" + "cd" * 32)
    fails(other.leaves, "A6", 0, match="another ledger")


def test_entries_of_another_ledger_fail_a5():
    other = Chain(origin="other.example/" + "cd" * 32)
    fails([*LEAVES, other.record("new")], "A5", len(LEAVES))


# --- A6: blocks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [BLOCK_1 - 1, BLOCK_1 + 1])
def test_a_wrong_tree_size_fails(size):
    fails(block(BLOCK_1, tree_size=size), "A6", BLOCK_1, match="leaves stand before it")


def test_a_wrong_state_root_fails():
    fails(block(BLOCK_1, root=bytes(32)), "A6", BLOCK_1, match="state root")


def test_a_wrong_rules_version_fails():
    fails(block(BLOCK_1, rules_version=2), "A6", BLOCK_1, match="rules version 1")


@pytest.mark.parametrize("height", [0, 2])
def test_a_gap_or_a_step_back_in_height_fails(height):
    fails(block(BLOCK_1, height=height), "A6", BLOCK_1, match="1 is next")


def test_time_going_back_fails():
    fails(block(BLOCK_1, time=START - 1), "A6", BLOCK_1, match="before the last one's")


def test_another_time_fails_since_the_state_holds_it():
    fails(block(BLOCK_1, time=START + 2), "A6", BLOCK_1, match="state root")


def test_a_block_twice_fails():
    fails([*LEAVES, LEAVES[-1]], "A6", len(LEAVES))


def test_a_block_that_was_left_out_fails():
    fails([*LEAVES[:BLOCK_2], *LEAVES[BLOCK_2 + 1 :]], "A6", BLOCK_3 - 1)


def test_a_log_that_begins_with_a_block_fails():
    fails([e.Block(0, START, 1, bytes(32), 0).to_leaf()], "A6", 0, match="entry 0")


# --- A6: entries ----------------------------------------------------------------------------------------------------


def test_an_entry_that_was_left_out_fails():
    fails([*LEAVES[:3], *LEAVES[4:]], "A6", BLOCK_1 - 1)


def test_entries_in_another_order_fail():
    fails([*LEAVES[:2], LEAVES[3], LEAVES[2], *LEAVES[4:]], "A6", 2, match="unknown_record")


def test_an_entry_that_the_rules_refuse_fails_with_its_code():
    spoilt = [*LEAVES[:4], CHAIN.record("owner"), *LEAVES[5:]]
    with pytest.raises(ReplayError) as caught:
        Replayer(ORIGIN).feed(spoilt)
    assert (caught.value.step, caught.value.index, caught.value.code) == ("A6", 4, "record_exists")


def test_an_entry_repeated_in_a_later_block_fails():
    repeated = [*LEAVES, LEAVES[3], replace(CHAIN.blocks[-1], height=4, tree_size=12).to_leaf()]
    fails(repeated, "A6", 11, match="grant_revoked")


def test_entry_0_must_be_the_one_of_the_trust_root():
    with pytest.raises(ReplayError, match="trust root"):
        Replayer(ORIGIN, genesis=bytes(32)).feed(LEAVES)
    replayer = Replayer(ORIGIN, genesis=sha256(LEAVES[0]).digest())
    replayer.feed(LEAVES)
    assert replayer.size == CHAIN.size


def test_rules_that_this_program_does_not_know_are_not_a_fault_of_the_log():
    chain = Chain()
    chain.close(chain.entry("governance", ledger_body(1, rules_version=2)))
    replayer = Replayer(ORIGIN)
    replayer.feed(chain.leaves)
    with pytest.raises(UnavailableError):
        replayer.feed([e.Block(2, chain.time, 2, bytes(32), chain.size).to_leaf()])


# --- after a failure ------------------------------------------------------------------------------------------------


def test_a_replayer_that_failed_gives_no_state_and_takes_no_more():
    replayer = Replayer(ORIGIN)
    with pytest.raises(ReplayError):
        replayer.feed(block(BLOCK_1, root=bytes(32)))
    with pytest.raises(ReplayError):
        replayer.feed(LEAVES)
    with pytest.raises(ReplayError):
        _ = replayer.state
