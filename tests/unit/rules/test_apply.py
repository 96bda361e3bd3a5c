"""The rules, one refusal at a time, and what every accepted entry makes of the state."""

from __future__ import annotations

from hashlib import sha256, sha512
from typing import Any

import pytest
from nacl import bindings as sodium

from privledger.protocol import entries as e
from privledger.protocol import state as s
from privledger.protocol.errors import RefusedError, UnavailableError, UsageError
from privledger.protocol.ids import service_id
from privledger.rules.apply import Accepted, Refused, apply, seal_block
from privledger.rules.kinds import KINDS
from privledger.rules.state import State
from privledger_crypto import cose
from tests.support.chain import ORIGIN, START, Chain, ledger_body, point, record_of, service_body, short, signer

OWNER = record_of("owner")
KEEPER = service_id(signer("keeper").key_id)


@pytest.fixture
def chain() -> Chain:
    """A ledger with a record of `owner` (with grant 1), one of `other`, and the service `keeper`."""
    chain = Chain()
    chain.close(chain.record("owner"), chain.grant("owner", 1), chain.record("other"), chain.service("keeper"))
    return chain


def codes(results) -> list[str | None]:
    """The code of each refused entry, None of each accepted one."""
    return [result.code if isinstance(result, Refused) else None for result in results]


def only(chain: Chain, *leaves: bytes, time: int | None = None) -> str | None:
    """The code that the last of these leaves gets; the others must be accepted."""
    *before, last = codes(chain.close(*leaves, time=time))
    assert before == [None] * (len(leaves) - 1)
    return last


def live(chain: Chain, label: object, owner: str = "owner") -> bool:
    record = record_of(owner)
    return s.is_grant_live(chain.state.record(record), chain.state.grant(record, short(label)))


def test_the_table_lists_every_kind_that_can_be_parsed():
    assert set(KINDS) == set(e.BODIES)


# --- what accepted entries do ---------------------------------------------------------------------------------------


def test_entry_0_sets_the_ledger_up():
    chain = Chain()
    assert chain.state.settings == ledger_body()
    assert chain.state.meta == s.Meta(0, START, 2)
    assert chain.blocks == [e.Block(0, START, 1, chain.state.root, 1)]


def test_indices_run_through_blocks_and_count_their_leaves(chain):
    results = chain.close(chain.grant("owner", 2), chain.record("owner"), chain.grant("owner", 3))
    assert [type(result) for result in results] == [Accepted, Refused, Accepted]
    assert [result.index for result in results if isinstance(result, Accepted)] == [7, 8]
    assert chain.state.meta == s.Meta(2, START + 2, 10)
    assert chain.blocks[-1].tree_size == 9
    assert chain.index(chain.grant("owner", 3)) == 8


def test_a_record_lives_from_its_entry(chain):
    key = signer("owner").key_id
    assert chain.state.record(OWNER) == s.RecordState(s.LIVE, key, point("owner"), 0, 2, None, 2)


def test_a_grant_lives_from_its_entry(chain):
    found = chain.state.grant(OWNER, short(1))
    assert found == s.GrantState(s.GRANTED, point(("key", 1)), point(("terms", 1)), 3, None)
    assert live(chain, 1)


def test_a_revoked_grant_keeps_its_terms_and_names_the_entry_that_ended_it(chain):
    assert only(chain, chain.revoke("owner", 1)) is None
    found = chain.state.grant(OWNER, short(1))
    assert found == s.GrantState(s.REVOKED, point(("key", 1)), point(("terms", 1)), 3, 7)
    assert not live(chain, 1)


def test_revoking_by_id_leaves_the_record_as_it_was(chain):
    before = chain.state.record(OWNER)
    chain.close(chain.revoke("owner", 1))
    assert chain.state.record(OWNER) == before


def test_an_unknown_id_is_noted_as_revoked_and_can_never_be_granted(chain):
    assert only(chain, chain.revoke("owner", "early"), chain.grant("owner", "early")) == "grant_revoked"
    assert chain.state.grant(OWNER, short("early")) == s.GrantState(s.REVOKED, b"", b"", None, 7)


