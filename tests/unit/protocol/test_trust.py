"""Trust roots: JSON that reads back, and strict reading."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from privledger.protocol.errors import FormatError, UsageError
from privledger.protocol.trust import TrustRoot, parse_trust_root, trust_root_of, vkeys_of
from privledger_crypto import notes
from tests.support.chain import ORIGIN, Chain, log_signer, signer

KEYS = vkeys_of(ORIGIN, [log_signer().public])
WITNESS = notes.VerifierKey("w.example", notes.TYPE_ED25519_COSIGNATURE, signer("witness").key_id)
TRUST = TrustRoot(ORIGIN, bytes(range(32)), KEYS, (WITNESS,), 1, 20)


def test_a_trust_root_reads_back():
    assert parse_trust_root(TRUST.to_json().encode()) == TRUST


def test_the_file_has_the_fields_of_the_specification():
    value = json.loads(TRUST.to_json())
    assert list(value) == [
        "type", "version", "origin", "genesis", "log_keys", "witnesses", "witness_quorum", "max_age",
    ]  # fmt: skip
    assert value["genesis"] == bytes(range(32)).hex()
    assert value["log_keys"] == [key.to_vkey() for key in KEYS]


def test_the_operator_makes_it_from_entry_0():
    chain = Chain()
    found = trust_root_of(chain.leaves[0])
    assert (found.origin, found.genesis, found.log_keys) == (ORIGIN, sha256(chain.leaves[0]).digest(), KEYS)
    assert found.max_age == 30


def test_a_trust_root_may_ask_for_less_than_f_and_not_for_more():
    leaf = Chain().leaves[0]
    assert trust_root_of(leaf, max_age=5).max_age == 5
    with pytest.raises(UsageError):
        trust_root_of(leaf, max_age=31)


def test_only_a_first_ledger_entry_makes_a_trust_root():
    chain = Chain()
    with pytest.raises(FormatError):
        trust_root_of(chain.record("owner"))


def changed(**fields: object) -> bytes:
    return json.dumps({**json.loads(TRUST.to_json()), **fields}).encode()


VKEYS = [key.to_vkey() for key in KEYS]
BAD = {
    "not JSON": b"{",
    "not UTF-8": b"\xff",
    "not an object": b"[]",
    "nested too deep": b"[" * 100_000,
    "field twice": TRUST.to_json().encode().replace(b'"version": 1,', b'"version": 1, "version": 1,'),
    "unknown field": changed(more=1),
    "missing field": TRUST.to_json().encode().replace(b'"witness_quorum": 1,', b""),
    "another type": changed(type="privledger/other"),
    "version 2": changed(version=2),
    "version true": changed(version=True),
    "origin no text": changed(origin=1),
    "origin without randomness": changed(origin="bikes.example"),
    "genesis short": changed(genesis="ab"),
    "genesis in capitals": changed(genesis="AB" * 32),
    "genesis not hex": changed(genesis="zz" * 32),
    "no log keys": changed(log_keys=[]),
    "one log key": changed(log_keys=VKEYS[:1]),
    "log keys in another order": changed(log_keys=VKEYS[::-1]),
    "log key twice": changed(log_keys=VKEYS * 2),
    "log key of another name": changed(log_keys=[key.to_vkey() for key in vkeys_of("other", [log_signer().public])]),
    "log key garbled": changed(log_keys=[VKEYS[0][:-4], VKEYS[1]]),
    "log keys no list": changed(log_keys="x"),
    "log key no text": changed(log_keys=[1, 2]),
    "witness with a log's type": changed(
        witnesses=[notes.VerifierKey("w.example", notes.TYPE_ED25519, signer("w").key_id).to_vkey()]
    ),
    "witness with the log's name": changed(
        witnesses=[notes.VerifierKey(ORIGIN, notes.TYPE_ED25519_COSIGNATURE, signer("w").key_id).to_vkey()]
    ),
    "quorum above the witnesses": changed(witness_quorum=2),
    "quorum negative": changed(witness_quorum=-1),
    "quorum true": changed(witness_quorum=True),
    "max_age 0": changed(max_age=0),
    "max_age a float": changed(max_age=30.0),
    "over a megabyte": TRUST.to_json().encode() + b" " * (1 << 20),
}


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_malformed(name):
    with pytest.raises(FormatError):
        parse_trust_root(BAD[name])
