"""Ending: revoke grants, erase a record, collect the certificates of erasure (docs/spec/release.md §2, §6).

Whoever hands a revocation to a keeper also submits it: the keeper obeys at once, and the chain makes it binding for every backup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from privledger.protocol.certificate import Certificate, parse_certificate
from privledger.protocol.entries import EraseEntry, RevokeEntry, make_entry
from privledger.protocol.errors import FormatError, PrivledgerError, RefusedError, UnavailableError, VerificationError
from privledger.protocol.ids import ZERO_GRANT
from privledger.protocol.state import ERASED, META_KEY, grant_key, parse_grant_state
from privledger.protocol.terms import encode_opening, parse_terms
from privledger.sdk.history import closing_block
from privledger.sdk.owning import OwnerContext
from privledger.sdk.ports import Keeper, Vault
from privledger.wallet.notes import OwnedRecord
from privledger_crypto import cbor, group

__all__ = [
    "Ended",
    "ErasedRecord",
    "bury",
    "certificates_of",
    "erase_record",
    "erased_records",
    "resume_erasures",
    "revoke_all",
    "revoke_grants",
]


@dataclass(frozen=True, slots=True)
class Ended:
    """A right ended by the entry at `index`, in the block of `height` closed at `time`.

    `untold` names services that did not take the entry from the owner's hand; they find it in the log.
    """

    index: int
    height: int
    time: int
    untold: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ErasedRecord:
    """What is left of an erased record in the wallet: nothing that opens it, only what proves what became of it.

    `openings` are those of its grants' terms, so that receipts can still be shown to an auditor.
    """

    record: bytes
    index: int
    entry: bytes
    keepers: tuple[tuple[bytes, int, bytes], ...]  # service id, share index, share digest
    threshold: int
    openings: tuple[tuple[bytes, bytes], ...] = field(repr=False)  # grant id, opening of T
    certificates: tuple[bytes, ...] = ()

    @property
    def grants(self) -> tuple[bytes, ...]:
        """The ids of the grants that this wallet gave."""
        return tuple(grant for grant, _ in self.openings)

    def to_value(self) -> cbor.Value:
        """As the wallet seals it."""
        return [
            self.record,
            self.index,
            self.entry,
            [list(keeper) for keeper in self.keepers],
            self.threshold,
            [list(opening) for opening in self.openings],
            list(self.certificates),
        ]

    @classmethod
    def from_value(cls, value: cbor.Value) -> ErasedRecord:
        """Read what `to_value` wrote."""
        match value:
            case [
                bytes() as record,
                int() as index,
                bytes() as entry,
                list() as who,
                int() as t,
                list() as shown,
                list() as made,
            ]:
                openings = tuple(_opening(item) for item in shown)
                certificates = tuple(item for item in made if isinstance(item, bytes))
                return cls(record, index, entry, tuple(_holder(item) for item in who), t, openings, certificates)
        raise FormatError("the wallet's note on an erased record is damaged")


def _holder(value: cbor.Value) -> tuple[bytes, int, bytes]:
    match value:
        case [bytes() as service, int() as index, bytes() as digest]:
            return service, index, digest
    raise FormatError("the wallet's note on an erased record is damaged")


def _opening(value: cbor.Value) -> tuple[bytes, bytes]:
    match value:
        case [bytes() as grant, bytes() as opening]:
            return grant, opening
    raise FormatError("the wallet's note on an erased record is damaged")


def revoke_grants(context: OwnerContext, owned: OwnedRecord, grants: Sequence[bytes]) -> Ended:
    """Revoke the grants (or links) with these ids; at most 16.

    Raises:
        VerificationError: the ledger took the entry and does not prove that they are revoked.
    """
    ids = tuple(sorted(set(grants)))
    ended = _end(context, owned, RevokeEntry(owned.record, ids, None))
    values = context.view.state([grant_key(owned.record, grant) for grant in ids]).values
    if any(value is None or not parse_grant_state(value).is_revoked for value in values.values()):
        raise _unproven("revoked")
    return ended


def revoke_all(context: OwnerContext, owned: OwnedRecord) -> Ended:
    """Revoke every grant of the record that stands on the chain now.

    Raises:
        VerificationError: the ledger took the entry and does not prove that they are revoked.
    """
    up_to = context.view.state([META_KEY]).checkpoint.size - 1
    ended = _end(context, owned, RevokeEntry(owned.record, (), up_to))
    state = context.view.record(owned.record)
    if state is None or state.cut is None or state.cut < up_to:
        raise _unproven("revoked")
    return ended


def _unproven(what: str) -> VerificationError:
    return VerificationError(
        f"the ledger took the entry and does not prove that what it names is {what}",
        code="swallowed",
        hint="Keep the wallet as it is and audit the ledger: `privledger audit`.",
    )


def _end(context: OwnerContext, owned: OwnedRecord, body: RevokeEntry | EraseEntry) -> Ended:
    """Hand a signed ending to everyone who serves, then submit it, whatever they say: the chain decides."""
    entry = make_entry([context.signer(owned.index)], body, origin=context.origin)
    untold = _tell(context, entry)
    index = context.view.submit_one(entry)
    block = closing_block(context.view, index).block
    return Ended(index, block.height, block.time, untold)


def _tell(context: OwnerContext, entry: bytes) -> tuple[bytes, ...]:
    """Hand a signed ending to keepers and vault; returns those that did not take it. No answer of theirs stops the owner."""
    services: list[Keeper | Vault] = [*context.keepers, context.vault]
    untold = []
    for service in services:
        try:
            service.notify(entry)
        except PrivledgerError:
            untold.append(service.service)
    return tuple(untold)


def erase_record(context: OwnerContext, owned: OwnedRecord) -> Ended:
    """Erase for good: the entry, then the wallet's own copies of `B` and `r`, then the certificates.

    The wallet forgets only what the ledger proves to be erased. The certificates that can be had now are kept; a pending one is
    asked for again by `certificates_of`.

    Raises:
        VerificationError: the ledger took the entry, or says that it did before, and does not prove it.
    """
    try:
        ended = _end(context, owned, EraseEntry(owned.record))
    except RefusedError as exc:
        if exc.code != "record_erased":
            raise
        ended = _erased_before(context, owned)
    bury(context, owned)
    return ended


def _erased_before(context: OwnerContext, owned: OwnedRecord) -> Ended:
    """Erased by an earlier run that died, or from another copy of this wallet."""
    state = context.view.record(owned.record)
    if state is None or state.status != ERASED:
        raise _unproven("erased")
    block = closing_block(context.view, state.changed).block
    return Ended(state.changed, block.height, block.time)


def bury(context: OwnerContext, owned: OwnedRecord) -> None:
    """Forget a record that the ledger proves to be erased, and collect the certificates.

    Raises:
        VerificationError: it does not prove it; nothing is forgotten.
    """
    state = context.view.record(owned.record)
    if state is None or state.status != ERASED:
        raise _unproven("erased")
    entry = make_entry([context.signer(owned.index)], EraseEntry(owned.record), origin=context.origin)
    openings = tuple(
        (given.grant, encode_opening(parse_terms(cbor.decode(given.terms)), group.parse_scalar(given.blinding)))
        for given in context.notebook.given(owned.record)
    )
    erased = ErasedRecord(owned.record, owned.index, entry, owned.keepers, owned.threshold, openings)
    context.wallet.put("erased", owned.record, "record", erased.to_value())
    context.notebook.forget_record(owned.record)
    _tell(context, entry)  # so that all look at the chain and destroy now what it erased
    certificates_of(context, owned.record)


def resume_erasures(context: OwnerContext) -> list[str]:
    """Forget what the ledger proves to be erased and the wallet still holds; says what it did."""
    done = []
    for owned in context.notebook.records():
        state = context.view.record(owned.record)
        if state is not None and state.status == ERASED:
            bury(context, owned)
            done.append(f"finished erasing record {owned.record.hex()}: the wallet forgot its keys")
    return done


def erased_records(context: OwnerContext) -> list[ErasedRecord]:
    """The erased records of this wallet."""
    return [ErasedRecord.from_value(value) for _, _, value in context.wallet.items("erased")]


def certificates_of(context: OwnerContext, record: bytes) -> list[Certificate]:
    """Ask every keeper for its certificate, keep what they sign, and return the newest of each.

    Raises:
        UnavailableError: this wallet erased no such record.
    """
    if not context.wallet.has("erased", record, "record"):
        raise UnavailableError(f"this wallet has not erased record {record.hex()}", code="not_found")
    erased = ErasedRecord.from_value(context.wallet.get("erased", record, "record"))
    held = {
        certificate.service: certificate
        for certificate in (parse_certificate(raw, context.origin) for raw in erased.certificates)
    }
    for keeper in context.keepers:
        known = held.get(keeper.service)
        if known is not None and not known.pending:
            continue
        ask = context.ask(record, erased.index, ZERO_GRANT, "certificate", keeper.service)
        try:
            certificate = parse_certificate(keeper.certificate(ask), context.origin)
            _check(context, certificate, keeper.service, record)
        except PrivledgerError:
            continue  # it signed nothing that counts; what it signed before stays
        held[keeper.service] = certificate
    newest = sorted(held.values(), key=lambda certificate: certificate.service)
    kept = replace(erased, certificates=tuple(certificate.raw for certificate in newest))
    context.wallet.put("erased", record, "record", kept.to_value())
    return newest


def _check(context: OwnerContext, certificate: Certificate, service: bytes, record: bytes) -> None:
    state = context.view.service(service)
    if state is None or certificate.key != state.signing_key or certificate.service != service:
        raise VerificationError("the certificate is signed by another service")
    if certificate.record != record:
        raise VerificationError("the certificate is about another record")
