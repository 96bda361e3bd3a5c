"""What an audit found: one result for each step A1 to A12, in words and as JSON (docs/spec/audit.md §1).

    report.exit_code        # 0 every checked step holds, 1 a step failed, 3 something could not be checked
    print(report.to_text())

Left to others: finding anything out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

__all__ = ["STEPS", "Finding", "Report", "Sheet", "Status", "StepResult", "moment"]

Status = Literal["ok", "failed", "not checked"]

STEPS: Final[Mapping[str, str]] = {
    "A1": "checkpoint: both log signatures and the witness quorum",
    "A2": "consistency with every older checkpoint held",
    "A3": "tiles and entry bundles re-hash to the root",
    "A4": "each entry canonical and in size",
    "A5": "each signature",
    "A6": "replay: every entry accepted again, every block recomputed",
    "A7": "receipts",
    "A8": "vault: what live records need is there and re-hashes",
    "A9": "disclosed openings, proofs and presentations",
    "A10": "bills",
    "A11": "erased records: nothing left, certificates",
    "A12": "equivocation: statements that cannot both be true",
}
MAX_FINDINGS = 100  # of one step; the rest are counted
MAX_DETAILS = 6  # of one step, in words

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_UNCHECKED: Final = 3


def moment(seconds: int) -> str:
    """A time for people: 2025-06-01 12:00:00 UTC. Programs get the seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: what it is and means, where (a file, an entry, a record in hex), and the log index if any."""

    step: str
    what: str
    where: str
    index: int | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """The outcome of one step. `blocked` marks a step that was asked for and could not be done, or not to its end."""

    step: str
    status: Status
    title: str
    detail: str
    findings: tuple[Finding, ...] = ()
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """The results of all steps, for the log of `size` leaves and `root` (hex in JSON) whose last block closed at `time`.

    Args:
        subject: what was audited, "place" or "bundle".
        evidence: containers that prove a fault to anybody (step A12).
        notes: remarks that are no fault, for example that a damaged memory was not used.
    """

    subject: str
    origin: str
    size: int
    root: bytes
    time: int
    steps: tuple[StepResult, ...]
    evidence: tuple[bytes, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 all checked steps hold; 1 a step failed; 3 a step could not be checked."""
        if any(step.status == "failed" for step in self.steps):
            return EXIT_FAILED
        return EXIT_UNCHECKED if any(step.blocked for step in self.steps) else EXIT_OK

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all steps."""
        return tuple(finding for step in self.steps for finding in step.findings)

    def step(self, name: str) -> StepResult:
        """The result of the step `name`, for example "A3"."""
        return next(step for step in self.steps if step.step == name)

    def to_json(self) -> str:
        """The report as a JSON object; keys may be added in later versions."""
        value = {
            "type": "privledger/audit-report",
            "version": 1,
            "subject": self.subject,
            "origin": self.origin,
            "size": self.size,
            "root": self.root.hex(),
            "time": self.time,
            "exit_code": self.exit_code,
            "steps": [
                {
                    "step": step.step,
                    "status": step.status,
                    "title": step.title,
                    "detail": step.detail,
                    "blocked": step.blocked,
                    "findings": [
                        {"what": found.what, "where": found.where, "index": found.index} for found in step.findings
                    ],
                }
                for step in self.steps
            ],
            "notes": list(self.notes),
            "evidence": [item.hex() for item in self.evidence],
        }
        return json.dumps(value, indent=1, ensure_ascii=False) + "\n"

    def to_text(self) -> str:
        """The report in plain lines."""
        lines = [f"Audit of a {self.subject} of the ledger {self.origin}"]
        if self.size:
            lines.append(f"{self.size} leaves, last block of {moment(self.time)}, root {self.root.hex()}")
        for step in self.steps:
            lines.append(
                f"{step.step:<4} {step.status:<11}  {step.title}" + (f": {step.detail}" if step.detail else "")
            )
            for found in step.findings:
                place = f"entry {found.index}, {found.where}" if found.index is not None else found.where
                lines.append(f"     - {place}: {found.what}")
        lines += [f"Note: {note}" for note in self.notes]
        if self.evidence:
            lines.append(f"{len(self.evidence)} piece(s) of evidence can be saved and shown to others.")
        lines.append(_VERDICTS[self.exit_code])
        return "\n".join(lines) + "\n"


_VERDICTS = {
    EXIT_OK: "Every step that was checked holds.",
    EXIT_FAILED: "A step FAILED: what is listed above does not hold.",
    EXIT_UNCHECKED: "No step failed, and something that was asked for could not be checked.",
}


class Sheet:
    """Collects results while an audit runs. A step holds if it was `checked`, has no finding and was not `block`ed."""

    def __init__(self) -> None:
        self._findings: dict[str, list[Finding]] = {step: [] for step in STEPS}
        self._more: dict[str, int] = dict.fromkeys(STEPS, 0)
        self._checked: dict[str, list[str]] = {}
        self._blocked: dict[str, list[str]] = {}
        self._skipped: dict[str, str] = {"A10": "not in this version"}
        self.evidence: list[bytes] = []
        self.notes: list[str] = []

    def fail(self, step: str, what: str, where: str, index: int | None = None) -> None:
        """Note that something is wrong."""
        if len(self._findings[step]) < MAX_FINDINGS:
            self._findings[step].append(Finding(step, what, where, index))
        else:
            self._more[step] += 1

    def checked(self, step: str, detail: str = "") -> None:
        """Note that the step was carried out, and on what."""
        details = self._checked.setdefault(step, [])
        if detail and detail not in details:
            details.append(detail)

    def block(self, step: str, reason: str) -> None:
        """Note that the step should have been checked and could not be, or not to its end."""
        reasons = self._blocked.setdefault(step, [])
        if reason not in reasons and len(reasons) < 5:
            reasons.append(reason)

    def skip(self, step: str, reason: str) -> None:
        """Note that there was nothing to check for the step."""
        self._skipped[step] = reason

    def has_failed(self, *steps: str) -> bool:
        """Whether one of these steps has a finding."""
        return any(self._findings[step] for step in steps)

    def holds(self, *steps: str) -> bool:
        """Whether each of these steps was checked to its end without a finding."""
        return all(step in self._checked and step not in self._blocked for step in steps) and not self.has_failed(
            *steps
        )

    def results(self) -> tuple[StepResult, ...]:
        """One result for each step, in order."""
        return tuple(self._result(step) for step in STEPS)

    def _result(self, step: str) -> StepResult:
        blocked, findings = self._blocked.get(step, []), tuple(self._findings[step])
        checked = self._checked.get(step, [])
        details = [*checked[:MAX_DETAILS], *blocked]
        if len(checked) > MAX_DETAILS:
            details.append(f"and {len(checked) - MAX_DETAILS} more")
        status: Status = "ok"
        if findings:
            status = "failed"
            if self._more[step]:
                details.append(f"{self._more[step]} further findings are not listed")
        elif blocked or step not in self._checked:
            status = "not checked"
            if not details:
                details.append(self._skipped.get(step, "nothing to check"))
        return StepResult(step, status, STEPS[step], "; ".join(details), findings, bool(blocked))
