"""How a person names a record or a grant: an id in hex, its first digits, a title or label, or a share link.

    record = find_record(owner.records(), "Rides in March")
    record, grant = find_given(owner.records(), "5d0c")

A name must fit exactly one; otherwise the error lists the candidates.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from privledger.cli.output import clean
from privledger.protocol.address import parse_share_link
from privledger.protocol.errors import UsageError, VerificationError
from privledger.sdk.owner import RecordView

__all__ = [
    "MIN_PREFIX",
    "Candidate",
    "find",
    "find_given",
    "find_record",
    "grant_candidates",
    "record_candidates",
    "share_link_of",
]

MIN_PREFIX = 4  # hex digits
_MAX_LISTED = 10
_HEX = re.compile(r"[0-9a-f]{4,32}")
_SCHEME = "privledger:"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that can be named: its record, its grant (empty for a record), and its title or label."""

    record: bytes
    grant: bytes
    name: str

    @property
    def id(self) -> bytes:
        """What hex digits are compared with."""
        return self.grant or self.record

    def describe(self) -> str:
        """One line for a list of candidates."""
        return f"{self.id.hex()} {clean(self.name)}".rstrip()


def find(text: str, candidates: Sequence[Candidate], what: str) -> Candidate:
    """The one candidate that `text` names.

    Raises:
        UsageError: none or several fit; the message lists them.
    """
    digits = text.lower()
    matches = [one for one in candidates if one.id.hex() == digits]
    if not matches and _HEX.fullmatch(digits):
        matches = [one for one in candidates if one.id.hex().startswith(digits)]
    if not matches:
        matches = [one for one in candidates if one.name == text]
    if not matches:
        matches = [one for one in candidates if one.name.casefold() == text.casefold()]
    if len(matches) == 1:
        return matches[0]
    shown = matches or candidates
    listed = "".join(f"\n  {one.describe()}" for one in shown[:_MAX_LISTED])
    more = f"\n  and {len(shown) - _MAX_LISTED} more" if len(shown) > _MAX_LISTED else ""
    if matches:
        raise UsageError(
            f"{len(matches)} {what}s fit {text!r}:{listed}{more}", code="ambiguous", hint="Give more digits of the id."
        )
    there = f"; there are:{listed}{more}" if candidates else ", and there is none at all"
    raise UsageError(
        f"no {what} fits {clean(text)!r}{there}",
        code="not_found",
        hint=f"Give an id, its first {MIN_PREFIX} or more digits, or the exact title.",
    )


def record_candidates(records: Sequence[RecordView]) -> list[Candidate]:
    """The records of a wallet."""
    return [Candidate(one.record, b"", "" if one.descriptor is None else one.descriptor.title) for one in records]


def grant_candidates(records: Sequence[RecordView]) -> list[Candidate]:
    """The grants that a wallet gave."""
    return [Candidate(one.record, grant.grant, grant.label) for one in records for grant in one.grants]


def find_record(records: Sequence[RecordView], text: str) -> bytes:
    """The id of the one record that `text` names."""
    return find(text, record_candidates(records), "record").record


def share_link_of(text: str, origin: str) -> tuple[bytes, bytes] | None:
    """Record and grant of a share link of this ledger, or None if `text` is no link.

    Raises:
        FormatError: a damaged link. VerificationError: a link of another ledger.
    """
    if not text.startswith(_SCHEME):
        return None
    named, record, grant = parse_share_link(text.strip())
    if named != origin:
        raise VerificationError(
            f"this share link is of the ledger {named}, and the wallet trusts {origin}",
            code="wrong_origin",
            hint="Use --at and --wallet of that ledger.",
        )
    return record, grant


def find_given(records: Sequence[RecordView], text: str, origin: str) -> tuple[bytes, bytes]:
    """Record and grant id of the one given grant that `text` names: an id, its first digits, its label, or its share link."""
    link = share_link_of(text, origin)
    if link is not None:
        return link
    found = find(text, grant_candidates(records), "grant")
    return found.record, found.grant
