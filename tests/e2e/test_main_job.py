"""The main job from end to end, over a place in a directory: put, grant, read, revoke, prove, audit, erase."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time

import pytest

from privledger.audit.bundle import audit_bundle
from privledger.audit.fetch import DirectoryFetcher
from privledger.audit.place import audit_place
from privledger.audit.report import Report
from privledger.local import LocalPlace
from privledger.protocol.address import parse_access_request, parse_share_link, share_link
from privledger.protocol.errors import AuthorisationError, PrivledgerError, UnavailableError, VerificationError
from privledger.protocol.presentation import ProofRequest, verify_presentation
from privledger.sdk.owner import Owner
from privledger.wallet.store import Wallet
from tests.support.search import files_under
from tests.support.town import PASSPHRASE, Town

PAYLOAD = b"".join(b"2026-03-%02d,harbour,mill,%d\n" % (1 + day % 31, day) for day in range(60_000))


def read_range(town: Town, record: bytes, grant: bytes, offset: int, length: int) -> bytes:
    return town.app.read_range(record, grant, offset, length)


def test_an_owner_shares_a_record_and_keeps_control_of_it(town: Town) -> None:
    """The whole life of a record, each step checked by whoever is concerned."""
    owner, app, lab = town.owner, town.app, town.lab

    # Put.
    owned = owner.put(
        io.BytesIO(PAYLOAD),
        title="Rides in March",
        media_type="text/csv",
        tags=["bikes"],
        attributes={"rides": 60_000, "area": "harbour"},
    )
    record = owned.record

    # The app asks, the owner looks at what it would grant, and grants what was asked for.
    address = app.new_address("City planning")
    asked = parse_access_request(
        app.request_access(address, town.terms(reads=3), "For the bicycle plan"), town.trust.origin
    )
    plan = owner.plan_grant(record, asked.address.raw, asked.terms)
    assert "City planning" in plan
    assert "Rides in March" in plan
    given = owner.grant(record, asked.address.raw, asked.terms)
    link = share_link(town.trust.origin, record, given.grant)

    # It reads, whole and in part; the three reads are receipted, a fourth is refused.
    _, linked_record, linked_grant = parse_share_link(link)
    assert town.read(linked_record, linked_grant, app) == PAYLOAD
    assert read_range(town, record, given.grant, 1_000_000, 5_000) == PAYLOAD[1_000_000:1_005_000]
    assert town.read(record, given.grant, app) == PAYLOAD
    with pytest.raises(AuthorisationError) as caught:
        town.read(record, given.grant, app)
    assert caught.value.code == "number_out_of_range"
    assert [receipt.request.number for receipt in owner.receipts(record, given.grant)] == [1, 2, 3]

    # Another grant is found by looking through the log.
    second = town.grant(record, lab)
    assert [note.grant for note in lab.inbox()] == [second.grant]
    assert town.read(record, second.grant, lab) == PAYLOAD

    # Revoked, the first ends and the second does not.
    ended = owner.revoke(record, [given.grant])
    assert ended.time == town.clock()
    with pytest.raises(AuthorisationError) as caught:
        town.read(record, given.grant, app)
    assert (caught.value.code, caught.value.entry) == ("grant_revoked", ended.index)
    assert town.read(record, second.grant, lab) == PAYLOAD

    # What the owner and what everybody sees.
    shown = owner.show(record)
    assert [(view.grant, view.status) for view in shown.grants] == [(given.grant, "revoked"), (second.grant, "live")]
    assert [line.kind for line in shown.history] == ["record", "grant", "grant", "revoke"]
    assert owner.outsider(record).commitment != owner.outsider(record).key

    # It is proven to a verifier, bundled for an auditor, and audited.
    request = ProofRequest(town.trust.origin, "bank.example", "a loan", os.urandom(32), town.clock() + 60)
    shown_proof = owner.prove(record, request.pack())
    assert verify_presentation(shown_proof, request, town.trust, town.clock(), 30).record == record
    town.post_receipts()
    assert audit_bundle(owner.bundle(record), town.trust, clock=town.clock).exit_code == 0
    report = audit(town, owner.disclose(record))
    assert report.exit_code == 0, report.to_text()
    assert {report.step(step).status for step in ("A1", "A3", "A4", "A5", "A6", "A7", "A8", "A9")} == {"ok"}

    # Erased.
    owner.erase(record)
    for who, grant in ((app, given.grant), (lab, second.grant)):
        with pytest.raises(AuthorisationError) as caught:
            town.read(record, grant, who)
        assert caught.value.code == "record_erased"
    assert [certificate.pending for certificate in owner.certificates(record)] == [True]
    town.advance(604_801)
    assert [certificate.pending for certificate in owner.certificates(record)] == [False]
    report = audit(town, owner.disclose(record))
    assert report.exit_code == 0, report.to_text()
    assert report.step("A11").status == "ok"


def audit(town: Town, *disclosures: bytes) -> Report:
    """An audit of the place as it stands."""
    return audit_place(
        DirectoryFetcher(town.place_path), town.trust, disclosures=disclosures, workers=0, clock=town.clock
    )


@pytest.mark.parametrize("size", [0, 1, 4_095, 4_096, 4_097, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_333_333])
def test_every_size_comes_back_as_it_was(town: Town, size: int) -> None:
    payload = os.urandom(size)
    record = town.put(payload)
    given = town.grant(record, town.app)
    assert town.read(record, given.grant, town.app) == payload
    sink = io.BytesIO()
    town.owner.read(record, sink)
    assert sink.getvalue() == payload


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 1), (0, 3_000_000), (1 << 20, 1), ((1 << 20) - 1, 2), (2_999_999, 1), (500, 0)]
)
def test_a_range_is_that_part_of_the_payload(town: Town, offset: int, length: int) -> None:
    payload = os.urandom(3_000_000)
    assert town.owner.read_range(town.put(payload), offset, length) == payload[offset : offset + length]


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, 11), (10, 1), (5, -1)])
def test_a_range_outside_of_the_payload_is_refused(town: Town, offset: int, length: int) -> None:
    record = town.put(bytes(10))
    with pytest.raises(PrivledgerError) as caught:
        town.owner.read_range(record, offset, length)
    assert caught.value.code == "bad_range"


# --- the wallet ---------------------------------------------------------------------------------------------------


def test_a_wrong_passphrase_opens_nothing_and_changes_nothing(town: Town) -> None:
    town.put()
    before = dict(files_under(town.owner_wallet.path))
    with pytest.raises(VerificationError) as caught:
        Wallet.open(town.owner_wallet.path, passphrase=b"wrong", random_bytes=os.urandom)
    assert caught.value.code == "wrong_passphrase"
    assert dict(files_under(town.owner_wallet.path)) == before


def test_a_wallet_opened_anew_goes_on_where_it_was(town: Town) -> None:
    record = town.put(PAYLOAD)
    given = town.grant(record, town.app)
    again = town.owner_of(Wallet.open(town.owner_wallet.path, passphrase=PASSPHRASE, random_bytes=os.urandom))
    assert [view.record for view in again.records()] == [record]
    again.revoke(record, [given.grant])
    assert [view.status for view in town.owner.show(record).grants] == ["revoked"]


def test_another_ledgers_place_is_refused(town: Town, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Town(tmp_path_factory.mktemp("other"))
    with pytest.raises(VerificationError) as caught:
        town.owner_of(town.owner_wallet, other.place)
    other.close()
    assert caught.value.code == "wrong_origin"


# --- the clock ----------------------------------------------------------------------------------------------------


def test_a_clock_that_went_back_stops_writing_and_nothing_is_half_written(town: Town) -> None:
    record = town.put()
    town.clock.now -= 3_600
    with pytest.raises(UnavailableError):
        town.put(title="too early")
    with pytest.raises(UnavailableError):
        town.grant(record, town.app)
    town.clock.now += 3_600
    town.owner.resume()
    assert [view.record for view in town.owner.records()] == [record]
    assert town.put(title="in time") != record


def test_a_grant_is_not_read_before_or_after_its_time(town: Town) -> None:
    record = town.put()
    terms = town.terms()
    given = town.grant(record, town.app, terms)
    town.app.accept(record, given.grant)
    town.clock.now = terms.not_after + 1
    with pytest.raises(AuthorisationError) as caught:
        town.read(record, given.grant, town.app)
    assert (caught.value.code, caught.value.step) == ("expired", 4)


# --- two processes ------------------------------------------------------------------------------------------------

PUT_SOME = """
import io, os, sys, time
from pathlib import Path
from privledger.local import LocalPlace
from privledger.sdk.owner import Owner
from privledger.wallet.store import Wallet

