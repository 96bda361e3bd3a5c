"""`init` and `wallet`: places, wallets, phrases, backups."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from privledger.cli.options import DEFAULT_PLACE, DEFAULT_WALLET
from privledger.cli.terminal import DEMO_FILE
from privledger.protocol.errors import VerificationError
from tests.unit.cli.conftest import Town


@pytest.fixture
def empty(tmp_path: Path) -> Town:
    (tmp_path / "passphrase").write_text("correct horse\n")
    return Town(tmp_path)


def test_the_defaults_are_in_the_working_directory() -> None:
    assert (str(DEFAULT_PLACE), str(DEFAULT_WALLET)) == ("privledger-place", "privledger-wallet")


def test_init_makes_a_place_and_a_wallet_and_shows_the_phrase_once(empty: Town) -> None:
    done = empty.ok("me", "init", "--passphrase-file", empty.file("passphrase"))
    words = [line.split() for line in done.err.splitlines() if line.startswith("    ")]
    assert [len(line) for line in words] == [6, 6, 6, 6]
    assert not any(word in done.out for word in words[0])
    assert str(empty.place / "trust-root.json") in done.out
    assert not (empty.wallet("me") / DEMO_FILE).exists()
    empty.ok("me", "list", "--passphrase-file", empty.file("passphrase"))


def test_the_phrase_is_in_the_json_document_only_if_it_was_asked_for(empty: Town) -> None:
    without = empty.ok("me", "init", "--demo", "--json")
    assert "phrase" not in without.json
    assert "recovery phrase" in without.err
    shown = empty.ok("you", "wallet", "new", "--demo", "--json", "--show-phrase")
    assert len(shown.json["phrase"].split()) == 24
    assert "recovery phrase" not in shown.err


def test_init_uses_a_place_that_is_there(empty: Town) -> None:
    first = empty.ok("me", "init", "--demo", "--json").json
    second = empty.ok("you", "init", "--demo", "--json").json
    assert (first["place_created"], second["place_created"]) == (True, False)
    assert first["origin"] == second["origin"]


def test_a_wallet_is_never_replaced(empty: Town) -> None:
    empty.ok("me", "init", "--demo")
    before = (empty.wallet("me") / "keystore").read_bytes()
    for words in (("init", "--demo"), ("wallet", "new", "--demo"), ("wallet", "recover")):
        done = empty.run("me", *words)
        assert (done.code, "already" in done.err) == (3, True)
    assert (empty.wallet("me") / "keystore").read_bytes() == before


def test_a_trial_wallet_warns_and_keeps_its_passphrase_beside_it(empty: Town) -> None:
    done = empty.ok("me", "init", "--demo")
    assert "TRIAL WALLET WITHOUT A PASSPHRASE" in done.err
    note = empty.wallet("me") / DEMO_FILE
    assert "Put nothing real into it" in note.read_text()
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert "trial wallet" in empty.ok("me", "list").err


def test_a_wallet_pins_the_trust_root_of_its_place(town: Town) -> None:
    assert json.loads((town.wallet("planner") / "trust-root.json").read_text()) == json.loads(
        (town.place / "trust-root.json").read_text()
    )


def test_a_wallet_of_another_ledger_is_told_so(town: Town, empty: Town) -> None:
    empty.ok("me", "init", "--demo")
    done = empty.run("me", "list", "--at", town.place)
    assert (done.code, "the wallet trusts" in done.err) == (1, True)


def test_a_wrong_passphrase_is_false_and_not_a_bug(empty: Town) -> None:
    empty.ok("me", "init", "--passphrase-file", empty.file("passphrase"))
    (empty.root / "wrong").write_text("correct house\n")
    done = empty.run("me", "list", "--json", "--passphrase-file", empty.file("wrong"))
    assert (done.code, done.json["error"]["code"]) == (1, "wrong_passphrase")
    assert done.json["error"]["message"].startswith(f"{empty.wallet('me')}: ")


@pytest.mark.parametrize("missing", ["place", "wallet"])
def test_what_is_missing_is_said_with_the_way_to_make_it(empty: Town, missing: str) -> None:
    if missing == "wallet":
        empty.ok("me", "init", "--demo")
    done = empty.run("you", "list") if missing == "wallet" else empty.run("me", "wallet", "new", "--demo")
    assert done.code == 2
    assert f"no {missing} in" in done.err
    assert "privledger" in done.err.splitlines()[-1]


def test_show_needs_no_passphrase(town: Town) -> None:
    document = town.ok("owner", "wallet", "show", "--json").json
    assert document["origin"].startswith("bikes.example/")
    assert document["demo"] is True


def test_phrase_vault_and_keeper_give_the_records_back(empty: Town) -> None:
    phrase = empty.ok("owner", "init", "--demo", "--json", "--show-phrase").json["phrase"]
    record = empty.put("Rides")
    (empty.root / "phrase").write_text(phrase.upper() + "\n")
    words = ("--phrase-file", empty.file("phrase"), "--passphrase-file", empty.file("passphrase"))
    document = empty.ok("again", "wallet", "recover", "--json", *words).json
    assert (document["records"], document["missing"]) == ([record], [])
    listed = empty.ok("again", "list", "--json", "--passphrase-file", empty.file("passphrase")).json
    assert [one["title"] for one in listed["records"]] == ["Rides"]


def test_a_wrong_word_makes_no_wallet(empty: Town) -> None:
    empty.ok("owner", "init", "--demo")
    (empty.root / "phrase").write_text("abandon " * 23 + "notaword")
    done = empty.run("again", "wallet", "recover", "--phrase-file", empty.file("phrase"))
    assert (done.code, "word 24" in done.err) == (2, True)
    assert not empty.wallet("again").exists()


def test_a_backup_of_another_wallet_makes_no_wallet(empty: Town) -> None:
    phrase = empty.ok("owner", "init", "--demo", "--json", "--show-phrase").json["phrase"]
    empty.ok("other", "init", "--demo")
    empty.ok("other", "wallet", "backup", "--out", empty.file("foreign"))
    (empty.root / "phrase").write_text(phrase)
    words = ("--phrase-file", empty.file("phrase"), "--passphrase-file", empty.file("passphrase"))
    done = empty.run("again", "wallet", "recover", *words, "--backup", empty.file("foreign"))
    assert (done.code, f"{empty.file('foreign')}: the backup is" in done.err) == (1, True)
    assert not empty.wallet("again").exists()


@pytest.mark.parametrize("is_there", [False, True])
def test_a_recovery_that_fails_half_way_leaves_the_directory_as_it_was(
    empty: Town, is_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    phrase = empty.ok("owner", "init", "--demo", "--json", "--show-phrase").json["phrase"]
    (empty.root / "phrase").write_text(phrase)
    if is_there:
        empty.wallet("again").mkdir()
        (empty.wallet("again") / "note").write_text("mine")

    def fail(*args: object, **more: object) -> None:
        raise VerificationError("the log does not replay")

    monkeypatch.setattr("privledger.cli.commands.wallet.recover", fail)
    words = ("--phrase-file", empty.file("phrase"), "--passphrase-file", empty.file("passphrase"))
    assert empty.run("again", "wallet", "recover", *words).code == 1
    left = [one.name for one in empty.wallet("again").iterdir()] if is_there else []
    assert (empty.wallet("again").exists(), left) == (is_there, ["note"] if is_there else [])


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_where_the_wallet_should_be_leaves_no_place_behind(empty: Town, name: str) -> None:
    (empty.root / "file").write_text("mine")
    done = empty.run(name, "init", "--demo")
    assert (done.code, "is not a directory" in done.err) == (2, True)
    assert not empty.place.exists()


@pytest.mark.parametrize("name", ["keystore", "backup", "trust-root.json"])
def test_a_backup_never_lands_in_a_wallet(town: Town, name: str) -> None:
    before = sorted((one.name, one.stat().st_mtime_ns) for one in town.wallet("owner").glob("*.json"))
    sealed = (town.wallet("owner") / "keystore").read_bytes()
    done = town.run("owner", "wallet", "backup", "--force", "--out", town.wallet("owner") / name)
    assert (done.code, "a wallet or a place" in done.err) == (2, True)
    assert (town.wallet("owner") / "keystore").read_bytes() == sealed
    assert sorted((one.name, one.stat().st_mtime_ns) for one in town.wallet("owner").glob("*.json")) == before


def test_a_backup_never_replaces_the_passphrase(empty: Town) -> None:
    words = ("--passphrase-file", empty.file("passphrase"))
    empty.ok("me", "init", *words)
    done = empty.run("me", "wallet", "backup", "--force", "--out", empty.file("passphrase"), *words)
    assert (done.code, "both read and written" in done.err) == (2, True)
    assert (empty.root / "passphrase").read_text() == "correct horse\n"


def test_a_trial_wallet_opens_whatever_the_passphrase_file_says(town: Town, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("correct horse")
    done = town.ok("owner", "list", "--passphrase-file", tmp_path / "other")
    assert f"{tmp_path / 'other'} was not used" in done.err


def test_a_backup_is_a_private_file_without_titles(town: Town, tmp_path: Path) -> None:
    path = tmp_path / "backup"
    town.ok("owner", "wallet", "backup", "--out", path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"Rides" not in path.read_bytes()
