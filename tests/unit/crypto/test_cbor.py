"""Deterministic CBOR: what is written, what is refused, and cbor2 as the second opinion."""

from __future__ import annotations

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from privledger_crypto import cbor
from privledger_crypto.errors import FormatError, ParameterError

integers = st.integers(min_value=-(1 << 64), max_value=(1 << 64) - 1)
keys = st.one_of(integers, st.text(max_size=30))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), integers, st.binary(max_size=300), st.text(max_size=30)),
    lambda inner: st.one_of(st.lists(inner, max_size=30), st.dictionaries(keys, inner, max_size=30)),
    max_leaves=12,
)


def in_profile(value: object) -> bool:
    """Whether cbor2 has read nothing but what the profile allows."""
    if isinstance(value, dict):
        return all(type(k) in (int, str) and in_profile(k) and in_profile(v) for k, v in value.items())
    if isinstance(value, list):
        return all(in_profile(item) for item in value)
    if type(value) is int:
        return -(1 << 64) <= value < 1 << 64
    return value is None or type(value) in (bytes, str, bool)


def written_in_order(value: object) -> object:
    """The value with its keys in bytewise order of their encodings by cbor2: the rule of RFC 8949, read literally."""
    if isinstance(value, dict):
        return {k: written_in_order(value[k]) for k in sorted(value, key=cbor2.dumps)}
    if isinstance(value, list):
        return [written_in_order(item) for item in value]
    return value


@given(values)
def test_every_value_of_the_profile_comes_back_as_it_was(value):
    assert cbor.decode(cbor.encode(value)) == value


@given(values)
def test_the_encoding_is_that_of_cbor2_with_keys_in_bytewise_order(value):
    assert cbor.encode(value) == cbor2.dumps(written_in_order(value))


@given(st.one_of(st.binary(max_size=40), values.map(cbor.encode)), st.data())
def test_bytes_are_accepted_exactly_when_cbor2_reads_them_and_writes_them_again(encoded, data):
    mutable = bytearray(encoded)
    for _ in range(data.draw(st.integers(0, 3))):
        if mutable:
            mutable[data.draw(st.integers(0, len(mutable) - 1))] = data.draw(st.integers(0, 255))
    received = bytes(mutable)
    try:
        value = cbor2.loads(received, tag_hook=lambda *_: 1.5)
        expected = in_profile(value) and cbor2.dumps(written_in_order(value)) == received
    except Exception:
        expected = False
    try:
        decoded = cbor.decode(received)
        accepted = True
    except FormatError:
        accepted = False
    assert accepted == expected
    if accepted:
        assert cbor.encode(decoded) == received


@given(st.binary(max_size=70_000))
@example(bytes(23))
@example(bytes(24))
@example(bytes(255))
@example(bytes(256))
@example(bytes(65535))
@example(bytes(65536))
def test_byte_string_is_the_encoding_of_a_byte_string(data):
    assert cbor.byte_string(data) == cbor2.dumps(data)


def test_keys_are_in_the_order_of_rfc_8949_and_not_by_length_first():
    value: dict[int | str, int] = {"aa": 0, -1: 0, 100: 0, "z": 0, 10: 0}
    decoded = cbor.decode(cbor.encode(value))
    assert isinstance(decoded, dict)
    assert list(decoded) == [10, 100, -1, "z", "aa"]
    assert cbor.encode(value).hex() == "a50a001864002000617a0062616100"


def test_tuples_are_written_as_arrays():
    assert cbor.encode((1, (2, b"x"))) == cbor.encode([1, [2, b"x"]])


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        1 << 64,
        -(1 << 64) - 1,
        {1, 2},
        bytearray(b"x"),
        cbor2.CBORTag(1, 0),
        cbor2.undefined,
        {b"key": 1},
        {True: 1},
        {None: 1},
        {1.0: 1},
        {1 << 64: 1},
        {(1,): 1},
        "\ud800",
        {"\ud800": 1},
        [[1, complex(1, 2)]],
    ],
    ids=repr,
)
def test_a_value_outside_the_profile_is_not_encoded(value):
    with pytest.raises(ParameterError):
        cbor.encode(value)


