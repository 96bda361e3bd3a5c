"""P6: a receipt is signed and stored before a share leaves; once its map's root is posted none can be left out."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest

from privledger.audit.fetch import DirectoryFetcher
from privledger.audit.place import audit_place
from privledger.protocol.answers import ReceiptsAnswer
from privledger.protocol.disclosure import unpack_disclosure
from privledger.protocol.errors import PrivledgerError, UnavailableError, VerificationError
from tests.support.town import Town
from tests.support.wrapped import answering


class DiedError(BaseException):
    """The machine went off."""


@pytest.fixture
def shared(town: Town) -> tuple[Town, bytes, bytes]:
    """A record with a grant that was read three times."""
    record = town.put()
    given = town.grant(record, town.app)
    for _ in range(3):
        town.read(record, given.grant, town.app)
    return town, record, given.grant


def test_every_read_leaves_one_receipt_with_its_read_number(shared: tuple[Town, bytes, bytes]) -> None:
    town, record, grant = shared
    receipts = town.owner.receipts(record, grant)
    assert [(one.number, one.request.number, one.units) for one in receipts] == [(1, 1, 1), (2, 2, 1), (3, 3, 1)]


def test_the_receipt_is_on_the_disk_when_the_share_leaves(town: Town) -> None:
    """A copy of the keeper's directory, taken at the moment of its answer, holds the receipt."""
    record = town.put()
    given = town.grant(record, town.app)
    copy = town.path / "copy"

    def copied(call: Callable[..., object], *args: object) -> object:
        answer = call(*args)
        shutil.copytree(town.keeper_path(), copy)
        raise DiedError(answer)

    app = town.grantee_of(town.app._context.wallet, answering(town.place, "keeper.release", copied))
    with pytest.raises(DiedError):
        app.read(record, given.grant, io.BytesIO())
    survivor = town.owner_of(town.owner_wallet, town.place_with(keepers=[town.open_keeper(path=copy)]))
    assert len(survivor.receipts(record, given.grant)) == 1


def test_a_keeper_that_cannot_store_a_receipt_releases_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    record = town.put()
    given = town.grant(record, town.app)

    def full(*_args: object, **_kwargs: object) -> bytes:
        raise UnavailableError("the disk is full", code="disk_full")

    monkeypatch.setattr(town.keepers[0], "_add_receipt", full)
    with pytest.raises(UnavailableError) as caught:
        town.app.read(record, given.grant, io.BytesIO())
    assert caught.value.code == "disk_full"


def test_a_read_that_is_repeated_after_a_crash_is_receipted_once(town: Town) -> None:
    record = town.put()
    given = town.grant(record, town.app)

    def die(call: Callable[..., object], *args: object) -> object:
        call(*args)
        raise DiedError

    app = town.grantee_of(town.app._context.wallet, answering(town.place, "vault.segments", die))
    with pytest.raises(DiedError):
        app.read(record, given.grant, io.BytesIO())
    town.read(record, given.grant, town.app)
    assert len(town.owner.receipts(record, given.grant)) == 1


def test_a_keeper_without_its_receipts_answers_nothing(shared: tuple[Town, bytes, bytes]) -> None:
    """An older copy of the keeper, from before the receipts that it posted."""
    town, record, grant = shared
    shutil.copytree(town.keeper_path(), town.path / "older")
    town.read(record, grant, town.app)
    town.post_receipts()
    forgetful = town.place_with(keepers=[town.open_keeper(path=town.path / "older")])
    for call in (
        lambda: town.owner_of(town.owner_wallet, forgetful).receipts(record, grant),
        lambda: town.read(record, grant, town.grantee_of(town.app._context.wallet, forgetful)),
    ):
        with pytest.raises(UnavailableError) as caught:
            call()
        assert caught.value.code == "receipts_lost"


def left_out(positions: set[int]) -> Callable[..., ReceiptsAnswer]:
    """A keeper that leaves out some of its receipts."""

    def answer(call: Callable[..., ReceiptsAnswer], *args: object) -> ReceiptsAnswer:
        full = call(*args)
        return replace(full, receipts=tuple(r for place, r in enumerate(full.receipts) if place not in positions))

    return answer


