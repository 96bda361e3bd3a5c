"""The log as static files (C2SP tlog-tiles): `checkpoint`, `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]`.

New files are written aside, fsynced, renamed into place, and their directories are fsynced, so a reader sees a whole file or none.
Anybody may serve this directory as it is.

Left to others: which bytes belong into a tile, and which checkpoint may be published.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from privledger.protocol.errors import UnavailableError
from privledger.protocol.tiles import encode_entries, parse_entries
from privledger.storage.files import (
    PUBLIC,
    fsync_directory,
    make_directory,
    read_bytes,
    storage_errors,
    sweep_temporary,
    temporary_path,
    write_atomic,
)
from privledger_crypto.merkle import HASH_SIZE

__all__ = ["CHECKPOINT", "LogFiles"]

CHECKPOINT = "checkpoint"
_TILE_PATH = re.compile(r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/(x\d{3}/)*\d{3}(\.p/(?P<width>[1-9]\d{0,2}))?")
_MAX_FILE = 4 << 20  # bytes; a bundle of 256 entries of 4,096 bytes is just over 1 MiB


class LogFiles:
    """The files of one log.

    Args:
        directory: what may be served to everybody; made if it is missing.
        staging: where files are written before they are renamed into `directory`; on the same file system.
    """

    def __init__(self, directory: Path, *, staging: Path) -> None:
        self._directory = directory
        self._staging = staging

    def create(self) -> None:
        """Make both directories."""
        make_directory(self._directory, mode=0o755)
        make_directory(self._staging, mode=0o700)

    def sweep(self) -> None:
        """Remove what a crash left aside; the caller holds the ledger's lock."""
        if self._staging.is_dir():
            sweep_temporary(self._staging)

    def checkpoint(self) -> bytes | None:
        """The published checkpoint, or None before the first."""
        try:
            return self._read(CHECKPOINT)
        except UnavailableError as exc:
            if exc.code != "not_found":
                raise
            return None

    def publish(self, note: bytes) -> None:
        """Put `note` in the place of the checkpoint, durably and at once."""
        write_atomic(self._directory / CHECKPOINT, note, mode=PUBLIC)

    def read(self, path: str) -> bytes:
        """The tile at `path`; a partial tile that is gone is cut from the full one.

        Raises:
            UnavailableError: there is no such tile (`not_found`).
        """
        match = _TILE_PATH.fullmatch(path)
        if match is None:
            raise UnavailableError(f"{path!r} is no resource of a log", code="not_found")
        try:
            return self._read(path)
        except UnavailableError as exc:
            width = match.group("width")
            if exc.code != "not_found" or width is None:
                raise
            return self._cut(path.partition(".p/")[0], int(width))

    def _cut(self, path: str, width: int) -> bytes:
        full = self._read(path)
        if path.startswith("tile/entries/"):
            return encode_entries(parse_entries(full)[:width])
        return full[: HASH_SIZE * width]

    def _read(self, path: str) -> bytes:
        return read_bytes(self._directory / path, max_size=_MAX_FILE)

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write tiles, replacing what stands at their paths; all are durable when it returns.

        Raises:
            UnavailableError: disk full, no permission; some files may have been written, none of them published.
        """
        directories: set[Path] = set()
        staged: list[tuple[Path, Path]] = []
        try:
            for path, data in files.items():
                target = self._directory / path
                with storage_errors(target):
                    temporary = temporary_path(self._staging)
                    staged.append((temporary, target))
                    _write(temporary, data)
            for temporary, target in staged:
                with storage_errors(target):
                    make_directory(target.parent, mode=0o755)
                    temporary.replace(target)
                directories.add(target.parent)
        except BaseException:
            for temporary, _ in staged:
                temporary.unlink(missing_ok=True)
            raise
        for directory in directories:
            with storage_errors(directory):
                fsync_directory(directory)

    def drop_partials(self, paths: list[str]) -> None:
        """Remove the partial tiles below these full ones, which took their place. Not durable: leftovers do no harm."""
        for path in paths:
            shutil.rmtree(self._directory / f"{path}.p", ignore_errors=True)


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PUBLIC)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
