"""Durable files: whole or not at all, and nothing left behind."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from privledger.protocol.errors import ConflictError, FormatError, UnavailableError
from privledger.storage import files
from privledger.storage.lock import ProcessLock


def test_a_write_replaces_the_whole_file(tmp_path: Path):
    path = tmp_path / "file"
    files.write_atomic(path, b"long content")
    files.write_atomic(path, b"short")
    assert path.read_bytes() == b"short"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [files.PRIVATE, files.PUBLIC])
def test_a_file_has_the_mode_that_was_asked_for(tmp_path: Path, mode: int):
    files.write_atomic(tmp_path / "file", b"x", mode=mode)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "disk_full"), (errno.EACCES, "permission"), (errno.EIO, "io")]
)
def test_a_failed_write_is_typed_and_leaves_the_old_file(tmp_path: Path, monkeypatch, number: int, code: str):
    path = tmp_path / "file"
    files.write_atomic(path, b"old")

    def fail(*_args: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(UnavailableError) as caught:
        files.write_atomic(path, b"new")
    monkeypatch.undo()
    assert caught.value.code == code
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_exclusive_file_is_not_overwritten(tmp_path: Path):
    files.create_exclusive(tmp_path / "file", b"first")
    with pytest.raises(ConflictError):
        files.create_exclusive(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_missing_file_is_not_found(tmp_path: Path):
    with pytest.raises(UnavailableError) as caught:
        files.read_bytes(tmp_path / "file", max_size=10)
    assert caught.value.code == "not_found"


def test_a_file_over_its_limit_is_refused(tmp_path: Path):
    (tmp_path / "file").write_bytes(bytes(11))
    with pytest.raises(FormatError):
        files.read_bytes(tmp_path / "file", max_size=10)


def test_a_destroyed_file_is_zeros_for_whoever_held_it_open(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"secret" * 1000)
    with path.open("rb") as held:
        files.destroy(path)
        assert held.read() == bytes(6000)
    assert not path.exists()


def test_destroying_what_is_gone_is_no_error(tmp_path: Path):
    files.destroy(tmp_path / "file")


def test_temporary_files_of_a_crash_are_swept(tmp_path: Path):
    files.temporary_path(tmp_path).write_bytes(b"half")
    (tmp_path / "file").write_bytes(b"whole")
    assert files.sweep_temporary(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_directories_are_made_with_their_parents(tmp_path: Path):
    files.make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_lock_may_be_taken_again_by_its_holder(tmp_path: Path):
    lock = ProcessLock(tmp_path / "lock", wait=0.1)
    with lock, lock:
        pass
    with ProcessLock(tmp_path / "lock", wait=0.1):
        pass


def test_a_lock_held_elsewhere_gives_a_typed_error_after_waiting(tmp_path: Path):
    with (
        ProcessLock(tmp_path / "lock", wait=0.1),
        pytest.raises(UnavailableError) as caught,
        ProcessLock(tmp_path / "lock", wait=0.05),
    ):
        pass
    assert caught.value.code == "locked"
    assert "0.05 seconds" in str(caught.value)
