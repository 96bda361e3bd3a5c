"""Terms as they are given on the command line."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privledger.cli.agreement import TermsOptions, parse_duration, parse_time
from privledger.protocol.errors import UsageError
from privledger.protocol.terms import Terms

NOW = 1_750_000_000
DAY = 86_400


def _options(
    purposes: list[str] | None = None,
    start: str | None = None,
    until: str | None = None,
    reads: str | None = None,
    price: int | None = None,
    currency: str | None = None,
) -> TermsOptions:
    return TermsOptions(purposes, start, until, reads, price, currency)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("now", NOW),
        ("+12h", NOW + 12 * 3600),
        ("+30d", NOW + 30 * DAY),
        ("1970-01-02", DAY),
        ("1970-01-02T01:00", DAY + 3600),
        ("1970-01-02T01:00:00Z", DAY + 3600),
        ("1970-01-02T01:00+01:00", DAY),
    ],
)
def test_a_time_is_a_date_a_time_or_a_span_from_now(text: str, seconds: int) -> None:
    assert parse_time(text, "--from", now=NOW) == seconds


def test_until_a_date_means_to_its_end() -> None:
    assert parse_time("1970-01-02", "--until", now=NOW, end_of_day=True) == 2 * DAY - 1
    assert parse_time("1970-01-02T00:00", "--until", now=NOW, end_of_day=True) == DAY


@pytest.mark.parametrize("text", ["", "tomorrow", "+", "+3", "3d", "+3y", "2025-13-01", "9999999"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="--until") as caught:
        parse_time(text, "--until", now=NOW)
    assert caught.value.hint


@given(st.text(max_size=12))
def test_any_text_is_a_time_or_a_usage_error(text: str) -> None:
    with suppress(UsageError):
        assert isinstance(parse_time(text, "--from", now=NOW), int)


def test_a_span_counts_in_seconds_minutes_hours_days_and_weeks() -> None:
    assert [parse_duration(f"2{unit}", "--valid") for unit in "smhdw"] == [2, 120, 7200, 2 * DAY, 14 * DAY]


def test_a_request_for_a_time_that_ended_is_said_to_be_one() -> None:
    wanted = Terms(("research",), 0, NOW - 1, 1, 1)
    with pytest.raises(UsageError, match="the request asks for a time that ended on 2025-06-15T15:06:39Z") as caught:
        _options().terms(now=NOW, wanted=wanted)
    assert caught.value.hint is not None
    assert "--until" in caught.value.hint
    assert _options(until="+1d").terms(now=NOW, wanted=wanted).not_after == NOW + DAY


def test_the_dates_in_hints_lie_ahead() -> None:
    with pytest.raises(UsageError) as caught:
        parse_time("soon", "--until", now=NOW)
    assert "2025-07-15" in (caught.value.hint or "")


def test_the_defaults_are_one_read_from_now_free_of_charge() -> None:
    assert _options(["planning"], until="+1d").terms(now=NOW) == Terms(("planning",), NOW, NOW + DAY, 1, 1)


def test_purposes_are_sorted_and_named_once() -> None:
    terms = _options(["b", "a", "b"], until="+1d").terms(now=NOW)
    assert terms.purposes == ("a", "b")


@pytest.mark.parametrize(("text", "numbers"), [("12", (1, 12)), ("5-9", (5, 9))])
def test_reads_are_a_count_or_read_numbers(text: str, numbers: tuple[int, int]) -> None:
    terms = _options(["x"], until="+1d", reads=text).terms(now=NOW)
    assert (terms.first_read, terms.last_read) == numbers


def test_terms_given_override_those_asked_for() -> None:
    wanted = Terms(("research",), NOW, NOW + DAY, 1, 100, 5, "EUR")
    assert _options().terms(now=NOW, wanted=wanted) == wanted
    narrowed = _options(reads="3", until="+1h").terms(now=NOW, wanted=wanted)
    assert narrowed == Terms(("research",), NOW, NOW + 3600, 1, 3, 5, "EUR")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (_options(until="+1d"), "need a purpose"),
        (_options(["x"]), "need an end"),
        (_options(["x"], until="+1d", price=5), "needs its currency"),
        (_options(["x"], until="2001-01-01"), "lies in the past"),
        (_options(["x"], until="+1d", reads="0"), "read numbers"),
        (_options(["x"], until="+1d", reads="many"), "not a number of reads"),
        (_options(["X Y"], until="+1d"), "a purpose is"),
        (_options(["x"], start="+2d", until="+1d"), "end before they begin"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_terms_that_cannot_be_are_usage_errors(options: TermsOptions, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        options.terms(now=NOW)
