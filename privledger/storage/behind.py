"""Work behind the caller: calls run in order on one other thread, a few at a time, so that two cores work on one stream.

    behind = Behind("hash")
    behind.call(hasher.update, piece)      # waits if three pieces are in flight; raises what an earlier call raised
    behind.finish()                        # all done
    behind.close()

SHA-256 and fsync let go of the interpreter's lock, so this pays for both. The thread starts with the first call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["Behind"]

_IN_FLIGHT = 3  # calls that wait; the pieces that they hold bound the memory


class Behind:
    """Runs calls in order on one other thread; the first error surfaces in the caller."""

    def __init__(self, name: str, *, in_flight: int = _IN_FLIGHT) -> None:
        self._name = name
        self._in_flight = in_flight
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: deque[Future[object]] = deque()

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Run `function(*arguments)` after the earlier calls; waits while too many are in flight."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"privledger-{self._name}")
        while len(self._waiting) >= self._in_flight:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(function, *arguments))

    def finish(self) -> None:
        """Wait until every call is done."""
        while self._waiting:
            self._waiting.popleft().result()

    def close(self) -> None:
        """Drop what has not begun and end the thread; safe to repeat."""
        self._waiting.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
