"""Terms from the command line: purposes, times, reads and a price (docs/spec/grant.md §1).

Left to others: what terms mean (`privledger.protocol.terms`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from privledger.cli.output import moment
from privledger.protocol.errors import UsageError
from privledger.protocol.terms import Terms

__all__ = ["TermsOptions", "parse_duration", "parse_time"]

_RELATIVE = re.compile(r"\+?([0-9]{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_READS = re.compile(r"([0-9]{1,10})(?:-([0-9]{1,10}))?")
_EXAMPLE_AHEAD = 30 * 86400  # seconds from now to the day that hints name


def _example_day(now: int) -> str:
    return datetime.fromtimestamp(now + _EXAMPLE_AHEAD, UTC).strftime("%Y-%m-%d")


def _time_hint(now: int) -> str:
    day = _example_day(now)
    return f"Write {day}, {day}T18:00, now, or from now on: +12h, +30d."


def _until_hint(now: int) -> str:
    return f"Give --until, for example --until +30d or --until {_example_day(now)}."


def parse_duration(text: str, option: str) -> int:
    """Seconds of `90s`, `30m`, `12h`, `30d` or `2w`.

    Raises:
        UsageError: another form.
    """
    match = _RELATIVE.fullmatch(text)
    if match is None:
        raise UsageError(f"{option}: {text!r} is not a span of time", hint="Write for example 30m, 12h or 30d.")
    return int(match[1]) * _SECONDS[match[2]]


def parse_time(text: str, option: str, *, now: int, end_of_day: bool = False) -> int:
    """Seconds since 1970 UTC of a date, a time (UTC unless it says otherwise), `now` or `+30d`.

    Args:
        end_of_day: a bare date means its last second, as in "until".

    Raises:
        UsageError: another form.
    """
    if text == "now":
        return now
    if text.startswith("+"):
        return now + parse_duration(text, option)
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        if end_of_day and _DATE.fullmatch(text):
            at += timedelta(days=1, seconds=-1)
        return int(at.timestamp())
    except (ValueError, OverflowError) as exc:
        raise UsageError(f"{option}: {text!r} is not a time", hint=_time_hint(now)) from exc


def _parse_reads(text: str) -> tuple[int, int]:
    match = _READS.fullmatch(text)
    if match is None:
        raise UsageError(f"--reads: {text!r} is not a number of reads", hint="Write 12, or read numbers as 1-12.")
    return (1, int(match[1])) if match[2] is None else (int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class TermsOptions:
    """The options as they were given; None where one was not."""

    purposes: Sequence[str] | None
    start: str | None
    until: str | None
    reads: str | None
    price: int | None
    currency: str | None

    def terms(self, *, now: int, wanted: Terms | None = None) -> Terms:
        """The terms: what was given, else what is `wanted` (by an access request), else the defaults.

        Raises:
            UsageError: no purpose or no end was given, or a value that cannot be.
        """
        if wanted is None and not self.purposes:
            raise UsageError("terms need a purpose", hint="Give --purpose CODE, for example --purpose route-planning.")
        if wanted is None and self.until is None:
            raise UsageError("terms need an end", hint=_until_hint(now))
        base = wanted or Terms(("none",), now, now, 1, 1)
        first, last = (base.first_read, base.last_read) if self.reads is None else _parse_reads(self.reads)
        if (self.price or 0) > 0 and not (self.currency or base.currency):
            raise UsageError("a price needs its currency", hint="Give --currency, for example --currency EUR.")
        until = base.not_after if self.until is None else parse_time(self.until, "--until", now=now, end_of_day=True)
        if until < now and self.until is None:
            raise UsageError(
                f"the request asks for a time that ended on {moment(until)}",
                hint=f"{_until_hint(now)} Or ask for a new request.",
            )
        if until < now:
            raise UsageError(f"--until: {moment(until)} lies in the past", hint=_time_hint(now))
        return Terms(
            purposes=base.purposes if not self.purposes else tuple(sorted(set(self.purposes))),
            not_before=base.not_before if self.start is None else parse_time(self.start, "--from", now=now),
            not_after=until,
            first_read=first,
            last_read=last,
            unit_price=base.unit_price if self.price is None else self.price,
            currency=base.currency if self.currency is None else self.currency.upper(),
        )
