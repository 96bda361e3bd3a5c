"""Deterministic CBOR: one value, one encoding.

    >>> encode({2: b"ab", 1: [7, "x"]}).hex()
    'a2018207617802426162'
    >>> decode(bytes.fromhex("a2018207617802426162"))
    {1: [7, 'x'], 2: b'ab'}

The profile is RFC 8949 section 4.2.1 (core deterministic encoding) narrowed to what entries need:

* integers from -2^64 to 2^64-1, byte strings, UTF-8 text, booleans, null, arrays, maps with integer or text keys;
* no floats, tags, undefined or other simple values, and no indefinite lengths;
* every length and integer in its shortest form, map keys in bytewise order of their encodings, each once.

`decode` reads in one pass and refuses everything else, so whatever it accepts re-encodes to the same bytes. It is
written here because a general decoder builds values of every tag and hashes keys of every type before a caller can
refuse them. `encode` orders the keys itself (the `canonical` mode of cbor2 sorts length-first, the older RFC 7049
rule) and leaves the bytes to cbor2. What a map means is left to the caller; `Fields` reads one, key by key.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import cbor2

from .errors import FormatError, ParameterError

__all__ = [
    "MAX_DEPTH",
    "MAX_ITEMS",
    "MAX_SIZE",
    "Encodable",
    "Fields",
    "Key",
    "Value",
    "byte_string",
    "decode",
    "encode",
]

Key: TypeAlias = int | str
Value: TypeAlias = int | bytes | str | bool | list["Value"] | dict[Key, "Value"] | None
"""What `decode` returns."""
Encodable: TypeAlias = (
    int
    | bytes
    | str
    | bool
    | Sequence["Encodable"]
    | Mapping[int, "Encodable"]
    | Mapping[str, "Encodable"]
    | Mapping[Key, "Encodable"]
    | None
)
"""What `encode` takes: a `Value`, with tuples allowed as arrays (the run-time check is on the exact type)."""

MAX_SIZE = 1 << 20
"""Default limit of `decode`, in bytes."""
MAX_ITEMS = 1_000_000
"""Default limit of `decode` on items, each array, map, key and value counted: an item of one byte costs far more in memory."""
MAX_DEPTH = 16
"""Arrays and maps inside one another: the limit of `encode` and the default limit of `decode`."""

_INT_MIN, _INT_MAX = -(1 << 64), (1 << 64) - 1
_SIMPLE: dict[int, bool | None] = {0xF4: False, 0xF5: True, 0xF6: None}


# --- encoding -------------------------------------------------------------------------------------------------------


def encode(value: Encodable) -> bytes:
    """The deterministic encoding of `value` (RFC 8949 section 4.2.1).

    Tuples are written as arrays. Raises `ParameterError` for a value outside the profile: another type (subclasses
    included), an integer outside -2^64..2^64-1, text that is not valid Unicode, more than `MAX_DEPTH` levels.
    """
    try:
        return cbor2.dumps(_ordered(value, MAX_DEPTH))
    except UnicodeError as exc:
        raise ParameterError("cannot encode as CBOR: text holds a lone surrogate") from exc


def byte_string(data: bytes) -> bytes:
    """`encode(data)` for a byte string, without the general walk."""
    size = len(data)
    if size < 24:
        return b"%c%b" % (0x40 | size, data)
    if size < 0x100:
        return b"\x58%c%b" % (size, data)
    if size < 0x10000:
        return b"\x59" + size.to_bytes(2, "big") + data
    return cbor2.dumps(data)


def _ordered(value: object, depth: int) -> object:
    """`value` with every map in bytewise key order, after a check of every type and range."""
    kind = type(value)
    if kind is bytes or kind is str or kind is bool or value is None:
        return value
    if kind is int:
        if _INT_MIN <= value <= _INT_MAX:  # type: ignore[operator]
            return value
        raise ParameterError("cannot encode as CBOR: an integer is outside -2^64..2^64-1")
    if kind is not dict and kind is not list and kind is not tuple:
        raise ParameterError(f"cannot encode as CBOR: values of type {kind.__name__} are not in the profile")
    if depth == 0:
        raise ParameterError(f"cannot encode as CBOR: more than {MAX_DEPTH} levels of arrays and maps")
    if isinstance(value, dict):
        return {_key(key): _ordered(value[key], depth - 1) for key in sorted(value, key=_key_order)}
    return [_ordered(item, depth - 1) for item in value]  # type: ignore[attr-defined]


def _key(key: object) -> object:
    """`key`, once its type and range are checked."""
    kind = type(key)
    if kind is str or (kind is int and _INT_MIN <= key <= _INT_MAX):  # type: ignore[operator]
        return key
    raise ParameterError("cannot encode as CBOR: a map key is neither text nor an integer of 64 bits")


def _key_order(key: object) -> tuple[int, int, bytes]:
    """Sorts as the encoded keys do: unsigned integers, then negative ones from -1 down, then text by length."""
    if isinstance(key, int):
        return (0, key, b"") if key >= 0 else (1, -1 - key, b"")
    if isinstance(key, str):
        raw = key.encode()
        return 2, len(raw), raw
    raise ParameterError("cannot encode as CBOR: a map key is neither text nor an integer of 64 bits")


# --- decoding -------------------------------------------------------------------------------------------------------


def decode(data: bytes, *, max_size: int = MAX_SIZE, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS) -> Value:
    """The value whose deterministic encoding is exactly `data`.

    `max_size` is in bytes, `max_depth` in arrays and maps inside one another, `max_items` in items of all kinds. Raises
    `FormatError` for anything that `encode` would not have written: trailing or missing bytes, a longer form than needed, keys out
    of order or twice, a type outside the profile, invalid UTF-8, or a limit passed.
    """
    if len(data) > max_size:
        raise FormatError(f"CBOR of {len(data)} bytes, at most {max_size} are allowed here")
    try:
        value, end = _item(data, 0, max_depth, [max_items - 1])
    except IndexError as exc:
        raise FormatError("CBOR ends in the middle of an item") from exc
    if end != len(data):
        raise FormatError(f"CBOR is followed by {len(data) - end} further bytes")
    return value


def _item(data: bytes, pos: int, depth: int, room: list[int]) -> tuple[Value, int]:
    """The item that starts at `pos`, and the position after it. `room[0]` is the number of items that may come yet."""
    initial = data[pos]
    pos += 1
    argument = initial & 0x1F
    if argument >= 24 and initial < 0xC0:
        argument, pos = _argument(data, pos, argument)
    major = initial >> 5
    if major == 2:
        end = pos + argument
        if end > len(data):
            raise IndexError
        return data[pos:end], end
    if major == 0:
        return argument, pos
    if major == 5:
        return _map(data, pos, argument, depth, room)
    if major == 4:
        return _array(data, pos, argument, depth, room)
    if major == 3:
        return _text(data, pos, argument)
    if major == 1:
        return -1 - argument, pos
    if initial in _SIMPLE:
        return _SIMPLE[initial], pos
    what = "a tag" if major == 6 else "a float or a simple value other than false, true and null"
    raise FormatError(f"CBOR holds {what} at byte {pos - 1}, which this profile does not allow")


def _argument(data: bytes, pos: int, info: int) -> tuple[int, int]:
    """The integer in the bytes after an initial byte with the low bits `info` (24 or more)."""
    if info == 24:
        value, end, least = data[pos], pos + 1, 24
    elif info <= 27:
        width = 1 << (info - 24)
        end, least = pos + width, 1 << (4 * width)
        if end > len(data):
            raise IndexError
        value = int.from_bytes(data[pos:end], "big")
    else:
        raise FormatError(f"CBOR has an indefinite or reserved length at byte {pos - 1}")
    if value < least:
        raise FormatError(f"CBOR has an integer or length at byte {pos - 1} that is not in its shortest form")
    return value, end


def _text(data: bytes, pos: int, size: int) -> tuple[str, int]:
    end = pos + size
    if end > len(data):
        raise IndexError
    try:
        return data[pos:end].decode(), end
    except UnicodeDecodeError as exc:
        raise FormatError(f"CBOR text at byte {pos} is not valid UTF-8") from exc


def _take_room(room: list[int], count: int, data: bytes, pos: int) -> None:
    """Make room for `count` items, whose bytes begin at `pos`: none is read if they cannot all be there."""
    if count > len(data) - pos:
        raise IndexError
    room[0] -= count
    if room[0] < 0:
        raise FormatError(f"CBOR holds more items than are allowed here, with the array or map at byte {pos - 1}")


def _array(data: bytes, pos: int, count: int, depth: int, room: list[int]) -> tuple[list[Value], int]:
    if depth < 1:
        raise FormatError(f"CBOR nests arrays and maps too deep at byte {pos - 1}")
    _take_room(room, count, data, pos)
    items: list[Value] = []
    for _ in range(count):
        value, pos = _item(data, pos, depth - 1, room)
        items.append(value)
    return items, pos


def _map(data: bytes, pos: int, count: int, depth: int, room: list[int]) -> tuple[dict[Key, Value], int]:
    if depth < 1:
        raise FormatError(f"CBOR nests arrays and maps too deep at byte {pos - 1}")
    _take_room(room, 2 * count, data, pos)
    entries: dict[Key, Value] = {}
    previous = b""
    for _ in range(count):
        start = pos
        if data[start] >> 5 not in (0, 1, 3):
            raise FormatError(f"CBOR has a map key at byte {start} that is neither an integer nor text")
        key, pos = _item(data, start, 0, room)
        encoded = data[start:pos]
        if encoded <= previous:
            raise FormatError(f"CBOR has a map key at byte {start} that is out of order or repeated")
        previous = encoded
        value, pos = _item(data, pos, depth - 1, room)
        entries[key] = value  # type: ignore[index]
    return entries, pos


# --- reading a map --------------------------------------------------------------------------------------------------


class Fields:
    """A decoded map, read key by key with types and limits; what was not read is unknown and refused.

        fields = Fields(decode(data), "record entry")
        record = fields.bytes(2, length=16)
        note = fields.text_or_none(3, max_length=64)
        fields.done()

    Every method raises `FormatError` naming `where` and the key. The `*_or_none` methods return None for an absent
    key; a key that is present with another type (null included) is refused by both kinds.
    """

    __slots__ = ("_left", "_where")

    def __init__(self, value: object, where: str) -> None:
        if type(value) is not dict:
            raise FormatError(f"{where}: expected a map")
        self._left: dict[Key, object] = value.copy()
        self._where = where

    def __contains__(self, key: Key) -> bool:
        """Whether `key` is present and not yet read."""
        return key in self._left

    def bytes(self, key: Key, length: int | None = None, max_length: int | None = None) -> builtins.bytes:
        """A byte string of exactly `length` bytes, or at most `max_length`."""
        value = self._take(key)
        if type(value) is not bytes:
            raise self._wrong(key, "a byte string")
        if length is not None and len(value) != length:
            raise self._wrong(key, f"{length} bytes, not {len(value)}")
        if max_length is not None and len(value) > max_length:
            raise self._wrong(key, f"at most {max_length} bytes, not {len(value)}")
        return value

    def uint(self, key: Key, maximum: int = _INT_MAX) -> int:
        """An integer from 0 to `maximum`."""
        value = self._take(key)
        if type(value) is not int or not 0 <= value <= maximum:
            raise self._wrong(key, f"an integer from 0 to {maximum}")
        return value

    def text(self, key: Key, max_length: int) -> str:
        """Text of at most `max_length` bytes of UTF-8."""
        value = self._take(key)
        if type(value) is not str or len(value.encode()) > max_length:
            raise self._wrong(key, f"text of at most {max_length} bytes")
        return value

    def flag(self, key: Key) -> bool:
        """True or false."""
        value = self._take(key)
        if type(value) is not bool:
            raise self._wrong(key, "true or false")
        return value

    def list(self, key: Key, max_items: int) -> builtins.list[Value]:
        """An array of at most `max_items` items, whose types the caller checks."""
        value = self._take(key)
        if type(value) is not list or len(value) > max_items:
            raise self._wrong(key, f"an array of at most {max_items} items")
        return value

    def map(self, key: Key) -> Fields:
        """A map inside this one; its own `done` is the caller's to call."""
        return Fields(self._take(key), f"{self._where}, key {key!r}")

    def bytes_or_none(
        self, key: Key, length: int | None = None, max_length: int | None = None
    ) -> builtins.bytes | None:
        """As `bytes`, or None if the key is absent."""
        return self.bytes(key, length, max_length) if key in self._left else None

    def uint_or_none(self, key: Key, maximum: int = _INT_MAX) -> int | None:
        """As `uint`, or None if the key is absent."""
        return self.uint(key, maximum) if key in self._left else None

    def text_or_none(self, key: Key, max_length: int) -> str | None:
        """As `text`, or None if the key is absent."""
        return self.text(key, max_length) if key in self._left else None

    def list_or_none(self, key: Key, max_items: int) -> builtins.list[Value] | None:
        """As `list`, or None if the key is absent."""
        return self.list(key, max_items) if key in self._left else None

    def map_or_none(self, key: Key) -> Fields | None:
        """As `map`, or None if the key is absent."""
        return self.map(key) if key in self._left else None

    def done(self) -> None:
        """Raises `FormatError` if a key was not read."""
        if self._left:
            unknown = ", ".join(repr(key) for key in self._left)
            raise FormatError(f"{self._where}: unknown keys {unknown[:200]}")

    def _take(self, key: Key) -> object:
        try:
            return self._left.pop(key)
        except KeyError as exc:
            raise FormatError(f"{self._where}: key {key!r} is missing") from exc

    def _wrong(self, key: Key, expected: str) -> FormatError:
        return FormatError(f"{self._where}: key {key!r} must be {expected}")
