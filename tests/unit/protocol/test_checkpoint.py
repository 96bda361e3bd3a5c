"""Checkpoints: both log signatures of one generation, the witness quorum, and the time."""

from __future__ import annotations

from hashlib import sha256

import pytest

from privledger.protocol.checkpoint import sign_checkpoint, verify_checkpoint
from privledger.protocol.errors import FormatError, UsageError, VerificationError
from privledger.protocol.trust import TrustRoot, vkeys_of
from privledger_crypto import notes
from privledger_crypto.signing import Ed25519PrivateKey, MLDSA44PrivateKey
from tests.support.chain import ORIGIN, START, log_signer

ROOT = bytes(range(32))
LOG, NEW = log_signer("log"), log_signer("new")


def trust(*logs, **fields) -> TrustRoot:
    return TrustRoot(ORIGIN, bytes(32), vkeys_of(ORIGIN, [one.public for one in logs or (LOG,)]), **fields)


def signed(*signers, time: int = START, size: int = 5) -> bytes:
    return sign_checkpoint(ORIGIN, size, ROOT, time=time, signers=signers or (LOG,))


def without(note: bytes, *positions: int) -> bytes:
    """The note without some of its signature lines."""
    parsed = notes.parse_note(note)
    lines = tuple(line for at, line in enumerate(parsed.signatures) if at not in positions)
    return notes.Note(parsed.text, lines).to_bytes()


def with_lines(note: bytes, *lines: notes.NoteSignature) -> bytes:
    parsed = notes.parse_note(note)
    return notes.Note(parsed.text, (*parsed.signatures, *lines)).to_bytes()


def test_a_checkpoint_reads_back():
    note = signed()
    found = verify_checkpoint(note, trust())
    assert (found.origin, found.size, found.root, found.time, found.note) == (ORIGIN, 5, ROOT, START, note)


def test_a_checkpoint_without_its_mldsa_line_is_refused_by_name():
    with pytest.raises(VerificationError, match="ML-DSA-44 signature is missing"):
        verify_checkpoint(without(signed(), 1), trust())


def test_a_checkpoint_without_its_ed25519_line_is_refused_by_name():
    with pytest.raises(VerificationError, match="Ed25519 signature is missing"):
        verify_checkpoint(without(signed(), 0), trust())


@pytest.mark.parametrize("line", [0, 1])
def test_a_false_line_of_a_log_key_is_refused(line):
    note = notes.parse_note(signed())
    other = notes.parse_note(signed(size=6)).signatures[line]
    lines = (other, note.signatures[1]) if line == 0 else (note.signatures[0], other)
    with pytest.raises(VerificationError):
        verify_checkpoint(notes.Note(note.text, lines).to_bytes(), trust())


def test_keys_of_different_generations_do_not_make_a_pair():
    mixed = without(signed(LOG, NEW), 1, 2)
    with pytest.raises(VerificationError, match="different generations"):
        verify_checkpoint(mixed, trust(LOG, NEW))


@pytest.mark.parametrize("known", [LOG, NEW])
def test_a_checkpoint_by_old_and_new_keys_satisfies_who_knows_either(known):
    assert verify_checkpoint(signed(LOG, NEW), trust(known)).size == 5


def test_one_generation_suffices_for_who_knows_two():
    assert verify_checkpoint(signed(NEW), trust(LOG, NEW)).size == 5


def test_keys_that_the_trust_root_does_not_name_count_for_nothing():
    with pytest.raises(VerificationError):
        verify_checkpoint(signed(NEW), trust(LOG))


def test_signatures_that_carry_two_times_are_refused():
    later = notes.parse_note(signed(time=START + 1)).signatures[1]
    with pytest.raises(VerificationError, match="time"):
        verify_checkpoint(with_lines(signed(), later), trust())


def test_a_signature_without_a_time_is_refused():
    line = notes.cosign_mldsa44(LOG.mldsa44, ORIGIN, ORIGIN, 0, 5, ROOT)
    with pytest.raises(VerificationError, match="no time"):
        verify_checkpoint(with_lines(without(signed(), 1), line), trust())


