"""Receipts that are asked for, and the root that fixes how many there are (docs/spec/release.md §4 and §5)."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from privledger.keeper._guard import Count, ReceiptGuard
from privledger.keeper._receipts import ReceiptBook
from privledger.keeper.keeper import LocalKeeper
from privledger.protocol.deposit import parse_deposit
from privledger.protocol.entries import ReceiptsEntry, admit
from privledger.protocol.errors import AuthorisationError, FormatError, UnavailableError
from privledger.protocol.ids import ZERO_GRANT
from privledger.protocol.receipt import parse_receipt, parse_receipt_opening, receipt_map_key, verify_totals
from privledger.rules.apply import Accepted
from privledger_crypto.statemap import SparseMap
from tests.support.chain import ORIGIN, record_of, short, signer
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
    opening.verify(world.map_key(granted.grant))
    assert opening.root == body.root
    assert opening.totals is not None
    assert (opening.totals.count, opening.totals.units) == (3, 3)
    verify_totals([parse_receipt(raw, ORIGIN) for raw in answer.receipts], opening.totals)
    assert len(answer.receipts) == 4
    absent = parse_receipt_opening(keeper.receipts(world.ask("receipts", other.grant)).opening)
    absent.verify(world.map_key(other.grant))
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


# --- the guard


def read_numbers(keeper: LocalKeeper, world: World, granted: Granted, *numbers: int) -> None:
    for number in numbers:
        release(keeper, world, granted, number)


def test_a_keeper_restored_from_before_its_last_receipt_answers_nothing(
    keeper: LocalKeeper, open_keeper: Callable[..., LocalKeeper], world: World, granted: Granted, directory: Path
) -> None:
    """The posted root holds, since the backup is newer; but a read number that was spent after it is forgotten."""
    release(keeper, world, granted)
    post(keeper, world)
    keeper.close()
    database = directory / "keeper.sqlite"
    backup = database.read_bytes()
    read_numbers(open_keeper(), world, granted, 2)
    for left in directory.glob("keeper.sqlite*"):
        left.unlink()
    database.write_bytes(backup)
    again = open_keeper()
    for call in (
        lambda: release(again, world, granted, 2),
        lambda: again.receipts(world.ask("receipts", granted.grant)),
    ):
        with pytest.raises(UnavailableError) as info:
            call()
        assert info.value.code == "receipts_lost"


def test_a_keeper_that_went_on_from_an_old_backup_answers_nothing(
    keeper: LocalKeeper, open_keeper: Callable[..., LocalKeeper], world: World, granted: Granted, tmp_path: Path
) -> None:
    """As many receipts as the guard counted, but others."""
    guard = tmp_path / "guard of another life"
    first = open_keeper(guard_path=guard)
    read_numbers(first, world, granted, 1, 2)
    with first._database.writing() as connection:
        connection.exec_driver_sql("UPDATE receipts SET running = zeroblob(32) WHERE number = 2")
    with pytest.raises(UnavailableError) as info:
        first.deposit_key()
    assert info.value.code == "receipts_lost"


def test_a_crash_between_the_receipt_and_the_guard_is_survived(
    keeper: LocalKeeper,
    open_keeper: Callable[..., LocalKeeper],
    world: World,
    granted: Granted,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in (1, 2, 3):
        raw = world.request(granted, number=number)
        with monkeypatch.context() as patch:
            patch.setattr(ReceiptGuard, "move", lambda self, to: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                keeper.release(raw, granted.opening)
        keeper = open_keeper()
        receipt = parse_receipt(keeper.release(raw, granted.opening).receipt, ORIGIN)
        assert receipt.number == number, "it is the receipt that was stored before the crash"
        assert json.loads((directory / "guard").read_bytes())["receipts"] == number


def test_no_answer_leaves_before_the_guard_has_moved(
    keeper: LocalKeeper, world: World, granted: Granted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: ReceiptGuard, to: Count) -> None:
        raise UnavailableError("no space left", code="disk_full")

    monkeypatch.setattr(ReceiptGuard, "move", full)
    raw = world.request(granted)
    for _ in range(2):
        with pytest.raises(UnavailableError) as info:
            keeper.release(raw, granted.opening)
        assert info.value.code == "disk_full"


def test_receipts_without_their_guard_may_be_an_old_copy(
    keeper: LocalKeeper, open_keeper: Callable[..., LocalKeeper], world: World, granted: Granted, directory: Path
) -> None:
    read_numbers(keeper, world, granted, 1, 2)
    (directory / "guard").unlink()
    with pytest.raises(UnavailableError) as info:
        open_keeper().deposit_key()
    assert info.value.code == "receipts_lost"


def test_an_old_guard_is_moved_on_if_the_receipts_go_on_from_it(
    keeper: LocalKeeper, world: World, granted: Granted, directory: Path
) -> None:
    release(keeper, world, granted)
    old = (directory / "guard").read_bytes()
    read_numbers(keeper, world, granted, 2, 3)
    new = (directory / "guard").read_bytes()
    (directory / "guard").write_bytes(old)
    keeper.deposit_key()
    assert (directory / "guard").read_bytes() == new


def test_the_guard_may_lie_elsewhere(
    open_keeper: Callable[..., LocalKeeper], world: World, granted: Granted, directory: Path, tmp_path: Path
) -> None:
    guard = tmp_path / "another disk" / "guard"
    release(open_keeper(guard_path=guard), world, granted)
    assert stat.S_IMODE(guard.stat().st_mode) == 0o600
    assert not (directory / "guard").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b'{"version": 1, "service": "00", "receipts": 1, "hash": "%s"}' % (b"00" * 32)],
    ids=["empty", "no fields", "a list", "another keeper's"],
)
def test_a_guard_that_cannot_be_read_is_refused(
    keeper: LocalKeeper, world: World, granted: Granted, directory: Path, content: bytes
) -> None:
    (directory / "guard").write_bytes(content)
    with pytest.raises(FormatError):
        keeper.deposit_key()


# --- whom an answer tells what


def test_no_proof_shows_which_grants_of_others_were_read(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    """Record and grant ids are public; what a proof names of others cannot be computed from them."""
    release(keeper, world, granted)
    post(keeper, world)
    world.publish_record("stranger")
    ask = world.ask(
        "receipts", short("any"), owner="stranger", record=record_of("stranger"), map_key=sha256(b"any").digest()
    )
    opening = parse_receipt_opening(keeper.receipts(ask).opening)
    assert opening.totals is None
    assert opening.proof.other_leaf is not None
    key_hash, _ = opening.proof.other_leaf
    assert key_hash != sha256(world.record + granted.grant).digest()
    assert key_hash == sha256(world.map_key(granted.grant)).digest()


def test_a_map_key_of_another_record_is_answered_to_nobody_else(
    keeper: LocalKeeper, world: World, granted: Granted
) -> None:
    """A grantee knows the secret of its grant; being an owner of something else gives it no right to the totals."""
    release(keeper, world, granted)
    post(keeper, world)
    other = world.publish_grant("h")
    world.publish_record("stranger")
    stolen = world.map_key(granted.grant)
    for ask in (
        world.ask("receipts", granted.grant, owner="stranger", record=record_of("stranger"), map_key=stolen),
        world.ask("receipts", other.grant, map_key=stolen),
        world.ask("receipts", map_key=stolen),
    ):
        with pytest.raises(AuthorisationError) as info:
            keeper.receipts(ask)
        assert info.value.code == "unproven"


def test_under_another_map_key_there_are_no_receipts(keeper: LocalKeeper, world: World, granted: Granted) -> None:
    release(keeper, world, granted)
    post(keeper, world)
    wrong = sha256(b"wrong").digest()
    answer = keeper.receipts(world.ask("receipts", granted.grant, map_key=wrong))
    assert answer.receipts == ()
    parse_receipt_opening(answer.opening).verify(wrong)


def test_the_owners_reads_stand_under_the_digest_of_the_share(
    keeper: LocalKeeper, world: World, deposited: bytes
) -> None:
    receipt = keeper.release(world.request(None)).receipt
    post(keeper, world)
    answer = keeper.receipts(world.ask("receipts"))
    digest = parse_deposit(deposited, ORIGIN).digest
    opening = parse_receipt_opening(answer.opening)
    opening.verify(receipt_map_key(world.record, ZERO_GRANT, digest))
    assert answer.receipts == (receipt,)
    assert opening.totals is not None
    assert (opening.totals.count, opening.totals.units) == (1, 0)


def test_the_posted_map_is_built_once(
    keeper: LocalKeeper, world: World, granted: Granted, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []
    build = ReceiptBook.map_at

    def counting(self: ReceiptBook, size: int) -> SparseMap:
        built.append(size)
        return build(self, size)

    monkeypatch.setattr(ReceiptBook, "map_at", counting)
    release(keeper, world, granted)
    first = post(keeper, world).b
    for number in (2, 3, 4):
        keeper.receipts(world.ask("receipts", granted.grant))
        release(keeper, world, granted, number)
    assert built == [first, first], "once to sign its root, and once to answer under it"
    second = post(keeper, world).b
    keeper.receipts(world.ask("receipts", granted.grant))
    assert built == [first, first, second, second]


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
