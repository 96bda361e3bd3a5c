"""Passphrases, confirmation and output at the terminal."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from privledger.cli import terminal
from privledger.cli.output import Output, clean, moment, size_text, table
from privledger.protocol.errors import UnavailableError, UsageError

QUIET = Output(as_json=True)


def test_a_passphrase_file_loses_its_last_line_break_only(tmp_path: Path) -> None:
    for content, wanted in [(b"a b\n", b"a b"), (b"a b\r\n", b"a b"), (b"a b", b"a b"), (b" a\n\n", b" a\n")]:
        (tmp_path / "file").write_bytes(content)
        assert terminal.passphrase(tmp_path, tmp_path / "file", QUIET) == wanted


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_an_empty_or_binary_passphrase_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UsageError):
        terminal.passphrase(tmp_path, tmp_path / "file", QUIET)


def test_composed_and_decomposed_letters_are_one_passphrase(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("caf\u00e9", "utf-8")
    (tmp_path / "b").write_text("cafe\u0301", "utf-8")
    first, second = (terminal.passphrase(tmp_path, tmp_path / name, QUIET) for name in "ab")
    assert first == second


def test_a_trial_wallet_is_found_and_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / terminal.DEMO_FILE).write_bytes(terminal.demo_note())
    assert terminal.passphrase(tmp_path, None, QUIET) == terminal.demo_note().splitlines()[0]
    assert "put nothing real into it" in capsys.readouterr().err


def _answers(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    left = iter(answers)
    monkeypatch.setattr(terminal, "ask_secret", lambda prompt: next(left))


def test_a_new_passphrase_is_asked_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    _answers(monkeypatch, "correct horse", "correct horse")
    assert terminal.new_passphrase(None) == b"correct horse"


def test_two_passphrases_that_differ_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _answers(monkeypatch, "correct horse", "correct house")
    with pytest.raises(UsageError, match="differ"):
        terminal.new_passphrase(None)


def test_an_empty_answer_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _answers(monkeypatch, "")
    with pytest.raises(UsageError, match="empty"):
        terminal.passphrase(tmp_path, None, QUIET)


def test_without_a_terminal_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise OSError(6, "No such device or address")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UsageError) as caught:
        terminal.ask_secret("Passphrase: ")
    assert caught.value.hint == "Give --passphrase-file FILE."


@pytest.mark.parametrize("answer", ["yes\n", "YES \n"])
def test_the_word_confirms(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    terminal.confirm_word("Erase?", "yes", "hint")


@pytest.mark.parametrize("answer", ["", "\n", "y\n", "no\n"])
def test_anything_else_does_not(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    with pytest.raises(UnavailableError) as caught:
        terminal.confirm_word("Erase?", "yes", "hint")
    assert caught.value.code == "not_confirmed"


def test_progress_shows_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with terminal.progress("x") as bar:
        assert bar is None


def test_progress_on_a_terminal_draws_to_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", screen)
    with terminal.progress("reading") as bar:
        assert bar is not None
        bar(512, 1024)
        bar(1024, 1024)
    assert "reading" in screen.getvalue()
    assert capsys.readouterr().out == ""


def test_words_go_to_stderr_and_data_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(as_json=False)
    out.say("words")
    out.result({"a": 1}, ["one", "two"])
    out.next("go on")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("one\ntwo\n", "words\nNext: go on\n")


def test_with_json_there_is_one_document_and_no_words(capsys: pytest.CaptureFixture[str]) -> None:
    QUIET.say("words")
    QUIET.next("go on")
    QUIET.result({"id": b"\x5d\x0c"}, "text")
    captured = capsys.readouterr()
    assert (json.loads(captured.out), captured.err) == ({"id": "5d0c"}, "")


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table(("ID", "NAME"), [("1", "long name"), ("100", "x\x07")]) == ["ID   NAME", "1    long name", "100  x?"]
    assert table(("ID",), []) == []


def test_times_and_sizes_are_for_people() -> None:
    assert moment(0) == "1970-01-01T00:00:00Z"
    assert [size_text(size) for size in (0, 1, 1023, 1536, 5 << 30)] == [
        "0 bytes",
        "1 byte",
        "1023 bytes",
        "1.5 KiB",
        "5.0 GiB",
    ]
    assert clean("a\nb\u202ec") == "a?b?c"
