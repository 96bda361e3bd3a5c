"""What an audit remembers of the log beside the state: when blocks closed, and the few entries whose order matters later.

The state says what is so at the end; receipts name earlier sizes. Kept are the size and time of every block, and the `ledger`,
`service`, `receipts` and "all up to" `revoke` entries. Everything else that a past size needs stands in the state, which names
the index of the entry behind each grant, revocation and erasure.

Left to others: the replay that fills it (`_replay`) and what follows from it (`receipts`, `vault`).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator

from privledger.protocol.entries import (
    Body,
    Entry,
    LedgerEntry,
    ReceiptsEntry,
    RevokeEntry,
    ServiceEntry,
    parse_entry,
)
from privledger.protocol.errors import FormatError

__all__ = ["History", "is_notable"]


def is_notable(body: Body) -> bool:
    """Whether the history keeps this entry."""
    if isinstance(body, RevokeEntry):
        return body.up_to is not None
    return isinstance(body, LedgerEntry | ServiceEntry | ReceiptsEntry)


class History:
    """Blocks and notable entries of a log, in order."""

    __slots__ = ("notable", "sizes", "times")

    def __init__(self) -> None:
        self.sizes = array("Q")  # of the checkpoint of each block
        self.times = array("Q")
        self.notable: list[tuple[int, Entry]] = []

    def add_block(self, size: int, time: int) -> None:
        """Note a block, after which a checkpoint of `size` leaves was due."""
        self.sizes.append(size)
        self.times.append(time)

    def add_entry(self, index: int, entry: Entry) -> None:
        """Note an entry, if it is of the kinds that are kept."""
        self.notable.append((index, entry))

    def block_of(self, index: int) -> tuple[int, int] | None:
        """Size and time of the block that closed the leaf `index`, or None."""
        at = bisect_left(self.sizes, index + 1)
        return (self.sizes[at], self.times[at]) if at < len(self.sizes) else None

    def time_at(self, size: int) -> int | None:
        """The time of the block that the checkpoint of `size` leaves ends with, or None if there was no such checkpoint."""
        at = bisect_left(self.sizes, size)
        return self.times[at] if at < len(self.sizes) and self.sizes[at] == size else None

    def receipts_entries(self, service: bytes) -> Iterator[tuple[int, ReceiptsEntry]]:
        """Index and body of the `receipts` entries of a keeper, in order."""
        for index, entry in self.notable:
            if isinstance(entry.body, ReceiptsEntry) and entry.body.service == service:
                yield index, entry.body

    def service_key(self, service: bytes, size: int) -> bytes | None:
        """The signing key that a service had at the checkpoint of `size` leaves, or None before its first entry."""
        key = None
        for index, entry in self.notable:
            if index >= size:
                break
            if isinstance(entry.body, ServiceEntry) and entry.body.service == service:
                key = entry.body.signing_key
        return key

    def service_keys(self, service: bytes) -> set[bytes]:
        """Every signing key that a service has had."""
        return {
            entry.body.signing_key
            for _, entry in self.notable
            if isinstance(entry.body, ServiceEntry) and entry.body.service == service
        }

    def keeper_keys(self) -> set[bytes]:
        """Every signing key that any keeper has had."""
        bodies = (entry.body for _, entry in self.notable)
        return {body.signing_key for body in bodies if isinstance(body, ServiceEntry) and body.role == "keeper"}

    def cut_of(self, record: bytes, grant_index: int) -> tuple[int, Entry] | None:
        """The first "all up to" revocation of a record that ended the grant made by entry `grant_index`, or None."""
        for index, entry in self.notable:
            if index > grant_index and isinstance(entry.body, RevokeEntry) and entry.body.record == record:
                cut = entry.body.up_to
                if cut is not None and cut >= grant_index:
                    return index, entry
        return None

    def to_bytes(self) -> tuple[bytes, bytes, list[tuple[int, bytes]]]:
        """Sizes, times (64-bit little-endian) and the notable leaves with their indices."""
        return _packed(self.sizes), _packed(self.times), [(index, entry.leaf) for index, entry in self.notable]

    @classmethod
    def parse(cls, sizes: bytes, times: bytes, notable: list[tuple[int, bytes]]) -> History:
        """The history that `to_bytes` gave.

        Raises:
            FormatError: it is none.
        """
        if len(sizes) != len(times) or len(sizes) % 8:
            raise FormatError("the history has another number of sizes than of times")
        history = cls()
        history.sizes, history.times = _unpacked(sizes), _unpacked(times)
        history.notable = [(index, parse_entry(leaf)) for index, leaf in notable]
        return history


def _packed(values: array[int]) -> bytes:
    return b"".join(value.to_bytes(8, "little") for value in values)


def _unpacked(data: bytes) -> array[int]:
    return array("Q", (int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)))
