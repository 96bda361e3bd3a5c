"""What a bundle proves about the chain: values of the state at its checkpoint, and entries in their places.

Left to others: proving it (`bundle`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from privledger.audit.facts import Ended, end_of
from privledger.protocol.entries import Block, Entry, LedgerEntry, ReceiptsEntry, RevokeEntry, ServiceEntry
from privledger.protocol.state import (
    SETTINGS_KEY,
    GrantState,
    RecordState,
    ServiceState,
    grant_key,
    parse_grant_state,
    parse_record_state,
    parse_service_state,
    parse_settings,
    record_key,
    service_key,
)

__all__ = ["BundleFacts", "Placed"]


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry of a bundle, with the block that closes it."""

    index: int
    entry: Entry
    block: Block


class BundleFacts:
    """Facts from a bundle. `values` hold only what map proofs showed; `entries` are those in a log of `size` leaves.

    Values are well-formed: `bundle` parses each one before it takes it over.
    """

    def __init__(
        self, origin: str, size: int, time: int, values: Mapping[bytes, bytes | None], entries: list[Placed]
    ) -> None:
        self.origin = origin
        self.size = size
        self.time = time
        self._values = values
        self._entries = entries

    @property
    def settings(self) -> LedgerEntry | None:
        """The ledger's settings, if they are proven."""
        value = self._values.get(SETTINGS_KEY)
        return None if value is None else parse_settings(value)

    @property
    def freshness(self) -> int:
        """See `Facts`; 0 if the settings are not proven."""
        settings = self.settings
        return 0 if settings is None else settings.limits.freshness

    @property
    def is_complete(self) -> bool:
        """See `Facts`."""
        return False

    def knows(self, key: bytes) -> bool:
        """See `Facts`."""
        return key in self._values

    def record(self, record: bytes) -> RecordState | None:
        """See `Facts`."""
        value = self._values.get(record_key(record))
        return None if value is None else parse_record_state(value)

    def grant(self, record: bytes, grant: bytes) -> GrantState | None:
        """See `Facts`."""
        value = self._values.get(grant_key(record, grant))
        return None if value is None else parse_grant_state(value)

    def service(self, service: bytes) -> ServiceState | None:
        """See `Facts`."""
        value = self._values.get(service_key(service))
        return None if value is None else parse_service_state(value)

    def service_key(self, service: bytes, size: int) -> bytes | None:
        """See `Facts`: from the `service` entries in the bundle, else what the state says now."""
        keys = [body.signing_key for index, body in self._service_entries(service) if index < size]
        if keys:
            return keys[-1]
        state = self.service(service)
        return None if state is None else state.signing_key

    def service_keys(self, service: bytes) -> set[bytes]:
        """See `Facts`."""
        state = self.service(service)
        keys = {body.signing_key for _, body in self._service_entries(service)}
        return keys if state is None else keys | {state.signing_key}

    def ended(self, record: bytes, grant: bytes) -> Ended | None:
        """See `Facts`. An "all up to" revocation that the bundle does not hold is missed; the state's own cut is not."""
        found, granted = self.record(record), self.grant(record, grant)
        if found is None:
            return None
        ends = end_of(found, granted)
        if granted is not None and granted.index is not None:
            ends += [one.index for one in self._entries if _cuts(one, record, granted.index)]
            if not ends and found.cut is not None and granted.index <= found.cut:
                ends.append(found.changed)
        if not ends:
            return None
        index = min(ends)
        block = next((one.block for one in self._entries if one.index == index), None)
        # Without the entry its block's time is unknown; it cannot be later than the checkpoint's.
        return Ended(index, self.size, self.time) if block is None else Ended(index, block.tree_size + 1, block.time)

    def time_at(self, size: int) -> int | None:
        """See `Facts`."""
        return self.time if size == self.size else None

    def posted(self, service: bytes) -> list[tuple[int, ReceiptsEntry]]:
        """See `Facts`: those in the bundle, and the last one as the state names it."""
        found = [
            (one.index, one.entry.body)
            for one in self._entries
            if isinstance(one.entry.body, ReceiptsEntry) and one.entry.body.service == service
        ]
        state = self.service(service)
        if state is not None and state.last_root and all(body.b != state.last_b for _, body in found):
            found.append((self.size - 1, ReceiptsEntry(service, 0, state.last_b, state.last_root)))
        return found

    def records(self) -> Iterator[tuple[bytes, RecordState]]:
        """See `Facts`."""
        for key in self._values:
            found = self.record(key[1:]) if key[:1] == b"\x03" else None
            if found is not None:
                yield key[1:], found

    def _service_entries(self, service: bytes) -> list[tuple[int, ServiceEntry]]:
        return [
            (one.index, one.entry.body)
            for one in self._entries
            if isinstance(one.entry.body, ServiceEntry) and one.entry.body.service == service
        ]


def _cuts(one: Placed, record: bytes, granted: int) -> bool:
    body = one.entry.body
    return (
        isinstance(body, RevokeEntry)
        and body.record == record
        and body.up_to is not None
        and one.index > granted
        and body.up_to >= granted
    )
