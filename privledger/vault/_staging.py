"""Where a blob is written while it comes in: constant memory, hashed as it passes, invisible until it is whole.

Each staging file is locked (flock) by the upload that writes it, so a sweep by any process can tell an upload under way
from one that died. Left to others: whether the upload is allowed, and making it visible (`vault`, `_store`).
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from privledger.protocol.errors import FormatError, UnavailableError, UsageError
from privledger.storage import files
from privledger.storage.behind import Behind
from privledger_crypto.errors import ParameterError
from privledger_crypto.segments import SegmentHasher, SegmentTree

__all__ = ["StagedBlob", "sweep_staging"]

_SMALL = 4 << 20  # bytes up to which threads cost more than they save
_SYNC_EVERY = 32 << 20  # bytes


class StagedBlob:
    """One blob coming in at `path`, which must not exist, of at most `limit` bytes."""

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self._limit = limit
        self._size = 0
        self._hasher = SegmentHasher()
        self._tree: SegmentTree | None = None
        self._hashing = Behind("hash")
        self._syncing = Behind("sync", in_flight=1)
        self._unsynced = 0
        with files.storage_errors(self.path):
            self._descriptor: int | None = _create_locked(path)

    def write(self, data: bytes) -> None:
        """Take the next bytes, in pieces of any length.

        Raises:
            FormatError: more than was announced; the upload is gone.
            UnavailableError: the disk failed; the upload is gone.
        """
        descriptor = self._open_descriptor()
        if self._tree is not None:
            raise UsageError("this upload was hashed to its end", hint="Begin another one.")
        if self._size + len(data) > self._limit:
            self.discard()
            raise FormatError(
                f"the upload is larger than the {self._limit} bytes it announced",
                hint="Begin again with a deposit that names the size of the sealed blob.",
            )
        try:
            with files.storage_errors(self.path):
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view) :]
                self._size += len(data)
                self._work_behind(data, descriptor)
        except UnavailableError:
            self.discard()
            raise

    def _work_behind(self, data: bytes, descriptor: int) -> None:
        """Hash, and bring to the disk what came, on other threads while the caller makes the next bytes."""
        if self._size <= _SMALL:
            self._hasher.update(data)
            return
        self._hashing.call(self._hasher.update, data)
        self._unsynced += len(data)
        if self._unsynced >= _SYNC_EVERY:
            self._unsynced = 0
            self._syncing.call(os.fdatasync, descriptor)

    def tree(self) -> SegmentTree:
        """The tree of everything that came; nothing may come after it.

        Raises:
            FormatError: nothing came.
        """
        if self._tree is None:
            self._hashing.finish()
            try:
                self._tree = self._hasher.finalize()
            except ParameterError as exc:
                self.discard()
                raise FormatError("the upload is empty; a blob has at least one byte") from exc
        return self._tree

    def finish(self) -> SegmentTree:
        """Make every byte durable and return the tree of what came.

        Raises:
            FormatError: nothing came.
            UnavailableError: the disk failed; the upload is gone.
        """
        descriptor = self._open_descriptor()
        tree = self.tree()
        try:
            with files.storage_errors(self.path):
                self._syncing.finish()
                os.fsync(descriptor)
        except UnavailableError:
            self.discard()
            raise
        return tree

    def release(self) -> None:
        """Let go of the file, which the caller has moved into place."""
        self._hashing.close()
        self._syncing.close()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def discard(self) -> None:
        """Remove what came; no error if it is gone. Safe to repeat."""
        if self._descriptor is not None:
            files.remove(self.path)
            self.release()

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise UsageError("this upload is over", hint="Begin another one.")
        return self._descriptor


def _create_locked(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, files.PUBLIC)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # a sweep took it between creation and lock


def sweep_staging(directory: Path) -> int:
    """Remove uploads whose process died; returns how many."""
    count = 0
    for path in sorted(directory.iterdir()):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # committed or aborted since
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            files.remove(path)
            count += 1
        finally:
            os.close(descriptor)
    return count
