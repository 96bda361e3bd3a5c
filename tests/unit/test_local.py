"""A place in a directory: what is in it, who may read it, and what it does by itself."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256, shake_256
from pathlib import Path
from typing import Any

import pytest

from privledger.keeper._guard import ReceiptGuard
from privledger.local import PLACE_FILE, TRUST_ROOT_FILE, LocalPlace
from privledger.protocol.certificate import Certificate, parse_certificate
from privledger.protocol.container import unpack
from privledger.protocol.deposit import ShareSlot, make_deposit, parse_deposit_key, seal_share, share_digest
from privledger.protocol.entries import (
    EraseEntry,
    Limits,
    ReceiptsEntry,
    RecordEntry,
    is_block,
    make_entry,
    parse_entry,
)
from privledger.protocol.errors import ConflictError, FormatError, PrivledgerError, UnavailableError, UsageError
from privledger.protocol.ids import service_id
from privledger.protocol.request import make_ask
from privledger.protocol.trust import parse_trust_root
from privledger_crypto.shares import Share
from tests.support.chain import point, record_of, signer
from tests.support.ledgerdisk import Clock

DAY = 86_400


def _random(label: str = "") -> Callable[[int], bytes]:
    count = iter(range(1_000_000))
    return lambda size: shake_256(f"{label} {next(count)}".encode()).digest(size)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path, clock: Clock) -> Path:
    made = tmp_path / "place"
    LocalPlace.create(made, name="bikes.example", clock=clock, random_bytes=_random()).close()
    return made


def _open(path: Path, clock: Clock) -> LocalPlace:
    return LocalPlace.open(path, clock=clock, random_bytes=_random("open"))


def _receipts(place: LocalPlace) -> list[ReceiptsEntry]:
    size = place.replica.checkpoint.size
    bodies = [parse_entry(leaf).body for leaf in place.ledger.leaves(0, size) if not is_block(leaf)]
    return [body for body in bodies if isinstance(body, ReceiptsEntry)]


def test_a_place_has_the_files_that_its_description_names(path: Path) -> None:
    assert {entry.name for entry in path.iterdir()} == {
        TRUST_ROOT_FILE,
        PLACE_FILE,
        "log",
        "services",
        "ledger",
        "replica",
        "vault",
        "keeper",
        "operator",
    }
    assert {entry.name for entry in (path / "operator").iterdir()} == {
        "governance.key",
        "log.key",
        "vault.key",
        "keeper.key",
        "guard",
    }


def test_the_operators_files_are_for_nobody_else(path: Path) -> None:
    assert stat.S_IMODE((path / "operator").stat().st_mode) == 0o700
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in (path / "operator").iterdir()} == {0o600}


def test_what_clients_need_may_be_read_by_everybody(path: Path) -> None:
    for name in (TRUST_ROOT_FILE, PLACE_FILE, "log/checkpoint"):
        assert stat.S_IMODE((path / name).stat().st_mode) == 0o644


def test_the_trust_root_names_the_ledger_that_opens(path: Path, clock: Clock) -> None:
    trust = parse_trust_root((path / TRUST_ROOT_FILE).read_bytes())
    with _open(path, clock) as place:
        assert place.trust == trust
        assert place.ledger.origin == trust.origin
        assert sha256(place.ledger.leaves(0, 1)[0]).digest() == trust.genesis
    assert trust.origin.startswith("bikes.example/")


def test_block_0_names_vault_and_keeper_with_the_digests_of_their_key_files(path: Path, clock: Clock) -> None:
    described = json.loads((path / PLACE_FILE).read_bytes())
    with _open(path, clock) as place:
        assert [place.vault.service.hex(), *(k.service.hex() for k in place.keepers)] == [
            described["vault"],
            *described["keepers"],
        ]
        for service, role in ((place.vault.service, "vault"), (place.keepers[0].service, "keeper")):
            state = place.replica.state.service(service)
            key_file = (path / "services" / f"{service.hex()}.keys").read_bytes()
            assert state is not None
            assert (state.role, state.key_file_digest) == (role, sha256(key_file).digest())
            body = unpack(key_file, types={"service-keys"}).body
            assert isinstance(body, dict)
            assert service_id(state.signing_key) == service
            assert (body[0], body[1]) == (role, state.signing_key)


def test_a_place_is_not_made_where_something_is(path: Path, clock: Clock) -> None:
    before = (path / TRUST_ROOT_FILE).read_bytes()
    with pytest.raises(ConflictError):
        LocalPlace.create(path, name="other", clock=clock, random_bytes=_random("2"))
    assert (path / TRUST_ROOT_FILE).read_bytes() == before


def test_a_place_may_be_made_in_an_empty_directory(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "empty").mkdir()
    LocalPlace.create(tmp_path / "empty", name="a", clock=clock, random_bytes=_random()).close()
    assert (tmp_path / "empty" / PLACE_FILE).exists()


@pytest.mark.parametrize("name", ["", "UPPER", "a/b", "a" * 65, "ä"])
def test_a_bad_name_makes_nothing(tmp_path: Path, clock: Clock, name: str) -> None:
    with pytest.raises(UsageError):
        LocalPlace.create(tmp_path / "place", name=name, clock=clock, random_bytes=_random())
    assert not list(tmp_path.iterdir())


def test_a_place_whose_making_fails_leaves_nothing(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise UnavailableError("injected")

    monkeypatch.setattr("privledger.local.trust_root_of", fail)
    with pytest.raises(UnavailableError, match="injected"):
        LocalPlace.create(tmp_path / "place", name="a", clock=clock, random_bytes=_random())
    assert not list(tmp_path.iterdir())


def test_opening_nothing_says_how_to_make_a_place(tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(UnavailableError) as caught:
        _open(tmp_path / "nothing", clock)
    assert caught.value.code == "not_found"
    assert caught.value.hint


@pytest.mark.parametrize("name", ["governance.key", "log.key", "vault.key", "keeper.key"])
def test_a_key_that_others_may_read_is_refused(path: Path, clock: Clock, name: str) -> None:
    (path / "operator" / name).chmod(0o640)
    with pytest.raises(UnavailableError) as caught:
        _open(path, clock)
    assert caught.value.code == "permission"
    assert "chmod 600" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["governance.key", "log.key", "vault.key", "keeper.key"])
@pytest.mark.parametrize("data", [b"", b"zz" * 32, b"00" * 31, b"\xff\xfe"])
def test_a_damaged_key_is_refused_without_being_quoted(path: Path, clock: Clock, name: str, data: bytes) -> None:
    (path / "operator" / name).write_bytes(data)
    with pytest.raises(FormatError) as caught:
        _open(path, clock)
    assert not data or data.decode("latin-1") not in str(caught.value)


@pytest.mark.parametrize("name", ["vault.key", "keeper.key"])
def test_the_keys_of_another_place_are_refused(path: Path, clock: Clock, name: str) -> None:
    (path / "operator" / name).write_bytes(b"11" * 32)
    with pytest.raises(FormatError):
        _open(path, clock)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"version": 2}', b'{"version": 1, "origin": 5}'])
def test_a_damaged_description_is_refused(path: Path, clock: Clock, data: bytes) -> None:
    (path / PLACE_FILE).write_bytes(data)
    with pytest.raises(FormatError):
        _open(path, clock)


@pytest.mark.parametrize("name", [TRUST_ROOT_FILE, "operator/log.key", "operator/guard"])
def test_a_missing_file_is_a_typed_error(path: Path, clock: Clock, name: str) -> None:
    (path / name).unlink()
    with pytest.raises(PrivledgerError), _open(path, clock) as place:
        place.ledger.fresh()


def test_receipts_are_posted_once_a_period_by_use_alone(path: Path, clock: Clock) -> None:
    with _open(path, clock) as place:
        place.tick()
        assert _receipts(place) == []
        for posted in (1, 2):
            clock.now += DAY
            assert place.ledger.origin
            place.replica.refresh(30)
            assert len(_receipts(place)) == posted
        first, second = _receipts(place)
    assert (first.a, second.a) == (0, first.b)


def test_receipts_that_are_due_are_posted_when_a_place_opens(path: Path, clock: Clock) -> None:
    clock.now += DAY
    with _open(path, clock) as place:
        assert len(_receipts(place)) == 1


def test_a_crash_between_posting_and_confirming_posts_nothing_twice(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from privledger.keeper.keeper import LocalKeeper

    clock.now += DAY
    with monkeypatch.context() as patch:
        patch.setattr(LocalKeeper, "receipts_posted", lambda *_: None)
        _open(path, clock).close()
    with _open(path, clock) as place:
        place.tick()
        assert len(_receipts(place)) == 1


def test_a_clock_that_went_back_does_not_stop_reading(path: Path, clock: Clock) -> None:
    clock.now -= Limits().freshness + DAY
    with _open(path, clock) as place:
        assert place.ledger.checkpoint()
        with pytest.raises(UnavailableError) as caught:
            place.ledger.fresh()
        assert caught.value.code == "clock_back"


def test_closing_twice_is_harmless(path: Path, clock: Clock) -> None:
    place = _open(path, clock)
    place.close()
    place.close()


def _set(path: Path, **fields: object) -> None:
    described = json.loads((path / PLACE_FILE).read_bytes())
    (path / PLACE_FILE).write_text(json.dumps(described | fields))


def _certificate(place: LocalPlace, clock: Clock) -> Certificate:
    """The certificate of a record that was deposited and erased."""
    (keeper,) = place.keepers
    record, origin, share = record_of("owner"), place.trust.origin, Share(1, 7)
    names: dict[str, Any] = {"origin": origin, "record": record, "epoch": 0, "service": keeper.service}
    message = seal_share(parse_deposit_key(keeper.deposit_key(), origin).public, share, **names)
    deposit = make_deposit(
        signer("owner"),
        what="share",
        action="store",
        size=len(message),
        digest=share_digest(share=share, **names),
        share=ShareSlot(1, 1, 1),
        **names,
    )
    keeper.deposit(deposit, message)
    for body in (RecordEntry(point("owner")), EraseEntry(record)):
        place.ledger.submit([make_entry([signer("owner")], body, origin=origin)])
    ask = make_ask(
        signer("owner"),
        origin=origin,
        record=record,
        grant=bytes(16),
        what="certificate",
        service=keeper.service,
        nonce=bytes(16),
        expiry=clock.now + 60,
    )
    return parse_certificate(keeper.certificate(ask), origin)


@pytest.mark.parametrize("kept", [None, 0, 604_800])
def test_certificates_say_how_long_backups_are_kept(path: Path, clock: Clock, kept: int | None) -> None:
    assert json.loads((path / PLACE_FILE).read_bytes())["keeper_backups"] is None
    _set(path, keeper_backups=kept)
    with _open(path, clock) as place:
        certificate = _certificate(place, clock)
    assert certificate.backups_until == (0 if kept is None else certificate.time + kept)


@pytest.mark.parametrize(
    "fields",
    [
        {"keeper_backups": -1},
        {"keeper_backups": "a week"},
        {"keeper_backups": True},
        {"keeper_backups": 1.5},
        {"keeper_backups": 2**32},
        {"keeper_guard": ""},
        {"keeper_guard": 5},
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_is_refused(path: Path, clock: Clock, fields: dict[str, object]) -> None:
    _set(path, **fields)
    with pytest.raises(FormatError):
        _open(path, clock)


def test_a_place_made_before_these_settings_opens(path: Path, clock: Clock) -> None:
    described = json.loads((path / PLACE_FILE).read_bytes())
    del described["keeper_backups"], described["keeper_guard"]
    (path / PLACE_FILE).write_text(json.dumps(described))
    _open(path, clock).close()


@pytest.mark.parametrize("elsewhere", [None, "../guards/keeper"])
def test_the_guard_of_the_receipts_lies_apart_from_them(
    path: Path, clock: Clock, elsewhere: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []

    def watch(self: ReceiptGuard, at: Path, *, service: bytes) -> None:
        seen.append(at)
        monkeypatch.undo()
        self.__init__(at, service=service)  # type: ignore[misc]

    _set(path, keeper_guard=elsewhere)
    monkeypatch.setattr(ReceiptGuard, "__init__", watch)
    _open(path, clock).close()
    assert seen == [path / (elsewhere or "operator/keeper-guard")]


def test_the_limits_of_a_place_are_those_it_was_made_with(tmp_path: Path, clock: Clock) -> None:
    limits = Limits(freshness=7, receipts_period=100)
    with LocalPlace.create(tmp_path / "place", name="a", clock=clock, random_bytes=_random(), limits=limits) as place:
        place.replica.refresh(7)
        assert place.replica.settings.limits == limits
        assert place.trust.max_age == 7


def test_importing_a_place_loads_no_database() -> None:
    code = "import sys, privledger.local; sys.exit('sqlalchemy' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    environment = {"PYTHONPATH": f"{root}:{root / 'crypto'}"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