def test_one_revoke_ends_known_and_unknown_ids_and_passes_over_revoked_ones(chain):
    chain.close(chain.grant("owner", 2), chain.revoke("owner", 1))
    assert only(chain, chain.revoke("owner", 1, 2, 3)) is None
    revoked = [chain.state.grant(OWNER, short(label)) for label in (1, 2, 3)]
    assert [found and found.revoked_by for found in revoked] == [8, 10, 10]


def test_revoking_up_to_an_index_ends_that_grant_and_all_before(chain):
    chain.close(chain.grant("owner", 2), chain.grant("owner", 3))
    assert only(chain, chain.revoke("owner", up_to=7)) is None
    assert [live(chain, label) for label in (1, 2, 3)] == [False, False, True]
    found = chain.state.record(OWNER)
    assert found is not None
    assert (found.cut, found.changed) == (7, 10)


def test_revoking_in_one_record_leaves_the_others_alone(chain):
    chain.close(chain.grant("other", 1))
    chain.close(chain.revoke("owner", 1), chain.revoke("owner", up_to=8))
    assert live(chain, 1, "other")


def test_an_id_copied_into_another_record_is_another_grant(chain):
    assert only(chain, chain.grant("other", 1)) is None
    chain.close(chain.revoke("other", 1))
    assert live(chain, 1, "owner")
    assert not live(chain, 1, "other")


def test_an_erased_record_ends_its_grants_and_stays_known(chain):
    assert only(chain, chain.erase("owner")) is None
    assert chain.state.record(OWNER) == s.RecordState(s.ERASED, signer("owner").key_id, point("owner"), 0, 2, None, 7)
    assert not live(chain, 1)


def test_a_service_is_named_with_its_role_key_and_validity(chain):
    assert chain.state.service(KEEPER) == s.ServiceState(
        "keeper", signer("keeper").key_id, bytes(32), 0, e.MAX_TIME, 0, 0
    )


def test_receipts_move_the_end_of_the_period_and_leave_their_root(chain):
    root = bytes(range(32))
    assert only(chain, chain.receipts("keeper", 0, 5, root)) is None
    found = chain.state.service(KEEPER)
    assert found is not None
    assert (found.last_b, found.last_root) == (5, root)


def test_a_service_changes_its_key_and_keeps_its_id_and_period(chain):
    root = bytes(range(32))
    chain.close(chain.receipts("keeper", 0, 5, root))
    assert only(chain, chain.service("keeper", 1, key="keeper2", valid_from=7)) is None
    found = chain.state.service(KEEPER)
    assert found == s.ServiceState("keeper", signer("keeper2").key_id, bytes(32), 7, e.MAX_TIME, 1, 5, root)


def test_after_a_change_of_key_only_the_new_one_signs(chain):
    chain.close(chain.service("keeper", 1, key="keeper2"))
    assert only(chain, chain.receipts("keeper", 0, 5)) == "wrong_key"
    by_new = chain.entry("keeper2", e.ReceiptsEntry(KEEPER, 0, 5, bytes(32)))
    assert only(chain, by_new) is None


def test_an_empty_block_changes_height_time_and_index_only(chain):
    before = dict(chain.state.items())
    chain.close(time=START + 60)
    after = dict(chain.state.items())
    assert chain.state.meta == s.Meta(2, START + 60, 8)
    assert {key for key in after if after[key] != before.get(key)} == {s.META_KEY}


def test_a_state_shows_its_size_and_root(chain):
    assert len(chain.state) == 6
    assert repr(chain.state) == f"State(6 keys, root={chain.state.root.hex()})"


# --- apply is pure --------------------------------------------------------------------------------------------------


