"""Linear relations over G1: the statements that `sigma` proves, their encoding, and when one is valid.

Only `sigma` and what builds statements on it use this module; `sigma` re-exports its public names.
Source: draft-irtf-cfrg-sigma-protocols-03, sections "Representation", "Instance validation" and "Serialization".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce

from .errors import FormatError, ParameterError
from .group import ORDER, POINT_SIZE, SCALAR_SIZE, Point, generator, parse_point, parse_scalar, scalar_to_bytes

__all__ = ["Equation", "LinearRelation", "RelationBuilder", "parse_relation"]

_COUNT_SIZE = 4  # bytes, little-endian, of every count and index


@dataclass(frozen=True, slots=True)
class Equation:
    """One row: the sum of the `image` terms equals the sum of the `terms`.

    `image`: pairs (element index, coefficient). `terms`: triples (scalar index, element index, coefficient).
    """

    image: tuple[tuple[int, int], ...]
    terms: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class LinearRelation:
    """A system of equations, linear in secret scalars. `elements[0]` is the generator of the group, used or not.

    Every element on which acceptance depends must be an element of its own: sums made beforehand make proofs malleable.
    Build one with `RelationBuilder`. Two spellings of one statement are two relations.
    """

    elements: tuple[Point, ...]
    equations: tuple[Equation, ...]

    @property
    def scalar_count(self) -> int:
        """The number of secret scalars: one more than the largest scalar index."""
        return 1 + max((scalar for row in self.equations for scalar, _, _ in row.terms), default=-1)

    def serialize(self) -> bytes:
        """Return the encoding that challenges are derived from (`SerializeLinearRelation`). Raises: ParameterError."""
        out = [_count(len(self.equations))]
        for row in self.equations:
            out.append(_count(len(row.image)))
            out.extend(_count(element) + scalar_to_bytes(coefficient) for element, coefficient in row.image)
            out.append(_count(len(row.terms)))
            out.extend(_count(j) + _count(element) + scalar_to_bytes(factor) for j, element, factor in row.terms)
        return b"".join(out) + encode_points(self.elements[1:])

    def image(self) -> tuple[Point, ...]:
        """Evaluate the left-hand sides. Every value in them is public."""
        return tuple(
            _sum(_times(self.elements[element], coefficient) for element, coefficient in row.image)
            for row in self.equations
        )

    def map(self, scalars: Sequence[int]) -> tuple[Point, ...]:
        """Evaluate the right-hand sides at `scalars`, which may be secret: one constant-time multiplication a term."""
        return tuple(
            _sum(self.elements[element].mul(coefficient * scalars[j] % ORDER) for j, element, coefficient in row.terms)
            for row in self.equations
        )

    def validate(self) -> None:
        """Check the ten rules of `ValidateInstance`; a proof of an invalid instance attests nothing.

        Raises: ParameterError that names the rule.
        """
        if not self.equations:  # 1
            raise ParameterError("the relation has no equation")
        if any(not row.terms or not row.image for row in self.equations):  # 2
            raise ParameterError("an equation of the relation lacks terms on one side")
        if not self.elements or self.elements[0] != generator():  # 7
            raise ParameterError("element 0 of the relation is not the generator of the group")
        self._validate_indices()
        if any(element.is_identity for element in self.elements):  # 8
            raise ParameterError("an element of the relation is the identity")
        if any(point.is_identity for point in self.image()):  # 9
            raise ParameterError("an equation's image is the identity, so the all-zero witness satisfies it")
        self._validate_columns()

    def _validate_indices(self) -> None:
        elements = {element for row in self.equations for element, _ in row.image}
        elements |= {element for row in self.equations for _, element, _ in row.terms}
        scalars = {scalar for row in self.equations for scalar, _, _ in row.terms}
        if min(elements) < 0 or min(scalars) < 0 or max(scalars) >= 1 << 32:  # 3
            raise ParameterError("an index of the relation lies outside [0, 2^32)")
        if max(elements) >= len(self.elements):  # 4
            raise ParameterError("an equation of the relation names an element that is not there")
        if not elements.issuperset(range(1, len(self.elements))):  # 5
            raise ParameterError("an element of the relation is used in no equation")
        # Counted, not enumerated: an index near 2^32 must not cost memory.
        if len(scalars) != max(scalars) + 1:  # 6
            raise ParameterError("a scalar of the relation is used in no equation, so its response would go unchecked")

    def _validate_columns(self) -> None:
        constrained: set[int] = set()
        for row in self.equations:
            columns: dict[int, list[tuple[int, int]]] = {}
            for scalar, element, coefficient in row.terms:
                columns.setdefault(scalar, []).append((element, coefficient))
            for scalar, column in columns.items():
                if scalar not in constrained and not _sum(_times(self.elements[e], c) for e, c in column).is_identity:
                    constrained.add(scalar)
        if len(constrained) != self.scalar_count:  # 10
            raise ParameterError("the terms of a scalar of the relation cancel everywhere, so nothing constrains it")


@dataclass(slots=True)
class RelationBuilder:
    """Collects elements, scalars and equations, and hands out their indices; statements concatenate.

    >>> from privledger_crypto.group import generator
    >>> builder = RelationBuilder()
    >>> public = builder.element(generator().mul(7))
    >>> builder.equation(image=[(public, 1)], terms=[(builder.scalar(), 0, 1)])
    >>> builder.build().validate()
    """

    _elements: list[Point] = field(default_factory=lambda: [generator()])
    _equations: list[Equation] = field(default_factory=list)
    _scalars: int = 0

    def element(self, point: Point) -> int:
        """Register one public point and return its index; index 0 is the generator."""
        self._elements.append(point)
        return len(self._elements) - 1

    def scalar(self) -> int:
        """Allocate one secret scalar and return its index, which is its place in the witness."""
        self._scalars += 1
        return self._scalars - 1

    def equation(self, *, image: Iterable[tuple[int, int]], terms: Iterable[tuple[int, int, int]]) -> None:
        """Add an equation; coefficients are taken modulo the order."""
        self._equations.append(
            Equation(
                tuple((element, coefficient % ORDER) for element, coefficient in image),
                tuple((scalar, element, coefficient % ORDER) for scalar, element, coefficient in terms),
            )
        )

    def build(self) -> LinearRelation:
        """Return the relation. It is not validated here: proving and verifying do that."""
        return LinearRelation(tuple(self._elements), tuple(self._equations))


class _Reader:
    """Takes bytes from the front of an untrusted encoding."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, length: int) -> bytes:
        piece = self._data[self._at : self._at + length]
        if len(piece) != length:
            raise FormatError("the encoding of the relation ends too early")
        self._at += length
        return piece

    def count(self) -> int:
        return int.from_bytes(self.take(_COUNT_SIZE), "little")

    def scalar(self) -> int:
        return parse_scalar(self.take(SCALAR_SIZE))

    def rest(self) -> bytes:
        return self._data[self._at :]


