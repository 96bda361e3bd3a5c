"""What a rule sees while a block is applied: the state, with the changes of the block's earlier entries on top.

A rule reads, then returns its changes or raises `Refusal`; it writes nothing, so a refused entry changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeAlias

from privledger.protocol import state as values
from privledger.protocol.entries import LedgerEntry

__all__ = ["Changes", "Refusal", "StateReader", "View", "live_record", "require_quorum"]

Changes: TypeAlias = Iterable[tuple[bytes, bytes]]


class Refusal(Exception):
    """The rules refuse an entry: a stable code (docs/spec/entries.md §2) and a sentence for people. Never leaves `apply`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class StateReader(Protocol):
    """All that `apply` needs of a state."""

    @property
    def meta(self) -> values.Meta | None: ...

    @property
    def settings(self) -> LedgerEntry | None: ...

    def get(self, key: bytes) -> bytes | None: ...


class View:
    """The state of `state` after `changes`, for a block closed at `time`.

    `published` is the size of the last checkpoint: the leaves up to and with the last block.
    """

    __slots__ = ("_state", "changes", "published", "settings", "time")

    def __init__(self, state: StateReader, time: int) -> None:
        meta = state.meta
        self._state = state
        self.time = time
        self.published = 0 if meta is None else meta.next_index
        self.settings = state.settings
        self.changes: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        """The value at `key` as the entries so far left it."""
        value = self.changes.get(key)
        return self._state.get(key) if value is None else value

    def put(self, changes: Changes) -> None:
        """Take over the changes of an accepted entry."""
        for key, value in changes:
            self.changes[key] = value
            if key == values.SETTINGS_KEY:
                self.settings = values.parse_settings(value)

    def record(self, record: bytes) -> values.RecordState | None:
        """The record with this id."""
        value = self.get(values.record_key(record))
        return None if value is None else values.record_unchecked(value)

    def grant(self, record: bytes, grant: bytes) -> values.GrantState | None:
        """The grant with these ids."""
        value = self.get(values.grant_key(record, grant))
        return None if value is None else values.grant_unchecked(value)

    def service(self, service: bytes) -> values.ServiceState | None:
        """The service with this id."""
        value = self.get(values.service_key(service))
        return None if value is None else values.service_unchecked(value)


def live_record(view: View, record: bytes, keys: tuple[bytes, ...]) -> values.RecordState:
    """The live record of this id, whose key signed."""
    found = view.record(record)
    if found is None:
        raise Refusal("unknown_record", f"there is no record {record.hex()}")
    if keys != (found.key,):
        raise Refusal("wrong_key", f"only the key of record {record.hex()} signs for it")
    if found.status != values.LIVE:
        raise Refusal("record_erased", f"record {record.hex()} was erased by entry {found.changed}")
    return found


def require_quorum(settings: LedgerEntry, keys: tuple[bytes, ...]) -> None:
    """Refuse unless exactly a quorum of the governance keys signed (the form of the entry makes each sign once)."""
    if len(keys) != settings.quorum or not set(keys).issubset(settings.governance):
        raise Refusal("wrong_key", f"exactly {settings.quorum} of the governance keys sign this, and nobody else")
