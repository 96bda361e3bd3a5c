"""Step A7: the receipts that a disclosure shows, against the chain.

* each receipt and the request inside it are signed, by the keeper's key and by the grant's own key (the record's for its owner);
* the receipts of a keeper for a grant form one chain, and as many as the keeper committed to under a posted root are there;
  whether that is all is known only if it is the root that was posted last;
* the grant was live at the checkpoint that a receipt names, and the receipt is not dated past its end + F;
* each read number was used once, within the terms if these were disclosed.

Left to others: contradictions as portable evidence (`equivocation`, A12), and openings (`openings`, A9).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from privledger.audit.facts import Facts
from privledger.audit.report import Sheet, moment
from privledger.protocol.disclosure import Disclosure, GrantDisclosure, ServiceReceipts
from privledger.protocol.entries import ReceiptsEntry
from privledger.protocol.errors import PrivledgerError
from privledger.protocol.ids import ZERO_GRANT
from privledger.protocol.receipt import Receipt, parse_receipt, verify_totals
from privledger.protocol.state import grant_key, record_key, service_key
from privledger.protocol.terms import Terms, parse_opening

__all__ = ["check_receipt", "check_receipts"]

_KEY_TAKEN = "the map key of {} is taken from the disclosure"


@dataclass(frozen=True, slots=True)
class _Place:
    """Which receipts are looked at, in words."""

    record: bytes
    grant: bytes
    service: bytes

    def __str__(self) -> str:
        whose = "the owner's reads" if self.grant == ZERO_GRANT else f"grant {self.grant.hex()}"
        return f"record {self.record.hex()}, {whose}, keeper {self.service.hex()}"


def check_receipts(sheet: Sheet, facts: Facts, disclosure: Disclosure, opened: Collection[bytes]) -> list[Receipt]:
    """Check all receipts of a disclosure; returns those whose signatures hold.

    Args:
        opened: the grants whose terms are opened (step A9); an opening that is false says nothing about receipts.
    """
    read: list[Receipt] = []
    count = 0
    for shown in disclosure.grants:
        grant = shown if shown.grant in opened else replace(shown, opening=None)
        for one in grant.services:
            place = _Place(disclosure.record, grant.grant, one.service)
            if not _is_known(facts, place):
                continue  # step A6 says that the state of these is not proven
            count += 1
            read += _check_keeper(sheet, facts, place, grant, one)
    if count:
        sheet.checked("A7", f"{len(read)} receipts of {count} chains, record {disclosure.record.hex()}")
    return read


def check_receipt(sheet: Sheet, facts: Facts, receipt: Receipt) -> None:
    """Check a receipt that came alone: keys, and that the grant was live."""
    request = receipt.request
    place = _Place(request.record, request.grant, receipt.service)
    if _is_known(facts, place):
        _check_one(sheet, facts, place, receipt, None)


def _is_known(facts: Facts, place: _Place) -> bool:
    keys = [record_key(place.record), service_key(place.service)]
    if place.grant != ZERO_GRANT:
        keys.append(grant_key(place.record, place.grant))
    return all(facts.knows(key) for key in keys)


def _check_keeper(
    sheet: Sheet, facts: Facts, place: _Place, grant: GrantDisclosure, shown: ServiceReceipts
) -> list[Receipt]:
    """All receipts of one keeper for one grant."""
    service = facts.service(place.service)
    if service is None or service.role != "keeper":
        sheet.fail("A7", "the chain knows no keeper of this id, so these receipts bind nobody", str(place))
        return []
    receipts: list[Receipt] = []
    for number, raw in enumerate(shown.receipts, start=1):
        try:
            receipts.append(parse_receipt(raw, facts.origin))
        except PrivledgerError as exc:
            sheet.fail("A7", f"receipt {number} does not hold: {exc}", str(place))
    terms = _terms(grant)
    for receipt in receipts:
        _check_one(sheet, facts, place, receipt, terms)
    _check_numbers(sheet, place, receipts)
    if len(receipts) == len(shown.receipts):
        _check_chain(sheet, facts, place, receipts, grant, shown)
    return receipts


def _terms(grant: GrantDisclosure) -> Terms | None:
    return None if grant.opening is None else parse_opening(grant.opening)[0]


def _check_one(sheet: Sheet, facts: Facts, place: _Place, receipt: Receipt, terms: Terms | None) -> None:
    """One receipt: who signed it, and whether the grant was live."""
    request = receipt.request
    where = f"{place}, receipt {receipt.number}"
    if (request.record, request.grant, receipt.service) != (place.record, place.grant, place.service):
        sheet.fail("A7", "the receipt is of another record, grant or keeper than the one it is shown for", where)
        return
    if receipt.service_key != facts.service_key(place.service, receipt.size):
        sheet.fail("A7", "the receipt is not signed by the key that the keeper had at that checkpoint", where)
    record, grant = facts.record(place.record), facts.grant(place.record, place.grant)
    if record is None or (grant is None and not request.is_owner):
        sheet.fail("A7", "a receipt for a record or grant that was never on the chain", where)
        return
    expected = record.key if grant is None else grant.key
    if request.key != expected:
        whose = "record's key" if request.is_owner else "grant's one-time key"
        sheet.fail("A7", f"the request inside is not signed by the {whose}: somebody else was answered", where)
    if not request.is_owner and receipt.units != 1:
        sheet.fail("A7", f"the receipt counts {receipt.units} units, and a read is one", where)
    _check_live(sheet, facts, receipt, record.index if grant is None else grant.index, where)
    if terms is not None:
        _check_terms(sheet, receipt, terms, where)


def _check_live(sheet: Sheet, facts: Facts, receipt: Receipt, granted: int | None, where: str) -> None:
    """That the grant was live at the size that the receipt names, and is not dated past its end + F."""
    if receipt.size <= facts.size and facts.is_complete and facts.time_at(receipt.size) is None:
        sheet.fail("A7", f"there was no checkpoint of {receipt.size} leaves, which the receipt names", where)
    if granted is None or granted >= receipt.size:
        sheet.fail("A7", f"at the checkpoint of {receipt.size} leaves there was no such grant yet", where, granted)
        return
    end = facts.ended(receipt.request.record, receipt.request.grant)
    if end is None:
        return
    if end.index < receipt.size:
        what = (
            f"a release after the end: the checkpoint of {receipt.size} leaves carries the entry that ended the grant"
        )
        sheet.fail("A7", what, where, end.index)
    elif receipt.time > end.time + facts.freshness:
        late = receipt.time - end.time
        what = f"a release {late} s after the block that ended the grant, more than F = {facts.freshness} s"
        sheet.fail("A7", what, where, end.index)


def _check_terms(sheet: Sheet, receipt: Receipt, terms: Terms, where: str) -> None:
    if not terms.first_read <= receipt.request.number <= terms.last_read:
        sheet.fail("A7", f"read number {receipt.request.number} is not one that the terms allow", where)
    if not terms.not_before <= receipt.time <= terms.not_after:
        sheet.fail("A7", f"the release at {moment(receipt.time)} is outside the time that the terms allow", where)


def _check_numbers(sheet: Sheet, place: _Place, receipts: Sequence[Receipt]) -> None:
    seen: dict[int, int] = {}
    for receipt in receipts:
        number = receipt.request.number
        if receipt.request.is_owner:
            continue
        if number in seen:
            what = f"read number {number} was spent before, by receipt {seen[number]}: two reads under one number"
            sheet.fail("A7", what, f"{place}, receipt {receipt.number}")
        seen.setdefault(number, receipt.number)


def _check_chain(
    sheet: Sheet,
    facts: Facts,
    place: _Place,
    receipts: Sequence[Receipt],
    grant: GrantDisclosure,
    shown: ServiceReceipts,
) -> None:
    """The chain of receipts, and that none is left out of those which the keeper committed to."""
    opening = shown.opening
    try:
        verify_totals(receipts, None if opening is None else opening.totals)
        grant.verify_key(place.record, shown)
        if opening is not None:
            opening.verify(shown.map_key)
    except PrivledgerError as exc:
        sheet.fail("A7", str(exc), str(place))
        return
    posted = facts.posted(place.service)
    if opening is None:
        if posted:
            what = "the keeper has posted a root, and nothing shows that these are all the receipts under it"
            sheet.block("A7", f"{place}: {what}; ask the owner for a new disclosure")
        return
    period = next(((index, body) for index, body in reversed(posted) if body.root == opening.root), None)
    if period is None:
        sheet.fail("A7", "the keeper has never posted the root that these receipts are shown under", str(place))
        return
    if not grant.proves_key:
        # Only who knows the key's secret can tell that this is where receipts would stand.
        if place.grant == ZERO_GRANT:
            sheet.checked("A7", _KEY_TAKEN.format("an owner's reads") + ", so that none is left out cannot be shown")
        elif opening.totals is None:
            what = "that the keeper committed to no receipts is shown under a map key that cannot be computed again"
            sheet.block("A7", f"{place}: {what}; ask the owner to show the terms")
        else:
            sheet.checked("A7", _KEY_TAKEN.format("a grant whose terms are not shown"))
    _check_period(sheet, place, receipts, 0 if opening.totals is None else opening.totals.count, *period)
    service = facts.service(place.service)
    if service is not None and opening.root != service.last_root:
        # What the keeper committed to since then may hold receipts that this disclosure leaves out.
        until = period[1].b
        what = f"complete up to size {until}; the keeper has posted again, ask for a new disclosure"
        sheet.block("A7", f"{place}: {what}")


def _check_period(
    sheet: Sheet, place: _Place, receipts: Sequence[Receipt], count: int, index: int, period: ReceiptsEntry
) -> None:
    """A receipt belongs to the period that holds the size it names."""
    due = sum(receipt.size <= period.b for receipt in receipts)
    if due != count:
        what = f"{due} receipts name checkpoints up to {period.b}, and the keeper committed to {count} there"
        sheet.fail("A7", f"{what}: it signed one for a period that it had closed, or left one out", str(place), index)
