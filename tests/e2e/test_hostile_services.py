"""Services and wallets that get in the way: what an owner ended ends, what is live is not forgotten, and no grant is stranded."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import pytest

from privledger.local import LocalPlace
from privledger.protocol.entries import EraseEntry, parse_entry
from privledger.protocol.errors import AuthorisationError, UnavailableError, UsageError, VerificationError
from privledger.protocol.outcomes import Refused
from privledger.sdk.recover import recover
from privledger.wallet.store import Wallet
from tests.support.town import PASSPHRASE, Town
from tests.support.wrapped import answering


class Away(Exception):
    """Stands for the crash of a process."""


# --- threads of one wallet ----------------------------------------------------------------------------------------


def test_threads_of_one_wallet_never_reserve_one_index_twice(town: Town) -> None:
    wallet, found = town.owner_wallet, []

    def reserve() -> None:
        for _ in range(20):
            found.append(wallet.reserve_index())

    threads = [threading.Thread(target=reserve) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(120))


# --- ending -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [UnavailableError("away"), VerificationError("no"), UsageError("no")], ids=str)
def test_a_service_that_does_not_take_a_revocation_does_not_stop_it(town: Town, error: Exception) -> None:
    record = town.put()
    grant = town.grant(record, town.app).grant

    def refuse(_call: Any, _entry: bytes) -> None:
        raise error

    ended = town.owner_of(
        town.owner_wallet, answering(answering(town.place, "keeper.notify", refuse), "vault.notify", refuse)
    ).revoke(record, [grant])
    assert set(ended.untold) == {town.vault.service, town.keepers[0].service}
    with pytest.raises(AuthorisationError) as caught:
        town.read(record, grant, town.app)
    assert (caught.value.code, caught.value.entry) == ("grant_revoked", ended.index)


def test_a_ledger_that_says_a_live_record_is_erased_makes_the_wallet_forget_nothing(town: Town) -> None:
    record = town.put()

    def lie(call: Any, entries: list[bytes]) -> Any:
        if isinstance(parse_entry(entries[0]).body, EraseEntry):
            return [Refused("record_erased", "it is gone, believe me")]
        return call(entries)

    liar = town.owner_of(town.owner_wallet, answering(town.place, "ledger.submit", lie))
    with pytest.raises(VerificationError) as caught:
        liar.erase(record)
    assert caught.value.code == "swallowed"
    assert [note.record for note in town.owner.owned()] == [record]
    assert town.owner.erased() == []


def test_an_erase_that_dies_before_the_wallet_forgets_is_finished_by_resume(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = town.put()

    def crash(*_args: object) -> None:
        raise Away

    monkeypatch.setattr("privledger.sdk.ending.bury", crash)
    with pytest.raises(Away):
        town.owner.erase(record)
    monkeypatch.undo()
    assert len(town.owner.owned()) == 1
    assert any(record.hex() in line for line in town.owner.resume())
    assert town.owner.owned() == []
    assert [note.record for note in town.owner.erased()] == [record]
    assert town.owner.certificates(record)


def test_revoking_all_at_a_ledger_that_shows_an_old_state_is_refused(town: Town) -> None:
    record = town.put()
    old_note = town.ledger.fresh()
    grant = town.grant(record, town.app).grant
    liar = town.owner_of(town.owner_wallet, answering(town.place, "ledger.fresh", lambda _call: old_note))
    with pytest.raises(VerificationError) as caught:
        liar.context.view.fresh()
    assert caught.value.code == "older"
    ended = town.owner.revoke_all(record)
    with pytest.raises(AuthorisationError) as refused:
        town.read(record, grant, town.app)
    assert refused.value.entry == ended.index


def test_a_state_from_before_a_revocation_is_no_answer_after_it(town: Town) -> None:
    record = town.put()
    grant = town.grant(record, town.app).grant
    town.owner.show(record)
    saved: dict[str, Any] = {}

    def remember(call: Any, keys: list[bytes]) -> Any:
        key = b"".join(keys).hex()
        if saved.get("replaying"):
            return saved[key]
        saved[key] = call(keys)
        return saved[key]

    watched = town.owner_of(town.owner_wallet, answering(town.place, "ledger.state", remember))
    watched.show(record)
    town.owner.revoke(record, [grant])
    saved["replaying"] = True
    liar = town.owner_of(town.owner_wallet, answering(town.place, "ledger.state", remember))
    with pytest.raises(VerificationError) as caught:
        liar.show(record)
    assert caught.value.code == "older"


# --- first contact ------------------------------------------------------------------------------------------------


def test_a_ledger_with_another_entry_0_is_not_the_one_that_was_pinned(town: Town, tmp_path: Path) -> None:
    wallet = town.new_wallet("newcomer")
    other = LocalPlace.create(tmp_path / "other", name="town.example", clock=town.clock, random_bytes=town.random_bytes)
    foreign = other.ledger.leaves(0, 1)
    other.close()

    def lie(call: Any, start: int, end: int) -> Any:
        return foreign if (start, end) == (0, 1) else call(start, end)

    owner = town.owner_of(wallet, answering(town.place, "ledger.leaves", lie))
    with pytest.raises(VerificationError) as caught:
        owner.put(io.BytesIO(b"x"), title="x")
    assert caught.value.code == "wrong_genesis"


def test_recovery_does_not_believe_an_old_checkpoint(town: Town) -> None:
    town.put()
    town.ledger.fresh()
    old = town.ledger.checkpoint()
    town.advance(3_600)
    wallet = town.new_wallet("again", town.owner_seed)
    liar = answering(town.place, "ledger.fresh", lambda _call: old)
    with pytest.raises(UnavailableError) as caught:
        recover(wallet, liar, clock=town.clock, random_bytes=town.random_bytes)
    assert caught.value.code == "stale_view"


def test_a_second_copy_of_a_wallet_does_not_put_under_an_index_that_is_used(town: Town) -> None:
    copy = town.owner_of(town.new_wallet("copy", town.owner_seed))
    first = town.put(b"one")
    second = copy.put(io.BytesIO(b"two"), title="two")
    assert second.record != first
    assert second.index == 1


# --- reading ------------------------------------------------------------------------------------------------------


def test_a_request_that_expired_unanswered_is_made_anew_under_its_number(town: Town) -> None:
    record = town.put(b"payload")
    grant = town.grant(record, town.app, town.terms(reads=1)).grant

    def away(_call: Any, *_args: object) -> None:
        raise UnavailableError("the keeper is away")

    stranded = town.grantee_of(town.app._context.wallet, answering(town.place, "keeper.release", away))
    with pytest.raises(UnavailableError):
        stranded.read(record, grant, io.BytesIO())
    town.advance(3_600)
    assert town.read(record, grant, town.app) == b"payload"


def test_a_number_that_another_session_spent_gives_way_to_the_next(town: Town) -> None:
    record = town.put(b"payload")
    grant = town.grant(record, town.app).grant
    town.app.accept(record, grant)
    wallet = town.app._context.wallet
    before = list(wallet.items("inbox"))
    assert town.read(record, grant, town.app) == b"payload"
    for group, item, value in before:  # an older copy of the note, as a second machine would have it
        wallet.put("inbox", group, item, value)
    assert town.read(record, grant, town.app) == b"payload"
    assert [receipt.request.number for receipt in town.owner.receipts(record, grant)] == [1, 2]


def test_a_keeper_that_says_every_number_is_used_does_not_burn_them_all(town: Town) -> None:
    record = town.put(b"payload")
    grant = town.grant(record, town.app, town.terms(reads=100)).grant

    def used(_call: Any, *_args: object) -> None:
        raise AuthorisationError("used", code="number_used", step=5)

    liar = town.grantee_of(town.app._context.wallet, answering(town.place, "keeper.release", used))
    with pytest.raises(AuthorisationError):
        liar.read(record, grant, io.BytesIO())
    note = town.app._context.notebook.received_grant(record, grant)
    assert note is not None
    assert note.next_read <= 5


def test_two_sessions_of_one_wallet_read_at_once(town: Town) -> None:
    record = town.put(b"payload")
    grant = town.grant(record, town.app).grant
    town.app.accept(record, grant)
    path = town.app._context.wallet.path
    results: list[bytes] = []

    def session() -> None:
        wallet = Wallet.open(path, passphrase=PASSPHRASE, random_bytes=town.random_bytes)
        results.append(town.read(record, grant, town.grantee_of(wallet)))

    threads = [threading.Thread(target=session) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [b"payload"] * 3
    assert town.read(record, grant, town.app) == b"payload"


# --- work under way elsewhere -------------------------------------------------------------------------------------


def test_a_put_under_way_in_another_process_is_not_taken_for_a_dead_one(town: Town) -> None:
    other = town.owner_of(Wallet.open(town.owner_wallet.path, passphrase=PASSPHRASE, random_bytes=town.random_bytes))
    said: list[str] = []

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            said.extend(other.resume())
            return super().read(size)

    owned = town.owner.put(Slow(b"payload"), title="slow")
    assert said == []
    sink = io.BytesIO()
    town.owner.read(owned.record, sink)
    assert sink.getvalue() == b"payload"


def test_the_status_of_a_received_grant_follows_chain_and_terms(town: Town) -> None:
    record = town.put()
    grants = [town.grant(record, town.app, town.terms(reads=1)).grant for _ in range(3)]
    for grant in grants:
        town.app.accept(record, grant)
    assert town.app.status(record, grants[0]) == "live"
    town.read(record, grants[0], town.app)
    assert town.app.status(record, grants[0]) == "used up"
    town.owner.revoke(record, [grants[1]])
    assert town.app.status(record, grants[1]) == "revoked"
    town.advance(400 * 86_400)
    assert town.app.status(record, grants[2]) == "expired"
    town.owner.erase(record)
    assert town.app.status(record, grants[2]) == "erased"
