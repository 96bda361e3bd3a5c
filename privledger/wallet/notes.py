"""What a wallet notes down: records it owns, grants it gave, grants it received, work under way (docs/spec/wallet.md).

    kind       group       item        value
    records    record id   "record"    OwnedRecord
    records    record id   grant id    GivenGrant
    journal    record id   "put"       PutJournal
    inbox      record id   grant id    ReceivedGrant

Each has `to_value` (CBOR-ready) and `from_value`, which raises FormatError. The files are sealed by `privledger.wallet.store`; the
functions below keep the table above in one place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from privledger.protocol.errors import FormatError, UnavailableError
from privledger.wallet.store import Wallet
from privledger_crypto import cbor
from privledger_crypto import errors as crypto_errors

__all__ = ["GivenGrant", "Notebook", "OwnedRecord", "PutJournal", "ReceivedGrant"]

_MAX = 1 << 16  # bytes of one field


def _fields(value: cbor.Value, where: str) -> cbor.Fields:
    try:
        return cbor.Fields(value, where)
    except crypto_errors.FormatError as exc:
        raise FormatError(f"the wallet's note on a {where} is damaged: {exc}") from exc


@dataclass(frozen=True, slots=True)
class OwnedRecord:
    """A record of this wallet. `keepers_part` (B) and `blinding` (r) are gone when the record is erased."""

    record: bytes
    index: int
    epoch: int
    keepers_part: bytes = field(repr=False)
    blinding: bytes = field(repr=False)
    attributes: tuple[bytes, ...] = field(repr=False)
    descriptor: bytes = field(repr=False)
    blob_size: int
    blob_root: bytes
    keepers: tuple[tuple[bytes, int, bytes], ...]  # service id, share index, share digest
    threshold: int
    vault: bytes

    def to_value(self) -> cbor.Value:
        """As the wallet seals it."""
        return {
            0: self.record,
            1: self.index,
            2: self.epoch,
            3: self.keepers_part,
            4: self.blinding,
            5: list(self.attributes),
            6: self.descriptor,
            7: self.blob_size,
            8: self.blob_root,
            9: [list(keeper) for keeper in self.keepers],
            10: self.threshold,
            11: self.vault,
        }

    @classmethod
    def from_value(cls, value: cbor.Value) -> OwnedRecord:
        """Read what `to_value` wrote."""
        f = _fields(value, "record")
        attributes = tuple(_bytes(item) for item in f.list(5, 8))
        keepers = tuple(_keeper(item) for item in f.list(9, 31))
        return cls(
            record=f.bytes(0),
            index=f.uint(1),
            epoch=f.uint(2),
            keepers_part=f.bytes(3),
            blinding=f.bytes(4),
            attributes=attributes,
            descriptor=f.bytes(6, max_length=_MAX),
            blob_size=f.uint(7),
            blob_root=f.bytes(8),
            keepers=keepers,
            threshold=f.uint(10),
            vault=f.bytes(11),
        )


def _bytes(value: cbor.Value) -> bytes:
    if not isinstance(value, bytes):
        raise FormatError("the wallet's note is damaged: expected bytes")
    return value


def _keeper(value: cbor.Value) -> tuple[bytes, int, bytes]:
    match value:
        case [bytes() as service, int() as index, bytes() as digest]:
            return service, index, digest
    raise FormatError("the wallet's note on a record's keepers is damaged")


@dataclass(frozen=True, slots=True)
class GivenGrant:
    """A grant of an owned record. `done` when note, entry and envelope are where they belong."""

    record: bytes
    grant: bytes
    address: bytes
    terms: bytes  # CBOR of the terms map
    blinding: bytes = field(repr=False)  # r of T
    seed: bytes = field(repr=False)
    entry: bytes
    label: str
    done: bool

    def to_value(self) -> cbor.Value:
        """As the wallet seals it."""
        return [
            self.record,
            self.grant,
            self.address,
            self.terms,
            self.blinding,
            self.seed,
            self.entry,
            self.label,
            self.done,
        ]

    @classmethod
    def from_value(cls, value: cbor.Value) -> GivenGrant:
        """Read what `to_value` wrote."""
        match value:
            case [
                bytes() as record,
                bytes() as grant,
                bytes() as address,
                bytes() as terms,
                bytes() as blinding,
                bytes() as seed,
                bytes() as entry,
                str() as label,
                bool() as done,
            ]:
                return cls(record, grant, address, terms, blinding, seed, entry, label, done)
        raise FormatError("the wallet's note on a grant is damaged")


@dataclass(frozen=True, slots=True)
class ReceivedGrant:
    """A grant this wallet received, opened from its envelope, and where its reading stands.

    `pending` is the request that has spent a read number and whose blob is not complete, with its response key.
    """

    record: bytes
    grant: bytes
    address_number: int
    key_part: bytes = field(repr=False)
    terms: bytes
    blinding: bytes = field(repr=False)
    seed: bytes = field(repr=False)
    next_read: int
    pending: tuple[bytes, bytes] | None = field(default=None, repr=False)  # request, response key seed

    def to_value(self) -> cbor.Value:
        """As the wallet seals it."""
        return [
            self.record,
            self.grant,
            self.address_number,
            self.key_part,
            self.terms,
            self.blinding,
            self.seed,
            self.next_read,
            None if self.pending is None else list(self.pending),
        ]

    @classmethod
    def from_value(cls, value: cbor.Value) -> ReceivedGrant:
        """Read what `to_value` wrote."""
        match value:
            case [
                bytes() as record,
                bytes() as grant,
                int() as number,
                bytes() as key_part,
                bytes() as terms,
                bytes() as blinding,
                bytes() as seed,
                int() as next_read,
                pending,
            ]:
                return cls(record, grant, number, key_part, terms, blinding, seed, next_read, _pending(pending))
        raise FormatError("the wallet's note on a received grant is damaged")


def _pending(value: object) -> tuple[bytes, bytes] | None:
    match value:
        case None:
            return None
        case [bytes() as request, bytes() as seed]:
            return request, seed
    raise FormatError("the wallet's note on a request under way is damaged")


@dataclass(frozen=True, slots=True)
class PutJournal:
    """A put under way. `entry` is empty until every deposit is confirmed; `owned` is set from then on."""

    record: bytes
    index: int
    keepers_part: bytes = field(repr=False)
    blinding: bytes = field(repr=False)
    entry: bytes = b""
    owned: OwnedRecord | None = None

    def ready(self, entry: bytes, owned: OwnedRecord) -> PutJournal:
        """The same put with all deposits confirmed."""
        return replace(self, entry=entry, owned=owned)

    def to_value(self) -> cbor.Value:
        """As the wallet seals it."""
        owned = None if self.owned is None else self.owned.to_value()
        return [self.record, self.index, self.keepers_part, self.blinding, self.entry, owned]

    @classmethod
    def from_value(cls, value: cbor.Value) -> PutJournal:
        """Read what `to_value` wrote."""
        match value:
            case [bytes() as record, int() as index, bytes() as part, bytes() as blinding, bytes() as entry, owned]:
                note = None if owned is None else OwnedRecord.from_value(owned)
                return cls(record, index, part, blinding, entry, note)
        raise FormatError("the wallet's journal is damaged")


class Notebook:
    """The notes of a wallet, by what they are about."""

    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet

    def record(self, record: bytes) -> OwnedRecord:
        """The note on an owned record.

        Raises:
            UnavailableError: this wallet holds none (code `not_found`).
        """
        if not self._wallet.has("records", record, "record"):
            raise UnavailableError(
                f"this wallet does not own record {record.hex()}, or it was erased",
                code="not_found",
                hint="See `privledger list`.",
            )
        return OwnedRecord.from_value(self._wallet.get("records", record, "record"))

    def records(self) -> list[OwnedRecord]:
        """All owned, live records, in the order they were made."""
        found = [OwnedRecord.from_value(value) for _, item, value in self._wallet.items("records") if item == "record"]
        return sorted(found, key=lambda note: note.index)

    def save_record(self, note: OwnedRecord) -> None:
        """Write the note on a record."""
        self._wallet.put("records", note.record, "record", note.to_value())

    def forget_record(self, record: bytes) -> None:
        """Destroy every note on a record and its grants."""
        self._wallet.remove_group("records", record)
        self._wallet.remove_group("journal", record)

    def given(self, record: bytes) -> list[GivenGrant]:
        """The grants given on a record."""
        return [
            GivenGrant.from_value(value)
            for _, item, value in self._wallet.items("records", record)
            if isinstance(item, bytes)
        ]

    def save_given(self, note: GivenGrant) -> None:
        """Write the note on a grant."""
        self._wallet.put("records", note.record, note.grant, note.to_value())

    def journals(self) -> Iterator[PutJournal]:
        """Puts under way."""
        for _, _, value in self._wallet.items("journal"):
            yield PutJournal.from_value(value)

    def save_journal(self, note: PutJournal) -> None:
        """Write the journal of a put."""
        self._wallet.put("journal", note.record, "put", note.to_value())

    def drop_journal(self, record: bytes) -> None:
        """Destroy the journal of a put."""
        self._wallet.remove_group("journal", record)

    def received(self) -> list[ReceivedGrant]:
        """The grants this wallet received."""
        return [ReceivedGrant.from_value(value) for _, _, value in self._wallet.items("inbox")]

    def save_received(self, note: ReceivedGrant) -> None:
        """Write the note on a received grant."""
        self._wallet.put("inbox", note.record, note.grant, note.to_value())

    def received_grant(self, record: bytes, grant: bytes) -> ReceivedGrant | None:
        """The note on one received grant, or None."""
        if not self._wallet.has("inbox", record, grant):
            return None
        return ReceivedGrant.from_value(self._wallet.get("inbox", record, grant))
