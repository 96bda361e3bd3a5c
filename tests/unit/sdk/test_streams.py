"""Payload streams: what is sealed reads back, and every changed byte, cut or move is noticed."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privledger.protocol.errors import FormatError, VerificationError
from privledger.sdk.streams import SealedPayload, read_payload, read_range, seal_payload
from privledger_crypto.segments import SEGMENT_SIZE, SegmentHasher

KEY = bytes(range(32))
CONTEXT = b"context"
MIB = 1 << 20


class Sealed:
    """A sealed payload and a vault of one blob, whose bytes a test may change."""

    def __init__(self, payload: bytes) -> None:
        sink = io.BytesIO()
        self.note: SealedPayload = seal_payload(io.BytesIO(payload), sink, key=KEY, context=CONTEXT)
        self.blob = bytearray(sink.getvalue())
        hasher = SegmentHasher()
        hasher.update(self.blob)
        self.tree = hasher.finalize()
        self.fetched = 0

    def source(self, first: int, count: int) -> tuple[bytes, tuple[bytes, ...]]:
        data = bytes(self.blob[first * SEGMENT_SIZE : (first + count) * SEGMENT_SIZE])
        self.fetched += len(data)
        return data, self.tree.proof(first, first + count - 1)

    def read(self) -> bytes:
        sink = io.BytesIO()
        read_payload(
            self.source,
            sink,
            key=KEY,
            context=CONTEXT,
            blob_root=self.note.blob_root,
            blob_size=self.note.blob_size,
            size=self.note.size,
        )
        return sink.getvalue()

    def read_range(self, offset: int, length: int) -> bytes:
        return read_range(
            self.source,
            key=KEY,
            context=CONTEXT,
            blob_root=self.note.blob_root,
            blob_size=self.note.blob_size,
            size=self.note.size,
            offset=offset,
            length=length,
        )


def payload(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 16384, MIB - 1, MIB, MIB + 1, 9 * MIB + 7])
def test_what_is_sealed_reads_back(size: int):
    assert Sealed(payload(size)).read() == payload(size)


@pytest.mark.parametrize("size", [0, 1, 4096])
def test_small_payloads_make_blobs_of_one_size(size: int):
    assert Sealed(payload(size)).note.blob_size == Sealed(b"").note.blob_size


BIG = Sealed(payload(5 * MIB + 123))


@settings(max_examples=40)
@given(st.integers(0, 5 * MIB + 123), st.integers(0, 300_000))
def test_any_range_is_the_slice_of_the_payload(offset: int, length: int):
    length = min(length, BIG.note.size - offset)
    assert BIG.read_range(offset, length) == payload(BIG.note.size)[offset : offset + length]


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, 5 * MIB + 124), (5 * MIB + 123, 1), (3, -1)])
def test_a_range_outside_the_payload_is_refused(offset: int, length: int):
    with pytest.raises(FormatError):
        BIG.read_range(offset, length)


def test_a_range_fetches_its_segments_and_the_first_only():
    sealed = Sealed(payload(12 * MIB))
    sealed.read_range(6 * MIB + 5, MIB)
    assert sealed.fetched <= 4 * MIB


@pytest.mark.parametrize("at", [0, 30, 60, MIB, 2 * MIB + 9, -1])
def test_a_flipped_byte_is_noticed(at: int):
    sealed = Sealed(payload(2 * MIB + 100_000))
    sealed.blob[at] ^= 1
    with pytest.raises(VerificationError):
        sealed.read()


@pytest.mark.parametrize("cut", [1, 16_400, MIB])
def test_a_blob_that_was_cut_is_noticed(cut: int):
    sealed = Sealed(payload(2 * MIB + 100_000))
    del sealed.blob[-cut:]
    with pytest.raises(VerificationError):
        sealed.read()


def test_an_extended_blob_is_noticed():
    sealed = Sealed(payload(100_000))
    sealed.blob += b"\x00"
    with pytest.raises(VerificationError):
        sealed.read()


def test_segments_that_change_places_are_noticed():
    sealed = Sealed(payload(3 * MIB))
    sealed.blob[:MIB], sealed.blob[MIB : 2 * MIB] = sealed.blob[MIB : 2 * MIB], sealed.blob[:MIB]
    with pytest.raises(VerificationError):
        sealed.read()


def test_a_size_in_the_descriptor_that_is_too_small_is_noticed():
    sealed = Sealed(b"x" * 100)
    sealed.note = SealedPayload(99, sealed.note.blob_size, sealed.note.blob_root)
    with pytest.raises(VerificationError, match="padding"):
        sealed.read()


def test_a_size_in_the_descriptor_that_is_too_large_is_noticed():
    sealed = Sealed(b"x" * 100)
    sealed.note = SealedPayload(1 << 20, sealed.note.blob_size, sealed.note.blob_root)
    with pytest.raises(VerificationError, match="shorter"):
        sealed.read()


def test_a_sink_that_fails_is_the_callers_error():
    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        seal_payload(io.BytesIO(payload(MIB)), Full(), key=KEY, context=CONTEXT)
