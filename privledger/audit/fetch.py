"""Where an auditor reads from: a log's static files and, if there is one, a vault's objects.

    fetch = DirectoryFetcher(Path("place"))      # reads place/log and place/vault, or a bare log directory

A fetcher is sent to worker processes, so it can be pickled. Nothing that it returns is believed. Left to others: every check.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from privledger.protocol.errors import UnavailableError
from privledger.storage.files import read_bytes, storage_errors

__all__ = ["DirectoryFetcher", "Fetcher", "VaultDirectory", "VaultReader"]

_MAX_NOTE = 1 << 20  # bytes
_MAX_RESOURCE = 2 << 20  # bytes; a bundle of 256 leaves of 4,096 bytes is just over 1 MiB
_PIECE = 1 << 20  # bytes read at a time


class VaultReader(Protocol):
    """The objects of a vault, as files by record; names are `<epoch>/<file>` (docs/spec/record.md §7)."""

    def records(self) -> list[bytes]:
        """The ids of records of which there is any file."""

    def names(self, record: bytes) -> list[str]:
        """The names of all files of a record, sorted; none if there is no such record."""

    def read(self, record: bytes, name: str, max_size: int) -> bytes:
        """A small file. Raises UnavailableError, FormatError if it is larger."""

    def pieces(self, record: bytes, name: str) -> Iterator[bytes]:
        """A file of any size, piece by piece. Raises UnavailableError."""


class Fetcher(Protocol):
    """A log's static files. Errors are UnavailableError, with code `not_found` if a file is not there."""

    def checkpoint(self) -> bytes:
        """The newest signed checkpoint."""

    def resource(self, path: str) -> bytes:
        """A tile or bundle: `tile/…`."""

    def partials(self, path: str) -> list[int]:
        """The widths of partial files that are kept beside the full `path`; none if that cannot be told."""

    def vault(self) -> VaultReader | None:
        """The vault beside the log, or None."""


@dataclass(frozen=True, slots=True)
class VaultDirectory:
    """A vault's directory."""

    path: Path

    def records(self) -> list[bytes]:
        """Directories whose names are not those of a record are left out."""
        root = self.path / "records"
        with storage_errors(root):
            names = [entry.name for entry in root.iterdir() if entry.is_dir()]
        return sorted(bytes.fromhex(name) for name in names if _is_record_name(name))

    def names(self, record: bytes) -> list[str]:
        """See `VaultReader`."""
        root = self.path / "records" / record.hex()
        with storage_errors(root):
            return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())

    def read(self, record: bytes, name: str, max_size: int) -> bytes:
        """See `VaultReader`."""
        return read_bytes(self.path / "records" / record.hex() / name, max_size=max_size)

    def pieces(self, record: bytes, name: str) -> Iterator[bytes]:
        """See `VaultReader`."""
        path = self.path / "records" / record.hex() / name
        with storage_errors(path), path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


@dataclass(frozen=True, slots=True)
class DirectoryFetcher:
    """Reads a place (`log/` and `vault/` inside `path`), or a bare log directory (`checkpoint` inside `path`)."""

    path: Path

    @property
    def log(self) -> Path:
        """The directory of the log's files."""
        return self.path if (self.path / "checkpoint").is_file() else self.path / "log"

    def checkpoint(self) -> bytes:
        """See `Fetcher`."""
        if not self.log.is_dir():
            raise UnavailableError(
                f"{self.path} holds neither a place nor a log",
                hint="Name the directory that holds log/, or the log directory itself.",
                code="not_found",
            )
        return read_bytes(self.log / "checkpoint", max_size=_MAX_NOTE)

    def resource(self, path: str) -> bytes:
        """A partial tile that is gone is cut from the full one by the caller."""
        return read_bytes(self.log / path, max_size=_MAX_RESOURCE)

    def partials(self, path: str) -> list[int]:
        """See `Fetcher`. Names that are no width are left out."""
        directory = self.log / f"{path}.p"
        try:
            names = [entry.name for entry in directory.iterdir()]
        except FileNotFoundError:
            return []
        return sorted(int(name) for name in names if name.isascii() and name.isdigit() and name[0] != "0")

    def vault(self) -> VaultReader | None:
        """See `Fetcher`."""
        directory = self.path / "vault"
        return VaultDirectory(directory) if (directory / "records").is_dir() else None


def _is_record_name(name: str) -> bool:
    return len(name) == 32 and all(digit in "0123456789abcdef" for digit in name)
