"""Sealing: Cobblestone-256 as a stream, at once, and at random; an independent reader judges it."""

from __future__ import annotations

import hashlib
import random
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from privledger_crypto import sealing
from privledger_crypto.errors import CryptoError, FormatError, ParameterError, VerificationError
from privledger_crypto.sealing import CHUNK_SIZE, HEADER_SIZE, TAG_SIZE, Opener, RangeOpener, Sealer
from tests.support import chunked_reader

KEY, CONTEXT = bytes(range(32)), b"record 1"
PLAINTEXT = random.Random(1).randbytes(3 * CHUNK_SIZE + 100)
SEALED = sealing.seal(KEY, CONTEXT, PLAINTEXT)
FULL_CHUNK = CHUNK_SIZE + TAG_SIZE
EDGES = [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE, 2 * CHUNK_SIZE + 5]

# Our own known answers: no public ones exist for SHA-512. SHA-256 of the message that the independent writer makes of
# `i % 251` for i below the size, under KEY, CONTEXT and a salt of 24 bytes 0x2a.
KNOWN = {
    0: "4ef64d9df33d0e7cb93d7cafb539c5c139ab27535c61f4f73f398d3d5ed8ea91",
    CHUNK_SIZE - 1: "e89c7d004cbc515176ae7fb325da1c3591e15753c2d86d6d653c041314346bdc",
    CHUNK_SIZE: "c0878ef114df8aa9bb1914177f59074f79bf18d77437ca47c5de1340e500f318",
    40_000: "f22f774a0464c64ddccfec5628a36b0e122d1245110dfe72c5955f512936d1a1",
}


def reader(message: bytes, context: bytes = CONTEXT) -> bytes:
    return chunked_reader.read("sha512", "AEAD_AES_256_GCM", KEY, context, message)


def opened(pieces: list[bytes], key: bytes = KEY, context: bytes = CONTEXT) -> bytes:
    opener = Opener(key, context)
    return b"".join([opener.update(piece) for piece in pieces] + [opener.finalize()])


def ranges(sealed_size: int = len(SEALED), header: bytes = SEALED[:HEADER_SIZE]) -> RangeOpener:
    return RangeOpener(KEY, CONTEXT, header, sealed_size)


@pytest.mark.parametrize("size", KNOWN)
def test_frozen_messages_keep_their_bytes_and_open(size: int) -> None:
    plaintext = bytes(i % 251 for i in range(size))
    message = chunked_reader.write("sha512", "AEAD_AES_256_GCM", KEY, CONTEXT, b"\x2a" * 24, plaintext)
    assert hashlib.sha256(message).hexdigest() == KNOWN[size]
    assert sealing.open_sealed(KEY, CONTEXT, message) == plaintext


@pytest.mark.parametrize("size", EDGES)
def test_the_independent_reader_opens_what_is_sealed(size: int) -> None:
    message = sealing.seal(KEY, CONTEXT, PLAINTEXT[:size])
    assert reader(message) == PLAINTEXT[:size]
    assert (len(message), sealing.opened_size(len(message))) == (sealing.sealed_size(size), size)


@given(st.lists(st.integers(0, len(PLAINTEXT)), max_size=5), st.lists(st.integers(0, len(SEALED)), max_size=5))
@settings(max_examples=30)
def test_how_a_stream_is_cut_into_pieces_does_not_matter(cuts: list[int], sealed_cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(PLAINTEXT)]
    sealer = Sealer(KEY, CONTEXT)
    pieces = [sealer.update(memoryview(PLAINTEXT)[a:b]) for a, b in pairwise(edges)]
    message = b"".join([*pieces, sealer.finalize()])
    edges = [0, *sorted(sealed_cuts), len(message)]
    assert opened([message[a:b] for a, b in pairwise(edges)]) == PLAINTEXT


def test_two_seals_of_one_message_differ() -> None:
    assert sealing.seal(KEY, CONTEXT, b"same") != sealing.seal(KEY, CONTEXT, b"same")


@pytest.mark.parametrize(("key", "context"), [(bytes(32), CONTEXT), (KEY, b"record 2"), (KEY, b"")])
def test_another_key_or_context_does_not_open(key: bytes, context: bytes) -> None:
    with pytest.raises(VerificationError, match="do not open"):
        sealing.open_sealed(key, context, SEALED)


@given(st.integers(0, len(SEALED) - 1), st.integers(0, 7))
@settings(max_examples=40)
def test_no_bit_can_be_changed(position: int, bit: int) -> None:
    changed = bytearray(SEALED)
    changed[position] ^= 1 << bit
    with pytest.raises(VerificationError):
        sealing.open_sealed(KEY, CONTEXT, bytes(changed))


@given(st.integers(0, len(SEALED) - 1))
@settings(max_examples=40)
@example(HEADER_SIZE + FULL_CHUNK)
@example(HEADER_SIZE)
@example(HEADER_SIZE + FULL_CHUNK + TAG_SIZE)
def test_no_shorter_message_opens(size: int) -> None:
    with pytest.raises((FormatError, VerificationError)):
        sealing.open_sealed(KEY, CONTEXT, SEALED[:size])


