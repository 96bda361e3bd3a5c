"""The `pyblst` back end of `privledger_crypto.group`: BLS12-381 G1 by blst, constant time in the scalar.

Only `group` uses it, and keeps the rules that hold for every back end: lengths, refusing the identity, re-encoding.
"""

from __future__ import annotations

from typing import Any

from pyblst import BlstP1Element

__all__ = ["BlstBackend"]


class BlstBackend:
    """G1 over blst's elements. blst multiplies in constant time, so secret scalars are safe here."""

    name = "pyblst"

    def identity(self) -> Any:
        return BlstP1Element()

    def generator(self, encoded: bytes) -> Any:
        return BlstP1Element.uncompress(encoded)

    def add(self, left: Any, right: Any) -> Any:
        return left + right

    def negate(self, element: Any) -> Any:
        return -element

    def multiply(self, element: Any, scalar: int) -> Any:
        return element.scalar_mul(scalar)

    def is_equal(self, left: Any, right: Any) -> bool:
        return bool(left == right)

    def encode(self, element: Any) -> bytes:
        return bytes(element.compress())

    def decode(self, data: bytes) -> Any:
        """Decode 48 bytes; blst checks the flags, the range of x, the curve and the subgroup, and raises ValueError."""
        return BlstP1Element.uncompress(data)

    def hash_to_group(self, message: bytes, dst: bytes) -> Any:
        return BlstP1Element.hash_to_group(message, dst)
