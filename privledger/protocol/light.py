"""State answers: a few values of the state, with everything that a client without a replica needs to check them.

    answer = parse_state_answer(value)
    verified = verify_state_answer(answer, trust, now=now, max_age=30)
    verified.values[record_key(record)]          # bytes, or None: proven absent

docs/spec/entries.md §6. The weak place of a light client is which root it checks map proofs under: only the `block` leaf at
index size - 1 of a signed checkpoint names the state at that checkpoint. An older block stands in the log as well, and would
prove an older state. Left to others: what the values mean (`privledger.protocol.state`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from privledger.protocol._values import map_proof_value, parse_map_proof
from privledger.protocol.checkpoint import SignedCheckpoint, verify_checkpoint
from privledger.protocol.entries import Block, parse_block
from privledger.protocol.errors import FormatError, UnavailableError, VerificationError
from privledger.protocol.trust import TrustRoot
from privledger_crypto import cbor
from privledger_crypto import errors as crypto_errors
from privledger_crypto.merkle import leaf_hash, verify_inclusion
from privledger_crypto.statemap import MapProof, verify_absence, verify_existence

__all__ = ["StateAnswer", "VerifiedState", "check_age", "parse_state_answer", "verify_state_answer"]

_MAX_PATH = 64  # hashes of an inclusion proof
_MAX_ITEMS = 4_096

StateItem = tuple[bytes, bytes | None, MapProof]


@dataclass(frozen=True, slots=True)
class StateAnswer:
    """What a ledger answers: nothing in it is to be believed before `verify_state_answer`.

    Args:
        note: the signed checkpoint.
        block_leaf: the leaf at index size - 1.
        block_path: its inclusion proof, lowest first.
        items: key, value (None: absent) and map proof.
    """

    note: bytes
    block_leaf: bytes
    block_path: tuple[bytes, ...]
    items: tuple[StateItem, ...]

    def to_value(self) -> list[cbor.Value]:
        """The answer as a CBOR array."""
        items: list[cbor.Value] = [[key, value, map_proof_value(proof)] for key, value, proof in self.items]
        return [self.note, self.block_leaf, list(self.block_path), items]


@dataclass(frozen=True, slots=True)
class VerifiedState:
    """Proven values of the state after `block`, at `checkpoint`; only `verify_state_answer` makes one."""

    checkpoint: SignedCheckpoint
    block: Block
    values: dict[bytes, bytes | None] = field(repr=False)


def parse_state_answer(value: object) -> StateAnswer:
    """Read the value that `to_value` gave.

    Raises:
        FormatError: it has another shape, or a key stands there twice.
    """
    match value:
        case [bytes() as note, bytes() as block_leaf, list() as path, list() as rows]:
            if len(path) > _MAX_PATH or len(rows) > _MAX_ITEMS:
                raise FormatError("the state answer has too long a path or too many items")
            hashes = tuple(item for item in path if isinstance(item, bytes))
            items = tuple(_item(row) for row in rows)
            if len(hashes) != len(path) or len({item[0] for item in items}) != len(items):
                raise FormatError("the state answer has a path that is not hashes, or a key twice")
            return StateAnswer(note, block_leaf, hashes, items)
    raise FormatError("a state answer is [note, block leaf, path, items]")


def verify_state_answer(
    answer: StateAnswer,
    trust: TrustRoot,
    *,
    now: int | None,
    max_age: int | None = None,
) -> VerifiedState:
    """Check a state answer, in the order of docs/spec/entries.md §6.

    Args:
        answer: as it came.
        trust: the client's own.
        now: seconds since 1970 UTC by the client's clock, or None to accept any age (evidence, not a decision).
        max_age: of the block in seconds; None for the trust root's.

    Raises:
        FormatError: a part of it is malformed.
        VerificationError: a part of it is false.
        UnavailableError: code `stale_view`; the answer holds and is too old, or from a clock that runs ahead.
    """
    checkpoint = verify_checkpoint(answer.note, trust)
    block = parse_block(answer.block_leaf)
    if block.tree_size != checkpoint.size - 1:
        raise VerificationError(
            f"the block is leaf {block.tree_size}, and only leaf {checkpoint.size - 1} names the state at the checkpoint"
        )
    try:
        path = list(answer.block_path)
        verify_inclusion(leaf_hash(answer.block_leaf), checkpoint.size - 1, checkpoint.size, path, checkpoint.root)
    except crypto_errors.CryptoError as exc:
        raise VerificationError(f"the block is not in the log of the checkpoint: {exc}") from exc
    if block.time != checkpoint.time:
        raise VerificationError(f"the checkpoint is signed for {checkpoint.time}, and its block closed at {block.time}")
    if now is not None:
        check_age(block.time, now=now, max_age=trust.max_age if max_age is None else max_age)
    values: dict[bytes, bytes | None] = {}
    for key, value, proof in answer.items:
        _verify_item(block.root, key, value, proof)
        values[key] = value
    return VerifiedState(checkpoint, block, values)


def check_age(time: int, *, now: int, max_age: int) -> None:
    """Check that block time `time` is within `max_age` seconds of `now`, before or after.

    Raises:
        UnavailableError: code `stale_view`.
    """
    if now - time > max_age:
        raise UnavailableError(
            f"the newest state shown is {now - time} s old, at most {max_age} s are accepted",
            hint="Ask the ledger for a fresh checkpoint, and check this machine's clock.",
            code="stale_view",
        )
    if time - now > max_age:
        raise UnavailableError(
            f"the ledger's clock is {time - now} s ahead of this machine's",
            hint="Check this machine's clock.",
            code="stale_view",
        )


def _verify_item(root: bytes, key: bytes, value: bytes | None, proof: MapProof) -> None:
    try:
        if value is None:
            verify_absence(root, key, proof)
        else:
            verify_existence(root, key, value, proof)
    except crypto_errors.CryptoError as exc:
        what = "absence" if value is None else "value"
        raise VerificationError(
            f"the {what} at state key {key.hex()} does not follow from the state root: {exc}"
        ) from exc


def _item(row: object) -> StateItem:
    match row:
        case [bytes() as key, (bytes() | None) as value, proof]:
            return key, value, parse_map_proof(proof)
    raise FormatError("an item of a state answer is [key, value or null, map proof]")