def test_a_checkpoint_of_another_ledger_is_refused():
    other = "x/" + "0" * 64
    note = sign_checkpoint(other, 5, ROOT, time=START, signers=[LOG])
    with pytest.raises(VerificationError, match="another ledger"):
        verify_checkpoint(note, trust())


@pytest.mark.parametrize("note", [b"", b"nonsense", signed()[:-1], signed().replace(b"\n5\n", b"\n05\n")])
def test_what_is_no_checkpoint_is_malformed(note):
    with pytest.raises(FormatError):
        verify_checkpoint(note, trust())


def test_extension_lines_are_malformed():
    with pytest.raises(FormatError, match="extension"):
        verify_checkpoint(signed().replace(b"\n\n", b"\nmore\n\n"), trust())


@pytest.mark.parametrize("bad", [{"time": 0}, {"time": 1 << 32}, {"size": 0}])
def test_no_checkpoint_is_signed_without_a_time_or_a_leaf(bad):
    with pytest.raises(UsageError):
        signed(**bad)


def test_no_checkpoint_is_signed_with_a_root_of_another_length():
    with pytest.raises(UsageError, match="cannot be signed"):
        sign_checkpoint(ORIGIN, 5, ROOT[:-1], time=START, signers=[LOG])


def test_a_checkpoint_of_an_empty_log_is_refused():
    text = notes.checkpoint_text(notes.Checkpoint(ORIGIN, 0, ROOT))
    lines = (
        notes.sign_note_ed25519(LOG.ed25519, ORIGIN, text),
        notes.cosign_mldsa44(LOG.mldsa44, ORIGIN, ORIGIN, START, 0, ROOT),
    )
    with pytest.raises(VerificationError, match="empty log"):
        verify_checkpoint(notes.Note(text, lines).to_bytes(), trust())


def test_no_checkpoint_is_signed_by_nobody():
    with pytest.raises(UsageError):
        sign_checkpoint(ORIGIN, 5, ROOT, time=START, signers=[])


def test_the_repr_of_a_log_signer_shows_no_key():
    assert repr(LOG) == "LogSigner()"


# --- witnesses ------------------------------------------------------------------------------------------------------

ONE = Ed25519PrivateKey(sha256(b"witness one").digest())
TWO = MLDSA44PrivateKey.from_seed(sha256(b"witness two").digest())
WITNESSES = (
    notes.VerifierKey("witness.example/1", notes.TYPE_ED25519_COSIGNATURE, ONE.public),
    notes.VerifierKey("witness.example/2", notes.TYPE_MLDSA44_COSIGNATURE, TWO.public),
)


def cosigned(*which: int) -> bytes:
    note = signed()
    text = notes.parse_note(note).text
    lines = {
        1: notes.cosign_ed25519(ONE, "witness.example/1", START, text),
        2: notes.cosign_mldsa44(TWO, "witness.example/2", ORIGIN, START, 5, ROOT),
    }
    return with_lines(note, *(lines[one] for one in which))


@pytest.mark.parametrize(("quorum", "which"), [(0, ()), (1, (1,)), (1, (2,)), (2, (1, 2))])
def test_a_quorum_of_the_witnesses_is_enough(quorum, which):
    assert verify_checkpoint(cosigned(*which), trust(witnesses=WITNESSES, witness_quorum=quorum)).size == 5


@pytest.mark.parametrize(("quorum", "which"), [(1, ()), (2, (1,)), (2, (2,)), (2, (1, 1))])
def test_less_than_the_quorum_of_the_witnesses_is_refused(quorum, which):
    with pytest.raises(VerificationError, match="witnesses"):
        verify_checkpoint(cosigned(*which), trust(witnesses=WITNESSES, witness_quorum=quorum))


def test_witnesses_do_not_stand_in_for_the_log():
    note = notes.parse_note(cosigned(1, 2))
    with pytest.raises(VerificationError, match="missing"):
        verify_checkpoint(
            notes.Note(note.text, note.signatures[2:]).to_bytes(), trust(witnesses=WITNESSES, witness_quorum=2)
        )
