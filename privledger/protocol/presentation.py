"""Showing "this record is mine" to one verifier, and nothing else (docs/spec/audit.md §4).

The verifier hands out a *proof request*; the owner answers with a *presentation*: the record's state and the proof of knowledge
of the opening of its commitment, bound to that request. A copied commitment or a relayed nonce proves nothing.

    presentation = make_presentation(request, record=record, answer=answer, scalars=scalars, commitment=commitment, …)
    verify_presentation(presentation, request, trust, now=now, max_age=30)

Left to others: fetching the state answer, and using a nonce once (the verifier keeps the nonces it gave out).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from privledger.protocol import state
from privledger.protocol._values import (
    ID_SIZE,
    MAX_TIME,
    making,
    reading,
    require,
    require_id,
    require_printable,
    require_size,
    require_uint,
)
from privledger.protocol.container import pack, unpack
from privledger.protocol.errors import FormatError, VerificationError
from privledger.protocol.ids import check_origin
from privledger.protocol.light import StateAnswer, parse_state_answer, verify_state_answer
from privledger.protocol.trust import TrustRoot
from privledger_crypto import cbor, relations
from privledger_crypto.generators import record_generators

__all__ = [
    "MAX_VERIFIER",
    "NONCE_SIZE",
    "OWNERSHIP",
    "Presentation",
    "ProofRequest",
    "VerifiedPresentation",
    "make_presentation",
    "parse_presentation",
    "parse_proof_request",
    "unpack_presentation",
    "unpack_proof_request",
    "verify_presentation",
]

OWNERSHIP = "ownership"  # the one statement of this version
NONCE_SIZE = 32  # bytes
MAX_VERIFIER = 256  # bytes of UTF-8, also of the scope
PROOF_SIZE = 32 * 12  # bytes: the challenge, and a response for each of the eleven bases of C


@dataclass(frozen=True, slots=True)
class ProofRequest:
    """What a verifier asks an owner to prove.

    Args:
        verifier: who asks, a name that the owner knows it by.
        scope: what for.
        nonce: 32 random bytes, used once.
        expiry: seconds since 1970 UTC; up to then the proof may be shown.

    Raises:
        UsageError, FormatError: a value that cannot be.
    """

    origin: str
    verifier: str
    scope: str
    nonce: bytes
    expiry: int
    statement: str = OWNERSHIP

    def __post_init__(self) -> None:
        check_origin(self.origin)
        require(self.statement == OWNERSHIP, f"the statement {self.statement[:40]!r} is not known; {OWNERSHIP} is")
        require(self.verifier != "", "a proof request names its verifier")
        require_printable(self.verifier, MAX_VERIFIER, "the verifier of a proof request")
        require_printable(self.scope, MAX_VERIFIER, "the scope of a proof request")
        require_size(self.nonce, NONCE_SIZE, "the nonce of a proof request")
        require_uint(self.expiry, MAX_TIME, "the expiry of a proof request")

    def to_value(self) -> dict[cbor.Key, cbor.Value]:
        """The map of docs/spec/audit.md §4."""
        return {1: self.origin, 2: self.statement, 3: self.verifier, 4: self.scope, 5: self.nonce, 6: self.expiry}

    def digest(self) -> bytes:
        """SHA-256 of the map in canonical CBOR."""
        return hashlib.sha256(cbor.encode(self.to_value())).digest()

    def pack(self) -> bytes:
        """The request as a container."""
        return pack("proof-request", self.to_value())


@dataclass(frozen=True, slots=True)
class Presentation:
    """An owner's answer to a proof request. It is believed after `verify_presentation` alone."""

    request: ProofRequest
    record: bytes
    answer: StateAnswer = field(repr=False)
    proof: bytes = field(repr=False)

    def __post_init__(self) -> None:
        require_id(self.record, "a record id")
        require_size(self.proof, PROOF_SIZE, "the proof of a presentation")

    def to_value(self) -> dict[cbor.Key, cbor.Value]:
        """The map of docs/spec/audit.md §4."""
        return {1: self.request.to_value(), 2: self.record, 3: self.answer.to_value(), 4: self.proof}

    def pack(self) -> bytes:
        """The presentation as a container."""
        return pack("presentation", self.to_value())


