"""Deposits, holdings, deposit keys, and shares on their way to a keeper."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from privledger.protocol.deposit import (
    ShareSlot,
    make_deposit,
    make_deposit_key,
    make_holding,
    open_share,
    parse_deposit,
    parse_deposit_key,
    parse_holding,
    parse_share,
    seal_share,
    share_digest,
    verify_share,
)
from privledger.protocol.errors import FormatError, UsageError, VerificationError
from privledger_crypto import cbor, group
from privledger_crypto.envelope import XWingPrivateKey
from privledger_crypto.shares import Share

from .refusals import check_statement_reader
from .samples import (
    DEPOSIT_KEM,
    DROP,
    EPOCH,
    GRANT,
    KEEPER_SIGNERS,
    KEEPERS,
    NOW,
    ORIGIN,
    OTHER_ORIGIN,
    RECORD,
    RECORD_SIGNER,
    SHARES,
    VAULT,
    forge,
    one_time_signer,
    share_deposit,
)

PLACE: dict[str, Any] = {"origin": ORIGIN, "record": RECORD, "epoch": EPOCH, "service": KEEPERS[0]}
BASE: dict[str, Any] = {
    "origin": ORIGIN,
    "record": RECORD,
    "epoch": 3,
    "what": "blob",
    "action": "store",
    "service": VAULT,
    "size": 5000,
    "digest": bytes(32),
}
GOOD: list[dict[str, Any]] = [
    {},
    {"action": "delete"},
    {"action": "begin", "digest": b""},
    {"what": "descriptor", "size": 1096},
    {"what": "capsule", "size": 4096},
    {"what": "note", "size": 4096, "item": GRANT},
    {"what": "envelope", "size": 4096, "item": GRANT, "action": "delete"},
    {"what": "share", "size": 1172, "share": ShareSlot(2, 2, 3)},
    {"what": "share", "size": 1172, "share": ShareSlot(2, 2, 3), "action": "delete"},
]
BAD: list[dict[str, Any]] = [
    {"record": bytes(15)},
    {"epoch": -1},
    {"epoch": 2**32},
    {"what": "key"},
    {"action": "read"},
    {"service": bytes(17)},
    {"item": GRANT},
    {"size": 0},
    {"size": 2**52 + 1},
    {"digest": b""},
    {"digest": bytes(31)},
    {"action": "begin"},
    {"what": "descriptor", "action": "begin", "digest": b""},
    {"what": "capsule", "size": 4095},
    {"what": "note", "size": 4096},
    {"what": "note", "size": 4096, "item": bytes(15)},
    {"what": "envelope", "size": 4097, "item": GRANT},
    {"what": "share", "size": 1172},
    {"what": "share", "size": 4096, "share": ShareSlot(2, 2, 3)},
    {"what": "descriptor", "size": 65537},
    {"share": ShareSlot(2, 2, 3)},
]
NUMBERS = {"record": 1, "epoch": 2, "what": 3, "action": 4, "service": 5, "item": 6, "size": 7, "digest": 8}


@pytest.mark.parametrize("change", GOOD, ids=str)
def test_a_deposit_reads_back_as_it_was(change):
    fields = {**BASE, **change}
    raw = make_deposit(RECORD_SIGNER, **fields)
    read = parse_deposit(raw, ORIGIN)
    names = [name for name in fields if name != "origin"]
    assert {name: getattr(read, name) for name in names} == {name: fields[name] for name in names}
    assert (read.key, read.raw) == (RECORD_SIGNER.key_id, raw)
    assert read.statement_digest == hashlib.sha256(raw).digest()


@pytest.mark.parametrize("change", BAD, ids=str)
def test_a_deposit_that_cannot_be_is_neither_made_nor_read(change):
    with pytest.raises(UsageError):
        make_deposit(RECORD_SIGNER, **{**BASE, **change})
    changes: dict[int, Any] = {NUMBERS[name]: value for name, value in change.items() if name != "share"}
    if "share" in change:
        changes[9] = [2, 2, 3]
    with pytest.raises(FormatError):
        parse_deposit(forge(RECORD_SIGNER, make_deposit(RECORD_SIGNER, **BASE), changes), ORIGIN)


def test_the_readers_refuse_every_structural_change():
    check_statement_reader(share_deposit().raw, RECORD_SIGNER, parse_deposit)
    check_statement_reader(make_deposit(RECORD_SIGNER, **BASE), RECORD_SIGNER, parse_deposit)


@pytest.mark.parametrize(
    "slot", [[0, 2, 3], [4, 2, 3], [1, 1, 2], [1, 0, 0], [1, 17, 32], [1, 4, 3], [1, 2], [1, 2, 3, 4], DROP]
)
def test_a_share_slot_that_cannot_be_is_refused(slot):
    with pytest.raises(FormatError):
        parse_deposit(forge(RECORD_SIGNER, share_deposit().raw, {9: slot}), ORIGIN)


@pytest.mark.parametrize("slot", [(0, 2, 3), (4, 2, 3), (1, 1, 2), (1, 17, 32)])
def test_a_share_slot_keeps_two_t_above_n(slot):
    with pytest.raises(UsageError):
        ShareSlot(*slot)


def test_a_deposit_by_a_one_time_key_is_refused():
    with pytest.raises(FormatError, match="Ed25519"):
        parse_deposit(forge(one_time_signer(), share_deposit().raw, {}), ORIGIN)


HOLDING = make_holding(KEEPER_SIGNERS[0], origin=ORIGIN, service=KEEPERS[0], deposit=share_deposit().raw, time=NOW)
DEPOSIT_KEY = make_deposit_key(
    KEEPER_SIGNERS[0], origin=ORIGIN, service=KEEPERS[0], public=DEPOSIT_KEM.public, since=NOW, until=NOW + 604_800
)


def test_a_holding_names_the_deposit_that_it_confirms():
    read = parse_holding(HOLDING, ORIGIN)
    assert (read.service, read.deposit, read.time) == (KEEPERS[0], share_deposit().statement_digest, NOW)
    assert read.key == KEEPER_SIGNERS[0].key_id


def test_the_reader_of_holdings_refuses_every_structural_change():
    check_statement_reader(HOLDING, KEEPER_SIGNERS[0], parse_holding)


@pytest.mark.parametrize("change", [{"service": b""}, {"time": -1}, {"time": 2**32}], ids=str)
def test_a_holding_that_would_not_be_read_is_not_made(change):
    fields: dict[str, Any] = {"origin": ORIGIN, "service": KEEPERS[0], "deposit": b"x", "time": NOW, **change}
    with pytest.raises(UsageError):
        make_holding(KEEPER_SIGNERS[0], **fields)


def test_a_deposit_key_reads_back_as_it_was():
    read = parse_deposit_key(DEPOSIT_KEY, ORIGIN)
    assert (read.service, read.public, read.since, read.until) == (KEEPERS[0], DEPOSIT_KEM.public, NOW, NOW + 604_800)
    assert read.digest == hashlib.sha256(DEPOSIT_KEY).digest()


def test_the_reader_of_deposit_keys_refuses_every_structural_change():
    check_statement_reader(DEPOSIT_KEY, KEEPER_SIGNERS[0], parse_deposit_key)


@pytest.mark.parametrize(
    "change",
    [
        {"public": bytes(1216)},
        {"public": b""},
        {"since": NOW, "until": NOW},
        {"until": 2**32},
        {"service": b""},
        {"since": -1},
    ],
    ids=lambda change: str(sorted(change)),
)
def test_a_deposit_key_that_cannot_be_is_neither_made_nor_read(change):
    fields: dict[str, Any] = {
        "service": KEEPERS[0],
        "public": DEPOSIT_KEM.public,
        "since": NOW,
        "until": NOW + 1,
        **change,
    }
    with pytest.raises(UsageError):
        make_deposit_key(KEEPER_SIGNERS[0], origin=ORIGIN, **fields)
    with pytest.raises(FormatError):
        parse_deposit_key(forge(KEEPER_SIGNERS[0], DEPOSIT_KEY, dict(enumerate(fields.values(), start=1))), ORIGIN)


def test_the_digest_of_a_share_is_bound_to_its_place():
    context = cbor.encode(["privledger/v1", "share", ORIGIN, RECORD, EPOCH, KEEPERS[0]])
    message = b"privledger/v1/share-digest\0" + len(context).to_bytes(8, "big") + context
    message += b"\x01" + SHARES[0].value.to_bytes(32, "big")
    assert share_digest(ORIGIN, RECORD, EPOCH, KEEPERS[0], SHARES[0]) == hashlib.sha256(message).digest()


def test_a_sealed_share_opens_and_is_the_one_deposited():
    message = seal_share(DEPOSIT_KEM.public, SHARES[0], **PLACE)
    share = open_share(DEPOSIT_KEM, message, **PLACE)
    verify_share(share, share_digest(ORIGIN, RECORD, EPOCH, KEEPERS[0], SHARES[0]), **PLACE)
    assert share == SHARES[0]


@pytest.mark.parametrize(
    "change", [{"origin": OTHER_ORIGIN}, {"record": bytes(16)}, {"epoch": 1}, {"service": KEEPERS[1]}], ids=str
)
def test_a_sealed_share_opens_in_its_place_only(change):
    message = seal_share(DEPOSIT_KEM.public, SHARES[0], **PLACE)
    with pytest.raises(VerificationError):
        open_share(DEPOSIT_KEM, message, **{**PLACE, **change})
    digest = share_digest(ORIGIN, RECORD, EPOCH, KEEPERS[0], SHARES[0])
    with pytest.raises(VerificationError):
        verify_share(SHARES[0], digest, **{**PLACE, **change})


def test_a_sealed_share_opens_with_its_key_only():
    with pytest.raises(VerificationError):
        open_share(XWingPrivateKey.from_seed(bytes(32)), seal_share(DEPOSIT_KEM.public, SHARES[0], **PLACE), **PLACE)


def test_a_share_is_not_sealed_to_what_is_no_key():
    with pytest.raises(UsageError):
        seal_share(bytes(1216), SHARES[0], **PLACE)


def test_another_share_has_another_digest():
    with pytest.raises(VerificationError):
        verify_share(Share(1, 5), share_digest(ORIGIN, RECORD, EPOCH, KEEPERS[0], SHARES[0]), **PLACE)


@pytest.mark.parametrize(
    "value", [[1], [0, bytes(32)], [32, bytes(32)], [1, bytes(31)], [1, group.ORDER.to_bytes(32, "big")], [1, 2], {}]
)
def test_a_share_of_another_shape_is_refused(value):
    with pytest.raises(FormatError):
        parse_share(cbor.encode(value))


def test_no_share_is_shown():
    assert str(SHARES[0].value) not in repr(SHARES[0])
