"""Checks of one entry bundle that need no state: its tile (A3), each leaf's form (A4) and signatures (A5).

Runs in worker processes, which read the files themselves and send back the bytes that they checked, so that the replay in the
parent sees exactly those. Left to others: the root above the bundles and the replay (`_log`).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from hashlib import sha256
from multiprocessing import get_context
from typing import NamedTuple

from privledger.audit.fetch import Fetcher
from privledger.protocol.entries import admit, is_block, parse_block
from privledger.protocol.errors import FormatError, UnavailableError, VerificationError
from privledger.protocol.tiles import TILE_WIDTH, encode_entries, entries_path, parse_entries, tile_path
from privledger_crypto.merkle import HASH_SIZE, leaf_hash

__all__ = [
    "Checked",
    "Fault",
    "bundle_width",
    "check_bundles",
    "check_partials",
    "no_collection",
    "read_cut",
    "tree_over",
]

_AHEAD = 4  # bundles a worker may be ahead of the replay
_SMALL = 4  # bundles up to which starting processes costs more than it brings

_STEPS = {"bad_signature": "A5", "wrong_origin": "A6"}  # by the code of an admission fault; all else is A4


class Fault(NamedTuple):
    """What is wrong with a leaf (`offset` in the bundle) or, if it is None, with a file."""

    step: str
    offset: int | None
    what: str
    where: str
    blocked: bool = False


class Checked(NamedTuple):
    """A bundle's leaves, their hashes one after the other, and what is wrong. No leaves: the bundle cannot be used."""

    bundle: int
    leaves: list[bytes]
    hashes: bytes
    root: bytes
    faults: list[Fault]


def bundle_width(index: int, size: int) -> int:
    """How many leaves the bundle `index` has in a log of `size`."""
    return min(TILE_WIDTH, size - index * TILE_WIDTH)


def tree_over(hashes: list[bytes]) -> bytes:
    """The root over a full tile's 256 hashes."""
    while len(hashes) > 1:
        hashes = [sha256(b"\x01" + hashes[at] + hashes[at + 1]).digest() for at in range(0, len(hashes), 2)]
    return hashes[0]


def read_cut(fetch: Fetcher, level: int | None, index: int, width: int) -> bytes:
    """A tile (or bundle, if `level` is None), cut from the full one where the partial one is gone.

    Raises:
        UnavailableError, FormatError.
    """
    path = _path(level, index, width)
    try:
        return fetch.resource(path)
    except UnavailableError as exc:
        if exc.code != "not_found" or width == TILE_WIDTH:
            raise
        full = _path(level, index, TILE_WIDTH)
        try:
            data = fetch.resource(full)
        except UnavailableError:
            raise exc from None
    return encode_entries(parse_entries(data)[:width]) if level is None else data[: width * HASH_SIZE]


def check_bundle(fetch: Fetcher, origin: str, index: int, width: int, first: int) -> Checked:
    """Read the bundle `index` of `width` leaves and check its leaves from offset `first` on, and its tile."""
    where = entries_path(index, width)
    try:
        data = read_cut(fetch, None, index, width)
        leaves = parse_entries(data)
    except UnavailableError as exc:
        missing = exc.code == "not_found"
        what = "the entry bundle is missing, so its entries cannot be checked" if missing else str(exc)
        return Checked(index, [], b"", b"", [Fault("A3", None, what, where, blocked=not missing)])
    except FormatError as exc:
        return Checked(index, [], b"", b"", [Fault("A3", None, f"not an entry bundle: {exc}", where)])
    faults: list[Fault] = []
    if len(leaves) != width:
        faults.append(Fault("A3", None, f"the bundle holds {len(leaves)} entries, and {width} belong there", where))
        if len(leaves) < width:
            return Checked(index, [], b"", b"", faults)
        del leaves[width:]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    faults += _check_tile(fetch, index, hashes)
    faults += _check_partials(fetch, None, index, leaves)
    faults += _check_partials(fetch, 0, index, hashes)
    for offset in range(first, width):
        fault = _check_leaf(leaves[offset], origin)
        if fault is not None:
            faults.append(Fault(fault[0], offset, fault[1], where))
    root = tree_over(hashes) if width == TILE_WIDTH else b""
    return Checked(index, leaves, b"".join(hashes), root, faults)


