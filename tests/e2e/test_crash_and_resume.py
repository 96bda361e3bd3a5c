"""A put or a grant that dies at any call of a port is finished or abandoned by `resume`, and nothing is lost or done twice."""

from __future__ import annotations

import io
from contextlib import suppress

import pytest

from privledger.sdk.grantee import Grantee
from privledger.sdk.owner import Owner
from tests.support.town import Town
from tests.support.wrapped import Crash, CrashedError, wrap_place

PAYLOAD = b"ride,minutes\n1,12\n"
MOST_CALLS = 100  # a put or grant that takes more has changed; then so must these tests


def crash_at(town: Town, at: int, *, after: bool) -> tuple[Owner, Crash]:
    """The owner over a place that dies at call `at`."""
    crash = Crash(at, after=after)
    return town.owner_of(town.owner_wallet, wrap_place(town.place, crash)), crash


def payload(owner: Owner, record: bytes) -> bytes:
    sink = io.BytesIO()
    owner.read(record, sink)
    return sink.getvalue()


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_a_put_that_dies_anywhere_is_finished_or_leaves_nothing(town: Town, after: bool) -> None:
    outcomes = set()
    for at in range(1, MOST_CALLS):
        doomed, crash = crash_at(town, at, after=after)
        known = {view.record for view in town.owner.records()}
        with suppress(CrashedError):
            doomed.put(io.BytesIO(PAYLOAD), title="Rides")
        said = town.owner.resume()
        assert list(town.owner.context.notebook.journals()) == []
        new = {view.record for view in town.owner.records()} - known
        on_chain = {view.record for view in town.owner.records() if view.history == () and view.status == "live"}
        assert new <= on_chain
        for record in new:
            assert payload(town.owner, record) == PAYLOAD
        outcomes.add((len(new), len(said), " ".join(said).partition(" ")[0]))
        if not crash.happened:
            break
    else:
        pytest.fail("the put never came to its end")
    # Nothing to do before the journal is written; abandoned before the entry is signed; finished after; nothing to do at the end.
    assert outcomes - {(0, 0, "")} == {(0, 1, "abandoned"), (1, 1, "finished"), (1, 0, "")}


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_a_grant_that_dies_anywhere_is_delivered_by_resume(town: Town, after: bool) -> None:
    record = town.put(PAYLOAD)
    address = town.app.new_address("app")
    for at in range(1, MOST_CALLS):
        doomed, crash = crash_at(town, at, after=after)
        known = {view.grant for view in town.owner.show(record).grants}
        with suppress(CrashedError):
            doomed.grant(record, address, town.terms())
        town.owner.resume()
        views = town.owner.show(record).grants
        (new,) = [view for view in views if view.grant not in known]
        assert new.status == "live"
        assert town.app.accept(record, new.grant).grant == new.grant
        assert town.owner.resume() == []
        if not crash.happened:
            break
    else:
        pytest.fail("the grant never came to its end")
    assert at > 5
    assert len({view.grant for view in views}) == at  # one each, none twice


def test_an_erase_that_dies_anywhere_is_finished_by_erasing_again(town: Town) -> None:
    for after in (False, True):
        for at in range(1, MOST_CALLS):
            record = town.put(PAYLOAD)
            doomed, crash = crash_at(town, at, after=after)
            try:
                doomed.erase(record)
            except CrashedError:
                if record in [note.record for note in town.owner.owned()]:
                    town.owner.erase(record)
            assert town.owner.outsider(record).status == "erased"
            assert town.owner.show(record).status == "erased"
            assert record not in [note.record for note in town.owner.owned()]
            assert len(town.owner.certificates(record)) == 1
            if not crash.happened:
                break
        else:
            pytest.fail("the erase never came to its end")


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_a_read_that_dies_anywhere_spends_one_read_number(town: Town, after: bool) -> None:
    record = town.put(PAYLOAD)
    for at in range(1, MOST_CALLS):
        given = town.grant(record, town.app, town.terms(reads=1))
        crash = Crash(at, after=after)
        doomed: Grantee = town.grantee_of(town.app._context.wallet, wrap_place(town.place, crash))
        try:
            town.read(record, given.grant, doomed)
        except CrashedError:
            assert town.read(record, given.grant, town.app) == PAYLOAD
        assert len(town.owner.receipts(record, given.grant)) == 1
        if not crash.happened:
            break
    else:
        pytest.fail("the read never came to its end")
