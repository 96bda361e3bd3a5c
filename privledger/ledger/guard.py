"""The guard: the last checkpoint that the sequencer decided to sign, kept outside the database and the log.

Two sequencers that were started by mistake, or a log restored from a backup, must not make a second history. So before a
checkpoint is signed the guard moves to it by compare-and-swap, and it never goes back (docs/spec/entries.md §5). The caller
holds the ledger's lock between reading and moving.

Left to others: whether the tiles on disk give the root that the guard names.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from privledger.protocol.errors import ConflictError, FormatError, UnavailableError
from privledger.storage.files import PRIVATE, create_exclusive, read_bytes, write_atomic
from privledger_crypto.merkle import HASH_SIZE

__all__ = ["Guard", "GuardRecord"]

_MAX_SIZE = 4096  # bytes of the guard file
_VERSION = 1


@dataclass(frozen=True, slots=True)
class GuardRecord:
    """A checkpoint in three fields: leaves, root (32 bytes) and block time (seconds)."""

    size: int
    root: bytes
    time: int


class Guard:
    """The guard file of one ledger (mode 0600, beside the log keys that it watches over).

    Args:
        path: the file.
        origin: the ledger it belongs to.
    """

    def __init__(self, path: Path, *, origin: str) -> None:
        self._path = path
        self._origin = origin

    def create(self, record: GuardRecord) -> None:
        """Set the guard of a new ledger.

        Raises:
            ConflictError: there is one already.
        """
        create_exclusive(self._path, self._encode(record), mode=PRIVATE)

    def read(self) -> GuardRecord:
        """The record that stands.

        Raises:
            UnavailableError: it is missing (`guard_missing`).
            FormatError: it is not a guard, or another ledger's.
        """
        try:
            data = read_bytes(self._path, max_size=_MAX_SIZE)
        except UnavailableError as exc:
            if exc.code != "not_found":
                raise
            raise UnavailableError(
                f"the guard {self._path} is missing",
                code="guard_missing",
                hint="Restore it from the newest backup of the operator directory. Without it nobody knows what was signed last.",
            ) from exc
        try:
            fields = json.loads(data)
            record = GuardRecord(int(fields["size"]), bytes.fromhex(fields["root"]), int(fields["time"]))
            version, origin = fields["version"], fields["origin"]
        except (ValueError, KeyError, TypeError) as exc:
            raise FormatError(f"{self._path} is not a guard", hint="Restore it from a backup.") from exc
        if version != _VERSION or len(record.root) != HASH_SIZE:
            raise FormatError(f"{self._path} is of an unknown version or damaged", hint="Restore it from a backup.")
        if origin != self._origin:
            raise FormatError(f"{self._path} belongs to the ledger {origin}, not to {self._origin}")
        return record

    def move(self, expected: GuardRecord, to: GuardRecord) -> None:
        """Move from `expected` to `to`, durably.

        Raises:
            ConflictError: the guard stands elsewhere, or `to` would go back or fork.
        """
        current = self.read()
        if current != expected:
            raise ConflictError(
                f"the guard stands at size {current.size}, not at {expected.size}: another sequencer signs for this ledger",
                code="guard_moved",
                hint="Stop the other sequencer; one directory and one guard belong together.",
            )
        if to.size < current.size or (to.size == current.size and to.root != current.root):
            raise ConflictError(
                f"signing size {to.size} would contradict size {current.size}, which was signed already",
                code="guard_back",
                hint="The log is older than its guard. Restore the newest backup of the log.",
            )
        write_atomic(self._path, self._encode(to), mode=PRIVATE)

    def _encode(self, record: GuardRecord) -> bytes:
        fields = {
            "version": _VERSION,
            "origin": self._origin,
            "size": record.size,
            "root": record.root.hex(),
            "time": record.time,
        }
        return json.dumps(fields, indent=1).encode() + b"\n"
