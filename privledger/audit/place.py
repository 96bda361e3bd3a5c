from __future__ import annotations
from privledger.audit._log import audit_log
from privledger.audit.report import Sheet, Report
def audit_place(fetch, trust, *, disclosures=(), older_checkpoints=(), memory=None, workers=2, clock=None, max_age=None, progress=None):
    sheet = Sheet()
    found = audit_log(fetch, trust, sheet, older_checkpoints=older_checkpoints, memory=memory, workers=workers, now=None, max_age=max_age, progress=progress)
    return Report("place", trust.origin, found.size, found.root, 0, sheet.results(), (), tuple(sheet.notes))
