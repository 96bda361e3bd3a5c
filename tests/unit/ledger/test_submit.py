"""The port of a local ledger: what it answers, and that what it answers can be checked."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from privledger.ledger import admission
from privledger.protocol.entries import LedgerEntry, Limits, is_block
from privledger.protocol.errors import UnavailableError, UsageError
from privledger.protocol.light import verify_state_answer
from privledger.protocol.outcomes import Accepted, Already, Refused
from privledger.protocol.state import META_KEY, record_key
from privledger_crypto.merkle import leaf_hash, root_of, verify_consistency, verify_inclusion
from tests.support.chain import ORIGIN, ledger_body, log_signer, record_of, service_body, signer
from tests.support.ledgerdisk import Disk, entry, erase, grant, record, records


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "ledger")


def test_block_0_holds_the_ledger_entry_and_the_services(disk: Disk) -> None:
    replayed = disk.check()
    assert replayed.size == 3
    assert replayed.state.service(service_body("keeper").service) is not None


def test_accepted_entries_stand_at_the_answered_indices(disk: Disk) -> None:
    leaves = records("r", 4)
    with disk.open() as ledger:
        outcomes = ledger.submit(leaves)
        assert outcomes == [Accepted(3), Accepted(4), Accepted(5), Accepted(6)]
        assert ledger.leaves(3, 7) == leaves
        assert is_block(ledger.leaves(7, 8)[0])


def test_an_accepted_entry_is_covered_by_the_checkpoint_on_disk(disk: Disk) -> None:
    with disk.open() as ledger:
        ledger.submit(records("r", 4))
        assert disk.published().size == 8
    disk.check()


def test_the_same_bytes_again_are_answered_with_their_index(disk: Disk) -> None:
    leaves = records("r", 2)
    with disk.open() as ledger:
        ledger.submit(leaves)
        assert ledger.submit([leaves[1], record("new")]) == [Already(4), Accepted(6)]
    with disk.open() as ledger:
        assert ledger.submit(leaves) == [Already(3), Already(4)]


def test_the_same_bytes_twice_in_one_submission_make_one_leaf(disk: Disk) -> None:
    with disk.open() as ledger:
        assert ledger.submit([record("r"), record("r")]) == [Accepted(3), Already(3)]


def test_the_same_bytes_in_two_blocks_of_one_submission_make_one_leaf(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "BLOCK_ENTRIES", 2)
    leaves = records("r", 3)
    with disk.open() as ledger:
        outcomes = ledger.submit([*leaves, leaves[0]])
    assert outcomes == [Accepted(3), Accepted(4), Accepted(6), Already(3)]


def test_a_refused_entry_leaves_no_leaf_and_no_block(disk: Disk) -> None:
    with disk.open() as ledger:
        (outcome,) = ledger.submit([grant("nobody", 1)])
        assert isinstance(outcome, Refused)
        assert outcome.code == "unknown_record"
        assert disk.published().size == 3


def test_admission_refuses_with_the_stable_codes(disk: Disk) -> None:
    forged = record("r")[:-1] + bytes([record("r")[-1] ^ 1])
    block = disk.leaves_on_disk(3)[2]
    with disk.open() as ledger:
        outcomes = ledger.submit([b"", forged, block, record("good")])
    assert [o.code for o in outcomes if isinstance(o, Refused)] == ["malformed", "bad_signature", "unknown_kind"]
    assert outcomes[3] == Accepted(3)


def test_nothing_submitted_closes_no_block(disk: Disk) -> None:
    with disk.open() as ledger:
        assert ledger.submit([]) == []
        assert disk.published().size == 3


def test_a_large_submission_makes_several_blocks(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "BLOCK_ENTRIES", 100)
    with disk.open() as ledger:
        outcomes = ledger.submit(records("r", 950))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    replayed = disk.check()
    assert replayed.size == 3 + 950 + 10


def test_workers_give_the_same_answers(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "BLOCK_ENTRIES", 20)
    leaves = records("r", 50)
    leaves[30] = leaves[30][:-1] + bytes([leaves[30][-1] ^ 1])
    with disk.open(pool_threshold=1) as ledger:
        outcomes = ledger.submit(leaves)
    assert [place for place, outcome in enumerate(outcomes) if isinstance(outcome, Refused)] == [30]
    assert disk.check().size == 3 + 49 + 3


def test_admission_goes_on_without_workers_that_cannot_start(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no processes")

    monkeypatch.setattr(admission, "ProcessPoolExecutor", refuse)
    with disk.open(pool_threshold=1) as ledger:
        assert ledger.submit(records("r", 3)) == [Accepted(3), Accepted(4), Accepted(5)]


def test_a_state_answer_proves_presence_and_absence(disk: Disk) -> None:
    with disk.open() as ledger:
        ledger.submit([record("r")])
        keys = [META_KEY, record_key(record_of("r")), record_key(record_of("other")), META_KEY]
        verified = verify_state_answer(ledger.state(keys), disk.trust(), now=disk.clock.now)
    assert verified.values[record_key(record_of("r"))] is not None
    assert verified.values[record_key(record_of("other"))] is None


def test_proofs_of_the_port_verify_at_every_pair_of_sizes(disk: Disk) -> None:
    with disk.open() as ledger:
        for number in range(4):
            ledger.submit(records(f"block {number} ", 90))
        size = disk.published().size
        hashes = [leaf_hash(leaf) for leaf in ledger.leaves(0, size)]
        root = root_of(hashes)
        for old in range(1, size, 37):
            verify_consistency(old, root_of(hashes[:old]), size, root, ledger.consistency(old, size))
            verify_inclusion(hashes[old], old, size, ledger.inclusion(old, size), root)
            verify_inclusion(hashes[old - 1], old - 1, old, ledger.inclusion(old - 1, old), root_of(hashes[:old]))


def test_what_lies_beyond_the_published_log_is_no_answer(disk: Disk) -> None:
    with disk.open() as ledger:
        for ask in (lambda: ledger.leaves(0, 4), lambda: ledger.inclusion(0, 4), lambda: ledger.consistency(3, 4)):
            with pytest.raises(UsageError):
                ask()


@pytest.mark.parametrize("path", ["", "checkpoint", "../guard", "tile/0/../../guard", "tile/0/1", "tile/0/000.p/0"])
def test_only_resources_of_the_log_are_served(disk: Disk, path: str) -> None:
    with disk.open() as ledger, pytest.raises(UnavailableError) as caught:
        ledger.resource(path)
    assert caught.value.code == "not_found"


def test_find_lists_all_entries_that_name_a_record(disk: Disk) -> None:
    with disk.open() as ledger:
        ledger.submit([record("r"), record("other")])
        ledger.submit([grant("r", 1), grant("other", 1)])
        ledger.submit([erase("r")])
        assert ledger.find(record=record_of("r")) == [3, 6, 9]
        assert ledger.find(record=record_of("nobody")) == []


def test_a_fresh_checkpoint_is_not_made_anew_within_half_of_f(disk: Disk) -> None:
    with disk.open() as ledger:
        before = ledger.checkpoint()
        disk.clock.now += Limits().freshness // 2
        assert ledger.fresh() == before


def test_a_fresh_checkpoint_closes_an_empty_block_after_half_of_f(disk: Disk) -> None:
    with disk.open() as ledger:
        disk.clock.now += Limits().freshness // 2 + 1
        ledger.fresh()
    checkpoint = disk.published()
    assert (checkpoint.size, checkpoint.time) == (4, disk.clock.now)
    disk.check()


def test_a_clock_a_little_behind_repeats_the_last_time(disk: Disk) -> None:
    before = disk.published().time
    disk.clock.now -= Limits().freshness
    with disk.open() as ledger:
        ledger.submit([record("r")])
    assert disk.published().time == before


def test_a_clock_a_little_behind_makes_no_block_to_be_fresh(disk: Disk) -> None:
    disk.clock.now -= Limits().freshness
    with disk.open() as ledger:
        ledger.fresh()
    assert disk.published().size == 3


def test_a_clock_more_than_f_behind_closes_no_block(disk: Disk) -> None:
    disk.clock.now -= Limits().freshness + 1
    with disk.open() as ledger:
        with pytest.raises(UnavailableError) as caught:
            ledger.submit([record("r")])
        assert caught.value.code == "clock_back"
        disk.clock.now += Limits().freshness + 1
        assert ledger.submit([record("r")]) == [Accepted(3)]


def test_threads_share_one_ledger(disk: Disk) -> None:
    with disk.open() as ledger:
        threads = [
            threading.Thread(target=lambda number=number: [ledger.submit([record(f"{number}-{i}")]) for i in range(5)])
            for number in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert disk.check().size == 3 + 4 * 5 * 2


def test_new_log_keys_need_their_secrets(disk: Disk) -> None:
    change = entry("governance", ledger_body(1, logs=("log", "log 2")))
    with disk.open() as ledger, pytest.raises(UnavailableError) as caught:
        ledger.submit([change])
    assert caught.value.code == "log_key_missing"
    assert disk.published().size == 3


def test_a_block_that_changes_log_keys_is_signed_by_old_and_new(disk: Disk) -> None:
    change = entry("governance", ledger_body(1, logs=("log 2",)))
    with disk.open(signers=[log_signer(), log_signer("log 2")]) as ledger:
        ledger.submit([change])
        assert ledger.checkpoint().count("—".encode()) == 4
        ledger.submit([record("r")])
        assert ledger.checkpoint().count("—".encode()) == 2


def test_a_paused_ledger_still_answers_and_closes_blocks(disk: Disk) -> None:
    with disk.open() as ledger:
        ledger.submit([entry("governance", ledger_body(1, status=1))])
        (outcome,) = ledger.submit([record("r")])
        assert isinstance(outcome, Refused)
        assert outcome.code == "paused"


def test_the_settings_of_the_ledger_entry_name_its_origin(disk: Disk) -> None:
    settings = disk.check().state.settings
    assert isinstance(settings, LedgerEntry)
    assert settings.origin == ORIGIN
    assert settings.governance == (signer("governance").key_id,)
