"""A keeper on a replica that follows a real ledger: what the stand-in of the other tests stands for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from privledger.keeper.keeper import LocalKeeper
from privledger.ledger.create import create_ledger
from privledger.ledger.ledger import LocalLedger
from privledger.protocol.entries import Limits
from privledger.protocol.errors import AuthorisationError, PrivledgerError, UnavailableError
from privledger.protocol.outcomes import Accepted
from privledger.protocol.receipt import parse_receipt
from privledger.protocol.trust import trust_root_of
from privledger.replica.replica import Replica
from tests.support.chain import ORIGIN, log_signer, service_body, signer
from tests.support.places import Granted, World, random_source
from tests.unit.keeper.conftest import SHARE, deposit_key


class Place:
    """A ledger, a replica and a keeper in one directory; statements come from a `World`, whose chain is not used."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.world = World()
        self.ledger: LocalLedger = create_ledger(
            directory,
            origin=ORIGIN,
            guard_path=directory / "guard",
            governance=[signer("governance")],
            log_signer=log_signer(),
            limits=Limits(),
            services=[service_body("keeper")],
            clock=self.world.clock,
        )
        trust = trust_root_of(self.ledger.leaves(0, 1)[0], log_keys=[log_signer().public])
        self.replica = Replica(directory / "replica" / "view.sqlite", self.ledger, trust, self.world.clock)
        self.keeper = LocalKeeper(
            directory / "keeper",
            replica=self.replica,
            signing_key=signer("keeper").key,
            clock=self.world.clock,
            random_bytes=random_source("keeper"),
        )

    def submit(self, entry: bytes) -> int:
        (outcome,) = self.ledger.submit([entry])
        assert isinstance(outcome, Accepted), outcome
        return outcome.index

    def share_and_grant(self) -> Granted:
        self.keeper.deposit(*self.world.share_deposit(deposit_key(self.keeper), SHARE))
        self.submit(self.world.chain.record("owner"))
        entry, granted = self.world.grant_entry("g")
        self.submit(entry)
        return granted

    def close(self) -> None:
        self.keeper.close()
        self.replica.close()
        self.ledger.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    opened = Place(tmp_path / "place")
    yield opened
    opened.close()


def test_a_grant_is_released_from_its_block_on_and_refused_from_its_revocation_on(place: Place) -> None:
    granted = place.share_and_grant()
    answer = place.keeper.release(place.world.request(granted), granted.opening)
    assert parse_receipt(answer.receipt, ORIGIN).size == place.replica.checkpoint.size
    index = place.submit(place.world.chain.revoke("owner", "g"))
    with pytest.raises(AuthorisationError) as info:
        place.keeper.release(place.world.request(granted, number=2), granted.opening)
    assert (info.value.code, info.value.entry) == ("grant_revoked", index)


def test_an_idle_ledger_closes_a_block_when_a_keeper_needs_a_fresh_view(place: Place) -> None:
    granted = place.share_and_grant()
    place.world.now += 1000
    answer = place.keeper.release(place.world.request(granted), granted.opening)
    assert parse_receipt(answer.receipt, ORIGIN).time == place.world.now


def test_a_posted_root_is_found_on_the_chain_and_releases_go_on(place: Place) -> None:
    granted = place.share_and_grant()
    place.keeper.release(place.world.request(granted), granted.opening)
    leaf = place.keeper.prepare_receipts()
    with pytest.raises(UnavailableError) as info:
        place.keeper.release(place.world.request(granted, number=2), granted.opening)
    assert info.value.code == "period_closed"
    place.submit(leaf)
    answer = place.keeper.receipts(place.world.ask("receipts", granted.grant))
    assert answer.opening is not None
    place.keeper.release(place.world.request(granted, number=2), granted.opening)


def test_no_receipt_names_a_state_that_it_was_not_decided_on(place: Place) -> None:
    """While one thread revokes, others read: every receipt names a size below the revocation's."""
    granted = place.share_and_grant()
    sizes: list[int] = []

    def read(number: int) -> None:
        try:
            answer = place.keeper.release(place.world.request(granted, number=number), granted.opening)
        except PrivledgerError:
            return
        sizes.append(parse_receipt(answer.receipt, ORIGIN).size)

    threads = [threading.Thread(target=read, args=(number,)) for number in (1, 2, 3, 4, 5)]
    for thread in threads[:3]:
        thread.start()
    index = place.submit(place.world.chain.revoke("owner", "g"))
    for thread in threads[3:]:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(size <= index for size in sizes)
