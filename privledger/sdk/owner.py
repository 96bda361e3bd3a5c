"""An owner: put, grant, revoke, erase, show (design §4-9).

    owner = Owner(wallet, place, clock=clock, random_bytes=os.urandom)
    with open("march.csv", "rb") as source:
        note = owner.put(source, title="Rides in March")
    given = owner.grant(note.record, address, terms)
    owner.revoke(note.record, [given.grant])

Left to others: files and how people see them (`privledger.cli`), and each operation's steps (the modules named like them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from privledger.protocol import keys
from privledger.protocol.address import fingerprint
from privledger.protocol.certificate import Certificate
from privledger.protocol.descriptor import Descriptor, parse_descriptor
from privledger.protocol.entries import EraseEntry, GrantEntry, RecordEntry, RevokeEntry
from privledger.protocol.errors import UnavailableError
from privledger.protocol.receipt import Receipt
from privledger.protocol.state import ERASED, RecordState, grant_key, is_grant_live, parse_grant_state
from privledger.protocol.terms import Terms, parse_terms
from privledger.sdk.disclosing import make_bundle, make_disclosure, present, receipts_of
from privledger.sdk.ending import (
    Ended,
    ErasedRecord,
    certificates_of,
    erase_record,
    erased_records,
    resume_erasures,
    revoke_all,
    revoke_grants,
)
from privledger.sdk.granting import grant_record, plan_grant, resume_grants
from privledger.sdk.history import ProvenEntry, history_of
from privledger.sdk.owning import OwnerContext, RecordKeys
from privledger.sdk.ports import Place
from privledger.sdk.putting import RecordDraft, put_record, resume_puts
from privledger.sdk.reading import OpenedRecord, blob_source
from privledger.sdk.streams import Progress, Sink
from privledger.wallet.notes import GivenGrant, OwnedRecord
from privledger.wallet.store import Wallet
from privledger_crypto import cbor

__all__ = ["GrantView", "HistoryLine", "OutsiderView", "Owner", "RecordView"]


@dataclass(frozen=True, slots=True)
class GrantView:
    """A grant as its owner sees it; status is `live`, `revoked`, or `pending` (not on the chain yet)."""

    grant: bytes
    label: str
    terms: Terms
    status: str
    index: int | None
    revoked_by: int | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One entry that names the record: where it stands, when its block closed, and what it says."""

    index: int
    kind: str
    height: int
    time: int
    text: str


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record as its owner sees it; status is `live` or `erased`. What needs the wallet's note is None once erased."""

    record: bytes
    status: str
    epoch: int
    index: int
    descriptor: Descriptor | None
    blob_size: int | None
    grants: tuple[GrantView, ...]
    history: tuple[HistoryLine, ...]


@dataclass(frozen=True, slots=True)
class OutsiderView:
    """A record as everyone with the chain sees it: keys, commitments, order and times."""

    record: bytes
    status: str
    key: bytes
    commitment: bytes
    history: tuple[HistoryLine, ...]


