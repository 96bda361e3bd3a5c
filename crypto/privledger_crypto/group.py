"""The group of privledger: BLS12-381 G1, its scalar field, and hashing into both.

    >>> from privledger_crypto.group import generator, parse_point
    >>> doubled = generator() + generator()
    >>> doubled == generator().mul(2) == parse_point(doubled.to_bytes())
    True

Two libraries do the arithmetic behind one interface. `pyblst` (constant time) is the default; `py_ecc` (pure Python,
slow, not constant time) serves where `pyblst` has no wheel, and `use_backend("py_ecc")` asks it for a second opinion.
Python's own integers are not constant time either: sums and products of scalars leak what a local attacker can time.

Rules of this module:

- Points arrive through `parse_point`: 48 bytes, canonical, on the curve, in the subgroup, not the identity.
- Scalars arrive through `parse_scalar`: 32 bytes, big-endian, below `ORDER`; nothing is reduced silently.
- Points of two back ends do not mix: adding them raises.

Left to others: fixed bases (`generators`), commitments (`pedersen`), proofs (`sigma`), pairings and G2.
Sources: RFC 9380; draft-irtf-cfrg-pairing-friendly-curves appendix C (encoding of points);
draft-irtf-cfrg-bbs-signatures (hash to scalar).
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol

from .errors import FormatError, ParameterError

__all__ = [
    "BACKENDS",
    "ORDER",
    "POINT_SIZE",
    "SCALAR_SIZE",
    "WIDE_SIZE",
    "Point",
    "backend_name",
    "expand_message_xmd",
    "generator",
    "hash_to_point",
    "hash_to_scalar",
    "identity",
    "msm",
    "parse_point",
    "parse_scalar",
    "random_scalar",
    "scalar_to_bytes",
    "use_backend",
]

ORDER: Final = 52435875175126190479447740508185965837690552500527637822603658699938581184513  # r, the order of G1
POINT_SIZE: Final = 48  # bytes, compressed
SCALAR_SIZE: Final = 32  # bytes, big-endian
WIDE_SIZE: Final = 48  # bytes reduced modulo r: 128 bits more than r has, so the bias is below 2^-128
_MAX_DST: Final = 255  # bytes; a longer tag is hashed first (RFC 9380 section 5.3.3)
BACKENDS: Final = ("pyblst", "py_ecc")  # in order of preference

_GENERATOR: Final = bytes.fromhex(
    "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
)


class _Backend(Protocol):
    """What a library must offer. Elements are its own objects; `decode` raises ValueError on bad bytes."""

    @property
    def name(self) -> str: ...
    def __hash__(self) -> int: ...
    def identity(self) -> Any: ...
    def generator(self, encoded: bytes) -> Any: ...
    def add(self, left: Any, right: Any) -> Any: ...
    def negate(self, element: Any) -> Any: ...
    def multiply(self, element: Any, scalar: int) -> Any: ...
    def is_equal(self, left: Any, right: Any) -> bool: ...
    def encode(self, element: Any) -> bytes: ...
    def decode(self, data: bytes) -> Any: ...
    def hash_to_group(self, message: bytes, dst: bytes) -> Any: ...


@cache
def _load(name: str) -> _Backend:
    # Imported here so that a process pays only for the library it uses: py_ecc alone takes tenths of a second.
    if name == "pyblst":
        from ._group_blst import BlstBackend

        return BlstBackend()
    if name == "py_ecc":
        # Importing py_ecc raises the interpreter's recursion limit to 100,000; G1 needs 255 frames, so it is put back.
        limit = sys.getrecursionlimit()
        from ._group_py_ecc import PyEccBackend

        sys.setrecursionlimit(limit)
        return PyEccBackend()
    raise ParameterError(f"no group back end is called {name!r}; use one of {', '.join(BACKENDS)}")


@cache
def _default() -> _Backend:
    try:
        return _load("pyblst")
    except ImportError:
        return _load("py_ecc")


_chosen: ContextVar[_Backend | None] = ContextVar("privledger_group_backend", default=None)


def _active() -> _Backend:
    return _chosen.get() or _default()


def backend_name() -> str:
    """Return the name of the back end that new points come from: `"pyblst"` or `"py_ecc"`."""
    return _active().name


@contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Make new points come from the back end `name` inside the `with` block, in this thread or task only.

    Raises: ParameterError for an unknown name; ImportError if its library is not installed.
    """
    token = _chosen.set(_load(name))
    try:
        yield
    finally:
        _chosen.reset(token)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Point:
    """An element of G1, immutable. Made by `parse_point`, `generator`, `identity`, `hash_to_point`; never directly."""

    _raw: Any
    _backend: _Backend

    def __add__(self, other: Point) -> Point:
        if self._backend is not other._backend:
            names = f"{self._backend.name} and {other._backend.name}"
            raise ParameterError(f"points of {names} do not mix; parse both under one back end")
        return Point(self._backend.add(self._raw, other._raw), self._backend)

    def __sub__(self, other: Point) -> Point:
        return self + (-other)

    def __neg__(self) -> Point:
        return Point(self._backend.negate(self._raw), self._backend)

    def mul(self, scalar: int) -> Point:
        """Return `scalar` times this point. Any integer, taken modulo `ORDER`; constant time in it under `pyblst`."""
        return Point(self._backend.multiply(self._raw, scalar % ORDER), self._backend)

    def __eq__(self, other: object) -> bool:
        """Equal as group elements; across back ends the encodings are compared."""
        if not isinstance(other, Point):
            return NotImplemented
        if self._backend is other._backend:
            return self._backend.is_equal(self._raw, other._raw)
        return self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __repr__(self) -> str:
        return f"Point({self.to_bytes().hex()})"

    @property
    def is_identity(self) -> bool:
        """Whether this is the neutral element."""
        return self._backend.is_equal(self._raw, self._backend.identity())

    def to_bytes(self) -> bytes:
        """Return the 48-byte compressed encoding. The identity has one too, which `parse_point` refuses."""
        return self._backend.encode(self._raw)


