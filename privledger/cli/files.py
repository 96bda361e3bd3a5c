"""Files that a command reads and writes.

    data = read_input(path)
    target = Target(out, inputs=(path,), directories=(at, wallet))
    target.check()                      # before any work is done
    with target.open() as file:         # nothing is there unless the block ends well
        file.write(data)

An output is written to a temporary file beside it and renamed into place, so a failed run leaves what was there before. For `-`,
a device, a named pipe or an open descriptor (`/dev/fd/3`) it is held back until the block ends well, then written straight into it.
An output is never one of the inputs and never inside a wallet or a place, and replaces a file only where that was asked for.

Left to others: what the bytes mean.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from privledger.protocol.container import MAX_CONTAINER
from privledger.protocol.errors import ConflictError, UnavailableError, UsageError
from privledger.storage.files import PRIVATE, PUBLIC, publish, read_bytes, storage_errors, temporary_path

__all__ = ["PIPE", "Target", "named_file", "open_input", "read_input", "refuse_inside"]

PIPE = "-"
_IN_MEMORY = 8 << 20  # bytes held in memory before a nameless temporary file takes over
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,9})")
_STANDARD = {"/dev/stdout": 1, "/dev/stderr": 2}


@contextmanager
def named_file() -> Iterator[None]:
    """A file that was named and is not there is a mistake of whoever named it, not a fault of the machine.

    Raises:
        UsageError: for an UnavailableError with the code `not_found`.
    """
    try:
        yield
    except UnavailableError as exc:
        if exc.code != "not_found":
            raise
        raise UsageError(str(exc), code="not_found", hint=exc.hint or "Check the name and the directory.") from exc


def read_input(path: str | Path, *, max_size: int = MAX_CONTAINER) -> bytes:
    """A whole file, or stdin for `-`.

    Raises:
        UsageError: it is not there (code `not_found`). UnavailableError: not readable. FormatError: larger than `max_size`.
    """
    if str(path) != PIPE:
        with named_file():
            return read_bytes(Path(path), max_size=max_size)
    data = sys.stdin.buffer.read(max_size + 1)
    if len(data) > max_size:
        raise UsageError(f"stdin gave more than {max_size} bytes")
    return data


@contextmanager
def open_input(path: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """A file to stream, or stdin for `-`, with its size where that is known.

    Raises:
        UsageError: it is not there (code `not_found`), or a directory.
    """
    if path == PIPE:
        yield sys.stdin.buffer, None
        return
    with named_file(), storage_errors(Path(path)):
        if Path(path).is_dir():
            raise UsageError(f"{path} is a directory", hint="Pack it into one file first, for example with tar.")
        descriptor = os.open(path, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        yield file, size or None  # a pipe or a device has no size


def refuse_inside(path: Path, directories: Iterable[Path]) -> None:
    """Refuse to write into a wallet or a place, where every name means something.

    Raises:
        UsageError: `path` is one of the directories, or lies in one.
    """
    real = _resolved(path)
    for directory in directories:
        if real.is_relative_to(_resolved(directory)):
            raise UsageError(
                f"{path} lies in {directory}, which is a wallet or a place",
                hint="Write it elsewhere: a wallet or a place holds nothing but its own files.",
            )


def _resolved(path: Path) -> Path:
    nowhere = UsageError(f"{path} is a link that leads nowhere", hint="Give another file.")
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError) as exc:  # 3.11 and 3.12 raise RuntimeError for a loop
        raise nowhere from exc
    if resolved.is_symlink():  # 3.13 leaves a loop as it is
        raise nowhere
    return resolved


@dataclass(frozen=True, slots=True)
class Target:
    """Where the output of a command goes, and what it must leave alone.

    Args:
        out: a file, or `-` for stdout.
        inputs: the files that the same run reads, passphrases and trust roots among them; None where there is none.
        directories: the wallet and the place.
        force: replace a file that is there.
        private: with mode 0600, for what only its owner should read.
        as_json: stdout is taken by the JSON document.
    """

    out: str
    inputs: tuple[str | Path | None, ...] = ()
    directories: tuple[Path, ...] = ()
    force: bool = False
    private: bool = False
    as_json: bool = False

    @property
    def is_stdout(self) -> bool:
        """Whether the output goes to stdout, under whichever name."""
        return self.out == PIPE or self._descriptor == 1

    @property
    def _descriptor(self) -> int | None:
        """The number of the open descriptor that the output names."""
        name = os.path.normpath(Path(self.out).absolute())
        match = _DESCRIPTOR.fullmatch(name)
        return int(match[1]) if match else _STANDARD.get(name)

    def check(self) -> None:
        """Refuse an output that cannot be, before any work is done.

        Raises:
            UsageError: it is a directory, one of the inputs, inside a wallet or a place, a terminal, or stdout taken by --json.
            ConflictError: a file is there already.
        """
        if self.is_stdout:
            if self.as_json:
                raise UsageError(f"--out {self.out} and --json both want stdout", hint="Give --out FILE.")
            if sys.stdout.isatty():
                raise UsageError("these bytes are not for a terminal", hint="Give --out FILE, or pipe them on.")
            return
        if self._descriptor is not None:
            return
        path = _resolved(Path(self.out))
        if path.is_dir():
            raise UsageError(f"{self.out} is a directory", hint="Name the file to write.")
        if not path.parent.is_dir():
            raise UsageError(f"there is no directory {path.parent}", hint="Make it first.")
        for source in self.inputs:
            if source is not None and path.exists() and Path(source).exists() and path.samefile(source):
                raise UsageError(f"{self.out} is both read and written", hint="Give --out another file.")
        refuse_inside(Path(self.out), self.directories)
        if path.is_file() and not self.force:
            raise ConflictError(
                f"{self.out} is there already", code="exists", hint="Give --out another file, or --force to replace it."
            )

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """A file to write that appears when the block ends without an error."""
        self.check()
        path = Path(self.out) if self._is_straight() else _resolved(Path(self.out))
        if self._is_straight():
            with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as held:
                yield held
                held.seek(0)
                self._write_straight(held, path)
            return
        temporary = temporary_path(path.parent)
        with storage_errors(path):
            descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE if self.private else PUBLIC)
        try:
            with os.fdopen(descriptor, "wb") as file, storage_errors(path):
                yield file
                file.flush()
                os.fsync(file.fileno())
            publish(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Write `data` whole, or nothing."""
        with self.open() as file:
            file.write(data)

    def _is_straight(self) -> bool:
        """Whether the output is no file that can be replaced: a stream, a device or a named pipe."""
        path = Path(self.out)
        return self.is_stdout or self._descriptor is not None or (path.exists() and not path.is_file())

    def _write_straight(self, held: IO[bytes], path: Path) -> None:
        if self.is_stdout:
            shutil.copyfileobj(held, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        with storage_errors(path):
            # An own copy of the descriptor keeps its position; opening /dev/fd/3 anew would begin at the start of a file.
            number = self._descriptor
            opened = os.open(path, os.O_WRONLY | os.O_NOCTTY) if number is None else os.dup(number)
            with os.fdopen(opened, "wb") as file:
                shutil.copyfileobj(held, file)
