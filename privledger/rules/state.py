"""The state of a ledger: what every entry so far has made of it, under one root.

    state = State.empty()
    state.record(record_id)            # RecordState or None
    state.prove(record_key(record_id)) # for privledger_crypto.statemap.verify_existence or verify_absence

Only `rules.apply.seal_block` changes a state, a block at a time. Storing it is left to others (`items`, `from_items`).
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Mapping

from privledger.protocol import state as values
from privledger.protocol.entries import LedgerEntry
from privledger_crypto.statemap import MapProof, SparseMap

__all__ = ["State"]


class State:
    """All keys and values of the state map, decoded on request.

    The values must be this program's own: typed getters read them without checks. A state taken from elsewhere is to be
    believed once its root is that of a verified block.
    """

    __slots__ = ("_map", "_settings", "_settings_value")

    def __init__(self, items: SparseMap) -> None:
        self._map = items
        self._settings: LedgerEntry | None = None
        self._settings_value: bytes | None = None

    @classmethod
    def empty(cls) -> State:
        """The state before entry 0."""
        return cls(SparseMap())

    @classmethod
    def from_items(cls, items: Iterable[tuple[bytes, bytes]]) -> State:
        """The state of these pairs; compare `root` with the root that is expected."""
        return cls(SparseMap.from_items(items))

    def __len__(self) -> int:
        return len(self._map)

    def __repr__(self) -> str:
        return f"State({len(self)} keys, root={self.root.hex()})"

    @property
    def root(self) -> bytes:
        """The root of the state map, 32 bytes."""
        return self._map.root

    def get(self, key: bytes) -> bytes | None:
        """The value at `key`, or None."""
        return self._map.get(key)

    def items(self) -> ItemsView[bytes, bytes]:
        """All pairs, in no promised order."""
        return self._map.items()

    def prove(self, key: bytes) -> MapProof:
        """The proof of what the state holds at `key`, be it nothing."""
        return self._map.prove(key)

    def apply_changes(self, changes: Mapping[bytes, bytes]) -> bytes:
        """Set these values, in place; returns the new root. For `seal_block`, and for stores that replay its changes."""
        return self._map.update(changes)

    @property
    def meta(self) -> values.Meta | None:
        """Height, time and next index; None before block 0."""
        value = self._map.get(values.META_KEY)
        return None if value is None else values.meta_unchecked(value)

    @property
    def settings(self) -> LedgerEntry | None:
        """What the last `ledger` entry set; None before block 0."""
        value = self._map.get(values.SETTINGS_KEY)
        if value is not self._settings_value:
            self._settings = None if value is None else values.parse_settings(value)
            self._settings_value = value
        return self._settings

    def record(self, record: bytes) -> values.RecordState | None:
        """The record with this id."""
        value = self._map.get(values.record_key(record))
        return None if value is None else values.record_unchecked(value)

    def grant(self, record: bytes, grant: bytes) -> values.GrantState | None:
        """The grant with these ids."""
        value = self._map.get(values.grant_key(record, grant))
        return None if value is None else values.grant_unchecked(value)

    def service(self, service: bytes) -> values.ServiceState | None:
        """The service with this id."""
        value = self._map.get(values.service_key(service))
        return None if value is None else values.service_unchecked(value)
