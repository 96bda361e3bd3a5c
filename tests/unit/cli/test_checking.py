"""The commands of verifiers and auditors, and the doctor."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from privledger.cli.checkup import Checkup, check_private
from tests.unit.cli.conftest import Town


@pytest.fixture
def asked(town: Town, tmp_path: Path) -> Path:
    """A proof request that a verifier without a wallet made from the trust root."""
    path = tmp_path / "asked.request"
    words = ("--ownership", "--verifier", "co-op", "--scope", "discount", "--trust", town.place / "trust-root.json")
    town.ok("nobody", "request", *words, "--out", path)
    return path


@pytest.fixture
def shown(town: Town, record: str, asked: Path, tmp_path: Path) -> Path:
    """The owner's answer."""
    path = tmp_path / "shown.presentation"
    town.ok("owner", "prove", record, "--request", asked, "--out", path)
    return path


def test_a_presentation_holds_against_its_own_request(town: Town, record: str, asked: Path, shown: Path) -> None:
    document = town.ok("nobody", "verify", shown, "--request", asked, "--json").json
    assert (document["record"], document["scope"]) == (record, "discount")


def test_a_presentation_is_false_against_another_request(town: Town, shown: Path, tmp_path: Path) -> None:
    town.ok("nobody", "request", "--ownership", "--verifier", "co-op", "--out", tmp_path / "other")
    done = town.run("nobody", "verify", shown, "--request", tmp_path / "other")
    assert (done.code, "answers another proof request" in done.err) == (1, True)


def test_a_presentation_alone_is_said_to_be_for_somebody_else(town: Town, shown: Path) -> None:
    done = town.ok("nobody", "verify", shown)
    assert done.out.startswith("presentation: holds.")
    assert "Only against your own --request" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--ownership",), "names who asks"),
        (("--ownership", "--verifier", "v", "--purpose", "x"), "has no terms"),
        (("--ownership", "--verifier", "v", "--valid", "soon"), "not a span of time"),
        (("--verifier", "v"), "belong to a proof request"),
    ],
)
def test_a_request_is_for_access_or_for_a_proof(
    town: Town, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    done = town.run("planner", "request", "--out", tmp_path / "x", *words)
    assert (done.code, message in done.err) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "kind"), [("planner.address", "address"), ("place/log/checkpoint", "checkpoint")])
def test_verify_recognises_what_was_signed(town: Town, name: str, kind: str) -> None:
    assert town.ok("nobody", "verify", town.file(name), "--json").json["kind"] == kind


def test_a_changed_file_does_not_hold(town: Town, tmp_path: Path) -> None:
    data = bytearray(Path(town.file("planner.address")).read_bytes())
    data[-1] ^= 1
    (tmp_path / "changed").write_bytes(data)
    done = town.run("nobody", "verify", tmp_path / "changed")
    assert (done.code, done.out.startswith("address: FALSE.")) == (1, True)


