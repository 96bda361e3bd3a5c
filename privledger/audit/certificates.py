"""Step A11, the keepers' part: erasure certificates are complete, or pending and until when.

Certificates are disclosed by the owner. For an erased record whose disclosure shows too few of them the step fails; a record that
nothing is disclosed of is left to the vault's part (`vault`). Left to others: destroying anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from privledger.audit.facts import Facts
from privledger.audit.report import Sheet, moment
from privledger.protocol.certificate import Certificate, erasure_progress, parse_certificate
from privledger.protocol.disclosure import Disclosure
from privledger.protocol.errors import PrivledgerError, UsageError, VerificationError
from privledger.protocol.state import RecordState, record_key

__all__ = ["backups_in_words", "check_certificates", "read_certificate"]


def check_certificates(sheet: Sheet, facts: Facts, disclosure: Disclosure) -> None:
    """Check the certificates of a disclosure, and that an erased record has enough of them."""
    record, where = disclosure.record, f"record {disclosure.record.hex()}"
    if not facts.knows(record_key(record)):
        return  # step A6 says so
    state = facts.record(record)
    certificates: list[Certificate] = []
    for number, raw in enumerate(disclosure.certificates, start=1):
        try:
            certificates.append(read_certificate(facts, raw, record))
        except PrivledgerError as exc:
            sheet.fail("A11", f"certificate {number} does not hold: {exc}", where)
    if state is None or state.is_live:
        if certificates:
            sheet.fail("A11", "keepers certify the destruction of a record that the chain does not show erased", where)
        return
    _check_progress(sheet, state, record, certificates)


def read_certificate(facts: Facts, raw: bytes, record: bytes | None = None) -> Certificate:
    """Read a certificate and compare its keys with the chain's.

    Raises:
        FormatError, VerificationError.
    """
    certificate = parse_certificate(raw, facts.origin)
    if record is not None and certificate.record != record:
        raise VerificationError("it is of another record")
    service, state = facts.service(certificate.service), facts.record(certificate.record)
    if service is None or service.role != "keeper" or certificate.key not in facts.service_keys(certificate.service):
        raise VerificationError("it is not signed by a keeper that the chain knows")
    if state is None or any(line.deposit.key != state.key for line in certificate.lines):
        raise VerificationError("it names a share that the record's owner never deposited")
    return certificate


def _check_progress(sheet: Sheet, state: RecordState, record: bytes, certificates: Sequence[Certificate]) -> None:
    where = f"record {record.hex()}"
    try:
        progress = erasure_progress(certificates, record=record, key=state.key, epoch=state.epoch)
    except UsageError:
        what = "the record is erased, and no keeper certifies that it destroyed its share: it may still be opened"
        sheet.fail("A11", what, where, state.changed)
        return
    if progress.complete:
        sheet.checked(
            "A11",
            f"{where}: complete, {progress.done} of the needed {progress.needed} certificates;"
            f" {backups_in_words(progress.backups_until)}",
        )
    elif progress.pending_until is not None and _shown(certificates) >= progress.needed:
        sheet.checked(
            "A11",
            f"{where}: pending until {moment(progress.pending_until)}, {progress.done} of {progress.needed} certificates are final",
        )
    else:
        what = f"{_shown(certificates)} keepers certify, and {progress.needed} are needed before nobody can open the record"
        sheet.fail("A11", what, where, state.changed)


def backups_in_words(until: int) -> str:
    """What a certificate says of its keeper's backups, in words: 0 is that none are made (docs/spec/release.md §6)."""
    return f"backups may hold shares until {moment(until)}" if until else "no backups are made"


def _shown(certificates: Sequence[Certificate]) -> int:
    """How many distinct shares the certificates name."""
    return len(
        {line.deposit.share.index for one in certificates for line in one.lines if line.deposit.share is not None}
    )
