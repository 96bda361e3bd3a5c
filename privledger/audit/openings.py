"""Step A9: what was opened or proven: terms, the proof that `C` opens to `d`, presentations.

Left to others: whether the vault's blob is the one that `d` names (`vault`, A8), and who may be shown what.
"""

from __future__ import annotations

from privledger.audit.facts import Facts
from privledger.audit.report import Sheet
from privledger.protocol.disclosure import Disclosure, GrantDisclosure
from privledger.protocol.entries import parse_block
from privledger.protocol.errors import FormatError, PrivledgerError, VerificationError
from privledger.protocol.ids import ZERO_GRANT
from privledger.protocol.presentation import unpack_presentation, verify_presentation
from privledger.protocol.state import grant_key, record_key
from privledger.protocol.terms import parse_opening, verify_terms
from privledger.protocol.trust import TrustRoot

__all__ = ["check_openings", "check_presentation", "presentation_words"]


def check_openings(sheet: Sheet, facts: Facts, disclosure: Disclosure) -> set[bytes]:
    """Check the openings of terms and the proof of `d` in a disclosure; returns the grants whose terms are opened."""
    opened = {
        grant.grant
        for grant in disclosure.grants
        if grant.opening is not None and _is_opened(sheet, facts, disclosure.record, grant)
    }
    if disclosure.descriptor is not None and facts.knows(record_key(disclosure.record)):
        _check_descriptor(sheet, facts, disclosure)
    return opened


def _is_opened(sheet: Sheet, facts: Facts, record: bytes, grant: GrantDisclosure) -> bool:
    where = f"record {record.hex()}, grant {grant.grant.hex()}"
    if grant.grant == ZERO_GRANT:
        sheet.fail("A9", "an opening of terms for the owner's own reads, which have none", where)
        return False
    if not facts.knows(grant_key(record, grant.grant)):
        return False  # step A6 says so
    state = facts.grant(record, grant.grant)
    try:
        if state is None or state.index is None:
            raise VerificationError("terms are disclosed of a grant that was never on the chain")
        terms, r = parse_opening(grant.opening or b"")
        verify_terms(state.terms, terms, r)
    except PrivledgerError as exc:
        sheet.fail("A9", f"these are not the terms that were committed to: {exc}", where)
        return False
    sheet.checked("A9", f"grant {grant.grant.hex()} {terms.describe()}")
    return True


def _check_descriptor(sheet: Sheet, facts: Facts, disclosure: Disclosure) -> None:
    shown, where = disclosure.descriptor, f"record {disclosure.record.hex()}"
    state = facts.record(disclosure.record)
    try:
        if shown is None or state is None:
            raise VerificationError("a descriptor is disclosed of a record that was never on the chain")
        if shown.epoch != state.epoch:
            raise VerificationError(f"the descriptor is of epoch {shown.epoch}, and the chain stands at {state.epoch}")
        shown.verify(origin=facts.origin, record=disclosure.record, commitment=state.commitment)
    except PrivledgerError as exc:
        sheet.fail("A9", f"the commitment on the chain does not open to this blob and descriptor: {exc}", where)
        return
    sheet.checked("A9", f"the commitment of {where} opens to the disclosed blob of {shown.blob_size} bytes")


def check_presentation(sheet: Sheet, trust: TrustRoot, data: bytes) -> None:
    """Check a presentation on its own terms: its own request, at the time of its own state."""
    try:
        words = presentation_words(trust, data)
    except FormatError as exc:
        sheet.fail("A9", f"not a presentation: {exc}", "presentation")
    except PrivledgerError as exc:
        sheet.fail("A9", f"the presentation shows nothing: {exc}", "presentation")
    else:
        sheet.checked("A9", words)


def presentation_words(trust: TrustRoot, data: bytes) -> str:
    """What a presentation shows, to a reader who did not ask for it.

    Raises:
        FormatError, VerificationError: it shows nothing.
    """
    shown = unpack_presentation(data)
    # The reader is not its verifier: it can say what was true at the time of the state inside, not that this is recent.
    time = parse_block(shown.answer.block_leaf).time
    verified = verify_presentation(data, shown.request, trust, time, trust.max_age)
    return (
        f"its maker opens the commitment of record {verified.record.hex()}, live in the checkpoint of {verified.size} leaves; "
        f"made for {shown.request.verifier!r}, scope {shown.request.scope!r}"
    )
