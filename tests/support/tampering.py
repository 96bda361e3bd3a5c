"""Ways to change what an auditor is handed, each with the steps that it breaks; for the auditor and for the independent checker.

make, steps = DISCLOSED["all receipts are left out"]
scene.bundle(make(scene))                  # fails `steps`
make, steps = BUNDLES["entry 0 is left out"]
make(scene)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from privledger.protocol.bundle import Bundle
from privledger.protocol.deposit import ShareSlot
from privledger.protocol.disclosure import Disclosure, GrantDisclosure
from privledger.protocol.entries import Block
from privledger.protocol.receipt import ReceiptTotals
from privledger.protocol.state import SETTINGS_KEY, service_key
from privledger.protocol.terms import encode_opening
from tests.support.auditing import Scene, with_grant
from tests.support.chain import START, short
from tests.support.places import TERMS


def shown(scene: Scene, label: str, *receipts: bytes, **fields: object) -> Disclosure:
    """The scene's disclosure with other receipts for one grant."""
    return with_grant(scene.disclosure(), label, receipts=receipts, **fields)


def more(scene: Scene, label: str, *receipts: bytes) -> Disclosure:
    return shown(scene, label, *scene.receipts[label], *receipts)


def other_totals(scene: Scene) -> Disclosure:
    opening = scene.openings["g"]
    return with_grant(scene.disclosure(), "g", opening=replace(opening, totals=ReceiptTotals(1, bytes(32), 2, 2)))


def other_terms(scene: Scene) -> Disclosure:
    generous = encode_opening(replace(TERMS, last_read=50), 3)
    return replace_grant(scene, "g", opening=generous)


def replace_grant(scene: Scene, label: str, **fields: object) -> Disclosure:
    disclosure = scene.disclosure()
    grants: tuple[GrantDisclosure, ...] = tuple(
        replace(one, **fields) if one.grant == short(label) else one  # type: ignore[arg-type]
        for one in disclosure.grants
    )
    return replace(disclosure, grants=grants)


def other_blob(scene: Scene) -> Disclosure:
    return replace(scene.disclosure(), descriptor=replace(scene.descriptor, blob_size=7000))


def stranger(scene: Scene) -> Disclosure:
    """A grantee's request that somebody else signed."""
    granted = scene.grants["g"]
    raw = scene.world.request(replace(granted, signer=scene.grants["late"].signer), number=4)
    return more(scene, "g", scene.receipt("g", 4, request=raw))


DISCLOSED: dict[str, tuple[Callable[[Scene], Disclosure], set[str]]] = {
    "the last receipt under the posted root is left out": (lambda s: shown(s, "g", *s.receipts["g"][:1]), {"A7"}),
    "the first receipt is left out": (lambda s: shown(s, "g", *s.receipts["g"][1:]), {"A7"}),
    "all receipts are left out": (lambda s: shown(s, "late"), {"A7"}),
    "a receipt is of another grant": (lambda s: shown(s, "late", *s.receipts["g"][:1]), {"A7"}),
    "a receipt is damaged": (
        lambda s: shown(s, "late", s.receipts["late"][0][:-1] + bytes([s.receipts["late"][0][-1] ^ 1])),
        {"A7"},
    ),
    "a receipt is signed by another key": (lambda s: more(s, "g", s.receipt("g", 4, by="vault")), {"A7"}),
    "a request is signed by another key": (stranger, {"A7"}),
    "a receipt names a size before the grant": (lambda s: more(s, "g", s.receipt("g", 4, size=3)), {"A7"}),
    "a receipt names a period that was closed": (lambda s: more(s, "g", s.receipt("g", 4, size=11)), {"A7"}),
    "a read number is beyond the terms": (lambda s: more(s, "g", s.receipt("g", 6)), {"A7"}),
    "a release is after the terms' end": (lambda s: more(s, "g", s.receipt("g", 4, time=START + 20_000)), {"A7"}),
    "the totals are others": (other_totals, {"A7"}),
    "the root was never posted": (
        lambda s: with_grant(s.disclosure(), "g", opening=replace(s.openings["g"], root=bytes(32))),
        {"A7"},
    ),
    "the map key is another": (lambda s: with_grant(s.disclosure(), "g", map_key=s.map_key("late")), {"A7"}),
    "the map proof is of another grant": (
        lambda s: with_grant(s.disclosure(), "g", opening=replace(s.openings["g"], proof=s.openings["late"].proof)),
        {"A7"},
    ),
    "a release at a size that carries the revocation": (lambda s: more(s, "late", s.receipt("late", 2)), {"A7", "A12"}),
    "a release dated past the revocation and F": (
        lambda s: more(s, "late", s.receipt("late", 2, size=14, time=s.chain.time + 31)),
        {"A7", "A12"},
    ),
    "two receipts under one read number": (lambda s: more(s, "g", s.receipt("g", 3)), {"A7", "A12"}),
    "other terms": (other_terms, {"A9"}),
    "terms of the owner's own reads": (
        lambda s: replace(
            s.disclosure(),
            grants=tuple(
                replace(one, opening=s.grants["g"].opening) if one.grant == bytes(16) else one
                for one in s.disclosure().grants
            ),
        ),
        {"A9"},
    ),
    "a blob that the commitment does not open to": (other_blob, {"A9"}),
    "an erased record without a certificate": (lambda s: s.gone_disclosure(), {"A11"}),
    "a certificate by another service": (lambda s: s.gone_disclosure(s.certificate(by="vault")), {"A11"}),
    "a certificate for a share that the owner never deposited": (
        lambda s: s.gone_disclosure(s.certificate(deposit=s.share_deposit("owner"))),
        {"A11"},
    ),
    "too few certificates": (
        lambda s: s.gone_disclosure(s.certificate(deposit=s.share_deposit(slot=ShareSlot(1, 2, 3)))),
        {"A11"},
    ),
    "a damaged certificate": (lambda s: s.gone_disclosure(b"\x00" + s.certificate()[1:]), {"A11"}),
}


