"""P7: an owner proves "this record is mine" to one verifier, and nothing else; the proof serves nobody else."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from privledger.protocol.descriptor import commit_record
from privledger.protocol.entries import RecordEntry, make_entry
from privledger.protocol.errors import PrivledgerError, UnavailableError, VerificationError
from privledger.protocol.ids import record_id
from privledger.protocol.presentation import (
    ProofRequest,
    make_presentation,
    unpack_presentation,
    verify_presentation,
)
from privledger.protocol.state import record_key
from privledger_crypto import group
from privledger_crypto.cose import Ed25519Signer
from privledger_crypto.signing import Ed25519PrivateKey
from tests.support.town import Town

AGE = 60


def request_of(town: Town, verifier: str = "bank.example", **fields: object) -> ProofRequest:
    """A verifier's request, valid for an hour."""
    given = {
        "origin": town.trust.origin,
        "verifier": verifier,
        "scope": "a loan",
        "nonce": os.urandom(32),
        "expiry": town.clock() + 3_600,
    }
    return ProofRequest(**(given | fields))  # type: ignore[arg-type]


def verify(town: Town, shown: bytes, request: ProofRequest) -> bytes:
    """What the verifier accepts: the record."""
    return verify_presentation(shown, request, town.trust, town.clock(), AGE).record


@pytest.fixture
def record(town: Town) -> bytes:
    return town.put()


def test_the_owner_convinces_the_verifier_who_asked(town: Town, record: bytes) -> None:
    request = request_of(town)
    assert verify(town, town.owner.prove(record, request.pack()), request) == record


def test_a_presentation_carries_neither_r_nor_s_nor_the_descriptor(town: Town, record: bytes) -> None:
    request = request_of(town)
    shown = town.owner.prove(record, request.pack())
    owned = town.owner.owned()[0]
    hidden = [owned.blinding, owned.keepers_part, owned.blob_root, owned.descriptor, town.owner_seed]
    assert not any(secret in shown for secret in hidden)


def test_two_presentations_of_one_record_share_no_part_of_the_proof(town: Town, record: bytes) -> None:
    first, second = (unpack_presentation(town.owner.prove(record, request_of(town).pack())).proof for _ in range(2))
    chunks = [{proof[at : at + 32] for at in range(0, len(proof), 32)} for proof in (first, second)]
    assert chunks[0] & chunks[1] == set()


@pytest.mark.parametrize("field", ["verifier", "scope", "nonce", "expiry"])
def test_a_presentation_for_another_request_is_refused(town: Town, record: bytes, field: str) -> None:
    mine = request_of(town)
    other = {"verifier": "shop.example", "scope": "rent", "nonce": os.urandom(32), "expiry": mine.expiry + 1}
    theirs = replace(mine, **{field: other[field]})  # type: ignore[arg-type]
    with pytest.raises(VerificationError, match="another proof request"):
        verify(town, town.owner.prove(record, theirs.pack()), mine)


@pytest.mark.parametrize("field", ["verifier", "scope", "nonce", "expiry"])
def test_a_presentation_dressed_up_as_an_answer_to_another_request_is_refused(
    town: Town, record: bytes, field: str
) -> None:
    """A shop relays the bank's nonce under its own name, and puts the bank's request around what it was given."""
    bank = request_of(town)
    other = {"verifier": "shop.example", "scope": "rent", "nonce": os.urandom(32), "expiry": bank.expiry + 1}
    shop = replace(bank, **{field: other[field]})  # type: ignore[arg-type]
    given = unpack_presentation(town.owner.prove(record, shop.pack()))
    with pytest.raises(VerificationError):
        verify(town, replace(given, request=bank).pack(), bank)


def thief_record(town: Town, commitment: bytes) -> tuple[bytes, Ed25519Signer]:
    """A record of somebody else on the chain, with this commitment."""
    signer = Ed25519Signer(Ed25519PrivateKey(os.urandom(32)))
    town.ledger.submit([make_entry([signer], RecordEntry(commitment), origin=town.trust.origin)])
    return record_id(signer.key_id), signer


def test_a_commitment_copied_into_another_record_proves_nothing(town: Town, record: bytes) -> None:
    request = request_of(town)
    given = unpack_presentation(town.owner.prove(record, request.pack()))
    stolen, _ = thief_record(town, town.owner.outsider(record).commitment)
    answer = town.ledger.state([record_key(stolen)])
    with pytest.raises(VerificationError):
        verify(town, replace(given, record=stolen, answer=answer).pack(), request)


def test_a_record_id_copied_beside_ones_own_proof_proves_nothing(town: Town, record: bytes) -> None:
    """The thief opens a commitment of its own, and names the victim's record."""
    request = request_of(town)
    scalars = [group.random_scalar(os.urandom) for _ in range(11)]
    own = commit_record(scalars[0], scalars[1], scalars[2], tuple(scalars[3:]))
    answer = town.ledger.state([record_key(record)])
    forged = make_presentation(
        request, record=record, answer=answer, commitment=own, scalars=scalars, random_bytes=os.urandom
    )
    with pytest.raises(VerificationError):
        verify(town, forged, request)


def test_who_holds_the_same_payload_cannot_prove_the_record(town: Town, record: bytes) -> None:
    """Another wallet with the same descriptor and attributes, but another `s`."""
    owned = town.owner.owned()[0]
    stranger = town.owner_of(town.new_wallet("stranger"))
    stranger.context.notebook.save_record(replace(owned, blinding=group.scalar_to_bytes(7)))
    with pytest.raises(PrivledgerError):
        stranger.prove(record, request_of(town).pack())


@pytest.mark.parametrize("position", [0, 31, 32, 200, -1])
def test_a_changed_proof_is_refused(town: Town, record: bytes, position: int) -> None:
    request = request_of(town)
    given = unpack_presentation(town.owner.prove(record, request.pack()))
    proof = bytearray(given.proof)
    proof[position] ^= 1
    with pytest.raises(PrivledgerError):
        verify(town, replace(given, proof=bytes(proof)).pack(), request)


def test_the_presentation_of_a_record_that_was_erased_since_is_too_old(town: Town, record: bytes) -> None:
    request = request_of(town)
    shown = town.owner.prove(record, request.pack())
    town.owner.erase(record)
    town.advance(AGE + 1)
    with pytest.raises(UnavailableError) as caught:
        verify(town, shown, request)
    assert caught.value.code == "stale_view"


def test_an_expired_request_is_not_answered_and_not_accepted(town: Town, record: bytes) -> None:
    request = request_of(town, expiry=town.clock() + 10)
    shown = town.owner.prove(record, request.pack())
    town.advance(11)
    with pytest.raises(VerificationError, match="expired"):
        town.owner.prove(record, request.pack())
    with pytest.raises(VerificationError, match="expired"):
        verify(town, shown, request)


def test_a_request_for_another_ledger_is_not_answered(town: Town, record: bytes) -> None:
    request = request_of(town, origin="other.example/" + "0" * 64)
    with pytest.raises(VerificationError) as caught:
        town.owner.prove(record, request.pack())
    assert caught.value.code == "wrong_origin"
