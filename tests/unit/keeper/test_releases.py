"""When a keeper releases a share: steps 1 to 5 of docs/spec/release.md §2, in that order, and its receipt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from privledger.keeper import keeper as keeper_module
from privledger.keeper.keeper import LocalKeeper
from privledger.protocol.errors import AuthorisationError, UnavailableError
from privledger.protocol.receipt import open_response, parse_receipt
from privledger.protocol.request import parse_request
from privledger.protocol.terms import parse_opening
from tests.support.chain import ORIGIN, record_of, short, signer
from tests.support.places import RESPONSE, TERMS, Granted, World
from tests.unit.keeper.conftest import SHARE


def refusal(call: Callable[..., object], *arguments: object) -> AuthorisationError:
    with pytest.raises(AuthorisationError) as info:
        call(*arguments)
    return info.value


def receipts_of(keeper: LocalKeeper, world: World, granted: Granted) -> tuple[bytes, ...]:
    return keeper.receipts(world.ask("receipts", granted.grant)).receipts


def test_a_live_grant_gets_the_share_and_a_receipt(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    raw = world.request(granted)
    answer = keeper.release(raw, granted.opening)
    request = parse_request(raw, ORIGIN)
    share = open_response(RESPONSE, answer.share, request, origin=ORIGIN, service=keeper.service)
    receipt = parse_receipt(answer.receipt, ORIGIN)
    assert share == SHARE
    assert (receipt.service, receipt.service_key) == (keeper.service, signer("keeper").key_id)
    assert (receipt.request.raw, receipt.size, receipt.time) == (raw, world.chain.size, world.now)
    assert (receipt.number, receipt.head_before, receipt.units) == (1, bytes(32), 1)


def test_receipts_of_a_grant_form_a_chain(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    raws = [keeper.release(world.request(granted, number=n), granted.opening).receipt for n in (2, 1, 5)]
    parsed = [parse_receipt(raw, ORIGIN) for raw in raws]
    assert [receipt.number for receipt in parsed] == [1, 2, 3]
    assert [receipt.head_before for receipt in parsed[1:]] == [receipt.head for receipt in parsed[:-1]]
    assert receipts_of(keeper, world, granted) == tuple(raws)


def test_the_owner_gets_the_share_with_a_receipt_of_no_units(
    keeper: LocalKeeper, world: World, granted: Granted
) -> None:
    for number in (1, 2):
        receipt = parse_receipt(keeper.release(world.request(None)).receipt, ORIGIN)
        assert (receipt.number, receipt.units, receipt.request.grant) == (number, 0, bytes(16))


# --- steps 1 and 2


def broken_requests(world: World, granted: Granted) -> dict[str, bytes]:
    request = world.request
    good = request(granted)
    return {
        "not CBOR": b"\xff",
        "bad signature": good[:-1] + bytes([good[-1] ^ 1]),
        "another ledger": request(granted, origin="other.example/" + "cd" * 32),
        "not addressed": request(granted, services=[world.vault]),
        "expired": request(granted, expiry=world.now - 1),
        "too far ahead": request(granted, expiry=world.now + 601),
        "unknown record": request(granted, record=record_of("nobody")),
        "unknown grant": request(granted, grant=short("nothing")),
        "another key": request(granted, by=world.grant_entry("other")[1].signer),
        "owner of another record": request(None, by=signer("stranger")),
        "owner of an unknown record": request(None, record=record_of("stranger"), by=signer("stranger")),
        "no response key": request(granted, response_key=b""),
    }


def test_until_control_is_proven_every_refusal_is_the_same(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    seen = {}
    for name, raw in broken_requests(world, granted).items():
        error = refusal(keeper.release, raw, granted.opening)
        seen[name] = (str(error), error.code, error.step, error.entry, error.hint)
    assert len(set(seen.values())) == 1, seen
    assert next(iter(seen.values()))[1] == "unproven"
    assert receipts_of(keeper, world, granted) == ()


# --- step 3


def test_a_revoked_grant_is_refused_with_the_entry(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    revoke = world.chain.revoke("owner", "g")
    world.close(revoke)
    error = refusal(keeper.release, world.request(granted), granted.opening)
    assert (error.code, error.step, error.entry) == ("grant_revoked", 3, world.chain.index(revoke))


def test_a_revoke_in_hand_binds_at_once_and_through_a_restart(
    keeper: LocalKeeper, open_keeper: Callable[..., LocalKeeper], world: World, granted: Granted
) -> None:
    keeper.notify(world.chain.revoke("owner", "g"))
    for place in (keeper, open_keeper()):
        error = refusal(place.release, world.request(granted), granted.opening)
        assert (error.code, error.step, error.entry) == ("grant_revoked", 3, None)


def test_an_erased_record_is_refused_with_the_entry(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    erase = world.chain.erase("owner")
    world.close(erase)
    error = refusal(keeper.release, world.request(None))
    assert (error.code, error.step, error.entry) == ("record_erased", 3, world.chain.index(erase))


def test_another_epoch_is_refused(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    error = refusal(keeper.release, world.request(granted, epoch=1), granted.opening)
    assert (error.code, error.step) == ("wrong_epoch", 3)


def test_a_view_is_used_for_as_long_as_the_limit_and_no_longer(
    keeper: LocalKeeper, world: World, granted: Granted
) -> None:
    world.view.follow()
    world.view.frozen = True
    world.now += 30
    assert keeper.release(world.request(granted), granted.opening).receipt
    world.now += 1
    error = refusal(keeper.release, world.request(granted, number=2), granted.opening)
    assert (error.code, error.step) == ("stale_view", 3)


def test_a_clock_that_went_back_makes_no_view_fresh_even_after_a_restart(
    keeper: LocalKeeper, open_keeper: Callable[..., LocalKeeper], world: World, granted: Granted
) -> None:
    world.view.follow()
    seen = world.now
    world.now += 1000
    keeper.release(world.request(granted), granted.opening)
    world.view.frozen = True
    world.view.view_time = world.now = seen
    for place in (keeper, open_keeper()):
        error = refusal(place.release, world.request(granted, number=2), granted.opening)
        assert error.code == "stale_view"


# --- step 4


def test_another_opening_is_refused(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    wider = world.grant_entry("g", replace(TERMS, last_read=99))[1].opening
    other = world.grant_entry("other")[1].opening
    assert parse_opening(wider)[0].last_read == 99
    for opening in (b"", b"\xff", wider, other):
        error = refusal(keeper.release, world.request(granted), opening)
        assert (error.code, error.step) == ("bad_opening", 4)


@pytest.mark.parametrize(
    ("shift", "code"), [(-1, "not_yet"), (0, None), (100, None), (101, "expired")], ids=["-1", "0", "100", "101"]
)
def test_a_grant_is_good_from_its_first_second_to_its_last(
    keeper: LocalKeeper, world: World, deposited: bytes, shift: int, code: str | None
) -> None:
    start = world.now + 500
    granted = world.publish_grant("g", replace(TERMS, not_before=start, not_after=start + 100))
    world.now = start + shift
    if code is None:
        assert keeper.release(world.request(granted), granted.opening).receipt
    else:
        error = refusal(keeper.release, world.request(granted), granted.opening)
        assert (error.code, error.step) == (code, 4)


def test_the_later_of_clock_and_block_time_counts(keeper: LocalKeeper, world: World, deposited: bytes) -> None:
    granted = world.publish_grant("g", replace(TERMS, not_after=world.now + 10))
    world.chain.close(time=world.now + 11)
    error = refusal(keeper.release, world.request(granted), granted.opening)
    assert error.code == "expired"


@pytest.mark.parametrize("number", [1, 6])
def test_a_read_number_outside_the_terms_is_refused(
    keeper: LocalKeeper, world: World, deposited: bytes, number: int
) -> None:
    granted = world.publish_grant("g", replace(TERMS, first_read=2, last_read=5))
    error = refusal(keeper.release, world.request(granted, number=number), granted.opening)
    assert (error.code, error.step) == ("number_out_of_range", 4)
    assert keeper.release(world.request(granted, number=2), granted.opening).receipt
    assert keeper.release(world.request(granted, number=5), granted.opening).receipt


# --- step 5


def test_a_read_number_is_spent_once(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    keeper.release(world.request(granted), granted.opening)
    error = refusal(keeper.release, world.request(granted), granted.opening)
    assert (error.code, error.step) == ("number_used", 5)
    assert len(receipts_of(keeper, world, granted)) == 1


def test_the_same_number_of_another_grant_is_another_number(
    keeper: LocalKeeper, world: World, granted: Granted
) -> None:
    other = world.publish_grant("h")
    assert keeper.release(world.request(granted), granted.opening).receipt
    assert keeper.release(world.request(other), other.opening).receipt


def test_the_same_bytes_are_answered_again_with_the_same_receipt_even_when_expired(
    keeper: LocalKeeper, world: World, granted: Granted
) -> None:
    raw = world.request(granted)
    first = keeper.release(raw, granted.opening)
    world.now += 61
    again = keeper.release(raw, granted.opening)
    assert again.receipt == first.receipt
    request = parse_request(raw, ORIGIN)
    assert open_response(RESPONSE, again.share, request, origin=ORIGIN, service=keeper.service) == SHARE
    assert len(receipts_of(keeper, world, granted)) == 1


def test_a_repeat_is_checked_against_the_state_of_now(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    raw = world.request(granted)
    keeper.release(raw, granted.opening)
    assert refusal(keeper.release, raw, b"").code == "bad_opening"
    world.close(world.chain.revoke("owner", "g"))
    assert refusal(keeper.release, raw, granted.opening).code == "grant_revoked"


def test_an_expired_request_of_the_owner_is_not_answered_again(
    keeper: LocalKeeper, world: World, granted: Granted
) -> None:
    raw = world.request(None)
    first = keeper.release(raw)
    assert keeper.release(raw).receipt == first.receipt
    world.now += 61
    assert refusal(keeper.release, raw).code == "unproven"


# --- order


def test_the_steps_are_checked_in_their_order(keeper: LocalKeeper, world: World, deposited: bytes) -> None:
    terms = replace(TERMS, not_after=world.now + 5)
    granted = world.publish_grant("g", terms)
    other = world.grant_entry("other")[1]
    keeper.release(world.request(granted), granted.opening)
    revoke = world.chain.revoke("owner", "g")
    # Everything from step 2 on is wrong; then one step after another is put right.
    world.now += 6
    keeper.notify(revoke)
    wrong_key = world.request(granted, by=other.signer, epoch=1)
    right_key = world.request(granted, epoch=1)
    assert refusal(keeper.release, wrong_key, b"").code == "unproven"
    assert refusal(keeper.release, right_key, b"").code == "grant_revoked"


def test_steps_3_4_and_5_are_checked_in_their_order(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    keeper.release(world.request(granted), granted.opening)
    assert refusal(keeper.release, world.request(granted, epoch=1), b"").step == 3
    assert refusal(keeper.release, world.request(granted), b"").step == 4
    assert refusal(keeper.release, world.request(granted), granted.opening).step == 5


def test_within_step_3_the_end_of_the_record_is_named_first(
    keeper: LocalKeeper, world: World, granted: Granted
) -> None:
    world.close(world.chain.revoke("owner", "g"))
    world.close(world.chain.erase("owner"))
    keeper.deposit_key()
    world.view.frozen = True
    world.now += 100
    error = refusal(keeper.release, world.request(granted, epoch=1), granted.opening)
    assert error.code == "record_erased"


# --- crashes


def test_a_crash_between_receipt_and_answer_keeps_the_receipt(
    keeper: LocalKeeper,
    open_keeper: Callable[..., LocalKeeper],
    world: World,
    granted: Granted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = world.request(granted)

    def crash(*_: object) -> None:
        raise RuntimeError("power")

    with monkeypatch.context() as patch:
        patch.setattr(keeper_module, "Release", crash)
        with pytest.raises(RuntimeError):
            keeper.release(raw, granted.opening)
    again = open_keeper()
    (stored,) = receipts_of(again, world, granted)
    assert again.release(raw, granted.opening).receipt == stored
    assert refusal(again.release, world.request(granted), granted.opening).code == "number_used"


def test_a_crash_before_the_receipt_spends_nothing(
    keeper: LocalKeeper, world: World, granted: Granted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("power")

    with monkeypatch.context() as patch:
        patch.setattr(keeper._book, "append", crash)
        with pytest.raises(RuntimeError):
            keeper.release(world.request(granted), granted.opening)
    assert receipts_of(keeper, world, granted) == ()
    assert keeper.release(world.request(granted), granted.opening).receipt


def test_a_missing_share_spends_nothing(keeper: LocalKeeper, world: World, granted: Granted, directory: Path) -> None:
    next((directory / "shares").iterdir()).unlink()
    with pytest.raises(UnavailableError) as info:
        keeper.release(world.request(granted), granted.opening)
    assert info.value.code == "not_found"
    assert receipts_of(keeper, world, granted) == ()


def test_two_processes_over_one_directory_spend_a_number_once(
    keeper: LocalKeeper, open_keeper: Callable[..., LocalKeeper], world: World, granted: Granted
) -> None:
    keeper.release(world.request(granted), granted.opening)
    other = open_keeper()
    assert refusal(other.release, world.request(granted), granted.opening).code == "number_used"
