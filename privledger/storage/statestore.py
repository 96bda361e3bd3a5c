"""A database that mirrors a log: where each entry stands, which entries name a record, the blocks, and the state's items.

It is an index, never a source: everything in it can be rebuilt from the log, and its owner checks it against the log before
believing it. SQLite in WAL mode with full sync; one transaction a block, so it stands at one checkpoint or another and never
between two. The ledger and the replica each keep their own.

Left to others: what entries mean, which checkpoint to believe, and locking between processes that write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, event, exc
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

from privledger.protocol.errors import UnavailableError

__all__ = ["BlockRow", "Position", "StateStore", "StoreCorruptError", "remove_store"]

_SCHEMA_VERSION = 1
_BUSY_WAIT = 10_000  # milliseconds to wait for another connection's transaction
_LOOKUP_BATCH = 1000  # parameters of one query; SQLite allows 32,766
_AUTO_CHECKPOINT = 4000  # pages of 4 KiB in the WAL before it is folded into the database
_CACHE = 65_536  # KiB; a block touches pages all over the tables, and the usual 2 MiB would be read again and again

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS position (one INTEGER PRIMARY KEY CHECK (one = 1), origin TEXT NOT NULL, "
    "size INTEGER NOT NULL, root BLOB NOT NULL, height INTEGER NOT NULL, time INTEGER NOT NULL, note BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS block (height INTEGER PRIMARY KEY, time INTEGER NOT NULL, size INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS entry (digest BLOB PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS mention (record BLOB NOT NULL, position INTEGER NOT NULL, "
    "PRIMARY KEY (record, position)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS item (name BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
)
_INSERT_BLOCK = "INSERT OR REPLACE INTO block VALUES (?, ?, ?)"
_INSERT_ENTRY = "INSERT OR REPLACE INTO entry VALUES (?, ?)"
_INSERT_MENTION = "INSERT OR REPLACE INTO mention VALUES (?, ?)"
_INSERT_ITEM = "INSERT OR REPLACE INTO item VALUES (?, ?)"
_INSERT_POSITION = "INSERT OR REPLACE INTO position VALUES (1, ?, ?, ?, ?, ?, ?)"


class StoreCorruptError(UnavailableError):
    """The database is damaged or of another version; its owner removes it and builds it anew from the log."""

    default_code = "index_corrupt"


@dataclass(frozen=True, slots=True)
class Position:
    """The checkpoint that the database stands at: its size and root, its block's height and time, and the signed note."""

    size: int
    root: bytes
    height: int
    time: int
    note: bytes


@dataclass(frozen=True, slots=True)
class BlockRow:
    """What one block adds: leaf digests and mentions of records with their indices, and changed items of the state."""

    position: Position
    entries: Sequence[tuple[bytes, int]]
    mentions: Sequence[tuple[bytes, int]]
    items: Sequence[tuple[bytes, bytes]]


@contextmanager
def _database_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except exc.DatabaseError as error:
        text = str(error.orig)
        if isinstance(error, exc.OperationalError) and "malformed" not in text:
            code = "disk_full" if "full" in text else "locked" if "locked" in text else "index"
            raise UnavailableError(
                f"the index {path.name} could not be used: {text}",
                code=code,
                hint="Check the space and the permissions of its directory, and try again; it is rebuilt from the log.",
            ) from error
        raise StoreCorruptError(f"the index {path.name} is damaged: {text}") from error


class StateStore:
    """The open database; one process may use it from several threads if it serialises them itself.

    Args:
        path: the database file; created with its tables if it is missing.
        origin: the ledger it mirrors.

    Raises:
        StoreCorruptError: damaged, of another version, or of another ledger.
        UnavailableError: the system would not let us.
    """

    def __init__(self, path: Path, *, origin: str) -> None:
        self._path = path
        self._origin = origin
        self._engine = _engine(path)
        try:
            with _database_errors(path), self._engine.begin() as connection:
                self._prepare(connection)
        except BaseException:
            self._engine.dispose()
            raise

    def _prepare(self, connection: Connection) -> None:
        version = connection.exec_driver_sql("PRAGMA user_version").scalar()
        if version not in (0, _SCHEMA_VERSION):
            raise StoreCorruptError(f"the index {self._path.name} is of version {version}, not {_SCHEMA_VERSION}")
        if version == 0:
            for statement in _SCHEMA:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        origin = connection.exec_driver_sql("SELECT origin FROM position").scalar()
        if origin is not None and origin != self._origin:
            raise StoreCorruptError(f"the index {self._path.name} is of another ledger")

    def close(self) -> None:
        """Close the database; nothing is pending, since every block was committed."""
        self._engine.dispose()

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with _database_errors(self._path), self._engine.connect() as connection:
            yield connection

    def position(self) -> Position | None:
        """The checkpoint it stands at, or None while it is empty."""
        with self._read() as connection:
            row = connection.exec_driver_sql("SELECT size, root, height, time, note FROM position").first()
        return None if row is None else Position(*row)

    def items(self) -> list[tuple[bytes, bytes]]:
        """All items of the state, in no promised order."""
        with self._read() as connection:
            return [(name, value) for name, value in connection.exec_driver_sql("SELECT name, value FROM item")]

    def leaf_count(self) -> int:
        """Entries and blocks together: the size of the log, if nothing is missing."""
        query = "SELECT (SELECT count(*) FROM entry) + (SELECT count(*) FROM block)"
        with self._read() as connection:
            return int(connection.exec_driver_sql(query).scalar_one())

    def lookup(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Where the leaves with these digests stand; absent ones are left out."""
        found: dict[bytes, int] = {}
        with self._read() as connection:
            for start in range(0, len(digests), _LOOKUP_BATCH):
                batch = tuple(digests[start : start + _LOOKUP_BATCH])
                marks = ",".join("?" * len(batch))
                query = f"SELECT digest, position FROM entry WHERE digest IN ({marks})"  # noqa: S608 - question marks only
                found.update((digest, index) for digest, index in connection.exec_driver_sql(query, batch))
        return found

    def mentions(self, record: bytes) -> list[int]:
        """Indices of the entries that name `record`, in order."""
        query = "SELECT position FROM mention WHERE record = ? ORDER BY position"
        with self._read() as connection:
            return [index for (index,) in connection.exec_driver_sql(query, (record,))]

    def commit(self, blocks: Iterable[BlockRow]) -> None:
        """Add blocks, in order, in one durable transaction."""
        with _database_errors(self._path), self._engine.begin() as connection:
            for block in blocks:
                self._insert(connection, block)

    def _insert(self, connection: Connection, block: BlockRow) -> None:
        at = block.position
        run = connection.exec_driver_sql
        run(_INSERT_BLOCK, (at.height, at.time, at.size))
        if block.entries:
            run(_INSERT_ENTRY, sorted(block.entries))  # in the order of the tree, so that each page is visited once
        if block.mentions:
            run(_INSERT_MENTION, sorted(block.mentions))
        if block.items:
            run(_INSERT_ITEM, sorted(block.items))
        run(_INSERT_POSITION, (self._origin, at.size, at.root, at.height, at.time, at.note))


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "timeout": _BUSY_WAIT / 1000},
    )
    event.listen(engine, "connect", _configure)
    return engine


def _configure(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    try:
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA wal_autocheckpoint = {_AUTO_CHECKPOINT}")
        cursor.execute(f"PRAGMA cache_size = -{_CACHE}")
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_WAIT}")
    finally:
        cursor.close()


def remove_store(path: Path) -> None:
    """Remove a database and its side files, so that it is built anew; no error if they are gone."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
