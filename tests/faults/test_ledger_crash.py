"""A ledger that dies between any two steps comes back with a log that replays, and loses nothing that it acknowledged."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from privledger.ledger import logfiles
from privledger.ledger.ledger import LocalLedger
from privledger.protocol.errors import ConflictError, PrivledgerError, UnavailableError
from privledger.protocol.outcomes import Accepted, Already
from privledger.storage import files
from tests.support.chain import record_of
from tests.support.ledgerdisk import Disk, grant, record, records

BEFORE_THE_GUARD = ["applied", "tiles"]
AFTER_THE_GUARD = ["guard", "signed", "published", "indexed"]


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    made = Disk(tmp_path / "ledger")
    with made.open() as ledger:
        ledger.submit(records("old", 300))
    return made


def _whole(disk: Disk) -> None:
    """The files replay to the checkpoint, and a new process can go on with an index that knows every leaf."""
    replayed = disk.check()
    with disk.open() as ledger:
        assert ledger.submit([record("old0")]) == [Already(3)]
        assert ledger.find(record=record_of("old299")) == [302]
        (outcome,) = ledger.submit([record("afterwards")])
        assert outcome == Accepted(replayed.size)
    again = disk.check()
    assert again.size == replayed.size + 2


# --- a crash after each step ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", BEFORE_THE_GUARD)
def test_a_crash_before_the_guard_moves_leaves_no_trace(disk: Disk, step: str) -> None:
    size = disk.published().size
    disk.crash(step, records("lost", 250))
    assert disk.published().size == size
    with disk.open() as ledger:
        assert ledger.submit([record("lost0")]) == [Accepted(size)]
    _whole(disk)


@pytest.mark.parametrize("step", AFTER_THE_GUARD)
def test_a_crash_after_the_guard_moved_is_finished_by_the_next_process(disk: Disk, step: str) -> None:
    size = disk.published().size
    disk.crash(step, records("kept", 250))
    with disk.open() as ledger:
        assert ledger.submit([record("kept0")]) == [Already(size)]
        assert ledger.find(record=record_of("kept249")) == [size + 249]
    assert disk.published().size == size + 251
    _whole(disk)


@pytest.mark.parametrize("step", [*BEFORE_THE_GUARD, *AFTER_THE_GUARD])
def test_the_same_process_goes_on_after_a_failure(disk: Disk, step: str) -> None:
    steps = {"armed": True}

    def fail_once(name: str) -> None:
        if name == step and steps.pop("armed", False):
            raise UnavailableError("injected")

    with disk.open(fail_once) as ledger:
        with pytest.raises(UnavailableError, match="injected"):
            ledger.submit(records("again", 40))
        outcomes = ledger.submit(records("again", 40))
    kind = Accepted if step in BEFORE_THE_GUARD else Already
    assert {type(outcome) for outcome in outcomes} == {kind}
    _whole(disk)


def test_a_smaller_block_after_a_lost_larger_one_overwrites_its_tiles(disk: Disk) -> None:
    disk.crash("tiles", records("lost", 900))
    with disk.open() as ledger:
        for number in range(4):
            ledger.submit(records(f"new{number} ", 200))
    _whole(disk)


def test_a_crash_of_the_first_block_is_finished_too(tmp_path: Path) -> None:
    made = Disk(tmp_path / "ledger")
    (made.log / "checkpoint").unlink()
    assert made.open().checkpoint() == (made.log / "checkpoint").read_bytes()
    assert made.check().size == 3


# --- the index ------------------------------------------------------------------------------------------------------


def test_a_deleted_index_is_rebuilt(disk: Disk) -> None:
    shutil.rmtree(disk.index.parent)
    _whole(disk)


def test_a_corrupt_index_is_rebuilt(disk: Disk) -> None:
    data = bytearray(disk.index.read_bytes())
    data[100:] = b"\xa5" * (len(data) - 100)
    disk.index.write_bytes(data)
    _whole(disk)


def test_an_older_index_is_replayed_forward(disk: Disk) -> None:
    old = disk.index.read_bytes()
    with disk.open() as ledger:
        ledger.submit([grant("old0", 1)])
    disk.index.write_bytes(old)
    with disk.open() as ledger:
        assert ledger.submit([grant("old0", 1)]) == [Already(304)]
    _whole(disk)


def test_an_index_of_another_history_is_rebuilt(disk: Disk, tmp_path: Path) -> None:
    other = Disk(tmp_path / "other")
    with other.open() as ledger:
        ledger.submit(records("foreign", 20))
    shutil.copy(other.index, disk.index)
    with disk.open() as ledger:
        assert ledger.find(record=record_of("foreign0")) == []
    _whole(disk)


def test_an_index_ahead_of_the_log_is_rebuilt(disk: Disk) -> None:
    copy = disk.path.with_name("copy")
    shutil.copytree(disk.path, copy)
    with disk.open() as ledger:
        ledger.submit([record("ahead")])
    ahead = disk.index.read_bytes()
    shutil.rmtree(disk.path)
    shutil.copytree(copy, disk.path)
    disk.index.write_bytes(ahead)
    with disk.open() as ledger:
        assert ledger.submit([record("ahead")]) == [Accepted(304)]
    _whole(disk)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE item SET value = x'00' WHERE name = (SELECT max(name) FROM item)",
        "DELETE FROM item WHERE name = (SELECT max(name) FROM item)",
        "DELETE FROM entry WHERE position = 5",
        "UPDATE position SET root = zeroblob(32)",
        "UPDATE position SET height = 7",
        "PRAGMA user_version = 99",
    ],
)
def test_an_index_that_was_tampered_with_is_rebuilt(disk: Disk, damage: str) -> None:
    with sqlite3.connect(disk.index) as connection:
        connection.execute(damage)
    connection.close()
    with disk.open() as ledger:
        assert ledger.submit([record("old2")]) == [Already(5)]
    _whole(disk)


# --- guard, checkpoint and backups ----------------------------------------------------------------------------------


def test_a_log_restored_from_a_backup_is_refused(disk: Disk) -> None:
    backup = disk.path.with_name("backup")
    shutil.copytree(disk.log, backup)
    with disk.open() as ledger:
        ledger.submit(records("newer", 300))
    shutil.rmtree(disk.log)
    shutil.copytree(backup, disk.log)
    for _ in range(2):
        with disk.open() as ledger, pytest.raises(UnavailableError) as caught:
            ledger.submit([record("fork")])
        assert caught.value.code == "restored_backup"
        assert caught.value.hint


def test_the_whole_ledger_but_the_guard_restored_from_a_backup_is_refused(disk: Disk) -> None:
    backup, guard = disk.path.with_name("backup"), disk.guard.read_bytes
    shutil.copytree(disk.path, backup)
    with disk.open() as ledger:
        ledger.submit([record("newer")])
    newest = guard()
    shutil.rmtree(disk.path)
    shutil.copytree(backup, disk.path)
    disk.guard.write_bytes(newest)
    with disk.open() as ledger, pytest.raises(UnavailableError) as caught:
        ledger.submit([record("fork")])
    assert caught.value.code == "restored_backup"


def test_a_guard_restored_from_a_backup_moves_on_to_what_our_keys_signed(disk: Disk) -> None:
    old = disk.guard.read_bytes()
    with disk.open() as ledger:
        ledger.submit([record("newer")])
    newest = disk.guard.read_bytes()
    disk.guard.write_bytes(old)
    with disk.open() as ledger:
        assert ledger.submit([record("newer")]) == [Already(304)]
    assert disk.guard.read_bytes() == newest
    _whole(disk)


def test_two_checkpoints_of_one_size_are_told_as_a_fork(disk: Disk) -> None:
    guard = disk.guard.read_text()
    disk.guard.write_text(guard.replace(disk.published().root.hex(), "ab" * 32))
    with disk.open() as ledger, pytest.raises(ConflictError) as caught:
        ledger.submit([record("fork")])
    assert caught.value.code == "forked"


def test_a_missing_guard_stops_the_ledger(disk: Disk) -> None:
    disk.guard.unlink()
    with disk.open() as ledger, pytest.raises(UnavailableError) as caught:
        ledger.submit([record("r")])
    assert caught.value.code == "guard_missing"


def test_a_damaged_checkpoint_is_signed_again(disk: Disk) -> None:
    size = disk.published().size
    (disk.log / "checkpoint").write_bytes(b"damaged")
    with disk.open() as ledger:
        ledger.checkpoint()
    assert disk.published().size == size
    _whole(disk)


def test_a_damaged_newest_tile_stops_the_ledger(disk: Disk) -> None:
    (tile,) = (disk.log / "tile/0/001.p").iterdir()
    tile.write_bytes(bytes(len(tile.read_bytes())))
    with disk.open() as ledger, pytest.raises(UnavailableError) as caught:
        ledger.submit([record("r")])
    assert caught.value.code == "restored_backup"


# --- a system that refuses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", range(1, 8))
def test_a_full_disk_acknowledges_nothing_and_shows_nothing(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    before, size = (disk.log / "checkpoint").read_bytes(), disk.published().size
    real, calls = os.write, {"left": call}

    def write(descriptor: int, data: bytes) -> int:
        calls["left"] -= 1
        if calls["left"] <= 0:
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    with disk.open() as ledger:
        ledger.checkpoint()
        monkeypatch.setattr(os, "write", write)
        with pytest.raises(UnavailableError) as caught:
            ledger.submit(records("full", 250))
        assert caught.value.code == "disk_full"
        assert (disk.log / "checkpoint").read_bytes() == before
        monkeypatch.undo()
        assert not list(disk.path.rglob(f"{files.TEMPORARY_PREFIX}*"))
        outcomes = ledger.submit(records("full", 250))
    assert outcomes[0] in (Accepted(size), Already(size))
    _whole(disk)


def test_a_log_that_may_not_be_written_acknowledges_nothing(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with disk.open() as ledger:
        monkeypatch.setattr(logfiles, "_write", refuse)
        with pytest.raises(UnavailableError) as caught:
            ledger.submit([record("r")])
        assert caught.value.code == "permission"
    monkeypatch.undo()
    _whole(disk)


def test_an_index_that_cannot_be_written_does_not_take_an_answer_back(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from privledger.storage.statestore import StateStore

    def refuse(*_: object) -> None:
        raise UnavailableError("the disk is full", code="disk_full")

    with disk.open() as ledger:
        monkeypatch.setattr(StateStore, "commit", refuse)
        assert ledger.submit([record("r")]) == [Accepted(304)]
        assert ledger.find(record=record_of("r")) == [304]
        monkeypatch.undo()
        assert ledger.submit([record("r")]) == [Already(304)]
    _whole(disk)


# --- other processes ------------------------------------------------------------------------------------------------

_CHILD = """
import sys
from pathlib import Path
from tests.support.ledgerdisk import Clock, open_disk, record
with open_disk(Path(sys.argv[1]), Clock()) as ledger:
    for number in range(int(sys.argv[3])):
        outcome, = ledger.submit([record(f"{sys.argv[2]} {number}")])
        print(number, outcome.index, flush=True)
