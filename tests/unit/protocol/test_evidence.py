"""Evidence: known kinds, the right number of distinct items."""

from __future__ import annotations

import pytest

from privledger.protocol.container import pack
from privledger.protocol.errors import FormatError, UsageError
from privledger.protocol.evidence import EVIDENCE_KINDS, Evidence, parse_evidence, unpack_evidence

from .refusals import check_map_reader
from .samples import ORIGIN

SAMPLE = Evidence(ORIGIN, "two-receipts-one-number", (b"first", b"second"))


@pytest.mark.parametrize("kind", sorted(EVIDENCE_KINDS))
def test_evidence_of_every_kind_reads_back(kind):
    made = Evidence(ORIGIN, kind, (b"first", b"second"))
    assert unpack_evidence(made.pack()) == made


def test_the_reader_refuses_missing_unknown_and_mistyped_fields():
    check_map_reader(SAMPLE.to_value(), parse_evidence)


@pytest.mark.parametrize(
    ("origin", "kind", "items"),
    [
        ("bikes", SAMPLE.kind, SAMPLE.items),
        (ORIGIN, "rumour", SAMPLE.items),
        (ORIGIN, SAMPLE.kind, ()),
        (ORIGIN, SAMPLE.kind, (b"first",)),
        (ORIGIN, SAMPLE.kind, (b"first", b"first")),
        (ORIGIN, SAMPLE.kind, (b"first", b"")),
        (ORIGIN, SAMPLE.kind, (b"first", b"second", b"third")),
        (ORIGIN, SAMPLE.kind, (b"first", bytes(65_537))),
        (ORIGIN, "forked-checkpoints", tuple(bytes([number]) for number in range(9))),
    ],
    ids=range(9),
)
def test_evidence_that_cannot_be_is_neither_made_nor_read(origin, kind, items):
    with pytest.raises((UsageError, FormatError)):
        Evidence(origin, kind, items)
    with pytest.raises(FormatError):
        parse_evidence({1: origin, 2: kind, 3: list(items)})


def test_another_container_is_no_evidence():
    with pytest.raises(FormatError):
        unpack_evidence(pack("bundle", SAMPLE.to_value()))
