"""Build the wheel and check what is in it.

Usage: check_wheel.py DIRECTORY (the wheel is left there, alone).

Checked: the top-level names, `py.typed` in both packages, the size, and that neither a test nor a path of this machine is
in it. The build uses the hatchling that is installed, so no network is needed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"privledger", "privledger_crypto"}
MAX_WHEEL_LENGTH = 1_000_000  # bytes


def build(directory: Path) -> Path:
    """Build the wheel into the emptied `directory` and return its path."""
    shutil.rmtree(directory, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(directory), str(ROOT)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (wheel,) = directory.glob("*.whl")
    return wheel


def machine_paths() -> re.Pattern[bytes]:
    """A pattern for the absolute paths that only this machine has: the checkout, the environment, home."""
    places = {str(ROOT), sys.prefix, str(Path.home())} - {"/"}
    return re.compile(rb"(?<![\w./-])(?:" + b"|".join(re.escape(place.encode()) for place in sorted(places)) + rb")/")


def faults(wheel: Path) -> list[str]:
    """Everything that is wrong with the wheel, a line each."""
    found: list[str] = []
    if (length := wheel.stat().st_size) > MAX_WHEEL_LENGTH:
        found.append(f"it has {length} bytes, more than {MAX_WHEEL_LENGTH}")
    pattern = machine_paths()
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for name in names:
            if hit := pattern.search(archive.read(name)):
                found.append(f"{name} holds a path of this machine: {hit.group().decode()}")
    top = {name.split("/")[0] for name in names}
    metadata = {name for name in top if re.fullmatch(r"privledger-[^/]+\.dist-info", name)}
    if top - metadata != PACKAGES or len(metadata) != 1:
        found.append(f"its top-level names are {sorted(top)}, not {sorted(PACKAGES)} and one dist-info")
    found += [f"{package}/py.typed is missing" for package in sorted(PACKAGES) if f"{package}/py.typed" not in names]
    found += [f"{name} is a test" for name in names if re.search(r"(^|/)(tests?/|test_[^/]*\.py$|conftest\.py$)", name)]
    return found


def main() -> int:
    """Return 0 if the wheel is as it should be."""
    wheel = build(Path(sys.argv[1]))
    found = faults(wheel)
    for fault in found:
        print(f"{wheel.name}: {fault}", file=sys.stderr)
    if not found:
        print(f"{wheel.name}: {wheel.stat().st_size} bytes, holds {' and '.join(sorted(PACKAGES))} and nothing else")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
