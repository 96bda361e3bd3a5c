"""One made-up owner, grantee, keeper and vault, with their keys and statements, for the tests of `privledger.protocol`.

Everything here comes from fixed seeds. `forge` signs a statement again with fields changed, so that only the change can be what a
reader refuses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

from privledger.protocol import keys
from privledger.protocol.address import make_address
from privledger.protocol.capsule import KeeperShare
from privledger.protocol.deposit import Deposit, ShareSlot, make_deposit, parse_deposit, share_digest
from privledger.protocol.descriptor import (
    Descriptor,
    attribute_scalar,
    commit_record,
    descriptor_scalar,
    record_scalars,
)
from privledger.protocol.ids import record_id, service_id
from privledger.protocol.request import Request, make_request, parse_request
from privledger.protocol.statements import OneTimeSigner, make_statement, peek_statement
from privledger.protocol.terms import Terms
from privledger_crypto import cose, group, onetime
from privledger_crypto.envelope import XWingPrivateKey
from privledger_crypto.shares import Share, split
from privledger_crypto.signing import Ed25519PrivateKey

ORIGIN = "bikes.example/" + "5d" * 32
OTHER_ORIGIN = "bikes.example/" + "5e" * 32
SEED = bytes(range(32))
NOW = 1_770_000_000
GRANT = bytes.fromhex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf")
EPOCH = 0
DROP = object()  # in `forge`: leave the field out


def stream(label: str) -> Callable[[int], bytes]:
    """A random source that gives the same bytes in every run, and never the same bytes twice."""
    count = 0

    def random_bytes(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{label}/{count}".encode()).digest(size)

    return random_bytes


def signer_of(label: str) -> cose.Ed25519Signer:
    return cose.Ed25519Signer(Ed25519PrivateKey(hashlib.sha256(label.encode()).digest()))


RECORD_SIGNER = cose.Ed25519Signer(Ed25519PrivateKey(keys.record_signing_seed(SEED, ORIGIN, 7)))
RECORD = record_id(RECORD_SIGNER.key_id)
KEEPER_SIGNERS = tuple(signer_of(f"keeper {number}") for number in range(3))
KEEPERS = tuple(service_id(signer.key_id) for signer in KEEPER_SIGNERS)
VAULT_SIGNER = signer_of("vault")
VAULT = service_id(VAULT_SIGNER.key_id)

SPEND_SECRET = keys.address_spend(bytes(32), ORIGIN, 0)
SPEND = group.generator().mul(SPEND_SECRET).to_bytes()
ADDRESS_KEM = XWingPrivateKey.from_seed(keys.address_kem(bytes(32), ORIGIN, 0))
RESPONSE_KEM = XWingPrivateKey.from_seed(b"\x77" * 32)
DEPOSIT_KEM = XWingPrivateKey.from_seed(b"\x55" * 32)
ONE_TIME_SEED = b"\x42" * 32

TERMS = Terms(("planning", "research"), 1_767_225_600, 1_798_761_600, 1, 12, 250, "EUR")
DESCRIPTOR = Descriptor(
    title="Ladepunkte 2026",
    media_type="text/csv",
    size=1234,
    schema="https://example.org/schema/1",
    tags=("charging", "city"),
    attributes=(("age", "int"), ("city", "text")),
    derived_from=(b"\x01" * 16, b"\x02" * 16),
    salt=b"\x09" * 16,
)
BLOB_ROOT = hashlib.sha256(b"blob").digest()
BLOB_SIZE = 4168
D = descriptor_scalar(BLOB_ROOT, BLOB_SIZE, DESCRIPTOR.digest())
R = 0x1234567890ABCDEF
ATTRIBUTES = (attribute_scalar("int", 18), attribute_scalar("text", "Berlin"))
SCALARS = record_scalars(R, keys.identity_secret(SEED), D, ATTRIBUTES)
COMMITMENT = commit_record(R, keys.identity_secret(SEED), D, ATTRIBUTES)
B = 0xB0B
SHARES: tuple[Share, ...] = split(B, threshold=2, count=3, random_bytes=stream("shares"))
KEEPER_SHARES = tuple(
    KeeperShare(service, share.index, share_digest(ORIGIN, RECORD, EPOCH, service, share))
    for service, share in zip(KEEPERS, SHARES, strict=True)
)


@cache
def address() -> bytes:
    return make_address(SPEND_SECRET, ADDRESS_KEM.public, "Stadtplanung Köln", ORIGIN, stream("address"))


@cache
def one_time_signer() -> OneTimeSigner:
    secret = onetime.one_time_secret(SPEND_SECRET, ONE_TIME_SEED)
    return OneTimeSigner(secret, onetime.one_time_public(SPEND, ONE_TIME_SEED), stream("one-time"))


def request(**changes: Any) -> Request:
    fields: dict[str, Any] = {
        "origin": ORIGIN,
        "record": RECORD,
        "grant": GRANT,
        "services": tuple(sorted((*KEEPERS, VAULT))),
        "epoch": EPOCH,
        "number": 3,
        "response_key": RESPONSE_KEM.public,
        "nonce": b"\x33" * 16,
        "expiry": NOW + 600,
    }
    fields.update(changes)
    signer: cose.Signer = RECORD_SIGNER if fields["grant"] == bytes(16) else one_time_signer()
    return parse_request(make_request(signer, **fields), fields["origin"])


def owner_request(**changes: Any) -> Request:
    return request(grant=bytes(16), number=0, **changes)


def share_deposit(keeper: int = 0, *, epoch: int = EPOCH, t: int = 2, n: int = 3, index: int | None = None) -> Deposit:
    raw = make_deposit(
        RECORD_SIGNER,
        origin=ORIGIN,
        record=RECORD,
        epoch=epoch,
        what="share",
        action="store",
        service=KEEPERS[keeper],
        size=1172,
        digest=KEEPER_SHARES[keeper].digest,
        share=ShareSlot(index or keeper + 1, t, n),
    )
    return parse_deposit(raw, ORIGIN)


def forge(signer: cose.Signer, raw: bytes, changes: dict[int, Any], *, kind: str | None = None) -> bytes:
    """The statement `raw` with fields changed (or dropped), signed again."""
    statement = peek_statement(raw)
    fields = {key: value for key, value in {**statement.body, **changes}.items() if value is not DROP}
    return make_statement(signer, kind or statement.kind, fields, origin=ORIGIN)


def keys_of(raw: bytes) -> list[int]:
    """The keys of a statement's fields."""
    return sorted(peek_statement(raw).body)


WRONG_TYPES: tuple[Any, ...] = (True, -1, 1 << 64 - 1, "\N{SNOWMAN}" * 900, b"\x00" * 20_000, [[[]]], {0: b""})
