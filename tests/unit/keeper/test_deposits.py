"""What a keeper takes into keeping, under which key, and how it goes (docs/spec/record.md §3 and §4)."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from privledger.keeper.keeper import LocalKeeper
from privledger.protocol.certificate import parse_certificate
from privledger.protocol.deposit import ShareSlot, encode_share, parse_deposit, parse_deposit_key, parse_holding
from privledger.protocol.errors import (
    AuthorisationError,
    ConflictError,
    FormatError,
    UnavailableError,
    VerificationError,
)
from privledger.protocol.receipt import open_response
from privledger.protocol.request import parse_request
from privledger_crypto.group import scalar_to_bytes
from privledger_crypto.shares import Share
from tests.support.chain import ORIGIN, record_of, signer
from tests.support.places import RESPONSE, Granted, World
from tests.unit.keeper.conftest import SHARE, deposit_key

OTHER = Share(1, SHARE.value + 1)
WEEK = 604_800


def share_files(directory: Path) -> list[Path]:
    return sorted((directory / "shares").iterdir())


def secret_forms(share: Share) -> list[bytes]:
    value = scalar_to_bytes(share.value)
    return [value, value.hex().encode(), encode_share(share), str(share.value).encode()]


def holds_a_trace(directory: Path, share: Share) -> bool:
    contents = [path.read_bytes() for path in directory.rglob("*") if path.is_file()]
    return any(form in content for content in contents for form in secret_forms(share))


def released(keeper: LocalKeeper, world: World, granted: Granted | None = None) -> Share:
    raw = world.request(granted)
    opening = b"" if granted is None else granted.opening
    answer = keeper.release(raw, opening)
    request = parse_request(raw, ORIGIN)
    return open_response(RESPONSE, answer.share, request, origin=ORIGIN, service=keeper.service)


# --- deposits


def test_a_share_is_held_under_a_signed_deposit(keeper: LocalKeeper, world: World, directory: Path) -> None:
    statement, message = world.share_deposit(deposit_key(keeper), SHARE)
    holding = parse_holding(keeper.deposit(statement, message), ORIGIN)
    assert (holding.service, holding.key) == (keeper.service, signer("keeper").key_id)
    assert holding.deposit == parse_deposit(statement, ORIGIN).statement_digest
    world.publish_record()
    assert released(keeper, world) == SHARE
    (path,) = share_files(directory)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_before_the_record_exists_another_share_replaces_and_the_first_is_destroyed(
    keeper: LocalKeeper, world: World, directory: Path
) -> None:
    for share in (SHARE, OTHER):
        keeper.deposit(*world.share_deposit(deposit_key(keeper), share))
    assert len(share_files(directory)) == 1
    assert not holds_a_trace(directory, SHARE)
    world.publish_record()
    assert released(keeper, world) == OTHER


def test_a_share_may_be_replaced_back_and_is_then_the_fixed_one(keeper: LocalKeeper, world: World) -> None:
    for share in (SHARE, OTHER, SHARE):
        keeper.deposit(*world.share_deposit(deposit_key(keeper), share))
    world.publish_record()
    keeper.deposit(*world.share_deposit(deposit_key(keeper), SHARE))
    with pytest.raises(ConflictError):
        keeper.deposit(*world.share_deposit(deposit_key(keeper), OTHER))
    assert released(keeper, world) == SHARE


def test_after_the_record_exists_another_share_is_refused(
    keeper: LocalKeeper, world: World, deposited: bytes, directory: Path
) -> None:
    with pytest.raises(ConflictError) as info:
        keeper.deposit(*world.share_deposit(deposit_key(keeper), OTHER))
    assert info.value.code == "fixed"
    assert released(keeper, world) == SHARE
    assert not holds_a_trace(directory, OTHER)


def test_the_same_share_may_be_sent_again(keeper: LocalKeeper, world: World, deposited: bytes) -> None:
    statement, message = world.share_deposit(deposit_key(keeper), SHARE)
    assert statement == deposited
    assert parse_holding(keeper.deposit(statement, message), ORIGIN).service == keeper.service
    assert released(keeper, world) == SHARE


@pytest.mark.parametrize("on_chain", [False, True])
def test_a_deposit_by_another_key_is_refused(
    keeper: LocalKeeper, world: World, directory: Path, on_chain: bool
) -> None:
    if on_chain:
        world.publish_record()
    with pytest.raises(AuthorisationError) as info:
        keeper.deposit(*world.share_deposit(deposit_key(keeper), SHARE, owner="stranger"))
    assert (info.value.code, info.value.step) == ("wrong_key", 2)
    assert share_files(directory) == []


def test_a_deposit_for_another_service_is_refused(keeper: LocalKeeper, world: World) -> None:
    with pytest.raises(AuthorisationError) as info:
        keeper.deposit(*world.share_deposit(deposit_key(keeper), SHARE, service=world.vault))
    assert info.value.code == "wrong_service"


def test_a_deposit_must_name_the_share_that_comes(keeper: LocalKeeper, world: World, directory: Path) -> None:
    key = deposit_key(keeper)
    statement, message = world.share_deposit(key, SHARE)
    with pytest.raises(VerificationError) as info:
        keeper.deposit(statement, world.share_deposit(key, OTHER)[1])
    assert info.value.code == "false"
    with pytest.raises(VerificationError) as info:
        keeper.deposit(world.share_deposit(key, SHARE, slot=ShareSlot(2, 2, 3))[0], message)
    assert info.value.code == "wrong_digest"
    with pytest.raises(VerificationError) as info:
        keeper.deposit(statement, message[:-1])
    assert info.value.code == "wrong_size"
    with pytest.raises(VerificationError) as info:
        keeper.deposit(statement, message[:-1] + bytes([message[-1] ^ 1]))
    assert info.value.code == "wrong_deposit_key"
    assert share_files(directory) == []


def test_a_keeper_takes_shares_only(keeper: LocalKeeper, world: World) -> None:
    with pytest.raises(FormatError):
        keeper.deposit(world.deposit("capsule", bytes(4096), service=keeper.service), bytes(4096))


def test_a_message_of_another_record_does_not_open(keeper: LocalKeeper, world: World) -> None:
    statement, _ = world.share_deposit(deposit_key(keeper), SHARE)
    elsewhere = world.share_deposit(deposit_key(keeper), SHARE, epoch=1)[1]
    with pytest.raises(VerificationError):
        keeper.deposit(statement, elsewhere)


def test_an_erased_record_takes_no_share(keeper: LocalKeeper, world: World, deposited: bytes) -> None:
    statement, message = world.share_deposit(deposit_key(keeper), SHARE)
    keeper.notify(world.chain.erase("owner"))
    with pytest.raises(AuthorisationError) as info:
        keeper.deposit(statement, message)
    assert info.value.code == "record_erased"


def test_a_record_has_room_for_64_deposits(keeper: LocalKeeper, world: World) -> None:
    key = deposit_key(keeper)
    for step in range(64):
        keeper.deposit(*world.share_deposit(key, Share(1, step)))
    with pytest.raises(ConflictError) as info:
        keeper.deposit(*world.share_deposit(key, Share(1, 64)))
    assert info.value.code == "too_many"
    keeper.deposit(*world.share_deposit(key, Share(1, 3)))


def test_the_owner_deletes_the_share_it_names(
    keeper: LocalKeeper, world: World, deposited: bytes, directory: Path
) -> None:
    other, _ = world.share_deposit(deposit_key(keeper), OTHER, action="delete")
    with pytest.raises(ConflictError) as info:
        keeper.deposit(other, b"")
    assert info.value.code == "replaced"
    statement, _ = world.share_deposit(deposit_key(keeper), SHARE, action="delete")
    assert keeper.deposit(statement, b"") == b""
    assert not holds_a_trace(directory, SHARE)
    with pytest.raises(UnavailableError) as missing:
        keeper.release(world.request(None))
    assert missing.value.code == "not_found"


def test_a_share_whose_record_never_came_is_swept_after_the_limit(
    keeper: LocalKeeper, world: World, directory: Path
) -> None:
    keeper.deposit(*world.share_deposit(deposit_key(keeper), SHARE))
    world.now += WEEK
    assert keeper.sweep() == 0
    world.now += 1
    assert keeper.sweep() == 1
    assert not holds_a_trace(directory, SHARE)


def test_a_share_whose_record_came_is_not_swept(keeper: LocalKeeper, world: World, deposited: bytes) -> None:
    world.now += WEEK + 1
    assert keeper.sweep() == 0


def test_what_a_crash_left_is_put_right_when_the_keeper_opens(
    open_keeper: Callable[..., LocalKeeper], world: World, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = open_keeper()
    keeper.deposit(*world.share_deposit(deposit_key(keeper), SHARE))

    def crash(*_: object, **__: object) -> int:
        raise RuntimeError("power")

    with monkeypatch.context() as patch:
        patch.setattr(keeper._shares, "destroy", crash)
        with pytest.raises(RuntimeError):
            keeper.deposit(*world.share_deposit(deposit_key(keeper), OTHER))
    (directory / "shares" / ".tmp-1").write_bytes(encode_share(SHARE))
    (directory / "deposit-keys" / "orphan.seed").write_bytes(bytes(32))
    again = open_keeper()
    assert not holds_a_trace(directory, SHARE)
    assert [path.suffix for path in (directory / "deposit-keys").iterdir()] == [".seed"]
    world.publish_record()
    assert released(again, world) == OTHER


# --- deposit keys


def test_a_deposit_key_is_signed_lives_a_week_and_survives_a_restart(
    keeper: LocalKeeper, open_keeper: Callable[..., LocalKeeper], world: World, directory: Path
) -> None:
    key = parse_deposit_key(keeper.deposit_key(), ORIGIN)
    assert (key.service, key.key) == (keeper.service, signer("keeper").key_id)
    assert (key.since, key.until) == (world.now, world.now + WEEK)
    world.now += WEEK - 1
    assert open_keeper().deposit_key() == key.raw
    (path,) = (directory / "deposit-keys").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_past_its_time_a_deposit_key_is_destroyed_and_another_made(
    keeper: LocalKeeper, world: World, directory: Path
) -> None:
    old = keeper.deposit_key()
    (path,) = (directory / "deposit-keys").iterdir()
    seed = path.read_bytes()
    statement, message = world.share_deposit(deposit_key(keeper), SHARE)
    world.now += WEEK
    keeper.renew_deposit_keys()
    assert keeper.deposit_key() != old
    assert not path.exists()
    assert not any(seed in file.read_bytes() for file in directory.rglob("*") if file.is_file())
    with pytest.raises(VerificationError) as info:
        keeper.deposit(statement, message)
    assert info.value.code == "wrong_deposit_key"


# --- erasure


def test_an_erase_on_the_chain_destroys_the_share_at_the_next_call(
    keeper: LocalKeeper, world: World, deposited: bytes, directory: Path
) -> None:
    assert holds_a_trace(directory, SHARE)
    world.close(world.chain.erase("owner"))
    keeper.deposit_key()
    assert share_files(directory) == []
    assert not holds_a_trace(directory, SHARE)


def test_a_signed_erase_in_hand_refuses_and_keeps_the_share(
    keeper: LocalKeeper, world: World, deposited: bytes, directory: Path
) -> None:
    keeper.notify(world.chain.erase("owner"))
    with pytest.raises(AuthorisationError) as info:
        keeper.release(world.request(None))
    assert info.value.code == "record_erased"
    assert len(share_files(directory)) == 1


def test_a_restored_backup_does_not_bring_an_erased_share_back(
    keeper: LocalKeeper, open_keeper: Callable[..., LocalKeeper], world: World, deposited: bytes, directory: Path
) -> None:
    (path,) = share_files(directory)
    content = path.read_bytes()
    world.close(world.chain.erase("owner"))
    keeper.deposit_key()
    path.write_bytes(content)
    open_keeper()
    assert not holds_a_trace(directory, SHARE)


def test_a_certificate_is_pending_until_the_deposit_key_is_gone(
    open_keeper: Callable[..., LocalKeeper], world: World
) -> None:
    keeper = open_keeper(backups_kept=99)
    key = parse_deposit_key(keeper.deposit_key(), ORIGIN)
    statement, message = world.share_deposit(key.public, SHARE)
    keeper.deposit(statement, message)
    world.publish_record()
    world.now += 100
    world.close(world.chain.erase("owner"))
    first = parse_certificate(keeper.certificate(world.ask("certificate")), ORIGIN)
    (line,) = first.lines
    assert first.pending
    assert (line.deposit.raw, line.destroyed_at) == (statement, world.now)
    assert (line.key_digest, line.key_until, line.key_destroyed_at) == (key.digest, key.until, None)
    assert (first.service, first.key, first.time) == (keeper.service, signer("keeper").key_id, world.now)
    assert first.backups_until == world.now + 99
    world.now = key.until + 5
    second = parse_certificate(keeper.certificate(world.ask("certificate")), ORIGIN)
    assert not second.pending
    assert second.backups_until == second.time + 99
    assert second.lines == (replace(line, key_destroyed_at=world.now),)


def test_a_certificate_names_replaced_shares_too(keeper: LocalKeeper, world: World) -> None:
    for share in (OTHER, SHARE):
        keeper.deposit(*world.share_deposit(deposit_key(keeper), share))
    world.publish_record()
    world.close(world.chain.erase("owner"))
    certificate = parse_certificate(keeper.certificate(world.ask("certificate")), ORIGIN)
    assert len(certificate.lines) == 2
    assert certificate.backups_until == 0, "of this keeper no backups are made"


def test_the_last_key_that_carried_a_share_decides(keeper: LocalKeeper, world: World) -> None:
    keeper.deposit(*world.share_deposit(deposit_key(keeper), SHARE))
    world.now += WEEK
    statement, message = world.share_deposit(deposit_key(keeper), SHARE)
    keeper.deposit(statement, message)
    world.publish_record()
    world.close(world.chain.erase("owner"))
    certificate = parse_certificate(keeper.certificate(world.ask("certificate")), ORIGIN)
    assert certificate.pending_until == world.now + WEEK


def test_there_is_no_certificate_for_a_live_record_or_an_unknown_one(
    keeper: LocalKeeper, world: World, deposited: bytes
) -> None:
    with pytest.raises(UnavailableError) as info:
        keeper.certificate(world.ask("certificate"))
    assert info.value.code == "not_destroyed"
    world.publish_record("stranger")
    with pytest.raises(UnavailableError) as info:
        keeper.certificate(world.ask("certificate", owner="stranger", record=record_of("stranger")))
    assert info.value.code == "not_found"


def test_no_repr_or_error_shows_a_secret(
    keeper: LocalKeeper, world: World, deposited: bytes, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (path,) = share_files(directory)
    seed = next((directory / "deposit-keys").iterdir()).read_bytes()
    rows = keeper._shares.rows(world.record)
    answer = keeper.release(world.request(None))
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(VerificationError) as info:
        keeper.release(world.request(None))
    shown = f"{keeper!r} {rows!r} {answer!r} {keeper._shares!r} {info.value!r} {info.value} {caplog.text}"
    for secret in (*secret_forms(SHARE), seed):
        assert secret.hex() not in shown
        assert repr(secret) not in shown
    assert str(SHARE.value) not in shown


def test_a_keeper_whose_database_is_gone_refuses_to_open_and_destroys_no_share(
    open_keeper: Callable[..., LocalKeeper], world: World, directory: Path
) -> None:
    keeper = open_keeper()
    keeper.deposit(*world.share_deposit(deposit_key(keeper), SHARE))
    keeper.close()
    held = share_files(directory)
    assert held
    for path in directory.glob("keeper.sqlite*"):
        path.unlink()
    with pytest.raises(UnavailableError) as info:
        open_keeper()
    assert info.value.code == "database_lost"
    assert share_files(directory) == held
