"""The audit of a place: a log's files, the vault beside them, and what was disclosed to the auditor.

Left to others: each step (`_log`, `receipts`, `vault`, `openings`, `certificates`, `equivocation`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from privledger.audit._log import LogAudit, Progress, audit_log
from privledger.audit.certificates import check_certificates, read_certificate
from privledger.audit.equivocation import Claims, verify_evidence
from privledger.audit.facts import ChainFacts
from privledger.audit.fetch import Fetcher
from privledger.audit.inputs import Inputs, read_inputs
from privledger.audit.openings import check_openings, check_presentation
from privledger.audit.receipts import check_receipt, check_receipts
from privledger.audit.report import Report, Sheet
from privledger.audit.vault import check_erased, check_live
from privledger.protocol.bundle import BundleEntry
from privledger.protocol.entries import ReceiptsEntry
from privledger.protocol.errors import PrivledgerError
from privledger.protocol.evidence import Evidence
from privledger.protocol.ids import check_origin
from privledger.protocol.receipt import Receipt
from privledger.protocol.tiles import TileReader
from privledger.protocol.trust import TrustRoot
from privledger_crypto.merkle import inclusion_proof

__all__ = ["audit_place"]


def audit_place(
    fetch: Fetcher,
    trust: TrustRoot,
    *,
    disclosures: Sequence[bytes] = (),
    older_checkpoints: Sequence[bytes] = (),
    memory: Path | None = None,
    workers: int = 2,
    clock: Callable[[], int],
    max_age: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Check everything that can be checked about a place, and go on after a failure where that still means something.

    Args:
        fetch: where the log and the vault are read from; sent to worker processes.
        trust: the auditor's own trust root.
        disclosures: containers handed over: disclosures, bundles, receipts, certificates, presentations, evidence.
        older_checkpoints: signed checkpoints seen before, for step A2.
        memory: a directory that keeps what was checked, so that the next audit reads only what is new; None for none.
        workers: processes that check entries; 0 does it in this one. They are spawned: guard the start of your program.
        clock: seconds since 1970 UTC; looked at only if `max_age` is given.
        max_age: how old the checkpoint may be, in seconds; None for any age.
        progress: called with leaves done and leaves in all.

    Raises:
        UnavailableError: a worker process died, or the ledger is under rules that this program does not know.
    """
    sheet = Sheet()
    if (named := _other_ledger(fetch, trust)) is not None:
        sheet.fail("A1", f"this is the ledger {named}, and the trust root is of {trust.origin}", "checkpoint")
        for step in ("A2", "A3", "A4", "A5", "A6"):
            sheet.block(step, "this is another ledger")
        return Report("place", trust.origin, 0, bytes(32), 0, sheet.results())
    now = clock() if max_age is not None else None
    found = audit_log(
        fetch,
        trust,
        sheet,
        older_checkpoints=older_checkpoints,
        memory=memory,
        workers=workers,
        now=now,
        max_age=max_age,
        progress=progress,
    )
    claims = Claims(trust.origin)
    for checkpoint in ([found.signed] if found.signed is not None else []) + found.older:
        claims.add_checkpoint(checkpoint)
    inputs = read_inputs(sheet, trust, disclosures)
    for checkpoint in inputs.checkpoints:
        claims.add_checkpoint(checkpoint)
    facts = _facts(trust, found)
    if facts is None:
        _block(sheet, fetch, disclosures, "the state is not known, since the replay did not reach the end (step A6)")
    else:
        _check_disclosed(sheet, trust, facts, inputs, claims, fetch, found)
        _check_vault(sheet, facts, fetch, inputs)
    claims.report(sheet)
    time = 0 if facts is None else facts.time
    if facts is None and found.signed is not None:
        time = found.signed.time
    return Report(
        "place", trust.origin, found.size, found.root, time, sheet.results(), tuple(sheet.evidence), tuple(sheet.notes)
    )


def _other_ledger(fetch: Fetcher, trust: TrustRoot) -> str | None:
    """The ledger that the checkpoint names, if it is another than the trust root's: then nothing here means anything."""
    try:
        named = fetch.checkpoint().split(b"\n", 1)[0].decode()
        check_origin(named)
    except (PrivledgerError, UnicodeDecodeError):
        return None  # step A1 says what is wrong with it
    return None if named == trust.origin else named


def _facts(trust: TrustRoot, found: LogAudit) -> ChainFacts | None:
    replay = found.replay
    if replay is None or replay.stopped is not None or replay.size != found.size:
        return None
    return ChainFacts(trust.origin, replay.state, replay.history, found.size)


