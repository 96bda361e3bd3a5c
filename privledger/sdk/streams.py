"""Payloads as streams: seal a file into an upload, and read a sealed blob back, in constant memory.

The cipher runs in the calling thread, SHA-256 in a second one (hashlib releases the interpreter's lock for large pieces), so both
cores work. At most a few pieces are in flight.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from privledger.protocol.errors import FormatError, VerificationError
from privledger.storage.behind import Behind
from privledger_crypto import errors as crypto_errors
from privledger_crypto import sealing
from privledger_crypto.padding import padded_size
from privledger_crypto.segments import SEGMENT_SIZE, SegmentHasher, segment_count, verify_segments

__all__ = ["BlobSource", "Progress", "SealedPayload", "read_payload", "read_range", "seal_payload"]

MINIMUM_PAYLOAD = 4_096  # bytes; smaller payloads all look alike (design §4.3)
PIECE = 1 << 20  # bytes fed to the cipher at a time
_SEGMENTS_AT_A_TIME = 8

Progress = Callable[[int, int | None], None]
"""Called with the bytes done and, where known, the bytes in all."""


@dataclass(frozen=True, slots=True)
class SealedPayload:
    """What sealing a payload yields: its true size, and the size and root of the blob."""

    size: int
    blob_size: int
    blob_root: bytes


class Sink(Protocol):
    """Takes bytes in order; an upload or a file."""

    def write(self, data: bytes, /) -> object: ...


class BlobSource(Protocol):
    """Gives consecutive segments of a blob, with the proof that they stand under its root."""

    def __call__(self, first: int, count: int) -> tuple[bytes, tuple[bytes, ...]]: ...


def _pieces(source: BinaryIO, count: list[int]) -> Iterator[bytes]:
    """The payload in pieces, then the zero bytes that hide its size; `count[0]` becomes the payload's true size."""
    while piece := source.read(PIECE):
        count[0] += len(piece)
        yield piece
    left = padded_size(count[0], minimum=MINIMUM_PAYLOAD) - count[0]
    zeros = bytes(min(left, PIECE))
    while left > 0:
        yield zeros[: min(left, PIECE)]
        left -= min(left, PIECE)


def seal_payload(
    source: BinaryIO,
    sink: Sink,
    *,
    key: bytes,
    context: bytes,
    computed: Callable[[], tuple[int, bytes]] | None = None,
    total: int | None = None,
    progress: Progress | None = None,
) -> SealedPayload:
    """Pad, seal and hash everything that `source` yields, writing the blob to `sink`.

    Args:
        computed: gives size and root of what was written, where the sink hashes in this very process; then it is not done twice
            (docs/adr/0009). A sink elsewhere has no say in it.
        total: the payload's size where it is known, for `progress` only.
    """
    sealer = sealing.Sealer(key, context)
    hasher = SegmentHasher()
    behind = Behind("hash")
    size = [0]

    def pass_on(sealed: bytes) -> None:
        if sealed:
            if computed is None:
                behind.call(hasher.update, sealed)
            sink.write(sealed)

    try:
        for piece in _pieces(source, size):
            pass_on(sealer.update(piece))
            if progress is not None:
                progress(size[0], total)
        pass_on(sealer.finalize())
        behind.finish()
    finally:
        behind.close()
    if computed is not None:
        return SealedPayload(size[0], *computed())
    tree = hasher.finalize()
    return SealedPayload(size[0], tree.size, tree.root)


def _verified(source: BlobSource, root: bytes, blob_size: int, first: int, count: int) -> bytes:
    data, proof = source(first, count)
    try:
        verify_segments(root, blob_size, first, data, proof)
    except crypto_errors.CryptoError as exc:
        raise VerificationError(
            f"segments {first} to {first + count - 1} of the blob are not what the owner sealed",
            hint="The vault served other bytes. Try again, and tell its operator.",
        ) from exc
    return data


def _segments(source: BlobSource, root: bytes, blob_size: int) -> Iterator[bytes]:
    """All segments in order; the next ones are fetched and hashed while the caller decrypts."""
    spans = [
        (first, min(_SEGMENTS_AT_A_TIME, segment_count(blob_size) - first))
        for first in range(0, segment_count(blob_size), _SEGMENTS_AT_A_TIME)
    ]
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="privledger-fetch") as pool:
        ahead = deque(pool.submit(_verified, source, root, blob_size, *span) for span in spans[:1])
        for following in [*spans[1:], None]:
            data = ahead.popleft().result()
            if following is not None:
                ahead.append(pool.submit(_verified, source, root, blob_size, *following))
            yield data


def read_payload(
    source: BlobSource,
    sink: Sink,
    *,
    key: bytes,
    context: bytes,
    blob_root: bytes,
    blob_size: int,
    size: int,
    progress: Progress | None = None,
) -> None:
    """Check, decrypt and unpad a whole blob into `sink`.

    The sink must be a temporary place: what was written counts only if this returns.

    Raises:
        VerificationError: bytes differ from what the owner sealed, or the padding is not zeros.
    """
    opener = sealing.Opener(key, context)
    left = size
    try:
        for data in _segments(source, blob_root, blob_size):
            for start in range(0, len(data), PIECE):
                left = _unpad(opener.update(memoryview(data)[start : start + PIECE]), left, sink)
            if progress is not None:
                progress(size - left, size)
        left = _unpad(opener.finalize(), left, sink)
    except crypto_errors.CryptoError as exc:
        raise VerificationError("the blob does not open with the key of this grant") from exc
    if left:
        raise VerificationError("the blob is shorter than its descriptor says")


def _unpad(plain: bytes, left: int, sink: Sink) -> int:
    if len(plain) <= left:
        sink.write(plain)
        return left - len(plain)
    if left:
        sink.write(plain[:left])
    if plain.count(0, left) != len(plain) - left:
        raise VerificationError("the padding of the payload is not zeros")
    return 0


def read_range(
    source: BlobSource,
    *,
    key: bytes,
    context: bytes,
    blob_root: bytes,
    blob_size: int,
    size: int,
    offset: int,
    length: int,
) -> bytes:
    """Check and decrypt `length` bytes from `offset`, fetching only the segments that hold them (and the first).

    Raises:
        FormatError: the range is not inside the payload.
        VerificationError: bytes differ from what the owner sealed.
    """
    if offset < 0 or length < 0 or offset + length > size:
        raise FormatError(
            f"bytes {offset} to {offset + length} are not inside the record, which has {size}", code="bad_range"
        )
    if length == 0:
        return b""
    head = _verified(source, blob_root, blob_size, 0, 1)
    try:
        opener = sealing.RangeOpener(key, context, head[: sealing.HEADER_SIZE], blob_size)
        start, end = opener.plan(offset, length)
        first, last = start // SEGMENT_SIZE, (end - 1) // SEGMENT_SIZE
        data = head if last == 0 else _verified(source, blob_root, blob_size, first, last - first + 1)
        base = first * SEGMENT_SIZE
        return opener.open(memoryview(data)[start - base : end - base], offset, length)
    except crypto_errors.CryptoError as exc:
        raise VerificationError("the blob does not open with the key of this grant") from exc
