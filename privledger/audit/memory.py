"""What an auditor keeps between audits, so that the next one reads only what is new, and an interrupted one goes on.

    <memory>/privledger-audit     checksummed: the last checkpoint seen, and frontier, state and history of what was replayed

It is the auditor's own: whoever can write it can make an audit overlook things. A damaged one is not used; the audit then starts
from scratch. Left to others: when to save, and whether the log still agrees with it (`_log`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from struct import Struct

from privledger.audit.history import History
from privledger.protocol.errors import FormatError, PrivledgerError, UnavailableError
from privledger.rules.state import State
from privledger.storage.files import PRIVATE, make_directory, read_bytes, write_atomic
from privledger_crypto import cbor
from privledger_crypto import errors as crypto_errors
from privledger_crypto.merkle import Frontier

__all__ = ["Memory", "load_memory", "save_memory"]

_NAME = "privledger-audit"
_MAGIC = b"privledger audit memory 1\n"
_DIGEST = 32  # bytes
_MAX_FILE = 1 << 34  # bytes
_LENGTHS = Struct(">BH")  # of key and value
_HEADER = Struct(">Q")  # length of the header


@dataclass(frozen=True, slots=True)
class Memory:
    """A replayed beginning of a log.

    Args:
        note: the newest checkpoint whose signatures held.
        complete: whether `note` is the checkpoint of just these leaves; else an audit was interrupted on the way there.
        frontier: of the replayed leaves, whose number is its size.
        state, history: after them.
    """

    origin: str
    genesis: bytes
    note: bytes
    complete: bool
    frontier: Frontier
    state: State = field(repr=False)
    history: History = field(repr=False)


def save_memory(directory: Path, memory: Memory) -> None:
    """Write the memory, whole or not at all.

    Raises:
        UnavailableError: disk full, no permission.
    """
    sizes, times, notable = memory.history.to_bytes()
    header = cbor.encode(
        [
            memory.origin,
            memory.genesis,
            memory.note,
            memory.complete,
            memory.frontier.size,
            list(memory.frontier.nodes),
            memory.state.root,
            sizes,
            times,
            [[index, leaf] for index, leaf in notable],
        ]
    )
    body = b"".join((_HEADER.pack(len(header)), header, *_packed_items(memory.state)))
    make_directory(directory)
    write_atomic(directory / _NAME, b"".join((_MAGIC, sha256(body).digest(), body)), mode=PRIVATE)


def load_memory(directory: Path) -> Memory | None:
    """Read the memory; None if there is none yet.

    Raises:
        FormatError: it is damaged. UnavailableError: it cannot be read.
    """
    try:
        data = read_bytes(directory / _NAME, max_size=_MAX_FILE)
    except UnavailableError as exc:
        if exc.code == "not_found":
            return None
        raise
    start = len(_MAGIC) + _DIGEST
    if not data.startswith(_MAGIC) or sha256(memoryview(data)[start:]).digest() != data[len(_MAGIC) : start]:
        raise FormatError("the audit's memory is damaged: its checksum does not hold")
    try:
        (length,) = _HEADER.unpack_from(data, start)
        start += _HEADER.size
        header = cbor.decode(data[start : start + length], max_size=length)
        return _parse(header, data, start + length)
    except (ValueError, TypeError, PrivledgerError, crypto_errors.CryptoError) as exc:
        raise FormatError("the audit's memory is damaged: it is not in the form of this version") from exc


def _parse(header: cbor.Value, data: bytes, start: int) -> Memory:
    match header:
        case [
            str() as origin,
            bytes() as genesis,
            bytes() as note,
            bool() as complete,
            int() as size,
            list() as nodes,
            bytes() as root,
            bytes() as sizes,
            bytes() as times,
            list() as rows,
        ]:
            history = History.parse(sizes, times, [_notable(row) for row in rows])
            frontier = Frontier(size, [node for node in nodes if isinstance(node, bytes)])
            state = State.from_items(_items(data, start))
            if state.root == root and state.meta is not None and state.meta.next_index == size:
                return Memory(origin, genesis, note, complete, frontier, state, history)
    raise FormatError("its parts do not fit together")


def _packed_items(state: State) -> Iterator[bytes]:
    for key, value in state.items():
        yield _LENGTHS.pack(len(key), len(value))
        yield key
        yield value


def _items(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    end, unpack, width = len(data), _LENGTHS.unpack_from, _LENGTHS.size
    while at < end:
        key_size, value_size = unpack(data, at)
        middle = at + width + key_size
        at = middle + value_size
        if at > end:
            raise FormatError("an item is cut off")
        yield data[middle - key_size : middle], data[middle:at]


def _notable(row: cbor.Value) -> tuple[int, bytes]:
    match row:
        case [int() as index, bytes() as leaf]:
            return index, leaf
    raise FormatError("a line of its history is damaged")
