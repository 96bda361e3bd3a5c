"""Signed checkpoints: what a log says its size and root are, and when (docs/spec/entries.md §4; C2SP tlog-checkpoint).

    note = sign_checkpoint(origin, size, root, time=block.time, signers=[signer])
    checkpoint = verify_checkpoint(note, trust)

Both an Ed25519 and an ML-DSA-44 signature are required, of one generation of log keys, and the witness quorum of the trust
root. Left to others: that a log never signs two inconsistent checkpoints, and how old one may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from privledger.protocol.entries import MAX_TIME, LogKeys
from privledger.protocol.errors import FormatError, UsageError, VerificationError
from privledger.protocol.trust import TrustRoot
from privledger_crypto import errors as crypto_errors
from privledger_crypto import notes
from privledger_crypto.signing import Ed25519PrivateKey, MLDSA44PrivateKey

__all__ = ["LogSigner", "SignedCheckpoint", "sign_checkpoint", "verify_checkpoint"]


@dataclass(frozen=True, slots=True)
class LogSigner:
    """One generation of the log's private keys."""

    ed25519: Ed25519PrivateKey = field(repr=False)
    mldsa44: MLDSA44PrivateKey = field(repr=False)

    @property
    def public(self) -> LogKeys:
        """The public keys, as a `ledger` entry names them."""
        return LogKeys(self.ed25519.public, self.mldsa44.public)


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint whose signatures hold; only `verify_checkpoint` makes one. `time` is the block's, in seconds."""

    origin: str
    size: int
    root: bytes
    time: int
    note: bytes = field(repr=False)


def sign_checkpoint(origin: str, size: int, root: bytes, *, time: int, signers: Sequence[LogSigner]) -> bytes:
    """Sign the tree of `size` leaves and `root` (32 bytes), whose last leaf is a block closed at `time` (1 to 2^32-1).

    Each signer adds an Ed25519 line and an ML-DSA-44 line, in this order.

    Raises:
        UsageError: there is no such checkpoint.
    """
    if not signers or not 0 < time <= MAX_TIME or size < 1:
        raise UsageError("a checkpoint has a signer, a leaf and a time")
    try:
        text = notes.checkpoint_text(notes.Checkpoint(origin, size, root))
        lines = []
        for signer in signers:
            lines.append(notes.sign_note_ed25519(signer.ed25519, origin, text))
            lines.append(notes.cosign_mldsa44(signer.mldsa44, origin, origin, time, size, root))
        return notes.Note(text, tuple(lines)).to_bytes()
    except crypto_errors.CryptoError as exc:
        raise UsageError(f"this checkpoint cannot be signed: {exc}") from exc


def verify_checkpoint(note: bytes, trust: TrustRoot) -> SignedCheckpoint:
    """Check a published checkpoint (step A1). Lines of unknown keys are ignored; a known key's false one is not.

    Raises:
        FormatError: not a checkpoint.
        VerificationError: of another ledger, or not signed by both log keys and a quorum of the witnesses.
    """
    try:
        parsed = notes.parse_note(note)
        checkpoint = notes.parse_checkpoint(parsed.text)
    except crypto_errors.CryptoError as exc:
        raise FormatError(f"not a checkpoint: {exc}") from exc
    if checkpoint.origin != trust.origin:
        raise VerificationError("the checkpoint is of another ledger")
    try:
        signed = set(notes.verify_note(parsed, trust.all_keys))
        time = _time(parsed, trust, signed)
    except crypto_errors.CryptoError as exc:
        raise VerificationError(f"a signature of the checkpoint is false or missing: {exc}") from exc
    count = len({key.name for key in trust.witnesses if key in signed})
    if count < trust.witness_quorum:
        raise VerificationError(f"{count} witnesses have signed the checkpoint, {trust.witness_quorum} must")
    if checkpoint.size < 1:
        raise VerificationError("the checkpoint is of an empty log, which has no state")
    return SignedCheckpoint(checkpoint.origin, checkpoint.size, checkpoint.root, time, note)


def _time(parsed: notes.Note, trust: TrustRoot, signed: set[notes.VerifierKey]) -> int:
    """The time that the log's ML-DSA-44 signature carries, of a generation of keys that signed with both."""
    times: set[int] = set()
    for ed25519, mldsa44 in trust.generations:
        if ed25519 in signed and mldsa44 in signed:
            times.update(
                notes.cosignature_time(line)
                for line in parsed.signatures
                if (line.name, line.key_id) == (mldsa44.name, mldsa44.key_id)
            )
    if not times:
        kinds = {key.type for key in trust.log_keys if key in signed}
        missing = [
            name
            for kind, name in ((notes.TYPE_ED25519, "Ed25519"), (notes.TYPE_MLDSA44_COSIGNATURE, "ML-DSA-44"))
            if kind not in kinds
        ]
        raise VerificationError(
            f"the log's {' and '.join(missing)} signature is missing from the checkpoint"
            if missing
            else "the checkpoint's Ed25519 and ML-DSA-44 signatures are by different generations of log keys"
        )
    if len(times) > 1 or not 0 < min(times) <= MAX_TIME:
        raise VerificationError("the log's signatures of the checkpoint carry no time, or more than one")
    return min(times)
