"""What a command reads and writes: whole or not at all, and never the same file."""

from __future__ import annotations

import io
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from privledger.cli.files import check_output, open_input, output_file, read_input, write_output
from privledger.protocol.errors import FormatError, UnavailableError, UsageError


def _fail_half_way(out: str, error: type[BaseException]) -> None:
    def run() -> None:
        with output_file(out) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        run()


def test_an_output_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with output_file(str(path)) as file:
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
    write_output(str(tmp_path / "out"), b"data", private=True)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600


def test_an_output_that_is_an_input_is_refused_through_a_link_too(tmp_path: Path) -> None:
    source, link = tmp_path / "source", tmp_path / "link"
    source.write_bytes(b"data")
    link.symlink_to(source)
    with pytest.raises(UsageError, match="both read and written"):
        check_output(str(link), inputs=[source])


@pytest.mark.parametrize("out", [".", "missing/out"])
def test_a_directory_or_a_missing_parent_is_refused(tmp_path: Path, out: str) -> None:
    with pytest.raises(UsageError):
        check_output(str(tmp_path / out))


def test_a_pipe_and_json_are_refused_together() -> None:
    with pytest.raises(UsageError, match="both want stdout"):
        check_output("-", as_json=True)


def test_bytes_do_not_go_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(UsageError, match="not for a terminal"):
        check_output("-")


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
    write_output("-", b"data")
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
    with pytest.raises(UnavailableError, match="missing"), open_input(str(tmp_path / "missing")):
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
