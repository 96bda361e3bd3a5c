"""The `py_ecc` back end of `privledger_crypto.group`: BLS12-381 G1 in pure Python.

It serves machines without a `pyblst` wheel and gives a second opinion on what blst computed. It is about a hundred
times slower and **not constant time**: whoever can measure a machine that signs with it learns about the secret.

Only `group` uses it, and keeps the rules that hold for every back end: lengths, refusing the identity, re-encoding.
"""

from __future__ import annotations

import hashlib
from typing import Any

from py_ecc.bls.g2_primitives import subgroup_check
from py_ecc.bls.hash_to_curve import hash_to_G1
from py_ecc.bls.point_compression import compress_G1, decompress_G1
from py_ecc.bls.typing import G1Compressed
from py_ecc.optimized_bls12_381.optimized_curve import G1, Z1, add, eq, multiply, neg

__all__ = ["PyEccBackend"]


class PyEccBackend:
    """G1 over py_ecc's projective triples."""

    name = "py_ecc"

    def identity(self) -> Any:
        return Z1

    def generator(self, encoded: bytes) -> Any:
        del encoded  # py_ecc carries its own; the tests compare the two
        return G1

    def add(self, left: Any, right: Any) -> Any:
        return add(left, right)

    def negate(self, element: Any) -> Any:
        return neg(element)

    def multiply(self, element: Any, scalar: int) -> Any:
        return multiply(element, scalar)

    def is_equal(self, left: Any, right: Any) -> bool:
        return bool(eq(left, right))

    def encode(self, element: Any) -> bytes:
        return int(compress_G1(element)).to_bytes(48, "big")

    def decode(self, data: bytes) -> Any:
        """Decode 48 bytes; raises ValueError. py_ecc checks flags, range and curve, and leaves the subgroup to us."""
        element = decompress_G1(G1Compressed(int.from_bytes(data, "big")))
        if not subgroup_check(element):
            raise ValueError("the point is not in the subgroup G1")
        return element

    def hash_to_group(self, message: bytes, dst: bytes) -> Any:
        # py_ecc calls `hash_function()`; its annotation names the object it returns.
        return hash_to_G1(message, dst, hashlib.sha256)  # type: ignore[arg-type]
