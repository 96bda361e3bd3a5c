"""What a command reads and writes: whole or not at all, and never the same file."""

from __future__ import annotations

import io
import os
import stat
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from privledger.cli.files import Target, open_input, read_input
from privledger.protocol.errors import ConflictError, FormatError, UnavailableError, UsageError


def _fail_half_way(out: str, error: type[BaseException]) -> None:
    def run() -> None:
        with Target(out, force=True).open() as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        run()


def test_an_output_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with Target(str(path)).open() as file:
        file.write(b"data")
        assert not path.exists()
    assert path.read_bytes() == b"data"


def test_a_failed_run_leaves_no_file(tmp_path: Path) -> None:
    _fail_half_way(str(tmp_path / "out"), ValueError)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_run_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"before")
    _fail_half_way(str(path), KeyboardInterrupt)
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"before"]


def test_a_private_output_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    Target(str(tmp_path / "out"), private=True).write(b"data")
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600


def test_an_output_that_is_an_input_is_refused_through_a_link_too(tmp_path: Path) -> None:
    source, link = tmp_path / "source", tmp_path / "link"
    source.write_bytes(b"data")
    link.symlink_to(source)
    with pytest.raises(UsageError, match="both read and written"):
        Target(str(link), inputs=(source,)).check()


@pytest.mark.parametrize("out", [".", "missing/out"])
def test_a_directory_or_a_missing_parent_is_refused(tmp_path: Path, out: str) -> None:
    with pytest.raises(UsageError):
        Target(str(tmp_path / out)).check()


def test_a_pipe_and_json_are_refused_together() -> None:
    with pytest.raises(UsageError, match="both want stdout"):
        Target("-", as_json=True).check()


def test_bytes_do_not_go_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(UsageError, match="not for a terminal"):
        Target("-").check()


def _piped(monkeypatch: pytest.MonkeyPatch, name: str, data: bytes = b"") -> io.BytesIO:
    buffer = io.BytesIO(data)
    monkeypatch.setattr(sys, name, io.TextIOWrapper(buffer))
    return buffer


def test_a_pipe_gets_nothing_of_a_failed_run(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = _piped(monkeypatch, "stdout")
    _fail_half_way("-", ValueError)
    assert pipe.getvalue() == b""


def test_a_pipe_gets_everything_of_a_good_run(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = _piped(monkeypatch, "stdout")
    Target("-").write(b"data")
    assert pipe.getvalue() == b"data"


def test_stdin_is_read_for_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    _piped(monkeypatch, "stdin", b"data")
    assert read_input("-") == b"data"


def test_too_much_input_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(bytes(11))
    with pytest.raises(FormatError):
        read_input(tmp_path / "in", max_size=10)
    _piped(monkeypatch, "stdin", bytes(11))
    with pytest.raises(UsageError):
        read_input("-", max_size=10)


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="missing"), open_input(str(tmp_path / "missing")):
        pass


def test_the_size_of_a_file_is_known_and_that_of_a_pipe_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").write_bytes(b"data")
    with open_input(str(tmp_path / "in")) as (file, size):
        assert (file.read(), size) == (b"data", 4)
    _piped(monkeypatch, "stdin", b"data")
    with open_input("-") as (file, size):
        assert (file.read(), size) == (b"data", None)


def test_a_directory_is_no_input(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory"), open_input(str(tmp_path)):
        pass


# --- what an output must leave alone ------------------------------------------------------------------------------------


def test_a_file_that_is_there_is_replaced_only_if_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"before")
    with pytest.raises(ConflictError, match="is there already") as refused:
        Target(str(path)).write(b"after")
    assert refused.value.hint is not None
    assert "--force" in refused.value.hint
    assert path.read_bytes() == b"before"
    Target(str(path), force=True).write(b"after")
    assert path.read_bytes() == b"after"


@pytest.mark.parametrize("name", ["wallet/keystore", "wallet/new", "wallet/addresses/x", "door/keystore"])
def test_nothing_is_written_into_a_wallet_whatever_the_way_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "wallet" / "addresses").mkdir(parents=True)
    (tmp_path / "wallet" / "keystore").write_bytes(b"sealed")
    (tmp_path / "door").symlink_to("wallet")
    target = Target(str(tmp_path / name), directories=(tmp_path / "wallet", tmp_path / "place"), force=True)
    with pytest.raises(UsageError, match="a wallet or a place"):
        target.write(b"data")
    assert (tmp_path / "wallet" / "keystore").read_bytes() == b"sealed"


def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"before")
    (tmp_path / "link").symlink_to("deep/file")
    Target(str(tmp_path / "link"), force=True).write(b"after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "deep" / "file").read_bytes() == b"after"


def test_a_link_in_a_circle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises((UsageError, UnavailableError)):
        Target(str(tmp_path / "a")).write(b"data")


def test_a_named_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    Target(str(path)).write(b"data")
    reader.join(10)
    assert (got, stat.S_ISFIFO(path.stat().st_mode)) == ([b"data"], True)


def test_a_device_is_written_and_stays_a_device(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/null")
    for out in ("/dev/null", str(tmp_path / "link")):
        Target(out).write(b"data")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert (tmp_path / "link").is_symlink()


def test_an_open_descriptor_goes_on_where_it_stands(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb", buffering=0) as log:
        log.write(b"first ")
        Target(f"/dev/fd/{log.fileno()}").write(b"second")
    assert (tmp_path / "log").read_bytes() == b"first second"


def test_a_failed_run_writes_nothing_into_a_descriptor(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb", buffering=0) as log:
        _fail_half_way(f"/dev/fd/{log.fileno()}", ValueError)
    assert (tmp_path / "log").read_bytes() == b""


@pytest.mark.parametrize("out", ["-", "/dev/stdout", "/dev/fd/1"])
def test_every_name_of_stdout_is_taken_by_json(out: str) -> None:
    with pytest.raises(UsageError, match="both want stdout"):
        Target(out, as_json=True).check()
