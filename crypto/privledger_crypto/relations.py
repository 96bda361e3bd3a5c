"""The statements that privledger proves in zero knowledge, ready to use.

    >>> import secrets
    >>> from privledger_crypto.group import generator
    >>> from privledger_crypto.relations import prove_discrete_log, verify_discrete_log
    >>> proof = prove_discrete_log(7, context=b"example", random_bytes=secrets.token_bytes)
    >>> verify_discrete_log(generator().mul(7).to_bytes(), proof, context=b"example")

Every proof is compact and bound to a `context`: bytes that both sides build from what they know (ledger, record, audience,
nonce …) and neither takes from the other. Its tag is

    "PRIVLEDGER-V1-" || name || "-CMPT-with-sigma-proofs_Shake128_BLS12381:" || SHA-256(context)

where the name is that of the statement, so a proof of one statement is no proof of another, nor in another context.

Commitments arrive as 48 untrusted bytes and are parsed strictly. Bases are `Point`s of the active back end.
Left to others: the proof system (`sigma`), the bases (`generators`), what belongs into a context.
Source: draft-irtf-cfrg-sigma-protocols-03, the relations of "Specifying the relation".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .errors import ParameterError
from .group import ORDER, Point, generator, parse_point
from .sigma import (
    SUITE,
    LinearRelation,
    RelationBuilder,
    derive_session_id,
    prove_compact,
    verify_compact,
)

__all__ = [
    "DISCRETE_LOG",
    "EQUAL",
    "OPENING",
    "OPENING_TO",
    "CommittedValue",
    "proof_tag",
    "prove_discrete_log",
    "prove_equal",
    "prove_opening",
    "prove_opening_to",
    "verify_discrete_log",
    "verify_equal",
    "verify_opening",
    "verify_opening_to",
]

DISCRETE_LOG: Final = b"DISCRETE-LOG"
OPENING: Final = b"OPENING"
OPENING_TO: Final = b"OPENING-TO"
EQUAL: Final = b"EQUAL"


@dataclass(frozen=True, slots=True)
class CommittedValue:
    """A place inside a commitment: the bases, the commitment (48 bytes, untrusted), and the index of the value meant.

    Index 0 is the blinding, which no statement singles out. Raises: ParameterError.
    """

    generators: tuple[Point, ...]
    commitment: bytes
    index: int

    def __post_init__(self) -> None:
        _check_index(self.index, len(self.generators))


def proof_tag(name: bytes, context: bytes) -> bytes:
    """Return the tag of a compact proof: see the module's docstring. `name`: upper-case ASCII letters and hyphens.

    Raises: ParameterError.
    """
    if not name or not set(name) <= set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ-"):
        raise ParameterError("the name of a statement consists of upper-case letters and hyphens")
    return b"PRIVLEDGER-V1-" + name + b"-CMPT-with-" + SUITE + b":" + hashlib.sha256(context).digest()


def prove_discrete_log(
    secret: int, *, context: bytes, random_bytes: Callable[[int], bytes], name: bytes = DISCRETE_LOG
) -> bytes:
    """Prove knowledge of `secret`, the discrete logarithm of `generator().mul(secret)`; 64 bytes.

    `secret`: in [1, ORDER). `name`: the statement's name in the tag, for a use that must not be mistaken for another.
    Raises: ParameterError.
    """
    if not 1 <= secret < ORDER:
        raise ParameterError("a secret key lies between 1 and the order of the group")
    return prove_compact(
        _discrete_log_relation(generator().mul(secret)),
        [secret],
        session_id=_session(name, context),
        random_bytes=random_bytes,
        check_witness=False,  # the public point was computed from this secret a line above
    )


def verify_discrete_log(public: bytes, proof: bytes, *, context: bytes, name: bytes = DISCRETE_LOG) -> None:
    """Check that the maker of `proof` knew the discrete logarithm of `public` (48 bytes), in this context.

    Raises: FormatError, VerificationError.
    """
    verify_compact(_discrete_log_relation(parse_point(public)), proof, session_id=_session(name, context))


def prove_opening(
    generators: Sequence[Point],
    commitment: bytes,
    values: Sequence[int],
    *,
    context: bytes,
    random_bytes: Callable[[int], bytes],
) -> bytes:
    """Prove knowledge of all values inside `commitment`, revealing none; 32·(1 + number of bases) bytes.

    `values`: one in [0, ORDER) for each base, the blinding first. Raises: ParameterError, also if they do not open the
    commitment; FormatError if it is no point.
    """
    return prove_compact(
        _opening_relation(generators, commitment, {}),
        values,
        session_id=_session(OPENING, context),
        random_bytes=random_bytes,
    )


def verify_opening(generators: Sequence[Point], commitment: bytes, proof: bytes, *, context: bytes) -> None:
    """Check that the maker of `proof` knew an opening of `commitment`, in this context.

    Raises: FormatError, VerificationError.
    """
    verify_compact(_opening_relation(generators, commitment, {}), proof, session_id=_session(OPENING, context))


def prove_opening_to(
    generators: Sequence[Point],
    commitment: bytes,
    values: Sequence[int],
    public_index: int,
    *,
    context: bytes,
    random_bytes: Callable[[int], bytes],
) -> bytes:
    """Prove that `commitment` holds `values[public_index]` at that place, revealing nothing of the other values.

    32·(number of bases) bytes. `values`: one in [0, ORDER) for each base, the blinding first. `public_index`: 1 or more.
    Raises: ParameterError, also if the values do not open the commitment; FormatError if it is no point.
    """
    if len(values) != len(generators):
        raise ParameterError(f"{len(generators)} bases take as many values, not {len(values)}")
    _check_index(public_index, len(generators))
    return prove_compact(
        _opening_relation(generators, commitment, {public_index: values[public_index]}),
        [value for index, value in enumerate(values) if index != public_index],
        session_id=_session(OPENING_TO, context),
        random_bytes=random_bytes,
    )


def verify_opening_to(
    generators: Sequence[Point],
    commitment: bytes,
    proof: bytes,
    public_index: int,
    *,
    public_value: int,
    context: bytes,
) -> None:
    """Check that `commitment` holds `public_value` at `public_index`, in this context.

    Raises: FormatError, VerificationError; ParameterError for an index or value out of range.
    """
    _check_index(public_index, len(generators))
    relation = _opening_relation(generators, commitment, {public_index: public_value})
    verify_compact(relation, proof, session_id=_session(OPENING_TO, context))


def prove_equal(
    left: CommittedValue,
    left_values: Sequence[int],
    right: CommittedValue,
    right_values: Sequence[int],
    *,
    context: bytes,
    random_bytes: Callable[[int], bytes],
) -> bytes:
    """Prove that two commitments hold the same value at the two places, revealing no value.

    32·(number of bases of both) bytes. Values: one in [0, ORDER) for each base, the blinding first.
    Raises: ParameterError, also if the values do not open the commitments or differ; FormatError for bytes that are no point.
    """
    if len(left_values) != len(left.generators) or len(right_values) != len(right.generators):
        raise ParameterError("each commitment takes as many values as it has bases")
    if left_values[left.index] != right_values[right.index]:
        raise ParameterError("the two values differ, so their equality cannot be proven")
    hidden = [value for index, value in enumerate(right_values) if index != right.index]
    return prove_compact(
        _equal_relation(left, right),
        [*left_values, *hidden],
        session_id=_session(EQUAL, context),
        random_bytes=random_bytes,
    )


def verify_equal(left: CommittedValue, right: CommittedValue, proof: bytes, *, context: bytes) -> None:
    """Check that two commitments hold the same value at the two places, in this context.

    Raises: FormatError, VerificationError.
    """
    verify_compact(_equal_relation(left, right), proof, session_id=_session(EQUAL, context))


def _session(name: bytes, context: bytes) -> bytes:
    return derive_session_id(proof_tag(name, context))


def _check_index(index: int, count: int) -> None:
    if not 1 <= index < count:
        raise ParameterError(f"the index of a committed value lies between 1 and {count - 1}; 0 is the blinding")


def _discrete_log_relation(public: Point) -> LinearRelation:
    """X = x·G."""
    builder = RelationBuilder()
    image = builder.element(public)
    builder.equation(image=[(image, 1)], terms=[(builder.scalar(), 0, 1)])
    return builder.build()


def _opening_relation(generators: Sequence[Point], commitment: bytes, public: Mapping[int, int]) -> LinearRelation:
    """C − Σ v_i·B_i = Σ s_j·B_j, with i over the public places and j over the hidden ones.

    Every base is an element of its own, also those of public values: a sum made beforehand would not bind them.
    """
    if any(not 0 <= value < ORDER for value in public.values()):
        raise ParameterError("a public value lies between 0 and the order of the group")
    builder = RelationBuilder()
    bases = [builder.element(base) for base in generators]
    image = [(builder.element(parse_point(commitment)), 1)]
    image += [(bases[index], -value) for index, value in sorted(public.items())]
    terms = [(builder.scalar(), base, 1) for index, base in enumerate(bases) if index not in public]
    builder.equation(image=image, terms=terms)
    return builder.build()


def _equal_relation(left: CommittedValue, right: CommittedValue) -> LinearRelation:
    """C = Σ s_i·B_i and C' = Σ s'_j·B'_j with one scalar shared; common lists of bases enter once."""
    builder = RelationBuilder()
    left_bases = [builder.element(base) for base in left.generators]
    same = right.generators == left.generators
    right_bases = left_bases if same else [builder.element(base) for base in right.generators]
    left_image = builder.element(parse_point(left.commitment))
    right_image = builder.element(parse_point(right.commitment))
    left_scalars = [builder.scalar() for _ in left_bases]
    shared = left_scalars[left.index]
    right_scalars = [shared if index == right.index else builder.scalar() for index in range(len(right_bases))]
    for image, scalars, bases in ((left_image, left_scalars, left_bases), (right_image, right_scalars, right_bases)):
        terms = [(scalar, base, 1) for scalar, base in zip(scalars, bases, strict=True)]
        builder.equation(image=[(image, 1)], terms=terms)
    return builder.build()
