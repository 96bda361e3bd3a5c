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
            ("shown", "disclosures and a bundle"),
            ("checkpoints", "checkpoints that the auditor kept"),
            ("damaged", "the damaged copies, each with its audit report"),
        ],
    )
    at, trust = f"--at {root}/place", f"--trust {root}/trust-root.json"
    older = f"--older {root}/checkpoints/after-disclosure"
    screen.say("Try (in the directory of the project, after `. .venv/bin/activate`):")
    for words in (
        f"privledger list {at} --wallet {root}/wallets/owner",
        f"privledger show {at} --wallet {root}/wallets/owner '{first.month.title}'",
        f"privledger list --received {at} --wallet {root}/wallets/insurer",
        f"privledger audit {at} {trust} {older}",
        f"privledger verify {root}/shown/{first.month.name}.bundle {trust}",
        f"privledger verify {disclosure_path(stage, first)} {trust} {at}",
        f"privledger audit --at {root}/damaged/05-old-checkpoint {trust} {older}",
    ):
        screen.verbatim(f"  {words}")
