"""Check that requirements-dev.txt, the lock file, pins what pyproject.toml asks for, with hashes and without an address.

No network is used.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent


def pinned(text: str) -> dict[str, tuple[str, int]]:
    """Name to version and number of hashes, for each line of the lock file."""
    pins: dict[str, tuple[str, int]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;]+)", line):
            pins[_normal(match[1])] = (match[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}", line)))
    return pins


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def faults() -> list[str]:
    """Everything that is wrong, a line each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    text = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    pins = pinned(text)
    found = [f"{name}=={version} has no hash" for name, (version, hashes) in sorted(pins.items()) if not hashes]
    if "://" in text:
        found.append("it names an address; the installer's own index is meant")
    for wanted in [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]:
        requirement = Requirement(wanted)
        pin = pins.get(_normal(requirement.name))
        if pin is None:
            found.append(f"{requirement.name} is missing")
        elif not requirement.specifier.contains(pin[0]):
            found.append(f"{requirement.name}=={pin[0]} is not {requirement.specifier}")
    return [f"requirements-dev.txt: {fault}" for fault in found]


def main() -> int:
    """Return 0 if the lock file is as it should be."""
    found = faults()
    for fault in found:
        print(fault, file=sys.stderr)
    if found:
        print("`make lock` writes it anew.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
