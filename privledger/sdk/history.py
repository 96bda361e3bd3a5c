"""What the chain says of a record: its entries, proven, each with the block that closed over it.

Left to others: what the owner knows besides (`privledger.sdk.owner`), and replaying the whole chain (`privledger.audit`).
"""

from __future__ import annotations

from dataclasses import dataclass

from privledger.protocol.checkpoint import SignedCheckpoint
from privledger.protocol.entries import Block, Entry, admit, is_block, parse_block
from privledger.protocol.errors import VerificationError
from privledger.sdk.view import LedgerView

__all__ = ["Closing", "ProvenEntry", "closing_block", "history_of", "proven_entry"]

_LOOK_AHEAD = 1_100  # leaves; more than a block holds
_STEP = 64


@dataclass(frozen=True, slots=True)
class Closing:
    """The `block` leaf that closes over an entry: where it stands and what proves it."""

    block: Block
    leaf: bytes
    index: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An entry, where it stands, what proves it, and the block that closed over it."""

    entry: Entry
    index: int
    path: tuple[bytes, ...]
    closing: Closing


def closing_block(view: LedgerView, index: int, checkpoint: SignedCheckpoint | None = None) -> Closing:
    """The first `block` leaf after `index`, with its proof under a verified checkpoint.

    Raises:
        VerificationError: the ledger cannot prove what it shows.
    """
    at = checkpoint or view.accept(view.port.checkpoint())
    start = index + 1
    while start < at.size and start <= index + _LOOK_AHEAD:
        end = min(start + _STEP, at.size)
        for offset, leaf in enumerate(view.port.leaves(start, end)):
            if is_block(leaf):
                position = start + offset
                path = view.verify_leaf(leaf, position, at)
                return Closing(parse_block(leaf), leaf, position, tuple(path))
        start = end
    raise VerificationError(f"no block closes over entry {index} in the log that the ledger shows")


def proven_entry(view: LedgerView, index: int, checkpoint: SignedCheckpoint | None = None) -> ProvenEntry:
    """The entry at `index`: canonical, signed, included, with its closing block.

    Raises:
        VerificationError: the ledger cannot prove what it shows.
    """
    at = checkpoint or view.accept(view.port.checkpoint())
    if not 0 <= index < at.size:
        raise VerificationError(f"the ledger names entry {index}, beyond its own checkpoint of {at.size}")
    leaf = view.port.leaves(index, index + 1)[0]
    path = view.verify_leaf(leaf, index, at)
    return ProvenEntry(admit(leaf, origin=view.origin), index, tuple(path), closing_block(view, index, at))


def history_of(view: LedgerView, record: bytes) -> list[ProvenEntry]:
    """The entries of the log that name a record, in order, each proven.

    The list comes from the ledger's index: each line is proven, that none is left out is not (an audit shows that).
    """
    at = view.accept(view.port.checkpoint())
    return [proven_entry(view, index, at) for index in view.port.find(record=record)]
