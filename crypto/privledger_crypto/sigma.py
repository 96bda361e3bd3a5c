"""Zero-knowledge proofs of knowledge of secret scalars that satisfy linear equations over BLS12-381 G1.

    >>> import secrets
    >>> from privledger_crypto.group import generator
    >>> from privledger_crypto.sigma import RelationBuilder, derive_session_id, prove_compact, verify_compact
    >>> builder = RelationBuilder()
    >>> public = builder.element(generator().mul(7))
    >>> builder.equation(image=[(public, 1)], terms=[(builder.scalar(), 0, 1)])
    >>> session = derive_session_id(b"EXAMPLE-V01-0001-CMPT-with-sigma-proofs_Shake128_BLS12381")
    >>> proof = prove_compact(builder.build(), [7], session_id=session, random_bytes=secrets.token_bytes)
    >>> verify_compact(builder.build(), proof, session_id=session)

A **compact** proof is challenge and responses, 32 bytes each; a **batchable** one is commitments (48 bytes an equation)
and responses, and many of them are checked together by `verify_batch`. The tag behind the session identifier must name
the flavour, `CMPT` or `DSFS`: a proof of one flavour is refused as the other only because their tags differ.

Proofs are randomised: never use one as a nullifier or a replay key. OR and threshold statements are not offered.
The statements of privledger are in `relations`. Nonces and witnesses are multiplied in constant time under `pyblst`.

Source: draft-irtf-cfrg-sigma-protocols-03 with draft-irtf-cfrg-fiat-shamir-03, suite `sigma-proofs_Shake128_BLS12381`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ._sigma_relation import Equation, LinearRelation, RelationBuilder, encode_points, parse_points, parse_relation
from .errors import FormatError, ParameterError, VerificationError
from .fiat_shamir import DuplexSponge, decode_uint, derive_session_id
from .group import ORDER, POINT_SIZE, SCALAR_SIZE, Point, msm, parse_scalar, random_scalar, scalar_to_bytes

__all__ = [
    "SUITE",
    "BatchItem",
    "Equation",
    "LinearRelation",
    "RelationBuilder",
    "derive_session_id",
    "parse_relation",
    "prove_batchable",
    "prove_compact",
    "verify_batch",
    "verify_batchable",
    "verify_compact",
]

SUITE: Final = b"sigma-proofs_Shake128_BLS12381"
_CHALLENGE_SIZE: Final = SCALAR_SIZE + 16  # bytes squeezed for a challenge
_WEIGHT_SIZE: Final = 16  # bytes of a batch weight: a false proof passes with probability 2^-128
_BATCH_TAG: Final = b"irtf-cfrg-sigma-protocols/batch-verify"


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One proof for `verify_batch`: the statement, the batchable proof (untrusted), the 32-byte session identifier."""

    relation: LinearRelation
    proof: bytes
    session_id: bytes


def prove_compact(
    relation: LinearRelation,
    witness: Sequence[int],
    *,
    session_id: bytes,
    random_bytes: Callable[[int], bytes],
    check_witness: bool = True,
) -> bytes:
    """Prove `relation` and return the compact proof: challenge, then responses, 32 bytes each (`ProveCompact`).

    `witness`: one secret scalar in [0, ORDER) for each scalar index. `session_id`: 32 bytes. `random_bytes`: a
    cryptographic source; a repeated output reveals the witness. `check_witness=False` skips evaluating the statement, for
    callers that computed it from this very witness.

    Raises: ParameterError for an invalid relation, or a witness of wrong length, out of range or not satisfying it.
    """
    _, challenge, response = _prove(relation, witness, session_id, random_bytes, check_witness)
    return scalar_to_bytes(challenge) + _encode_scalars(response)


def verify_compact(relation: LinearRelation, proof: bytes, *, session_id: bytes) -> None:
    """Check the compact `proof` (untrusted) of `relation` under `session_id` (32 bytes) (`VerifyCompact`).

    Raises: FormatError for bytes of another shape; VerificationError for a false proof or an invalid relation.
    """
    _validate(relation)
    expected = SCALAR_SIZE * (1 + relation.scalar_count)
    if len(proof) != expected:
        raise FormatError(f"a compact proof of this statement has {expected} bytes, not {len(proof)}")
    challenge, *response = _parse_scalars(proof)
    commitment = [
        mapped - image.mul(challenge) for mapped, image in zip(relation.map(response), relation.image(), strict=True)
    ]
    if any(point.is_identity for point in commitment):
        raise VerificationError("the proof recovers the identity as a commitment")
    if _challenge(session_id, relation, encode_points(commitment)) != challenge:
        raise VerificationError("the proof does not hold for this statement and session")


def prove_batchable(
    relation: LinearRelation,
    witness: Sequence[int],
    *,
    session_id: bytes,
    random_bytes: Callable[[int], bytes],
    check_witness: bool = True,
) -> bytes:
    """Prove `relation` and return the batchable proof: commitments (48 bytes each), then responses (`ProveBatchable`).

    Parameters and errors as for `prove_compact`.
    """
    commitment, _, response = _prove(relation, witness, session_id, random_bytes, check_witness)
    return commitment + _encode_scalars(response)