clock = lambda: int(time.time())
place = LocalPlace.open(Path(sys.argv[1]), clock=clock, random_bytes=os.urandom)
wallet = Wallet.open(Path(sys.argv[2]), passphrase=sys.argv[3].encode(), random_bytes=os.urandom)
owner = Owner(wallet, place, clock=clock, random_bytes=os.urandom)
for number in range(int(sys.argv[4])):
    owner.put(io.BytesIO(b"x" * number), title=f"{os.getpid()} {number}")
place.close()
"""


@pytest.mark.parametrize("wallets", [1, 2])
def test_two_processes_put_at_once_and_nothing_is_lost(town: Town, wallets: int) -> None:
    """Over one place, with a wallet each or with one and the same."""
    town.clock.now = int(time.time())
    place_path = town.path / "shared"
    place = LocalPlace.create(place_path, name="shared", clock=town.clock, random_bytes=os.urandom)
    town.trust = place.trust
    names = [f"wallet {number % wallets}" for number in range(2)]
    opened = {name: town.new_wallet(name) for name in dict.fromkeys(names)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PUT_SOME, str(place_path), str(opened[name].path), PASSPHRASE.decode(), "4"],
            stderr=subprocess.PIPE,
        )
        for name in names
    ]
    errors = [process.communicate()[1].decode() for process in running]
    assert errors == ["", ""]
    assert [process.returncode for process in running] == [0, 0]
    town.clock.now = int(time.time())
    owners = [Owner(wallet, place, clock=town.clock, random_bytes=os.urandom) for wallet in opened.values()]
    views = [view for owner in owners for view in owner.records()]
    assert len({view.record for view in views}) == 8
    for owner in owners:
        for note in owner.owned():
            sink = io.BytesIO()
            owner.read(note.record, sink)
    place.close()