class Owner:
    """What an owner does with a wallet at a place. Answers of the place are checked, never believed."""

    def __init__(
        self, wallet: Wallet, place: Place, *, clock: Callable[[], int], random_bytes: Callable[[int], bytes]
    ) -> None:
        self._context = OwnerContext.at(wallet, place, clock=clock, random_bytes=random_bytes)

    @property
    def context(self) -> OwnerContext:
        """Wallet and place together, for the modules of the SDK."""
        return self._context

    # --- records ------------------------------------------------------------------------------------------------

    def put(
        self,
        source: BinaryIO,
        *,
        title: str,
        media_type: str = "application/octet-stream",
        schema: str = "",
        tags: Sequence[str] = (),
        attributes: Mapping[str, int | str] | None = None,
        derived_from: Sequence[bytes] = (),
        total: int | None = None,
        progress: Progress | None = None,
    ) -> OwnedRecord:
        """Seal what `source` yields and bring the record onto the chain; see `putting.put_record`."""
        draft = RecordDraft(title, media_type, schema, tuple(tags), dict(attributes or {}), tuple(derived_from))
        return put_record(self._context, source, draft, total=total, progress=progress)

    def owned(self) -> list[OwnedRecord]:
        """The wallet's notes on its live records, without asking the place."""
        return self._context.notebook.records()

    def erased(self) -> list[ErasedRecord]:
        """The wallet's notes on the records it erased."""
        return erased_records(self._context)

    def records(self) -> list[RecordView]:
        """Every record of this wallet, live and erased, without their history."""
        live = [self._view(owned, with_history=False) for owned in self.owned()]
        gone = [self._erased_view(erased, with_history=False) for erased in self.erased()]
        return sorted([*live, *gone], key=lambda view: view.index)

    def show(self, record: bytes) -> RecordView:
        """One record with its grants and its history."""
        if self._context.wallet.has("erased", record, "record"):
            note = ErasedRecord.from_value(self._context.wallet.get("erased", record, "record"))
            return self._erased_view(note, with_history=True)
        return self._view(self._context.notebook.record(record), with_history=True)

    def outsider(self, record: bytes) -> OutsiderView:
        """What the chain alone shows of a record."""
        state = self._state(record)
        return OutsiderView(
            record,
            _status(state),
            state.key,
            state.commitment,
            tuple(map(_line, history_of(self._context.view, record))),
        )

    def _state(self, record: bytes) -> RecordState:
        state = self._context.view.record(record)
        if state is None:
            raise UnavailableError(
                f"record {record.hex()} is not on the chain", code="not_found", hint="See `privledger doctor`."
            )
        return state

    def _view(self, owned: OwnedRecord, *, with_history: bool) -> RecordView:
        state = self._state(owned.record)
        history = tuple(map(_line, history_of(self._context.view, owned.record))) if with_history else ()
        return RecordView(
            record=owned.record,
            status=_status(state),
            epoch=state.epoch,
            index=state.index,
            descriptor=parse_descriptor(owned.descriptor),
            blob_size=owned.blob_size,
            grants=self._grants(owned, state),
            history=history,
        )

    def _erased_view(self, erased: ErasedRecord, *, with_history: bool) -> RecordView:
        state = self._state(erased.record)
        history = tuple(map(_line, history_of(self._context.view, erased.record))) if with_history else ()
        return RecordView(erased.record, _status(state), state.epoch, state.index, None, None, (), history)

    def _grants(self, owned: OwnedRecord, state: RecordState) -> tuple[GrantView, ...]:
        given = self._context.notebook.given(owned.record)
        if not given:
            return ()
        wanted = [grant_key(owned.record, one.grant) for one in given]
        values = self._context.view.state(wanted).values
        views = []
        for one, key in zip(given, wanted, strict=True):
            value = values[key]
            on_chain = None if value is None else parse_grant_state(value)
            status = "pending" if on_chain is None else "live" if is_grant_live(state, on_chain) else "revoked"
            revoked_by = None
            if on_chain is not None and status == "revoked":
                revoked_by = on_chain.revoked_by if on_chain.revoked_by is not None else state.changed
            views.append(
                GrantView(
                    one.grant,
                    one.label,
                    parse_terms(cbor.decode(one.terms)),
                    status,
                    None if on_chain is None else on_chain.index,
                    revoked_by,
                    fingerprint(one.address),
                )
            )
        return tuple(sorted(views, key=lambda view: (view.index is None, view.index or 0)))

    # --- grants -------------------------------------------------------------------------------------------------

    def plan_grant(self, record: bytes, address: bytes, terms: Terms) -> str:
        """What a grant would do, in plain words; nothing is sent."""
        return plan_grant(self._context, self._context.notebook.record(record), address, terms)

    def grant(self, record: bytes, address: bytes, terms: Terms, *, label: str = "") -> GivenGrant:
        """Grant, and deliver the envelope; see `granting.grant_record`."""
        return grant_record(self._context, self._context.notebook.record(record), address, terms, label=label)

    def revoke(self, record: bytes, grants: Sequence[bytes]) -> Ended:
        """Revoke up to 16 grants: keepers and vault are told at once, the chain makes it binding."""
        return revoke_grants(self._context, self._context.notebook.record(record), grants)

    def revoke_all(self, record: bytes) -> Ended:
        """Revoke every grant that stands on the chain now."""
        return revoke_all(self._context, self._context.notebook.record(record))

    # --- erasure ------------------------------------------------------------------------------------------------

    def erase(self, record: bytes) -> Ended:
        """Erase a record for good; see `ending.erase_record`."""
        return erase_record(self._context, self._context.notebook.record(record))

    def certificates(self, record: bytes) -> list[Certificate]:
        """The newest erasure certificates; pending ones are asked for again."""
        return certificates_of(self._context, record)

    # --- reading one's own --------------------------------------------------------------------------------------

    def open(self, record: bytes) -> OpenedRecord:
        """A record of this wallet, ready to read; the key comes from the wallet, the keepers are not asked."""
        context = self._context
        owned = context.notebook.record(record)
        record_keys = RecordKeys.of(context, owned)
        return OpenedRecord(
            parse_descriptor(owned.descriptor),
            record_keys.data,
            keys.sealing_context("blob", context.origin, record, owned.epoch),
            owned.blob_root,
            owned.blob_size,
            blob_source(context.vault, lambda: context.request(owned, [owned.vault])),
        )

    def read(self, record: bytes, sink: Sink, *, progress: Progress | None = None) -> Descriptor:
        """Read a record of one's own into `sink`, which must be a temporary place."""
        opened = self.open(record)
        opened.read(sink, progress=progress)
        return opened.descriptor

    def read_range(self, record: bytes, offset: int, length: int) -> bytes:
        """Read `length` bytes of a record of one's own from `offset`."""
        return self.open(record).read_range(offset, length)

    # --- showing ------------------------------------------------------------------------------------------------

    def receipts(self, record: bytes, grant: bytes) -> list[Receipt]:
        """Every receipted release of a grant; see `disclosing.receipts_of`."""
        return receipts_of(self._context, record, grant)

    def disclose(self, record: bytes, grants: Sequence[bytes] | None = None) -> bytes:
        """A disclosure for an auditor (a container)."""
        return make_disclosure(self._context, record, grants).pack()

    def bundle(self, record: bytes, grants: Sequence[bytes] | None = None) -> bytes:
        """One file that shows the life of a record's grants (a container)."""
        return make_bundle(self._context, record, grants)

    def prove(self, record: bytes, proof_request: bytes) -> bytes:
        """Answer a verifier's proof request with a presentation (a container)."""
        return present(self._context, record, proof_request)

    # --- after a crash ------------------------------------------------------------------------------------------

    def resume(self) -> list[str]:
        """Finish or abandon what an earlier run left half-done; says what it did."""
        context = self._context
        return [*resume_erasures(context), *resume_puts(context), *resume_grants(context)]


def _status(state: RecordState) -> str:
    return "erased" if state.status == ERASED else "live"


def _line(one: ProvenEntry) -> HistoryLine:
    block = one.closing.block
    return HistoryLine(one.index, one.entry.kind, block.height, block.time, _text(one))


def _text(one: ProvenEntry) -> str:
    match one.entry.body:
        case RecordEntry():
            return "the record was put"
        case GrantEntry(grant=grant):
            return f"grant {grant.hex()} was given"
        case RevokeEntry(ids=ids, up_to=None):
            return "revoked: " + ", ".join(i.hex() for i in ids)
        case RevokeEntry(up_to=up_to):
            return f"every grant up to entry {up_to} was revoked"
        case EraseEntry():
            return "the record was erased"
    return one.entry.kind