def identity() -> Point:
    """Return the neutral element."""
    backend = _active()
    return Point(backend.identity(), backend)


def generator() -> Point:
    """Return the standard generator of G1."""
    return _generator(_active())


@cache
def _generator(backend: _Backend) -> Point:
    return Point(backend.generator(_GENERATOR), backend)


def parse_point(data: bytes) -> Point:
    """Read an untrusted point: exactly 48 bytes, canonical, on the curve, in the subgroup, and not the identity.

    Raises: FormatError.
    """
    if len(data) != POINT_SIZE:
        raise FormatError(f"a point has {POINT_SIZE} bytes, not {len(data)}")
    backend, encoded = _active(), bytes(data)
    try:
        point = Point(backend.decode(encoded), backend)
    except ValueError as exc:
        raise FormatError(f"not a point of BLS12-381 G1: {exc}") from exc
    if point.is_identity:
        raise FormatError("the identity is not accepted as a point")
    if point.to_bytes() != encoded:
        # Both libraries refuse such bytes today; this holds the rule if one of them loosens.
        raise FormatError("the encoding of the point is not canonical")
    return point


def parse_scalar(data: bytes) -> int:
    """Read an untrusted scalar: exactly 32 bytes, big-endian, below `ORDER` (zero is allowed).

    Raises: FormatError.
    """
    if len(data) != SCALAR_SIZE:
        raise FormatError(f"a scalar has {SCALAR_SIZE} bytes, not {len(data)}")
    scalar = int.from_bytes(data, "big")
    if scalar >= ORDER:
        raise FormatError("the scalar is not below the order of the group, so its encoding is not canonical")
    return scalar


