"""A reader and verifier of ICS-23 proofs (https://github.com/cosmos/ics23), for SmtSpec and the op-level vectors.

An independent judge of `privledger_crypto.statemap`: it checks neighbours for absence, where the map's own proofs follow
one path. Functions raise Ics23Error. The protobuf is read by hand: fields of wire types 0 and 2 only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

HASHES = {1: "sha256", 2: "sha512"}
FIXED_LENGTHS = {3: (4, "big"), 4: (4, "little"), 5: (8, "big"), 6: (8, "little")}


class Ics23Error(Exception):
    """The proof is malformed or does not hold."""


@dataclass(frozen=True)
class LeafOp:
    hash: int = 0
    prehash_key: int = 0
    prehash_value: int = 0
    length: int = 0
    prefix: bytes = b""


@dataclass(frozen=True)
class InnerOp:
    hash: int = 0
    prefix: bytes = b""
    suffix: bytes = b""


@dataclass(frozen=True)
class InnerSpec:
    child_order: tuple[int, ...] = ()
    child_size: int = 0
    min_prefix_length: int = 0
    max_prefix_length: int = 0
    empty_child: bytes = b""
    hash: int = 0


@dataclass(frozen=True)
class Spec:
    leaf_spec: LeafOp
    inner_spec: InnerSpec
    max_depth: int = 0
    min_depth: int = 0


@dataclass(frozen=True)
class Existence:
    key: bytes = b""
    value: bytes = b""
    leaf: LeafOp | None = None
    path: tuple[InnerOp, ...] = field(default=())


SMT_SPEC = Spec(
    LeafOp(hash=1, prehash_key=1, prehash_value=1, length=0, prefix=b"\x00"),
    InnerSpec((0, 1), 32, 1, 1, bytes(32), 1),
    max_depth=256,
)


def hash_with(op: int, data: bytes) -> bytes:
    if op not in HASHES:
        raise Ics23Error(f"hash op {op}")
    return hashlib.new(HASHES[op], data).digest()


def _prepared(prehash: int, length: int, data: bytes) -> bytes:
    if not data:
        raise Ics23Error("leaf op needs key and value")
    data = hash_with(prehash, data) if prehash else data
    if length == 0:
        return data
    if length == 1:
        return _varint(len(data)) + data
    if length in FIXED_LENGTHS:
        size, order = FIXED_LENGTHS[length]
        return len(data).to_bytes(size, "big" if order == "big" else "little") + data
    raise Ics23Error(f"length op {length}")


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def apply_leaf(op: LeafOp, key: bytes, value: bytes) -> bytes:
    prepared = _prepared(op.prehash_key, op.length, key) + _prepared(op.prehash_value, op.length, value)
    return hash_with(op.hash, op.prefix + prepared)


def apply_inner(op: InnerOp, child: bytes) -> bytes:
    if not child:
        raise Ics23Error("inner op needs a child")
    return hash_with(op.hash, op.prefix + child + op.suffix)


def calculate(proof: Existence) -> bytes:
    """The root that an existence proof leads to."""
    if proof.leaf is None:
        raise Ics23Error("existence proof needs a leaf op")
    node = apply_leaf(proof.leaf, proof.key, proof.value)
    for op in proof.path:
        node = apply_inner(op, node)
    return node


def check_leaf(op: LeafOp, spec: LeafOp) -> None:
    same = (op.hash, op.prehash_key, op.prehash_value, op.length)
    if same != (spec.hash, spec.prehash_key, spec.prehash_value, spec.length):
        raise Ics23Error("leaf op differs from the spec")
    if not op.prefix.startswith(spec.prefix):
        raise Ics23Error("leaf prefix")


def check_inner(op: InnerOp, spec: Spec) -> None:
    inner = spec.inner_spec
    if op.hash != inner.hash:
        raise Ics23Error("inner hash op")
    if op.prefix.startswith(spec.leaf_spec.prefix):
        raise Ics23Error("an inner prefix that is a leaf prefix")
    longest = inner.max_prefix_length + (len(inner.child_order) - 1) * inner.child_size
    if not inner.min_prefix_length <= len(op.prefix) <= longest or len(op.suffix) % inner.child_size:
        raise Ics23Error("inner prefix or suffix length")


def check_spec(proof: Existence, spec: Spec) -> None:
    if proof.leaf is None:
        raise Ics23Error("existence proof needs a leaf op")
    check_leaf(proof.leaf, spec.leaf_spec)
    if len(proof.path) < spec.min_depth or len(proof.path) > (spec.max_depth or 128):
        raise Ics23Error("depth")
    for op in proof.path:
        check_inner(op, spec)


def verify_existence(proof: Existence, spec: Spec, root: bytes, key: bytes, value: bytes) -> None:
    check_spec(proof, spec)
    if (proof.key, proof.value) != (key, value):
        raise Ics23Error("proof of another pair")
    if calculate(proof) != root:
        raise Ics23Error("another root")


def branch(op: InnerOp, spec: InnerSpec) -> int:
    """Which child of its node an op's input is."""
    for position in range(len(spec.child_order)):
        before, after = position * spec.child_size, (len(spec.child_order) - 1 - position) * spec.child_size
        low, high = before + spec.min_prefix_length, before + spec.max_prefix_length
        if low <= len(op.prefix) <= high and len(op.suffix) == after:
            return position
    raise Ics23Error("no branch has this padding")


