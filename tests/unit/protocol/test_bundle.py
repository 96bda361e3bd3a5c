"""Bundles: their form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from privledger.protocol.bundle import Bundle, BundleEntry, OlderCheckpoint, parse_bundle, unpack_bundle
from privledger.protocol.container import pack
from privledger.protocol.disclosure import Disclosure
from privledger.protocol.errors import FormatError, UsageError
from privledger.protocol.light import StateAnswer
from privledger_crypto.statemap import MapProof

from .refusals import check_map_reader
from .samples import ORIGIN, OTHER_ORIGIN, RECORD

ANSWER = StateAnswer(
    b"note", b"block", (bytes(32),), ((b"\x00", None, MapProof((bytes(32),))), (b"\x01", b"v", MapProof(())))
)
FIRST = BundleEntry(0, b"leaf", (bytes(32),), b"block leaf", 1, (b"\x01" * 32,))
SECOND = BundleEntry(2, b"leaf 2", (), b"block leaf 2", 3, ())
BUNDLE = Bundle(ORIGIN, ANSWER, (FIRST, SECOND), Disclosure(ORIGIN, RECORD), OlderCheckpoint(b"older", (bytes(32),)))
ROW: list[Any] = [0, b"leaf", [bytes(32)], b"block leaf", 1, [bytes(32)]]


@pytest.mark.parametrize("bundle", [BUNDLE, replace(BUNDLE, older=None, entries=())], ids=["full", "small"])
def test_a_bundle_reads_back_as_it_was(bundle):
    assert unpack_bundle(bundle.pack()) == bundle
    assert bundle.record == RECORD


def test_the_reader_refuses_missing_unknown_and_mistyped_fields():
    check_map_reader(BUNDLE.to_value(), parse_bundle)


@pytest.mark.parametrize(
    "change",
    [
        {1: "bikes"},
        {1: OTHER_ORIGIN},
        {2: None},
        {2: [b"note", b"block", []]},
        {3: [ROW, ROW]},
        {3: [ROW[:5]]},
        {3: [[-1, *ROW[1:]]]},
        {3: [[1, *ROW[1:]]]},
        {3: [[0, b"", *ROW[2:]]]},
        {3: [[0, bytes(4097), *ROW[2:]]]},
        {3: [[0, b"leaf", [bytes(31)], *ROW[3:]]]},
        {3: [[0, b"leaf", [bytes(32)] * 65, *ROW[3:]]]},
        {3: [[*ROW[:3], b"", 1, []]]},
        {3: [[*ROW[:4], 2**63, []]]},
        {3: [[*ROW[:5], None]]},
        {4: {}},
        {5: []},
        {5: [b"", []]},
        {5: [b"note", [bytes(31)]]},
        {5: [bytes(65_537), []]},
        {5: [b"note", [bytes(32)] * 129]},
    ],
    ids=range(21),
)
def test_a_bundle_that_cannot_be_is_refused(change):
    with pytest.raises(FormatError):
        parse_bundle({**BUNDLE.to_value(), **change})


def test_a_bundle_that_would_not_be_read_is_not_made():
    with pytest.raises(UsageError):
        replace(BUNDLE, entries=(SECOND, FIRST))
    with pytest.raises(UsageError):
        replace(BUNDLE, disclosure=Disclosure(OTHER_ORIGIN, RECORD))
    with pytest.raises(UsageError):
        replace(FIRST, index=1)
    with pytest.raises(UsageError):
        replace(FIRST, path=(b"",))
    with pytest.raises(UsageError):
        OlderCheckpoint(b"", ())


def test_another_container_is_no_bundle():
    with pytest.raises(FormatError):
        unpack_bundle(pack("evidence", BUNDLE.to_value()))
