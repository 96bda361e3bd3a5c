"""Disclosures: their form, and the proof of `d` that they may carry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from privledger.protocol.container import pack
from privledger.protocol.descriptor import commit_record, prove_descriptor
from privledger.protocol.disclosure import (
    DescriptorDisclosure,
    Disclosure,
    GrantDisclosure,
    ServiceReceipts,
    parse_disclosure,
    unpack_disclosure,
)
from privledger.protocol.errors import FormatError, UsageError, VerificationError
from privledger.protocol.receipt import ReceiptOpening, ReceiptTotals, terms_map_key
from privledger.protocol.terms import encode_opening
from privledger_crypto.statemap import MapProof

from .refusals import check_map_reader
from .samples import (
    BLOB_ROOT,
    BLOB_SIZE,
    COMMITMENT,
    DESCRIPTOR,
    EPOCH,
    GRANT,
    KEEPERS,
    ORIGIN,
    RECORD,
    SCALARS,
    TERMS,
    stream,
)

PROOF = prove_descriptor(SCALARS, origin=ORIGIN, record=RECORD, epoch=EPOCH, random_bytes=stream("disclosure"))
SHOWN = DescriptorDisclosure(EPOCH, BLOB_SIZE, BLOB_ROOT, DESCRIPTOR.digest(), PROOF)
OPENING = ReceiptOpening(
    bytes(32), ReceiptTotals(5, bytes(32), 2, 2), MapProof((bytes(32),), (bytes(32), b"\x01" * 32))
)
SERVICES = tuple(
    ServiceReceipts(
        service, terms_map_key(RECORD, GRANT, encode_opening(TERMS, 5)), (b"receipt 1", b"receipt 2"), opening
    )
    for service, opening in zip(sorted(KEEPERS[:2]), (OPENING, None), strict=True)
)
FULL = Disclosure(
    ORIGIN,
    RECORD,
    (GrantDisclosure(bytes(16), None, ()), GrantDisclosure(GRANT, encode_opening(TERMS, 5), SERVICES)),
    SHOWN,
    (b"certificate",),
)
EMPTY = Disclosure(ORIGIN, RECORD)
GRANT_ROW: Any = FULL.to_value()[3][1]  # type: ignore[index]


@pytest.mark.parametrize("disclosure", [FULL, EMPTY], ids=["full", "empty"])
def test_a_disclosure_reads_back_as_it_was(disclosure):
    assert unpack_disclosure(disclosure.pack()) == disclosure


def test_the_reader_refuses_missing_unknown_and_mistyped_fields():
    check_map_reader(FULL.to_value(), parse_disclosure)


def with_service(row: Any) -> dict[int, Any]:
    return {3: [[GRANT, None, [row]]]}


SERVICE_ROW = GRANT_ROW[2][0]
DESCRIPTOR_ROW: Any = FULL.to_value()[4]


@pytest.mark.parametrize(
    "change",
    [
        {1: "bikes"},
        {2: bytes(15)},
        {3: [GRANT_ROW, GRANT_ROW]},
        {3: [GRANT_ROW, [bytes(16), None, []]]},
        {3: [GRANT_ROW[:2]]},
        {3: [[bytes(15), None, []]]},
        {3: [[GRANT, b"\xff", []]]},
        {3: [[GRANT, bytes(1025), []]]},
        {3: [[GRANT, None, [SERVICE_ROW, SERVICE_ROW]]]},
        {3: [[GRANT, None, None]]},
        with_service(SERVICE_ROW[:3]),
        with_service([SERVICE_ROW[0], *SERVICE_ROW[2:]]),
        with_service([bytes(15), bytes(32), [], None]),
        with_service([bytes(16), bytes(31), [], None]),
        with_service([bytes(16), None, [], None]),
        with_service([bytes(16), bytes(32), [5], None]),
        with_service([bytes(16), bytes(32), [bytes(8193)], None]),
        with_service([bytes(16), bytes(32), [], b""]),
        with_service([bytes(16), bytes(32), [], [bytes(32), None]]),
        {4: DESCRIPTOR_ROW[:4]},
        {4: [2**32, *DESCRIPTOR_ROW[1:]]},
        {4: [*DESCRIPTOR_ROW[:4], bytes(351)]},
        {4: [0, 2**52 + 1, *DESCRIPTOR_ROW[2:]]},
        {4: [0, 1, bytes(31), *DESCRIPTOR_ROW[3:]]},
        {4: [0, 1, bytes(32), bytes(33), PROOF]},
        {5: [5]},
        {5: [bytes(65_537)]},
    ],
    ids=range(27),
)
def test_a_disclosure_that_cannot_be_is_refused(change):
    with pytest.raises(FormatError):
        parse_disclosure({**FULL.to_value(), **change})


def test_a_disclosure_that_would_not_be_read_is_not_made():
    with pytest.raises(UsageError):
        replace(FULL, grants=FULL.grants[::-1])
    with pytest.raises(UsageError):
        GrantDisclosure(GRANT, None, SERVICES[::-1])
    with pytest.raises(UsageError):
        replace(SHOWN, proof=b"")
    with pytest.raises(FormatError):
        GrantDisclosure(GRANT, b"\xff", ())


def test_the_map_key_of_a_grant_whose_terms_are_shown_is_checked_against_them():
    shown = FULL.grants[1]
    assert shown.proves_key
    for one in shown.services:
        shown.verify_key(RECORD, one)
        with pytest.raises(VerificationError, match="map key"):
            shown.verify_key(RECORD, replace(one, map_key=bytes(32)))
        with pytest.raises(VerificationError, match="map key"):
            shown.verify_key(bytes(16), one)


@pytest.mark.parametrize(
    "shown",
    [GrantDisclosure(GRANT, None, SERVICES), GrantDisclosure(bytes(16), encode_opening(TERMS, 5), SERVICES)],
    ids=["without its terms", "the owner's reads"],
)
def test_a_map_key_that_nothing_shown_gives_is_taken_as_it_is(shown):
    assert not shown.proves_key
    shown.verify_key(RECORD, replace(SERVICES[0], map_key=bytes(32)))


def test_another_container_is_no_disclosure():
    with pytest.raises(FormatError):
        unpack_disclosure(pack("evidence", FULL.to_value()))


def test_the_disclosed_descriptor_is_the_one_committed_to():
    SHOWN.verify(origin=ORIGIN, record=RECORD, commitment=COMMITMENT)


@pytest.mark.parametrize(
    "change", [{"blob_size": 5}, {"blob_root": bytes(32)}, {"descriptor_digest": bytes(32)}, {"epoch": 1}], ids=str
)
def test_another_descriptor_than_the_one_committed_to_is_refused(change):
    with pytest.raises(VerificationError):
        replace(SHOWN, **change).verify(origin=ORIGIN, record=RECORD, commitment=COMMITMENT)


def test_another_commitment_is_refused():
    with pytest.raises(VerificationError):
        SHOWN.verify(origin=ORIGIN, record=RECORD, commitment=commit_record(1, 2, 3))
    with pytest.raises(FormatError):
        SHOWN.verify(origin=ORIGIN, record=RECORD, commitment=bytes(48))


def test_openings_are_not_shown():
    assert "rho" not in repr(FULL)
    assert "opening=b" not in repr(FULL)
