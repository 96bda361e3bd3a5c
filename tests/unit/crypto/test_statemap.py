"""The state map: the fast one agrees with the slow one, and its proofs show what is so and nothing else."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privledger_crypto import statemap
from privledger_crypto.errors import FormatError, ParameterError, VerificationError
from privledger_crypto.statemap import EMPTY, MapProof, SparseMap, verify_absence, verify_existence
from tests.support import ics23, sparse_reference

KEYS = st.integers(0, 40).map(lambda number: b"key %d" % number)
VALUES = st.binary(min_size=1, max_size=3)
BATCHES = st.lists(st.dictionaries(KEYS, st.none() | VALUES, max_size=12), max_size=6)
PAIRS = {b"key %d" % number: b"value %d" % number for number in range(60)}
STATE = SparseMap.from_items(PAIRS.items())
ABSENT = [b"absent %d" % number for number in range(40)]


def near_keys(bits: int) -> tuple[bytes, bytes]:
    """Two keys whose hashes share at least `bits` leading bits."""
    seen: dict[int, bytes] = {}
    for number in range(1 << 20):
        key = b"near %d" % number
        prefix = int.from_bytes(sha256(key).digest(), "big") >> (256 - bits)
        if prefix in seen:
            return seen[prefix], key
        seen[prefix] = key
    raise LookupError(bits)


def absence_ending_at(*, other: bool) -> tuple[bytes, MapProof]:
    """An absent key of STATE whose path ends at another key's leaf, or at an empty subtree."""
    for key in ABSENT:
        proof = STATE.prove(key)
        if (proof.other_leaf is not None) == other:
            return key, proof
    raise LookupError(other)


def check_against_reference(state: SparseMap, pairs: dict[bytes, bytes]) -> None:
    assert state.root == sparse_reference.root_at(pairs)
    assert (len(state), dict(state.items())) == (len(pairs), pairs)


@given(BATCHES)
@settings(max_examples=60)
def test_any_batches_lead_to_the_root_of_the_definition(batches: list[dict[bytes, bytes | None]]) -> None:
    state, pairs = SparseMap(), dict[bytes, bytes]()
    for batch in batches:
        assert state.update(batch) == state.root
        pairs = {key: value for key, value in {**pairs, **batch}.items() if value is not None}
        check_against_reference(state, pairs)


@given(st.dictionaries(KEYS, VALUES, max_size=25))
@settings(max_examples=40)
def test_the_way_there_does_not_show_in_the_root(pairs: dict[bytes, bytes]) -> None:
    one_by_one = SparseMap()
    for key in sorted(pairs, reverse=True):
        one_by_one.update({key: pairs[key]})
    assert SparseMap.from_items(pairs.items()).root == one_by_one.root == sparse_reference.root_at(pairs)


@given(st.dictionaries(KEYS, VALUES, max_size=25), KEYS)
@settings(max_examples=60)
def test_every_proof_is_that_of_the_definition_and_verifies(pairs: dict[bytes, bytes], key: bytes) -> None:
    state = SparseMap.from_items(pairs.items())
    proof = state.prove(key)
    assert proof.siblings == sparse_reference.siblings_of(pairs, key)
    if key in pairs:
        verify_existence(state.root, key, pairs[key], proof)
    else:
        verify_absence(state.root, key, proof)


def test_growing_one_key_at_a_time_and_shrinking_again_keeps_the_root_right() -> None:
    state, pairs = SparseMap(), {}
    for number in range(150):
        key = b"%d" % number
        pairs[key] = key
        state.update({key: key})
        if number % 25 == 0:
            check_against_reference(state, pairs)
    for number in range(149):
        key = b"%d" % number
        del pairs[key]
        state.update({key: None})
        if number % 25 == 0 or number > 144:
            check_against_reference(state, pairs)


def test_one_batch_can_grow_the_table_by_many_levels() -> None:
    state = SparseMap()
    state.update({b"first": b"1"})
    state.update({**PAIRS})
    check_against_reference(state, {b"first": b"1", **PAIRS})


def test_a_large_map_built_in_bulk_equals_one_built_in_batches() -> None:
    pairs = [(sha256(b"%d" % number).digest(), b"%d" % number) for number in range(5000)]
    state = SparseMap()
    for start in range(0, 5000, 700):
        state.update(dict(pairs[start : start + 700]))
    assert state.root == SparseMap.from_items(pairs).root