"""


def _child(disk: Disk, name: str, count: int) -> subprocess.Popen[str]:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "crypto")])}
    return subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(disk.path), name, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_two_processes_take_turns_on_one_ledger(disk: Disk) -> None:
    children = [_child(disk, name, 25) for name in ("a", "b")]
    answers = [child.communicate(timeout=60)[0].split("\n")[:-1] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    indices = [int(line.split()[1]) for lines in answers for line in lines]
    assert len(set(indices)) == 50
    with disk.open() as ledger:
        assert ledger.submit([record("a 24"), record("b 24")]) == [Already(indices[24]), Already(indices[49])]
    _whole(disk)


def test_a_reader_sees_what_another_process_published(disk: Disk) -> None:
    with disk.open() as reader, disk.open() as writer:
        reader.checkpoint()
        writer.submit([record("r")])
        writer.submit([grant("r", 1)])
        assert reader.checkpoint() == writer.checkpoint()
        assert reader.find(record=record_of("r")) == [304, 306]
        assert reader.submit([grant("r", 1)]) == [Already(306)]
        assert writer.submit([grant("r", 2)]) == [Accepted(308)]
    _whole(disk)


def test_a_lock_held_too_long_is_told_with_a_way_out(disk: Disk) -> None:
    from privledger.storage.lock import ProcessLock

    held = ProcessLock(disk.path / "ledger" / "lock", wait=0)
    with disk.open(lock_wait=0.05) as ledger, held, pytest.raises(UnavailableError) as caught:
        ledger.submit([record("r")])
    assert caught.value.code == "locked"


def test_a_killed_process_loses_nothing_that_it_acknowledged(disk: Disk) -> None:
    chance = random.Random(7)
    for round_ in range(4):
        child = _child(disk, f"round {round_}", 10_000)
        stdout = child.stdout
        assert stdout is not None
        first = stdout.readline()
        time.sleep(chance.uniform(0.02, 0.25))
        child.send_signal(signal.SIGKILL)
        lines = [first, *stdout.readlines()]
        child.wait()
        stdout.close()
        answers = [line.split() for line in lines if line.endswith("\n")]
        with disk.open() as ledger:
            leaves = ledger.leaves(0, disk.published().size)
            for number, index in answers:
                assert leaves[int(index)] == record(f"round {round_} {number}")
    _whole(disk)


def test_every_error_of_a_broken_ledger_is_typed(disk: Disk) -> None:
    def asks(ledger: LocalLedger) -> list[object]:
        return [
            lambda: ledger.checkpoint(),
            lambda: ledger.fresh(),
            lambda: ledger.state([b"\x00"]),
            lambda: ledger.find(record=bytes(16)),
            lambda: ledger.leaves(0, 1),
        ]

    shutil.rmtree(disk.log / "tile")
    with disk.open() as ledger:
        for ask in asks(ledger):
            with pytest.raises(PrivledgerError):
                ask()  # type: ignore[operator]
