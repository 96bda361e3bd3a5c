"""A small place for auditors, with everything in it that an audit looks at, and every part within a test's reach.

    scene = Scene()                       # a live record with two grants and receipts, an erased record with a certificate
    scene.write(tmp_path)                 # tmp_path/log and tmp_path/vault
    scene.disclosure().pack(), scene.bundle().pack()
    failed(report)                        # {"A3"}

The live record is "owner"'s, with a commitment that opens; grant "g" lives, "late" is revoked; "gone"'s record is erased.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from privledger.audit import DirectoryFetcher, Report, audit_bundle, audit_place
from privledger.protocol.bundle import Bundle, BundleEntry
from privledger.protocol.certificate import CertificateLine, make_certificate
from privledger.protocol.checkpoint import sign_checkpoint
from privledger.protocol.deposit import ShareSlot, make_deposit, make_holding, parse_deposit
from privledger.protocol.descriptor import commit_record, descriptor_scalar, prove_descriptor, record_scalars
from privledger.protocol.disclosure import DescriptorDisclosure, Disclosure, GrantDisclosure, ServiceReceipts
from privledger.protocol.entries import RecordEntry
from privledger.protocol.ids import ZERO_GRANT
from privledger.protocol.receipt import (
    FIRST_HEAD,
    Receipt,
    ReceiptOpening,
    ReceiptTotals,
    make_receipt,
    parse_receipt,
    receipt_map_key,
    terms_map_key,
)
from privledger.protocol.request import parse_request
from privledger.protocol.state import META_KEY, SETTINGS_KEY, grant_key, record_key, service_key
from privledger.protocol.tiles import TILE_WIDTH, encode_entries, tiles_for
from privledger_crypto import cbor
from privledger_crypto.merkle import leaf_hash, root_of
from privledger_crypto.segments import SegmentHasher
from privledger_crypto.statemap import MapProof, SparseMap
from tests.support.chain import ORIGIN, log_signer, record_of, short, signer
from tests.support.places import Granted, World, random_source

BLOB = b"sealed bytes " * 500
SECRETS = (11, 22)  # r and s of the record's commitment
RHO = 77


def failed(report: Report) -> set[str]:
    """The steps that failed."""
    return {step.step for step in report.steps if step.status == "failed"}


def unchecked(report: Report) -> set[str]:
    """The steps that should have been checked and could not be."""
    return {step.step for step in report.steps if step.blocked}


def write_log(directory: Path, leaves: Sequence[bytes], note: bytes) -> None:
    """Write the files of a log with these leaves."""
    levels = [[leaf_hash(leaf) for leaf in leaves]]
    while len(levels[-1]) >= TILE_WIDTH:
        below = levels[-1]
        full = len(below) // TILE_WIDTH * TILE_WIDTH
        levels.append([root_of(below[at : at + TILE_WIDTH]) for at in range(0, full, TILE_WIDTH)])
    for resource in tiles_for(0, len(leaves)):
        path = directory / resource.path
        path.parent.mkdir(parents=True, exist_ok=True)
        span = slice(resource.start, resource.start + resource.width)
        entries = encode_entries(leaves[span]) if resource.level is None else b""
        path.write_bytes(entries if resource.level is None else b"".join(levels[resource.level][span]))
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "checkpoint").write_bytes(note)


def signed(leaves: Sequence[bytes], time: int, *, log: str = "log", origin: str = ORIGIN) -> bytes:
    """The checkpoint of these leaves."""
    root = root_of(leaf_hash(leaf) for leaf in leaves)
    return sign_checkpoint(origin, len(leaves), root, time=time, signers=[log_signer(log)])


class Scene:
    """See the module. `late` seconds after the revocation the keeper signs one more receipt, if it is given."""

    def __init__(self) -> None:
        self.world = World()
        self.chain = self.world.chain
        self.record, self.gone = record_of("owner"), record_of("gone")
        self.keeper = self.world.keeper
        self.descriptor_digest = sha256(b"descriptor").digest()
        hasher = SegmentHasher()
        hasher.update(BLOB)
        self.blob_root = hasher.finalize().root
        d = descriptor_scalar(self.blob_root, len(BLOB), self.descriptor_digest)
        self.scalars = record_scalars(*SECRETS, d, ())
        commitment = commit_record(*SECRETS, d, ())
        self.world.close(self.chain.entry("owner", RecordEntry(commitment)), self.chain.record("gone"))
        self.grants = {label: self.world.publish_grant(label) for label in ("g", "late")}
        self.receipts: dict[str, list[bytes]] = {"g": [], "late": [], "owner": []}
        self.read("g", 1)
        self.read("g", 2)
        self.read("late", 1)
        self.read("owner", 0)
        self.openings = self.post()
        self.read("g", 3)
        self.world.now += 10
        self.world.close(self.chain.revoke("owner", "late"))
        self.world.close(self.chain.erase("gone"))
        self.descriptor = self._descriptor()

    # --- reads

    def request(self, label: str, number: int) -> bytes:
        """A grantee's request, or the owner's."""
        granted: Granted | None = None if label == "owner" else self.grants[label]
        return self.world.request(granted, number=number)

    def receipt(
        self,
        label: str,
        number: int,
        *,
        size: int | None = None,
        time: int | None = None,
        by: str = "keeper",
        request: bytes | None = None,
        place: int | None = None,
        head: bytes | None = None,
    ) -> bytes:
        """A receipt that follows those given so far."""
        before = self.receipts[label]
        parsed = parse_request(request or self.request(label, number), ORIGIN)
        last = parse_receipt(before[-1], ORIGIN).head if before else FIRST_HEAD
        return make_receipt(
            signer(by),
            origin=ORIGIN,
            service=self.keeper,
            request=parsed,
            size=self.chain.size if size is None else size,
            time=self.world.now if time is None else time,
            number=len(before) + 1 if place is None else place,
            head_before=last if head is None else head,
            units=0 if label == "owner" else 1,
        )

    def read(self, label: str, number: int, **fields: object) -> bytes:
        """Sign a receipt and keep it."""
        raw = self.receipt(label, number, **fields)  # type: ignore[arg-type]
        self.receipts[label].append(raw)
        return raw

    def grant_id(self, label: str) -> bytes:
        """The grant's id; zero for the owner."""
        return ZERO_GRANT if label == "owner" else short(label)

    def totals(self, label: str) -> ReceiptTotals:
        """What the keeper commits to for a grant now."""
        found: list[Receipt] = [parse_receipt(raw, ORIGIN) for raw in self.receipts[label]]
        return ReceiptTotals(RHO, found[-1].head, len(found), sum(one.units for one in found))

    def map_key(self, label: str) -> bytes:
        """Where the keeper's receipt map holds a grant."""
        if label == "owner":
            return receipt_map_key(self.record, ZERO_GRANT, sha256(b"share").digest())
        return terms_map_key(self.record, short(label), self.grants[label].opening)

    def post(self) -> dict[str, ReceiptOpening]:
        """Post the root of the keeper's receipts so far; returns the opening of each grant."""
        totals = {label: self.totals(label) for label, raw in self.receipts.items() if raw}
        tree = SparseMap.from_items((self.map_key(label), one.commitment()) for label, one in totals.items())
        self.receipt_map = tree
        state = self.chain.state.service(self.keeper)
        a = 0 if state is None else state.last_b
        self.world.close(self.chain.receipts("keeper", a, self.chain.size, tree.root))
        return {label: ReceiptOpening(tree.root, one, tree.prove(self.map_key(label))) for label, one in totals.items()}

    def prove_absence(self, key: bytes) -> MapProof:
        """That the keeper's last posted map holds nothing at `key`."""
        return self.receipt_map.prove(key)

    # --- what is handed over

    def _descriptor(self) -> DescriptorDisclosure:
        proof = prove_descriptor(
            self.scalars, origin=ORIGIN, record=self.record, epoch=0, random_bytes=random_source("proof")
        )
        return DescriptorDisclosure(0, len(BLOB), self.blob_root, self.descriptor_digest, proof)

    def grant_disclosure(self, label: str) -> GrantDisclosure:
        """Terms and receipts of one grant."""
        opening = None if label == "owner" else self.grants[label].opening
        shown = ServiceReceipts(self.keeper, self.map_key(label), tuple(self.receipts[label]), self.openings.get(label))
        return GrantDisclosure(self.grant_id(label), opening, (shown,))

    def disclosure(self) -> Disclosure:
        """Everything about the live record."""
        grants = sorted((self.grant_disclosure(label) for label in self.receipts), key=lambda one: one.grant)
        return Disclosure(ORIGIN, self.record, tuple(grants), self.descriptor)

    def share_deposit(self, by: str = "gone", *, slot: ShareSlot | None = None) -> bytes:
        """The deposit of the erased record's share with the keeper."""
        return make_deposit(
            signer(by),
            origin=ORIGIN,
            record=self.gone,
            epoch=0,
            what="share",
            action="store",
            service=self.keeper,
            size=1300,
            digest=sha256(b"share").digest(),
            share=slot or ShareSlot(1, 1, 1),
        )

    def certificate(self, *, by: str = "keeper", pending: bool = False, deposit: bytes | None = None) -> bytes:
        """The keeper's certificate for the erased record."""
        now = self.world.now
        gone_at = None if pending else now
        held = parse_deposit(deposit or self.share_deposit(), ORIGIN)
        line = CertificateLine(held, now, sha256(b"key").digest(), now + 1000, gone_at)
        return make_certificate(
            signer(by),
            origin=ORIGIN,
            service=self.keeper,
            record=self.gone,
            lines=[line],
            backups_until=now + 9,
            time=now,
        )

    def gone_disclosure(self, *certificates: bytes) -> Disclosure:
        """The erased record, with these certificates."""
        return Disclosure(ORIGIN, self.gone, (), None, certificates)

    def bundle_entry(self, index: int) -> BundleEntry:
        """An entry in its place."""
        block = next(one for one in self.chain.blocks if one.tree_size > index)
        return BundleEntry(
            index,
            self.chain.leaves[index],
            self.chain.inclusion(index),
            self.chain.leaves[block.tree_size],
            block.tree_size,
            self.chain.inclusion(block.tree_size),
        )

    def bundle(self, disclosure: Disclosure | None = None) -> Bundle:
        """The live record's bundle, or that of another disclosure."""
        shown = disclosure or self.disclosure()
        keys = [META_KEY, SETTINGS_KEY, service_key(self.keeper), record_key(shown.record)]
        keys += [grant_key(shown.record, one.grant) for one in shown.grants if one.grant != ZERO_GRANT]
        blocks = {one.tree_size for one in self.chain.blocks}
        indices = [index for index in range(self.chain.size) if index not in blocks]
        entries = tuple(self.bundle_entry(index) for index in indices if self._concerns(index, shown.record))
        return Bundle(ORIGIN, self.chain.answer(*keys), entries, shown)

    def _concerns(self, index: int, record: bytes) -> bool:
        leaf = self.chain.leaves[index]
        other = "gone" if record == self.record else "owner"
        return signer(other).key_id not in leaf and signer("vault").key_id not in leaf

    # --- files

    def write(self, place: Path) -> None:
        """Write log and vault."""
        write_log(place / "log", self.chain.leaves, self.chain.checkpoint())
        for what, content in (("blob", BLOB), ("descriptor", b"d" * 1024), ("capsule", b"c" * 4096)):
            self.store(place, what, content)

    def store(self, place: Path, what: str, content: bytes, *, by: str = "owner", vault: str = "vault") -> None:
        """Put an object of the live record into the vault's directory, as the vault does."""
        digest = self.blob_root if what == "blob" else sha256(content).digest()
        deposit = make_deposit(
            signer(by),
            origin=ORIGIN,
            record=self.record,
            epoch=0,
            what=what,
            action="store",
            service=self.world.vault,
            size=len(content),
            digest=digest,
        )
        holding = make_holding(
            signer(vault), origin=ORIGIN, service=self.world.vault, deposit=deposit, time=self.world.now
        )
        directory = place / "vault" / "records" / self.record.hex() / "0"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{what}.deposit").write_bytes(cbor.encode([deposit, holding]))
        (directory / f"{what}.{digest.hex()}").write_bytes(content)

    # --- audits

    def audit(self, place: Path, *files: bytes, **fields: object) -> Report:
        """Audit a place that was written, in this process."""
        given: dict[str, object] = {"workers": 0, "clock": self.world.clock, "disclosures": files} | fields
        return audit_place(DirectoryFetcher(place), given.pop("trust", None) or self.chain.trust(), **given)  # type: ignore[arg-type]

    def audit_bundle(self, bundle: Bundle, **fields: object) -> Report:
        """Audit a bundle."""
        given: dict[str, object] = {"clock": self.world.clock} | fields
        return audit_bundle(bundle.pack(), given.pop("trust", None) or self.chain.trust(), **given)  # type: ignore[arg-type]


def with_grant(disclosure: Disclosure, label: str, **fields: object) -> Disclosure:
    """The disclosure with other fields in the receipts of one grant's keeper."""
    wanted = ZERO_GRANT if label == "owner" else short(label)
    grants = tuple(
        replace(one, services=(replace(one.services[0], **fields),)) if one.grant == wanted else one  # type: ignore[arg-type]
        for one in disclosure.grants
    )
    return replace(disclosure, grants=grants)
