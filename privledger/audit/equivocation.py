"""Step A12: two statements that cannot both be true, as evidence that anybody can check (docs/spec/audit.md §5).

    claims = Claims(origin)
    claims.add_checkpoint(…); claims.add_receipt(…); claims.add_receipts_entry(…)
    claims.report(sheet)                      # a finding and a container for each contradiction
    verify_evidence(evidence, trust)          # what it proves, in words

| kind | items | proves a fault of |
|---|---|---|
| `forked-checkpoints` | signed checkpoints of one size | the log |
| `receipt-after-revocation` | receipt, entry and its place (as in a bundle), checkpoint, entry 0 | the keeper |
| `two-receipts-one-number` | two receipts | the keeper |
| `read-number-twice` | two receipts of one keeper | the keeper |
| `two-roots-one-period` | two `receipts` entries | the keeper |

Whether the key that signed is the service's is left to whoever holds the chain. Left to others: single statements that are false.
"""

from __future__ import annotations

from privledger.audit.report import Sheet
from privledger.protocol.bundle import BundleEntry
from privledger.protocol.checkpoint import SignedCheckpoint, verify_checkpoint
from privledger.protocol.entries import EraseEntry, LedgerEntry, ReceiptsEntry, RevokeEntry, admit, parse_block
from privledger.protocol.errors import FormatError, PrivledgerError, VerificationError
from privledger.protocol.evidence import Evidence
from privledger.protocol.receipt import Receipt, parse_receipt
from privledger.protocol.trust import TrustRoot
from privledger_crypto import cbor
from privledger_crypto import errors as crypto_errors
from privledger_crypto.merkle import leaf_hash, verify_inclusion

__all__ = ["Claims", "placed_entry", "verify_evidence"]

_MAX_PLACED = 16_384  # bytes of an entry with its two inclusion proofs