def test_apply_changes_nothing_before_the_block_is_sealed(chain):
    before, root = dict(chain.state.items()), chain.state.root
    entry = e.parse_entry(chain.grant("owner", 2))
    first = apply(chain.state, 2, START + 9, [entry])
    assert (dict(chain.state.items()), chain.state.root) == (before, root)
    assert apply(chain.state, 2, START + 9, [entry]) == first


def test_an_entry_sees_the_entries_before_it_in_its_block(chain):
    entries = [chain.record("new"), chain.grant("new", 1), chain.revoke("new", 1), chain.erase("new")]
    assert codes(chain.close(*entries, chain.grant("new", 2))) == [None, None, None, None, "record_erased"]


def test_a_refused_entry_changes_nothing(chain):
    before = dict(chain.state.items())
    chain.close(chain.record("owner"), chain.grant("owner", 1), chain.receipts("keeper", 1, 2))
    after = dict(chain.state.items())
    assert {key for key in after if after[key] != before.get(key)} == {s.META_KEY}
    assert chain.leaves[-2] != chain.receipts("keeper", 1, 2)


def test_the_positions_of_accepted_entries_are_told(chain):
    entries = [e.parse_entry(leaf) for leaf in (chain.record("owner"), chain.grant("owner", 2))]
    assert apply(chain.state, 2, START + 9, entries).accepted == (1,)


# --- refusals: records and grants -----------------------------------------------------------------------------------


def test_record_exists(chain):
    again = chain.entry("owner", e.RecordEntry(point("something else")))
    assert only(chain, again) == "record_exists"


def test_an_erased_record_keeps_its_id_taken(chain):
    assert only(chain, chain.erase("owner"), chain.record("owner")) == "record_exists"


@pytest.mark.parametrize("make", [lambda c: c.grant("nobody", 1), lambda c: c.revoke("nobody", 1),
                                  lambda c: c.revoke("nobody", up_to=1), lambda c: c.erase("nobody")])  # fmt: skip
def test_unknown_record(chain, make):
    assert only(chain, make(chain)) == "unknown_record"


@pytest.mark.parametrize("make", [lambda c: c.grant("owner", 2), lambda c: c.revoke("owner", 1),
                                  lambda c: c.revoke("owner", up_to=1), lambda c: c.erase("owner")])  # fmt: skip
def test_record_erased(chain, make):
    chain.close(chain.erase("owner"))
    assert only(chain, make(chain)) == "record_erased"


@pytest.mark.parametrize(
    "body",
    [
        e.GrantEntry(OWNER, short(9), point(1), point(2)),
        e.RevokeEntry(OWNER, (short(1),)),
        e.RevokeEntry(OWNER, (), 3),
        e.EraseEntry(OWNER),
    ],
)
@pytest.mark.parametrize("by", ["other", "governance", "stranger"])
def test_wrong_key_for_a_record(chain, body, by):
    assert only(chain, chain.entry(by, body)) == "wrong_key"


def test_a_stranger_learns_of_the_key_before_the_erasure(chain):
    chain.close(chain.erase("owner"))
    assert only(chain, chain.entry("stranger", e.EraseEntry(OWNER))) == "wrong_key"


def test_grant_exists(chain):
    other_terms = chain.grant("owner", 1, terms=point("other terms"))
    assert only(chain, other_terms) == "grant_exists"


def test_grant_exists_even_below_the_cut(chain):
    assert only(chain, chain.revoke("owner", up_to=3), chain.grant("owner", 1)) == "grant_exists"


def test_grant_revoked(chain):
    assert only(chain, chain.revoke("owner", 1), chain.grant("owner", 1)) == "grant_revoked"


def test_revoking_revoked_ids_again_is_no_change(chain):
    assert only(chain, chain.revoke("owner", 1, "x"), chain.revoke("owner", 1)) == "no_change"


@pytest.mark.parametrize("up_to", [2, 3])
def test_a_cut_does_not_move_back_or_stay(chain, up_to):
    assert only(chain, chain.revoke("owner", up_to=3), chain.revoke("owner", up_to=up_to)) == "no_change"


