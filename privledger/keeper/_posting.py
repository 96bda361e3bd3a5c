"""Posting the receipt map's root, and never signing a receipt for a period that is closed (docs/spec/release.md §4).

    entry = posting.prepare()      # signed and kept; from here on receipts name a later checkpoint
    ... the place submits it ...
    posting.posted(accepted)       # or nothing: after a crash the chain says what became of it

An entry that was signed may always reach the chain, so its `b` stays closed even if it was refused. What was posted the state
says (`last b`); the root for it must follow from the receipts that are here, or some were lost.
"""

from __future__ import annotations

from privledger.keeper._receipts import DROPPED, POSTED, PREPARED, Period, ReceiptBook
from privledger.protocol.entries import ReceiptsEntry, make_entry
from privledger.protocol.errors import UnavailableError
from privledger.protocol.state import ServiceState
from privledger.replica.checks import ServiceChecks
from privledger_crypto.cose import Signer

__all__ = ["Posting"]

_NOT_THAT_ROOT = "do not yield the root that was posted for checkpoint size {}"


class Posting:
    """The periods of one keeper; the caller holds the keeper's lock."""

    def __init__(self, book: ReceiptBook, checks: ServiceChecks, signer: Signer) -> None:
        self._book = book
        self._checks = checks
        self._signer = signer
        self._verified = 0  # the b for which the map was found to yield the posted root

    def settle(self) -> None:
        """Take over from the chain what became of the entries that were signed."""
        last = self._last_on_chain()
        for period in self._book.periods():
            if period.b == last and period.status != POSTED:
                self._book.set_status(period.b, POSTED)
            elif period.status == PREPARED and (period.a != last or period.b < last):
                self._book.set_status(period.b, DROPPED)

    def verify(self) -> None:
        """Check that the receipts here are all that were given, and yield the root that was posted last.

        Raises:
            UnavailableError: code `receipts_lost`: this keeper must answer nothing.
        """
        why = self._book.lost()
        if why is not None:
            raise _lost(why)
        last = self.last_posted()
        if last is None:
            if self._last_on_chain():
                raise _lost(_NOT_THAT_ROOT.format(self._last_on_chain()))
            return
        if self._verified != last.b:
            if self._book.posted_map(last.b).root != last.root:
                raise _lost(_NOT_THAT_ROOT.format(last.b))
            self._verified = last.b

    def last_posted(self) -> Period | None:
        """The period that was posted last, by the chain or by who submitted it; None if its entry is not here."""
        on_chain = self._last_on_chain()
        known = [period for period in self._book.periods() if period.status == POSTED and period.b >= on_chain]
        return known[-1] if known else None

    def floor(self) -> int:
        """The size up to which no receipt is signed any more."""
        return max((period.b for period in self._book.periods()), default=0)

    def is_due(self) -> bool:
        """Whether the last period is old enough, or an entry waits to be submitted."""
        service = self._service()
        if service is None or not service.is_valid_at(self._checks.block_time()):
            return False
        if self._prepared() is not None:
            return True
        last = self.last_posted()
        since = service.valid_from if last is None else last.time
        period = self._checks.settings.limits.receipts_period
        return self._checks.block_time() - since >= period and self._checks.view.checkpoint.size > service.last_b

    def prepare(self) -> bytes:
        """The signed `receipts` entry to submit: the one that waits, or a new one up to the view's size.

        Raises:
            UnavailableError: code `unknown_service`, or `nothing_to_post` if no block came since the last period.
        """
        waiting = self._prepared()
        if waiting is not None:
            return waiting.entry
        service = self._service()
        if service is None:
            raise UnavailableError(
                "this keeper is not on the chain", code="unknown_service", hint="The ledger's operator must admit it."
            )
        last = self.last_posted()
        a, b = (service.last_b if last is None else last.b), self._checks.view.checkpoint.size
        earlier = {period.b: period for period in self._book.periods()}.get(b)
        if earlier is not None and earlier.a == a and earlier.status == DROPPED:
            self._book.set_status(b, PREPARED)  # refused before; nothing was added to it since
            return earlier.entry
        if b <= max(a, self.floor()):
            raise UnavailableError("no block came since the last period", code="nothing_to_post")
        root = self._book.map_at(b).root
        entry = make_entry([self._signer], ReceiptsEntry(self._checks.service, a, b, root), origin=self._checks.origin)
        self._book.add_period(Period(b, a, root, entry, self._checks.block_time(), PREPARED))
        return entry

    def posted(self, accepted: bool) -> None:
        """Note what became of the entry that waits; nothing if none does."""
        waiting = self._prepared()
        if waiting is not None:
            self._book.set_status(waiting.b, POSTED if accepted else DROPPED)

    def _prepared(self) -> Period | None:
        return next((period for period in self._book.periods() if period.status == PREPARED), None)

    def _service(self) -> ServiceState | None:
        return self._checks.state.service(self._checks.service)

    def _last_on_chain(self) -> int:
        service = self._service()
        return 0 if service is None else service.last_b


def _lost(why: str) -> UnavailableError:
    return UnavailableError(
        f"the receipts here {why}",
        code="receipts_lost",
        hint="Restore the newest backup of keeper.sqlite, and leave the guard as it is; until then this keeper answers nothing.",
    )