def verify_batchable(relation: LinearRelation, proof: bytes, *, session_id: bytes) -> None:
    """Check the batchable `proof` (untrusted) of `relation` under `session_id` (32 bytes) (`VerifyBatchable`).

    Raises: FormatError for bytes of another shape; VerificationError for a false proof or an invalid relation.
    """
    _validate(relation)
    commitment, challenge, response = _open_batchable(relation, proof, session_id)
    rows = zip(commitment, relation.image(), relation.map(response), strict=True)
    if any(nonce + image.mul(challenge) != mapped for nonce, image, mapped in rows):
        raise VerificationError("the proof does not hold for this statement and session")


def verify_batch(items: Iterable[BatchItem]) -> None:
    """Check many batchable proofs by one equation, with weights derived after every session, statement and proof.

    All hold, or one error is raised that does not say which failed; verify singly to find it. An empty batch holds.

    Raises: FormatError for bytes that are no proof; VerificationError if any proof is false or any relation invalid.
    """
    batch = tuple(items)
    sponge = DuplexSponge(derive_session_id(_BATCH_TAG))
    opened = []
    for item in batch:
        _validate(item.relation)
        opened.append(_open_batchable(item.relation, item.proof, item.session_id))
        sponge.absorb(item.session_id)
        sponge.absorb(item.relation.serialize())
        sponge.absorb(item.proof)
    rows = sum(len(item.relation.equations) for item in batch)
    weights = sponge.squeeze(_WEIGHT_SIZE * rows)
    total = _WeightedSum()
    at = 0
    for item, (commitment, challenge, response) in zip(batch, opened, strict=True):
        for row, nonce in zip(item.relation.equations, commitment, strict=True):
            weight = int.from_bytes(weights[at : at + _WEIGHT_SIZE], "little")
            at += _WEIGHT_SIZE
            total.add(nonce, weight)
            for element, coefficient in row.image:
                total.add(item.relation.elements[element], weight * challenge * coefficient)
            for scalar, element, coefficient in row.terms:
                total.add(item.relation.elements[element], -weight * response[scalar] * coefficient)
    if not total.is_zero():
        raise VerificationError("at least one proof of the batch does not hold")


class _WeightedSum:
    """A sum of public multiples. Bases that many statements share, such as generators, are multiplied once."""

    def __init__(self) -> None:
        self._terms: dict[bytes, tuple[Point, int]] = {}

    def add(self, point: Point, scalar: int) -> None:
        key = point.to_bytes()
        _, sofar = self._terms.get(key, (point, 0))
        self._terms[key] = (point, (sofar + scalar) % ORDER)

    def is_zero(self) -> bool:
        if not self._terms:
            return True
        points, scalars = zip(*self._terms.values(), strict=True)
        return msm(points, scalars).is_identity


def _prove(
    relation: LinearRelation,
    witness: Sequence[int],
    session_id: bytes,
    random_bytes: Callable[[int], bytes],
    check_witness: bool,
) -> tuple[bytes, int, list[int]]:
    """Run the prover; return the encoded commitment, the challenge and the response."""
    relation.validate()
    if len(witness) != relation.scalar_count:
        raise ParameterError(f"the relation has {relation.scalar_count} secret scalars, and {len(witness)} were given")
    if any(not 0 <= value < ORDER for value in witness):
        raise ParameterError("every secret scalar lies between 0 and the order of the group")
    if check_witness and relation.map(witness) != relation.image():
        raise ParameterError("the secret scalars do not satisfy the relation, so no proof of it would verify")
    nonces = [random_scalar(random_bytes) for _ in witness]
    commitment = encode_points(relation.map(nonces))
    challenge = _challenge(session_id, relation, commitment)
    response = [(nonce + value * challenge) % ORDER for nonce, value in zip(nonces, witness, strict=True)]
    return commitment, challenge, response


def _open_batchable(
    relation: LinearRelation, proof: bytes, session_id: bytes
) -> tuple[tuple[Point, ...], int, list[int]]:
    """Split a batchable proof of a valid relation into commitment, derived challenge and response."""
    split = POINT_SIZE * len(relation.equations)
    expected = split + SCALAR_SIZE * relation.scalar_count
    if len(proof) != expected:
        raise FormatError(f"a batchable proof of this statement has {expected} bytes, not {len(proof)}")
    commitment = parse_points(proof[:split])
    response = _parse_scalars(proof[split:])
    return commitment, _challenge(session_id, relation, proof[:split]), response


def _challenge(session_id: bytes, relation: LinearRelation, commitment: bytes) -> int:
    """Derive the challenge (`DeriveChallenge`). Squeezed bytes are little-endian here, unlike every other scalar."""
    sponge = DuplexSponge(session_id)
    sponge.absorb(relation.serialize())
    sponge.absorb(commitment)
    return decode_uint(sponge.squeeze(_CHALLENGE_SIZE), ORDER)


def _validate(relation: LinearRelation) -> None:
    try:
        relation.validate()
    except ParameterError as exc:
        raise VerificationError(f"the statement is not valid: {exc}") from exc


def _encode_scalars(scalars: Iterable[int]) -> bytes:
    return b"".join(scalar_to_bytes(scalar) for scalar in scalars)


def _parse_scalars(data: bytes) -> list[int]:
    return [parse_scalar(data[at : at + SCALAR_SIZE]) for at in range(0, len(data), SCALAR_SIZE)]
