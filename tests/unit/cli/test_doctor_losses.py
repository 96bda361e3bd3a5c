"""The doctor notices what a keeper, a vault or a wallet has lost."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Town


class Patient:
    """A copy of the place and of the owner's wallet, to do harm to."""

    def __init__(self, town: Town, root: Path) -> None:
        self.town, self.place, self.wallet = town, root / "place", root / "owner"
        shutil.copytree(town.place, self.place)
        shutil.copytree(town.wallet("owner"), self.wallet)

    def run(self, *words: object) -> Any:
        return self.town.run("owner", *words, "--at", self.place, "--wallet", self.wallet)

    def doctor(self) -> tuple[int, dict[str, dict[str, str]]]:
        done = self.run("doctor", "--json")
        return done.code, {f"{check['area']} {check['name']}": check for check in done.json["checks"]}

    def wrong(self) -> set[str]:
        code, checks = self.doctor()
        found = {name for name, check in checks.items() if check["state"] == "wrong"}
        assert code == (1 if found else 0)
        return found


@pytest.fixture
def patient(town: Town, tmp_path: Path) -> Patient:
    return Patient(town, tmp_path)


def test_nothing_is_lost_at_first(patient: Patient) -> None:
    _, checks = patient.doctor()
    seen = {
        name: checks[name]["state"] for name in ("place shares", "place objects", "wallet shares", "wallet records")
    }
    assert set(seen.values()) == {"ok"}


def test_a_lost_keeper_is_noticed_with_a_way_out(patient: Patient, record: str) -> None:
    shutil.rmtree(patient.place / "keeper")
    assert patient.wrong() >= {"place shares", "wallet shares"}
    _, checks = patient.doctor()
    assert record[:8] in checks["place shares"]["detail"]
    assert "restore the newest backup of keeper/" in checks["place shares"]["hint"]
    assert "You still read them" in checks["wallet shares"]["hint"]


def test_without_the_keeper_the_owner_still_reads(patient: Patient, record: str, tmp_path: Path) -> None:
    """The way out that the doctor names is a way out."""
    shutil.rmtree(patient.place / "keeper")
    assert patient.run("read", record, "--out", tmp_path / "rides.csv").code == 0


def test_one_lost_share_file_is_noticed(patient: Patient, record: str) -> None:
    next((patient.place / "keeper" / "shares").glob(f"{record}.*")).unlink()
    assert patient.wrong() >= {"place shares", "wallet shares"}


def test_a_share_of_another_digest_is_noticed_by_the_wallet(patient: Patient, record: str) -> None:
    from privledger.cli.checkup_held import shares_held

    path = next((patient.place / "keeper" / "shares").glob(f"{record}.*"))
    path.rename(path.with_name(f"{record}.0.{'00' * 32}"))
    assert (record, "0", "00" * 32) in shares_held(patient.place / "keeper")
    assert "wallet shares" in patient.wrong()


def test_a_lost_keeper_database_does_not_cost_the_shares(patient: Patient) -> None:
    for path in (patient.place / "keeper").glob("keeper.sqlite*"):
        path.unlink()
    before = sorted((patient.place / "keeper" / "shares").iterdir())
    assert patient.wrong() == {"place keeper"}
    assert sorted((patient.place / "keeper" / "shares").iterdir()) == before


@pytest.mark.parametrize("what", ["blob", "descriptor", "capsule"])
def test_an_object_that_the_vault_lost_is_noticed(patient: Patient, record: str, what: str) -> None:
    for path in (patient.place / "vault" / "records" / record).rglob(f"{what}.*"):
        if not path.name.endswith(".deposit"):
            path.unlink()
    assert "place objects" in patient.wrong()


def test_a_lost_vault_is_noticed(patient: Patient) -> None:
    shutil.rmtree(patient.place / "vault")
    assert "place objects" in patient.wrong()


def test_lost_notes_are_noticed_and_recovery_is_named(patient: Patient) -> None:
    for path in (patient.wallet / "records").iterdir():
        shutil.rmtree(path)
    assert patient.wrong() == {"wallet records"}
    _, checks = patient.doctor()
    assert "without a note here" in checks["wallet records"]["detail"]
    assert "wallet recover" in checks["wallet records"]["hint"]


def test_an_erased_record_is_not_missed(patient: Patient, record: str) -> None:
    assert patient.run("erase", record, "--yes").code == 0
    assert patient.wrong() == set()


def test_where_there_is_nothing_nothing_was_checked(town: Town, tmp_path: Path) -> None:
    done = town.run("owner", "doctor", "--at", tmp_path / "none", "--wallet", tmp_path / "none")
    assert (done.code, "nothing was checked" in done.out, "nothing is wrong" in done.out) == (3, True, False)
