"""Deposit keys: what shares travel under, each for a while and then destroyed (docs/spec/record.md §4).

The seed of a key is a file of its own, mode 0600; the database knows its statement and when it went. A share can be read
again from a recorded deposit as long as its key lives, so a key's death is part of every erasure.

Left to others: when to look (`LocalKeeper` does, at each call), and what a share is for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import insert, select, update

from privledger.keeper._database import Database, deposit_keys
from privledger.protocol.deposit import Deposit, make_deposit_key, open_share
from privledger.protocol.errors import UnavailableError, VerificationError
from privledger.storage import files
from privledger_crypto.cose import Signer
from privledger_crypto.envelope import XWING_SEED_SIZE, XWingPrivateKey
from privledger_crypto.shares import Share

__all__ = ["DepositKeys", "KeyFate"]

_SUFFIX = ".seed"


@dataclass(frozen=True, slots=True)
class KeyFate:
    """Until when a deposit key may live, and when it went (None: it lives)."""

    until: int
    destroyed_at: int | None


class DepositKeys:
    """The deposit keys of one keeper; the caller holds the keeper's lock."""

    def __init__(
        self,
        directory: Path,
        database: Database,
        *,
        signer: Signer,
        service: bytes,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        files.make_directory(directory)
        self._directory = directory
        self._database = database
        self._signer = signer
        self._service = service
        self._random_bytes = random_bytes

    def renew(self, *, now: int, life: int, origin: str) -> None:
        """Destroy keys whose time is over, and make one if none lives.

        Args:
            now: seconds since 1970 UTC.
            life: seconds that a new key lives.
        """
        living = self._living()
        for digest, until in living.items():
            if until <= now or not self._path(digest).exists():
                files.destroy(self._path(digest))
                with self._database.writing() as connection:
                    connection.execute(
                        update(deposit_keys).where(deposit_keys.c.digest == digest).values(destroyed_at=now)
                    )
        if not self._living():
            self._make(now, now + life, origin)

    def current(self) -> bytes:
        """The statement of the newest living key."""
        query = (
            select(deposit_keys.c.statement)
            .where(deposit_keys.c.destroyed_at.is_(None))
            .order_by(deposit_keys.c.since.desc())
        )
        with self._database.reading() as connection:
            found = connection.execute(query).scalar()
        if not isinstance(found, bytes):
            raise UnavailableError("this keeper has no deposit key", code="no_deposit_key")
        return found

    def open(self, deposit: Deposit, message: bytes, *, origin: str) -> tuple[Share, bytes]:
        """Open a share that came under one of the living keys; returns it and the digest of that key's statement.

        Raises:
            VerificationError: it is for none of them (code `wrong_deposit_key`). FormatError: no share inside.
        """
        for digest in self._living():
            private = XWingPrivateKey.from_seed(files.read_bytes(self._path(digest), max_size=XWING_SEED_SIZE))
            try:
                share = open_share(
                    private,
                    message,
                    origin=origin,
                    record=deposit.record,
                    epoch=deposit.epoch,
                    service=deposit.service,
                )
            except VerificationError:
                continue
            return share, digest
        raise VerificationError(
            "the share is sealed to no deposit key that lives here",
            code="wrong_deposit_key",
            hint="Ask for the deposit key again and seal the share to it; keys are renewed.",
        )

    def fate(self, digest: bytes) -> KeyFate:
        """What became of the key whose statement has this SHA-256."""
        query = select(deposit_keys.c.until, deposit_keys.c.destroyed_at).where(deposit_keys.c.digest == digest)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise UnavailableError("a deposit key is missing from the database", code="database_corrupt")
        return KeyFate(*row)

    def sweep(self) -> None:
        """Destroy seeds that no living key names, which a crash left behind."""
        wanted = {self._path(digest) for digest in self._living()}
        for path in sorted(self._directory.iterdir()):
            if path not in wanted:
                files.destroy(path)

    def _make(self, since: int, until: int, origin: str) -> None:
        seed = self._random_bytes(XWING_SEED_SIZE)
        public = XWingPrivateKey.from_seed(seed).public
        statement = make_deposit_key(
            self._signer, origin=origin, service=self._service, public=public, since=since, until=until
        )
        digest = hashlib.sha256(statement).digest()
        files.write_atomic(self._path(digest), seed, mode=files.PRIVATE)  # before anybody can hear of the key
        with self._database.writing() as connection:
            connection.execute(
                insert(deposit_keys).values(digest=digest, statement=statement, since=since, until=until)
            )

    def _living(self) -> dict[bytes, int]:
        """Digest and end of each living key, the newest first."""
        query = (
            select(deposit_keys.c.digest, deposit_keys.c.until)
            .where(deposit_keys.c.destroyed_at.is_(None))
            .order_by(deposit_keys.c.since.desc())
        )
        with self._database.reading() as connection:
            return {row.digest: row.until for row in connection.execute(query)}

    def _path(self, digest: bytes) -> Path:
        return self._directory / f"{digest.hex()}{_SUFFIX}"
