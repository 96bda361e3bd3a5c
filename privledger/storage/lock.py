"""One writer at a time between processes: an advisory lock on a file that waits, then gives a typed error."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path
from types import TracebackType

from privledger.protocol.errors import UnavailableError
from privledger.storage.files import storage_errors

__all__ = ["ProcessLock"]

_POLL = 0.02  # seconds between tries


class ProcessLock:
    """An exclusive lock (flock) held while the `with` block runs, against other processes and other threads.

    The thread that holds it may take it again through the same object.

    Args:
        path: the lock file; created with mode 0600, never removed.
        wait: seconds to wait for another process or thread before giving up.
    """

    def __init__(self, path: Path, *, wait: float) -> None:
        self._path = path
        self._wait = wait
        self._threads = threading.RLock()
        self._descriptor: int | None = None
        self._depth = 0

    def __enter__(self) -> ProcessLock:
        if not self._threads.acquire(timeout=self._wait):
            raise self._locked()
        try:
            if self._depth == 0:
                self._descriptor = self._acquire()
        except BaseException:
            self._threads.release()
            raise
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0 and self._descriptor is not None:
            os.close(self._descriptor)  # closing releases the lock
            self._descriptor = None
        self._threads.release()

    def _acquire(self) -> int:
        with storage_errors(self._path):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        give_up = time.monotonic() + self._wait
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= give_up:
                    os.close(descriptor)
                    raise self._locked() from None
                time.sleep(_POLL)
            else:
                return descriptor

    def _locked(self) -> UnavailableError:
        return UnavailableError(
            f"another process or thread has held {self._path} for {self._wait:g} seconds",
            code="locked",
            hint="Wait until it has finished, or stop it; a dead process holds no lock.",
        )
