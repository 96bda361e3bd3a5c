"""Durable files: what returns has reached the disk, and nothing is ever half there.

Every write goes to a temporary file in the same directory, is fsynced, renamed into place, and the directory is fsynced. A crash
leaves the old file or the new one. Temporary files start with `.tmp-` and may be swept by their owner at start-up.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from privledger.protocol.errors import ConflictError, FormatError, UnavailableError

__all__ = [
    "PRIVATE",
    "PUBLIC",
    "TEMPORARY_PREFIX",
    "create_exclusive",
    "destroy",
    "fsync_directory",
    "make_directory",
    "publish",
    "read_bytes",
    "remove",
    "storage_errors",
    "sweep_temporary",
    "temporary_path",
    "write_atomic",
]

PUBLIC = 0o644
PRIVATE = 0o600
TEMPORARY_PREFIX = ".tmp-"
_OVERWRITE_PIECE = 1 << 20  # bytes


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the system says of `path` into a typed error with a way out."""
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UnavailableError(
                f"no space left to write {path.name}",
                code="disk_full",
                hint="Free some space and try again; nothing was half-written.",
            ) from exc
        if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise UnavailableError(
                f"not allowed to write or read {path}",
                code="permission",
                hint="Check the owner and the mode of the directory.",
            ) from exc
        if exc.errno == errno.ENOENT:
            raise UnavailableError(f"{path} is not there", code="not_found") from exc
        raise UnavailableError(f"the system could not handle {path}: {os.strerror(exc.errno or 0)}", code="io") from exc


def fsync_directory(directory: Path) -> None:
    """Make the names in `directory` durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(directory: Path, *, mode: int = 0o700) -> None:
    """Create `directory` and its parents, durably."""
    if directory.is_dir():
        return
    with storage_errors(directory):
        missing = [directory, *directory.parents]
        for path in reversed([p for p in missing if not p.exists()]):
            path.mkdir(mode=mode, exist_ok=True)
            fsync_directory(path.parent)


def temporary_path(directory: Path) -> Path:
    """A new name for a temporary file in `directory`."""
    return directory / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"


def _write_temporary(path: Path, data: bytes, mode: int) -> Path:
    temporary = temporary_path(path.parent)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    return temporary


def publish(temporary: Path, path: Path) -> None:
    """Rename a temporary file, already fsynced, into place and make the name durable."""
    with storage_errors(path):
        temporary.replace(path)
        fsync_directory(path.parent)


def write_atomic(path: Path, data: bytes, *, mode: int = PUBLIC, sync_directory: bool = True) -> None:
    """Write `data` to `path`, whole or not at all, durable when it returns.

    Args:
        sync_directory: False only if the caller fsyncs the directory itself before it relies on the file.

    Raises:
        UnavailableError: disk full, no permission, or another fault of the system.
    """
    with storage_errors(path):
        temporary = _write_temporary(path, data, mode)
        temporary.replace(path)
        if sync_directory:
            fsync_directory(path.parent)


def create_exclusive(path: Path, data: bytes, *, mode: int = PUBLIC) -> None:
    """Write a file that must not exist yet.

    Raises:
        ConflictError: it exists.
    """
    with storage_errors(path):
        temporary = _write_temporary(path, data, mode)
        try:
            os.link(temporary, path)
        except FileExistsError as exc:
            raise ConflictError(f"{path} exists already", hint="Choose another path, or remove it first.") from exc
        finally:
            temporary.unlink(missing_ok=True)
        fsync_directory(path.parent)


def read_bytes(path: Path, *, max_size: int) -> bytes:
    """Read a whole file of at most `max_size` bytes.

    Raises:
        UnavailableError: it is not there (code `not_found`) or cannot be read.
        FormatError: it is larger.
    """
    with storage_errors(path), path.open("rb") as file:
        data = file.read(max_size + 1)
    if len(data) > max_size:
        raise FormatError(f"{path.name} is larger than {max_size} bytes")
    return data


def remove(path: Path) -> None:
    """Remove a file, durably; no error if it is gone."""
    with storage_errors(path):
        try:
            path.unlink()
        except FileNotFoundError:
            return
        fsync_directory(path.parent)


def destroy(path: Path) -> None:
    """Overwrite a file with zeros, then remove it, durably; no error if it is gone.

    Overwriting reaches the old blocks on file systems that write in place. Copy-on-write file systems, snapshots and flash
    translation layers may keep them: docs/spec/release.md §6 carries `backups_until` for that reason.
    """
    with storage_errors(path):
        try:
            descriptor = os.open(path, os.O_WRONLY)
        except FileNotFoundError:
            return
        try:
            left = os.fstat(descriptor).st_size
            zeros = bytes(min(left, _OVERWRITE_PIECE))
            while left > 0:
                left -= os.write(descriptor, zeros[: min(left, len(zeros))])
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    remove(path)


def sweep_temporary(directory: Path) -> int:
    """Remove temporary files that a crash left in `directory`; the caller holds its lock. Returns how many."""
    count = 0
    for path in sorted(directory.glob(f"{TEMPORARY_PREFIX}*")):
        remove(path)
        count += 1
    return count
