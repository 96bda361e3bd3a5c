"""The key schedule: every row of the table its own label, every context item part of the derivation."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from privledger.protocol import keys
from privledger.protocol.errors import UsageError
from privledger_crypto import cbor, group

from .samples import ORIGIN, OTHER_ORIGIN, RECORD, SEED


def expand(seed: bytes, *info: object, length: int = 32) -> bytes:
    """HKDF-Expand-SHA-256 as RFC 5869 section 2.3 writes it."""
    encoded = cbor.encode(["privledger/v1", *info])  # type: ignore[list-item]
    block, out = b"", b""
    for counter in range(1, 3):
        block = hmac.digest(seed, block + encoded + bytes([counter]), "sha256")
        out += block
    return out[:length]


def hkdf(ikm: bytes, *info: object) -> bytes:
    return expand(hmac.digest(bytes(32), ikm, hashlib.sha256), *info)


@pytest.mark.parametrize(
    ("derived", "info"),
    [
        (keys.record_signing_seed(SEED, ORIGIN, 7), ("record-key", ORIGIN, 7)),
        (keys.grantee_part(SEED, ORIGIN, 7, 2), ("grantee-part", ORIGIN, 7, 2)),
        (keys.owner_part(SEED, ORIGIN, 7, 2), ("owner-part", ORIGIN, 7, 2)),
        (keys.capsule_head_key(SEED, ORIGIN, RECORD), ("capsule-head", ORIGIN, RECORD)),
        (keys.address_kem(SEED, ORIGIN, 3), ("address-kem", ORIGIN, 3)),
        (keys.wallet_file_key(SEED), ("wallet-file",)),
        (keys.backup_key(SEED), ("backup",)),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_key_is_the_row_of_the_table(derived, info):
    assert derived == expand(SEED, *info)


@pytest.mark.parametrize(
    ("derived", "info"),
    [
        (keys.identity_secret(SEED), ("identity",)),
        (keys.address_spend(SEED, ORIGIN, 3), ("address-spend", ORIGIN, 3)),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_scalar_is_48_bytes_reduced(derived, info):
    assert derived == int.from_bytes(expand(SEED, *info, length=48), "big") % group.ORDER


@pytest.mark.parametrize(("label", "derive"), [("data", keys.data_key), ("owner", keys.owner_key)])
def test_a_joined_key_needs_both_parts(label, derive):
    part, b = b"\x0a" * 32, 0xB
    assert derive(part, b, ORIGIN, RECORD, 4) == hkdf(part + b.to_bytes(32, "big"), label, ORIGIN, RECORD, 4)


def test_every_argument_changes_a_joined_key():
    part, b = b"\x0a" * 32, 0xB
    made = [
        keys.data_key(part, b, ORIGIN, RECORD, 4),
        keys.owner_key(part, b, ORIGIN, RECORD, 4),
        keys.data_key(b"\x0b" * 32, b, ORIGIN, RECORD, 4),
        keys.data_key(part, b + 1, ORIGIN, RECORD, 4),
        keys.data_key(part, b, OTHER_ORIGIN, RECORD, 4),
        keys.data_key(part, b, ORIGIN, bytes(16), 4),
        keys.data_key(part, b, ORIGIN, RECORD, 5),
    ]
    assert len(set(made)) == len(made)


def test_a_sealing_context_is_the_array_of_the_specification():
    expected = cbor.encode(["privledger/v1", "note", ORIGIN, RECORD, 4, b"item"])
    assert keys.sealing_context("note", ORIGIN, RECORD, 4, b"item") == expected


def test_nothing_is_sealed_under_an_unknown_word():
    with pytest.raises(UsageError):
        keys.sealing_context("capsule", ORIGIN, RECORD, 4)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)], ids=len)
def test_a_seed_of_another_length_is_refused(seed):
    with pytest.raises(UsageError):
        keys.identity_secret(seed)
    with pytest.raises(UsageError):
        keys.backup_key(seed)


def test_a_part_or_scalar_that_cannot_be_is_refused():
    with pytest.raises(UsageError):
        keys.data_key(bytes(31), 1, ORIGIN, RECORD, 0)
    with pytest.raises(UsageError):
        keys.owner_key(bytes(32), group.ORDER, ORIGIN, RECORD, 0)