def parse_relation(data: bytes) -> LinearRelation:
    """Read an untrusted encoding as `LinearRelation.serialize` writes it; call `validate` before relying on it.

    Raises: FormatError.
    """
    reader = _Reader(bytes(data))
    equations = []
    for _ in range(reader.count()):
        image = tuple((reader.count(), reader.scalar()) for _ in range(reader.count()))
        terms = tuple((reader.count(), reader.count(), reader.scalar()) for _ in range(reader.count()))
        equations.append(Equation(image, terms))
    return LinearRelation((generator(), *parse_points(reader.rest())), tuple(equations))


def parse_points(data: bytes) -> tuple[Point, ...]:
    """Read untrusted points, 48 bytes each. Raises: FormatError."""
    if len(data) % POINT_SIZE:
        raise FormatError(f"points have {POINT_SIZE} bytes each; {len(data)} is no multiple of that")
    return tuple(parse_point(data[at : at + POINT_SIZE]) for at in range(0, len(data), POINT_SIZE))


def encode_points(points: Iterable[Point]) -> bytes:
    """Return the points, 48 bytes each; the identity has no encoding here. Raises: ParameterError."""
    pieces = []
    for point in points:
        if point.is_identity:
            raise ParameterError("the identity cannot be part of a statement or a proof")
        pieces.append(point.to_bytes())
    return b"".join(pieces)


def _count(value: int) -> bytes:
    if not 0 <= value < 1 << 32:
        raise ParameterError("a count or index of the relation lies outside [0, 2^32)")
    return value.to_bytes(_COUNT_SIZE, "little")


def _sum(points: Iterable[Point]) -> Point:
    return reduce(lambda left, right: left + right, points)


def _times(point: Point, coefficient: int) -> Point:
    """Multiply by a public coefficient; the common 1 is free."""
    return point if coefficient == 1 else point.mul(coefficient)
