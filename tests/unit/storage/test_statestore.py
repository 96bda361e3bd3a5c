"""The index of a log stands at one checkpoint, gives back what it was given, and tells when it is damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from privledger.protocol.errors import UnavailableError
from privledger.storage.statestore import BlockRow, Position, StateStore, StoreCorruptError, remove_store
from tests.support.chain import ORIGIN


def _row(height: int, *, entries: int = 2, mentions: tuple[tuple[bytes, int], ...] = ()) -> BlockRow:
    size = (height + 1) * (entries + 1)
    digests = [(b"%d %d" % (height, i), size - 1 - entries + i) for i in range(entries)]
    items = [(b"\x00", b"meta %d" % height), (b"key %d" % height, b"value")]
    return BlockRow(Position(size, bytes(32), height, 100 + height, b"note %d" % height), digests, mentions, items)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    opened = StateStore(tmp_path / "index.sqlite", origin=ORIGIN)
    yield opened
    opened.close()


def test_a_new_index_is_empty(store: StateStore) -> None:
    assert (store.position(), store.items(), store.leaf_count()) == (None, [], 0)


def test_an_index_gives_back_what_its_blocks_said(store: StateStore) -> None:
    store.commit([_row(0, mentions=((b"r", 1), (b"r", 0))), _row(1, mentions=((b"r", 4), (b"s", 3)))])
    assert store.position() == _row(1).position
    assert dict(store.items()) == {b"\x00": b"meta 1", b"key 0": b"value", b"key 1": b"value"}
    assert store.leaf_count() == 6
    assert store.mentions(b"r") == [0, 1, 4]
    assert store.lookup([b"0 0", b"1 1", b"absent"]) == {b"0 0": 0, b"1 1": 4}


def test_many_digests_are_looked_up_at_once(store: StateStore) -> None:
    store.commit([_row(0, entries=2500)])
    assert len(store.lookup([b"0 %d" % i for i in range(3000)])) == 2500


def test_blocks_are_committed_together_or_not_at_all(store: StateStore) -> None:
    store.commit([_row(0)])
    bad = BlockRow(_row(1).position, [(b"digest", None)], [], [])  # type: ignore[list-item]
    with pytest.raises((UnavailableError, StoreCorruptError)):
        store.commit([_row(1), bad])
    assert store.position() == _row(0).position
    assert store.leaf_count() == 3


def test_an_index_stands_where_it_stood_when_it_is_opened_again(tmp_path: Path) -> None:
    first = StateStore(tmp_path / "index.sqlite", origin=ORIGIN)
    first.commit([_row(0)])
    first.close()
    second = StateStore(tmp_path / "index.sqlite", origin=ORIGIN)
    assert second.position() == _row(0).position
    second.close()


def test_every_commit_is_synced_to_the_disk(store: StateStore) -> None:
    with store._read() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_the_index_of_another_ledger_is_told(tmp_path: Path) -> None:
    first = StateStore(tmp_path / "index.sqlite", origin=ORIGIN)
    first.commit([_row(0)])
    first.close()
    with pytest.raises(StoreCorruptError):
        StateStore(tmp_path / "index.sqlite", origin="other/" + "00" * 32)


@pytest.mark.parametrize("data", [b"not a database" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_what_is_no_database_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "index.sqlite").write_bytes(data)
    with pytest.raises(StoreCorruptError):
        StateStore(tmp_path / "index.sqlite", origin=ORIGIN)


def test_an_index_of_another_version_is_told(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "index.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreCorruptError):
        StateStore(tmp_path / "index.sqlite", origin=ORIGIN)


def test_an_index_where_nothing_can_be_written_is_unavailable_and_not_damaged(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        StateStore(tmp_path / "no such directory" / "index.sqlite", origin=ORIGIN)
    assert not isinstance(caught.value, StoreCorruptError)


def test_a_removed_index_is_gone_with_its_side_files(tmp_path: Path) -> None:
    opened = StateStore(tmp_path / "index.sqlite", origin=ORIGIN)
    opened.commit([_row(0)])
    remove_store(tmp_path / "index.sqlite")
    opened.close()
    remove_store(tmp_path / "index.sqlite")
    assert not list(tmp_path.glob("index.sqlite*"))