def test_a_cut_does_not_reach_into_the_future(chain):
    """The entry itself is number 7, so 6 is the last index there is."""
    assert only(chain, chain.revoke("owner", up_to=7)) == "bad_sequence"
    assert only(chain, chain.revoke("owner", up_to=6)) is None


# --- refusals: governance -------------------------------------------------------------------------------------------


def test_only_the_governance_key_changes_the_settings(chain):
    body = ledger_body(1, limits=e.Limits(freshness=5))
    assert only(chain, chain.entry("owner", body)) == "wrong_key"
    assert only(chain, chain.entry("governance", body)) is None
    assert chain.state.settings == body


@pytest.mark.parametrize("seq", [0, 2])
def test_bad_sequence_of_a_ledger_entry(chain, seq):
    assert only(chain, chain.entry("governance", ledger_body(seq, status=e.PAUSED))) == "bad_sequence"


def test_a_ledger_entry_that_only_counts_on_is_no_change(chain):
    assert only(chain, chain.entry("governance", ledger_body(1))) == "no_change"


def test_an_old_ledger_entry_cannot_be_replayed(chain):
    pause = chain.entry("governance", ledger_body(1, status=e.PAUSED))
    resume = chain.entry("governance", ledger_body(2))
    chain.close(pause, resume)
    assert codes(chain.close(pause, resume)) == ["bad_sequence", "bad_sequence"]


def test_wrong_origin_of_a_later_ledger_entry(chain):
    body = ledger_body(1, origin="other.example/" + "cd" * 32)
    entry = e.Entry("ledger", (signer("governance").key_id,), body, b"")
    assert codes(apply(chain.state, 2, chain.time, [entry]).results) == ["wrong_origin"]


def test_a_change_of_governance_key_is_signed_by_the_old_one_and_binds_at_once(chain):
    new = ledger_body(1, governance=("new",))
    assert only(chain, chain.entry("new", new)) == "wrong_key"
    by_old = ledger_body(2, governance=("governance",))
    assert codes(
        chain.close(chain.entry("governance", new), chain.entry("governance", by_old), chain.entry("new", by_old))
    ) == [None, "wrong_key", None]


def test_new_log_keys_stand_in_the_settings(chain):
    body = ledger_body(1, logs=("log", "log2"))
    assert only(chain, chain.entry("governance", body)) is None
    assert chain.state.settings is not None
    assert len(chain.state.settings.log_keys) == 2


TWO_OF_THREE: dict[str, Any] = {"governance": ("a", "b", "c"), "quorum": 2}


@pytest.mark.parametrize("by", [("a", "b"), ("a", "c"), ("c", "b")])
def test_any_quorum_of_the_governance_keys_signs(by):
    chain = Chain(**TWO_OF_THREE)
    assert only(chain, chain.entry(by, ledger_body(1, governance=("a",)))) is None


@pytest.mark.parametrize("by", ["a", ("a", "b", "c"), ("a", "stranger"), ("stranger", "x")])
@pytest.mark.parametrize("body", [ledger_body(1, status=e.PAUSED), service_body("keeper")])
def test_more_or_less_than_the_quorum_is_a_wrong_key(by, body):
    chain = Chain(**TWO_OF_THREE)
    assert only(chain, chain.entry(by, body)) == "wrong_key"


def test_a_quorum_of_two_names_services():
    chain = Chain(**TWO_OF_THREE)
    assert only(chain, chain.entry(("b", "c"), service_body("keeper"))) is None


# --- refusals: block 0 ----------------------------------------------------------------------------------------------


def genesis(*leaves: bytes):
    return apply(State.empty(), 0, START, [e.parse_entry(leaf) for leaf in leaves])


def first(by="governance", **fields) -> bytes:
    names = (by,) if isinstance(by, str) else by
    return e.make_entry([signer(one) for one in names], ledger_body(**fields), origin=ORIGIN)


