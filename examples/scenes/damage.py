"""Scene 9: copies of the place in which something is wrong. Each must be caught, at the step that says what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scenes import harm
from scenes.auditing import audit_with, disclosure_path
from scenes.harm import Shown
from scenes.stage import AuditOf, Stage

__all__ = ["damage"]

COPIED = ("log", "vault")


@dataclass(frozen=True)
class Harm:
    """A way to damage a copy, and the steps of the audit of which at least one must fail."""

    name: str
    title: str
    steps: str
    do: Callable[[Stage, Path, Shown], None]


HARMS = (
    Harm("flipped-entry", "one bit of an entry in the log is flipped", "A3 A4 A5", harm.flip_entry),
    Harm("swapped-entries", "two entries change places", "A3", harm.swap_entries),
    Harm("short-tile", "a tile of the tree loses its last hash", "A3", harm.truncate_tile),
    Harm("one-signature", "the checkpoint loses its ML-DSA signature", "A1", harm.drop_signature),
    Harm("old-checkpoint", "an old checkpoint is served again, to hide the revocations", "A2", harm.replay_checkpoint),
    Harm("second-history", "the operator signs another history of the same size", "A2 A3 A12", harm.fork),
    Harm("flipped-blob", "one bit of a ciphertext in the vault is flipped", "A8", harm.flip_blob),
    Harm("lost-descriptor", "a descriptor is gone from the vault", "A8", harm.remove_descriptor),
    Harm("other-deposit", "a deposit statement is replaced by one that another key signed", "A8", harm.replace_deposit),
    Harm("hidden-receipt", "the disclosure leaves one receipt out", "A7", harm.hide_receipt),
    Harm(
        "late-receipt", "the keeper releases after the revocation, and a receipt shows it", "A7 A12", harm.late_receipt
    ),
    Harm("other-terms", "the disclosure shows terms with more reads than were granted", "A9", harm.change_terms),
    Harm("back-again", "the ciphertext of the erased record lies in the vault again", "A11", harm.put_back),
)


def damage(stage: Stage) -> None:
    """Scene 9."""
    screen = stage.screen
    screen.scene(9, f"{len(HARMS)} damaged copies, each of which must be caught")
    found = []
    with screen.progress("auditing", len(HARMS)) as advance:
        for number, one in enumerate(HARMS, start=1):
            found.append(_audited(stage, number, one))
            advance()
    rows = []
    for number, audit in enumerate(found, start=1):
        failed = [step.step for step in audit.report.steps if step.status == "failed"]
        first = next((finding for finding in audit.report.findings if finding.step in audit.expected), None)
        text = "NOT CAUGHT" if first is None else f"{first.step}, {first.where}: {first.what}"
        rows.append((f"{number}", audit.title, " ".join(failed), text))
    screen.table("What the auditor found", ("", "what is wrong with the copy", "failed", "finding"), rows)
    for number, audit in enumerate(found, start=1):
        failed = {step.step for step in audit.report.steps if step.status == "failed"}
        caught = bool(failed & audit.expected) and audit.report.exit_code == 1
        steps = " ".join(step.step for step in audit.report.steps if step.status == "failed") or "no step"
        stage.expect(caught, f"copy {number} caught by {steps}: {audit.title}")


def _audited(stage: Stage, number: int, one: Harm) -> AuditOf:
    """Copy, damage, audit. The auditor keeps the newest good checkpoint and one from before the revocations."""
    directory = stage.folder("damaged") / f"{number:02}-{one.name}"
    for part in COPIED:
        shutil.copytree(stage.place_path / part, directory / part)
    shown = Shown({month.month.name: disclosure_path(stage, month).read_bytes() for month in stage.sealed})
    one.do(stage, directory, shown)
    for name, data in shown.changed.items():
        (directory / f"{name}.disclosure").write_bytes(data)
    newest = (stage.root / "checkpoints" / "after-disclosure").read_bytes()
    report = audit_with(stage, directory, shown.all(), [stage.old_checkpoint, newest])
    (directory / "audit-report.txt").write_text(report.to_text(), encoding="utf-8")
    (directory / "audit-report.json").write_text(report.to_json(), encoding="utf-8")
    for at, item in enumerate(report.evidence, start=1):
        (directory / f"{at}.evidence").write_bytes(item)
    return AuditOf(one.title, directory, frozenset(one.steps.split()), report)
