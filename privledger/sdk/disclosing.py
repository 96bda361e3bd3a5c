"""Showing: receipts, disclosures, bundles and presentations that an owner hands to an auditor or a verifier (docs/spec/audit.md).

Nothing here reveals a key, `r` or `s`. What is shown of a grant is its terms and its receipts; of the payload its root and size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from privledger.protocol.bundle import Bundle, BundleEntry
from privledger.protocol.descriptor import prove_descriptor
from privledger.protocol.disclosure import DescriptorDisclosure, Disclosure, GrantDisclosure, ServiceReceipts
from privledger.protocol.entries import GrantEntry, ReceiptsEntry, RevokeEntry, ServiceEntry, is_block, parse_entry
from privledger.protocol.errors import UnavailableError, VerificationError
from privledger.protocol.ids import ZERO_GRANT
from privledger.protocol.presentation import make_presentation, unpack_proof_request
from privledger.protocol.receipt import (
    Receipt,
    ReceiptOpening,
    parse_receipt,
    parse_receipt_opening,
    receipt_map_key,
    terms_map_key,
    verify_totals,
)
from privledger.protocol.state import (
    META_KEY,
    SETTINGS_KEY,
    ServiceState,
    grant_key,
    parse_record_state,
    record_key,
    service_key,
)
from privledger.protocol.terms import encode_opening, parse_terms
from privledger.sdk.ending import ErasedRecord, certificates_of
from privledger.sdk.granting import owner_scalars
from privledger.sdk.history import ProvenEntry, proven_entry
from privledger.sdk.owning import OwnerContext
from privledger.sdk.ports import Keeper
from privledger.wallet.notes import GivenGrant, OwnedRecord
from privledger_crypto import cbor, group

__all__ = ["make_bundle", "make_disclosure", "present", "receipts_of"]

_LEAVES_AT_A_TIME = 4_096


@dataclass(frozen=True, slots=True)
class _Subject:
    """A record of this wallet, live or erased: the openings of its grants' terms, and the digest of each keeper's share."""

    record: bytes
    index: int
    owned: OwnedRecord | None
    openings: Mapping[bytes, bytes] = field(repr=False)
    digests: Mapping[bytes, bytes]

    def map_key(self, grant: bytes, service: bytes) -> bytes | None:
        """Where a keeper's receipt map holds a grant; None for the owner's reads from a keeper that holds no share.

        Raises:
            UnavailableError: this wallet gave no such grant, so it cannot ask (code `not_found`).
        """
        if grant != ZERO_GRANT:
            if grant not in self.openings:
                raise UnavailableError(f"this wallet gave no grant {grant.hex()}", code="not_found")
            return terms_map_key(self.record, grant, self.openings[grant])
        digest = self.digests.get(service)
        return None if digest is None else receipt_map_key(self.record, grant, digest)


def _subject(context: OwnerContext, record: bytes) -> _Subject:
    if context.wallet.has("erased", record, "record"):
        erased = ErasedRecord.from_value(context.wallet.get("erased", record, "record"))
        return _Subject(record, erased.index, None, dict(erased.openings), _digests(erased.keepers))
    owned = context.notebook.record(record)
    openings = {one.grant: _opening_of(one) for one in context.notebook.given(record)}
    return _Subject(record, owned.index, owned, openings, _digests(owned.keepers))


def _digests(keepers: Sequence[tuple[bytes, int, bytes]]) -> dict[bytes, bytes]:
    return {service: digest for service, _, digest in keepers}


def _opening_of(given: GivenGrant) -> bytes:
    return encode_opening(parse_terms(cbor.decode(given.terms)), group.parse_scalar(given.blinding))


def _from_keepers(context: OwnerContext, subject: _Subject, grant: bytes) -> tuple[ServiceReceipts, ...]:
    """The receipts of a grant from every keeper, checked: signatures, chain, number and opening."""
    found = []
    for keeper in context.keepers:
        key = subject.map_key(grant, keeper.service)
        if key is None:
            continue
        state, receipts, opening = _answer_of(context, subject, grant, key, keeper)
        if opening is not None and opening.root != state.last_root:
            # It may have posted between our look at the chain and its answer.
            state, receipts, opening = _answer_of(context, subject, grant, key, keeper)
        _check_count(state, receipts, opening, key)
        if receipts or opening is not None:
            found.append(ServiceReceipts(keeper.service, key, tuple(receipt.raw for receipt in receipts), opening))
    return tuple(sorted(found, key=lambda one: one.service))


def _answer_of(
    context: OwnerContext, subject: _Subject, grant: bytes, map_key: bytes, keeper: Keeper
) -> tuple[ServiceState, list[Receipt], ReceiptOpening | None]:
    """What the chain says of a keeper, and its receipts of a grant: signed by it, and of this grant."""
    state = context.view.service(keeper.service)
    if state is None:
        raise VerificationError(f"the ledger names no keeper {keeper.service.hex()}")
    ask = context.ask(subject.record, subject.index, grant, "receipts", keeper.service, map_key=map_key)
    answer = keeper.receipts(ask)
    receipts = [parse_receipt(raw, context.origin) for raw in answer.receipts]
    for receipt in receipts:
        if receipt.service_key != state.signing_key or receipt.service != keeper.service:
            raise VerificationError("a receipt is signed by another keeper")
        if (receipt.request.record, receipt.request.grant) != (subject.record, grant):
            raise VerificationError("a receipt is of another grant than the one asked about")
    return state, receipts, None if answer.opening is None else parse_receipt_opening(cbor.decode(answer.opening))


def _check_count(
    state: ServiceState, receipts: Sequence[Receipt], opening: ReceiptOpening | None, map_key: bytes
) -> None:
    """The chain of receipts is whole, and as many as the keeper committed to under the root that stands on the chain are there."""
    verify_totals(receipts, None)
    if state.last_b and opening is None:
        raise VerificationError("the keeper posted a root and does not show what it says of this grant")
    if opening is None:
        return
    if opening.root != state.last_root:
        raise VerificationError("the keeper shows another receipt map than the one whose root it posted")
    opening.verify(map_key)
    posted = [receipt for receipt in receipts if receipt.size <= state.last_b]
    if len(posted) != (0 if opening.totals is None else opening.totals.count):
        raise VerificationError("the keeper committed to another number of receipts than it shows")
    verify_totals(posted, opening.totals)


def receipts_of(context: OwnerContext, record: bytes, grant: bytes) -> list[Receipt]:
    """Every release of a grant that the keepers receipted, ordered by time.

    Raises:
        UnavailableError: this wallet gave no such grant (code `not_found`), or a keeper cannot answer.
        VerificationError: a keeper left one out or shows a false one.
    """
    subject = _subject(context, record)
    found = [
        parse_receipt(raw, context.origin) for one in _from_keepers(context, subject, grant) for raw in one.receipts
    ]
    return sorted(found, key=lambda receipt: (receipt.time, receipt.number))


def make_disclosure(context: OwnerContext, record: bytes, grants: Sequence[bytes] | None = None) -> Disclosure:
    """What an auditor is shown of a record: terms and receipts of the grants, the blob's root, certificates.

    Args:
        grants: those to show; None shows all that this wallet gave, and the owner's own reads.
    """
    subject = _subject(context, record)
    chosen = sorted({*subject.openings, ZERO_GRANT}) if grants is None else sorted(set(grants))
    unknown = set(chosen) - set(subject.openings) - {ZERO_GRANT}
    if unknown:
        raise UnavailableError(f"this wallet gave no grant {sorted(unknown)[0].hex()}", code="not_found")
    shown = []
    for grant in chosen:
        services = _from_keepers(context, subject, grant)
        if services or grant in subject.openings:
            shown.append(GrantDisclosure(grant, subject.openings.get(grant), services))
    certificates = () if subject.owned else tuple(one.raw for one in certificates_of(context, record))
    return Disclosure(context.origin, record, tuple(shown), _descriptor(context, subject), tuple(sorted(certificates)))


def _descriptor(context: OwnerContext, subject: _Subject) -> DescriptorDisclosure | None:
    owned = subject.owned
    if owned is None:
        return None
    proof = prove_descriptor(
        owner_scalars(context, owned),
        origin=context.origin,
        record=owned.record,
        epoch=owned.epoch,
        random_bytes=context.random_bytes,
    )
    digest = hashlib.sha256(owned.descriptor).digest()
    return DescriptorDisclosure(owned.epoch, owned.blob_size, owned.blob_root, digest, proof)


def make_bundle(context: OwnerContext, record: bytes, grants: Sequence[bytes] | None = None) -> bytes:
    """One file that shows the life of a record's grants, checked without a network (a container)."""
    disclosure = make_disclosure(context, record, grants)
    services = sorted({one.service for grant in disclosure.grants for one in grant.services})
    shown = [grant.grant for grant in disclosure.grants if grant.grant != ZERO_GRANT]
    wanted = [
        META_KEY,
        SETTINGS_KEY,
        *(service_key(service) for service in services),
        record_key(record),
        *(grant_key(record, grant) for grant in shown),
    ]
    context.view.port.fresh()
    answer = context.view.port.state(wanted)
    checkpoint = context.view.accept(answer.note)
    roots = {one.opening.root for grant in disclosure.grants for one in grant.services if one.opening is not None}
    indices = {0, *_service_entries(context, services, roots, checkpoint.size)}
    for index in context.view.port.find(record=record):
        if index < checkpoint.size:
            indices.add(index)
    entries = [proven_entry(context.view, index, checkpoint) for index in sorted(indices)]
    kept = [one for one in entries if _belongs(one, set(shown))]
    return Bundle(context.origin, answer, tuple(_bundled(one) for one in kept), disclosure, None).pack()


