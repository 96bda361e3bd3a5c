"""Signed notes, checkpoints and cosignatures, with tlog-scales as the second implementation."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales import signing as scales
from tlog_scales.tlog import Checkpoint as ScalesCheckpoint

from privledger_crypto import notes, signing
from privledger_crypto.errors import FormatError, ParameterError, VerificationError

ORIGIN = "ledger.example/0123456789abcdef"
WITNESS = "witness.example/w1"
ROOT = bytes(range(32))
SIZE, TIME = 20852163, 1_800_000_000
CHECKPOINT = notes.Checkpoint(ORIGIN, SIZE, ROOT)
TEXT = notes.checkpoint_text(CHECKPOINT)

ED = signing.Ed25519PrivateKey(bytes([1] * 32))
ED_WITNESS = signing.Ed25519PrivateKey(bytes([2] * 32))
ML = signing.MLDSA44PrivateKey.from_seed(bytes([3] * 32))
ML_WITNESS = signing.MLDSA44PrivateKey.from_seed(bytes([4] * 32))

LOG_ED = notes.VerifierKey(ORIGIN, notes.TYPE_ED25519, ED.public)
LOG_ML = notes.VerifierKey(ORIGIN, notes.TYPE_MLDSA44_COSIGNATURE, ML.public)
W_ED = notes.VerifierKey(WITNESS, notes.TYPE_ED25519_COSIGNATURE, ED_WITNESS.public)
W_ML = notes.VerifierKey(WITNESS, notes.TYPE_MLDSA44_COSIGNATURE, ML_WITNESS.public)
KEYS = [LOG_ED, LOG_ML, W_ED, W_ML]

SIGNATURES = (
    notes.sign_note_ed25519(ED, ORIGIN, TEXT),
    notes.cosign_mldsa44(ML, ORIGIN, ORIGIN, TIME, SIZE, ROOT),
    notes.cosign_ed25519(ED_WITNESS, WITNESS, TIME, TEXT),
    notes.cosign_mldsa44(ML_WITNESS, WITNESS, ORIGIN, TIME, SIZE, ROOT),
)
NOTE = notes.Note(TEXT, SIGNATURES)
LINE = SIGNATURES[0].to_line().encode()


# --- the second implementation --------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS, ids=["log 0x01", "log 0x06", "witness 0x04", "witness 0x06"])
def test_tlog_scales_verifies_our_checkpoint(key):
    checkpoint = ScalesCheckpoint.from_text(NOTE.to_bytes().decode())
    checkpoint.verify(scales.Vkey.from_string(key.to_vkey()))


def test_we_verify_a_checkpoint_of_tlog_scales():
    signers: list = [scales.PlainEd25519Signer(ORIGIN, bytes([1] * 32))]
    signers.append(scales.MLDSA44CosignatureSigner(ORIGIN, bytes([3] * 32)))
    made = ScalesCheckpoint.make_signed(ORIGIN, SIZE, ROOT, signers)
    note = notes.parse_note(made.serialize().encode())
    assert notes.verify_note(note, KEYS) == [LOG_ED, LOG_ML]
    assert notes.parse_checkpoint(note.text) == CHECKPOINT


# --- verifier keys --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
def test_a_verifier_key_comes_back_from_its_line(key):
    assert notes.parse_vkey(key.to_vkey()) == key


def test_the_identifier_depends_on_the_type():
    other = replace(LOG_ED, type=notes.TYPE_ED25519_COSIGNATURE)
    assert len(LOG_ED.key_id) == 4
    assert other.key_id != LOG_ED.key_id


VKEY = LOG_ED.to_vkey()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        VKEY + "\n",
        VKEY[:-1],
        VKEY.replace(ORIGIN, "other.example"),
        VKEY.replace(ORIGIN, ""),
        VKEY.replace(ORIGIN, "two words"),
        VKEY.replace(LOG_ED.key_id.hex(), LOG_ED.key_id.hex().upper()),
        VKEY.replace(LOG_ED.key_id.hex(), "00000000"),
        VKEY.replace("+AY", "+A Y"),
        f"{ORIGIN}+00000000+",
        f"{ORIGIN}+00000000+AQ==",
        LOG_ML.to_vkey().replace("+B", "+C", 1),
    ],
)
def test_another_line_is_no_verifier_key(text):
    with pytest.raises(FormatError, match="verifier key"):
        notes.parse_vkey(text)


def test_the_last_bits_of_base64_have_one_form():
    # 33 bytes need no padding, so take a wrong length to see the unused bits refused before the length.
    with pytest.raises(FormatError, match="not canonical"):
        notes.parse_vkey(f"{ORIGIN}+00000000+AR==")


@pytest.mark.parametrize(
    ("name", "kind", "public"),
    [
        ("", 1, ED.public),
        ("a b", 1, ED.public),
        ("a\u00a0b", 1, ED.public),
        ("a\u2003b", 1, ED.public),
        ("a+b", 1, ED.public),
        ("a\nb", 1, ED.public),
        ("a\x01b", 1, ED.public),
        ("\ud800", 1, ED.public),
        ("a" * 256, 1, ED.public),
        ("a", 2, ED.public),
        ("a", 5, ED.public),
        ("a", 0xFF, ED.public),
        ("a", 1, ED.public[:31]),
        ("a", 4, ED.public + b"\0"),
        ("a", 6, ED.public),
        ("a", 1, bytes(32)),
        ("a", 4, b"\1" + bytes(31)),
    ],
)
def test_a_verifier_key_has_a_sound_name_type_and_key(name, kind, public):
    with pytest.raises(ParameterError):
        notes.VerifierKey(name, kind, public)


# --- notes ----------------------------------------------------------------------------------------------------------


def test_a_note_comes_back_from_its_bytes():
    assert notes.parse_note(NOTE.to_bytes()) == NOTE


def test_the_text_may_have_empty_lines_and_ends_at_the_last_one():
    text = "one\n\ntwo\n\n"
    signed = notes.Note(text, (notes.sign_note_ed25519(ED, ORIGIN, text),))
    parsed = notes.parse_note(signed.to_bytes())
    assert parsed.text == text
    assert notes.verify_note(parsed, [LOG_ED]) == [LOG_ED]


texts = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters=[chr(n) for n in range(32)]), max_size=40
)


@given(st.lists(texts, max_size=4))
def test_any_text_comes_back_and_verifies(lines):
    text = "".join(f"{line}\n" for line in lines) or "\n"
    note = notes.Note(text, (notes.sign_note_ed25519(ED, ORIGIN, text),))
    parsed = notes.parse_note(note.to_bytes())
    assert parsed == note
    assert notes.verify_note(parsed, [LOG_ED]) == [LOG_ED]


@given(st.binary(max_size=60), st.integers(0, len(NOTE.to_bytes()) - 1))
def test_what_is_read_is_written_back_byte_for_byte(inserted, at):
    data = NOTE.to_bytes()
    changed = data[:at] + inserted + data[at + len(inserted) :]
    try:
        parsed = notes.parse_note(changed)
    except FormatError:
        return
    assert parsed.to_bytes() == changed


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n" + LINE,
        b"text" + LINE,
        b"\n" + LINE,
        b"text\n\n" + LINE[:-1],
        b"text\n\n" + LINE + b"\n",
        b"text\n\n" + LINE + b"more\n",
        b"text\n\n" + LINE.replace(b"\xe2\x80\x94 ", b"- "),
        b"text\n\n" + LINE.replace(b"\xe2\x80\x94 ", b"\xe2\x80\x94"),
        b"text\n\n" + LINE.replace(b"\xe2\x80\x94 ", b"\xe2\x80\x94  "),
        b"text\n\n" + LINE.replace(b"\n", b" \n"),
        b"text\n\n" + LINE.replace(ORIGIN.encode(), b""),
        b"text\n\n" + LINE.replace(ORIGIN.encode(), b"a+b"),
        b"text\n\n" + LINE.replace(ORIGIN.encode(), "a\u2003b".encode()),
        b"text\n\n" + LINE.replace(b"\n", b"!\n"),
        b"text\n\n\xe2\x80\x94 name \n",
        b"text\n\n\xe2\x80\x94 name AAAA\n",
        b"text\n\n\xe2\x80\x94 name AAAAAA==\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAB=\n",
        b"te\x00xt\n\n" + LINE,
        b"te\txt\n\n" + LINE,
        b"text\r\n\n" + LINE,
        b"te\xffxt\n\n" + LINE,
    ],
)
def test_other_bytes_are_no_note(data):
    with pytest.raises(FormatError, match="note"):
        notes.parse_note(data)


def test_a_note_of_100_signatures_is_read_and_one_of_101_is_not():
    assert len(notes.parse_note(b"text\n\n" + LINE * 100).signatures) == 100
    with pytest.raises(FormatError, match="101 signatures"):
        notes.parse_note(b"text\n\n" + LINE * 101)


def test_a_note_has_at_most_1_mib():
    room = notes.MAX_NOTE_SIZE - len(LINE) - 2
    assert len(notes.parse_note(b"x" * room + b"\n\n" + LINE).text) == room + 1
    with pytest.raises(FormatError, match="bytes"):
        notes.parse_note(b"x" * (room + 1) + b"\n\n" + LINE)


@pytest.mark.parametrize("text", ["", "text", "te\txt\n", "text\r\n", "te\x00xt\n"])
def test_a_note_text_ends_in_a_newline_and_has_no_other_control_characters(text):
    with pytest.raises(ParameterError):
        notes.Note(text, SIGNATURES)


def test_a_note_has_one_to_100_signatures():
    for count in (0, 101):
        with pytest.raises(ParameterError):
            notes.Note(TEXT, SIGNATURES[:1] * count)


@pytest.mark.parametrize(("name", "key_id", "value"), [("", b"1234", b"x"), ("a", b"123", b"x"), ("a", b"1234", b"")])
def test_a_signature_line_needs_a_name_an_identifier_and_a_signature(name, key_id, value):
    with pytest.raises(ParameterError):
        notes.NoteSignature(name, key_id, value)


# --- verification ---------------------------------------------------------------------------------------------------


def test_verification_names_the_keys_in_the_order_of_their_signatures():
    assert notes.verify_note(NOTE, [W_ML, W_ED, LOG_ML, LOG_ED]) == KEYS


def test_signatures_of_unknown_keys_are_ignored():
    assert notes.verify_note(NOTE, [LOG_ML]) == [LOG_ML]


def test_a_note_that_no_known_key_signed_is_false():
    with pytest.raises(VerificationError, match="no known key"):
        notes.verify_note(replace(NOTE, signatures=SIGNATURES[:1]), [LOG_ML])
    with pytest.raises(VerificationError, match="no known key"):
        notes.verify_note(NOTE, [])


@pytest.mark.parametrize("change", [{"name": "other.example"}, {"key_id": b"\0\0\0\0"}])
def test_a_line_that_shares_only_name_or_identifier_with_a_known_key_is_ignored(change):
    odd = replace(SIGNATURES[0], **change)
    assert notes.verify_note(replace(NOTE, signatures=(odd, SIGNATURES[1])), [LOG_ED, LOG_ML]) == [LOG_ML]


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("at", [0, 8, -1])
def test_a_false_signature_of_a_known_key_rejects_the_note(which, at):
    value = bytearray(SIGNATURES[which].signature)
    value[at] ^= 1
    signatures = list(SIGNATURES)
    signatures[which] = replace(signatures[which], signature=bytes(value))
    with pytest.raises(VerificationError, match="is false"):
        notes.verify_note(replace(NOTE, signatures=tuple(signatures)), KEYS)


@pytest.mark.parametrize("which", range(4))
def test_a_signature_of_another_length_rejects_the_note(which):
    longer = replace(SIGNATURES[which], signature=SIGNATURES[which].signature + b"\0")
    with pytest.raises(VerificationError, match="length"):
        notes.verify_note(replace(NOTE, signatures=(longer,)), KEYS)


@pytest.mark.parametrize(
    "other", [replace(CHECKPOINT, origin="x"), replace(CHECKPOINT, size=SIZE + 1), replace(CHECKPOINT, root=bytes(32))]
)
@pytest.mark.parametrize("which", range(4))
def test_no_signature_holds_for_another_checkpoint(other, which):
    note = notes.Note(notes.checkpoint_text(other), (SIGNATURES[which],))
    with pytest.raises(VerificationError, match="is false"):
        notes.verify_note(note, KEYS)


def test_an_mldsa44_signature_holds_for_its_cosigner_name_only():
    renamed = notes.VerifierKey("other.example", notes.TYPE_MLDSA44_COSIGNATURE, ML.public)
    moved = notes.NoteSignature(renamed.name, renamed.key_id, SIGNATURES[1].signature)
    with pytest.raises(VerificationError, match="is false"):
        notes.verify_note(replace(NOTE, signatures=(moved,)), [renamed])


def test_an_mldsa44_signature_of_a_text_that_is_no_checkpoint_is_false():
    with pytest.raises(VerificationError, match="is false"):
        notes.verify_note(notes.Note(TEXT + "extension\n", (SIGNATURES[1],)), [LOG_ML])


def test_a_time_above_the_limit_is_false():
    value = b"\x80" + SIGNATURES[1].signature[1:]
    with pytest.raises(VerificationError, match="2\\^63-1"):
        notes.verify_note(replace(NOTE, signatures=(replace(SIGNATURES[1], signature=value),)), [LOG_ML])


def test_a_key_that_signs_twice_is_named_once_and_both_signatures_count():
    assert notes.verify_note(replace(NOTE, signatures=SIGNATURES[:1] * 2), [LOG_ED]) == [LOG_ED]
    false = replace(SIGNATURES[0], signature=bytes(64))
    with pytest.raises(VerificationError, match="is false"):
        notes.verify_note(replace(NOTE, signatures=(SIGNATURES[0], false)), [LOG_ED])


def test_the_same_key_cannot_be_given_twice():
    with pytest.raises(ParameterError):
        notes.verify_note(NOTE, [LOG_ED, LOG_ED])


# --- cosignatures ---------------------------------------------------------------------------------------------------


def test_cosignatures_carry_their_time():
    assert [notes.cosignature_time(one) for one in SIGNATURES[1:]] == [TIME] * 3


def test_a_plain_signature_carries_no_time():
    with pytest.raises(FormatError, match="length"):
        notes.cosignature_time(SIGNATURES[0])


@pytest.mark.parametrize("timestamp", [0, (1 << 63) - 1])
def test_the_times_at_the_limits_verify(timestamp):
    both = (
        notes.cosign_ed25519(ED_WITNESS, WITNESS, timestamp, TEXT),
        notes.cosign_mldsa44(ML_WITNESS, WITNESS, ORIGIN, timestamp, SIZE, ROOT),
    )
    assert notes.verify_note(notes.Note(TEXT, both), [W_ED, W_ML]) == [W_ED, W_ML]


@pytest.mark.parametrize("timestamp", [-1, 1 << 63])
def test_a_time_outside_the_limits_is_not_signed(timestamp):
    with pytest.raises(ParameterError):
        notes.cosign_ed25519(ED, WITNESS, timestamp, TEXT)
    with pytest.raises(ParameterError):
        notes.cosign_mldsa44(ML, WITNESS, ORIGIN, timestamp, SIZE, ROOT)


def test_the_mldsa44_message_is_laid_out_as_in_tlog_cosignature():
    signature = notes.cosign_mldsa44(ML, "cos", "log", 5, 7, ROOT)
    message = b"subtree/v1\n\0" + b"\x03cos" + bytes(7) + b"\x05" + b"\x03log" + bytes(8) + bytes(7) + b"\x07" + ROOT
    assert signature.signature[:8] == bytes(7) + b"\x05"
    signing.verify_mldsa44(ML.public, message, signature.signature[8:])


# --- checkpoints ----------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_three_lines():
    assert f"{ORIGIN}\n20852163\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n" == TEXT


@given(texts.filter(bool), st.integers(0, (1 << 63) - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_comes_back_from_its_text(origin, size, root):
    checkpoint = notes.Checkpoint(origin, size, root)
    assert notes.parse_checkpoint(notes.checkpoint_text(checkpoint)) == checkpoint


ROOT_LINE = TEXT.split("\n")[2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[:-1],
        TEXT + "\n",
        TEXT + "extension\n",
        f"\n1\n{ROOT_LINE}\n",
        f"o\n\n{ROOT_LINE}\n",
        f"o\n01\n{ROOT_LINE}\n",
        f"o\n00\n{ROOT_LINE}\n",
        f"o\n+1\n{ROOT_LINE}\n",
        f"o\n-1\n{ROOT_LINE}\n",
        f"o\n 1\n{ROOT_LINE}\n",
        f"o\n1_0\n{ROOT_LINE}\n",
        f"o\n1.0\n{ROOT_LINE}\n",
        f"o\n\u0661\n{ROOT_LINE}\n",
        f"o\n{1 << 63}\n{ROOT_LINE}\n",
        f"o\n{'9' * 5000}\n{ROOT_LINE}\n",
        f"o\x00\n1\n{ROOT_LINE}\n",
        f"{'o' * 256}\n1\n{ROOT_LINE}\n",
        "o\n1\n\n",
        "o\n1\nAAAA\n",
        f"o\n1\n{ROOT_LINE[:-1]}\n",
        f"o\n1\n{ROOT_LINE.replace('8=', '9=')}\n",
        f"o\n1\n{ROOT_LINE.replace('AAEC', '__EC')}\n",
        f"o\n1\n {ROOT_LINE}\n",
    ],
)
def test_another_text_is_no_checkpoint(text):
    with pytest.raises(FormatError, match="checkpoint"):
        notes.parse_checkpoint(text)


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 1, ROOT), ("a\nb", 1, ROOT), ("a" * 256, 1, ROOT), ("a", -1, ROOT), ("a", 1 << 63, ROOT), ("a", 1, ROOT[1:])],
)
def test_a_checkpoint_has_a_sound_origin_size_and_root(origin, size, root):
    with pytest.raises(ParameterError):
        notes.Checkpoint(origin, size, root)


def test_a_lone_surrogate_is_not_signed():
    with pytest.raises(ParameterError, match="surrogate"):
        notes.sign_note_ed25519(ED, ORIGIN, "\ud800\n")
