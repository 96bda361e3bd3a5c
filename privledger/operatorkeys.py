"""The private keys of a local place's operator: four files of hex seeds, for nobody else to read (mode 0600 in a 0700 directory).

Left to others: using them, and the guard that stands beside them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from privledger.protocol.checkpoint import LogSigner
from privledger.protocol.errors import FormatError, UnavailableError
from privledger.storage.files import PRIVATE, create_exclusive, make_directory, read_bytes, storage_errors
from privledger_crypto.signing import Ed25519PrivateKey, MLDSA44PrivateKey

__all__ = ["OperatorKeys"]

_SEED_SIZE = 32  # bytes
_MAX_KEY_FILE = 4096  # bytes
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class OperatorKeys:
    """The keys of one place. `log` has one generation of log keys, or two while they change."""

    governance: Ed25519PrivateKey = field(repr=False)
    log: tuple[LogSigner, ...] = field(repr=False)
    vault: Ed25519PrivateKey = field(repr=False)
    keeper: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def make(cls, directory: Path, random_bytes: Callable[[int], bytes]) -> OperatorKeys:
        """Make new keys and write them.

        Raises:
            ConflictError: a key is there already.
        """
        make_directory(directory, mode=0o700)
        for name, seeds in (("governance.key", 1), ("log.key", 2), ("vault.key", 1), ("keeper.key", 1)):
            line = " ".join(random_bytes(_SEED_SIZE).hex() for _ in range(seeds))
            create_exclusive(directory / name, line.encode() + b"\n", mode=PRIVATE)
        return cls.read(directory)

    @classmethod
    def read(cls, directory: Path) -> OperatorKeys:
        """Read the keys.

        Raises:
            UnavailableError: a file is missing, or open to others (`permission`).
            FormatError: a file is damaged.
        """
        (governance,), (vault,), (keeper,) = (
            _read_seeds(directory / name, 1)[0] for name in ("governance.key", "vault.key", "keeper.key")
        )
        log = tuple(
            LogSigner(Ed25519PrivateKey(ed25519), MLDSA44PrivateKey.from_seed(mldsa44))
            for ed25519, mldsa44 in _read_seeds(directory / "log.key", 2)
        )
        return cls(Ed25519PrivateKey(governance), log, Ed25519PrivateKey(vault), Ed25519PrivateKey(keeper))


def _read_seeds(path: Path, count: int) -> list[list[bytes]]:
    """The lines of a key file, each `count` seeds in hex."""
    with storage_errors(path):
        mode = os.stat(path).st_mode
    if mode & _OTHERS:
        raise UnavailableError(
            f"{path} is open to other users (mode {stat.S_IMODE(mode):o})",
            code="permission",
            hint=f"Run `chmod 600 {path}`; if others could read it, the keys are no longer secret.",
        )
    try:
        text = read_bytes(path, max_size=_MAX_KEY_FILE).decode("ascii")
        lines = [[bytes.fromhex(word) for word in line.split()] for line in text.splitlines() if line.strip()]
    except ValueError:
        # The cause is left out: it may quote bytes of the file, which is secret.
        raise FormatError(f"{path} does not hold seeds in hex", hint="Restore it from a backup.") from None
    if not lines or any(len(line) != count or any(len(seed) != _SEED_SIZE for seed in line) for line in lines):
        raise FormatError(f"{path} does not hold {count} seeds of {_SEED_SIZE} bytes in hex a line")
    return lines
