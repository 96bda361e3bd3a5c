"""C2SP chunked encryption: 102 published cases through the independent reader.

They use HKDF-Expand SHA-256. Cobblestone-256 fixes SHA-512, so the reader that passes here judges `sealing` elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.support import chunked_reader

VECTOR_SET = "chunked encryption (C2SP, through cryptography-vectors 50.0.2)"
CASES = json.loads((Path(__file__).parent / "chunked-encryption" / "vectors.json").read_text())["vectors"]
ACCEPTED = [case for case in CASES if case["expect"] == "success"]
REFUSED = [case for case in CASES if case["expect"] == "failure"]


def message_of(case: dict[str, Any]) -> bytes:
    data = base64.b64decode(case["ciphertext"] or "")
    return zlib.decompress(data) if case.get("compressed") else data


def read(case: dict[str, Any]) -> bytes:
    key, context = bytes.fromhex(case["key"]), case["context"].encode()
    return chunked_reader.read("sha256", case["aead"], key, context, message_of(case))


def test_the_file_holds_27_messages_to_open_and_75_to_refuse() -> None:
    assert (len(ACCEPTED), len(REFUSED)) == (27, 75)


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case["name"])
def test_a_genuine_message_opens_to_its_payload(case: dict[str, Any]) -> None:
    payload = read(case)
    assert (len(payload), hashlib.sha256(payload).hexdigest()) == (case["payload_length"], case["payload_sha256"])


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["name"])
def test_a_message_that_must_not_open_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(chunked_reader.ChunkedError):
        read(case)