def scalar_to_bytes(scalar: int) -> bytes:
    """Return `scalar`, which must lie in [0, ORDER), as 32 big-endian bytes. Raises: ParameterError."""
    if not 0 <= scalar < ORDER:
        raise ParameterError("a scalar lies between 0 and the order of the group; reduce it first")
    return scalar.to_bytes(SCALAR_SIZE, "big")


def msm(points: Sequence[Point], scalars: Sequence[int]) -> Point:
    """Return the sum of `scalars[i]` times `points[i]`, one constant-time multiplication each, so secrets may enter.

    Raises: ParameterError if the lengths differ or are zero, or if the points come from different back ends.
    """
    if len(points) != len(scalars):
        raise ParameterError(f"{len(points)} points need as many scalars, not {len(scalars)}")
    if not points:
        raise ParameterError("a sum over no points has no back end; ask for identity() instead")
    total = points[0].mul(scalars[0])
    for point, scalar in zip(points[1:], scalars[1:], strict=True):
        total = total + point.mul(scalar)
    return total


def _short_dst(dst: bytes) -> bytes:
    """Apply RFC 9380 sections 3.1 (a tag is not empty) and 5.3.3 (a tag over 255 bytes is hashed)."""
    if not dst:
        raise ParameterError("a domain separation tag must not be empty")
    if len(dst) > _MAX_DST:
        return hashlib.sha256(b"H2C-OVERSIZE-DST-" + dst).digest()
    return bytes(dst)


def expand_message_xmd(message: bytes, dst: bytes, length: int) -> bytes:
    """Return `length` uniform bytes for `message` under the tag `dst` (RFC 9380 section 5.3.1, SHA-256).

    `dst`: not empty. `length`: 1 to 8160 bytes. Raises: ParameterError.
    """
    blocks = -(-length // 32)
    if not 1 <= blocks <= 255:
        raise ParameterError("expand_message_xmd yields 1 to 8160 bytes")
    short = _short_dst(dst)
    dst_prime = short + bytes([len(short)])
    b_0 = hashlib.sha256(bytes(64) + message + length.to_bytes(2, "big") + b"\x00" + dst_prime).digest()
    block = hashlib.sha256(b_0 + b"\x01" + dst_prime).digest()
    out = [block]
    for counter in range(2, blocks + 1):
        mixed = bytes(x ^ y for x, y in zip(b_0, block, strict=True))
        block = hashlib.sha256(mixed + bytes([counter]) + dst_prime).digest()
        out.append(block)
    return b"".join(out)[:length]


def hash_to_point(message: bytes, dst: bytes) -> Point:
    """Hash `message` to G1 under the tag `dst` by RFC 9380, suite BLS12381G1_XMD:SHA-256_SSWU_RO_.

    Nobody knows the discrete logarithm of the result. `dst`: not empty. Raises: ParameterError.
    """
    backend = _active()
    return Point(backend.hash_to_group(bytes(message), _short_dst(dst)), backend)


def hash_to_scalar(message: bytes, dst: bytes) -> int:
    """Hash `message` to [0, ORDER) under the tag `dst`: 48 expanded bytes, big-endian, modulo the order.

    This is `hash_to_scalar` of draft-irtf-cfrg-bbs-signatures. `dst`: not empty. Raises: ParameterError.
    """
    return int.from_bytes(expand_message_xmd(message, dst, WIDE_SIZE), "big") % ORDER


def random_scalar(random_bytes: Callable[[int], bytes]) -> int:
    """Draw a scalar from [1, ORDER): 48 random bytes, big-endian, modulo the order.

    Raises: ParameterError if `random_bytes` returns a wrong number of bytes, or zero, as only a broken source does.
    """
    data = random_bytes(WIDE_SIZE)
    if len(data) != WIDE_SIZE:
        raise ParameterError(f"the random source returned {len(data)} bytes where {WIDE_SIZE} were asked for")
    scalar = int.from_bytes(data, "big") % ORDER
    if scalar == 0:
        raise ParameterError("the random source returned zero: it is broken")
    return scalar
