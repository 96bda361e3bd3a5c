"""Portable evidence of statements that cannot all be true (docs/spec/audit.md §5).

Reading evidence checks its form alone: the kind is known and the right number of distinct items is there.

Left to others: showing that the items contradict each other (`privledger.audit`, step A12).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from privledger.protocol._values import as_bytes, reading, require
from privledger.protocol.container import pack, unpack
from privledger.protocol.ids import check_origin
from privledger.protocol.statements import MAX_STATEMENT
from privledger_crypto import cbor

__all__ = ["EVIDENCE_KINDS", "MAX_ITEMS", "Evidence", "parse_evidence", "unpack_evidence"]

MAX_ITEMS = 8
# The kind of evidence, with the least and the greatest number of statements or notes it takes.
EVIDENCE_KINDS: Mapping[str, tuple[int, int]] = {
    "forked-checkpoints": (2, MAX_ITEMS),
    "receipt-after-revocation": (2, MAX_ITEMS),
    "two-receipts-one-number": (2, 2),
    "read-number-twice": (2, 2),
    "two-roots-one-period": (2, 2),
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Statements or notes of one ledger that cannot all be true.

    Raises:
        UsageError, FormatError: an unknown kind, or items of another number than the kind's, or one twice.
    """

    origin: str
    kind: str
    items: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        check_origin(self.origin)
        require(self.kind in EVIDENCE_KINDS, f"there is no evidence of kind {self.kind[:40]!r}")
        least, most = EVIDENCE_KINDS[self.kind]
        require(least <= len(self.items) <= most, f"evidence of kind {self.kind} has {least} to {most} items")
        require(len(set(self.items)) == len(self.items), "the items of evidence are distinct")
        for item in self.items:
            require(0 < len(item) <= MAX_STATEMENT, f"an item of evidence has at most {MAX_STATEMENT} bytes")

    def to_value(self) -> dict[cbor.Key, cbor.Value]:
        """The map of docs/spec/audit.md §5."""
        return {1: self.origin, 2: self.kind, 3: list(self.items)}

    def pack(self) -> bytes:
        """The evidence as a container."""
        return pack("evidence", self.to_value())


def parse_evidence(value: object) -> Evidence:
    """Read an untrusted evidence map.

    Raises:
        FormatError.
    """
    with reading("evidence"):
        fields = cbor.Fields(value, "evidence")
        evidence = Evidence(
            origin=fields.text(1, 200),
            kind=fields.text(2, 64),
            items=tuple(
                as_bytes(item, "an item of evidence", max_length=MAX_STATEMENT) for item in fields.list(3, MAX_ITEMS)
            ),
        )
        fields.done()
    return evidence


def unpack_evidence(data: bytes) -> Evidence:
    """Read an untrusted evidence container. Raises FormatError."""
    return parse_evidence(unpack(data, types={"evidence"}).body)
