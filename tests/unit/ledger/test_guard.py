"""The guard moves forward by compare-and-swap, and never back."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from privledger.ledger.guard import Guard, GuardRecord
from privledger.protocol.errors import ConflictError, FormatError, UnavailableError
from tests.support.chain import ORIGIN

ONE = GuardRecord(1, b"\x01" * 32, 10)
TWO = GuardRecord(2, b"\x02" * 32, 20)


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    made = Guard(tmp_path / "guard", origin=ORIGIN)
    made.create(ONE)
    return made


def test_a_guard_reads_back_what_it_was_moved_to(guard: Guard) -> None:
    guard.move(ONE, TWO)
    assert guard.read() == TWO


def test_the_guard_is_for_nobody_else_to_read(guard: Guard, tmp_path: Path) -> None:
    guard.move(ONE, TWO)
    assert stat.S_IMODE((tmp_path / "guard").stat().st_mode) == 0o600


def test_a_guard_that_stands_elsewhere_does_not_move(guard: Guard) -> None:
    with pytest.raises(ConflictError) as caught:
        guard.move(TWO, GuardRecord(3, bytes(32), 30))
    assert caught.value.code == "guard_moved"
    assert guard.read() == ONE


@pytest.mark.parametrize("to", [GuardRecord(1, b"\x01" * 32, 10), GuardRecord(2, b"\x03" * 32, 20)])
def test_a_guard_goes_neither_back_nor_to_another_root(guard: Guard, to: GuardRecord) -> None:
    guard.move(ONE, TWO)
    with pytest.raises(ConflictError) as caught:
        guard.move(TWO, to)
    assert caught.value.code == "guard_back"
    assert guard.read() == TWO


def test_a_second_guard_is_not_made(guard: Guard) -> None:
    with pytest.raises(ConflictError):
        guard.create(TWO)


def test_a_missing_guard_is_told_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        Guard(tmp_path / "guard", origin=ORIGIN).read()
    assert caught.value.code == "guard_missing"
    assert caught.value.hint


def test_the_guard_of_another_ledger_is_refused(guard: Guard, tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        Guard(tmp_path / "guard", origin="other.example/" + "00" * 32).read()


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"version": 2}', b"\xff", b'{"size": 1, "root": "00", "time": 1}']
)
def test_a_damaged_guard_is_refused(guard: Guard, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "guard").write_bytes(data)
    with pytest.raises(FormatError):
        guard.read()
