"""Capsules and notes: one size, each part under its own key, and nothing shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from privledger.protocol import keys
from privledger.protocol.capsule import (
    CapsuleBody,
    CapsuleHead,
    KeeperShare,
    Note,
    open_capsule_body,
    open_capsule_head,
    open_note,
    parse_keepers,
    seal_capsule,
    seal_note,
)
from privledger.protocol.errors import FormatError, PrivledgerError, UsageError, VerificationError
from privledger.protocol.terms import Terms
from privledger_crypto import cbor, group, padding, sealing

from .refusals import check_map_reader
from .samples import (
    ATTRIBUTES,
    BLOB_ROOT,
    BLOB_SIZE,
    DESCRIPTOR,
    EPOCH,
    GRANT,
    KEEPER_SHARES,
    ONE_TIME_SEED,
    ORIGIN,
    OTHER_ORIGIN,
    RECORD,
    TERMS,
    VAULT,
    R,
    address,
)

PLACE: dict[str, Any] = {"origin": ORIGIN, "record": RECORD, "epoch": EPOCH}
HEAD_KEY, OWNER_KEY = b"\x01" * 32, b"\x02" * 32
HEAD = CapsuleHead(7, KEEPER_SHARES, 2, 3, VAULT)
BODY = CapsuleBody(R, ATTRIBUTES, BLOB_SIZE, BLOB_ROOT, DESCRIPTOR.digest())
NOTE = Note(address(), TERMS, 99, ONE_TIME_SEED)
CAPSULE = seal_capsule(HEAD, BODY, head_key=HEAD_KEY, owner_key=OWNER_KEY, **PLACE)
SEALED_NOTE = seal_note(NOTE, owner_key=OWNER_KEY, grant=GRANT, **PLACE)
MOVED: list[dict[str, Any]] = [{"origin": OTHER_ORIGIN}, {"record": bytes(16)}, {"epoch": 1}]


def many_keepers(count: int) -> tuple[KeeperShare, ...]:
    return tuple(KeeperShare(index.to_bytes(16, "big"), index, bytes(32)) for index in range(1, count + 1))


def test_a_capsule_opens_part_by_part():
    assert open_capsule_head(CAPSULE, head_key=HEAD_KEY, **PLACE) == HEAD
    assert open_capsule_body(CAPSULE, owner_key=OWNER_KEY, **PLACE) == BODY


def test_a_capsule_is_4096_bytes_even_with_31_keepers_and_8_attributes():
    head = CapsuleHead(2**32 - 1, many_keepers(31), 16, 31, VAULT)
    body = CapsuleBody(R, (group.ORDER - 1,) * 8, 2**52, BLOB_ROOT, DESCRIPTOR.digest())
    full = seal_capsule(head, body, head_key=HEAD_KEY, owner_key=OWNER_KEY, **PLACE)
    assert (len(full), len(CAPSULE)) == (4096, 4096)
    assert open_capsule_head(full, head_key=HEAD_KEY, **PLACE) == head
    assert open_capsule_body(full, owner_key=OWNER_KEY, **PLACE) == body


def test_a_capsule_shows_neither_how_many_keepers_nor_how_many_attributes_it_names():
    shapes = set()
    for keepers in (1, 3, 31):
        for attributes in (0, 1, 8):
            head = CapsuleHead(0, many_keepers(keepers), keepers // 2 + 1, keepers, VAULT)
            body = CapsuleBody(R, (group.ORDER - 1,) * attributes, 5, BLOB_ROOT, DESCRIPTOR.digest())
            sealed = seal_capsule(head, body, head_key=HEAD_KEY, owner_key=OWNER_KEY, **PLACE)
            parts: Any = cbor.decode(sealed)
            # All that is not encrypted: the frame, and where each part begins and ends.
            shapes.add((len(sealed), sealed[:4], tuple(len(part) for part in parts)))
    assert shapes == {(4096, b"\x82\x59\x08\x48", (2120, 1969))}


@pytest.mark.parametrize("change", MOVED, ids=str)
def test_a_capsule_opens_in_its_place_only(change):
    with pytest.raises(VerificationError):
        open_capsule_head(CAPSULE, head_key=HEAD_KEY, **{**PLACE, **change})
    with pytest.raises(VerificationError):
        open_capsule_body(CAPSULE, owner_key=OWNER_KEY, **{**PLACE, **change})


def test_neither_key_opens_the_other_part():
    with pytest.raises(VerificationError):
        open_capsule_body(CAPSULE, owner_key=HEAD_KEY, **PLACE)
    with pytest.raises(VerificationError):
        open_capsule_head(CAPSULE, head_key=OWNER_KEY, **PLACE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        CAPSULE[:-1],
        CAPSULE + b"\x00",
        bytes(4096),
        cbor.encode([bytes(2119), bytes(1970)]),
        cbor.encode([bytes(4092)]),
        cbor.encode({0: bytes(4091)}),
    ],
    ids=range(7),
)
def test_what_is_no_capsule_is_refused(data):
    with pytest.raises(FormatError):
        open_capsule_head(data, head_key=HEAD_KEY, **PLACE)
    with pytest.raises(FormatError):
        open_capsule_body(data, owner_key=OWNER_KEY, **PLACE)


def sealed_part(what: str, value: Any, key: bytes) -> bytes:
    """A capsule whose head or body is `value`, whatever that is."""
    parts: Any = cbor.decode(CAPSULE)
    place = ("capsule-head", "capsule-body").index(what)
    content = padding.pad_to(cbor.encode(value), (2048, 1897)[place])
    parts[place] = sealing.seal(key, keys.sealing_context(what, ORIGIN, RECORD, EPOCH), content)
    return cbor.encode(parts)


HEAD_MAP = {0: 7, 1: [[k.service, k.index, k.digest] for k in KEEPER_SHARES], 2: 2, 3: 3, 4: VAULT}
BODY_MAP = {0: bytes(32), 1: [bytes(32)], 2: 5, 3: bytes(32), 4: bytes(32)}


def open_head_map(value: Any) -> CapsuleHead:
    return open_capsule_head(sealed_part("capsule-head", value, HEAD_KEY), head_key=HEAD_KEY, **PLACE)


def open_body_map(value: Any) -> CapsuleBody:
    return open_capsule_body(sealed_part("capsule-body", value, OWNER_KEY), owner_key=OWNER_KEY, **PLACE)


@pytest.mark.parametrize("content", [bytes(2048), b"\xff" * 2048, padding.pad_to(b"", 2048)], ids=range(3))
def test_a_head_that_is_padded_otherwise_is_refused(content):
    parts: Any = cbor.decode(CAPSULE)
    head = sealing.seal(HEAD_KEY, keys.sealing_context("capsule-head", ORIGIN, RECORD, EPOCH), content)
    with pytest.raises(FormatError):
        open_capsule_head(cbor.encode([head, parts[1]]), head_key=HEAD_KEY, **PLACE)


def small(reader: Any) -> Any:
    """`reader`, with values that no capsule has room for refused as they would be."""

    def read(value: Any) -> object:
        if len(cbor.encode(value)) > 1000:
            raise FormatError("no room")
        return reader(value)

    return read


def test_the_readers_refuse_missing_unknown_and_mistyped_fields():
    check_map_reader(HEAD_MAP, small(open_head_map))
    check_map_reader(BODY_MAP, small(open_body_map))


ROWS = HEAD_MAP[1]


@pytest.mark.parametrize(
    "change",
    [
        {1: ROWS[:1]},  # type: ignore[index]
        {1: ROWS[::-1]},  # type: ignore[index]
        {1: [ROWS[0], ROWS[0]]},  # type: ignore[index]
        {1: [ROWS[0], [ROWS[0][0], 2, bytes(32)]]},  # type: ignore[index]
        {1: [[bytes(16), 1, bytes(32)], [bytes(15), 2, bytes(32)]]},
        {1: [[bytes(16), 1, bytes(32)], [b"\x01" * 16, 2, bytes(31)]]},
        {1: [[bytes(16), 0, bytes(32)], [b"\x01" * 16, 2, bytes(32)]]},
        {1: [[bytes(16), 1, bytes(32)], [b"\x01" * 16, 4, bytes(32)]]},
        {1: [[bytes(16), 1], [b"\x01" * 16, 2]]},
        {2: 1},
        {2: 4},
        {3: 4},
        {3: 2},
        {4: bytes(15)},
        {0: 2**32},
    ],
    ids=lambda change: str(change)[:40],
)
def test_a_head_that_cannot_be_is_refused(change):
    with pytest.raises(FormatError):
        open_head_map({**HEAD_MAP, **change})


@pytest.mark.parametrize(
    "change",
    [
        {0: group.ORDER.to_bytes(32, "big")},
        {0: bytes(31)},
        {1: [group.ORDER.to_bytes(32, "big")]},
        {1: [bytes(32)] * 9},
        {1: [5]},
        {2: 2**52 + 1},
        {3: bytes(31)},
        {4: bytes(33)},
    ],
    ids=lambda change: str(change)[:40],
)
def test_a_body_that_cannot_be_is_refused(change):
    with pytest.raises(FormatError):
        open_body_map({**BODY_MAP, **change})


@pytest.mark.parametrize(
    "change",
    [{"index": -1}, {"t": 1}, {"n": 4}, {"keepers": KEEPER_SHARES[:1]}, {"keepers": ()}, {"vault": b""}],
    ids=str,
)
def test_a_head_that_cannot_be_is_not_made(change):
    with pytest.raises(UsageError):
        replace(HEAD, **change)


@pytest.mark.parametrize(
    "change", [{"r": -1}, {"r": group.ORDER}, {"attributes": (0,) * 9}, {"blob_root": b""}], ids=str
)
def test_a_body_that_cannot_be_is_not_made(change):
    with pytest.raises(UsageError):
        replace(BODY, **change)


def test_a_note_opens_and_has_one_size():
    assert open_note(SEALED_NOTE, owner_key=OWNER_KEY, grant=GRANT, **PLACE) == NOTE
    assert len(SEALED_NOTE) == 4096


def test_the_largest_note_has_room():
    purposes = tuple(f"{number:032}" for number in range(12))
    largest = Note(address(), Terms(purposes, 0, 2**32 - 1, 1, 2**32 - 1, 2**32 - 1, "EUR"), group.ORDER - 1, bytes(32))
    assert len(seal_note(replace(largest, address_raw=bytes(2048)), owner_key=OWNER_KEY, grant=GRANT, **PLACE)) == 4096


@pytest.mark.parametrize("change", [*MOVED, {"grant": bytes(16)}, {"owner_key": HEAD_KEY}], ids=str)
def test_a_note_opens_in_its_place_and_with_its_key_only(change):
    place = {**PLACE, "grant": GRANT, "owner_key": OWNER_KEY, **change}
    with pytest.raises(VerificationError):
        open_note(SEALED_NOTE, **place)


def seal_raw_note(value: Any) -> bytes:
    content = padding.pad_to(cbor.encode(value), 4096 - 72)
    return sealing.seal(OWNER_KEY, keys.sealing_context("note", ORIGIN, RECORD, EPOCH, GRANT), content)


def open_note_map(value: Any) -> Note:
    return open_note(seal_raw_note(value), owner_key=OWNER_KEY, grant=GRANT, **PLACE)


NOTE_MAP = {0: address(), 1: TERMS.to_value(), 2: bytes(32), 3: bytes(32)}


def test_the_reader_of_notes_refuses_missing_unknown_and_mistyped_fields():
    def read(value: Any) -> object:
        if len(cbor.encode(value)) > 4000:
            raise FormatError("no room")
        return open_note_map(value)

    check_map_reader(NOTE_MAP, read)


@pytest.mark.parametrize(
    "change",
    [
        {0: address()[:-1] + bytes([address()[-1] ^ 1])},
        {1: {**TERMS.to_value(), 3: 0}},
        {2: group.ORDER.to_bytes(32, "big")},
        {3: bytes(31)},
    ],
    ids=range(4),
)
def test_a_note_that_cannot_be_is_refused(change):
    with pytest.raises(PrivledgerError) as caught:
        open_note_map({**NOTE_MAP, **change})
    assert isinstance(caught.value, FormatError | VerificationError)


@pytest.mark.parametrize("data", [b"", SEALED_NOTE[:-1], bytes(4097)], ids=len)
def test_what_is_no_note_is_refused(data):
    with pytest.raises(FormatError):
        open_note(data, owner_key=OWNER_KEY, grant=GRANT, **PLACE)


@pytest.mark.parametrize(
    "change", [{"r": group.ORDER}, {"seed": b""}, {"address_raw": b""}, {"address_raw": bytes(2049)}]
)
def test_a_note_that_cannot_be_is_not_made(change):
    with pytest.raises(UsageError):
        replace(NOTE, **change)


def test_no_secret_is_shown():
    shown = repr((BODY, NOTE))
    assert str(R) not in shown
    assert str(ATTRIBUTES[1]) not in shown
    assert "BBBB" not in shown
    assert " r=" not in shown


def test_keepers_of_another_shape_are_refused():
    with pytest.raises(FormatError):
        parse_keepers([b""])