@pytest.mark.parametrize("size", [0, 55, HEADER_SIZE, HEADER_SIZE + FULL_CHUNK, HEADER_SIZE + FULL_CHUNK + 15])
def test_a_stream_of_a_size_that_no_message_has_is_malformed(size: int) -> None:
    with pytest.raises(FormatError, match="cut off"):
        opened([SEALED[:size]])


def test_a_message_cannot_be_extended() -> None:
    with pytest.raises(CryptoError):
        opened([SEALED, bytes(40)])


@pytest.mark.parametrize("stream", [Sealer(KEY, CONTEXT), Opener(KEY, CONTEXT)], ids=["sealer", "opener"])
def test_a_finished_stream_takes_nothing_more(stream: Sealer | Opener) -> None:
    stream.update(b"" if isinstance(stream, Sealer) else SEALED)
    stream.finalize()
    for use in (lambda: stream.update(b"more"), stream.finalize):
        with pytest.raises(ParameterError):
            use()


def test_a_failed_opener_stays_failed() -> None:
    opener = Opener(bytes(32), CONTEXT)
    with pytest.raises(VerificationError):
        opener.update(SEALED)
    with pytest.raises(ParameterError):
        opener.finalize()


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(size: int) -> None:
    for use in (Sealer, Opener):
        with pytest.raises(ParameterError):
            use(bytes(size), CONTEXT)
    with pytest.raises(ParameterError):
        RangeOpener(bytes(size), CONTEXT, SEALED[:HEADER_SIZE], len(SEALED))


@pytest.mark.parametrize("size", [-1, 2**52])
def test_sizes_that_cannot_be_sealed_are_refused(size: int) -> None:
    with pytest.raises(ParameterError):
        sealing.sealed_size(size)


@given(st.data())
@settings(max_examples=60)
def test_any_range_reads_as_the_plaintext_does(data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(PLAINTEXT)))
    length = data.draw(st.integers(0, len(PLAINTEXT) - offset))
    opener = ranges()
    start, end = opener.plan(offset, length)
    assert end - start <= (length // CHUNK_SIZE + 2) * FULL_CHUNK
    assert opener.open(SEALED[start:end], offset, length) == PLAINTEXT[offset : offset + length]


@pytest.mark.parametrize("size", EDGES)
def test_the_last_chunk_confirms_the_size(size: int) -> None:
    message = sealing.seal(KEY, CONTEXT, PLAINTEXT[:size])
    opener = ranges(len(message), message[:HEADER_SIZE])
    start, end = opener.plan(opener.plaintext_size, 0)
    assert (end, opener.open(message[start:end], size, 0)) == (len(message), b"")


def test_a_claimed_size_that_ends_inside_the_message_is_found_out_by_its_last_chunk() -> None:
    opener = ranges(HEADER_SIZE + FULL_CHUNK + 500)
    start, end = opener.plan(opener.plaintext_size, 0)
    with pytest.raises(VerificationError, match="chunk 1"):
        opener.open(SEALED[start:end], opener.plaintext_size, 0)


def test_a_chunk_that_was_moved_does_not_open() -> None:
    start, end = ranges().plan(0, CHUNK_SIZE)
    with pytest.raises(VerificationError, match="chunk 1"):
        ranges().open(SEALED[start:end], CHUNK_SIZE, CHUNK_SIZE)


def test_a_changed_bit_in_a_chunk_is_found() -> None:
    start, end = ranges().plan(CHUNK_SIZE + 5, 10)
    part = bytearray(SEALED[start:end])
    part[-1] ^= 1
    with pytest.raises(VerificationError, match="chunk 1"):
        ranges().open(part, CHUNK_SIZE + 5, 10)


@pytest.mark.parametrize(
    ("key", "context", "position"),
    [(bytes(32), CONTEXT, None), (KEY, b"other", None), (KEY, CONTEXT, 0), (KEY, CONTEXT, 55)],
)
def test_the_commitment_is_checked_before_any_chunk(key: bytes, context: bytes, position: int | None) -> None:
    header = bytearray(SEALED[:HEADER_SIZE])
    if position is not None:
        header[position] ^= 1
    with pytest.raises(VerificationError, match="wrong key"):
        RangeOpener(key, context, bytes(header), len(SEALED))


@pytest.mark.parametrize("size", [0, 56, 71, HEADER_SIZE + FULL_CHUNK, HEADER_SIZE + FULL_CHUNK + 15])
def test_a_size_that_no_message_has_is_malformed(size: int) -> None:
    with pytest.raises(FormatError):
        ranges(size)


def test_a_header_of_another_length_is_malformed() -> None:
    with pytest.raises(FormatError, match="header"):
        ranges(header=SEALED[:55])


def test_a_slice_that_is_not_the_planned_one_is_malformed() -> None:
    start, end = ranges().plan(0, 10)
    with pytest.raises(FormatError, match="range needs"):
        ranges().open(SEALED[start : end - 1], 0, 10)


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1), (0, len(PLAINTEXT) + 1), (len(PLAINTEXT) + 1, 0)])
def test_a_range_outside_the_plaintext_is_refused(offset: int, length: int) -> None:
    with pytest.raises(ParameterError, match="leave"):
        ranges().plan(offset, length)