def test_of_several_files_a_false_one_decides(town: Town, tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(Path(town.file("planner.address")).read_bytes()[:-9])
    done = town.run("nobody", "verify", town.file("planner.address"), tmp_path / "cut", "--json")
    assert done.code == 1
    assert [one["holds"] for one in done.json["files"]] == [True, False]


def test_a_file_of_somebody_elses_making_is_named_and_not_called_false(town: Town, tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    done = town.run("nobody", "verify", tmp_path / "holiday.jpg")
    assert (done.code, "holiday.jpg is nothing that privledger writes" in done.out) == (3, True)


def test_a_file_that_is_no_presentation_is_named(town: Town, asked: Path) -> None:
    done = town.run("nobody", "verify", town.file("planner.address"), "--request", asked)
    assert (done.code, "planner.address is an address, a presentation was expected" in done.err) == (3, True)


def test_an_audit_of_a_directory_without_a_log_accuses_nobody(town: Town, tmp_path: Path) -> None:
    done = town.run("nobody", "audit", tmp_path, "--trust", town.place / "trust-root.json")
    assert (done.code, done.out, "holds neither a place nor a log" in done.err) == (3, "", True)
    done = town.run("nobody", "audit", town.wallet("owner"), "--trust", town.place / "trust-root.json")
    assert (done.code, done.out, "holds neither a place nor a log" in done.err) == (3, "", True)


def test_an_audit_under_another_ledgers_trust_root_has_one_finding(town: Town, tmp_path: Path) -> None:
    other = Town(tmp_path)
    other.ok("me", "init", "--demo")
    done = town.run("nobody", "audit", town.place, "--trust", other.place / "trust-root.json", "--json")
    findings = [found for step in done.json["steps"] for found in step["findings"]]
    assert (done.code, len(findings)) == (1, 1)
    assert "and the trust root is of local/" in findings[0]["what"]


@pytest.mark.parametrize("option", ["--memory", "--evidence"])
def test_an_audit_writes_nothing_into_the_place(town: Town, option: str) -> None:
    done = town.run("nobody", "audit", town.place, option, town.place / "kept")
    assert (done.code, "a wallet or a place" in done.err) == (2, True)
    assert not (town.place / "kept").exists()


def test_the_words_of_an_audit_tell_times_as_people_do(town: Town) -> None:
    done = town.ok("nobody", "audit", town.place, "--workers", "0")
    (line,) = [line for line in done.out.splitlines() if line.startswith("A1 ")]
    assert line.endswith(" UTC")


def test_without_a_trust_root_nothing_is_judged(town: Town, tmp_path: Path) -> None:
    words = ("--at", tmp_path / "none", "--wallet", tmp_path / "none")
    done = town.run("nobody", "verify", town.file("planner.address"), *words)
    assert (done.code, "no trust root to start from" in done.err) == (2, True)


# --- audit and bundle ---------------------------------------------------------------------------------------------------


def _audit(town: Town, *words: object) -> tuple[int, dict[str, str]]:
    done = town.run("nobody", "audit", *words, "--json", "--workers", "0")
    assert done.out, done.err
    return done.code, {step["step"]: step["status"] for step in json.loads(done.out)["steps"]}


def test_an_audit_of_the_place_holds(town: Town, record: str, tmp_path: Path) -> None:
    town.ok("owner", "disclose", record, "--out", tmp_path / "shown")
    code, steps = _audit(town, town.place, "--trust", town.place / "trust-root.json", "--disclosed", tmp_path / "shown")
    assert code == 0
    assert {step for step, status in steps.items() if status == "ok"} >= {
        "A1",
        "A3",
        "A4",
        "A5",
        "A6",
        "A7",
        "A8",
        "A9",
    }


def test_an_audit_takes_the_log_directory_alone(town: Town) -> None:
    code, steps = _audit(town, town.place / "log", "--trust", town.place / "trust-root.json")
    assert (code, steps["A6"], steps["A8"]) == (0, "ok", "not checked")


def test_the_checkpoint_that_a_wallet_kept_is_compared(town: Town) -> None:
    done = town.run("owner", "audit", "--json", "--workers", "0")
    steps = {step["step"]: step["status"] for step in done.json["steps"]}
    assert (done.code, steps["A2"]) == (0, "ok")


def test_a_changed_log_fails_with_one(town: Town, tmp_path: Path) -> None:
    shutil.copytree(town.place, tmp_path / "forged")
    for path in (tmp_path / "forged" / "log" / "tile" / "entries").rglob("*"):
        if path.is_file():
            data = bytearray(path.read_bytes())
            data[300] ^= 1
            path.write_bytes(data)
    code, steps = _audit(town, tmp_path / "forged", "--trust", town.place / "trust-root.json")
    assert (code, steps["A3"]) == (1, "failed")


def test_an_audit_of_nothing_cannot_be_done(town: Town, tmp_path: Path) -> None:
    done = town.run("nobody", "audit", tmp_path / "nothing", "--trust", town.place / "trust-root.json")
    assert (done.code, "nothing is not there" in done.err) == (2, True)


def test_a_bundle_checks_without_the_place(town: Town, record: str, tmp_path: Path) -> None:
    town.ok("owner", "bundle", record, "--out", tmp_path / "life.bundle")
    root = tmp_path / "trust-root.json"
    shutil.copy(town.place / "trust-root.json", root)
    words = ("--trust", root, "--at", tmp_path / "none", "--wallet", tmp_path / "none")
    assert town.ok("nobody", "audit", tmp_path / "life.bundle", *words).out.endswith(
        "Every step that was checked holds.\n"
    )
    assert town.ok("nobody", "verify", tmp_path / "life.bundle", *words, "--json").json["kind"] == "bundle"


def test_a_bundle_of_one_grant_leaves_the_others_out(town: Town, tmp_path: Path) -> None:
    record = town.put("Two grants")
    town.grant(record)
    town.grant(record)
    grants = [one["grant"] for one in town.ok("owner", "show", record, "--json").json["grants"]]
    town.ok("owner", "bundle", record, "--grant", grants[0], "--out", tmp_path / "one.bundle")
    data = (tmp_path / "one.bundle").read_bytes()
    assert (bytes.fromhex(grants[0]) in data, bytes.fromhex(grants[1]) in data) == (True, False)


# --- the doctor ---------------------------------------------------------------------------------------------------------


def _doctor(town: Town, *words: object) -> tuple[int, dict[str, str]]:
    done = town.run("owner", "doctor", "--json", *words)
    return done.code, {f"{check['area']} {check['name']}": check["state"] for check in done.json["checks"]}


def test_a_healthy_place_and_wallet_have_nothing_wrong(town: Town) -> None:
    code, checks = _doctor(town, "--resume")
    assert (code, set(checks.values())) == (0, {"ok"})
    wanted = {"machine python", "machine group", "place guard", "place index", "place clock", "place deposit key"}
    assert set(checks) >= wanted | {"wallet memory", "wallet unfinished", "wallet resumed", "wallet notes"}


def test_without_place_and_wallet_the_machine_alone_is_checked(town: Town, tmp_path: Path) -> None:
    code, checks = _doctor(town, "--at", tmp_path / "none", "--wallet", tmp_path / "none")
    assert (code, checks["place files"], checks["wallet files"]) == (3, "not checked", "not checked")


@pytest.fixture
def copied(town: Town, tmp_path: Path) -> Path:
    """A copy of the place to do harm to."""
    shutil.copytree(town.place, tmp_path / "copied")
    return tmp_path / "copied"


def test_a_key_open_to_others_is_wrong(town: Town, copied: Path) -> None:
    (copied / "operator" / "log.key").chmod(0o644)
    code, checks = _doctor(town, "--at", copied)
    assert (code, checks["place permissions"]) == (1, "wrong")


def test_a_missing_guard_is_wrong(town: Town, copied: Path) -> None:
    (copied / "operator" / "guard").unlink()
    code, checks = _doctor(town, "--at", copied)
    assert (code, checks["place guard"]) == (1, "wrong")


def test_a_guard_that_names_another_root_is_wrong(town: Town, copied: Path) -> None:
    guard = json.loads((copied / "operator" / "guard").read_text())
    (copied / "operator" / "guard").write_text(json.dumps(guard | {"root": "00" * 32}))
    code, checks = _doctor(town, "--at", copied)
    assert (code, checks["place guard"]) == (1, "wrong")


def test_a_missing_index_is_a_warning_and_is_rebuilt(town: Town, copied: Path) -> None:
    (copied / "ledger" / "index.sqlite").unlink()
    _, checks = _doctor(town, "--at", copied)
    assert (checks["place index"], checks["place open"]) == ("warning", "ok")
    assert _doctor(town, "--at", copied)[1]["place index"] == "ok"


def test_a_clock_behind_the_last_block_is_wrong(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privledger.cli.commands.doctor.clock", lambda: 1_000_000)
    code, checks = _doctor(town)
    assert (code, checks["place clock"]) == (1, "wrong")


def test_a_place_older_than_what_the_wallet_saw_is_wrong(town: Town, copied: Path) -> None:
    town.put("After the copy")
    code, checks = _doctor(town, "--at", copied)
    assert (code, checks["wallet memory"]) == (1, "wrong")


def test_a_note_that_the_vault_lost_is_wrong(town: Town, record: str, copied: Path) -> None:
    lost = [path for path in (copied / "vault" / "records" / record).rglob("*note*") if path.is_file()]
    assert lost
    for path in lost:
        path.unlink()
    shutil.copytree(town.wallet("owner"), copied.parent / "owner")
    code, checks = _doctor(town, "--at", copied, "--wallet", copied.parent / "owner")
    assert (code, checks["wallet notes"]) == (1, "wrong")


def test_a_closed_wallet_is_not_opened_unasked(town: Town, tmp_path: Path) -> None:
    shutil.copytree(town.wallet("owner"), tmp_path / "closed")
    (tmp_path / "closed" / "DEMO-NO-PASSPHRASE").unlink()
    code, checks = _doctor(town, "--wallet", tmp_path / "closed")
    assert (code, checks["wallet unfinished"]) == (0, "not checked")


def test_permissions_name_what_is_open(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x")
    (tmp_path / "key").chmod(0o640)
    checkup = Checkup()
    check_private(checkup, "place", tmp_path, [tmp_path / "key", tmp_path / "gone"])
    assert [(check.state, "key" in check.detail) for check in checkup.checks] == [("wrong", True)]
