"""Pedersen vector commitments: a 48-byte point that hides a list of scalars and binds to it.

    C = s_0·B_0 + s_1·B_1 + … + s_n·B_n

The first scalar is the blinding and must be uniformly random. Hiding is unconditional, for ever; binding rests on the
discrete logarithm and falls to a quantum computer.

Left to others: the bases (`generators`), proofs about commitments (`relations`), what the values mean.
Source: T. P. Pedersen, CRYPTO '91, in the vector form of draft-irtf-cfrg-bbs-blind-signatures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .errors import FormatError, ParameterError, VerificationError
from .group import ORDER, SCALAR_SIZE, Point, msm, parse_point, parse_scalar, scalar_to_bytes

__all__ = ["Opening", "commit", "parse_opening", "verify_opening"]


@dataclass(frozen=True, slots=True)
class Opening:
    """The scalars inside a commitment, the blinding first. Whoever holds it can open the commitment.

    Raises: ParameterError if there is no value, or one outside [0, ORDER).
    """

    values: tuple[int, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.values:
            raise ParameterError("an opening has at least one value, the blinding")
        if any(not 0 <= value < ORDER for value in self.values):
            raise ParameterError("every value of an opening lies between 0 and the order of the group")

    def to_bytes(self) -> bytes:
        """Return the values as 32 big-endian bytes each, one after the other."""
        return b"".join(scalar_to_bytes(value) for value in self.values)


def parse_opening(data: bytes, count: int) -> Opening:
    """Read an untrusted opening of exactly `count` values. Raises: FormatError; ParameterError for a count below 1."""
    if count < 1:
        raise ParameterError("an opening has at least one value, the blinding")
    if len(data) != count * SCALAR_SIZE:
        raise FormatError(f"an opening of {count} values has {count * SCALAR_SIZE} bytes, not {len(data)}")
    return Opening(tuple(parse_scalar(data[at : at + SCALAR_SIZE]) for at in range(0, len(data), SCALAR_SIZE)))


def commit(generators: Sequence[Point], scalars: Sequence[int]) -> Point:
    """Return the commitment to `scalars` over `generators`, one each; `scalars[0]` is the blinding.

    Every scalar lies in [0, ORDER) and may be zero. Zeros are multiplied like any other value: none is skipped.

    Raises: ParameterError if the counts differ, a scalar is out of range, or the result is the identity.
    """
    if len(generators) != len(scalars):
        raise ParameterError(f"{len(generators)} bases commit to as many values, not {len(scalars)}")
    commitment = msm(generators, Opening(tuple(scalars)).values)
    if commitment.is_identity:
        raise ParameterError("these values commit to the identity, which nobody accepts; draw another blinding")
    return commitment


def verify_opening(commitment: bytes, generators: Sequence[Point], opening: Opening) -> None:
    """Check that `commitment` (48 bytes, untrusted) opens to `opening` over `generators`.

    Raises: FormatError for bytes that are no point; VerificationError if it does not open so or the counts differ.
    """
    point = parse_point(commitment)
    if len(opening.values) != len(generators):
        raise VerificationError(f"the opening has {len(opening.values)} values for {len(generators)} bases")
    if msm(generators, opening.values) != point:
        raise VerificationError("the commitment does not open to these values")
