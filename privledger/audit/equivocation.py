"""Step A12: two statements that cannot both be true, as evidence that anybody can check (docs/spec/audit.md §5).

    claims = Claims(origin)
    claims.add_checkpoint(…); claims.add_receipt(…); claims.add_receipts_entry(…)
    claims.report(sheet)                      # a finding and a container for each contradiction
    verify_evidence(evidence, trust)          # what it proves, in words

| kind | items | proves a fault of |
|---|---|---|
| `forked-checkpoints` | signed checkpoints of one size | the log |
| `receipt-after-revocation` | receipt, checkpoint, entry 0, the entry that ended the grant, maybe the `grant` entry | the keeper |
| `two-receipts-one-number` | two receipts | the keeper |
| `read-number-twice` | two receipts of one keeper | the keeper |
| `two-roots-one-period` | two `receipts` entries | the keeper |

Anybody can sign in a keeper's name, so evidence counts if its key is one that the chain gives the keeper: whoever holds the chain
passes its keys to `verify_evidence`, and `Claims` is given statements by such keys alone. Left to others: single false statements.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from privledger.audit.report import Sheet
from privledger.protocol.bundle import BundleEntry
from privledger.protocol.checkpoint import SignedCheckpoint, verify_checkpoint
from privledger.protocol.entries import (
    Body,
    EraseEntry,
    GrantEntry,
    LedgerEntry,
    ReceiptsEntry,
    RevokeEntry,
    admit,
    parse_block,
)
from privledger.protocol.errors import FormatError, PrivledgerError, VerificationError
from privledger.protocol.evidence import Evidence
from privledger.protocol.receipt import Receipt, parse_receipt
from privledger.protocol.request import Request
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
        """Add a receipt whose signatures hold, by a key that the chain gives this keeper."""
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
        """Add a `receipts` entry whose signature holds, by a key that the chain gives this keeper."""
        self._counts[2] += 1
        other, other_leaf = self._periods.setdefault((body.service, body.a), (body, leaf))
        if other.root != body.root and other_leaf != leaf:
            what = f"the keeper signed two roots for the period that begins at {body.a}"
            self._add("two-roots-one-period", what, (other_leaf, leaf))

    def add_late_receipt(
        self, receipt: Receipt, note: bytes, entry_0: bytes, placed: Sequence[BundleEntry], trust: TrustRoot
    ) -> None:
        """Add a receipt that is after the end of its grant.

        Args:
            note: the checkpoint under which the entries stand.
            entry_0: for the freshness limit; evidence that rests on one that was changed since is left out.
            placed: the entry that ended the grant and, for an end by "all up to", the `grant` entry.
        """
        items = (receipt.raw, note, entry_0, *map(placed_entry, placed))
        try:
            what = verify_evidence(
                Evidence(self._origin, "receipt-after-revocation", items), trust, {receipt.service_key}
            )
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


def verify_evidence(evidence: Evidence, trust: TrustRoot, keys: Collection[bytes] | None = None) -> str:
    """What the evidence proves, in words.

    Args:
        keys: every key that the chain has ever given a keeper; None if the chain is not at hand, and then the words say whose
            key remains to be compared.

    Raises:
        FormatError: an item is malformed. VerificationError: it proves nothing, or is of another ledger.
    """
    if evidence.origin != trust.origin:
        raise VerificationError("the evidence is about another ledger than the trust root's")
    if evidence.kind == "forked-checkpoints":
        return _verify_fork(evidence, trust)
    if evidence.kind == "receipt-after-revocation":
        return _by_keeper(*_verify_late(evidence, trust), keys)
    if evidence.kind == "two-roots-one-period":
        key, words = _verify_periods(evidence)
    else:
        key, words = _verify_receipts(evidence)
    return _by_keeper(key, words, keys)


def _by_keeper(key: bytes, words: str, keys: Collection[bytes] | None) -> str:
    """The words, once the key is a keeper's."""
    if keys is None:
        return f"{words}; compare the key {key.hex()} with the keeper's on the chain"
    if key not in keys:
        raise VerificationError(f"the key {key.hex()} was never a keeper's, so this is evidence against nobody")
    return words