def nested(levels: int) -> list:
    value: list = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_sixteen_levels_are_written_and_read():
    assert cbor.decode(cbor.encode(nested(16))) == nested(16)


def test_seventeen_levels_are_not_written():
    with pytest.raises(ParameterError):
        cbor.encode(nested(17))


def test_a_value_that_contains_itself_is_not_written():
    value: list = []
    value.append(value)
    with pytest.raises(ParameterError):
        cbor.encode(value)


@pytest.mark.parametrize("encoded", [b"\x81" * 16 + b"\x80", b"\xa1\x00" * 16 + b"\xa0", b"\x81" * 100_000])
def test_more_than_sixteen_levels_are_not_read(encoded):
    with pytest.raises(FormatError, match="deep"):
        cbor.decode(encoded)


def test_max_depth_counts_arrays_and_maps():
    assert cbor.decode(b"\x81\xa1\x00\x01", max_depth=2) == [{0: 1}]
    with pytest.raises(FormatError, match="deep"):
        cbor.decode(b"\x81\xa1\x00\x01", max_depth=1)


def test_max_size_is_in_bytes():
    assert cbor.decode(b"\x43abc", max_size=4) == b"abc"
    with pytest.raises(FormatError, match="5 bytes"):
        cbor.decode(b"\x44abcd", max_size=4)


@pytest.mark.parametrize(
    ("encoded", "words"),
    [
        ("", "ends in the middle"),
        ("0000", "further bytes"),
        ("1817", "shortest"),
        ("1900ff", "shortest"),
        ("1a0000ffff", "shortest"),
        ("1b00000000ffffffff", "shortest"),
        ("3817", "shortest"),
        ("5801ff", "shortest"),
        ("780161", "shortest"),
        ("980100", "shortest"),
        ("b8010000", "shortest"),
        ("19ff", "ends in the middle"),
        ("42ff", "ends in the middle"),
        ("6261", "ends in the middle"),
        ("8201", "ends in the middle"),
        ("a101", "ends in the middle"),
        ("9bffffffffffffffff", "ends in the middle"),
        ("bbffffffffffffffff", "ends in the middle"),
        ("5bffffffffffffffff", "ends in the middle"),
        ("5f4100ff", "indefinite"),
        ("9fff", "indefinite"),
        ("bfff", "indefinite"),
        ("1c", "reserved"),
        ("61ff", "UTF-8"),
        ("63eda080", "UTF-8"),
        ("f90000", "float"),
        ("fa00000000", "float"),
        ("f7", "simple"),
        ("f814", "simple"),
        ("ff", "simple"),
        ("c000", "a tag"),
        ("c24101", "a tag"),
        ("d9d9f700", "a tag"),
        ("a2020001 00", "out of order"),
        ("a2010001 00", "repeated"),
        ("a220000100", "out of order"),
        ("a262616100617a00", "out of order"),
        ("a1410000", "neither an integer nor text"),
        ("a1f400", "neither an integer nor text"),
        ("a1800000", "neither an integer nor text"),
        ("a1f9000000", "neither an integer nor text"),
    ],
)
def test_what_is_not_deterministic_or_not_in_the_profile_is_refused(encoded, words):
    with pytest.raises(FormatError, match=words):
        cbor.decode(bytes.fromhex(encoded))


@pytest.mark.parametrize("tag", [*range(0, 300), 1004, 43000, 55799, 1 << 32])
def test_no_tag_is_read(tag):
    with pytest.raises(FormatError, match="a tag"):
        cbor.decode(cbor2.dumps(cbor2.CBORTag(tag, "x")))


# --- Fields ---------------------------------------------------------------------------------------------------------


def fields() -> cbor.Fields:
    return cbor.Fields({1: 5, 2: b"abc", 3: "aé", 4: [1, 2], 5: {1: 1}, 6: True, 7: None, "t": 0}, "thing")