def test_nothing_comes_before_entry_0():
    record = e.make_entry([signer("owner")], e.RecordEntry(point(1)), origin=ORIGIN)
    named = e.make_entry([signer("governance")], service_body("keeper"), origin=ORIGIN)
    assert codes(genesis(record, named, first()).results) == ["bad_sequence", "bad_sequence", None]


def test_block_0_may_hold_more_than_entry_0():
    record = e.make_entry([signer("owner")], e.RecordEntry(point(1)), origin=ORIGIN)
    assert genesis(first(), record).accepted == (0, 1)


def test_entry_0_has_seq_0():
    assert codes(genesis(first(seq=1)).results) == ["bad_sequence"]


@pytest.mark.parametrize(
    ("by", "fields"),
    [("stranger", {}), ("a", {"governance": ("a", "b"), "quorum": 2}), (("a", "b"), {"governance": ("a", "b")})],
)
def test_entry_0_is_signed_by_its_own_quorum(by, fields):
    assert codes(genesis(first(by, **fields)).results) == ["wrong_key"]


def test_block_0_is_not_sealed_without_entry_0():
    state = State.empty()
    with pytest.raises(UsageError):
        seal_block(state, 0, START, apply(state, 0, START, []))


# --- refusals: paused and ended -------------------------------------------------------------------------------------


def test_a_paused_ledger_takes_only_what_ends_things_receipts_and_governance(chain):
    chain.close(chain.entry("governance", ledger_body(1, status=e.PAUSED)))
    entries = {
        "record": chain.record("new"),
        "grant": chain.grant("owner", 2),
        "service": chain.service("vault", role="vault"),
        "revoke": chain.revoke("owner", 1),
        "receipts": chain.receipts("keeper", 0, 3),
        "erase": chain.erase("owner"),
        "ledger": chain.entry("governance", ledger_body(2)),
    }
    answers = dict(zip(entries, codes(chain.close(*entries.values())), strict=True))
    refused = ("record", "grant", "service")
    assert answers == {kind: "paused" if kind in refused else None for kind in entries}


def test_a_paused_ledger_resumes(chain):
    chain.close(chain.entry("governance", ledger_body(1, status=e.PAUSED)))
    assert only(chain, chain.entry("governance", ledger_body(2)), chain.grant("owner", 2)) is None


def test_an_ended_ledger_takes_only_revoke_and_erase(chain):
    chain.close(chain.entry("governance", ledger_body(1, status=e.ENDED)))
    entries = {
        "record": chain.record("new"),
        "grant": chain.grant("owner", 2),
        "service": chain.service("vault", role="vault"),
        "ledger": chain.entry("governance", ledger_body(2)),
        "receipts": chain.receipts("keeper", 0, 3),
        "revoke": chain.revoke("owner", 1),
        "erase": chain.erase("owner"),
    }
    answers = dict(zip(entries, codes(chain.close(*entries.values())), strict=True))
    assert answers == {kind: None if kind in ("revoke", "erase") else "ended" for kind in entries}


# --- refusals: services ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seq", [0, 2])
def test_bad_sequence_of_a_known_service(chain, seq):
    assert only(chain, chain.service("keeper", seq, digest=bytes([1] * 32))) == "bad_sequence"


def test_bad_sequence_of_a_new_service(chain):
    assert only(chain, chain.service("vault", 1, role="vault")) == "bad_sequence"


def test_an_old_service_entry_cannot_be_replayed(chain):
    renewed = chain.service("keeper", 1, valid_until=START + 100)
    chain.close(renewed, chain.service("keeper", 2))
    assert codes(chain.close(chain.service("keeper"), renewed)) == ["bad_sequence", "bad_sequence"]


def test_a_service_keeps_its_role(chain):
    assert only(chain, chain.service("keeper", 1, role="vault")) == "wrong_role"


def test_a_service_entry_that_only_counts_on_is_no_change(chain):
    assert only(chain, chain.service("keeper", 1)) == "no_change"


def test_a_service_does_not_name_itself(chain):
    assert only(chain, chain.entry("keeper", service_body("keeper", 1, valid_from=3))) == "wrong_key"


