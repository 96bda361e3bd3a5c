"""Ending: revoke grants, erase a record, collect the certificates of erasure (docs/spec/release.md §2, §6).

Whoever hands a revocation to a keeper also submits it: the keeper obeys at once, and the chain makes it binding for every backup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from privledger.protocol.certificate import Certificate, parse_certificate
from privledger.protocol.entries import EraseEntry, RevokeEntry, make_entry
from privledger.protocol.errors import FormatError, PrivledgerError, RefusedError, UnavailableError, VerificationError
from privledger.protocol.ids import ZERO_GRANT
from privledger.sdk.history import Closing, closing_block
from privledger.sdk.owning import OwnerContext
from privledger.sdk.ports import Keeper, Vault
from privledger.wallet.notes import OwnedRecord
from privledger_crypto import cbor

__all__ = ["Ended", "ErasedRecord", "certificates_of", "erase_record", "erased_records", "revoke_all", "revoke_grants"]

MAX_IDS = 16  # ids in one revoke entry (docs/spec/entries.md §1)


@dataclass(frozen=True, slots=True)
class Ended:
    """A right ended by the entry at `index`, in the block of `height` closed at `time`."""

    index: int
    height: int
    time: int


@dataclass(frozen=True, slots=True)
class ErasedRecord:
    """What is left of an erased record in the wallet: no secret, only how to ask for its certificates."""

    record: bytes
    index: int
    entry: bytes
    keepers: tuple[tuple[bytes, int], ...]  # service id, share index
    threshold: int
    grants: tuple[bytes, ...]
    certificates: tuple[bytes, ...] = ()

    def to_value(self) -> cbor.Value:
        """As the wallet seals it."""
        return [
            self.record,
            self.index,
            self.entry,
            [list(keeper) for keeper in self.keepers],
            self.threshold,
            list(self.grants),
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
                list() as grants,
                list() as made,
            ]:
                keepers = tuple(_holder(item) for item in who)
                return cls(
                    record,
                    index,
                    entry,
                    keepers,
                    t,
                    tuple(g for g in grants if isinstance(g, bytes)),
                    tuple(c for c in made if isinstance(c, bytes)),
                )
        raise FormatError("the wallet's note on an erased record is damaged")


def _holder(value: cbor.Value) -> tuple[bytes, int]:
    match value:
        case [bytes() as service, int() as index]:
            return service, index
    raise FormatError("the wallet's note on an erased record is damaged")


def revoke_grants(context: OwnerContext, owned: OwnedRecord, grants: Sequence[bytes]) -> Ended:
    """Revoke the grants (or links) with these ids; at most 16."""
    body = RevokeEntry(owned.record, tuple(sorted(set(grants))), None)
    return _end(context, make_entry([context.signer(owned.index)], body, origin=context.origin))


def revoke_all(context: OwnerContext, owned: OwnedRecord) -> Ended:
    """Revoke every grant of the record that stands on the chain now."""
    size = context.view.fresh().size
    body = RevokeEntry(owned.record, (), size - 1)
    return _end(context, make_entry([context.signer(owned.index)], body, origin=context.origin))


def _end(context: OwnerContext, entry: bytes) -> Ended:
    """Hand a signed ending to everyone who serves, then submit it. The chain decides; a service that is away reads it there."""
    _tell(context, entry)
    index = context.view.submit_one(entry)
    closing: Closing = closing_block(context.view, index)
    return Ended(index, closing.block.height, closing.block.time)


def _tell(context: OwnerContext, entry: bytes) -> None:
    services: list[Keeper | Vault] = [*context.keepers, context.vault]
    for service in services:
        try:
            service.notify(entry)
        except UnavailableError:
            continue  # it will see the block


def erase_record(context: OwnerContext, owned: OwnedRecord) -> Ended:
    """Erase for good: the entry, then the wallet's own copies of `B` and `r`, then the certificates.

    The certificates that can be had now are kept; a pending one is asked for again by `certificates_of`.
    """
    entry = make_entry([context.signer(owned.index)], EraseEntry(owned.record), origin=context.origin)
    erased = ErasedRecord(
        owned.record,
        owned.index,
        entry,
        tuple((service, index) for service, index, _ in owned.keepers),
        owned.threshold,
        tuple(given.grant for given in context.notebook.given(owned.record)),
    )
    context.wallet.put("erased", owned.record, "record", erased.to_value())
    try:
        ended = _end(context, entry)
    except RefusedError as exc:
        if exc.code != "record_erased":
            context.wallet.remove_group("erased", owned.record)
            raise
        # Erased by an earlier run that died here, or from another copy of this wallet.
        state = context.view.record(owned.record)
        if state is None:
            raise VerificationError("the ledger says that the record is erased and proves that it never was") from exc
        closing = closing_block(context.view, state.changed)
        ended = Ended(state.changed, closing.block.height, closing.block.time)
    context.notebook.forget_record(owned.record)
    _tell(context, entry)  # once more, so that all look at the chain and destroy now what it erased
    certificates_of(context, owned.record)
    return ended


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