@pytest.mark.parametrize("positions", [{0}, {1}, {2}, {1, 2}, {0, 1, 2}])
def test_a_receipt_left_out_after_posting_is_detected_by_the_owner(
    shared: tuple[Town, bytes, bytes], positions: set[int]
) -> None:
    town, record, grant = shared
    town.post_receipts()
    liar = town.owner_of(town.owner_wallet, answering(town.place, "keeper.receipts", left_out(positions)))
    with pytest.raises(VerificationError):
        liar.receipts(record, grant)


@pytest.mark.parametrize("positions", [{0}, {1}])
def test_a_gap_is_detected_before_posting_too(shared: tuple[Town, bytes, bytes], positions: set[int]) -> None:
    town, record, grant = shared
    liar = town.owner_of(town.owner_wallet, answering(town.place, "keeper.receipts", left_out(positions)))
    with pytest.raises(VerificationError):
        liar.receipts(record, grant)


def test_a_keeper_that_denies_having_posted_is_detected(shared: tuple[Town, bytes, bytes]) -> None:
    town, record, grant = shared
    town.post_receipts()

    def deny(call: Callable[..., ReceiptsAnswer], *args: object) -> ReceiptsAnswer:
        return ReceiptsAnswer(call(*args).receipts[:1], None)

    liar = town.owner_of(town.owner_wallet, answering(town.place, "keeper.receipts", deny))
    with pytest.raises(VerificationError, match="posted a root"):
        liar.receipts(record, grant)


def test_a_keeper_that_shows_an_older_map_is_detected(shared: tuple[Town, bytes, bytes]) -> None:
    """The answer of the first posting, kept and shown again after the second."""
    town, record, grant = shared
    town.post_receipts()
    kept: list[ReceiptsAnswer] = []

    def record_it(call: Callable[..., ReceiptsAnswer], *args: object) -> ReceiptsAnswer:
        kept.append(call(*args))
        return kept[-1]

    town.owner_of(town.owner_wallet, answering(town.place, "keeper.receipts", record_it)).receipts(record, grant)
    town.read(record, grant, town.app)
    town.post_receipts()
    liar = town.owner_of(town.owner_wallet, answering(town.place, "keeper.receipts", lambda *_: kept[0]))
    with pytest.raises(VerificationError, match="another receipt map"):
        liar.receipts(record, grant)


def test_the_receipts_of_another_grant_do_not_stand_in(shared: tuple[Town, bytes, bytes]) -> None:
    town, record, grant = shared
    other = town.grant(record, town.lab).grant
    town.read(record, other, town.lab)
    kept: list[ReceiptsAnswer] = []

    def swap(call: Callable[..., ReceiptsAnswer], *args: object) -> ReceiptsAnswer:
        kept.append(call(*args))
        return kept[0]

    liar = town.owner_of(town.owner_wallet, answering(town.place, "keeper.receipts", swap))
    liar.receipts(record, grant)
    with pytest.raises(VerificationError, match="another grant"):
        liar.receipts(record, other)


@pytest.mark.parametrize("position", [0, 2])
def test_a_receipt_left_out_of_a_disclosure_is_detected_by_the_auditor(
    shared: tuple[Town, bytes, bytes], position: int
) -> None:
    town, record, grant = shared
    town.post_receipts()
    whole = unpack_disclosure(town.owner.disclose(record, [grant]))
    (shown,) = whole.grants
    (keeper,) = shown.services
    short = tuple(raw for place, raw in enumerate(keeper.receipts) if place != position)
    cut = replace(whole, grants=(replace(shown, services=(replace(keeper, receipts=short),)),))
    fetch = DirectoryFetcher(town.place_path)

    def status(disclosure: bytes) -> str:
        report = audit_place(fetch, town.trust, disclosures=[disclosure], workers=0, clock=town.clock)
        return report.step("A7").status

    assert status(whole.pack()) == "ok"
    assert status(cut.pack()) == "failed"


def test_receipts_show_who_reads_to_the_owner_alone(shared: tuple[Town, bytes, bytes]) -> None:
    """Only the record key may ask for them."""
    town, record, grant = shared
    stranger = town.owner_of(town.new_wallet("stranger"))
    ask = stranger.context.ask(record, 0, grant, "receipts", town.keepers[0].service, map_key=bytes(32))
    with pytest.raises(PrivledgerError) as caught:
        town.keepers[0].receipts(ask)
    assert caught.value.code == "unproven"
