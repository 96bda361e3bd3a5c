"""Presentations: one record, one verifier, one request; each step of the check fails alone."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from privledger.protocol import state
from privledger.protocol.checkpoint import LogSigner, sign_checkpoint
from privledger.protocol.container import pack
from privledger.protocol.descriptor import commit_record
from privledger.protocol.entries import Block
from privledger.protocol.errors import FormatError, UnavailableError, UsageError, VerificationError
from privledger.protocol.light import StateAnswer
from privledger.protocol.presentation import (
    ProofRequest,
    make_presentation,
    parse_presentation,
    parse_proof_request,
    unpack_presentation,
    unpack_proof_request,
    verify_presentation,
)
from privledger.protocol.state import RecordState
from privledger.protocol.trust import TrustRoot, vkeys_of
from privledger_crypto import cbor, merkle
from privledger_crypto.signing import Ed25519PrivateKey, MLDSA44PrivateKey
from privledger_crypto.statemap import SparseMap

from .refusals import check_map_reader
from .samples import COMMITMENT, NOW, ORIGIN, OTHER_ORIGIN, RECORD, RECORD_SIGNER, SCALARS, stream

LOG = LogSigner(Ed25519PrivateKey(b"\x01" * 32), MLDSA44PrivateKey.from_seed(b"\x02" * 32))
TRUST = TrustRoot(ORIGIN, bytes(32), vkeys_of(ORIGIN, [LOG.public]))
REQUEST = ProofRequest(ORIGIN, "Stadtbibliothek", "loan 2026", b"\x66" * 32, NOW + 300)
LIVE = RecordState(state.LIVE, RECORD_SIGNER.key_id, COMMITMENT, 0, 1, None, 1)


def answer_of(record_state: RecordState | None, *, time: int = NOW) -> StateAnswer:
    """What a ledger of three leaves answers for the record."""
    key = state.record_key(RECORD)
    items = [(b"\x00", b"meta"), (b"\x01", b"settings")]
    held = SparseMap.from_items([*items, (key, record_state.to_bytes())] if record_state else items)
    block = Block(0, time, 1, held.root, 2).to_leaf()
    hashes = [merkle.leaf_hash(leaf) for leaf in (b"entry 0", b"entry 1", block)]
    note = sign_checkpoint(ORIGIN, 3, merkle.root_of(hashes), time=time, signers=[LOG])
    value = record_state.to_bytes() if record_state else None
    return StateAnswer(note, block, merkle.inclusion_proof(hashes, 2, 3), ((key, value, held.prove(key)),))


ANSWER = answer_of(LIVE)


def present(request: ProofRequest = REQUEST, answer: StateAnswer = ANSWER, **changes: Any) -> bytes:
    fields: dict[str, Any] = {"record": RECORD, "commitment": COMMITMENT, "scalars": SCALARS, **changes}
    return make_presentation(request, answer=answer, random_bytes=stream("presentation"), **fields)


GOOD = present()


def test_a_presentation_shows_that_the_record_is_its_makers():
    verified = verify_presentation(GOOD, REQUEST, TRUST, NOW + 20, 30)
    assert (verified.record, verified.time, verified.size) == (RECORD, NOW, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"verifier": "Somebody"},
        {"scope": "loan 2027"},
        {"nonce": bytes(32)},
        {"expiry": NOW + 301},
        {"origin": OTHER_ORIGIN},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_presentation_answers_one_request_only(change):
    with pytest.raises(VerificationError, match="another proof request"):
        verify_presentation(GOOD, replace(REQUEST, **change), TRUST, NOW, 30)


def test_a_proof_relayed_from_another_request_is_refused():
    own = replace(REQUEST, verifier="Relay")
    relayed = replace(unpack_presentation(GOOD), request=own).pack()
    with pytest.raises(VerificationError, match="proof of ownership"):
        verify_presentation(relayed, own, TRUST, NOW, 30)


def test_a_copied_commitment_proves_nothing():
    other = replace(unpack_presentation(GOOD), proof=GOOD[-384:-1] + b"\x00").pack()
    with pytest.raises((VerificationError, FormatError)):
        verify_presentation(other, REQUEST, TRUST, NOW, 30)


def test_an_expired_request_is_refused():
    with pytest.raises(VerificationError, match="expired"):
        verify_presentation(present(answer=answer_of(LIVE, time=NOW + 301)), REQUEST, TRUST, NOW + 301, 30)


def test_another_ledgers_request_is_refused():
    elsewhere = replace(TRUST, origin=OTHER_ORIGIN, log_keys=vkeys_of(OTHER_ORIGIN, [LOG.public]))
    with pytest.raises(VerificationError, match="another ledger"):
        verify_presentation(GOOD, REQUEST, elsewhere, NOW, 30)


def test_a_state_older_than_the_verifier_accepts_is_refused():
    with pytest.raises(UnavailableError):
        verify_presentation(GOOD, REQUEST, TRUST, NOW + 31, 30)


def test_a_state_that_the_ledger_did_not_sign_is_refused():
    stranger = LogSigner(Ed25519PrivateKey(b"\x03" * 32), MLDSA44PrivateKey.from_seed(b"\x04" * 32))
    trust = TrustRoot(ORIGIN, bytes(32), vkeys_of(ORIGIN, [stranger.public]))
    with pytest.raises(VerificationError):
        verify_presentation(GOOD, REQUEST, trust, NOW, 30)


def test_an_unknown_record_is_refused():
    with pytest.raises(VerificationError, match="does not hold the record"):
        verify_presentation(present(answer=answer_of(None)), REQUEST, TRUST, NOW, 30)


def test_a_state_answer_about_another_record_is_refused():
    with pytest.raises(VerificationError, match="does not hold the record"):
        verify_presentation(present(record=bytes(16)), REQUEST, TRUST, NOW, 30)


def test_an_erased_record_is_refused():
    erased = answer_of(replace(LIVE, status=state.ERASED))
    with pytest.raises(VerificationError, match="erased"):
        verify_presentation(present(answer=erased), REQUEST, TRUST, NOW, 30)


def test_the_commitment_is_taken_from_the_state():
    other = answer_of(replace(LIVE, commitment=commit_record(1, 2, 3)))
    with pytest.raises(VerificationError, match="proof of ownership"):
        verify_presentation(present(answer=other), REQUEST, TRUST, NOW, 30)


def test_a_commitment_in_the_state_that_is_no_point_is_refused():
    other = answer_of(replace(LIVE, commitment=bytes(48)))
    with pytest.raises(FormatError):
        verify_presentation(present(answer=other), REQUEST, TRUST, NOW, 30)


def test_scalars_that_do_not_open_the_commitment_prove_nothing():
    with pytest.raises(UsageError):
        present(scalars=(1, *SCALARS[1:]))


def test_a_proof_request_reads_back_and_is_named_by_its_hash():
    assert unpack_proof_request(REQUEST.pack()) == REQUEST
    assert REQUEST.digest() == hashlib.sha256(cbor.encode(REQUEST.to_value())).digest()


def test_the_readers_refuse_missing_unknown_and_mistyped_fields():
    check_map_reader(REQUEST.to_value(), parse_proof_request)
    check_map_reader(unpack_presentation(GOOD).to_value(), parse_presentation)


def test_a_presentation_reads_back_as_it_was():
    assert unpack_presentation(GOOD).pack() == GOOD
    assert unpack_presentation(GOOD).answer == ANSWER


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "bikes"},
        {"statement": "licence"},
        {"verifier": ""},
        {"verifier": "x" * 257},
        {"scope": "a\x1b"},
        {"nonce": bytes(31)},
        {"expiry": 2**32},
    ],
    ids=lambda change: str(change)[:30],
)
def test_a_proof_request_that_cannot_be_is_neither_made_nor_read(change):
    with pytest.raises((UsageError, FormatError)):
        replace(REQUEST, **change)
    ((name, value),) = change.items()
    names = ("origin", "statement", "verifier", "scope", "nonce", "expiry")
    with pytest.raises(FormatError):
        parse_proof_request({**REQUEST.to_value(), names.index(name) + 1: value})


@pytest.mark.parametrize("change", [{1: {}}, {2: bytes(15)}, {3: [b""]}, {4: bytes(383)}], ids=str)
def test_a_presentation_that_cannot_be_is_refused(change):
    with pytest.raises(FormatError):
        parse_presentation({**unpack_presentation(GOOD).to_value(), **change})


def test_another_container_is_no_presentation():
    with pytest.raises(FormatError):
        verify_presentation(pack("proof-request", REQUEST.to_value()), REQUEST, TRUST, NOW, 30)
