"""The audit of a bundle: one file, no network (docs/spec/audit.md §3).

* A3 each entry and closing block stands in the tree of the checkpoint; A4 each is canonical; A5 each signature holds;
* A6 the last block is the checkpoint's, the map proofs hold under its root, and the entries agree with the state;
* A1, A2, A7, A9, A11, A12 as over a place.

A bundle shows what its maker chose to show: it proves what is in it, and for receipts that none of a shown keeper are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from privledger.audit._bundlefacts import BundleFacts, Placed
from privledger.audit._bundlestate import check_agreement, proven_values
from privledger.audit._log import LogAudit, read_checkpoint
from privledger.audit.certificates import check_certificates
from privledger.audit.equivocation import Claims
from privledger.audit.openings import check_openings
from privledger.audit.receipts import check_receipts
from privledger.audit.report import Report, Sheet, moment
from privledger.protocol.bundle import Bundle, BundleEntry, unpack_bundle
from privledger.protocol.checkpoint import SignedCheckpoint, verify_checkpoint
from privledger.protocol.entries import Block, Entry, ReceiptsEntry, parse_block, parse_entry, verify_entry
from privledger.protocol.errors import FormatError, PrivledgerError, VerificationError
from privledger.protocol.receipt import Receipt
from privledger.protocol.trust import TrustRoot
from privledger_crypto import errors as crypto_errors
from privledger_crypto.merkle import leaf_hash, verify_consistency, verify_inclusion

__all__ = ["audit_bundle"]

# What these steps are over a bundle, which has no tiles and is not replayed.
_TITLES = {
    "A3": "each entry and its block stand in the tree of the checkpoint",
    "A6": "the entries agree with the proven state and the last block",
}


def audit_bundle(
    data: bytes,
    trust: TrustRoot,
    *,
    older_checkpoints: Sequence[bytes] = (),
    clock: Callable[[], int],
    max_age: int | None = None,
) -> Report:
    """Check a bundle container.

    Args:
        data: untrusted bytes.
        trust: the auditor's own trust root.
        older_checkpoints: signed checkpoints seen before; only one of the bundle's size, or the one that the bundle carries a
            path from, can be compared.
        clock, max_age: as of `audit_place`.

    Raises:
        FormatError: not a bundle.
    """
    bundle = unpack_bundle(data)
    sheet = Sheet()
    if bundle.origin != trust.origin:
        sheet.fail("A1", "the bundle is of another ledger than the trust root's", "bundle")
        for step in ("A2", "A3", "A4", "A5", "A6", "A7", "A9", "A11", "A12"):
            sheet.block(step, "this is another ledger")
        return _report(sheet, trust, LogAudit(), 0)
    found = read_checkpoint(bundle.answer.note, trust, sheet, clock() if max_age is not None else None, max_age)
    claims = Claims(trust.origin)
    if found.signed is not None:
        claims.add_checkpoint(found.signed)
    _check_older(sheet, claims, trust, found, bundle, older_checkpoints)
    time = 0
    if found.size < 1:
        for step in ("A3", "A4", "A5", "A6", "A7", "A9", "A11"):
            sheet.block(step, "the checkpoint names no tree")
    else:
        time = _check_content(sheet, claims, trust, found, bundle)
    claims.report(sheet)
    return _report(sheet, trust, found, time)


def _report(sheet: Sheet, trust: TrustRoot, found: LogAudit, time: int) -> Report:
    sheet.skip("A8", "a bundle has no vault")
    steps = tuple(replace(step, title=_TITLES.get(step.step, step.title)) for step in sheet.results())
    return Report(
        "bundle", trust.origin, found.size, found.root, time, steps, tuple(sheet.evidence), tuple(sheet.notes)
    )


def _check_content(sheet: Sheet, claims: Claims, trust: TrustRoot, found: LogAudit, bundle: Bundle) -> int:
    """A3 to A12 over what is in the bundle; returns the time of the last block."""
    placed = _read_entries(sheet, trust, found, bundle)
    block = _read_last_block(sheet, found, bundle)
    values = proven_values(sheet, bundle, block, found)
    time = 0 if block is None else block.time
    facts = BundleFacts(trust.origin, found.size, time, values, placed)
    check_agreement(sheet, trust, facts, bundle, placed)
    disclosure = bundle.disclosure
    opened = check_openings(sheet, facts, disclosure)
    receipts = check_receipts(sheet, facts, disclosure, opened)
    check_certificates(sheet, facts, disclosure)
    state = facts.record(disclosure.record)
    if state is None or state.is_live:
        sheet.skip("A11", "the record is live" if state is not None else "the record's state is not proven")
    sheet.skip("A7", "no receipts are in the bundle")
    sheet.skip("A9", "nothing is opened in the bundle")
    for one in placed:
        if isinstance(one.entry.body, ReceiptsEntry):
            claims.add_receipts_entry(one.entry.leaf, one.entry.body)
    for receipt in receipts:
        if receipt.service_key in facts.service_keys(receipt.service):
            claims.add_receipt(receipt)
            _add_late(claims, trust, facts, bundle, receipt)
    return time


def _add_late(claims: Claims, trust: TrustRoot, facts: BundleFacts, bundle: Bundle, receipt: Receipt) -> None:
    end = facts.ended(receipt.request.record, receipt.request.grant)
    if end is None or (receipt.size <= end.index and receipt.time <= end.time + facts.freshness):
        return
    by_index = {one.index: one for one in bundle.entries}
    if end.index not in by_index or 0 not in by_index:
        return
    placed = [by_index[end.index]]
    grant = facts.grant(receipt.request.record, receipt.request.grant)
    if grant is not None and grant.revoked_by != end.index and grant.index in by_index:
        placed.append(by_index[grant.index])
    claims.add_late_receipt(receipt, bundle.answer.note, by_index[0].leaf, placed, trust)


# --- A2


def _check_older(
    sheet: Sheet, claims: Claims, trust: TrustRoot, found: LogAudit, bundle: Bundle, notes: Sequence[bytes]
) -> None:
    sheet.skip("A2", "no older checkpoint is held")
    held: list[SignedCheckpoint] = []
    for number, note in enumerate(notes, start=1):
        try:
            held.append(verify_checkpoint(note, trust))
        except PrivledgerError as exc:
            sheet.fail("A2", f"this is no checkpoint to compare with: {exc}", f"older checkpoint {number}")
    carried: SignedCheckpoint | None = None
    if bundle.older is not None:
        try:
            carried = verify_checkpoint(bundle.older.note, trust)
            path = list(bundle.older.path)
            verify_consistency(carried.size, carried.root, found.size, found.root, path)
            sheet.checked("A2", f"extends the tree of {carried.size} leaves")
        except (PrivledgerError, crypto_errors.CryptoError) as exc:
            where = "older checkpoint in the bundle"
            sheet.fail("A2", f"the checkpoint does not extend the older one: {exc}", where)
            carried = None
    for one in held:
        claims.add_checkpoint(one)
        if one.size == found.size and one.root != found.root:
            sheet.fail("A2", "two checkpoints of this size have different roots", f"checkpoint of size {one.size}")
        elif one.size == found.size:
            sheet.checked("A2", "the very checkpoint that is held")
        elif carried is not None and one.size == carried.size:
            if one.root != carried.root:
                what = "the older checkpoint in the bundle is another than the one that is held"
                sheet.fail("A2", what, f"checkpoint of size {one.size}")
        else:
            sheet.notes.append(
                f"the bundle has no path from the checkpoint of {one.size} leaves, so the two were not compared"
            )


# --- A3 to A5: each entry by itself


def _read_entries(sheet: Sheet, trust: TrustRoot, found: LogAudit, bundle: Bundle) -> list[Placed]:
    """The entries that stand in the log, are well-formed, and whose closing block is."""
    placed: list[Placed] = []
    for one in bundle.entries:
        where = f"entry {one.index} of the bundle"
        is_included = _check_included(sheet, found, one, where)
        entry = _parse(sheet, trust, one, where)
        block = _parse_closing(sheet, one, where)
        if is_included and entry is not None and block is not None:
            placed.append(Placed(one.index, entry, block))
    for step in ("A3", "A4", "A5"):
        sheet.checked(step, f"{len(bundle.entries)} entries")
    return placed


def _check_included(sheet: Sheet, found: LogAudit, one: BundleEntry, where: str) -> bool:
    try:
        for index, leaf, path in ((one.index, one.leaf, one.path), (one.block_index, one.block_leaf, one.block_path)):
            verify_inclusion(leaf_hash(leaf), index, found.size, list(path), found.root)
    except crypto_errors.CryptoError as exc:
        sheet.fail("A3", f"it is not in the log that was signed: {exc}", where, one.index)
        return False
    return True


def _parse(sheet: Sheet, trust: TrustRoot, one: BundleEntry, where: str) -> Entry | None:
    try:
        entry = parse_entry(one.leaf, origin=trust.origin)
    except FormatError as exc:
        sheet.fail("A4", str(exc), where, one.index)
        return None
    except VerificationError as exc:
        sheet.fail("A6", str(exc), where, one.index)
        return None
    try:
        verify_entry(entry, origin=trust.origin)
    except VerificationError as exc:
        sheet.fail("A5", str(exc), where, one.index)
    return entry


def _parse_closing(sheet: Sheet, one: BundleEntry, where: str) -> Block | None:
    try:
        block = parse_block(one.block_leaf)
    except FormatError as exc:
        sheet.fail("A4", f"what closes its block is no block: {exc}", where, one.block_index)
        return None
    if block.tree_size != one.block_index:
        what = f"the block that closes it says {block.tree_size} leaves stand before it, and {one.block_index} do"
        sheet.fail("A6", what, where, one.block_index)
        return None
    return block


def _read_last_block(sheet: Sheet, found: LogAudit, bundle: Bundle) -> Block | None:
    """The block leaf at size - 1, which alone names the state at the checkpoint."""
    answer, index, where = bundle.answer, found.size - 1, "last block of the bundle"
    try:
        verify_inclusion(leaf_hash(answer.block_leaf), index, found.size, list(answer.block_path), found.root)
    except crypto_errors.CryptoError as exc:
        sheet.fail("A3", f"it is not the last leaf of the log that was signed: {exc}", where, index)
        return None
    try:
        block = parse_block(answer.block_leaf)
    except FormatError as exc:
        sheet.fail("A4", str(exc), where, index)
        return None
    if block.tree_size != index:
        sheet.fail("A6", f"the block is leaf {block.tree_size}, and only leaf {index} names the state", where, index)
        return None
    if found.signed is not None and block.time != found.signed.time:
        what = f"the checkpoint is signed for {moment(found.signed.time)}, and its block closed at {moment(block.time)}"
        sheet.fail("A6", what, where, index)
    return block