def _verify_receipts(evidence: Evidence) -> tuple[bytes, str]:
    first, second = (parse_receipt(item, evidence.origin) for item in evidence.items)
    who = f"keeper {first.service.hex()}"
    if evidence.kind == "two-receipts-one-number":
        if _chain_of(first) == _chain_of(second) and first.number == second.number:
            return first.service_key, f"{who} signed two different receipts with number {first.number} of one chain"
    elif (
        _chain_of(first) == _chain_of(second)
        and first.request.number == second.request.number != 0
        and first.request.digest != second.request.digest
    ):
        return first.service_key, f"{who} answered two requests under the read number {first.request.number}"
    raise VerificationError("these receipts do not contradict each other")


def _verify_fork(evidence: Evidence, trust: TrustRoot) -> str:
    signed = [verify_checkpoint(item, trust) for item in evidence.items]
    if len({one.size for one in signed}) != 1 or len({one.root for one in signed}) < 2:
        raise VerificationError("these checkpoints do not contradict each other")
    return f"the log signed {len({one.root for one in signed})} different roots for {signed[0].size} leaves"


def _verify_periods(evidence: Evidence) -> tuple[bytes, str]:
    bodies = []
    for item in evidence.items:
        entry = admit(item, origin=evidence.origin)
        if not isinstance(entry.body, ReceiptsEntry):
            raise VerificationError("the evidence holds something else than receipts entries")
        bodies.append((entry.keys, entry.body))
    (signers, first), (other_signers, second) = bodies
    if (signers, first.service, first.a) != (other_signers, second.service, second.a) or first.root == second.root:
        raise VerificationError("these receipts entries do not contradict each other")
    return signers[0], f"keeper {first.service.hex()} signed two roots for the period that begins at {first.a}"


def _verify_late(evidence: Evidence, trust: TrustRoot) -> tuple[bytes, str]:
    if len(evidence.items) not in (4, 5):
        raise FormatError(
            "evidence of a late receipt is the receipt, a checkpoint, entry 0 and one or two placed entries"
        )
    raw, note, entry_0, *rest = evidence.items
    receipt, checkpoint = parse_receipt(raw, evidence.origin), verify_checkpoint(note, trust)
    one, *others = (_parse_placed(item) for item in rest)
    first = admit(entry_0, origin=evidence.origin)
    if first.digest != trust.genesis or not isinstance(first.body, LedgerEntry):
        raise VerificationError("the evidence does not hold this ledger's entry 0")
    block = parse_block(one.block_leaf)
    for placed in (one, *others):
        _check_place(placed, checkpoint)
    body = admit(one.leaf, origin=evidence.origin).body
    granted = [(other.index, admit(other.leaf, origin=evidence.origin).body) for other in others]
    if not _ends(body, receipt.request, granted) or block.tree_size != one.block_index:
        raise VerificationError("the entry does not end the grant that the receipt is for")
    freshness = first.body.limits.freshness
    if receipt.size <= one.index and receipt.time <= block.time + freshness:
        raise VerificationError("the receipt is not after the end of its grant")
    words = f"keeper {receipt.service.hex()} released a share after entry {one.index} had ended the grant"
    return receipt.service_key, words


def _check_place(one: BundleEntry, checkpoint: SignedCheckpoint) -> None:
    try:
        for index, leaf, path in ((one.index, one.leaf, one.path), (one.block_index, one.block_leaf, one.block_path)):
            verify_inclusion(leaf_hash(leaf), index, checkpoint.size, list(path), checkpoint.root)
    except crypto_errors.CryptoError as exc:
        raise VerificationError(f"an entry is not in the log of this checkpoint: {exc}") from exc


def _ends(body: Body, request: Request, granted: Sequence[tuple[int, Body]]) -> bool:
    """Whether an entry ends the grant that was asked under; `granted` holds index and body of its `grant` entry, if shown."""
    if isinstance(body, EraseEntry):
        return body.record == request.record
    if not isinstance(body, RevokeEntry) or body.record != request.record:
        return False
    if body.up_to is None:
        return request.grant in body.ids
    return any(
        isinstance(other, GrantEntry)
        and (other.record, other.grant) == (request.record, request.grant)
        and index <= body.up_to
        for index, other in granted
    )


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
