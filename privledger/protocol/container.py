"""Containers: the self-describing files that people pass on (docs/spec/conventions.md §6).

    >>> unpack(pack("address", b"a statement"), types={"address"}).body
    b'a statement'

A reader tells from the bytes alone what a file is, and how large it may be before it reads it. Left to others: what a body
means, and whether it is true.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from privledger.protocol._values import making, reading, require
from privledger.protocol.errors import FormatError
from privledger.protocol.ids import check_origin
from privledger.protocol.statements import MAX_STATEMENT
from privledger_crypto import cbor

__all__ = [
    "CONTAINER_TYPES",
    "MAX_CONTAINER",
    "MAX_SMALL_CONTAINER",
    "VERSION",
    "Container",
    "pack",
    "pack_signed",
    "unpack",
    "unpack_signed",
]

MAX_CONTAINER = 64 << 20  # bytes, of the types that hold what many entries or receipts say
MAX_SMALL_CONTAINER = 1 << 20  # bytes, of all others
VERSION = 1
_LARGE = ("backup", "bundle", "disclosure")
_MAGIC = "privledger"

# What the body is: a statement, a map, a statement beside the origin it was signed for, or sealed bytes.
CONTAINER_TYPES: Mapping[str, type] = {
    "address": bytes,
    "access-request": bytes,
    "proof-request": dict,
    "presentation": dict,
    "receipt": dict,
    "disclosure": dict,
    "certificate": dict,
    "bundle": dict,
    "evidence": dict,
    "service-keys": dict,
    "backup": bytes,
}


@dataclass(frozen=True, slots=True)
class Container:
    """A container that was read: its type, its format version and its body, a value that is still untrusted."""

    type: str
    version: int
    body: cbor.Value = field(repr=False)


def pack(type: str, body: cbor.Value) -> bytes:
    """Write a container of a known `type`.

    Raises:
        UsageError: the type is unknown, the body has another shape than the type's, or it is over the type's limit.
    """
    require(type in CONTAINER_TYPES, f"there is no container of type {type!r}")
    expected = CONTAINER_TYPES[type]
    require(isinstance(body, expected), f"the body of a container {type} is {_shape(expected)}")
    with making(f"container {type}"):
        data = cbor.encode([_MAGIC, type, VERSION, body])
    limit = MAX_CONTAINER if type in _LARGE else MAX_SMALL_CONTAINER
    require(len(data) <= limit, f"a container {type} is at most {limit} bytes, this one has {len(data)}")
    return data


def unpack(data: bytes, *, types: Collection[str] | None = None) -> Container:
    """Read an untrusted container; `types` are those the caller can use, by default all.

    Raises:
        FormatError: not a container, over the limit of its type, of an unknown type or version, or of a type not in `types`.
    """
    with reading("container"):
        # Before it is decoded, which takes several times its size.
        limit = MAX_CONTAINER if data.startswith(_LARGE_BEGINNINGS) else MAX_SMALL_CONTAINER
        value = cbor.decode(data, max_size=limit)
    match value:
        case ["privledger", str() as kind, int() as version, body] if not isinstance(version, bool):
            pass
        case _:
            raise FormatError(
                "this is not a privledger file",
                hint="Check that the whole file was passed on, and in its binary form.",
            )
    if kind not in CONTAINER_TYPES:
        raise FormatError(
            f"a privledger file of the unknown type {kind[:40]!r}", hint="A newer privledger may know this type."
        )
    if version != VERSION:
        raise FormatError(
            f"a {kind} of the unknown version {version}", hint="A newer privledger may know this version."
        )
    if types is not None and kind not in types:
        raise FormatError(f"expected a file of type {' or '.join(sorted(types))}, and this is a {kind}")
    expected = CONTAINER_TYPES[kind]
    if not isinstance(body, expected):
        raise FormatError(f"the body of a {kind} must be {_shape(expected)}")
    return Container(kind, version, body)


def pack_signed(type: str, origin: str, statement: bytes) -> bytes:
    """Write a `receipt` or `certificate` container: a statement beside the origin that it was signed for.

    Raises:
        UsageError: as `pack`. FormatError: the origin has another form.
    """
    return pack(type, {1: check_origin(origin), 2: statement})


def unpack_signed(data: bytes, *, type: str) -> tuple[str, bytes]:
    """Read the origin and the statement of an untrusted `receipt` or `certificate` container; neither is checked further.

    Raises:
        FormatError: not such a container.
    """
    container = unpack(data, types={type})
    with reading(type):
        fields = cbor.Fields(container.body, type)
        origin = check_origin(fields.text(1, max_length=200))
        statement = fields.bytes(2, max_length=MAX_STATEMENT)
        fields.done()
    return origin, statement


def _beginning(type: str) -> bytes:
    """The bytes that every container of this type begins with: an array of four, and the encoding of the first two."""
    return b"\x84" + cbor.encode(_MAGIC) + cbor.encode(type)


_LARGE_BEGINNINGS = tuple(_beginning(type) for type in _LARGE)


def _shape(expected: type) -> str:
    return "a map" if expected is dict else "a byte string"
