"""P5: who kept one old checkpoint detects any change before it, and two readers who compare detect a fork after it."""

from __future__ import annotations

import io
import shutil

import pytest

from privledger.audit.equivocation import verify_evidence
from privledger.audit.fetch import DirectoryFetcher
from privledger.audit.place import audit_place
from privledger.audit.report import Report
from privledger.ledger.ledger import LocalLedger
from privledger.protocol.errors import PrivledgerError, UnavailableError, VerificationError
from privledger.protocol.evidence import unpack_evidence
from privledger.sdk.owner import Owner
from tests.support.town import Town


class Fork:
    """The operator's second history: a copy of ledger and guard from now on, with the same keys."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.path = town.path / "fork"
        self.path.mkdir()
        for part in ("log", "ledger"):
            shutil.copytree(town.place_path / part, self.path / part)
        shutil.copy(town.guard_path, self.path / "guard")
        self.ledger: LocalLedger = town.open_ledger(self.path, self.path / "guard")

    def owner(self, seed: bytes, name: str) -> Owner:
        """An owner who sees only this history."""
        town = self.town
        return town.owner_of(town.new_wallet(name, seed), town.place_with(ledger=self.ledger))

    def grow(self, blocks: int) -> None:
        """Close blocks."""
        for _ in range(blocks):
            self.town.advance(20)
            self.ledger.fresh()

    def audit(self, older: list[bytes]) -> Report:
        """What an auditor says of this history."""
        town = self.town
        return audit_place(
            DirectoryFetcher(self.path), town.trust, older_checkpoints=older, workers=0, clock=town.clock
        )


@pytest.fixture
def fork(town: Town) -> Fork:
    """Two histories that part after a first record; the true one has a second record, the false one empty blocks."""
    town.put(title="before they part")
    fork = Fork(town)
    town.put(title="after they parted")
    fork.grow(4)
    return fork


def test_a_wallet_that_saw_one_history_does_not_accept_the_other(town: Town, fork: Fork) -> None:
    deceived = town.owner_of(town.owner_wallet, town.place_with(ledger=fork.ledger))
    with pytest.raises(VerificationError) as caught:
        deceived.records()
    assert caught.value.code == "forked"
    assert caught.value.hint is not None
    assert "evidence" in caught.value.hint


@pytest.mark.parametrize("what", ["put", "owned record", "revoke", "inbox"])
def test_nothing_works_in_a_forked_history(town: Town, fork: Fork, what: str) -> None:
    place = town.place_with(ledger=fork.ledger)
    record = town.owner.owned()[0].record
    town.app.inbox()  # so that the app has seen the true history
    owner, app = town.owner_of(town.owner_wallet, place), town.grantee_of(town.app._context.wallet, place)
    calls = {
        "put": lambda: owner.put(io.BytesIO(b"x"), title="x"),
        "owned record": lambda: owner.show(record),
        "revoke": lambda: owner.revoke_all(record),
        "inbox": app.inbox,
    }
    with pytest.raises(VerificationError) as caught:
        calls[what]()
    assert caught.value.code == "forked"


def test_the_forked_checkpoint_is_not_remembered(town: Town, fork: Fork) -> None:
    kept = town.owner_wallet.last_checkpoint()
    with pytest.raises(VerificationError):
        town.owner_of(town.owner_wallet, town.place_with(ledger=fork.ledger)).records()
    assert town.owner_wallet.last_checkpoint() == kept
    town.ledger.fresh()
    assert len(town.owner.records()) == 2


def test_an_auditor_with_an_older_checkpoint_detects_the_change(town: Town, fork: Fork) -> None:
    kept = town.owner_wallet.last_checkpoint()
    assert kept is not None
    report = fork.audit([kept])
    assert report.step("A2").status == "failed"
    assert report.exit_code == 1


def test_a_forked_history_is_in_order_for_who_saw_no_other(fork: Fork) -> None:
    """Each history alone is faultless: what reveals the fork is the comparison."""
    report = fork.audit([])
    assert report.exit_code == 0, report.to_text()


def test_two_readers_who_compare_hold_evidence_against_the_log(town: Town, fork: Fork) -> None:
    """At equal sizes the two signed checkpoints contradict each other, and convince anybody."""
    mine = town.ledger.checkpoint()
    while _size(fork.ledger.checkpoint()) < _size(mine):
        fork.grow(1)
    while _size(town.ledger.checkpoint()) < _size(fork.ledger.checkpoint()):
        town.advance(20)
        town.ledger.fresh()
    report = fork.audit([town.ledger.checkpoint()])
    evidence = [unpack_evidence(data) for data in report.evidence]
    assert "forked-checkpoints" in [one.kind for one in evidence]
    for one in evidence:
        verify_evidence(one, town.trust)


def _size(note: bytes) -> int:
    return int(note.split(b"\n")[1])


def test_a_truncated_history_is_too_old_to_decide_anything(town: Town) -> None:
    """The operator shows the ledger as it was a minute ago."""
    record = town.put()
    truncated = Fork(town).ledger
    town.advance(60)
    given = town.grant(record, town.app)
    town.owner.revoke(record, [given.grant])

    class Frozen:
        def __getattr__(self, name: str) -> object:
            return truncated.checkpoint if name == "fresh" else getattr(truncated, name)

    frozen = town.place_with(ledger=Frozen())  # type: ignore[arg-type]
    newcomer = town.grantee_of(town.new_wallet("newcomer"), frozen)
    for call in (
        lambda: newcomer.accept(record, given.grant),
        lambda: town.owner_of(town.owner_wallet, frozen).records(),
    ):
        with pytest.raises(PrivledgerError) as caught:
            call()
        assert isinstance(caught.value, UnavailableError)
        assert caught.value.code == "stale_view"


@pytest.mark.parametrize("position", [0, 2, -1])
def test_a_changed_leaf_is_found(town: Town, position: int) -> None:
    town.put()
    fork = Fork(town)
    bundles = [path for path in (fork.path / "log" / "tile" / "entries").rglob("*") if path.is_file()]
    bundle = max(bundles, key=lambda path: path.stat().st_size)
    data = bytearray(bundle.read_bytes())
    leaf = fork.ledger.leaves(0, 5)[position]
    data[bytes(data).index(leaf) + len(leaf) // 2] ^= 1
    bundle.write_bytes(bytes(data))
    report = fork.audit([])
    assert report.step("A3").status == "failed"
    assert report.exit_code == 1
