"""Scene 8: receipts are posted; the owner discloses; the auditor checks everything from the trust root up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from privledger.audit import DirectoryFetcher, Report, audit_bundle, audit_place
from privledger.audit.report import StepResult
from privledger.protocol.entries import ReceiptsEntry, is_block, parse_entry
from privledger.protocol.trust import parse_trust_root
from privledger_crypto.notes import parse_checkpoint, parse_note
from scenes.stage import SealedMonth, Stage, moment, short_ids

__all__ = ["audit", "audit_with", "disclosure_path"]

DETAIL = 170  # characters of a step's details that the table shows
TELLING = {"A7": "receipts of", "A9": "may be read", "A11": "certificates"}  # in those details that say most
STANDALONE = Path(__file__).parents[1] / "verify_bundle.py"


def disclosure_path(stage: Stage, one: SealedMonth) -> Path:
    """Where the disclosure of a month is written."""
    return stage.folder("shown") / f"{one.month.name}.disclosure"


def audit_with(stage: Stage, directory: Path, disclosures: list[bytes], older: list[bytes]) -> Report:
    """What the auditor does: a trust root, files, what was disclosed, and the checkpoints it kept."""
    trust = parse_trust_root((stage.root / "trust-root.json").read_bytes())
    return audit_place(
        DirectoryFetcher(directory),
        trust,
        disclosures=disclosures,
        older_checkpoints=older,
        workers=0,
        clock=stage.clock,
    )


def audit(stage: Stage) -> None:
    """Scene 8."""
    screen = stage.screen
    screen.scene(8, "the auditor")
    stage.clock.to_present()
    screen.say(f"*** THE DEMONSTRATION MOVES ITS CLOCK FORWARD to the present, {moment(stage.clock())} ***")
    posted = _posted(stage)
    stage.expect(
        posted > 0, f"the keeper has posted the root of its receipts {posted} time(s): it can leave none out any more"
    )
    for one in stage.sealed:
        path = disclosure_path(stage, one)
        path.write_bytes(stage.owner.disclose(one.record))
        stage.shown.append(path)
    bundle = stage.folder("shown") / f"{stage.sealed[0].month.name}.bundle"
    bundle.write_bytes(stage.owner.bundle(stage.sealed[0].record))
    stage.place.ledger.fresh()
    stage.folder("checkpoints").joinpath("after-disclosure").write_bytes(stage.place.ledger.checkpoint())

    screen.say(
        "The auditor has: the trust root, a copy of the place's log and vault, an older checkpoint it kept, and what the owner "
        "shows it of each record: terms, receipts, sizes. No key, no title, no content."
    )
    report = audit_with(stage, stage.place_path, [path.read_bytes() for path in stage.shown], [stage.old_checkpoint])
    _show(stage, "Audit of the place", report)
    stage.folder("shown").joinpath("audit-report.txt").write_text(report.to_text(), encoding="utf-8")
    wrong = [f"{finding.step} {finding.where}: {finding.what}" for finding in report.findings]
    stage.expect(report.exit_code == 0, "every checked step holds" + "".join(f"; {line}" for line in wrong))
    unchecked = [step.step for step in report.steps if step.status != "ok"]
    stage.expect(
        unchecked == ["A10"], f"all steps ran but {', '.join(unchecked) or 'none'} (bills are not in this version)"
    )
    _bundle(stage, bundle)


def _posted(stage: Stage) -> int:
    """How many `receipts` entries stand in the log; the place posts them by itself when they are due."""
    stage.place.tick()
    ledger = stage.place.ledger
    size = parse_checkpoint(parse_note(ledger.checkpoint()).text).size
    leaves = ledger.leaves(0, size)
    return sum(not is_block(leaf) and isinstance(parse_entry(leaf).body, ReceiptsEntry) for leaf in leaves)


def _bundle(stage: Stage, path: Path) -> None:
    screen = stage.screen
    named = f"{path.relative_to(stage.root)}, {path.stat().st_size:,} bytes"
    screen.say(f"One file ({named}) shows the life of one record's grants, and checks without a network:")
    trust = parse_trust_root((stage.root / "trust-root.json").read_bytes())
    report = audit_bundle(path.read_bytes(), trust, clock=stage.clock)
    _show(stage, "Check of the bundle", report)
    path.with_suffix(".bundle-report.txt").write_text(report.to_text(), encoding="utf-8")
    stage.expect(report.exit_code == 0, "the bundle holds")
    if STANDALONE.exists():
        command = [sys.executable, str(STANDALONE), str(stage.root / "trust-root.json"), str(path)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        steps = sum(line.split()[1:2] == ["ok"] for line in ran.stdout.splitlines())
        wrong = (ran.stdout + ran.stderr).strip() if ran.returncode else f"{steps} steps ok"
        stage.expect(ran.returncode == 0, f"so says examples/verify_bundle.py, a program of its own: {wrong}")


def _show(stage: Stage, title: str, report: Report) -> None:
    stage.screen.table(
        f"{title}: {report.size} leaves, exit code {report.exit_code}",
        ("step", "result", "what", "detail"),
        [(step.step, step.status, step.title, _details(step)) for step in report.steps],
    )


def _details(step: StepResult) -> str:
    """What was checked in a step, the telling details first, each whole, as many as there is room for; the report has them all."""
    word = TELLING.get(step.step, "")
    details = sorted(short_ids(step.detail).split("; "), key=lambda detail: word not in detail)
    shown = [details.pop(0)]
    while details and len("; ".join([*shown, details[0]])) <= DETAIL:
        shown.append(details.pop(0))
    return "; ".join(shown) + (f"; {len(details)} more in the report" if details else "")