def test_fields_reads_each_type():
    f = fields()
    read = (f.uint(1, 5), f.bytes(2, length=3), f.text(3, 3), f.list(4, 2), f.map(5).uint(1), f.flag(6), f.uint("t"))
    assert read == (5, b"abc", "aé", [1, 2], 1, True, 0)


def test_fields_reads_optional_keys_that_are_there():
    f = fields()
    assert f.uint_or_none(1) == 5
    assert f.bytes_or_none(2, max_length=3) == b"abc"
    assert f.text_or_none(3, 3) == "aé"
    assert f.list_or_none(4, 2) == [1, 2]
    inner = f.map_or_none(5)
    assert inner is not None
    assert inner.uint(1) == 1


def test_fields_gives_none_for_optional_keys_that_are_absent():
    f = cbor.Fields({}, "thing")
    f.done()
    read = [f.uint_or_none(1), f.bytes_or_none(1), f.text_or_none(1, 1), f.list_or_none(1, 1), f.map_or_none(1)]
    assert read == [None] * 5


@pytest.mark.parametrize(
    ("read", "key"),
    [
        (lambda f: f.uint(1, 4), 1),
        (lambda f: f.uint(6), 6),
        (lambda f: f.uint(7), 7),
        (lambda f: f.uint(9), 9),
        (lambda f: f.uint_or_none(7), 7),
        (lambda f: f.bytes(2, length=4), 2),
        (lambda f: f.bytes(2, max_length=2), 2),
        (lambda f: f.bytes(3), 3),
        (lambda f: f.text(3, 2), 3),
        (lambda f: f.text(2, 9), 2),
        (lambda f: f.list(4, 1), 4),
        (lambda f: f.list(5, 9), 5),
        (lambda f: f.map(4), 4),
        (lambda f: f.flag(1), 1),
    ],
)
def test_fields_names_the_place_and_the_key_when_it_refuses(read, key):
    with pytest.raises(FormatError, match=rf"thing.*key {key}"):
        read(fields())


def test_a_negative_integer_is_no_uint():
    with pytest.raises(FormatError, match="key 1"):
        cbor.Fields({1: -1}, "thing").uint(1)


@pytest.mark.parametrize("value", [None, [], 1, b"", "x"])
def test_fields_takes_maps_only(value):
    with pytest.raises(FormatError, match="thing"):
        cbor.Fields(value, "thing")


def test_done_passes_when_every_key_was_read():
    f = cbor.Fields({1: 1}, "thing")
    f.uint(1)
    f.done()


def test_done_names_the_keys_that_were_not_read():
    f = cbor.Fields({1: 1, "x": 1}, "thing")
    f.uint(1)
    with pytest.raises(FormatError, match="thing: unknown keys 'x'"):
        f.done()


def test_contains_tells_whether_a_key_is_still_there():
    f = cbor.Fields({1: 1}, "thing")
    assert 1 in f
    f.uint(1)
    assert 1 not in f


def test_reading_leaves_the_map_as_it_was():
    value = {1: 1}
    cbor.Fields(value, "thing").uint(1)
    assert value == {1: 1}


@pytest.mark.parametrize(
    ("value", "items"),
    [([0], 2), ([0, 1, 2], 4), ({1: 0, 2: []}, 5), ([[[]], {1: [2]}], 7)],
    ids=str,
)
def test_a_value_with_more_items_than_allowed_is_refused(value: cbor.Value, items: int) -> None:
    data = cbor.encode(value)
    assert cbor.decode(data, max_items=items) == value
    with pytest.raises(FormatError):
        cbor.decode(data, max_items=items - 1)


def test_a_million_items_are_allowed_by_default_and_not_one_more() -> None:
    head = b"\x9a" + (999_999).to_bytes(4, "big")
    assert len(cbor.decode(head + bytes(999_999))) == 999_999  # type: ignore[arg-type]
    with pytest.raises(FormatError, match="more items"):
        cbor.decode(b"\x9a" + (1_000_000).to_bytes(4, "big") + bytes(1_000_000))
