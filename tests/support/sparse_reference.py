"""The state map straight from its definition: slow, recursive, obvious. The fast one is held to it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

EMPTY = bytes(32)


def leaf(key: bytes, value: bytes) -> bytes:
    return sha256(b"\x00" + sha256(key).digest() + sha256(value).digest()).digest()


def bits(key: bytes) -> str:
    """The path of a key as a string of 256 characters."""
    return f"{int.from_bytes(sha256(key).digest(), 'big'):0256b}"


def root_at(pairs: Mapping[bytes, bytes], prefix: str = "") -> bytes:
    """The hash of the subtree below `prefix`."""
    inside = {key: value for key, value in pairs.items() if bits(key).startswith(prefix)}
    if not inside:
        return EMPTY
    if len(inside) == 1:
        return leaf(*next(iter(inside.items())))
    return sha256(b"\x01" + root_at(inside, prefix + "0") + root_at(inside, prefix + "1")).digest()


def siblings_of(pairs: Mapping[bytes, bytes], key: bytes) -> tuple[bytes, ...]:
    """The hashes beside the path of `key`, from the root down, to where at most one leaf is left."""
    path, siblings = bits(key), []
    for depth in range(256):
        prefix = path[:depth]
        if sum(bits(other).startswith(prefix) for other in pairs) < 2:
            break
        siblings.append(root_at(pairs, prefix + ("1" if path[depth] == "0" else "0")))
    return tuple(siblings)
