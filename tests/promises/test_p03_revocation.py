"""P3: from the moment a keeper or vault has seen a revocation it refuses; what it does later is evidence of fault."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable

import pytest

from privledger.audit.equivocation import verify_evidence
from privledger.audit.fetch import DirectoryFetcher
from privledger.audit.place import audit_place
from privledger.protocol.disclosure import Disclosure, GrantDisclosure, ServiceReceipts
from privledger.protocol.entries import EraseEntry, RevokeEntry, make_entry, parse_block
from privledger.protocol.errors import AuthorisationError, UnavailableError
from privledger.protocol.evidence import unpack_evidence
from privledger.protocol.receipt import FIRST_HEAD, make_receipt, terms_map_key
from privledger.protocol.request import parse_request
from privledger.protocol.terms import encode_opening
from privledger_crypto import group
from privledger_crypto.cose import Ed25519Signer
from tests.support.town import Town
from tests.support.wrapped import Recorder, wrap_place


def refused(call: Callable[[], object]) -> AuthorisationError:
    with pytest.raises(AuthorisationError) as caught:
        call()
    return caught.value


def revoke_entry(town: Town, record: bytes, *grants: bytes) -> bytes:
    """Signed, not submitted."""
    signer = town.owner.context.signer(0)
    return make_entry([signer], RevokeEntry(record, tuple(sorted(grants))), origin=town.trust.origin)


def a_request(town: Town, record: bytes, grant: bytes) -> bytes:
    """The bytes of a request that the app made, never sent."""
    recorder = Recorder()
    app = town.grantee_of(town.app._context.wallet, wrap_place(town.place, _dead_keepers(recorder)))
    with pytest.raises(RuntimeError):
        town.read(record, grant, app)
    return next(given[0] for name, given in recorder.calls if name == "keeper.release")


def _dead_keepers(recorder: Recorder) -> Callable[..., object]:
    def around(name: str, call: Callable[..., object], *args: object, **kwargs: object) -> object:
        if name == "keeper.release":
            recorder.calls.append((name, tuple(arg for arg in args if isinstance(arg, bytes))))
            raise RuntimeError
        return call(*args, **kwargs)

    return around


def test_a_keeper_refuses_from_the_moment_it_was_told_before_any_block(town: Town) -> None:
    record = town.put()
    given = town.grant(record, town.app)
    assert town.read(record, given.grant, town.app)
    town.keepers[0].notify(revoke_entry(town, record, given.grant))
    error = refused(lambda: town.read(record, given.grant, town.app))
    assert (error.code, error.step, error.entry) == ("grant_revoked", 3, None)


def test_a_vault_refuses_from_the_moment_it_was_told_before_any_block(town: Town) -> None:
    record = town.put()
    given = town.grant(record, town.app)
    opened = town.app.open(record, given.grant)  # the keeper has answered already
    town.vault.notify(revoke_entry(town, record, given.grant))
    error = refused(lambda: opened.read(io.BytesIO()))
    assert (error.code, error.step) == ("grant_revoked", 3)


def test_what_a_keeper_was_told_binds_through_a_restart(town: Town) -> None:
    record = town.put()
    given = town.grant(record, town.app)
    town.app.accept(record, given.grant)
    town.keepers[0].notify(revoke_entry(town, record, given.grant))
    restarted = town.grantee_of(town.app._context.wallet, town.place_with(keepers=[town.open_keeper()]))
    assert refused(lambda: town.read(record, given.grant, restarted)).code == "grant_revoked"


def test_a_revocation_signed_by_another_owner_binds_nobody(town: Town) -> None:
    record, other = town.put(), town.put(title="another")
    given = town.grant(record, town.app)
    forged = make_entry([town.owner.context.signer(1)], RevokeEntry(record, (given.grant,)), origin=town.trust.origin)
    with pytest.raises(Exception, match="not signed by the key"):
        town.keepers[0].notify(forged)
    assert town.read(record, given.grant, town.app)
    assert other != record


def test_after_the_block_keeper_and_vault_name_the_entry_that_ended_the_grant(town: Town) -> None:
    record = town.put()
    given = town.grant(record, town.app)
    request = a_request(town, record, given.grant)
    ended = town.owner.revoke(record, [given.grant])
    for ask in (
        lambda: town.keepers[0].release(request),
        lambda: town.vault.fetch(request, "descriptor"),
        lambda: town.vault.segments(request, 0, 1),
    ):
        error = refused(ask)
        assert (error.code, error.step, error.entry) == ("grant_revoked", 3, ended.index)


def test_revoking_one_grant_leaves_the_other(town: Town) -> None:
    record = town.put()
    given, kept = town.grant(record, town.app), town.grant(record, town.lab)
    town.owner.revoke(record, [given.grant])
    assert refused(lambda: town.read(record, given.grant, town.app)).code == "grant_revoked"
    assert town.read(record, kept.grant, town.lab)


def test_all_grants_end_with_one_entry(town: Town) -> None:
    record = town.put()
    given = [town.grant(record, town.app), town.grant(record, town.lab)]
    ended = town.owner.revoke_all(record)
    for one, who in zip(given, (town.app, town.lab), strict=True):
        error = refused(lambda one=one, who=who: town.read(record, one.grant, who))  # type: ignore[misc]
        assert (error.code, error.entry) == ("grant_revoked", ended.index)
    assert town.read(record, town.grant(record, town.app).grant, town.app)  # a later grant lives


def test_a_keeper_cut_off_from_the_ledger_refuses_after_f_seconds(town_of_three: Town) -> None:
    town = town_of_three
    record = town.put()
    given = town.grant(record, town.app)
    request = a_request(town, record, given.grant)
    town.keepers[0].deposit_key()  # so that its view holds the grant
    town.vault.sweep()
    town.cut = True
    town.advance(31)
    assert refused(lambda: town.keepers[0].release(request)).code == "stale_view"
    assert refused(lambda: town.vault.segments(request, 0, 1)).code == "stale_view"


def test_a_restored_backup_of_a_keeper_cannot_revive_a_grant(town: Town) -> None:
    record = town.put()
    given = town.grant(record, town.app)
    request = a_request(town, record, given.grant)
    shutil.copytree(town.keeper_path(), town.path / "backup")
    town.owner.revoke(record, [given.grant])
    restored = town.open_keeper(path=town.path / "backup")
    assert refused(lambda: restored.release(request)).code == "grant_revoked"


def test_nothing_is_read_after_an_erase_that_a_keeper_was_only_told_of(town: Town) -> None:
    record = town.put()
    given = town.grant(record, town.app)
    erase = make_entry([town.owner.context.signer(0)], EraseEntry(record), origin=town.trust.origin)
    town.keepers[0].notify(erase)
    assert refused(lambda: town.read(record, given.grant, town.app)).code == "record_erased"


def test_a_service_that_is_away_learns_of_the_revocation_from_the_chain(town: Town) -> None:
    record = town.put()
    given = town.grant(record, town.app)
    request = a_request(town, record, given.grant)

    def deaf(name: str, call: Callable[..., object], *args: object, **kwargs: object) -> object:
        if name.endswith(".notify"):
            raise UnavailableError("nobody answers")
        return call(*args, **kwargs)

    town.owner_of(town.owner_wallet, wrap_place(town.place, deaf)).revoke(record, [given.grant])
    assert refused(lambda: town.keepers[0].release(request)).code == "grant_revoked"


@pytest.mark.parametrize("late_by", ["size", "time"])
def test_a_receipt_after_the_revocation_is_evidence_against_the_keeper(town: Town, late_by: str) -> None:
    record = town.put()
    given = town.grant(record, town.app)
    request = parse_request(a_request(town, record, given.grant), town.trust.origin)
    before = parse_block(town.ledger.state([]).block_leaf).tree_size + 1
    ended = town.owner.revoke(record, [given.grant])
    after = parse_block(town.ledger.state([]).block_leaf).tree_size + 1
    receipt = make_receipt(
        Ed25519Signer(town.keeper_keys[0]),
        origin=town.trust.origin,
        service=town.keepers[0].service,
        request=request,
        size=after if late_by == "size" else before,
        time=ended.time if late_by == "size" else ended.time + 31,
        number=1,
        head_before=FIRST_HEAD,
        units=1,
    )
    opening = encode_opening(town.terms(), group.parse_scalar(given.blinding))
    map_key = terms_map_key(record, given.grant, opening)
    shown = ServiceReceipts(town.keepers[0].service, map_key, (receipt,), None)
    disclosure = Disclosure(town.trust.origin, record, (GrantDisclosure(given.grant, opening, (shown,)),))
    report = audit_place(
        DirectoryFetcher(town.place_path), town.trust, disclosures=[disclosure.pack()], workers=0, clock=town.clock
    )
    assert report.step("A7").status == "failed"
    assert report.step("A12").status == "failed"
    evidence = [unpack_evidence(data) for data in report.evidence]
    assert [one.kind for one in evidence] == ["receipt-after-revocation"]
    verify_evidence(evidence[0], town.trust)  # it convinces who holds nothing but the trust root


def test_receipts_before_the_revocation_are_no_fault(town: Town) -> None:
    record = town.put()
    given = town.grant(record, town.app)
    town.read(record, given.grant, town.app)
    town.owner.revoke(record, [given.grant])
    report = audit_place(
        DirectoryFetcher(town.place_path),
        town.trust,
        disclosures=[town.owner.disclose(record)],
        workers=0,
        clock=town.clock,
    )
    assert report.exit_code == 0, report.to_text()
    assert report.step("A7").status == "ok"
