"""Ports with something between: every call of a port, and of an upload that it began, goes through one function.

    def spy(name, call, *args, **kwargs):          # name: "vault.put", "vault.begin.write", "keeper.release", …
        return call(*args, **kwargs)
    place = wrap_place(town.place, spy)

`Crash` dies at the k-th call, before or after it was done, and answers nothing from then on, as a killed process would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.support.town import Ports

Around = Callable[..., Any]


class Wrapped:
    """A port whose calls go through `around(name, call, *args, **kwargs)`; what is no method passes."""

    def __init__(self, target: Any, label: str, around: Around) -> None:
        self._target = target
        self._label = label
        self._around = around

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if not callable(value):
            return value
        label = f"{self._label}.{name}"

        def call(*args: Any, **kwargs: Any) -> Any:
            answer = self._around(label, value, *args, **kwargs)
            return Wrapped(answer, label, self._around) if name == "begin" else answer

        return call


def wrap_place(place: Ports, around: Around) -> Ports:
    """The place with every port wrapped."""
    return Ports(
        place.trust,
        Wrapped(place.ledger, "ledger", around),
        Wrapped(place.vault, "vault", around),
        [Wrapped(keeper, "keeper", around) for keeper in place.keepers],
    )


def answering(place: Ports, name: str, answer: Around) -> Ports:
    """The place with the calls of this name answered by `answer(call, *args, **kwargs)`."""

    def around(called: str, call: Any, *args: Any, **kwargs: Any) -> Any:
        return answer(call, *args, **kwargs) if called == name else call(*args, **kwargs)

    return wrap_place(place, around)


class Recorder:
    """What crossed the ports in both directions, as bytes."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[bytes, ...]]] = []
        self.seen: list[bytes] = []

    def __call__(self, name: str, call: Any, *args: Any, **kwargs: Any) -> Any:
        given = tuple(_bytes_in([args, list(kwargs.values())]))
        self.calls.append((name, given))
        self.seen += given
        answer = call(*args, **kwargs)
        self.seen += _bytes_in(answer)
        return answer

    def given_to(self, name: str) -> list[tuple[bytes, ...]]:
        """The byte strings that each call of this name was given."""
        return [given for called, given in self.calls if called == name]


def _bytes_in(value: Any) -> Iterator[bytes]:
    match value:
        case bytes() | bytearray() | memoryview():
            yield bytes(value)
        case list() | tuple():
            for item in value:
                yield from _bytes_in(item)
        case _:
            for name in getattr(value, "__slots__", ()):
                yield from _bytes_in(getattr(value, name, None))


class CrashedError(BaseException):
    """The process died. Not an `Exception`, so nothing handles it."""


class Crash:
    """Dies at call number `at` (from 1): before it is made, or after it is done and before its answer arrives."""

    def __init__(self, at: int, *, after: bool) -> None:
        self._at = at
        self._after = after
        self.count = 0

    @property
    def happened(self) -> bool:
        """Whether there were so many calls."""
        return self.count >= self._at

    def __call__(self, name: str, call: Any, *args: Any, **kwargs: Any) -> Any:
        self.count += 1
        if self.count == self._at and self._after:
            call(*args, **kwargs)
        if self.happened:
            raise CrashedError(name)
        return call(*args, **kwargs)
