"""The keeper's receipts: chains, spent read numbers, the receipt map, and what was posted of it (docs/spec/release.md §3-4).

Rows are added and never changed, and each carries its chain's totals, so the receipt map at any posted size can be computed
again: `map_at(b)` must yield the root that was posted for b, or receipts were lost. What was added since the last posting the
guard watches (`_guard`): it moves before a new receipt is shown to anybody.

Left to others: whether to give a receipt, its map key, and bringing a posted entry to the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import func, insert, select, update

from privledger.keeper._database import Database, periods, receipts
from privledger.keeper._guard import Count, ReceiptGuard
from privledger.protocol.receipt import FIRST_HEAD, ReceiptOpening, ReceiptTotals, next_head
from privledger.protocol.request import Request
from privledger_crypto.group import parse_scalar, scalar_to_bytes
from privledger_crypto.statemap import SparseMap

__all__ = ["DROPPED", "POSTED", "PREPARED", "Chain", "Period", "ReceiptBook"]

PREPARED, POSTED, DROPPED = "prepared", "posted", "dropped"


@dataclass(frozen=True, slots=True)
class Chain:
    """Where a chain of receipts stands: how many, the head after them, and their units."""

    count: int = 0
    head: bytes = FIRST_HEAD
    units: int = 0


@dataclass(frozen=True, slots=True)
class Period:
    """A `receipts` entry that was signed for sizes (a, b]; `time` is that of the last block then."""

    b: int
    a: int
    root: bytes
    entry: bytes = field(repr=False)
    time: int
    status: str


class ReceiptBook:
    """The receipts of one keeper; the caller holds the keeper's lock.

    Args:
        guard: what remembers, outside the database, how far it had come.
    """

    def __init__(self, database: Database, guard: ReceiptGuard) -> None:
        self._database = database
        self._guard = guard
        self._posted: tuple[int, SparseMap] | None = (
            None  # the map of the last posted size, which nothing changes any more
        )

    # --- receipts

    def find(self, request: Request) -> bytes | None:
        """The receipt of this very request, or None."""
        query = select(receipts.c.receipt).where(
            receipts.c.record == request.record,
            receipts.c.grant == request.grant,
            receipts.c.request == request.digest,
        )
        with self._database.reading() as connection:
            found = connection.execute(query).scalar()
        return found if isinstance(found, bytes) else None

    def is_spent(self, request: Request) -> bool:
        """Whether the request's read number was used, by whatever request."""
        query = select(receipts.c.count).where(
            receipts.c.record == request.record,
            receipts.c.grant == request.grant,
            receipts.c.spends == request.number,
        )
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def chain(self, map_key: bytes) -> Chain:
        """Where the chain with this map key stands."""
        query = (
            select(receipts.c.count, receipts.c.head, receipts.c.units)
            .where(receipts.c.map_key == map_key)
            .order_by(receipts.c.count.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return Chain() if row is None else Chain(*row)

    def append(
        self,
        request: Request,
        map_key: bytes,
        chain: Chain,
        receipt: bytes,
        *,
        size: int,
        time: int,
        units: int,
        rho: int,
    ) -> None:
        """Add the receipt that follows `chain`; it is on the disk, and the guard knows of it, when this returns."""
        totals = ReceiptTotals(rho, next_head(chain.head, receipt), chain.count + 1, chain.units + units)
        counted = self.counted().next(receipt)
        row = {
            "number": counted.number,
            "running": counted.running,
            "record": request.record,
            "grant": request.grant,
            "map_key": map_key,
            "count": totals.count,
            "request": request.digest,
            "spends": None if request.is_owner else request.number,
            "size": size,
            "time": time,
            "units": totals.units,
            "head": totals.head,
            "rho": scalar_to_bytes(rho),
            "commitment": totals.commitment(),
            "receipt": receipt,
        }
        with self._database.writing() as connection:
            connection.execute(insert(receipts).values(row))
        self._guard.move(counted)

    def all(self, record: bytes, grant: bytes, map_key: bytes) -> tuple[bytes, ...] | None:
        """All receipts of a grant under a map key, in order; None if that is the key of something else."""
        query = (
            select(receipts.c.record, receipts.c.grant, receipts.c.receipt)
            .where(receipts.c.map_key == map_key)
            .order_by(receipts.c.count)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        if any((row.record, row.grant) != (record, grant) for row in rows):
            return None
        return tuple(row.receipt for row in rows)

    def counted(self, number: int | None = None) -> Count:
        """The count up to the receipt `number`, or up to the last; of nothing if there are not as many."""
        query = select(receipts.c.number, receipts.c.running).order_by(receipts.c.number.desc()).limit(1)
        if number is not None:
            query = query.where(receipts.c.number == number)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return Count() if row is None else Count(*row)

    def lost(self) -> str | None:
        """Why receipts that this keeper gave may not be in the database, or None; if so, nothing may be answered from it.

        After a crash the guard may be one receipt behind, whose answer never left; it is moved then.
        """
        known, last = self._guard.read(), self.counted()
        if last == known:
            return None
        if last.number < known.number or self.counted(known.number) != known:
            return f"are not the {known.number} that the guard counted"
        if known == Count() and last.number > 1:
            return "are there without the guard that counted them, so they may be an old copy"
        self._guard.move(last)
        return None

    def latest_time(self) -> int:
        """The time of the latest receipt, 0 without any."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.max(receipts.c.time))).scalar() or 0)

    # --- the map

    def map_at(self, size: int) -> SparseMap:
        """The receipt map of all receipts that name checkpoints up to `size`."""
        last = (
            select(receipts.c.map_key, func.max(receipts.c.count).label("last"))
            .where(receipts.c.size <= size)
            .group_by(receipts.c.map_key)
            .subquery()
        )
        query = select(receipts.c.map_key, receipts.c.commitment).join(
            last, (receipts.c.map_key == last.c.map_key) & (receipts.c.count == last.c.last)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return SparseMap.from_items([(key, value) for key, value in rows])

    def posted_map(self, size: int) -> SparseMap:
        """The same for a size that was posted, whose map is final: it is computed once and kept until a later one is asked for."""
        if self._posted is None or self._posted[0] != size:
            self._posted = size, self.map_at(size)
        return self._posted[1]

    def opening(self, map_key: bytes, size: int) -> ReceiptOpening:
        """What the map that was posted for `size` holds at a key, opened, with the proof."""
        query = (
            select(receipts.c.rho, receipts.c.head, receipts.c.count, receipts.c.units)
            .where(receipts.c.map_key == map_key, receipts.c.size <= size)
            .order_by(receipts.c.count.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        totals = None if row is None else ReceiptTotals(parse_scalar(row[0]), row[1], row[2], row[3])
        posted = self.posted_map(size)
        return ReceiptOpening(posted.root, totals, posted.prove(map_key))

    # --- periods

    def periods(self) -> list[Period]:
        """Every period for which an entry was ever signed, in order of b."""
        with self._database.reading() as connection:
            return [Period(*row) for row in connection.execute(select(periods).order_by(periods.c.b))]

    def add_period(self, period: Period) -> None:
        """Keep a signed entry before it is shown to anybody."""
        row = {
            "b": period.b,
            "a": period.a,
            "root": period.root,
            "entry": period.entry,
            "time": period.time,
            "status": period.status,
        }
        with self._database.writing() as connection:
            connection.execute(insert(periods).values(row))

    def set_status(self, b: int, status: str) -> None:
        """Note what became of the period that ends at `b`."""
        with self._database.writing() as connection:
            connection.execute(update(periods).where(periods.c.b == b).values(status=status))
