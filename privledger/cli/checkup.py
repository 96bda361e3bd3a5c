"""What `privledger doctor` finds, and what it checks of this machine.

Each check is `ok`, `warning`, `wrong` or `not checked`, says what was seen, and how to put it right.

Left to others: the place (`checkup_place`) and the wallet (`checkup_wallet`).
"""

from __future__ import annotations

import os
import platform
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from privledger.protocol.errors import PrivledgerError, UnavailableError
from privledger.storage.lock import ProcessLock
from privledger_crypto import errors as crypto_errors
from privledger_crypto import group

__all__ = ["Check", "Checkup", "check_lock", "check_machine", "check_private"]

State = Literal["ok", "warning", "wrong", "not checked"]

LIBRARIES = ("cryptography", "PyNaCl", "pyblst", "py_ecc", "cbor2", "SQLAlchemy", "mnemonic", "typer", "rich")
_OPTIONAL = {"pyblst"}
_OLDEST_PYTHON = (3, 11)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    area: str
    name: str
    state: State
    detail: str
    hint: str | None = None


class Checkup:
    """Collects checks."""

    def __init__(self) -> None:
        self.checks: list[Check] = []

    def add(self, area: str, name: str, state: State, detail: str, hint: str | None = None) -> None:
        """Note what was seen."""
        self.checks.append(Check(area, name, state, detail, hint))

    def judge(self, area: str, name: str, fine: bool, detail: str, hint: str, *, otherwise: State = "wrong") -> None:
        """Note `ok`, or `otherwise` with the hint."""
        self.add(area, name, "ok" if fine else otherwise, detail, None if fine else hint)

    @contextmanager
    def guarding(self, area: str, name: str) -> Iterator[None]:
        """Turn an error of the block into a check that is wrong."""
        try:
            yield
        except PrivledgerError as exc:
            self.add(area, name, "wrong", str(exc), exc.hint)
        except (crypto_errors.CryptoError, OSError) as exc:
            self.add(area, name, "wrong", f"{type(exc).__name__}: {exc}")

    def count(self, state: State) -> int:
        """How many checks ended so."""
        return sum(1 for check in self.checks if check.state == state)


def check_machine(checkup: Checkup) -> None:
    """Python, the libraries, and which of them does the group's arithmetic."""
    checkup.judge(
        "machine",
        "python",
        sys.version_info[:2] >= _OLDEST_PYTHON,
        f"{platform.python_implementation()} {platform.python_version()} on {platform.system()} {platform.machine()}",
        "Use Python 3.11 or newer.",
    )
    backend = group.backend_name()
    checkup.judge(
        "machine",
        "group",
        backend == "pyblst",
        f"{backend} does the arithmetic of BLS12-381",
        "py_ecc is slow and not constant time; install pyblst where there is a wheel for this system.",
        otherwise="warning",
    )
    found, missing = [], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    checkup.judge(
        "machine",
        "libraries",
        not set(missing) - _OPTIONAL,
        ", ".join(found) + (f"; missing: {', '.join(missing)}" if missing else ""),
        "Install privledger again.",
    )


def check_private(checkup: Checkup, area: str, root: Path, private: list[Path]) -> None:
    """Whether files and directories that nobody else should read are closed to others."""
    if os.name != "posix":
        checkup.add(area, "permissions", "not checked", "this system has no POSIX modes")
        return
    opened = [path for path in private if path.exists() and path.stat().st_mode & _OTHERS]
    shown = ", ".join(str(path) for path in opened[:5])
    checkup.judge(
        area,
        "permissions",
        not opened,
        f"open to other users: {shown}" if opened else f"nobody else can read what is private in {root}",
        f"Run `chmod go-rwx {shown.replace(',', '')}`; if others could read keys there, they are no longer secret.",
    )


def check_lock(checkup: Checkup, area: str, path: Path) -> None:
    """Whether another process holds a lock now."""
    if not path.exists():
        checkup.add(area, "lock", "ok", "never taken")
        return
    try:
        with ProcessLock(path, wait=0):
            checkup.add(area, "lock", "ok", "free")
    except UnavailableError as exc:
        state: State = "warning" if exc.code == "locked" else "wrong"
        checkup.add(area, "lock", state, str(exc), exc.hint)