def test_unknown_service(chain):
    assert only(chain, chain.receipts("nobody", 0, 3)) == "unknown_service"


@pytest.mark.parametrize("by", ["governance", "owner"])
def test_wrong_key_for_receipts(chain, by):
    assert only(chain, chain.entry(by, e.ReceiptsEntry(KEEPER, 0, 3, bytes(32)))) == "wrong_key"


@pytest.mark.parametrize("role", ["vault", "witness", "issuer"])
def test_only_keepers_give_receipts(chain, role):
    assert only(chain, chain.service("other service", role=role), chain.receipts("other service", 0, 3)) == "wrong_role"


@pytest.mark.parametrize(
    ("time", "code"), [(100, "service_expired"), (101, None), (199, None), (200, "service_expired")]
)
def test_receipts_are_taken_while_the_service_is_valid(chain, time, code):
    chain.close(chain.service("keeper", 1, valid_from=START + 101, valid_until=START + 200))
    assert only(chain, chain.receipts("keeper", 0, 3), time=START + time) == code


@pytest.mark.parametrize(("a", "b"), [(1, 5), (0, 0), (0, 8), (5, 3)])
def test_bad_sequence_of_receipts(chain, a, b):
    """The last checkpoint has size 7."""
    assert only(chain, chain.receipts("keeper", a, b)) == "bad_sequence"


def test_receipts_reach_up_to_the_last_checkpoint(chain):
    assert only(chain, chain.receipts("keeper", 0, 7)) is None


def test_receipts_cannot_be_replayed(chain):
    leaf = chain.receipts("keeper", 0, 5)
    chain.close(leaf)
    assert only(chain, leaf) == "bad_sequence"


# --- a second leaf of the same payload ------------------------------------------------------------------------------


def resigned(name: str, leaf: bytes) -> bytes:
    """The same payload under another valid signature: whoever has the key can choose another nonce."""
    message = cose.parse_sign1(leaf, max_size=4096)
    signed = message.to_be_signed(ORIGIN.encode())
    seed_hash = bytearray(sha512(seed_of(name)).digest()[:32])
    seed_hash[0] &= 248
    seed_hash[31] = seed_hash[31] & 127 | 64
    reduce = sodium.crypto_core_ed25519_scalar_reduce
    secret = reduce(bytes(seed_hash) + bytes(32))
    nonce = reduce(sha512(b"another nonce" + leaf).digest())
    r = sodium.crypto_scalarmult_ed25519_base_noclamp(nonce)
    k = reduce(sha512(r + message.key_id + signed).digest())
    product = sodium.crypto_core_ed25519_scalar_mul(k, secret)
    return leaf[:-64] + r + sodium.crypto_core_ed25519_scalar_add(nonce, product)


def seed_of(name: str) -> bytes:
    return sha256(b"key " + name.encode()).digest()


@pytest.mark.parametrize(
    ("name", "make", "code"),
    [
        ("new", lambda c: c.record("new"), "record_exists"),
        ("owner", lambda c: c.grant("owner", 2), "grant_exists"),
        ("owner", lambda c: c.revoke("owner", 1), "no_change"),
        ("owner", lambda c: c.revoke("owner", up_to=3), "no_change"),
        ("owner", lambda c: c.erase("owner"), "record_erased"),
        ("keeper", lambda c: c.receipts("keeper", 0, 3), "bad_sequence"),
        ("governance", lambda c: c.service("keeper", 1, valid_from=5), "bad_sequence"),
        ("governance", lambda c: c.entry("governance", ledger_body(1, governance=("governance", "b"))), "bad_sequence"),
    ],
)
def test_the_same_payload_under_another_signature_is_admitted_and_refused(chain, name, make, code):
    leaf = make(chain)
    second = resigned(name, leaf)
    assert second != leaf
    assert codes(chain.close(leaf, second)) == [None, code]
    assert only(chain, leaf) == code


