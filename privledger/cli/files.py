"""Files that a command reads and writes.

    data = read_input(path)
    with output_file(out, inputs=[path]) as file:      # nothing is there unless the block ends well
        file.write(data)

An output is written to a temporary file beside it and renamed into place, so a failed run leaves what was there before. For `-`
it is held back until the block ends well, then written to stdout. An output is never one of the inputs.

Left to others: what the bytes mean.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from privledger.protocol.container import MAX_CONTAINER
from privledger.protocol.errors import UsageError
from privledger.storage.files import PRIVATE, PUBLIC, publish, read_bytes, storage_errors, temporary_path

__all__ = ["PIPE", "check_output", "open_input", "output_file", "read_input", "write_output"]

PIPE = "-"
_IN_MEMORY = 8 << 20  # bytes held in memory before a nameless temporary file takes over


def read_input(path: str | Path, *, max_size: int = MAX_CONTAINER) -> bytes:
    """A whole file, or stdin for `-`.

    Raises:
        UnavailableError: not there or not readable. FormatError: larger than `max_size`.
    """
    if str(path) != PIPE:
        return read_bytes(Path(path), max_size=max_size)
    data = sys.stdin.buffer.read(max_size + 1)
    if len(data) > max_size:
        raise UsageError(f"stdin gave more than {max_size} bytes")
    return data


@contextmanager
def open_input(path: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """A file to stream, or stdin for `-`, with its size where that is known."""
    if path == PIPE:
        yield sys.stdin.buffer, None
        return
    with storage_errors(Path(path)):
        if Path(path).is_dir():
            raise UsageError(f"{path} is a directory", hint="Pack it into one file first, for example with tar.")
        descriptor = os.open(path, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        yield file, size or None  # a pipe or a device has no size


def check_output(out: str, *, inputs: Iterable[str | Path] = (), binary: bool = True, as_json: bool = False) -> None:
    """Refuse an output that cannot be, before any work is done.

    Raises:
        UsageError: it is a directory, one of the inputs, a terminal for bytes, or stdout taken by --json.
    """
    if out == PIPE:
        if as_json:
            raise UsageError("--out - and --json both want stdout", hint="Give --out FILE.")
        if binary and sys.stdout.isatty():
            raise UsageError("these bytes are not for a terminal", hint="Give --out FILE, or pipe them on.")
        return
    path = Path(out)
    if path.is_dir():
        raise UsageError(f"{out} is a directory", hint="Name the file to write.")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"there is no directory {path.absolute().parent}", hint="Make it first.")
    for source in inputs:
        if path.exists() and Path(source).exists() and path.samefile(source):
            raise UsageError(f"{out} is both read and written", hint="Give --out another file.")


@contextmanager
def output_file(
    out: str, *, inputs: Iterable[str | Path] = (), private: bool = False, as_json: bool = False
) -> Iterator[IO[bytes]]:
    """A file to write that appears when the block ends without an error.

    Args:
        private: with mode 0600, for what only its owner should read.
    """
    check_output(out, inputs=inputs, as_json=as_json)
    if out == PIPE:
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as held:
            yield held
            held.seek(0)
            shutil.copyfileobj(held, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return
    path = Path(out).absolute()
    temporary = temporary_path(path.parent)
    with storage_errors(path):
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE if private else PUBLIC)
    try:
        with os.fdopen(descriptor, "wb") as file, storage_errors(path):
            yield file
            file.flush()
            os.fsync(file.fileno())
        publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_output(
    out: str, data: bytes, *, inputs: Iterable[str | Path] = (), private: bool = False, as_json: bool = False
) -> None:
    """Write `data` whole, or nothing."""
    with output_file(out, inputs=inputs, private=private, as_json=as_json) as file:
        file.write(data)