def test_the_root_of_the_empty_map_is_32_zero_bytes() -> None:
    state = SparseMap()
    assert state.root == EMPTY == bytes(32)
    verify_absence(state.root, b"anything", state.prove(b"anything"))


def test_the_root_of_one_pair_is_its_leaf() -> None:
    state = SparseMap.from_items([(b"k", b"v")])
    expected = sha256(b"\x00" + sha256(b"k").digest() + sha256(b"v").digest()).digest()
    assert (state.root, state.prove(b"k")) == (expected, MapProof(()))


def test_removing_everything_leaves_the_empty_map() -> None:
    state = SparseMap.from_items(PAIRS.items())
    assert state.update(dict.fromkeys(PAIRS)) == EMPTY
    assert len(state) == 0


def test_paths_that_part_late_have_empty_siblings() -> None:
    first, second = near_keys(24)
    state = SparseMap.from_items([(first, b"1"), (second, b"2")])
    proof = state.prove(first)
    assert proof.siblings[:24] == (EMPTY,) * 24
    verify_existence(state.root, first, b"1", proof)
    check_against_reference(state, {first: b"1", second: b"2"})


def test_get_knows_what_was_set() -> None:
    state = SparseMap.from_items([(b"a", b"1"), (b"a", b"2")])
    assert (state.get(b"a"), state.get(b"b")) == (b"2", None)


def test_repr_says_how_many_keys_and_which_root() -> None:
    assert repr(SparseMap()) == f"SparseMap(0 keys, root={'00' * 32})"


@pytest.mark.parametrize("changes", [{b"a": b"9", b"": b"1"}, {b"a": b"9", b"b": b""}])
def test_empty_keys_and_values_are_refused_before_anything_changes(changes: dict[bytes, bytes | None]) -> None:
    state = SparseMap.from_items([(b"a", b"1")])
    before = state.root
    with pytest.raises(ParameterError):
        state.update(changes)
    assert (state.root, state.get(b"a")) == (before, b"1")


@pytest.mark.parametrize("key", list(PAIRS)[:10])
def test_a_present_key_is_not_absent(key: bytes) -> None:
    proof = STATE.prove(key)
    own = (sha256(key).digest(), sha256(PAIRS[key]).digest())
    for claim in (proof, MapProof(proof.siblings, own)):
        with pytest.raises(VerificationError):
            verify_absence(STATE.root, key, claim)


@pytest.mark.parametrize("key", ABSENT[:10])
def test_an_absent_key_is_not_present(key: bytes) -> None:
    proof = STATE.prove(key)
    with pytest.raises(VerificationError):
        verify_existence(STATE.root, key, b"value", MapProof(proof.siblings))


def test_another_value_is_not_present() -> None:
    with pytest.raises(VerificationError, match="another root"):
        verify_existence(STATE.root, b"key 1", b"value 2", STATE.prove(b"key 1"))


def test_a_proof_of_presence_names_no_other_leaf() -> None:
    proof = MapProof(STATE.prove(b"key 1").siblings, (bytes(32), bytes(32)))
    with pytest.raises(VerificationError, match="does not name another leaf"):
        verify_existence(STATE.root, b"key 1", b"value 1", proof)


@pytest.mark.parametrize("other", [True, False], ids=["ends at a leaf", "ends at nothing"])
def test_absence_holds_under_its_root_only(other: bool) -> None:
    key, proof = absence_ending_at(other=other)
    verify_absence(STATE.root, key, proof)
    with pytest.raises(VerificationError, match="another root"):
        verify_absence(bytes(31) + b"\x01", key, proof)


def test_a_leaf_off_the_path_does_not_show_absence() -> None:
    """The proof of another key's place says nothing about this one: the Dragonberry kind of forgery."""
    key, proof = absence_ending_at(other=True)
    flipped = next(k for k in ABSENT if sparse_reference.bits(k)[0] != sparse_reference.bits(key)[0])
    with pytest.raises(VerificationError, match="not on the key's path"):
        verify_absence(STATE.root, flipped, proof)