def check_partials(fetch: Fetcher, level: int, index: int, nodes: list[bytes]) -> list[Fault]:
    """Compare the partial tiles kept beside a tile of a higher level with its hashes."""
    return list(_check_partials(fetch, level, index, nodes))


def _path(level: int | None, index: int, width: int) -> str:
    return entries_path(index, width) if level is None else tile_path(level, index, width)


def _check_leaf(leaf: bytes, origin: str) -> tuple[str, str] | None:
    try:
        if is_block(leaf):
            parse_block(leaf)
        else:
            admit(leaf, origin=origin)
    except (FormatError, VerificationError) as exc:
        return _STEPS.get(exc.code, "A4"), str(exc)
    return None


def _check_tile(fetch: Fetcher, index: int, hashes: list[bytes]) -> Iterator[Fault]:
    """A3: the level-0 tile holds the hashes of these leaves and nothing else."""
    where = tile_path(0, index, len(hashes))
    try:
        data = read_cut(fetch, 0, index, len(hashes))
    except UnavailableError as exc:
        missing = exc.code == "not_found"
        yield Fault("A3", None, "the tile is missing" if missing else str(exc), where, blocked=not missing)
        return
    if data == b"".join(hashes):
        return
    if len(data) != len(hashes) * HASH_SIZE:
        yield Fault("A3", None, f"the tile has {len(data)} bytes, {len(hashes) * HASH_SIZE} belong there", where)
        return
    for offset, expected in enumerate(hashes):
        if data[offset * HASH_SIZE : (offset + 1) * HASH_SIZE] != expected:
            yield Fault("A3", offset, "the tile holds another hash than that of this entry's bytes", where)


def _check_partials(fetch: Fetcher, level: int | None, index: int, parts: list[bytes]) -> Iterator[Fault]:
    """A3: what was published for earlier sizes is the beginning of what stands there now."""
    for width in fetch.partials(_path(level, index, TILE_WIDTH)):
        if width >= len(parts):
            continue  # this very file, or one for a size that is not published yet
        path = _path(level, index, width)
        expected = encode_entries(parts[:width]) if level is None else b"".join(parts[:width])
        with suppress(UnavailableError):  # removed since, because a wider one took its place
            if fetch.resource(path) != expected:
                yield Fault("A3", None, "the partial file is not the beginning of what stands there now", path)


@contextmanager
def no_collection() -> Iterator[None]:
    """Hold the search for reference cycles: a replay makes millions of objects and no cycles, and the search costs a tenth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


# --- in parallel ----------------------------------------------------------------------------------------------------

_worker: tuple[Fetcher, str] | None = None


def _start_worker(fetch: Fetcher, origin: str) -> None:
    global _worker
    _worker = (fetch, origin)
    gc.freeze()  # what was imported stays, and need not be looked at again and again


def _run(index: int, width: int, first: int) -> Checked:
    if _worker is None:
        raise UnavailableError("a worker process was not set up")
    fetch, origin = _worker
    return check_bundle(fetch, origin, index, width, first)


def check_bundles(fetch: Fetcher, origin: str, start: int, size: int, workers: int) -> Iterator[Checked]:
    """Check the bundles that hold the leaves [start, size), in order, in `workers` processes (0: in this one).

    Raises:
        UnavailableError: a worker process died.
    """
    tasks = [
        (index, bundle_width(index, size), max(0, start - index * TILE_WIDTH))
        for index in range(start // TILE_WIDTH, -(-size // TILE_WIDTH))
    ]
    if workers < 1 or len(tasks) <= _SMALL:
        for task in tasks:
            yield check_bundle(fetch, origin, *task)
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (fetch, origin))
    try:
        window: list[Future[Checked]] = []
        waiting = iter(tasks)
        for task in waiting:
            window.append(pool.submit(_run, *task))
            if len(window) >= workers * _AHEAD:
                yield window.pop(0).result()
        for future in window:
            yield future.result()
    except BrokenProcessPool as exc:
        raise UnavailableError(
            "a worker process ended in the middle of the audit",
            hint="Guard the start of your program with if __name__ == '__main__', or use workers=0.",
        ) from exc
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