# --- bundles ---


def without(scene: Scene, kind: bytes) -> Bundle:
    bundle = scene.bundle()
    return replace(bundle, entries=tuple(one for one in bundle.entries if kind not in one.leaf))


def with_entry(scene: Scene, kind: bytes, **fields: object) -> Bundle:
    bundle = scene.bundle()
    place = next(number for number, one in enumerate(bundle.entries) if kind in one.leaf)
    changed = replace(bundle.entries[place], **fields)  # type: ignore[arg-type]
    return replace(bundle, entries=(*bundle.entries[:place], changed, *bundle.entries[place + 1 :]))


def with_answer(scene: Scene, **fields: object) -> Bundle:
    bundle = scene.bundle()
    return replace(bundle, answer=replace(bundle.answer, **fields))  # type: ignore[arg-type]


def with_item(scene: Scene, wanted: bytes, value: bytes | None) -> Bundle:
    items = tuple((key, value if key == wanted else old, proof) for key, old, proof in scene.bundle().answer.items)
    return with_answer(scene, items=items)


def stripped(scene: Scene) -> bytes:
    lines = scene.chain.checkpoint().decode().split("\n")
    del lines[5]
    return "\n".join(lines).encode()


def last_block(scene: Scene) -> Block:
    return scene.chain.blocks[-2]


BUNDLES: dict[str, tuple[Callable[[Scene], Bundle], set[str]]] = {
    "the checkpoint's ML-DSA-44 line is stripped": (lambda s: with_answer(s, note=stripped(s)), {"A1"}),
    "an older block as the last one": (
        lambda s: with_answer(
            s, block_leaf=last_block(s).to_leaf(), block_path=s.chain.inclusion(last_block(s).tree_size)
        ),
        {"A3"},
    ),
    "an entry's path is another": (lambda s: with_entry(s, b"\x65grant", path=(bytes(32),)), {"A3"}),
    "an entry's signature is flipped": (
        lambda s: with_entry(s, b"\x65grant", leaf=flipped(s)),
        {"A3", "A5"},
    ),
    "a value of the state is another": (
        lambda s: with_item(s, service_key(s.keeper), s.chain.state.get(service_key(s.world.vault))),
        {"A6"},
    ),
    "a value of the state is said to be absent": (lambda s: with_item(s, SETTINGS_KEY, None), {"A6"}),
    "the service's state is left out": (
        lambda s: with_answer(
            s, items=tuple(item for item in s.bundle().answer.items if item[0] != service_key(s.keeper))
        ),
        {"A6"},
    ),
    "entry 0 is left out": (lambda s: without(s, b"\x66ledger"), {"A6"}),
    "the revocation is left out": (lambda s: without(s, b"\x66revoke"), {"A6"}),
    "the grants are left out": (lambda s: without(s, b"\x65grant"), {"A6"}),
}


def flipped(scene: Scene) -> bytes:
    leaf = next(one.leaf for one in scene.bundle().entries if b"\x65grant" in one.leaf)
    return leaf[:-1] + bytes([leaf[-1] ^ 1])
