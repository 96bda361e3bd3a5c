"""The keeper's receipts: chains, spent read numbers, the receipt map, and what was posted of it (docs/spec/release.md §3-4).

Rows are added and never changed, and each carries its grant's totals, so the receipt map at any posted size can be computed
again: `map_at(b)` must yield the root that was posted for b, or receipts were lost.

Left to others: whether to give a receipt, and bringing a posted entry to the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import func, insert, select, update

from privledger.keeper._database import Database, periods, receipts
from privledger.protocol.receipt import FIRST_HEAD, ReceiptOpening, ReceiptTotals, next_head, receipt_map_key
from privledger.protocol.request import Request
from privledger_crypto.group import parse_scalar, scalar_to_bytes
from privledger_crypto.statemap import SparseMap

__all__ = ["DROPPED", "POSTED", "PREPARED", "Chain", "Period", "ReceiptBook"]

PREPARED, POSTED, DROPPED = "prepared", "posted", "dropped"


@dataclass(frozen=True, slots=True)
class Chain:
    """Where the chain of a grant's receipts stands: how many, the head after them, and their units."""

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
    """The receipts of one keeper; the caller holds the keeper's lock."""

    def __init__(self, database: Database) -> None:
        self._database = database

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

    def chain(self, record: bytes, grant: bytes) -> Chain:
        """Where the chain of a grant stands."""
        query = (
            select(receipts.c.count, receipts.c.head, receipts.c.units)
            .where(receipts.c.record == record, receipts.c.grant == grant)
            .order_by(receipts.c.count.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return Chain() if row is None else Chain(*row)

    def append(
        self, request: Request, chain: Chain, receipt: bytes, *, size: int, time: int, units: int, rho: int
    ) -> None:
        """Add the receipt that follows `chain`; it is on the disk when this returns."""
        totals = ReceiptTotals(rho, next_head(chain.head, receipt), chain.count + 1, chain.units + units)
        row = {
            "record": request.record,
            "grant": request.grant,
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

    def all(self, record: bytes, grant: bytes) -> tuple[bytes, ...]:
        """All receipts of a grant, in order."""
        query = (
            select(receipts.c.receipt)
            .where(receipts.c.record == record, receipts.c.grant == grant)
            .order_by(receipts.c.count)
        )
        with self._database.reading() as connection:
            return tuple(connection.execute(query).scalars())

    def latest_time(self) -> int:
        """The time of the latest receipt, 0 without any."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.max(receipts.c.time))).scalar() or 0)

    # --- the map

    def map_at(self, size: int) -> SparseMap:
        """The receipt map of all receipts that name checkpoints up to `size`."""
        last = (
            select(receipts.c.record, receipts.c.grant, func.max(receipts.c.count).label("last"))
            .where(receipts.c.size <= size)
            .group_by(receipts.c.record, receipts.c.grant)
            .subquery()
        )
        query = select(receipts.c.record, receipts.c.grant, receipts.c.commitment).join(
            last,
            (receipts.c.record == last.c.record)
            & (receipts.c.grant == last.c.grant)
            & (receipts.c.count == last.c.last),
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return SparseMap.from_items([(receipt_map_key(record, grant), value) for record, grant, value in rows])

    def opening(self, record: bytes, grant: bytes, size: int) -> ReceiptOpening:
        """What the map at `size` holds for a grant, opened, with the proof."""
        query = (
            select(receipts.c.rho, receipts.c.head, receipts.c.count, receipts.c.units)
            .where(receipts.c.record == record, receipts.c.grant == grant, receipts.c.size <= size)
            .order_by(receipts.c.count.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        totals = None if row is None else ReceiptTotals(parse_scalar(row[0]), row[1], row[2], row[3])
        posted = self.map_at(size)
        return ReceiptOpening(posted.root, totals, posted.prove(receipt_map_key(record, grant)))

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
