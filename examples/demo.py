"""The demonstration: a bike scheme shares a year of real records, ends what it shared, and an auditor checks it all.

    python examples/demo.py [DIR] [--fresh] [--months N]

It works in DIR (default `demo-place`), offline, in well under a minute, and leaves everything there to look at. It ends with exit
code 1 if anything does not behave as it should. Start reading at `scenes/stage.py`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from scenes.auditing import audit
from scenes.damage import damage
from scenes.ending import erase, revoke
from scenes.granting import grant
from scenes.leaving import leave
from scenes.months import read_months
from scenes.opening import meet, seal
from scenes.reading import read
from scenes.seeing import see
from scenes.stage import DAY, MovedClock, Screen, Stage

SCENES = (meet, seal, grant, read, see, revoke, erase, audit, damage, leave)
BACK = 9 * DAY
MARK = "MADE-BY-THE-DEMONSTRATION"
LEAST_MONTHS = 3  # one that the insurer reads, one that it does not, one that is erased


def main() -> int:
    """Run every scene; returns the exit code."""
    parser = argparse.ArgumentParser(description="A year of bike-share records, shared, ended and audited.")
    parser.add_argument("directory", nargs="?", default="demo-place", help="where to work (default: %(default)s)")
    parser.add_argument("--fresh", action="store_true", help="remove what an earlier run left there")
    parser.add_argument("--months", type=int, default=12, help="how many months to seal (default: all %(default)s)")
    options = parser.parse_args()
    if not LEAST_MONTHS <= options.months <= 12:
        parser.error(f"--months is {LEAST_MONTHS} to 12")
    root = Path(options.directory)
    if not _make_room(root, fresh=options.fresh):
        return 2
    started = time.monotonic()
    stage = Stage(root, Screen(), MovedClock(BACK), read_months(options.months))
    for scene in SCENES:
        scene(stage)
    stage.screen.verbatim(f"\n{stage.checks} checks in {time.monotonic() - started:.0f} seconds.")
    if stage.failures:
        stage.screen.say(f"{len(stage.failures)} of them did NOT hold:")
        for failure in stage.failures:
            stage.screen.say(f"  - {failure}")
        return 1
    stage.screen.say("All of them hold.")
    return 0


def _make_room(root: Path, *, fresh: bool) -> bool:
    """Make the directory; with `fresh` remove an earlier run's, and nothing else."""
    if root.exists() and any(root.iterdir()):
        if not fresh:
            print(
                f"demo: {root} is there already.\ndemo: Give --fresh to make it anew, or another directory.",
                file=sys.stderr,
            )
            return False
        if not (root / MARK).exists():
            print(
                f"demo: {root} was not made by this demonstration, so it is left alone. Give another directory.",
                file=sys.stderr,
            )
            return False
        shutil.rmtree(root)
    root.mkdir(parents=True, exist_ok=True)
    (root / MARK).write_text(
        "Made by examples/demo.py, which may remove this directory with --fresh.\n", encoding="utf-8"
    )
    return True


if __name__ == "__main__":
    sys.exit(main())
