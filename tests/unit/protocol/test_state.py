"""State values: one encoding each, strict reading, and when a grant lives."""

from __future__ import annotations

from typing import Any

import pytest

from privledger.protocol import state as s
from privledger.protocol.errors import FormatError
from privledger_crypto import cbor
from tests.support.chain import ledger_body, point, short

META = s.Meta(1, 2, 3)
SERVICE = s.ServiceState("keeper", bytes(32), bytes(32), 1, 2, 0, 0)
POSTED = s.ServiceState("keeper", bytes(32), bytes(32), 1, 2, 0, 9, bytes(range(32)))
RECORD = s.RecordState(s.LIVE, bytes(32), point(1), 0, 4, None, 4)
CUT = s.RecordState(s.LIVE, bytes(32), point(1), 0, 4, 300, 70_000)
GRANT = s.GrantState(s.GRANTED, point(1), point(2), 9, None)
REVOKED = s.GrantState(s.REVOKED, point(1), point(2), 9, 10)
UNKNOWN = s.GrantState(s.REVOKED, b"", b"", None, 10)

VALUES = [
    (META, s.parse_meta, s.meta_unchecked),
    (SERVICE, s.parse_service_state, s.service_unchecked),
    (POSTED, s.parse_service_state, s.service_unchecked),
    (RECORD, s.parse_record_state, s.record_unchecked),
    (CUT, s.parse_record_state, s.record_unchecked),
    (GRANT, s.parse_grant_state, s.grant_unchecked),
    (REVOKED, s.parse_grant_state, s.grant_unchecked),
    (UNKNOWN, s.parse_grant_state, s.grant_unchecked),
]


def items(value: Any) -> Any:
    """The array that a value is."""
    return cbor.decode(value.to_bytes())


@pytest.mark.parametrize(("value", "parse", "unchecked"), VALUES)
def test_a_value_reads_back(value, parse, unchecked):
    assert parse(value.to_bytes()) == value
    assert unchecked(value.to_bytes()) == value


@pytest.mark.parametrize(("value", "parse", "unchecked"), VALUES)
def test_a_value_is_deterministic_cbor(value, parse, unchecked):
    assert cbor.encode(cbor.decode(value.to_bytes())) == value.to_bytes()


@pytest.mark.parametrize(("value", "parse", "unchecked"), VALUES)
def test_a_value_with_more_or_less_is_refused(value, parse, unchecked):
    row = items(value)
    for bad in ([*row, 0], row[:-1], {0: row}, [*row[:-1], "text"]):
        with pytest.raises(FormatError):
            parse(cbor.encode(bad))


def test_settings_are_the_payload_of_the_ledger_entry():
    body = ledger_body(3, governance=("a", "b"), quorum=2)
    assert s.parse_settings(s.settings_value(body)) == body


def test_settings_of_another_kind_are_refused():
    with pytest.raises(FormatError):
        s.parse_settings(cbor.encode([cbor.encode({0: "erase", 1: bytes(16)})]))


@pytest.mark.parametrize(
    "row",
    [
        [0, b"", b"", None, None],
        [0, point(1), point(2), 9, 10],
        [1, point(1), point(2), 9, None],
        [1, point(1), point(2), None, 10],
        [1, b"", b"", 9, 10],
        [2, point(1), point(2), 9, None],
    ],
)
def test_a_grant_that_contradicts_itself_is_refused(row):
    with pytest.raises(FormatError):
        s.parse_grant_state(cbor.encode(row))


def test_a_service_of_unknown_role_is_refused():
    with pytest.raises(FormatError):
        s.parse_service_state(cbor.encode(["baker", *items(SERVICE)[1:]]))


@pytest.mark.parametrize(("last_b", "last_root"), [(0, bytes(32)), (9, b""), (9, bytes(31))])
def test_a_service_has_a_last_root_exactly_if_it_has_posted(last_b, last_root):
    with pytest.raises(FormatError):
        s.parse_service_state(cbor.encode([*items(SERVICE)[:6], last_b, last_root]))


def test_keys_are_told_apart_by_their_first_byte():
    ids = short(1), short(2)
    keys = [s.META_KEY, s.SETTINGS_KEY, s.service_key(ids[0]), s.record_key(ids[0]), s.grant_key(*ids)]
    assert [key[0] for key in keys] == [0, 1, 2, 3, 4]
    assert [len(key) for key in keys] == [1, 1, 17, 17, 33]


ERASED = s.RecordState(s.ERASED, bytes(32), point(1), 0, 4, None, 8)


@pytest.mark.parametrize(
    ("record", "grant", "live"),
    [
        (RECORD, GRANT, True),
        (None, GRANT, False),
        (RECORD, None, False),
        (ERASED, GRANT, False),
        (RECORD, REVOKED, False),
        (RECORD, UNKNOWN, False),
        (s.RecordState(0, bytes(32), point(1), 0, 4, 8, 8), GRANT, True),
        (s.RecordState(0, bytes(32), point(1), 0, 4, 9, 9), GRANT, False),
    ],
    ids=["live", "no record", "never granted", "erased", "revoked", "revoked unknown", "cut below", "cut at its index"],
)
def test_when_a_grant_lives(record, grant, live):
    assert s.is_grant_live(record, grant) is live


def test_a_record_lives_until_it_is_erased():
    assert RECORD.is_live
    assert not ERASED.is_live


def test_a_service_is_valid_from_its_first_second_and_not_at_its_last():
    assert [SERVICE.is_valid_at(time) for time in (0, 1, 2)] == [False, True, False]
