"""What vault and keeper answer: plain values, which prove nothing by themselves (docs/spec/release.md §3, §5).

Left to others: making them (the services) and checking them (the SDK).
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["ReceiptsAnswer", "Release", "Segments"]


@dataclass(frozen=True, slots=True)
class Segments:
    """Consecutive 1 MiB segments of a blob and the proof that they stand under its root."""

    first: int
    data: bytes = field(repr=False)
    proof: bytes = field(repr=False)  # CBOR of privledger_crypto.segments' proof


@dataclass(frozen=True, slots=True)
class Release:
    """A keeper's answer: the share, sealed to the response key, and the receipt."""

    share: bytes = field(repr=False)
    receipt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReceiptsAnswer:
    """All receipts of a grant, and what binds their number to the last posted root (None before the first posting)."""

    receipts: tuple[bytes, ...] = field(repr=False)
    opening: bytes | None = field(repr=False)  # CBOR [root, null or [rho, head, count, units], map proof]
