"""The auditor: derives everything again from a log's files, or from one bundle, and compares (docs/spec/audit.md).

    from privledger.audit import DirectoryFetcher, audit_place
    report = audit_place(DirectoryFetcher(Path("place")), trust, memory=Path("memory"), clock=clock)
    print(report.to_text())
    raise SystemExit(report.exit_code)

It needs protocol, rules and cryptography, and neither a database nor a network. Left to others: where files come from, and what
to do about a fault.
"""

from privledger.audit.bundle import audit_bundle
from privledger.audit.equivocation import verify_evidence
from privledger.audit.fetch import DirectoryFetcher, Fetcher, VaultReader
from privledger.audit.place import audit_place
from privledger.audit.report import STEPS, Finding, Report, StepResult
from privledger.audit.verify import Verdict, recognise, verify_file

__all__ = [
    "STEPS",
    "DirectoryFetcher",
    "Fetcher",
    "Finding",
    "Report",
    "StepResult",
    "VaultReader",
    "Verdict",
    "audit_bundle",
    "audit_place",
    "recognise",
    "verify_evidence",
    "verify_file",
]
