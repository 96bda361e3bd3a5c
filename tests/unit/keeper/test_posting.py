"""Receipts that are asked for, and the root that fixes how many there are (docs/spec/release.md §4 and §5)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from privledger.keeper.keeper import LocalKeeper
from privledger.protocol.entries import ReceiptsEntry, admit
from privledger.protocol.errors import AuthorisationError, UnavailableError
from privledger.protocol.receipt import parse_receipt, parse_receipt_opening, verify_totals
from privledger.rules.apply import Accepted
from tests.support.chain import ORIGIN, record_of, signer
from tests.support.places import Granted, World

DAY = 86_400


def release(keeper: LocalKeeper, world: World, granted: Granted, number: int = 1) -> bytes:
    return keeper.release(world.request(granted, number=number), granted.opening).receipt


def body_of(leaf: bytes) -> ReceiptsEntry:
    body = admit(leaf, origin=ORIGIN).body
    assert isinstance(body, ReceiptsEntry)
    return body


def post(keeper: LocalKeeper, world: World) -> ReceiptsEntry:
    leaf = keeper.prepare_receipts()
    (result,) = world.chain.close(leaf, time=max(world.now, world.chain.time))
    assert isinstance(result, Accepted)
    keeper.receipts_posted(True)
    return body_of(leaf)


def test_before_the_first_posting_receipts_come_without_an_opening(
    keeper: LocalKeeper, world: World, granted: Granted
) -> None:
    receipt = release(keeper, world, granted)
    answer = keeper.receipts(world.ask("receipts", granted.grant))
    assert (answer.receipts, answer.opening) == ((receipt,), None)


def test_the_posted_root_fixes_the_number_of_receipts(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    for number in (1, 2, 3):
        release(keeper, world, granted, number)
    other = world.publish_grant("h")
    body = post(keeper, world)
    assert (body.service, body.a, body.b) == (keeper.service, 0, world.chain.size - 2)
    release(keeper, world, granted, 4)
    answer = keeper.receipts(world.ask("receipts", granted.grant))
    opening = parse_receipt_opening(answer.opening)
    opening.verify(world.record, granted.grant)
    assert opening.root == body.root
    assert opening.totals is not None
    assert (opening.totals.count, opening.totals.units) == (3, 3)
    verify_totals([parse_receipt(raw, ORIGIN) for raw in answer.receipts], opening.totals)
    assert len(answer.receipts) == 4
    absent = parse_receipt_opening(keeper.receipts(world.ask("receipts", other.grant)).opening)
    absent.verify(world.record, other.grant)
    assert absent.totals is None


def test_the_map_is_cumulative_and_its_values_are_blinded_anew(
    keeper: LocalKeeper, world: World, granted: Granted
) -> None:
    totals = []
    for number in (1, 2):
        release(keeper, world, granted, number)
        post(keeper, world)
        opened = parse_receipt_opening(keeper.receipts(world.ask("receipts", granted.grant)).opening).totals
        assert opened is not None
        totals.append(opened)
    assert [one.count for one in totals] == [1, 2]
    assert totals[0].rho != totals[1].rho


def test_periods_are_contiguous(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    first = post(keeper, world)
    second = post(keeper, world)
    assert second.a == first.b < second.b


def test_a_receipt_after_preparing_names_a_checkpoint_after_the_period(
    keeper: LocalKeeper, world: World, granted: Granted
) -> None:
    body = body_of(keeper.prepare_receipts())
    with pytest.raises(UnavailableError) as info:
        release(keeper, world, granted)
    assert info.value.code == "period_closed"
    assert keeper.receipts(world.ask("receipts", granted.grant)).receipts == ()
    world.close()
    assert parse_receipt(release(keeper, world, granted), ORIGIN).size > body.b


def test_a_repeat_is_answered_while_the_period_is_closed(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    raw = world.request(granted)
    first = keeper.release(raw, granted.opening)
    keeper.prepare_receipts()
    assert keeper.release(raw, granted.opening).receipt == first.receipt


def test_a_refused_entry_stays_a_closed_period(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    leaf = keeper.prepare_receipts()
    keeper.receipts_posted(False)
    with pytest.raises(UnavailableError) as info:
        release(keeper, world, granted)
    assert info.value.code == "period_closed"
    assert keeper.prepare_receipts() == leaf, "no block came since, so it is the same entry"


def test_a_refused_entry_that_reaches_the_chain_after_all_counts(
    keeper: LocalKeeper, world: World, granted: Granted
) -> None:
    release(keeper, world, granted)
    leaf = keeper.prepare_receipts()
    keeper.receipts_posted(False)
    world.close()
    release(keeper, world, granted, 2)
    later = body_of(keeper.prepare_receipts())
    assert later.a == 0
    keeper.receipts_posted(False)
    world.close(leaf)
    opening = parse_receipt_opening(keeper.receipts(world.ask("receipts", granted.grant)).opening)
    assert opening.totals is not None
    assert (opening.root, opening.totals.count) == (body_of(leaf).root, 1)


def test_preparing_again_gives_the_same_entry(
    keeper: LocalKeeper, open_keeper: Callable[..., LocalKeeper], world: World, granted: Granted
) -> None:
    leaf = keeper.prepare_receipts()
    world.close()
    assert open_keeper().prepare_receipts() == leaf


@pytest.mark.parametrize("reached", [True, False])
def test_after_a_crash_the_chain_says_whether_the_entry_was_posted(
    keeper: LocalKeeper, open_keeper: Callable[..., LocalKeeper], world: World, granted: Granted, reached: bool
) -> None:
    release(keeper, world, granted)
    leaf = keeper.prepare_receipts()
    if reached:
        world.close(leaf)
    again = open_keeper()
    opening = again.receipts(world.ask("receipts", granted.grant)).opening
    assert (opening is not None) is reached
    if reached:
        assert parse_receipt_opening(opening).root == body_of(leaf).root
    else:
        assert again.prepare_receipts() == leaf


def test_a_period_is_due_after_a_day_of_block_time(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    post(keeper, world)
    assert not keeper.due()
    started = world.now
    world.now = started + DAY - 1
    world.close()
    assert not keeper.due()
    world.now = started + DAY
    assert not keeper.due(), "an idle ledger has no block that passed the limit"
    world.close()
    assert keeper.due()
    post(keeper, world)
    assert not keeper.due()


def test_the_first_period_is_due_a_day_after_the_service_began(keeper: LocalKeeper, world: World) -> None:
    began = world.now
    world.close(world.chain.service("keeper", 1, valid_from=began))
    assert not keeper.due()
    world.now += DAY
    world.close()
    assert keeper.due()


def test_an_entry_that_waits_is_due(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    post(keeper, world)
    world.close()
    keeper.prepare_receipts()
    assert keeper.due()


def test_nothing_is_prepared_twice_for_one_checkpoint(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    keeper.prepare_receipts()
    keeper.receipts_posted(True)
    with pytest.raises(UnavailableError) as info:
        keeper.prepare_receipts()
    assert info.value.code == "nothing_to_post"


def test_a_keeper_that_lost_receipts_answers_nothing(
    keeper: LocalKeeper,
    open_keeper: Callable[..., LocalKeeper],
    world: World,
    granted: Granted,
    directory: Path,
    tmp_path: Path,
) -> None:
    release(keeper, world, granted)
    post(keeper, world)
    # A backup from before the second period, restored after it.
    restored = tmp_path / "restored"
    keeper._database.close()
    shutil.copytree(directory, restored)
    release(keeper, world, granted, 2)
    post(keeper, world)
    again = open_keeper(restored)
    for call in (
        lambda: release(again, world, granted, 3),
        lambda: again.receipts(world.ask("receipts", granted.grant)),
        lambda: again.certificate(world.ask("certificate")),
        again.deposit_key,
        again.prepare_receipts,
        again.due,
    ):
        with pytest.raises(UnavailableError) as info:
            call()
        assert info.value.code == "receipts_lost"
    world.close(world.chain.erase("owner"))
    again.renew_deposit_keys()
    assert list((restored / "shares").iterdir()) == [], "what must go goes all the same"


def test_a_keeper_whose_receipt_is_missing_answers_nothing(
    keeper: LocalKeeper, open_keeper: Callable[..., LocalKeeper], world: World, granted: Granted
) -> None:
    release(keeper, world, granted)
    post(keeper, world)
    with keeper._database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM receipts")
    with pytest.raises(UnavailableError) as info:
        open_keeper().receipts(world.ask("receipts", granted.grant))
    assert info.value.code == "receipts_lost"


# --- asks


def test_an_ask_is_good_for_an_erased_record_and_may_be_repeated(
    keeper: LocalKeeper, world: World, granted: Granted
) -> None:
    receipt = release(keeper, world, granted)
    world.close(world.chain.erase("owner"))
    ask = world.ask("receipts", granted.grant)
    assert keeper.receipts(ask).receipts == keeper.receipts(ask).receipts == (receipt,)


def test_every_wrong_ask_is_refused_alike(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    good = world.ask("receipts", granted.grant)
    asks = {
        "not CBOR": b"\xff",
        "bad signature": good[:-1] + bytes([good[-1] ^ 1]),
        "another key": world.ask("receipts", granted.grant, owner="stranger"),
        "another ledger": world.ask("receipts", granted.grant, origin="other.example/" + "cd" * 32),
        "another service": world.ask("receipts", granted.grant, service=world.vault),
        "another thing": world.ask("certificate"),
        "expired": world.ask("receipts", granted.grant, expiry=world.now - 1),
        "too far ahead": world.ask("receipts", granted.grant, expiry=world.now + 601),
        "unknown record": world.ask("receipts", granted.grant, record=record_of("nobody")),
    }
    seen = {}
    for name, raw in asks.items():
        with pytest.raises(AuthorisationError) as info:
            keeper.receipts(raw)
        seen[name] = (str(info.value), info.value.code, info.value.step)
    assert len(set(seen.values())) == 1, seen
    with pytest.raises(AuthorisationError):
        keeper.certificate(good)


def test_the_entry_is_signed_by_the_service(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    assert admit(keeper.prepare_receipts(), origin=ORIGIN).keys == (signer("keeper").key_id,)
