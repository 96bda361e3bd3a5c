"""Make privledger's own known answers for its formats: `tests/vectors/privledger-formats/*.json`.

    python tools/make_format_vectors.py            # writes what is missing or differs
    python tools/make_format_vectors.py --check    # writes nothing; exit 1 if a file differs

Everything comes from fixed seeds, so a second run gives the same bytes. What is sealed (HPKE, Cobblestone) draws its randomness
inside `cryptography`; those messages are made once and kept, and the tests open them. These answers are ours: they hold the
formats still, and show nothing about their correctness.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "crypto")]  # so that it runs from a checkout without an installation

from privledger.protocol import (  # noqa: E402  # noqa: E402
    address,
    capsule,
    certificate,
    deposit,
    descriptor,
    evidence,
    grantenvelope,
    keys,
    presentation,
    receipt,
    request,
)
from privledger.protocol import disclosure as disclosures  # noqa: E402
from privledger.protocol import terms as terms_module  # noqa: E402
from privledger.protocol.container import pack, pack_signed  # noqa: E402
from privledger.protocol.ids import record_id, service_id  # noqa: E402
from privledger.protocol.statements import OneTimeSigner  # noqa: E402
from privledger_crypto import cose, group, onetime  # noqa: E402
from privledger_crypto.envelope import XWingPrivateKey  # noqa: E402
from privledger_crypto.shares import split  # noqa: E402
from privledger_crypto.signing import Ed25519PrivateKey  # noqa: E402
from privledger_crypto.statemap import SparseMap  # noqa: E402

FOLDER = ROOT / "tests" / "vectors" / "privledger-formats"
NOTE = "Made by tools/make_format_vectors.py from fixed seeds. privledger's own known answers, not a published set."


def random_from(label: str) -> Callable[[int], bytes]:
    """A random source that gives the same bytes in every run."""
    count = 0

    def random_bytes(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"privledger format vectors/{label}/{count}".encode()).digest(size)

    return random_bytes


def _ed25519(label: str) -> cose.Ed25519Signer:
    return cose.Ed25519Signer(Ed25519PrivateKey(random_from(label)(32)))


ORIGIN = "vectors.example/" + "00112233445566778899aabbccddeeff" * 2
SEED = bytes(range(32))
TIME = 1_767_225_600  # 2026-01-01 00:00 UTC
INDEX, EPOCH = 3, 0
GRANT = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
RECORD_SIGNER = cose.Ed25519Signer(Ed25519PrivateKey(keys.record_signing_seed(SEED, ORIGIN, INDEX)))
RECORD = record_id(RECORD_SIGNER.key_id)
KEEPER, VAULT = _ed25519("keeper"), _ed25519("vault")
KEEPER_ID, VAULT_ID = service_id(KEEPER.key_id), service_id(VAULT.key_id)
SPEND = keys.address_spend(SEED, ORIGIN, 0)
ADDRESS_KEM = XWingPrivateKey.from_seed(keys.address_kem(SEED, ORIGIN, 0))
OTHER_KEM = XWingPrivateKey.from_seed(bytes([7]) * 32)  # response and deposit key
ONE_TIME_SEED = bytes([8]) * 32
ONE_TIME_SECRET = onetime.one_time_secret(SPEND, ONE_TIME_SEED)
ONE_TIME_PUBLIC = group.generator().mul(ONE_TIME_SECRET).to_bytes()
A, OWNER = keys.grantee_part(SEED, ORIGIN, INDEX, EPOCH), keys.owner_part(SEED, ORIGIN, INDEX, EPOCH)
B, R, TERMS_R, RHO = (group.random_scalar(random_from(label)) for label in ("B", "r", "r of T", "rho"))
TERMS = terms_module.Terms(("planning", "research"), TIME, TIME + 31_536_000, 1, 12, 250, "EUR")
DESCRIPTOR = descriptor.Descriptor(
    "Charging stations", "text/csv", 1234, "", ("charging", "city"), (("age", "int"), ("city", "text")), (), bytes(16)
)
BLOB_ROOT, BLOB_SIZE = hashlib.sha256(b"blob").digest(), 4168
ATTRIBUTES = (descriptor.attribute_scalar("int", 18), descriptor.attribute_scalar("text", "Berlin"))
D = descriptor.descriptor_scalar(BLOB_ROOT, BLOB_SIZE, DESCRIPTOR.digest())
SCALARS = descriptor.record_scalars(R, keys.identity_secret(SEED), D, ATTRIBUTES)
SHARE = split(B, threshold=1, count=1, random_bytes=random_from("split"))[0]
SHARE_DIGEST = deposit.share_digest(ORIGIN, RECORD, EPOCH, KEEPER_ID, SHARE)
KEEPERS = (capsule.KeeperShare(KEEPER_ID, SHARE.index, SHARE_DIGEST),)
HEAD_KEY = keys.capsule_head_key(SEED, ORIGIN, RECORD)
DATA_KEY = keys.data_key(A, B, ORIGIN, RECORD, EPOCH)
OWNER_KEY = keys.owner_key(OWNER, B, ORIGIN, RECORD, EPOCH)
HEAD = capsule.CapsuleHead(INDEX, KEEPERS, 1, 1, VAULT_ID)
BODY = capsule.CapsuleBody(R, ATTRIBUTES, BLOB_SIZE, BLOB_ROOT, DESCRIPTOR.digest())
GRANT_PART = grantenvelope.GrantPart(TERMS, TERMS_R, ONE_TIME_SEED)
PROOF_REQUEST = presentation.ProofRequest(ORIGIN, "City library", "loan", bytes([9]) * 32, TIME + 300)


def key_answers() -> dict[str, bytes]:
    """The key schedule and the names that follow from it."""
    return {
        "seed": SEED,
        "identity secret": group.scalar_to_bytes(keys.identity_secret(SEED)),
        "record key seed": keys.record_signing_seed(SEED, ORIGIN, INDEX),
        "record key": RECORD_SIGNER.key_id,
        "record id": RECORD,
        "grantee part": A,
        "owner part": OWNER,
        "capsule head key": HEAD_KEY,
        "address spend key": group.scalar_to_bytes(SPEND),
        "address X-Wing seed": keys.address_kem(SEED, ORIGIN, 0),
        "wallet file key": keys.wallet_file_key(SEED),
        "backup key": keys.backup_key(SEED),
        "keepers' part": group.scalar_to_bytes(B),
        "data key": DATA_KEY,
        "owner key": OWNER_KEY,
        "sealing context": keys.sealing_context("note", ORIGIN, RECORD, EPOCH, GRANT),
        "one-time key": ONE_TIME_PUBLIC,
        "share digest": SHARE_DIGEST,
    }


def commitment_answers() -> dict[str, bytes]:
    """Commitments and the scalars inside them."""
    totals = receipt.ReceiptTotals(RHO, bytes([1]) * 32, 5, 4)
    return {
        "attribute text": group.scalar_to_bytes(ATTRIBUTES[1]),
        "descriptor": DESCRIPTOR.to_bytes(),
        "d": group.scalar_to_bytes(D),
        "C": descriptor.commit_record(R, keys.identity_secret(SEED), D, ATTRIBUTES),
        "terms digest": group.scalar_to_bytes(TERMS.digest()),
        "T": terms_module.commit_terms(TERMS, TERMS_R),
        "terms opening": terms_module.encode_opening(TERMS, TERMS_R),
        "terms in words": TERMS.describe().encode(),
        "receipt totals": totals.commitment(),
    }


def _make_address() -> bytes:
    return address.make_address(SPEND, ADDRESS_KEM.public, "City of Vectors", ORIGIN, random_from("address"))


def _make_request() -> bytes:
    return request.make_request(
        OneTimeSigner(ONE_TIME_SECRET, ONE_TIME_PUBLIC, random_from("request")),
        origin=ORIGIN,
        record=RECORD,
        grant=GRANT,
        services=sorted((KEEPER_ID, VAULT_ID)),
        epoch=EPOCH,
        number=1,
        response_key=OTHER_KEM.public,
        nonce=bytes([2]) * 16,
        expiry=TIME + 600,
    )


def _make_key_part() -> bytes:
    proof = descriptor.prove_descriptor(
        SCALARS, origin=ORIGIN, record=RECORD, epoch=EPOCH, random_bytes=random_from("key part")
    )
    return grantenvelope.make_key_part(
        RECORD_SIGNER,
        origin=ORIGIN,
        record=RECORD,
        epoch=EPOCH,
        part=A,
        keepers=KEEPERS,
        t=1,
        vault=VAULT_ID,
        blob_size=BLOB_SIZE,
        blob_root=BLOB_ROOT,
        descriptor_digest=DESCRIPTOR.digest(),
        proof=proof,
    )


def _make_deposit() -> bytes:
    return deposit.make_deposit(
        RECORD_SIGNER,
        origin=ORIGIN,
        record=RECORD,
        epoch=EPOCH,
        what="share",
        action="store",
        service=KEEPER_ID,
        size=1172,
        digest=SHARE_DIGEST,
        share=deposit.ShareSlot(1, 1, 1),
    )


def _make_receipt() -> bytes:
    return receipt.make_receipt(
        KEEPER,
        origin=ORIGIN,
        service=KEEPER_ID,
        request=request.parse_request(_make_request(), ORIGIN),
        size=42,
        time=TIME + 1,
        number=1,
        head_before=receipt.FIRST_HEAD,
        units=1,
    )


def _make_certificate(deposit_key: bytes) -> bytes:
    line = certificate.CertificateLine(
        deposit=deposit.parse_deposit(_make_deposit(), ORIGIN),
        destroyed_at=TIME + 10,
        key_digest=hashlib.sha256(deposit_key).digest(),
        key_until=TIME + 604_800,
        key_destroyed_at=None,
    )
    return certificate.make_certificate(
        KEEPER, origin=ORIGIN, service=KEEPER_ID, record=RECORD, lines=[line], backups_until=TIME + 99, time=TIME + 11
    )


def statement_answers() -> dict[str, bytes]:
    """One statement of every kind that is signed off the chain."""
    deposit_key = deposit.make_deposit_key(
        KEEPER, origin=ORIGIN, service=KEEPER_ID, public=OTHER_KEM.public, since=TIME, until=TIME + 604_800
    )
    made_deposit = _make_deposit()
    return {
        "address": _make_address(),
        "access-request": address.make_access_request(
            SPEND,
            _make_address(),
            TERMS,
            "For planning.",
            nonce=bytes([3]) * 16,
            time=TIME,
            origin=ORIGIN,
            random_bytes=random_from("access request"),
        ),
        "deposit": made_deposit,
        "holding": deposit.make_holding(KEEPER, origin=ORIGIN, service=KEEPER_ID, deposit=made_deposit, time=TIME),
        "deposit-key": deposit_key,
        "key-part": _make_key_part(),
        "request": _make_request(),
        "receipt": _make_receipt(),
        "ask": request.make_ask(
            RECORD_SIGNER,
            origin=ORIGIN,
            record=RECORD,
            grant=GRANT,
            what="receipts",
            service=KEEPER_ID,
            nonce=bytes([4]) * 16,
            expiry=TIME + 60,
            map_key=receipt.receipt_map_key(RECORD, GRANT, group.scalar_to_bytes(TERMS_R)),
        ),
        "certificate": _make_certificate(deposit_key),
    }


def container_answers() -> dict[str, bytes]:
    """Containers, and the short forms that people read aloud or paste."""
    made_receipt = _make_receipt()
    head = receipt.next_head(receipt.FIRST_HEAD, made_receipt)
    totals = receipt.ReceiptTotals(RHO, head, 1, 1)
    key = receipt.receipt_map_key(RECORD, GRANT, group.scalar_to_bytes(TERMS_R))
    held = SparseMap.from_items([(key, totals.commitment())])
    opening = receipt.ReceiptOpening(held.root, totals, held.prove(key))
    shown = disclosures.Disclosure(
        ORIGIN,
        RECORD,
        (
            disclosures.GrantDisclosure(
                GRANT,
                terms_module.encode_opening(TERMS, TERMS_R),
                (disclosures.ServiceReceipts(KEEPER_ID, key, (made_receipt,), opening),),
            ),
        ),
    )
    return {
        "address": pack("address", _make_address()),
        "fingerprint": address.fingerprint(_make_address()).encode(),
        "share link": address.share_link(ORIGIN, RECORD, GRANT).encode(),
        "receipt": pack_signed("receipt", ORIGIN, made_receipt),
        "receipt head": head,
        "receipt map key": key,
        "receipt opening": opening.to_bytes(),
        "disclosure": shown.pack(),
        "proof request": PROOF_REQUEST.pack(),
        "proof request digest": PROOF_REQUEST.digest(),
        "evidence": evidence.Evidence(ORIGIN, "forked-checkpoints", (b"one", b"two")).pack(),
    }


def sealed_answers() -> dict[str, bytes]:
    """Sealed messages: other bytes in every run."""
    parsed = request.parse_request(_make_request(), ORIGIN)
    note = capsule.Note(_make_address(), TERMS, TERMS_R, ONE_TIME_SEED)
    kem, record, epoch = ADDRESS_KEM.public, RECORD, EPOCH
    return {
        "descriptor": descriptor.seal_descriptor(DESCRIPTOR, DATA_KEY, origin=ORIGIN, record=record, epoch=epoch),
        "capsule": capsule.seal_capsule(
            HEAD, BODY, head_key=HEAD_KEY, owner_key=OWNER_KEY, origin=ORIGIN, record=record, epoch=epoch
        ),
        "note": capsule.seal_note(note, owner_key=OWNER_KEY, origin=ORIGIN, record=record, epoch=epoch, grant=GRANT),
        "share": deposit.seal_share(
            OTHER_KEM.public, SHARE, origin=ORIGIN, record=record, epoch=epoch, service=KEEPER_ID
        ),
        "envelope": grantenvelope.seal_grant(
            kem, _make_key_part(), GRANT_PART, origin=ORIGIN, record=record, grant=GRANT, epoch=epoch
        ),
        "response": receipt.seal_response(parsed, SHARE, origin=ORIGIN, service=KEEPER_ID),
    }


ANSWERS: dict[str, Callable[[], dict[str, bytes]]] = {
    "keys": key_answers,
    "commitments": commitment_answers,
    "statements": statement_answers,
    "containers": container_answers,
}


def _render(answers: dict[str, bytes]) -> str:
    document = {"note": NOTE, "origin": ORIGIN, "answers": {name: value.hex() for name, value in answers.items()}}
    return json.dumps(document, indent=1) + "\n"


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` compare them. Returns 1 if a comparison fails."""
    check = "--check" in arguments
    FOLDER.mkdir(parents=True, exist_ok=True)
    differing = []
    for name, make in ANSWERS.items():
        path, text = FOLDER / f"{name}.json", _render(make())
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        differing.append(path.name)
        if not check:
            path.write_text(text, encoding="utf-8")
    sealed = FOLDER / "sealed.json"
    if not sealed.is_file():
        differing.append(sealed.name)
        if not check:
            sealed.write_text(_render(sealed_answers()), encoding="utf-8")
    for file in differing:
        print(f"{file} {'differs' if check else 'written'}", file=sys.stderr)
    return 1 if check and differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
