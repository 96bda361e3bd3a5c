"""What an auditor was handed beside the log: containers of any type, sorted by what they are.

Left to others: every check but that of the form and of signatures that need no state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from privledger.audit.report import Sheet
from privledger.protocol.bundle import parse_bundle
from privledger.protocol.checkpoint import SignedCheckpoint, verify_checkpoint
from privledger.protocol.container import unpack, unpack_signed
from privledger.protocol.disclosure import Disclosure, parse_disclosure
from privledger.protocol.entries import Entry, admit
from privledger.protocol.errors import FormatError, PrivledgerError, VerificationError
from privledger.protocol.evidence import Evidence, parse_evidence
from privledger.protocol.presentation import parse_presentation
from privledger.protocol.receipt import Receipt, parse_receipt
from privledger.protocol.trust import TrustRoot

__all__ = ["Inputs", "read_inputs"]


@dataclass(slots=True)
class Inputs:
    """What was handed over, in a form that can be read.

    `checkpoints` and `entries` are those inside bundles and presentations; signatures of checkpoints, entries and receipts hold,
    of entries and receipts by keys that are still to be compared with the chain's.
    """

    disclosures: list[Disclosure] = field(default_factory=list)
    presentations: list[bytes] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    certificates: list[bytes] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    checkpoints: list[SignedCheckpoint] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


def read_inputs(sheet: Sheet, trust: TrustRoot, files: Sequence[bytes]) -> Inputs:
    """Sort containers: disclosures (also those inside bundles), presentations, receipts, certificates and evidence.

    What cannot be read, or is of another ledger, is a finding of A9.
    """
    found = Inputs()
    for number, data in enumerate(files, start=1):
        try:
            _read(trust, data, found)
        except PrivledgerError as exc:
            sheet.fail("A9", f"this file cannot be used: {exc}", f"file {number}")
    return found


def _read(trust: TrustRoot, data: bytes, found: Inputs) -> None:
    container = unpack(data)
    if container.type == "disclosure":
        found.disclosures.append(_of_ledger(trust, parse_disclosure(container.body)))
    elif container.type == "bundle":
        bundle = parse_bundle(container.body)
        found.disclosures.append(_of_ledger(trust, bundle.disclosure))
        found.entries += [admit(entry.leaf, origin=trust.origin) for entry in bundle.entries]
        found.checkpoints.append(verify_checkpoint(bundle.answer.note, trust))
    elif container.type == "presentation":
        found.checkpoints.append(verify_checkpoint(parse_presentation(container.body).answer.note, trust))
        found.presentations.append(data)
    elif container.type in ("receipt", "certificate"):
        origin, statement = unpack_signed(data, type=container.type)
        if origin != trust.origin:
            raise VerificationError(f"the {container.type} is of another ledger")
        if container.type == "receipt":
            found.receipts.append(parse_receipt(statement, origin))
        else:
            found.certificates.append(statement)
    elif container.type == "evidence":
        found.evidence.append(parse_evidence(container.body))
    else:
        raise FormatError(f"an audit has no use for a file of type {container.type}")


def _of_ledger(trust: TrustRoot, disclosure: Disclosure) -> Disclosure:
    if disclosure.origin != trust.origin:
        raise VerificationError("the disclosure is of another ledger")
    return disclosure