class Claims:
    """Everything signed that an audit came across, kept to be compared."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._checkpoints: dict[int, dict[bytes, bytes]] = {}  # size -> root -> note
        self._chain: dict[tuple[bytes, bytes, bytes, bytes, int], Receipt] = {}
        self._reads: dict[tuple[bytes, bytes, bytes, bytes, int], Receipt] = {}
        self._periods: dict[tuple[bytes, int], tuple[ReceiptsEntry, bytes]] = {}
        self._found: list[tuple[str, str, tuple[bytes, ...]]] = []
        self._seen: set[tuple[str, tuple[bytes, ...]]] = set()
        self._counts = [0, 0, 0]

    def add_checkpoint(self, checkpoint: SignedCheckpoint) -> None:
        """Add a checkpoint whose signatures hold."""
        self._counts[0] += 1
        roots = self._checkpoints.setdefault(checkpoint.size, {})
        if roots and checkpoint.root not in roots:
            what = f"the log signed two roots for {checkpoint.size} leaves: it shows different histories to different readers"
            self._add("forked-checkpoints", what, (next(iter(roots.values())), checkpoint.note))
        roots.setdefault(checkpoint.root, checkpoint.note)

    def add_receipt(self, receipt: Receipt) -> None:
        """Add a receipt whose signatures hold."""
        self._counts[1] += 1
        request = receipt.request
        chain = (receipt.service_key, receipt.service, request.record, request.grant, receipt.number)
        other = self._chain.setdefault(chain, receipt)
        if other.raw != receipt.raw:
            what = f"the keeper signed two receipts with number {receipt.number} of one chain"
            self._add("two-receipts-one-number", what, (other.raw, receipt.raw))
        if request.is_owner:
            return
        read = (receipt.service_key, receipt.service, request.record, request.grant, request.number)
        other = self._reads.setdefault(read, receipt)
        if other.request.digest != request.digest:
            what = f"the keeper answered two requests under the read number {request.number}"
            self._add("read-number-twice", what, (other.raw, receipt.raw))

    def add_receipts_entry(self, leaf: bytes, body: ReceiptsEntry) -> None:
        """Add a `receipts` entry whose signature holds."""
        self._counts[2] += 1
        other, other_leaf = self._periods.setdefault((body.service, body.a), (body, leaf))
        if other.root != body.root and other_leaf != leaf:
            what = f"the keeper signed two roots for the period that begins at {body.a}"
            self._add("two-roots-one-period", what, (other_leaf, leaf))

    def add_late_receipt(self, receipt: Receipt, placed: bytes, note: bytes, entry_0: bytes, trust: TrustRoot) -> None:
        """Add a receipt that is after the end of its grant, with the entry that ended it in its place.

        Left out is what nobody else could check from the evidence alone: an end by "all up to", whose reach the log tells, and
        a freshness limit that was changed since entry 0.
        """
        items = (receipt.raw, placed, note, entry_0)
        try:
            what = verify_evidence(Evidence(self._origin, "receipt-after-revocation", items), trust)
        except PrivledgerError:
            return
        self._add("receipt-after-revocation", what, items)

    def report(self, sheet: Sheet) -> None:
        """Note a finding and the evidence for each contradiction."""
        for kind, what, items in self._found:
            sheet.fail("A12", what, kind)
            sheet.evidence.append(Evidence(self._origin, kind, items).pack())
        checkpoints, receipts, periods = self._counts
        sheet.checked("A12", f"compared {checkpoints} checkpoints, {receipts} receipts, {periods} periods of receipts")

    def _add(self, kind: str, what: str, items: tuple[bytes, ...]) -> None:
        if (kind, items) not in self._seen:
            self._seen.add((kind, items))
            self._found.append((kind, what, items))


def placed_entry(entry: BundleEntry) -> bytes:
    """An entry with its place, as one item of evidence."""
    return cbor.encode(
        [entry.index, entry.leaf, list(entry.path), entry.block_leaf, entry.block_index, list(entry.block_path)]
    )


# --- checking evidence ----------------------------------------------------------------------------------------------


def verify_evidence(evidence: Evidence, trust: TrustRoot) -> str:
    """What the evidence proves, in words.

    Raises:
        FormatError: an item is malformed. VerificationError: it proves nothing, or is of another ledger.
    """
    if evidence.origin != trust.origin:
        raise VerificationError("the evidence is about another ledger than the trust root's")
    if evidence.kind == "forked-checkpoints":
        return _verify_fork(evidence, trust)
    if evidence.kind == "receipt-after-revocation":
        return _verify_late(evidence, trust)
    if evidence.kind == "two-roots-one-period":
        return _verify_periods(evidence)
    first, second = (parse_receipt(item, evidence.origin) for item in evidence.items)
    if evidence.kind == "two-receipts-one-number":
        if _chain_of(first) == _chain_of(second) and first.number == second.number:
            return f"keeper {first.service.hex()} signed two different receipts with number {first.number} of one chain"
    elif (
        _chain_of(first) == _chain_of(second)
        and first.request.number == second.request.number != 0
        and first.request.digest != second.request.digest
    ):
        return f"keeper {first.service.hex()} answered two requests under the read number {first.request.number}"
    raise VerificationError("these receipts do not contradict each other")


def _verify_fork(evidence: Evidence, trust: TrustRoot) -> str:
    signed = [verify_checkpoint(item, trust) for item in evidence.items]
    if len({one.size for one in signed}) != 1 or len({one.root for one in signed}) < 2:
        raise VerificationError("these checkpoints do not contradict each other")
    return f"the log signed {len({one.root for one in signed})} different roots for {signed[0].size} leaves"


def _verify_periods(evidence: Evidence) -> str:
    bodies = []
    for item in evidence.items:
        entry = admit(item, origin=evidence.origin)
        if not isinstance(entry.body, ReceiptsEntry):
            raise VerificationError("the evidence holds something else than receipts entries")
        bodies.append((entry.keys, entry.body))
    (keys, first), (other_keys, second) = bodies
    if (keys, first.service, first.a) != (other_keys, second.service, second.a) or first.root == second.root:
        raise VerificationError("these receipts entries do not contradict each other")
    return f"keeper {first.service.hex()} signed two roots for the period that begins at {first.a}"


def _verify_late(evidence: Evidence, trust: TrustRoot) -> str:
    if len(evidence.items) != 4:
        raise FormatError(
            "evidence of a late receipt is the receipt, the entry in its place, the checkpoint and entry 0"
        )
    raw, placed, note, entry_0 = evidence.items
    receipt, checkpoint = parse_receipt(raw, evidence.origin), verify_checkpoint(note, trust)
    one = _parse_placed(placed)
    first = admit(entry_0, origin=evidence.origin)
    if first.digest != trust.genesis or not isinstance(first.body, LedgerEntry):
        raise VerificationError("the evidence does not hold this ledger's entry 0")
    block = parse_block(one.block_leaf)
    try:
        for index, leaf, path in ((one.index, one.leaf, one.path), (one.block_index, one.block_leaf, one.block_path)):
            verify_inclusion(leaf_hash(leaf), index, checkpoint.size, list(path), checkpoint.root)
    except crypto_errors.CryptoError as exc:
        raise VerificationError(f"the entry is not in the log of this checkpoint: {exc}") from exc
    entry, request = admit(one.leaf, origin=evidence.origin), receipt.request
    body = entry.body
    ends = (isinstance(body, EraseEntry) and body.record == request.record) or (
        isinstance(body, RevokeEntry) and body.record == request.record and request.grant in body.ids
    )
    if not ends or block.tree_size != one.block_index:
        raise VerificationError("the entry does not end the grant that the receipt is for")
    freshness = first.body.limits.freshness
    if receipt.size <= one.index and receipt.time <= block.time + freshness:
        raise VerificationError("the receipt is not after the end of its grant")
    return f"keeper {receipt.service.hex()} released a share after entry {one.index} had ended the grant"


def _parse_placed(item: bytes) -> BundleEntry:
    try:
        match cbor.decode(item, max_size=_MAX_PLACED):
            case [int() as index, bytes() as leaf, list() as path, bytes() as block, int() as at, list() as block_path]:
                hashes = tuple(one for one in path if isinstance(one, bytes))
                block_hashes = tuple(one for one in block_path if isinstance(one, bytes))
                return BundleEntry(index, leaf, hashes, block, at, block_hashes)
    except (crypto_errors.CryptoError, PrivledgerError) as exc:
        raise FormatError(f"the entry in its place is malformed: {exc}") from exc
    raise FormatError("the entry in its place is malformed")


def _chain_of(receipt: Receipt) -> tuple[bytes, bytes, bytes, bytes]:
    return receipt.service_key, receipt.service, receipt.request.record, receipt.request.grant