def _block(sheet: Sheet, fetch: Fetcher, disclosures: Sequence[bytes], why: str) -> None:
    steps = ["A7", "A9", "A11"] if disclosures else []
    if fetch.vault() is not None:
        steps += ["A8", "A11"]
    for step in steps:
        sheet.block(step, why)


def _check_disclosed(
    sheet: Sheet, trust: TrustRoot, facts: ChainFacts, inputs: Inputs, claims: Claims, fetch: Fetcher, found: LogAudit
) -> None:
    """A7, A9, A11 over what was handed over, and what A12 compares."""
    receipts = list(inputs.receipts)
    for disclosure in inputs.disclosures:
        opened = check_openings(sheet, facts, disclosure)
        receipts += check_receipts(sheet, facts, disclosure, opened)
        check_certificates(sheet, facts, disclosure)
    for receipt in inputs.receipts:
        check_receipt(sheet, facts, receipt)
        sheet.checked("A7", "a single receipt")
    for raw in inputs.certificates:
        try:
            read_certificate(facts, raw)
            sheet.checked("A11", "a single certificate")
        except PrivledgerError as exc:
            sheet.fail("A11", f"a certificate does not hold: {exc}", "certificate")
    for data in inputs.presentations:
        check_presentation(sheet, trust, data)
    for index, entry in facts.history.notable:
        if isinstance(entry.body, ReceiptsEntry) and index < facts.size:
            claims.add_receipts_entry(entry.leaf, entry.body)
    for entry in inputs.entries:
        if isinstance(entry.body, ReceiptsEntry) and entry.keys[0] in facts.service_keys(entry.body.service):
            claims.add_receipts_entry(entry.leaf, entry.body)
    for receipt in receipts:
        if receipt.service_key in facts.service_keys(receipt.service):
            claims.add_receipt(receipt)
            _add_late(claims, trust, facts, receipt, fetch, found)
    for evidence in inputs.evidence:
        _check_evidence(sheet, trust, facts, evidence)
    sheet.skip("A7", "no receipts were disclosed")
    sheet.skip("A9", "nothing was disclosed")


def _check_evidence(sheet: Sheet, trust: TrustRoot, facts: ChainFacts, evidence: Evidence) -> None:
    """Evidence that was handed over: a finding of A12 if it holds, of A9 if it is none."""
    try:
        words = verify_evidence(evidence, trust, facts.history.keeper_keys())
    except PrivledgerError as exc:
        sheet.fail("A9", f"the evidence that was handed over proves nothing: {exc}", evidence.kind)
        return
    sheet.fail("A12", words, f"{evidence.kind}, handed over")
    sheet.evidence.append(evidence.pack())


def _add_late(
    claims: Claims, trust: TrustRoot, facts: ChainFacts, receipt: Receipt, fetch: Fetcher, found: LogAudit
) -> None:
    """Make portable evidence of a receipt that is after the end of its grant."""
    end = facts.ended(receipt.request.record, receipt.request.grant)
    if end is None or (receipt.size <= end.index and receipt.time <= end.time + facts.freshness):
        return
    try:
        placed = [_place(fetch, found.size, end.index, end.size - 1)]
        grant = facts.grant(receipt.request.record, receipt.request.grant)
        if grant is not None and grant.index is not None and grant.revoked_by != end.index:
            block = facts.history.block_of(grant.index)
            placed += [] if block is None else [_place(fetch, found.size, grant.index, block[0] - 1)]
        entry_0 = _reader(fetch, found.size).leaf(0)
    except PrivledgerError:
        return  # step A3 says what is wrong with the files
    claims.add_late_receipt(receipt, found.note, entry_0, placed, trust)


def _place(fetch: Fetcher, size: int, index: int, block_index: int) -> BundleEntry:
    """An entry and the block that closes it, with their inclusion proofs."""
    reader = _reader(fetch, size)
    path, block_path = (inclusion_proof(reader, at, size) for at in (index, block_index))
    return BundleEntry(index, reader.leaf(index), path, reader.leaf(block_index), block_index, block_path)


def _reader(fetch: Fetcher, size: int) -> TileReader:
    return TileReader(fetch.resource, size)


def _check_vault(sheet: Sheet, facts: ChainFacts, fetch: Fetcher, inputs: Inputs) -> None:
    """A8 and the vault's part of A11."""
    vault = fetch.vault()
    if vault is None:
        sheet.skip("A8", "there is no vault here")
        sheet.skip("A11", "there is no vault here, and no certificates were disclosed")
        return
    disclosed = {one.record: one.descriptor for one in inputs.disclosures if one.descriptor is not None}
    check_live(sheet, facts, vault, disclosed)
    check_erased(sheet, facts, vault)