def _belongs(one: ProvenEntry, shown: set[bytes]) -> bool:
    """Leave out grants that are not shown, and revocations of other grants alone."""
    body = one.entry.body
    if isinstance(body, GrantEntry):
        return body.grant in shown
    if isinstance(body, RevokeEntry):
        return body.up_to is not None or bool(set(body.ids) & shown)
    return True


def _bundled(one: ProvenEntry) -> BundleEntry:
    closing = one.closing
    return BundleEntry(one.index, one.entry.leaf, one.path, closing.leaf, closing.index, closing.path)


def _service_entries(context: OwnerContext, services: Sequence[bytes], roots: set[bytes], size: int) -> list[int]:
    """Where the entries of these services stand: their registrations, their last `receipts`, and those that posted `roots`.

    The ledger's index knows records only, so the log is looked through; what is found is proven afterwards.
    """
    found: list[int] = []
    last_receipts: dict[bytes, int] = {}
    for start in range(0, size, _LEAVES_AT_A_TIME):
        leaves = context.view.port.leaves(start, min(start + _LEAVES_AT_A_TIME, size))
        for index, leaf in enumerate(leaves, start):
            if is_block(leaf) or not any(service in leaf for service in services):
                continue
            match parse_entry(leaf).body:
                case ServiceEntry(service=service) if service in services:
                    found.append(index)
                case ReceiptsEntry(service=service, root=root) if service in services:
                    last_receipts[service] = index
                    if root in roots:
                        found.append(index)
    return [*found, *last_receipts.values()]


def present(context: OwnerContext, record: bytes, proof_request: bytes) -> bytes:
    """Answer a verifier's proof request: "this record is mine", and nothing else (a container).

    Raises:
        VerificationError: the request is for another ledger, or has expired.
    """
    owned = context.notebook.record(record)
    request = unpack_proof_request(proof_request)
    if request.origin != context.origin:
        raise VerificationError("the proof request is for another ledger", code="wrong_origin")
    if request.expiry < context.clock():
        raise VerificationError("the proof request has expired", hint="Ask the verifier for a new one.")
    verified = context.view.state([record_key(record)])
    value = verified.values[record_key(record)]
    if value is None:
        raise VerificationError("the ledger proves that the record is not there")
    context.view.port.fresh()
    answer = context.view.port.state([record_key(record)])
    context.view.accept(answer.note)
    return make_presentation(
        request,
        record=record,
        answer=answer,
        commitment=parse_record_state(value).commitment,
        scalars=owner_scalars(context, owned),
        random_bytes=context.random_bytes,
    )
