"""Our own known answers for every format of docs/spec (privledger-formats, made by tools/make_format_vectors.py)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from privledger.protocol import (
    address,
    capsule,
    certificate,
    container,
    deposit,
    descriptor,
    disclosure,
    evidence,
    grantenvelope,
    presentation,
    receipt,
    request,
)
from privledger.protocol.terms import parse_opening, verify_terms
from tools import make_format_vectors as made

VECTOR_SET = "privledger formats (our own known answers, tools/make_format_vectors.py)"
FOLDER = Path(__file__).parent / "privledger-formats"


def load(name: str) -> dict[str, bytes]:
    document = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert document["origin"] == made.ORIGIN
    return {key: bytes.fromhex(value) for key, value in document["answers"].items()}


FROZEN = {name: load(name) for name in made.ANSWERS}
SEALED = load("sealed")
CASES = [(name, case) for name, answers in FROZEN.items() for case in answers]


@pytest.fixture(scope="module")
def computed() -> dict[str, dict[str, bytes]]:
    return {name: make() for name, make in made.ANSWERS.items()}


@pytest.mark.parametrize(("name", "case"), CASES)
def test_the_format_still_gives_the_frozen_bytes(name, case, computed):
    assert computed[name][case].hex() == FROZEN[name][case].hex()


@pytest.mark.parametrize("name", sorted(made.ANSWERS))
def test_every_answer_is_frozen(name, computed):
    assert computed[name].keys() == FROZEN[name].keys()


STATEMENTS = FROZEN["statements"]
PARSERS: dict[str, Callable[[bytes, str], Any]] = {
    "address": address.parse_address,
    "access-request": address.parse_access_request,
    "deposit": deposit.parse_deposit,
    "holding": deposit.parse_holding,
    "deposit-key": deposit.parse_deposit_key,
    "key-part": grantenvelope.parse_key_part,
    "request": request.parse_request,
    "receipt": receipt.parse_receipt,
    "ask": request.parse_ask,
    "certificate": certificate.parse_certificate,
}


@pytest.mark.parametrize("kind", sorted(PARSERS))
def test_a_frozen_statement_is_still_read(kind):
    assert PARSERS[kind](STATEMENTS[kind], made.ORIGIN).raw == STATEMENTS[kind]


def test_the_frozen_commitments_still_open():
    terms, r = parse_opening(FROZEN["commitments"]["terms opening"])
    verify_terms(FROZEN["commitments"]["T"], terms, r)
    grantenvelope.verify_key_part(
        grantenvelope.parse_key_part(STATEMENTS["key-part"], made.ORIGIN),
        origin=made.ORIGIN,
        record=FROZEN["keys"]["record id"],
        epoch=0,
        key=FROZEN["keys"]["record key"],
        commitment=FROZEN["commitments"]["C"],
    )


CONTAINERS: dict[str, Callable[[bytes], object]] = {
    "address": lambda data: container.unpack(data, types={"address"}),
    "receipt": lambda data: container.unpack_signed(data, type="receipt"),
    "disclosure": disclosure.unpack_disclosure,
    "proof request": presentation.unpack_proof_request,
    "evidence": evidence.unpack_evidence,
    "receipt opening": receipt.parse_receipt_opening,
    "share link": lambda data: address.parse_share_link(data.decode()),
}


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_a_frozen_container_is_still_read(name):
    assert CONTAINERS[name](FROZEN["containers"][name]) is not None


PLACE: dict[str, Any] = {"origin": made.ORIGIN, "record": made.RECORD, "epoch": made.EPOCH}


def open_sealed_answer(name: str) -> object:
    data = SEALED[name]
    match name:
        case "descriptor":
            return descriptor.open_descriptor(data, made.DATA_KEY, **PLACE)
        case "capsule":
            head = capsule.open_capsule_head(data, head_key=made.HEAD_KEY, **PLACE)
            return head, capsule.open_capsule_body(data, owner_key=made.OWNER_KEY, **PLACE)
        case "note":
            return capsule.open_note(data, owner_key=made.OWNER_KEY, grant=made.GRANT, **PLACE)
        case "share":
            return deposit.open_share(made.OTHER_KEM, data, service=made.KEEPER_ID, **PLACE)
        case "envelope":
            return grantenvelope.open_grant(made.ADDRESS_KEM, data, grant=made.GRANT, **PLACE)
        case _:
            asked = request.parse_request(STATEMENTS["request"], made.ORIGIN)
            return receipt.open_response(made.OTHER_KEM, data, asked, origin=made.ORIGIN, service=made.KEEPER_ID)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("descriptor", made.DESCRIPTOR),
        ("capsule", (made.HEAD, made.BODY)),
        ("note", capsule.Note(STATEMENTS["address"], made.TERMS, made.TERMS_R, made.ONE_TIME_SEED)),
        ("share", made.SHARE),
        ("envelope", (grantenvelope.parse_key_part(STATEMENTS["key-part"], made.ORIGIN), made.GRANT_PART)),
        ("response", made.SHARE),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_frozen_sealed_message_still_opens(name, content):
    assert open_sealed_answer(name) == content


def test_every_sealed_message_is_opened():
    assert SEALED.keys() == {"descriptor", "capsule", "note", "share", "envelope", "response"}
