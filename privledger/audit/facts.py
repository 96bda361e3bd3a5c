"""What the chain says about records, grants and services at a checkpoint: one interface over a replay and over a bundle.

Steps A7 to A12 ask these questions and do not care where the answers come from. `ChainFacts` answers from a replayed log and knows
everything; a bundle's facts (`bundle`) know what it proves, and say so by `knows`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from privledger.audit.history import History
from privledger.protocol.entries import LedgerEntry, ReceiptsEntry
from privledger.protocol.state import ERASED, GrantState, RecordState, ServiceState
from privledger.rules.state import State

__all__ = ["ChainFacts", "Ended", "Facts", "end_of"]


@dataclass(frozen=True, slots=True)
class Ended:
    """What ended a grant: the entry `index`, in the block closed at `time`, and the first checkpoint `size` that carries it."""

    index: int
    size: int
    time: int


class Facts(Protocol):
    """What stands on the chain at the audited checkpoint."""

    origin: str
    size: int
    time: int

    @property
    def freshness(self) -> int:
        """F in seconds: how old a keeper's view may be."""

    @property
    def is_complete(self) -> bool:
        """Whether every block and entry is known, so that what is not known is not so."""

    def knows(self, key: bytes) -> bool:
        """Whether it is known what the state holds at `key`, be it nothing."""

    def record(self, record: bytes) -> RecordState | None:
        """The record, or None."""

    def grant(self, record: bytes, grant: bytes) -> GrantState | None:
        """The grant, or None."""

    def service(self, service: bytes) -> ServiceState | None:
        """The service, or None."""

    def service_key(self, service: bytes, size: int) -> bytes | None:
        """The signing key of a service at a checkpoint size."""

    def service_keys(self, service: bytes) -> set[bytes]:
        """Every signing key that a service is known to have had."""

    def ended(self, record: bytes, grant: bytes) -> Ended | None:
        """What ended a grant first, or None if it lives. For grant zero: what ended the record."""

    def time_at(self, size: int) -> int | None:
        """The block time of the checkpoint of `size` leaves; None if there was none or, unless `is_complete`, if unknown."""

    def posted(self, service: bytes) -> list[tuple[int, ReceiptsEntry]]:
        """Index and body of the `receipts` entries of a keeper that are known, in order."""

    def records(self) -> Iterator[tuple[bytes, RecordState]]:
        """All records that are known, with their ids."""


def end_of(record: RecordState, grant: GrantState | None) -> list[int]:
    """Indices of entries that the state itself names as the end of a grant; a `cut` is not among them."""
    ends = [record.changed] if record.status == ERASED else []
    if grant is not None and grant.revoked_by is not None:
        ends.append(grant.revoked_by)
    return ends


class ChainFacts:
    """Facts from a replay: everything up to the audited checkpoint."""

    def __init__(self, origin: str, state: State, history: History, size: int) -> None:
        meta, settings = state.meta, state.settings
        self.origin = origin
        self.size = size
        self.time = 0 if meta is None else meta.time
        self.state = state
        self.history = history
        self._settings: LedgerEntry | None = settings

    @property
    def freshness(self) -> int:
        """See `Facts`."""
        return 0 if self._settings is None else self._settings.limits.freshness

    @property
    def is_complete(self) -> bool:
        """See `Facts`."""
        return True

    def knows(self, key: bytes) -> bool:
        """See `Facts`."""
        return True

    def record(self, record: bytes) -> RecordState | None:
        """See `Facts`."""
        return self.state.record(record)

    def grant(self, record: bytes, grant: bytes) -> GrantState | None:
        """See `Facts`."""
        return self.state.grant(record, grant)

    def service(self, service: bytes) -> ServiceState | None:
        """See `Facts`."""
        return self.state.service(service)

    def service_key(self, service: bytes, size: int) -> bytes | None:
        """See `Facts`."""
        return self.history.service_key(service, size)

    def service_keys(self, service: bytes) -> set[bytes]:
        """See `Facts`."""
        return self.history.service_keys(service)

    def ended(self, record: bytes, grant: bytes) -> Ended | None:
        """See `Facts`."""
        found, granted = self.state.record(record), self.state.grant(record, grant)
        if found is None:
            return None
        ends = end_of(found, granted)
        if granted is not None and granted.index is not None:
            cut = self.history.cut_of(record, granted.index)
            ends += [] if cut is None else [cut[0]]
        if not ends:
            return None
        block = self.history.block_of(min(ends))
        return None if block is None else Ended(min(ends), *block)

    def time_at(self, size: int) -> int | None:
        """See `Facts`."""
        return self.history.time_at(size)

    def posted(self, service: bytes) -> list[tuple[int, ReceiptsEntry]]:
        """See `Facts`."""
        return list(self.history.receipts_entries(service))

    def records(self) -> Iterator[tuple[bytes, RecordState]]:
        """See `Facts`."""
        for key in [key for key, _ in self.state.items() if key[:1] == b"\x03"]:
            found = self.state.record(key[1:])
            if found is not None:
                yield key[1:], found
