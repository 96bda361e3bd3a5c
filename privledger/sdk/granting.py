"""Grant: give a one-time key the right to read a record under committed terms (docs/spec/grant.md).

Order: the wallet's own note, the sealed note at the vault, the entry, the envelope. Each step may be repeated with the same
bytes, so a grant that died half-way is finished by `resume_grants`.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from privledger.protocol import keys
from privledger.protocol.address import Address, fingerprint, parse_address
from privledger.protocol.capsule import Note, seal_note
from privledger.protocol.descriptor import descriptor_scalar, parse_descriptor, prove_descriptor, record_scalars
from privledger.protocol.entries import GrantEntry, make_entry
from privledger.protocol.errors import AuthorisationError, PrivledgerError
from privledger.protocol.grantenvelope import GrantPart, make_key_part, seal_grant
from privledger.protocol.terms import Terms, commit_terms, parse_terms
from privledger.sdk.owning import OwnerContext, RecordKeys, keeper_shares
from privledger.sdk.putting import deposit_object
from privledger.wallet.notes import GivenGrant, OwnedRecord
from privledger_crypto import cbor, group, onetime

__all__ = ["grant_record", "plan_grant", "resume_grants"]

GRANT_ID_SIZE = 16  # bytes
SEED_SIZE = 32  # bytes


def plan_grant(context: OwnerContext, owned: OwnedRecord, address: bytes, terms: Terms) -> str:
    """What a grant would do, in plain words; nothing is sent."""
    to = parse_address(address, context.origin)
    title = parse_descriptor(owned.descriptor).title
    return (
        f"{to.label or 'The holder of the address'} (fingerprint: {fingerprint(to.raw)}) could read {title!r}.\n"
        f"The record {terms.describe()}.\n"
        "The chain would show one more grant on this record and when it was made; not to whom, and not the terms.\n"
        "The keeper would learn the terms when the record is read. Revoking ends it; what was read before stays read."
    )


def grant_record(context: OwnerContext, owned: OwnedRecord, address: bytes, terms: Terms, *, label: str) -> GivenGrant:
    """Grant, and deliver the envelope.

    Raises:
        VerificationError: the address is not genuine for this ledger.
        RefusedError: the record is erased, or the ledger ended.
    """
    to = parse_address(address, context.origin)
    seed = context.random_bytes(SEED_SIZE)
    r = group.random_scalar(context.random_bytes)
    grant = context.random_bytes(GRANT_ID_SIZE)
    entry = make_entry(
        [context.signer(owned.index)],
        GrantEntry(owned.record, grant, onetime.one_time_public(to.spend, seed), commit_terms(terms, r)),
        origin=context.origin,
    )
    given = GivenGrant(
        record=owned.record,
        grant=grant,
        address=address,
        terms=cbor.encode(terms.to_value()),
        blinding=group.scalar_to_bytes(r),
        seed=seed,
        entry=entry,
        label=label or to.label,
        done=False,
    )
    context.notebook.save_given(given)
    return _deliver(context, owned, given, to)


def _deliver(context: OwnerContext, owned: OwnedRecord, given: GivenGrant, to: Address) -> GivenGrant:
    record_keys = RecordKeys.of(context, owned)
    terms, r = parse_terms(cbor.decode(given.terms)), group.parse_scalar(given.blinding)
    note = seal_note(
        Note(given.address, terms, r, given.seed),
        owner_key=record_keys.owner,
        origin=context.origin,
        record=owned.record,
        epoch=owned.epoch,
        grant=given.grant,
    )
    deposit_object(context, owned.index, owned.record, "note", note, epoch=owned.epoch, item=given.grant)
    context.view.submit_one(given.entry)
    sealed = seal_grant(
        to.kem,
        key_part(context, owned, record_keys),
        GrantPart(terms, r, given.seed),
        origin=context.origin,
        record=owned.record,
        grant=given.grant,
        epoch=owned.epoch,
    )
    deposit_object(context, owned.index, owned.record, "envelope", sealed, epoch=owned.epoch, item=given.grant)
    done = replace(given, done=True)
    context.notebook.save_given(done)
    return done


def owner_scalars(context: OwnerContext, owned: OwnedRecord) -> tuple[int, ...]:
    """The eleven values inside `C`."""
    return record_scalars(
        group.parse_scalar(owned.blinding),
        keys.identity_secret(context.wallet.seed),
        descriptor_scalar(owned.blob_root, owned.blob_size, hashlib.sha256(owned.descriptor).digest()),
        [group.parse_scalar(attribute) for attribute in owned.attributes],
    )


def key_part(context: OwnerContext, owned: OwnedRecord, record_keys: RecordKeys) -> bytes:
    """The key part of an envelope: what every grantee of this epoch is given, signed by the record key."""
    proof = prove_descriptor(
        owner_scalars(context, owned),
        origin=context.origin,
        record=owned.record,
        epoch=owned.epoch,
        random_bytes=context.random_bytes,
    )
    return make_key_part(
        context.signer(owned.index),
        origin=context.origin,
        record=owned.record,
        epoch=owned.epoch,
        part=record_keys.grantee_part,
        keepers=keeper_shares(owned),
        t=owned.threshold,
        vault=owned.vault,
        blob_size=owned.blob_size,
        blob_root=owned.blob_root,
        descriptor_digest=hashlib.sha256(owned.descriptor).digest(),
        proof=proof,
    )


def resume_grants(context: OwnerContext) -> list[str]:
    """Deliver what is missing of grants that were begun; says what it did."""
    done = []
    for owned in context.notebook.records():
        for given in context.notebook.given(owned.record):
            if given.done:
                continue
            try:
                _deliver(context, owned, given, parse_address(given.address, context.origin))
            except AuthorisationError:
                # The vault takes envelopes of live grants only: this one was revoked before it was delivered.
                context.notebook.save_given(replace(given, done=True))
                done.append(f"grant {given.grant.hex()} was revoked before its envelope was delivered")
            except PrivledgerError as exc:
                done.append(f"could not finish grant {given.grant.hex()}: {exc}")
            else:
                done.append(f"delivered grant {given.grant.hex()}")
    return done