def test_an_inner_node_is_no_leaf() -> None:
    """A proof that stops at an inner node, given as a leaf's two hashes, does not hold: the prefixes differ."""
    first, second = near_keys(8)
    state = SparseMap.from_items([(first, b"1"), (second, b"2")])
    children = (sparse_reference.leaf(first, b"1"), sparse_reference.leaf(second, b"2"))
    with pytest.raises(VerificationError):
        verify_absence(state.root, b"key", MapProof((), (children[0], children[1])))


def test_a_path_longer_than_the_compact_tree_allows_is_refused() -> None:
    """A tree that is not compact could hang a leaf further down, beside nothing."""
    key_hash, value_hash = sha256(b"k").digest(), sha256(b"v").digest()
    leaf = sha256(b"\x00" + key_hash + value_hash).digest()
    pair = EMPTY + leaf if sparse_reference.bits(b"k")[0] == "1" else leaf + EMPTY
    root = sha256(b"\x01" + pair).digest()
    with pytest.raises(VerificationError, match="compact"):
        verify_existence(root, b"k", b"v", MapProof((EMPTY,)))


@given(st.integers(0, 59), st.data())
@settings(max_examples=40)
def test_no_bit_of_a_proof_can_be_changed(number: int, data: st.DataObject) -> None:
    key = b"key %d" % number
    siblings = list(STATE.prove(key).siblings)
    at, bit = data.draw(st.integers(0, len(siblings) - 1)), data.draw(st.integers(0, 255))
    siblings[at] = (int.from_bytes(siblings[at], "big") ^ 1 << bit).to_bytes(32, "big")
    with pytest.raises(VerificationError):
        verify_existence(STATE.root, key, PAIRS[key], MapProof(tuple(siblings)))


@pytest.mark.parametrize("key", [b"key 3", absence_ending_at(other=True)[0], absence_ending_at(other=False)[0]])
def test_a_proof_survives_its_encoding(key: bytes) -> None:
    proof = STATE.prove(key)
    assert MapProof.parse_cbor_value(proof.to_cbor_value()) == proof


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        [[], [], []],
        [b"", []],
        [["text"], []],
        [[bytes(31)], []],
        [[], [bytes(32)]],
        [[], [bytes(32), bytes(33)]],
        [[bytes(32)] * 257, []],
        ([], []),
    ],
)
def test_a_value_of_another_shape_is_malformed(value: object) -> None:
    with pytest.raises(FormatError):
        MapProof.parse_cbor_value(value)


def test_a_leaf_is_a_pair() -> None:
    with pytest.raises(FormatError):
        MapProof((), (bytes(32),))  # type: ignore[arg-type]


def ics23_existence(state: SparseMap, key: bytes) -> ics23.Existence:
    """The map's proof in ICS-23's form."""
    bits, path = sparse_reference.bits(key), []
    for depth, sibling in enumerate(state.prove(key).siblings):
        right = bits[depth] == "1"
        path.append(ics23.InnerOp(1, b"\x01" + sibling if right else b"\x01", b"" if right else sibling))
    value = state.get(key)
    assert value is not None
    return ics23.Existence(key, value, ics23.SMT_SPEC.leaf_spec, tuple(reversed(path)))


@pytest.mark.parametrize("key", list(PAIRS)[:5])
def test_an_ics23_verifier_accepts_what_is_present(key: bytes) -> None:
    ics23.verify_existence(ics23_existence(STATE, key), ics23.SMT_SPEC, STATE.root, key, PAIRS[key])


@pytest.mark.parametrize("key", ABSENT)
def test_an_ics23_verifier_accepts_the_neighbours_of_what_is_absent(key: bytes) -> None:
    place = sha256(key).digest()
    ordered = sorted(PAIRS, key=lambda present: sha256(present).digest())
    before = [present for present in ordered if sha256(present).digest() < place]
    after = [present for present in ordered if sha256(present).digest() > place]
    left = ics23_existence(STATE, before[-1]) if before else None
    right = ics23_existence(STATE, after[0]) if after else None
    ics23.verify_absence(left, right, ics23.SMT_SPEC, STATE.root, key)


def test_the_table_grows_with_the_map() -> None:
    state = SparseMap()
    state.update({**PAIRS})
    assert len(state._buckets) * statemap._FANOUT >= len(PAIRS)
