"""What an owner shows of its records: receipts under the right keys, also of what was erased (docs/spec/release.md §4 and §5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from privledger.audit.bundle import audit_bundle
from privledger.protocol.bundle import Bundle, parse_bundle
from privledger.protocol.container import unpack
from privledger.protocol.disclosure import Disclosure, unpack_disclosure
from privledger.protocol.errors import UnavailableError
from privledger.protocol.ids import ZERO_GRANT
from privledger.protocol.receipt import receipt_map_key
from privledger.sdk import disclosing
from privledger_crypto.envelope import XWingPrivateKey
from tests.support.fixtures import no_waiting_for_the_disk
from tests.support.town import Town

__all__ = ["no_waiting_for_the_disk"]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


@pytest.fixture
def shared(town: Town) -> tuple[bytes, bytes]:
    """A record that a grantee read once, and whose owner had its keeper release the share once, as a recovery does."""
    record = town.put()
    given = town.grant(record, town.app)
    town.read(record, given.grant, town.app)
    context, (keeper,) = town.owner.context, town.keepers
    response = XWingPrivateKey.from_seed(bytes(32))
    keeper.release(context.request(context.notebook.record(record), [keeper.service], response.public))
    return record, given.grant


def disclosed(town: Town, record: bytes) -> Disclosure:
    return unpack_disclosure(town.owner.disclose(record, None))


def test_each_keepers_receipts_stand_under_the_key_of_the_grant(town: Town, shared: tuple[bytes, bytes]) -> None:
    record, grant = shared
    town.post_receipts()
    owned = town.owner.context.notebook.record(record)
    (given,) = town.owner.context.notebook.given(record)
    secrets = {ZERO_GRANT: owned.keepers[0][2], grant: given.blinding}
    shown = {one.grant: one.services[0] for one in disclosed(town, record).grants}
    assert shown.keys() == secrets.keys()
    for one, secret in secrets.items():
        assert shown[one].map_key == receipt_map_key(record, one, secret)
        assert len(shown[one].receipts) == 1
        assert shown[one].opening is not None


def test_receipts_of_an_erased_record_can_still_be_shown(town: Town, shared: tuple[bytes, bytes]) -> None:
    record, grant = shared
    before = disclosed(town, record)
    town.owner.erase(record)
    town.post_receipts()
    after = disclosed(town, record)
    assert [(one.grant, one.opening) for one in after.grants] == [(one.grant, one.opening) for one in before.grants]
    for old, new in zip(before.grants, after.grants, strict=True):
        assert [one.receipts for one in new.services] == [one.receipts for one in old.services]
        assert [one.map_key for one in new.services] == [one.map_key for one in old.services]
    assert len(town.owner.receipts(record, grant)) == 1


def test_a_grant_that_this_wallet_did_not_give_cannot_be_asked_for(town: Town, shared: tuple[bytes, bytes]) -> None:
    record, _ = shared
    with pytest.raises(UnavailableError) as caught:
        town.owner.receipts(record, b"\x07" * 16)
    assert caught.value.code == "not_found"


def test_a_bundle_says_so_if_the_keeper_posts_while_it_is_made(
    town: Town, shared: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The posting between the receipts and the state is no fault of the keeper's."""
    record, grant = shared
    town.post_receipts()
    old = disclosed(town, record)
    town.read(record, grant, town.app)
    town.post_receipts()
    monkeypatch.setattr(disclosing, "make_disclosure", lambda *_: old)
    data = town.owner.bundle(record)
    report = audit_bundle(data, town.trust, clock=town.clock)
    assert (report.exit_code, report.step("A7").status) == (3, "not checked")
    bundle: Bundle = parse_bundle(unpack(data).body)
    assert bundle.disclosure == old
