"""Descriptors, the record's commitment, and the proof that it opens to `d`."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privledger.protocol import descriptor as module
from privledger.protocol.descriptor import (
    Descriptor,
    attribute_scalar,
    commit_record,
    descriptor_scalar,
    open_descriptor,
    parse_descriptor,
    prove_descriptor,
    record_scalars,
    seal_descriptor,
    verify_descriptor,
)
from privledger.protocol.errors import FormatError, UsageError, VerificationError
from privledger_crypto import cbor, group
from privledger_crypto.generators import record_generators

from .refusals import check_map_reader
from .samples import (
    ATTRIBUTES,
    BLOB_ROOT,
    BLOB_SIZE,
    COMMITMENT,
    DESCRIPTOR,
    EPOCH,
    ORIGIN,
    OTHER_ORIGIN,
    RECORD,
    SCALARS,
    D,
    stream,
)

PLACE: dict[str, Any] = {"origin": ORIGIN, "record": RECORD, "epoch": EPOCH}
FIELDS = ("title", "media_type", "size", "schema", "tags", "attributes", "derived_from", "salt")
PRINTABLE = st.text(st.characters(categories=("L", "N", "P", "Zs")), max_size=40)
NAMES = st.lists(PRINTABLE.filter(lambda name: 0 < len(name.encode()) <= 64), max_size=8, unique=True)


@given(
    title=PRINTABLE,
    size=st.integers(0, 2**52),
    tags=NAMES,
    names=NAMES,
    kind=st.sampled_from(["int", "text"]),
    derived=st.lists(st.binary(min_size=16, max_size=16), max_size=5, unique=True),
)
def test_a_descriptor_reads_back_as_it_was(title, size, tags, names, kind, derived):
    made = Descriptor(
        title,
        "image/png",
        size,
        "",
        tuple(sorted(tags)),
        tuple((n, kind) for n in names),
        tuple(sorted(derived)),
        bytes(16),
    )
    assert parse_descriptor(made.to_bytes()) == made
    assert made.digest() == hashlib.sha256(made.to_bytes()).digest()


def test_the_reader_refuses_missing_unknown_and_mistyped_fields():
    value: Any = cbor.decode(DESCRIPTOR.to_bytes())
    check_map_reader(value, lambda item: parse_descriptor(cbor.encode(item)))


CHANGES: list[dict[str, Any]] = [
    {"title": "x" * 257},
    {"title": "a\x07"},
    {"media_type": ""},
    {"media_type": "text"},
    {"media_type": "text/csv; charset=utf-8"},
    {"media_type": "text/csv\n"},
    {"size": -1},
    {"size": 2**52 + 1},
    {"schema": "x" * 257},
    {"tags": ("b", "a")},
    {"tags": ("a", "a")},
    {"tags": ("",)},
    {"tags": ("x" * 65,)},
    {"tags": tuple(f"{number:02}" for number in range(17))},
    {"attributes": (("age", "float"),)},
    {"attributes": (("age", "int"), ("age", "text"))},
    {"attributes": (("", "int"),)},
    {"attributes": tuple((f"{number}", "int") for number in range(9))},
    {"derived_from": (bytes(15),)},
    {"derived_from": (b"\x02" * 16, b"\x01" * 16)},
    {"derived_from": (bytes(16), bytes(16))},
    {"salt": bytes(15)},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(change)[:50])
def test_a_descriptor_that_cannot_be_is_neither_made_nor_read(change):
    fields: dict[str, Any] = {name: getattr(DESCRIPTOR, name) for name in FIELDS}
    fields.update(change)
    with pytest.raises(UsageError):
        Descriptor(**fields)
    with pytest.raises(FormatError):
        parse_descriptor(cbor.encode(dict(enumerate(fields.values()))))


@pytest.mark.parametrize("attribute", [["age"], ["age", "int", 1], "age", [1, "int"], ["age", 1]])
def test_an_attribute_of_another_shape_is_refused(attribute):
    value = cbor.decode(DESCRIPTOR.to_bytes())
    assert isinstance(value, dict)
    with pytest.raises(FormatError):
        parse_descriptor(cbor.encode({**value, 5: [attribute]}))


def test_the_salt_is_not_shown():
    assert "0909" not in repr(DESCRIPTOR)
    assert r"\t\t" not in repr(DESCRIPTOR)


def test_a_sealed_descriptor_opens_and_is_padded():
    sealed = seal_descriptor(DESCRIPTOR, bytes(32), **PLACE)
    assert len(sealed) == 1024 + 56 + 16
    assert open_descriptor(sealed, bytes(32), **PLACE) == DESCRIPTOR


@pytest.mark.parametrize("change", [{"origin": OTHER_ORIGIN}, {"record": bytes(16)}, {"epoch": 1}], ids=str)
def test_a_sealed_descriptor_opens_in_its_place_only(change):
    with pytest.raises(VerificationError):
        open_descriptor(seal_descriptor(DESCRIPTOR, bytes(32), **PLACE), bytes(32), **{**PLACE, **change})


def test_a_sealed_descriptor_opens_with_its_key_only():
    with pytest.raises(VerificationError):
        open_descriptor(seal_descriptor(DESCRIPTOR, bytes(32), **PLACE), b"\x01" * 32, **PLACE)


def test_what_is_too_short_to_be_sealed_is_refused():
    with pytest.raises(FormatError):
        open_descriptor(b"", bytes(32), **PLACE)


def test_d_hashes_root_size_and_digest():
    expected = group.hash_to_scalar(
        cbor.encode([BLOB_ROOT, BLOB_SIZE, DESCRIPTOR.digest()]), b"PRIVLEDGER-V1-DESCRIPTOR"
    )
    assert expected == D


@pytest.mark.parametrize("arguments", [(bytes(31), 1, bytes(32)), (bytes(32), -1, bytes(32)), (bytes(32), 1, b"")])
def test_d_is_not_made_of_other_sizes(arguments):
    with pytest.raises(UsageError):
        descriptor_scalar(*arguments)


def test_attributes_become_scalars_by_type():
    assert attribute_scalar("int", 2**32 - 1) == 2**32 - 1
    assert attribute_scalar("text", "Köln") == group.hash_to_scalar("Köln".encode(), b"PRIVLEDGER-V1-ATTRIBUTE")


@pytest.mark.parametrize(
    ("kind", "value"),
    [("int", -1), ("int", 2**32), ("int", True), ("int", "1"), ("text", 1), ("text", "\ud800"), ("float", 1)],
)
def test_an_attribute_that_cannot_be_is_refused(kind, value):
    with pytest.raises(UsageError):
        attribute_scalar(kind, value)


def test_a_commitment_is_the_sum_that_the_specification_writes():
    total = group.identity()
    for base, scalar in zip(record_generators(), (*SCALARS[:3], *ATTRIBUTES, 0, 0, 0, 0, 0, 0), strict=True):
        total = total + base.mul(scalar)
    assert total.to_bytes() == COMMITMENT


def test_a_commitment_takes_at_most_eight_attributes():
    with pytest.raises(UsageError):
        commit_record(1, 2, 3, (0,) * 9)


def test_a_commitment_to_the_identity_is_refused():
    with pytest.raises(UsageError, match="identity"):
        commit_record(0, 0, 0)


def test_a_commitment_takes_scalars_only():
    with pytest.raises(UsageError):
        commit_record(group.ORDER, 2, 3)


PROOF = prove_descriptor(SCALARS, **PLACE, random_bytes=stream("descriptor proof"))


def test_the_proof_shows_that_the_commitment_opens_to_d():
    verify_descriptor(COMMITMENT, D, PROOF, **PLACE)
    assert len(PROOF) == 352


@pytest.mark.parametrize("change", [{"origin": OTHER_ORIGIN}, {"record": bytes(16)}, {"epoch": 1}], ids=str)
def test_the_proof_holds_in_its_place_only(change):
    with pytest.raises(VerificationError):
        verify_descriptor(COMMITMENT, D, PROOF, **{**PLACE, **change})


def test_the_proof_is_of_one_d_and_one_commitment():
    with pytest.raises(VerificationError):
        verify_descriptor(COMMITMENT, D + 1, PROOF, **PLACE)
    with pytest.raises(VerificationError):
        verify_descriptor(commit_record(1, 2, D), D, PROOF, **PLACE)


@pytest.mark.parametrize("commitment", [bytes(48), b"\xc0" + bytes(47), b""], ids=["zeros", "identity", "empty"])
def test_a_commitment_that_is_no_point_is_refused(commitment):
    with pytest.raises(FormatError):
        verify_descriptor(commitment, D, PROOF, **PLACE)


def test_a_proof_of_another_length_is_refused():
    with pytest.raises(FormatError):
        verify_descriptor(COMMITMENT, D, PROOF[:-1], **PLACE)


def test_scalars_that_cannot_be_prove_nothing():
    with pytest.raises(UsageError):
        prove_descriptor(SCALARS[:-1], **PLACE, random_bytes=stream("x"))


def test_unused_attributes_are_zero():
    assert record_scalars(1, 2, 3, (4,)) == (1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0)
    assert module.MAX_ATTRIBUTES == 8
