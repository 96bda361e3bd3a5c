"""The shares a keeper holds: one file each, mode 0600, so that destroying one is destroying a file.

    <directory>/<record>.<epoch>.<share digest>      CBOR [index, share]

The database says which are held and when one went. A file is written before its row and destroyed before the row says so; what
a crash leaves between is put right by `settle`.

Left to others: whether a deposit is allowed, and to whom a share is released.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import delete, insert, select, update

from privledger.keeper._database import Database, deposit_keys, shares
from privledger.protocol.deposit import Deposit, encode_share, parse_share, verify_share
from privledger.protocol.errors import UnavailableError
from privledger.storage import files
from privledger_crypto.shares import Share

__all__ = ["ShareRow", "Shares"]

_MAX_FILE = 64  # bytes


@dataclass(frozen=True, slots=True)
class ShareRow:
    """A share deposit: what the owner signed, the key that carried it, and when the share went (None: it is held)."""

    number: int
    record: bytes
    epoch: int
    digest: bytes
    deposit: bytes = field(repr=False)
    holding: bytes = field(repr=False)
    deposit_key: bytes
    stored_at: int
    destroyed_at: int | None


class Shares:
    """The shares of one keeper; the caller holds the keeper's lock."""

    def __init__(self, directory: Path, database: Database) -> None:
        files.make_directory(directory)
        self._directory = directory
        self._database = database

    def rows(self, record: bytes, epoch: int | None = None) -> list[ShareRow]:
        """The share deposits of a record, of one epoch or of all, the oldest first."""
        query = select(shares).where(shares.c.record == record).order_by(shares.c.number)
        if epoch is not None:
            query = query.where(shares.c.epoch == epoch)
        with self._database.reading() as connection:
            return [ShareRow(*row) for row in connection.execute(query)]

    def held(self) -> list[ShareRow]:
        """All shares that are held, the oldest first."""
        query = select(shares).where(shares.c.destroyed_at.is_(None)).order_by(shares.c.number)
        with self._database.reading() as connection:
            return [ShareRow(*row) for row in connection.execute(query)]

    def store(self, deposit: Deposit, share: Share, *, holding: bytes, deposit_key: bytes, now: int) -> None:
        """Hold a share, durably, in place of another one of its record and epoch; its row is the last one then."""
        earlier = self.rows(deposit.record, deposit.epoch)
        same = [row for row in earlier if row.digest == deposit.digest]
        if not any(row.destroyed_at is None for row in same):  # a file is written once, so that one is to be destroyed
            path = self._path(deposit.record, deposit.epoch, deposit.digest)
            files.write_atomic(path, encode_share(share), mode=files.PRIVATE)
        with self._database.writing() as connection:
            connection.execute(delete(shares).where(shares.c.number.in_([row.number for row in same])))
            connection.execute(
                insert(shares).values(
                    record=deposit.record,
                    epoch=deposit.epoch,
                    digest=deposit.digest,
                    deposit=deposit.raw,
                    holding=holding,
                    deposit_key=deposit_key,
                    stored_at=now,
                )
            )
        self.destroy([row for row in earlier if row.digest != deposit.digest], now=now)

    def held_for(self, record: bytes, epoch: int) -> ShareRow:
        """The deposit of the share that is held for a record and epoch. Raises UnavailableError, code `not_found`."""
        held = [row for row in self.rows(record, epoch) if row.destroyed_at is None]
        if not held:
            raise UnavailableError("this keeper holds no share of this record and epoch", code="not_found")
        return held[-1]

    def read(self, row: ShareRow, *, origin: str, service: bytes) -> Share:
        """A share that is held, checked against its digest.

        Raises:
            UnavailableError: the disk failed.
            VerificationError, FormatError: the file is damaged.
        """
        path = self._path(row.record, row.epoch, row.digest)
        share = parse_share(files.read_bytes(path, max_size=_MAX_FILE))
        verify_share(share, row.digest, origin=origin, record=row.record, epoch=row.epoch, service=service)
        return share

    def destroy(self, rows: Sequence[ShareRow], *, now: int) -> int:
        """Destroy shares and then say so; returns how many were held."""
        count = 0
        for row in rows:
            if row.destroyed_at is None:
                files.destroy(self._path(row.record, row.epoch, row.digest))
                with self._database.writing() as connection:
                    connection.execute(update(shares).where(shares.c.number == row.number).values(destroyed_at=now))
                count += 1
        return count

    def settle(self, *, now: int) -> None:
        """Finish what a crash interrupted: destroy shares that were replaced, and files that no held share names.

        Raises:
            UnavailableError: code `database_lost`: there are share files, and the database is new. No share is touched.
        """
        paths = sorted(self._directory.iterdir())
        if paths and self._is_new():
            raise UnavailableError(
                f"the keeper's directory holds {len(paths)} shares, and its database is new",
                code="database_lost",
                hint="Restore keeper.sqlite from a backup; no share was touched. See docs/how-to/back-up-a-place.md.",
            )
        newest = {(row.record, row.epoch): row for row in self.held()}
        self.destroy([row for row in self.held() if newest[row.record, row.epoch] != row], now=now)
        wanted = {self._path(row.record, row.epoch, row.digest) for row in self.held()}
        for path in paths:
            if path not in wanted:
                files.destroy(path)

    def _is_new(self) -> bool:
        """Whether the database has never known a deposit key, without which no share was ever stored."""
        with self._database.reading() as connection:
            return connection.execute(select(deposit_keys).limit(1)).first() is None

    def _path(self, record: bytes, epoch: int, digest: bytes) -> Path:
        return self._directory / f"{record.hex()}.{epoch}.{digest.hex()}"
