"""The keeper's database: tables, and a connection whose commits are on the disk when they return.

SQLite through SQLAlchemy Core, WAL with full sync. Secrets are not in it: shares and the seeds of deposit keys are files of
their own, so that destroying one is destroying a file. The keeper holds its lock around every use.

Left to others: what the rows mean (`_receipts`, `_posting`, `_shares`, `_depositkeys`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    exc,
)
from sqlalchemy.engine import Connection
from sqlalchemy.pool import StaticPool

from privledger.protocol.errors import UnavailableError

__all__ = ["Database", "deposit_keys", "periods", "receipts", "shares"]

_BUSY_WAIT = 10_000  # milliseconds to wait for another connection's transaction

metadata = MetaData()

# One row a receipt, never changed: the totals of a chain after its k-th receipt stand in row k. So the receipt map as it
# was at any posted size is a query, and no crash can leave totals that differ from the receipts. What opens a grant's terms
# is not here: of it only the map key is kept.
receipts = Table(
    "receipts",
    metadata,
    Column("number", Integer, primary_key=True),  # of all receipts of this keeper, from 1
    Column("running", LargeBinary, nullable=False),  # hash over all receipts up to this one, 32 bytes
    Column("record", LargeBinary, nullable=False),
    Column("grant", LargeBinary, nullable=False),
    Column("map_key", LargeBinary, nullable=False),  # where the chain stands in the receipt map, 32 bytes
    Column("count", BigInteger, nullable=False),  # number in the chain, from 1
    Column("request", LargeBinary, nullable=False),  # SHA-256 of the request
    Column("spends", BigInteger),  # the read number; null for the owner, who spends none
    Column("size", BigInteger, nullable=False),  # of the checkpoint that the receipt names
    Column("time", BigInteger, nullable=False),
    Column("units", BigInteger, nullable=False),  # in all, this receipt included
    Column("head", LargeBinary, nullable=False),  # after this receipt
    Column("rho", LargeBinary, nullable=False),  # blinding of the totals, 32 bytes
    Column("commitment", LargeBinary, nullable=False),  # of the totals, 48 bytes
    Column("receipt", LargeBinary, nullable=False),
    UniqueConstraint("map_key", "count"),
    UniqueConstraint("record", "grant", "request"),
    UniqueConstraint("record", "grant", "spends"),  # a read number is spent once; nulls do not collide
)

# Every `receipts` entry ever signed. Which of them were posted, the chain says.
periods = Table(
    "periods",
    metadata,
    Column("b", BigInteger, primary_key=True, autoincrement=False),
    Column("a", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("entry", LargeBinary, nullable=False),
    Column("time", BigInteger, nullable=False),  # of the last block when it was signed
    Column("status", Text, nullable=False),  # prepared, posted or dropped
)

# One row a share deposit, replaced ones too: a certificate names them all. The share itself is a file.
shares = Table(
    "shares",
    metadata,
    Column("number", Integer, primary_key=True),  # order of deposits; a new row gets the highest
    Column("record", LargeBinary, nullable=False, index=True),
    Column("epoch", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("deposit", LargeBinary, nullable=False),
    Column("holding", LargeBinary, nullable=False),
    Column(
        "deposit_key", LargeBinary, nullable=False
    ),  # digest of the key statement that carried it, the last if several
    Column("stored_at", BigInteger, nullable=False),
    Column("destroyed_at", BigInteger),
    UniqueConstraint("record", "epoch", "digest"),
)

deposit_keys = Table(
    "deposit_keys",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("destroyed_at", BigInteger),
)


class Database:
    """The open database of one keeper.

    Raises:
        UnavailableError: it cannot be opened (code `disk_full`, `locked`, `database` or `database_corrupt`).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = create_engine(
            f"sqlite:///{path}",
            poolclass=StaticPool,
            connect_args={"check_same_thread": False, "timeout": _BUSY_WAIT / 1000},
        )
        event.listen(self._engine, "connect", _configure)
        try:
            with self.writing() as connection:
                metadata.create_all(connection)
            path.chmod(0o600)
        except BaseException:
            self._engine.dispose()
            raise

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: durable when the block ends, gone if it raises."""
        with self._errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with."""
        with self._errors(), self._engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close it; nothing is pending, since every transaction was committed."""
        self._engine.dispose()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except exc.DatabaseError as error:
            text = str(error.orig)
            if isinstance(error, exc.OperationalError):
                code = "disk_full" if "full" in text else "locked" if "locked" in text else "database"
            else:
                code = "database_corrupt"
            raise UnavailableError(
                f"the keeper's database {self._path.name} could not be used: {text}",
                code=code,
                hint="Check the space, the permissions and the health of the disk; restore the newest backup if it is damaged.",
            ) from error


def _configure(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    try:
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_WAIT}")
    finally:
        cursor.close()
