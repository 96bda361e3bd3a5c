"""State answers: for each check, an answer in which only that check fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from privledger.protocol.checkpoint import sign_checkpoint
from privledger.protocol.errors import FormatError, UnavailableError, VerificationError
from privledger.protocol.light import parse_state_answer, verify_state_answer
from privledger.protocol.state import (
    META_KEY,
    grant_key,
    is_grant_live,
    parse_grant_state,
    parse_record_state,
    record_key,
)
from privledger.rules.state import State
from privledger_crypto import cbor
from privledger_crypto.merkle import inclusion_proof, leaf_hash, root_of
from tests.support.chain import START, Chain, record_of, short

OWNER = record_of("owner")
RECORD, LIVE, NEVER = record_key(OWNER), grant_key(OWNER, short(1)), grant_key(OWNER, short("never"))


@pytest.fixture(scope="module")
def chain() -> Chain:
    chain = Chain()
    chain.close(chain.record("owner"), chain.grant("owner", 1), chain.record("other"))
    chain.close(chain.grant("owner", 2), chain.grant("other", 3))
    return chain


@pytest.fixture
def answer(chain):
    return chain.answer(RECORD, LIVE, NEVER, META_KEY)


def test_a_true_answer_proves_values_and_absence(chain, answer):
    found = verify_state_answer(answer, chain.trust(), now=START + 2)
    assert found.block == chain.blocks[-1]
    assert found.checkpoint.size == chain.size
    record, grant = found.values[RECORD], found.values[LIVE]
    assert record is not None
    assert grant is not None
    assert is_grant_live(parse_record_state(record), parse_grant_state(grant))
    assert found.values[NEVER] is None


def test_an_answer_reads_back_from_its_bytes(answer):
    assert parse_state_answer(cbor.decode(cbor.encode(answer.to_value()))) == answer


def test_an_unsigned_checkpoint_is_refused(chain, answer):
    with pytest.raises(VerificationError):
        verify_state_answer(replace(answer, note=answer.note.replace(b"\n9\n", b"\n8\n", 1)), chain.trust(), now=None)


def test_an_old_block_is_refused_although_it_stands_in_the_log(chain, answer):
    """The state of an old block is a true one of another time: here the one before grant 2 and grant 3."""
    old = chain.blocks[-2]
    stale = replace(answer, block_leaf=old.to_leaf(), block_path=chain.inclusion(old.tree_size))
    with pytest.raises(VerificationError, match="only leaf"):
        verify_state_answer(stale, chain.trust(), now=None)


def test_an_old_block_is_refused_with_the_path_of_the_last(chain, answer):
    forged = replace(chain.blocks[-2], tree_size=chain.size - 1)
    with pytest.raises(VerificationError, match="not in the log"):
        verify_state_answer(replace(answer, block_leaf=forged.to_leaf()), chain.trust(), now=None)


def test_an_entry_in_place_of_the_block_is_refused(chain, answer):
    with pytest.raises(FormatError):
        verify_state_answer(replace(answer, block_leaf=chain.leaves[-2]), chain.trust(), now=None)


def test_a_path_to_another_root_is_refused(chain, answer):
    path = (bytes(32), *answer.block_path[1:])
    with pytest.raises(VerificationError, match="not in the log"):
        verify_state_answer(replace(answer, block_path=path), chain.trust(), now=None)


def signed_log(chain, leaves, *, time):
    """A checkpoint over any leaves, and the path of the last: what a ledger that lies can sign."""
    hashes = [leaf_hash(leaf) for leaf in leaves]
    note = sign_checkpoint(chain.origin, len(leaves), root_of(hashes), time=time, signers=chain.signers)
    return note, inclusion_proof(hashes, len(leaves) - 1, len(leaves))


def test_a_state_root_that_a_lying_ledger_signed_does_not_prove_the_honest_values(chain, answer):
    lie = replace(chain.blocks[-1], root=bytes(32)).to_leaf()
    note, path = signed_log(chain, [*chain.leaves[:-1], lie], time=chain.time)
    false = replace(answer, note=note, block_leaf=lie, block_path=path)
    with pytest.raises(VerificationError, match="state root"):
        verify_state_answer(false, chain.trust(), now=None)


def test_a_signed_checkpoint_that_does_not_end_with_its_block_is_refused(chain, answer):
    note, path = signed_log(chain, [*chain.leaves, chain.record("more")], time=chain.time)
    with pytest.raises(VerificationError, match="only leaf"):
        verify_state_answer(replace(answer, note=note, block_path=path), chain.trust(), now=None)


def test_a_checkpoint_signed_for_another_time_than_its_block_is_refused(chain, answer):
    """Otherwise an old state would look fresh to who reads the one and stale to who reads the other."""
    note, path = signed_log(chain, chain.leaves, time=chain.time + 1000)
    with pytest.raises(VerificationError, match="closed at"):
        verify_state_answer(replace(answer, note=note, block_path=path), chain.trust(), now=chain.time + 1000)


def test_a_value_in_place_of_another_is_refused(chain, answer):
    key, _, proof = answer.items[1]
    other = chain.state.get(grant_key(OWNER, short(2)))
    with pytest.raises(VerificationError, match="value at state key"):
        verify_state_answer(replace(answer, items=((key, other, proof),)), chain.trust(), now=None)


def test_absence_cannot_be_claimed_of_what_is_there(chain, answer):
    key, _, proof = answer.items[1]
    with pytest.raises(VerificationError, match="absence at state key"):
        verify_state_answer(replace(answer, items=((key, None, proof),)), chain.trust(), now=None)


def test_a_proof_under_an_older_state_root_is_refused(chain, answer):
    before = State.from_items((key, value) for key, value in chain.state.items() if key != LIVE)
    item = (LIVE, None, before.prove(LIVE))
    with pytest.raises(VerificationError, match="absence"):
        verify_state_answer(replace(answer, items=(item,)), chain.trust(), now=None)


# --- age ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [0, 30, -30])
def test_an_answer_within_max_age_is_accepted(chain, answer, late):
    verify_state_answer(answer, chain.trust(), now=chain.time + late)


@pytest.mark.parametrize("late", [31, -31])
def test_an_answer_beyond_max_age_is_stale(chain, answer, late):
    with pytest.raises(UnavailableError) as caught:
        verify_state_answer(answer, chain.trust(), now=chain.time + late)
    assert caught.value.code == "stale_view"


def test_the_caller_may_ask_for_another_age(chain, answer):
    verify_state_answer(answer, chain.trust(), now=chain.time + 500, max_age=500)
    with pytest.raises(UnavailableError):
        verify_state_answer(answer, chain.trust(), now=chain.time + 6, max_age=5)


def test_without_a_clock_any_age_is_accepted(chain, answer):
    assert verify_state_answer(answer, chain.trust(), now=None).block.time == chain.time


# --- shape ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value[:-1],
        lambda value: [*value, 0],
        lambda value: ["text", *value[1:]],
        lambda value: [*value[:2], [1], value[3]],
        lambda value: [*value[:2], [bytes(32)] * 65, value[3]],
        lambda value: [*value[:3], [*value[3], value[3][0]]],
        lambda value: [*value[:3], [value[3][0][:2]]],
        lambda value: [*value[:3], [[1, *value[3][0][1:]]]],
        lambda value: [*value[:3], [[*value[3][0][:2], [[b"short"], None]]]],
        lambda value: 5,
    ],
)
def test_an_answer_of_another_shape_is_malformed(answer, spoil):
    with pytest.raises(FormatError):
        parse_state_answer(spoil(answer.to_value()))


def test_a_block_leaf_that_is_not_canonical_is_malformed(chain, answer):
    with pytest.raises(FormatError):
        verify_state_answer(replace(answer, block_leaf=answer.block_leaf + b"\0"), chain.trust(), now=None)
