"""What somebody does who does not use our software: requests past the wallet's own checks, and statements signed on purpose.

It uses real keys of the demonstration, the grantee's or the operator's, so that what refuses it is not a missing signature.
"""

from __future__ import annotations

from privledger.protocol import keys
from privledger.protocol.grantenvelope import parse_key_part
from privledger.protocol.request import make_request
from privledger.protocol.statements import OneTimeSigner
from privledger.protocol.terms import encode_opening, parse_terms
from privledger.wallet.notes import GivenGrant, Notebook, ReceivedGrant
from privledger_crypto import cbor, group, onetime
from privledger_crypto.envelope import XWingPrivateKey
from scenes.stage import Party, Stage, random_bytes

__all__ = ["ask_keeper", "ask_vault", "received", "request_of"]

REQUEST_LIFE = 300  # seconds


def received(party: Party, given: GivenGrant) -> ReceivedGrant:
    """What a grantee's wallet notes of a grant."""
    note = Notebook(party.wallet).received_grant(given.record, given.grant)
    if note is None:
        raise LookupError(f"{party.name} never opened this grant")
    return note


def request_of(stage: Stage, party: Party, note: ReceivedGrant, number: int) -> bytes:
    """A request signed by the grant's one-time key under any read number, with a new response key."""
    origin = stage.place.trust.origin
    part = parse_key_part(note.key_part, origin)
    spend = keys.address_spend(party.wallet.seed, origin, note.address_number)
    secret = onetime.one_time_secret(spend, note.seed)
    signer = OneTimeSigner(secret, group.generator().mul(secret).to_bytes(), random_bytes)
    return make_request(
        signer,
        origin=origin,
        record=note.record,
        grant=note.grant,
        services=tuple(sorted({part.vault, *(keeper.service for keeper in part.keepers)})),
        epoch=part.epoch,
        number=number,
        response_key=XWingPrivateKey.from_seed(random_bytes(32)).public,
        nonce=random_bytes(16),
        expiry=stage.clock() + REQUEST_LIFE,
    )


def ask_keeper(stage: Stage, party: Party, given: GivenGrant, number: int) -> None:
    """Ask the keeper for its share, without looking at the chain first."""
    note = received(party, given)
    opening = encode_opening(parse_terms(cbor.decode(note.terms)), group.parse_scalar(note.blinding))
    stage.place.keepers[0].release(request_of(stage, party, note, number), opening)


def ask_vault(stage: Stage, party: Party, given: GivenGrant, number: int) -> None:
    """Ask the vault for the ciphertext, without looking at the chain first."""
    stage.place.vault.segments(request_of(stage, party, received(party, given), number), 0, 1)
