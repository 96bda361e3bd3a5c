"""The wallet's directory: sealed files, indices that are durable, and nothing left of what was removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from privledger.protocol.errors import ConflictError, FormatError, UnavailableError, UsageError, VerificationError
from privledger.storage.lock import ProcessLock
from privledger.wallet.store import MAX_AHEAD, Wallet
from privledger_crypto.keystore import Argon2Parameters

ORIGIN = "bikes.example/" + "0" * 64
FAST = Argon2Parameters(19 * 1024, 2, 1)
SEED = bytes(range(32))


def make(path: Path, seed: bytes = SEED) -> Wallet:
    return Wallet.create(
        path,
        seed=seed,
        passphrase=b"correct horse",
        origin=ORIGIN,
        trust_root=b"{}",
        random_bytes=os.urandom,
        parameters=FAST,
    )


@pytest.fixture
def wallet(tmp_path: Path) -> Wallet:
    return make(tmp_path / "wallet")


def files(path: Path) -> list[Path]:
    return sorted(p for p in path.rglob("*") if p.is_file())


def test_a_wallet_opens_with_its_passphrase(wallet: Wallet):
    assert Wallet.open(wallet.path, passphrase=b"correct horse", random_bytes=os.urandom).seed == SEED


def test_a_wrong_passphrase_is_refused(wallet: Wallet):
    with pytest.raises(VerificationError) as caught:
        Wallet.open(wallet.path, passphrase=b"wrong", random_bytes=os.urandom)
    assert caught.value.code == "wrong_passphrase"


def test_an_empty_passphrase_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="passphrase"):
        Wallet.create(tmp_path / "w", seed=SEED, passphrase=b"", origin=ORIGIN, trust_root=b"", random_bytes=os.urandom)
    assert not (tmp_path / "w").exists()


def test_a_wallet_is_not_overwritten(wallet: Wallet):
    before = (wallet.path / "keystore").read_bytes()
    with pytest.raises(ConflictError):
        make(wallet.path, os.urandom(32))
    assert (wallet.path / "keystore").read_bytes() == before


def test_a_missing_wallet_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(UnavailableError) as caught:
        Wallet.open(tmp_path, passphrase=b"x", random_bytes=os.urandom)
    assert caught.value.code == "not_found"
    assert "wallet new" in str(caught.value.hint)


@pytest.mark.parametrize("at", [0, 40, 100, -1])
def test_a_flipped_byte_of_the_key_store_is_noticed(wallet: Wallet, at: int):
    path = wallet.path / "keystore"
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises((VerificationError, FormatError)):
        Wallet.open(wallet.path, passphrase=b"correct horse", random_bytes=os.urandom)


@pytest.mark.parametrize("cut", [0, 10, 90])
def test_a_truncated_key_store_is_noticed(wallet: Wallet, cut: int):
    path = wallet.path / "keystore"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises((VerificationError, FormatError)):
        Wallet.open(wallet.path, passphrase=b"correct horse", random_bytes=os.urandom)


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b'{"type": "privledger/wallet", "version": 2}', b"\xff"])
def test_a_damaged_configuration_is_a_format_error(wallet: Wallet, text: bytes):
    (wallet.path / "wallet.json").write_bytes(text)
    with pytest.raises(FormatError):
        Wallet.open(wallet.path, passphrase=b"correct horse", random_bytes=os.urandom)


def test_secret_files_are_the_owners_alone(wallet: Wallet):
    wallet.put("records", b"r", "record", b"x")
    for path in [wallet.path / "keystore", *files(wallet.path / "records")]:
        assert path.stat().st_mode & 0o077 == 0


def test_the_seed_is_in_no_file_and_no_repr(wallet: Wallet):
    wallet.put("records", b"r", "record", b"x")
    for path in files(wallet.path):
        data = path.read_bytes()
        assert SEED not in data
        assert SEED.hex().encode() not in data
    assert SEED.hex() not in repr(wallet)


def test_what_was_put_is_got_back(wallet: Wallet):
    wallet.put("records", b"group", b"item", {1: [b"x", None, True]})
    assert wallet.get("records", b"group", b"item") == {1: [b"x", None, True]}


def test_a_file_does_not_show_its_record(wallet: Wallet):
    record = bytes(range(16))
    wallet.put("records", record, "record", [record, "a title"])
    for path in wallet.path.rglob("*"):
        assert record.hex() not in str(path)
        if path.is_file():
            assert record not in path.read_bytes()
            assert b"a title" not in path.read_bytes()


def test_a_missing_file_is_not_found(wallet: Wallet):
    with pytest.raises(UnavailableError) as caught:
        wallet.get("records", b"group", b"item")
    assert caught.value.code == "not_found"


def test_a_damaged_file_is_noticed(wallet: Wallet):
    wallet.put("records", b"group", "record", b"value")
    (path,) = files(wallet.path / "records")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(VerificationError, match="damaged"):
        wallet.get("records", b"group", "record")


def test_two_files_that_change_places_are_noticed(wallet: Wallet):
    wallet.put("records", b"one", "record", b"1")
    wallet.put("records", b"two", "record", b"2")
    first, second = files(wallet.path / "records")
    a, b = first.read_bytes(), second.read_bytes()
    first.write_bytes(b)
    second.write_bytes(a)
    with pytest.raises(VerificationError):
        wallet.get("records", b"one", "record")


def test_another_wallet_does_not_open_a_file(wallet: Wallet, tmp_path: Path):
    wallet.put("records", b"one", "record", b"1")
    other = make(tmp_path / "other", os.urandom(32))
    (wallet.path / "records").rename(other.path / "records")
    with pytest.raises(VerificationError):
        list(other.items("records"))


def test_items_are_ordered_by_group_and_item(wallet: Wallet):
    names: list[tuple[bytes, bytes | str]] = [(b"b", b"2"), (b"a", "record"), (b"a", b"1")]
    for group, item in names:
        wallet.put("records", group, item, 0)
    assert [(group, item) for group, item, _ in wallet.items("records")] == [
        (b"a", b"1"),
        (b"a", "record"),
        (b"b", b"2"),
    ]


def test_replacing_a_file_leaves_nothing_of_the_old_one(wallet: Wallet):
    wallet.put("records", b"one", "record", b"first")
    (path,) = files(wallet.path / "records")
    old = path.read_bytes()
    wallet.put("records", b"one", "record", b"second")
    assert files(wallet.path / "records") == [path]
    assert path.read_bytes() != old
    assert wallet.get("records", b"one", "record") == b"second"


def test_removing_a_group_leaves_no_file_of_it(wallet: Wallet):
    wallet.put("records", b"one", "record", b"1")
    wallet.put("records", b"one", b"grant", b"1")
    wallet.put("records", b"two", "record", b"2")
    wallet.remove_group("records", b"one")
    assert [group for group, _, _ in wallet.items("records")] == [b"two"]
    assert len(files(wallet.path / "records")) == 1


def test_an_index_is_never_given_twice(wallet: Wallet):
    again = Wallet.open(wallet.path, passphrase=b"correct horse", random_bytes=os.urandom)
    assert [wallet.reserve_index(), again.reserve_index(), wallet.reserve_index()] == [0, 1, 2]


def test_indices_stop_500_past_the_last_one_on_the_chain(wallet: Wallet):
    for _ in range(MAX_AHEAD):
        wallet.reserve_index()
    with pytest.raises(UnavailableError) as caught:
        wallet.reserve_index()
    assert caught.value.code == "too_far_ahead"
    wallet.seen_on_chain(0)
    assert wallet.reserve_index() == MAX_AHEAD


def test_an_index_seen_on_the_chain_is_not_given_again(wallet: Wallet):
    wallet.seen_on_chain(7)
    assert wallet.reserve_index() == 8


def test_two_writers_of_one_wallet_wait_then_get_a_typed_error(wallet: Wallet):
    holder, waiter = (ProcessLock(wallet.path / "lock", wait=wait) for wait in (1, 0.05))
    with holder, pytest.raises(UnavailableError) as caught, waiter:
        pass
    assert caught.value.code == "locked"