def test_an_old_revoke_does_nothing_to_later_grants(chain):
    by_id, up_to = chain.revoke("owner", 1), chain.revoke("owner", up_to=6)
    chain.close(by_id, up_to)
    chain.close(chain.grant("owner", 2))
    assert codes(chain.close(by_id, up_to)) == ["no_change", "no_change"]
    assert live(chain, 2)


# --- heights, times, versions ---------------------------------------------------------------------------------------


def test_bad_time_refuses_every_entry(chain):
    entries = [e.parse_entry(leaf) for leaf in (chain.grant("owner", 2), chain.grant("owner", 3))]
    transition = apply(chain.state, 2, chain.time - 1, entries)
    assert codes(transition.results) == ["bad_time", "bad_time"]
    assert (transition.changes, transition.accepted) == ({}, ())


@pytest.mark.parametrize("late", [-1, 1 << 32])
def test_a_block_of_bad_time_is_not_sealed(chain, late):
    transition = apply(chain.state, 2, chain.time, [])
    with pytest.raises(RefusedError) as caught:
        seal_block(chain.state, 2, chain.time + late, transition)
    assert caught.value.code == "bad_time"


def test_a_block_may_have_the_time_of_the_last(chain):
    assert only(chain, chain.grant("owner", 2), time=chain.time) is None


@pytest.mark.parametrize("height", [0, 1, 3])
def test_heights_are_contiguous(chain, height):
    with pytest.raises(UsageError):
        apply(chain.state, height, chain.time, [])


def test_rules_that_this_program_does_not_know_stop_it_in_the_next_block(chain):
    chain.close(chain.entry("governance", ledger_body(1, rules_version=2)))
    assert chain.blocks[-1].rules_version == 1
    with pytest.raises(UnavailableError) as caught:
        chain.close()
    assert caught.value.code == "unknown_rules"


def test_entry_0_under_unknown_rules_stops_this_program():
    with pytest.raises(UnavailableError):
        genesis(first(rules_version=2))


def test_entry_0_cannot_bring_other_rules_than_those_it_was_read_under():
    assert codes(genesis(first(seq=1), first(rules_version=2)).results) == ["bad_sequence", "malformed"]


def test_a_kind_that_is_in_no_table_is_unknown(chain):
    entry = e.Entry("rotate", (signer("owner").key_id,), e.EraseEntry(OWNER), b"")
    assert codes(apply(chain.state, 2, chain.time, [entry]).results) == ["unknown_kind"]


# --- which code, where several would do -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (
            lambda c: c.entry("stranger", e.GrantEntry(record_of("nobody"), short(1), point(1), point(2))),
            "unknown_record",
        ),
        (lambda c: c.entry("stranger", e.ReceiptsEntry(short("none"), 9, 9, bytes(32))), "unknown_service"),
        (lambda c: c.entry("stranger", service_body("keeper", 7, role="vault")), "wrong_key"),
        (lambda c: c.entry("stranger", ledger_body(7)), "wrong_key"),
        (lambda c: c.service("keeper", 7, role="vault"), "wrong_role"),
        (lambda c: c.entry("stranger", e.ReceiptsEntry(KEEPER, 9, 9, bytes(32))), "wrong_key"),
    ],
)
def test_codes_are_tried_in_the_order_of_the_specification(chain, make, code):
    assert only(chain, make(chain)) == code


def test_a_pause_is_told_before_anything_about_a_record(chain):
    chain.close(chain.entry("governance", ledger_body(1, status=e.PAUSED)))
    assert only(chain, chain.grant("nobody", 1)) == "paused"


def test_an_erasure_is_told_before_a_cut_in_the_future(chain):
    chain.close(chain.erase("owner"))
    assert only(chain, chain.revoke("owner", up_to=1000)) == "record_erased"


def test_an_expired_keeper_is_told_before_its_sequence(chain):
    chain.close(chain.service("keeper", 1, valid_until=START + 1))
    assert only(chain, chain.receipts("keeper", 9, 9)) == "service_expired"
