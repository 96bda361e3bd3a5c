"""Looking for secrets: in files, in bytes that crossed a port, and as keys that somebody could try."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from privledger.protocol import keys
from privledger.protocol.descriptor import open_descriptor
from privledger.protocol.errors import PrivledgerError
from privledger_crypto import group


def files_under(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a directory, by its name there."""
    for found in sorted(path.rglob("*")):
        if found.is_file():
            yield str(found.relative_to(path)), found.read_bytes()


def find_secrets(secrets: Mapping[str, bytes], haystack: Iterable[tuple[str, bytes]]) -> list[str]:
    """Where a secret stands, as it is, in hex or in base64: "name in place"."""
    forms = {
        name: {secret, secret.hex().encode(), secret.hex().upper().encode(), *_base64(secret)}
        for name, secret in secrets.items()
    }
    return [
        f"{name} in {place}"
        for place, data in haystack
        for name, wanted in forms.items()
        if any(form in data for form in wanted)
    ]


def _base64(secret: bytes) -> Iterator[bytes]:
    """The inner part of its base64, at each of the three alignments."""
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + secret)
        inner = encoded[4 if shift else 0 : len(encoded) - 4]
        if len(inner) >= 16:
            yield inner
            yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def windows(data: Iterable[bytes], size: int = 32) -> set[bytes]:
    """Every run of `size` bytes in any of these."""
    return {piece[at : at + size] for piece in data for at in range(len(piece) - size + 1)}


def opens_descriptor(sealed: bytes, key: bytes, *, origin: str, record: bytes) -> bool:
    """Whether a data key opens a record's descriptor."""
    try:
        open_descriptor(sealed, key, origin=origin, record=record, epoch=0)
    except PrivledgerError:
        return False
    return True


def data_keys(parts: Iterable[bytes], keepers_parts: Iterable[int], *, origin: str, record: bytes) -> Iterator[bytes]:
    """The data keys that follow from candidates for `A` and for `B`."""
    known = [value for value in keepers_parts if 0 <= value < group.ORDER]
    for part in parts:
        for value in known:
            yield keys.data_key(part, value, origin, record, 0)
