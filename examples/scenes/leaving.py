"""Scene 10: what is left in the directory, and commands to look around with."""

from __future__ import annotations

from scenes.auditing import disclosure_path
from scenes.stage import Stage

__all__ = ["leave"]


def leave(stage: Stage) -> None:
    """Scene 10."""
    screen, root = stage.screen, stage.root
    screen.scene(10, "what is left to look at")
    stage.place.close()
    first = stage.sealed[0]
    screen.table(
        f"In {root}",
        ("directory", "what it holds"),
        [
            ("place", "ledger, vault and keeper, with their operator's keys"),
            (
                "wallets",
                "the wallets of owner, planner and insurer, and the one that was recovered (trial wallets: no passphrase)",
            ),
            ("trust-root.json", "what the auditor starts from"),
            ("read-by-planner", "the files that the planner read"),
            ("shown", "disclosures, a bundle, and the reports of both audits"),
            ("checkpoints", "checkpoints that the auditor kept"),
            ("damaged", "the damaged copies, each with its audit report"),
        ],
    )
    place, trust = f"--at {root}/place", f"--trust {root}/trust-root.json"
    older = f"--older {root}/checkpoints/after-disclosure"
    screen.say("To look around, with .venv/bin on the PATH:")
    for code, words in (
        (0, f"privledger list {place} --wallet {root}/wallets/owner"),
        (0, f"privledger show '{first.month.title}' {place} --wallet {root}/wallets/owner"),
        (0, f"privledger list --received {place} --wallet {root}/wallets/planner"),
        (0, f"privledger audit {root}/place {trust} {older} --disclosed {disclosure_path(stage, first)}"),
        (0, f"privledger verify {root}/shown/{first.month.name}.bundle {trust}"),
        (1, f"privledger audit {root}/damaged/05-old-checkpoint {trust} {older}"),
        (0, f"privledger verify {root}/damaged/06-second-history/1.evidence {trust}"),
    ):
        screen.verbatim(f"  {words}" + (f"  # exit code {code}" if code else ""))
