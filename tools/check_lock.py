"""Check that the two lock files are current, agree, and name no index but PyPI.

`uv.lock` serves uv, `requirements-dev.txt` serves pip; both must install the same files. No network is used.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
INDEX = "https://pypi.org/simple"
FILE_HOST = "https://files.pythonhosted.org/"


def locked_packages() -> list[dict[str, Any]]:
    """The packages of uv.lock, without this project."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    return [package for package in lock["package"] if package["name"] != "privledger"]


def artefacts(package: dict[str, Any]) -> list[dict[str, Any]]:
    """The files of a package that the lock allows."""
    return [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]


def pinned() -> dict[tuple[str, str], set[str]]:
    """Name and version of each line of requirements-dev.txt, with its hashes."""
    text = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    pins: dict[tuple[str, str], set[str]] = {}
    for line in text.splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==(\S+)", line):
            pins[(match[1], match[2])] = set(re.findall(r"--hash=(\S+)", line))
    return pins


def faults() -> list[str]:
    """Everything that is wrong, a line each."""
    found: list[str] = []
    wanted: dict[tuple[str, str], set[str]] = {}
    for package in locked_packages():
        name, files = package["name"], artefacts(package)
        if package["source"] != {"registry": INDEX}:
            found.append(f"uv.lock: {name} comes from {package['source']}, not from {INDEX}")
        found += [f"uv.lock: {file['url']} is not on PyPI" for file in files if not file["url"].startswith(FILE_HOST)]
        wanted[(name, package["version"])] = {file["hash"] for file in files}
    pins = pinned()
    if "://" in (ROOT / "requirements-dev.txt").read_text(encoding="utf-8"):
        found.append("requirements-dev.txt: names an address; pip's own index is meant")
    found += [f"requirements-dev.txt: {n}=={v} is missing" for n, v in sorted(wanted.keys() - pins.keys())]
    found += [f"requirements-dev.txt: {n}=={v} is not in uv.lock" for n, v in sorted(pins.keys() - wanted.keys())]
    found += [
        f"requirements-dev.txt: {n}=={v} has other hashes than uv.lock"
        for n, v in sorted(wanted.keys() & pins.keys())
        if wanted[n, v] != pins[n, v]
    ]
    current = subprocess.run(
        [sys.executable, "-m", "uv", "lock", "--check", "--offline", "--quiet"], cwd=ROOT, check=False
    )
    if current.returncode:
        found.append("uv.lock: does not fit pyproject.toml any more")
    return found


def main() -> int:
    """Return 0 if both files are as they should be."""
    found = faults()
    for fault in found:
        print(fault, file=sys.stderr)
    if found:
        print("`make lock` writes both anew.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