def side_is_empty(op: InnerOp, spec: InnerSpec, *, left: bool) -> bool:
    """Whether everything on one side of an op's input is empty, and there is something on that side."""
    try:
        position = branch(op, spec)
    except Ics23Error:
        return False
    count = position if left else len(spec.child_order) - 1 - position
    hashes = op.prefix[len(op.prefix) - count * spec.child_size :] if left else op.suffix
    return count > 0 and hashes == spec.empty_child * count


def is_outermost(path: Sequence[InnerOp], spec: InnerSpec, *, left: bool) -> bool:
    """Whether no leaf lies further left (or right) than the one at the end of this path."""
    edge = 0 if left else len(spec.child_order) - 1
    return all(branch(op, spec) == edge or side_is_empty(op, spec, left=left) for op in path)


def are_neighbours(left: Sequence[InnerOp], right: Sequence[InnerOp], spec: InnerSpec) -> bool:
    """Whether no leaf lies between the ends of these paths (which run from the leaf up)."""
    left, right = list(left), list(right)
    while left and right and (left[-1].prefix, left[-1].suffix) == (right[-1].prefix, right[-1].suffix):
        left.pop()
        right.pop()
    if not left or not right or branch(right[-1], spec) != branch(left[-1], spec) + 1:
        return False
    return is_outermost(left[:-1], spec, left=False) and is_outermost(right[:-1], spec, left=True)


def verify_absence(left: Existence | None, right: Existence | None, spec: Spec, root: bytes, key: bytes) -> None:
    """Check that no pair has `key`, by its neighbours in the order of key hashes (prehash_key_before_comparison)."""
    place = hashlib.sha256(key).digest()
    for neighbour in (left, right):
        if neighbour is not None:
            verify_existence(neighbour, spec, root, neighbour.key, neighbour.value)
    if left is not None and not hashlib.sha256(left.key).digest() < place:
        raise Ics23Error("the left neighbour is not on the left")
    if right is not None and not place < hashlib.sha256(right.key).digest():
        raise Ics23Error("the right neighbour is not on the right")
    if left is not None and right is not None:
        adjacent = are_neighbours(left.path, right.path, spec.inner_spec)
    elif right is not None:
        adjacent = is_outermost(right.path, spec.inner_spec, left=True)
    elif left is not None:
        adjacent = is_outermost(left.path, spec.inner_spec, left=False)
    else:
        adjacent = False
    if not adjacent:
        raise Ics23Error("the neighbours are not adjacent")


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    """The fields of a protobuf message, in order."""
    fields: list[tuple[int, int | bytes]] = []
    at = 0

    def number() -> int:
        nonlocal at
        result = shift = 0
        while True:
            byte = data[at]
            at += 1
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    while at < len(data):
        tag = number()
        value: int | bytes = number()
        if tag & 7 == 2:
            at += int(value)
            value = data[at - int(value) : at]
        fields.append((tag >> 3, value))
    return fields


def _existence(data: bytes) -> Existence:
    parts = _fields(data)
    one = {tag: bytes(value) for tag, value in parts if tag in (1, 2, 3) and isinstance(value, bytes)}
    leaf = dict(_fields(one[3]))
    path = [dict(_fields(value)) for tag, value in parts if tag == 4 and isinstance(value, bytes)]
    names = {1: "hash", 2: "prehash_key", 3: "prehash_value", 4: "length", 5: "prefix"}
    return Existence(
        one[1],
        one[2],
        LeafOp(**{names[tag]: value for tag, value in leaf.items()}),  # type: ignore[arg-type]
        tuple(InnerOp(op[1], op.get(2, b""), op.get(3, b"")) for op in path),  # type: ignore[arg-type]
    )


def parse_commitment_proof(data: bytes) -> tuple[Existence | None, Existence | None, Existence | None]:
    """The proof of existence, the left and the right neighbour of a CommitmentProof, as far as it holds them."""
    ((tag, body),) = _fields(data)
    if not isinstance(body, bytes):
        raise Ics23Error("not a message")
    if tag == 1:
        return _existence(body), None, None
    parts = {number: value for number, value in _fields(body) if isinstance(value, bytes)}
    left, right = (_existence(parts[number]) if number in parts else None for number in (2, 3))
    return None, left, right
