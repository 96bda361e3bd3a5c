"""The guard of a keeper's receipts: how many were given, and a hash over all of them, kept outside its database.

Read numbers that were spent are known from the receipts alone. A database that was restored from a backup has forgotten those given
since, and what the chain carries shows only those before the last posting; so the count is kept in a file of its own, which moves
before an answer leaves (docs/spec/release.md §3). It belongs on a disk, or in a backup, apart from the database: who puts back both
together puts back the keeper's whole memory.

Left to others: comparing it with the receipts (`_receipts`), and refusing (`_posting`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from privledger.protocol.errors import FormatError, UnavailableError
from privledger.storage import files

__all__ = ["Count", "ReceiptGuard"]

_MAX_SIZE = 4096  # bytes of the file
_VERSION = 1
_HASH_SIZE = 32  # bytes


@dataclass(frozen=True, slots=True)
class Count:
    """How many receipts there are, and the running hash over them: SHA-256(hash before || SHA-256(receipt)), from 32 zero bytes."""

    number: int = 0
    running: bytes = bytes(_HASH_SIZE)

    def next(self, receipt: bytes) -> Count:
        """The count with one more receipt."""
        return Count(self.number + 1, sha256(self.running + sha256(receipt).digest()).digest())


class ReceiptGuard:
    """The guard file of one keeper (mode 0600); the caller holds the keeper's lock.

    Args:
        path: the file; made at the first receipt.
        service: the keeper's service id, so that guards are not mixed up.
    """

    def __init__(self, path: Path, *, service: bytes) -> None:
        self._path = path
        self._service = service

    def read(self) -> Count:
        """What was counted last; nothing if there is no file.

        Raises:
            FormatError: it is not a guard, or another keeper's.
        """
        try:
            data = files.read_bytes(self._path, max_size=_MAX_SIZE)
        except UnavailableError as exc:
            if exc.code != "not_found":
                raise
            return Count()
        try:
            fields = json.loads(data)
            count = Count(int(fields["receipts"]), bytes.fromhex(fields["hash"]))
            version, service = fields["version"], fields["service"]
        except (ValueError, KeyError, TypeError) as exc:
            raise FormatError(f"{self._path} is not a guard", hint="Restore it from a backup.") from exc
        if version != _VERSION or len(count.running) != _HASH_SIZE or count.number < 0:
            raise FormatError(f"{self._path} is of an unknown version or damaged", hint="Restore it from a backup.")
        if service != self._service.hex():
            raise FormatError(f"{self._path} belongs to the keeper {service}, not to {self._service.hex()}")
        return count

    def move(self, to: Count) -> None:
        """Move on, durably.

        Raises:
            UnavailableError: it could not be written; then the answer must not leave.
        """
        fields = {
            "version": _VERSION,
            "service": self._service.hex(),
            "receipts": to.number,
            "hash": to.running.hex(),
        }
        files.make_directory(self._path.parent)
        files.write_atomic(self._path, json.dumps(fields, indent=1).encode() + b"\n", mode=files.PRIVATE)
