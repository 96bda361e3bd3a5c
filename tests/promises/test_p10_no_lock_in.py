"""P10: phrase, vault and keepers, or phrase, vault and the backup file, bring everything back on an empty machine."""

from __future__ import annotations

import io
import shutil

import pytest

from privledger.protocol.errors import VerificationError
from privledger.sdk.backup import make_backup
from privledger.sdk.owner import Owner
from privledger.sdk.recover import RecoveryReport, recover
from privledger.wallet.phrase import phrase_of, seed_of
from tests.support.town import Town
from tests.support.wrapped import answering

PAYLOADS = {f"record {number}": b"ride %d\n" % number * 500 for number in range(3)}


@pytest.fixture
def lived(town: Town) -> dict[str, bytes]:
    """Three records, one of them granted to two, one erased; titles with record ids."""
    records = {title: town.put(payload, title) for title, payload in PAYLOADS.items()}
    town.grant(records["record 0"], town.app)
    town.owner.revoke(records["record 0"], [town.grant(records["record 0"], town.lab).grant])
    town.owner.erase(records["record 2"])
    return records


def recovered(town: Town, *, place: object = None, backup: bytes | None = None) -> tuple[Owner, RecoveryReport]:
    """A new machine: nothing but the phrase, the trust root, and the place."""
    wallet = town.new_wallet("recovered", seed_of(phrase_of(town.owner_seed)))
    at = place or town.place
    report = recover(wallet, at, clock=town.clock, random_bytes=town.random_bytes, backup=backup)  # type: ignore[arg-type]
    return town.owner_of(wallet, at), report  # type: ignore[arg-type]


def payload(owner: Owner, record: bytes) -> bytes:
    sink = io.BytesIO()
    owner.read(record, sink)
    return sink.getvalue()


def test_phrase_vault_and_keeper_bring_back_every_live_record(town: Town, lived: dict[str, bytes]) -> None:
    before = {view.record: view for view in town.owner.records()}
    shutil.rmtree(town.owner_wallet.path)
    owner, report = recovered(town)
    assert set(report.records) == {lived["record 0"], lived["record 1"]}
    assert report.erased == [lived["record 2"]]
    assert report.missing == []
    for title in ("record 0", "record 1"):
        assert payload(owner, lived[title]) == PAYLOADS[title]
        assert owner.show(lived[title]).descriptor == before[lived[title]].descriptor


def test_grants_come_back_with_their_terms_and_status(town: Town, lived: dict[str, bytes]) -> None:
    record = lived["record 0"]
    before = {view.grant: (view.terms, view.status, view.fingerprint) for view in town.owner.show(record).grants}
    owner, report = recovered(town)
    assert report.grants == 2
    assert {view.grant: (view.terms, view.status, view.fingerprint) for view in owner.show(record).grants} == before


def test_a_recovered_owner_goes_on_granting_revoking_and_putting(town: Town, lived: dict[str, bytes]) -> None:
    owner, _ = recovered(town)
    town.owner = owner
    record = lived["record 1"]
    given = town.grant(record, town.app)
    assert town.read(record, given.grant, town.app) == PAYLOADS["record 1"]
    owner.revoke(record, [given.grant])
    new = town.put(b"new", "a new one")
    assert new not in lived.values()
    assert payload(owner, new) == b"new"


def test_the_backup_file_replaces_a_keeper_that_is_gone(town: Town, lived: dict[str, bytes]) -> None:
    backup = make_backup(town.owner_seed, town.trust.origin, town.owner.owned())
    owner, report = recovered(town, place=town.place_with(keepers=[]), backup=backup)
    assert set(report.records) == {lived["record 0"], lived["record 1"]}
    assert report.missing == []
    for title in ("record 0", "record 1"):
        assert payload(owner, lived[title]) == PAYLOADS[title]


def test_without_keeper_and_backup_recovery_says_what_is_missing(town: Town, lived: dict[str, bytes]) -> None:
    _, report = recovered(town, place=town.place_with(keepers=[]))
    assert report.records == []
    assert len(report.missing) == 2
    assert all(lived[title].hex() in " ".join(report.missing) for title in ("record 0", "record 1"))


def test_two_of_three_keepers_suffice_for_recovery(town_of_three: Town) -> None:
    town = town_of_three
    record = town.put(PAYLOADS["record 0"])
    owner, report = recovered(town, place=town.place_with(keepers=town.keepers[1:]))
    assert report.records == [record]
    assert payload(owner, record) == PAYLOADS["record 0"]


def test_a_backup_opens_for_no_other_wallet(town: Town, lived: dict[str, bytes]) -> None:
    backup = make_backup(town.owner_seed, town.trust.origin, town.owner.owned())
    wallet = town.new_wallet("somebody else")
    with pytest.raises(VerificationError):
        recover(wallet, town.place, clock=town.clock, random_bytes=town.random_bytes, backup=backup)


def test_a_vault_that_lost_a_note_of_a_live_grant_is_reported(town: Town, lived: dict[str, bytes]) -> None:
    """A live grant on the chain without a note: the vault served old state."""
    from privledger.protocol.errors import UnavailableError

    def forgetful(call: object, request: bytes, what: str, item: bytes = b"") -> object:
        if what == "note":
            raise UnavailableError("no such note", code="not_found")
        return call(request, what, item)  # type: ignore[operator]

    _, report = recovered(town, place=answering(town.place, "vault.fetch", forgetful))
    assert len(report.records) == 2
    assert [line for line in report.missing if "is live and its note is missing" in line] == report.missing
    assert len(report.missing) == 1


def test_recovery_does_not_believe_a_ledger_that_hides_a_record(town: Town, lived: dict[str, bytes]) -> None:
    def without_last(call: object, start: int, end: int) -> object:
        leaves = call(start, end)  # type: ignore[operator]
        return leaves if end - start == 1 else [*leaves[:-1], leaves[-2]]

    with pytest.raises(VerificationError):
        recovered(town, place=answering(town.place, "ledger.leaves", without_last))


def test_an_empty_wallet_of_an_unused_phrase_recovers_nothing(town: Town, lived: dict[str, bytes]) -> None:
    report = recover(town.new_wallet("unused"), town.place, clock=town.clock, random_bytes=town.random_bytes)
    assert (report.records, report.erased, report.missing) == ([], [], [])