@dataclass(frozen=True, slots=True)
class VerifiedPresentation:
    """What a presentation showed: who made it opens the commitment of `record`, which was live at this block's time."""

    record: bytes
    time: int
    size: int


def make_presentation(
    request: ProofRequest,
    *,
    record: bytes,
    answer: StateAnswer,
    commitment: bytes,
    scalars: Sequence[int],
    random_bytes: Callable[[int], bytes],
) -> bytes:
    """Answer a proof request: a presentation container.

    Args:
        answer: a state answer that proves the record.
        commitment: the record's `C` in that state.
        scalars: the eleven scalars inside `C` (`descriptor.record_scalars`).

    Raises:
        UsageError: the scalars do not open the commitment.
    """
    with making("presentation"):
        proof = relations.prove_opening(
            record_generators(),
            commitment,
            scalars,
            context=_context(request, record),
            random_bytes=random_bytes,
        )
    return Presentation(request, record, answer, proof).pack()


def verify_presentation(
    presentation: bytes, proof_request: ProofRequest, trust: TrustRoot, now: int, max_age: int
) -> VerifiedPresentation:
    """Check an untrusted presentation container against the verifier's own request.

    Args:
        proof_request: the verifier's own, not the one inside. Its nonce MUST not be accepted again.
        trust: the ledger's trust root.
        now: the verifier's clock, seconds since 1970 UTC.
        max_age: how old the state may be, in seconds.

    Raises:
        FormatError: not a presentation.
        VerificationError: another request, expired, a false state, a record that is unknown or erased, or a false proof.
        UnavailableError: code `stale_view`; the state is older than `max_age`.
    """
    shown = unpack_presentation(presentation)
    if shown.request != proof_request:
        raise VerificationError("this presentation answers another proof request")
    if proof_request.origin != trust.origin:
        raise VerificationError("this proof request is for another ledger than the trust root's")
    if now > proof_request.expiry:
        raise VerificationError(
            "this proof request has expired", hint="Make a new request and ask for a new presentation."
        )
    verified = verify_state_answer(shown.answer, trust, now=now, max_age=max_age)
    value = verified.values.get(state.record_key(shown.record))
    if value is None:
        raise VerificationError("the state in this presentation does not hold the record")
    record_state = state.parse_record_state(value)
    if not record_state.is_live:
        raise VerificationError("the record of this presentation is erased")
    with reading("proof of ownership"):
        relations.verify_opening(
            record_generators(),
            record_state.commitment,
            shown.proof,
            context=_context(proof_request, shown.record),
        )
    return VerifiedPresentation(shown.record, verified.block.time, verified.checkpoint.size)


def parse_proof_request(value: object) -> ProofRequest:
    """Read an untrusted proof request map.

    Raises:
        FormatError.
    """
    with reading("proof request"):
        fields = cbor.Fields(value, "proof request")
        request = ProofRequest(
            origin=fields.text(1, 200),
            statement=fields.text(2, 64),
            verifier=fields.text(3, MAX_VERIFIER),
            scope=fields.text(4, MAX_VERIFIER),
            nonce=fields.bytes(5, length=NONCE_SIZE),
            expiry=fields.uint(6, MAX_TIME),
        )
        fields.done()
    return request


def unpack_proof_request(data: bytes) -> ProofRequest:
    """Read an untrusted proof request container. Raises FormatError."""
    return parse_proof_request(unpack(data, types={"proof-request"}).body)


def parse_presentation(value: object) -> Presentation:
    """Read an untrusted presentation map.

    Raises:
        FormatError.
    """
    if not isinstance(value, dict) or set(value) != {1, 2, 3, 4}:
        raise FormatError("a presentation is a map with the keys 1 to 4")
    with reading("presentation"):
        fields = cbor.Fields(value, "presentation")
        return Presentation(
            request=parse_proof_request(value[1]),
            record=fields.bytes(2, length=ID_SIZE),
            answer=parse_state_answer(value[3]),
            proof=fields.bytes(4, length=PROOF_SIZE),
        )


def unpack_presentation(data: bytes) -> Presentation:
    """Read an untrusted presentation container. Raises FormatError."""
    return parse_presentation(unpack(data, types={"presentation"}).body)


def _context(request: ProofRequest, record: bytes) -> bytes:
    return cbor.encode([request.origin, record, request.digest()])
