"""Each audit step, broken alone: a place, a bundle or a disclosure is changed in one way, and exactly the steps that it breaks fail."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from privledger.audit import verify_evidence
from privledger.protocol.entries import GrantEntry, ReceiptsEntry, RecordEntry, parse_block
from privledger.protocol.evidence import unpack_evidence
from privledger.protocol.presentation import ProofRequest, make_presentation, unpack_presentation
from privledger.protocol.state import parse_record_state, record_key
from privledger.protocol.tiles import encode_entries, parse_entries
from privledger_crypto import cbor
from tests.support.auditing import BLOB, Scene, failed, signed, unchecked, with_grant, write_log
from tests.support.chain import ORIGIN, START, Chain, ledger_body, point, record_of, short, signer
from tests.support.places import random_source
from tests.support.tampering import BUNDLES, DISCLOSED, more, shown

BUNDLE, TILE = "tile/entries/000.p/18", "tile/0/000.p/18"


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.fixture(scope="module")
def pristine(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("place")
    scene.write(directory)
    return directory


@pytest.fixture
def place(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "place"))


def flip(path: Path, at: int = 40) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def strip_line(path: Path, number: int) -> None:
    """Remove a signature line from a note: 0 is Ed25519, 1 is ML-DSA-44."""
    lines = path.read_text().split("\n")
    del lines[4 + number]
    path.write_text("\n".join(lines))


def other_log(place: Path, scene: Scene) -> None:
    """The checkpoint is signed by keys that the trust root does not name."""
    (place / "log" / "checkpoint").write_bytes(signed(scene.chain.leaves, scene.chain.time, log="other"))


def other_root(place: Path, scene: Scene) -> None:
    """The checkpoint, properly signed, names the root of another tree."""
    leaves = [*scene.chain.leaves[:-1], scene.chain.leaves[0]]
    (place / "log" / "checkpoint").write_bytes(signed(leaves, scene.chain.time))


def edit_entries(place: Path, edit: Callable[[list[bytes]], object]) -> None:
    path = place / "log" / BUNDLE
    leaves = parse_entries(path.read_bytes())
    edit(leaves)
    path.write_bytes(encode_entries(leaves))


def flip_signature(leaves: list[bytes]) -> None:
    leaves[3] = leaves[3][:-1] + bytes([leaves[3][-1] ^ 1])


def swap(leaves: list[bytes]) -> None:
    leaves[4], leaves[5] = leaves[5], leaves[4]  # two records of one block


def stale_partial(place: Path, _: Scene) -> None:
    """A file that was published for an earlier size is not the beginning of what stands there now."""
    (place / "log" / "tile/0/000.p/2").write_bytes(bytes(64))


FILES: dict[str, tuple[Callable[[Path, Scene], object], set[str]]] = {
    "the checkpoint's ML-DSA-44 line is stripped": (lambda p, _: strip_line(p / "log" / "checkpoint", 1), {"A1"}),
    "the checkpoint's Ed25519 line is stripped": (lambda p, _: strip_line(p / "log" / "checkpoint", 0), {"A1"}),
    "the checkpoint is signed by strangers": (other_log, {"A1"}),
    "the checkpoint names another root": (other_root, {"A3"}),
    "a hash of a tile is flipped": (lambda p, _: flip(p / "log" / TILE), {"A3"}),
    "a tile is cut": (lambda p, _: (p / "log" / TILE).write_bytes((p / "log" / TILE).read_bytes()[:-32]), {"A3"}),
    "a tile is extended": (
        lambda p, _: (p / "log" / TILE).write_bytes((p / "log" / TILE).read_bytes() + bytes(32)),
        {"A3"},
    ),
    "a tile is missing": (lambda p, _: (p / "log" / TILE).unlink(), {"A3"}),
    "an earlier partial tile is another": (stale_partial, {"A3"}),
    "the entry bundle is missing": (lambda p, _: (p / "log" / BUNDLE).unlink(), {"A3"}),
    "the entry bundle is cut": (
        lambda p, _: (p / "log" / BUNDLE).write_bytes((p / "log" / BUNDLE).read_bytes()[:-1]),
        {"A3"},
    ),
    "the entry bundle has a leaf less": (lambda p, _: edit_entries(p, lambda leaves: leaves.pop()), {"A3"}),
    "the entry bundle has a leaf more": (lambda p, _: edit_entries(p, lambda leaves: leaves.append(leaves[1])), {"A3"}),
    "a signature in the entry bundle is flipped": (lambda p, _: edit_entries(p, flip_signature), {"A3", "A5"}),
    "two entries change places": (lambda p, _: edit_entries(p, swap), {"A3", "A6"}),
    "a bit of the blob is flipped": (lambda p, s: flip(vault_file(p, s, f"blob.{s.blob_root.hex()}")), {"A8"}),
    "the blob is cut": (
        lambda p, s: vault_file(p, s, f"blob.{s.blob_root.hex()}").write_bytes(BLOB[:-1]),
        {"A8"},
    ),
    "the blob is gone": (lambda p, s: vault_file(p, s, f"blob.{s.blob_root.hex()}").unlink(), {"A8"}),
    "the descriptor is missing": (lambda p, s: vault_file(p, s, "descriptor.deposit").unlink(), {"A8"}),
    "the capsule is missing": (lambda p, s: vault_file(p, s, "capsule.deposit").unlink(), {"A8"}),
    "a deposit file is damaged": (lambda p, s: flip(vault_file(p, s, "capsule.deposit"), 0), {"A8"}),
    "the capsule was deposited by a stranger": (lambda p, s: s.store(p, "capsule", b"c" * 4096, by="gone"), {"A8"}),
    "a stranger confirms the capsule": (lambda p, s: s.store(p, "capsule", b"c" * 4096, vault="keeper"), {"A8"}),
    "a deposit stands beside another object": (
        lambda p, s: shutil.copy(vault_file(p, s, "capsule.deposit"), vault_file(p, s, "descriptor.deposit")),
        {"A8"},
    ),
    "something of an erased record is left": (
        lambda p, s: shutil.copytree(p / "vault" / "records" / s.record.hex(), p / "vault" / "records" / s.gone.hex()),
        {"A11"},
    ),
}


def vault_file(place: Path, scene: Scene, name: str) -> Path:
    return place / "vault" / "records" / scene.record.hex() / "0" / name


def test_a_place_that_nobody_changed_holds(scene: Scene, place: Path) -> None:
    gone = scene.gone_disclosure(scene.certificate())
    files = [scene.disclosure().pack(), gone.pack(), scene.bundle().pack()]
    report = scene.audit(place, *files, older_checkpoints=[scene.chain.checkpoint(3)])
    assert (failed(report), report.exit_code) == (set(), 0)
    assert {step.step for step in report.steps if step.status == "not checked"} == {"A10"}


@pytest.mark.parametrize("name", FILES)
def test_files(name: str, scene: Scene, place: Path) -> None:
    """Changed files of log and vault fail their own steps and no other."""
    change, steps = FILES[name]
    change(place, scene)
    report = scene.audit(place)
    assert (failed(report), report.exit_code) == (steps, 1)


def test_an_unreadable_entry_leaves_the_replay_unchecked(scene: Scene, place: Path) -> None:
    (place / "log" / BUNDLE).unlink()
    assert {"A4", "A5", "A6", "A8"} <= unchecked(scene.audit(place))


def test_a_place_without_a_checkpoint_could_not_be_checked(scene: Scene, place: Path) -> None:
    (place / "log" / "checkpoint").unlink()
    report = scene.audit(place)
    assert (failed(report), report.exit_code) == (set(), 3)


def test_an_old_checkpoint_is_refused_where_an_age_is_asked_for(scene: Scene, place: Path) -> None:
    report = scene.audit(place, clock=lambda: scene.chain.time + 31, max_age=30)
    assert failed(report) == {"A1"}


def test_a_missing_witness_quorum(scene: Scene, place: Path) -> None:
    from privledger_crypto.notes import TYPE_ED25519_COSIGNATURE, VerifierKey

    witness = VerifierKey("witness.example", TYPE_ED25519_COSIGNATURE, signer("witness").key_id)
    trust = replace(scene.chain.trust(), witnesses=(witness,), witness_quorum=1)
    assert failed(scene.audit(place, trust=trust)) == {"A1"}


# --- A2


def test_a_fork_at_the_same_size_is_evidence(scene: Scene, place: Path) -> None:
    fork = signed([*scene.chain.leaves[:-1], scene.chain.leaves[0]], scene.chain.time)
    report = scene.audit(place, older_checkpoints=[fork])
    assert failed(report) == {"A2", "A12"}
    (evidence,) = report.evidence
    assert "different roots" in verify_evidence(unpack_evidence(evidence), scene.chain.trust())


def test_a_changed_past(scene: Scene, place: Path) -> None:
    older = signed([*scene.chain.leaves[:6], scene.chain.leaves[0]], START + 3)
    assert failed(scene.audit(place, older_checkpoints=[older])) == {"A2"}


def test_a_log_that_went_back(scene: Scene, place: Path) -> None:
    newer = signed([*scene.chain.leaves, scene.chain.leaves[0]], scene.chain.time)
    assert failed(scene.audit(place, older_checkpoints=[newer])) == {"A2"}


# --- A4 to A6: logs that were signed as they are, and break the rules


def changed_log(tmp_path: Path, change: Callable[[list[bytes], Chain], object], **fields: object) -> set[str]:
    """The steps that fail over a log of five leaves that `change` altered before it was signed."""
    chain = Chain()
    chain.close(chain.record("owner"), chain.record("other"))
    leaves = list(chain.leaves)
    change(leaves, chain)
    write_log(tmp_path / "log", leaves, signed(leaves, chain.time))
    report = Scene.audit(_Bare(chain), tmp_path, **fields)  # type: ignore[arg-type]
    return failed(report)


class _Bare:
    """What `Scene.audit` needs."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.world = self

    def clock(self) -> int:
        return self.chain.time


def block(leaves: list[bytes], **fields: object) -> bytes:
    return replace(parse_block(leaves[-1]), **fields).to_leaf()  # type: ignore[arg-type]


def set_leaf(index: int, make: Callable[[list[bytes], Chain], bytes]) -> Callable[[list[bytes], Chain], None]:
    def change(leaves: list[bytes], chain: Chain) -> None:
        leaves[index] = make(leaves, chain)

    return change


SIGNED: dict[str, tuple[Callable[[list[bytes], Chain], object], set[str]]] = {
    "an entry is not canonical": (set_leaf(2, lambda leaves, _: leaves[2] + b"\x00"), {"A4"}),
    "an entry is over its size": (set_leaf(2, lambda leaves, _: leaves[2] + bytes(512)), {"A4"}),
    "an entry is of no known kind": (
        set_leaf(2, lambda leaves, _: leaves[2].replace(b"\x66record", b"\x66rotate")),
        {"A4"},
    ),
    "a block is not canonical": (set_leaf(4, lambda leaves, _: leaves[4] + b"\x00"), {"A4"}),
    "a signature is false": (set_leaf(2, lambda leaves, _: leaves[2][:-1] + bytes([leaves[2][-1] ^ 1])), {"A5"}),
    "an entry was signed for another ledger": (
        set_leaf(2, lambda _, __: Chain(origin="other.example/" + "cd" * 32).record("owner")),
        {"A5"},
    ),
    "a block names another state root": (set_leaf(4, lambda leaves, _: block(leaves, root=bytes(32))), {"A6"}),
    "a block names another height": (set_leaf(4, lambda leaves, _: block(leaves, height=7)), {"A6"}),
    "a block names another tree size": (set_leaf(4, lambda leaves, _: block(leaves, tree_size=3)), {"A6"}),
    "a block is under other rules": (set_leaf(4, lambda leaves, _: block(leaves, rules_version=2)), {"A6"}),
    "a block's time goes back": (set_leaf(4, lambda leaves, _: block(leaves, time=START - 5)), {"A6"}),
    "a block's time is not the checkpoint's": (set_leaf(4, lambda leaves, _: block(leaves, time=START + 9)), {"A6"}),
    "an entry that the rules refuse": (
        set_leaf(3, lambda _, chain: chain.entry("owner", RecordEntry(point("again")))),
        {"A6"},
    ),
    "the last block is missing": (lambda leaves, _: leaves.pop(), {"A6"}),
    "a record stands in front of entry 0": (lambda leaves, chain: leaves.insert(0, chain.record("x")), {"A6"}),
}


@pytest.mark.parametrize("name", SIGNED)
def test_signed_logs(name: str, tmp_path: Path) -> None:
    """A log that its operator signed and that breaks the rules fails the step of that rule alone."""
    change, steps = SIGNED[name]
    assert changed_log(tmp_path, change) == steps


def test_another_entry_0(tmp_path: Path) -> None:
    trust = replace(Chain().trust(), genesis=bytes(32))
    assert changed_log(tmp_path, lambda *_: None, trust=trust) == {"A6"}


def test_settings_with_other_log_keys_than_the_trust_root(tmp_path: Path) -> None:
    chain = Chain()
    chain.close(chain.entry("governance", ledger_body(1, logs=("new",))))
    write_log(tmp_path / "log", chain.leaves, chain.checkpoint())
    assert failed(Scene.audit(_Bare(chain), tmp_path)) == {"A6"}  # type: ignore[arg-type]


# --- A7, A9, A11, A12: what was disclosed, in a place and in a bundle alike


@pytest.mark.parametrize("name", DISCLOSED)
def test_disclosures(name: str, scene: Scene, pristine: Path) -> None:
    """A false disclosure fails its own steps, whether it is handed over alone or in a bundle."""
    make, steps = DISCLOSED[name]
    disclosure = make(scene)
    also = {"A8"} if "blob that" in name else set()  # the vault's blob is not the one that is shown
    assert failed(scene.audit(pristine, disclosure.pack())) == steps | also
    assert failed(scene.audit_bundle(scene.bundle(disclosure))) == steps


def test_evidence_of_a_late_release_holds_by_itself(scene: Scene, pristine: Path) -> None:
    disclosure = more(scene, "late", scene.receipt("late", 2))
    for report in (scene.audit(pristine, disclosure.pack()), scene.audit_bundle(scene.bundle(disclosure))):
        (evidence,) = report.evidence
        words = verify_evidence(unpack_evidence(evidence), scene.chain.trust())
        assert "after entry 14 had ended the grant" in words


def test_pending_certificates_are_no_failure(scene: Scene, pristine: Path) -> None:
    report = scene.audit(pristine, scene.gone_disclosure(scene.certificate(pending=True)).pack())
    assert failed(report) == set()
    assert "pending until" in report.step("A11").detail


def test_receipts_without_an_opening_could_not_be_checked(scene: Scene, pristine: Path) -> None:
    """What shows no opening under the posted root may leave receipts out, and that is said."""
    report = scene.audit(pristine, with_grant(scene.disclosure(), "g", opening=None).pack())
    assert (failed(report), unchecked(report), report.exit_code) == (set(), {"A7"}, 3)


def test_no_receipts_under_a_key_that_nobody_can_compute(scene: Scene, pristine: Path) -> None:
    """Without the terms' opening, a proof of absence may be of any key."""
    elsewhere = replace(scene.openings["late"], totals=None, proof=scene.prove_absence(bytes(32)))
    disclosure = with_grant(scene.disclosure(), "late", receipts=(), map_key=bytes(32), opening=elsewhere)
    grants = tuple(replace(one, opening=None) if one.grant == short("late") else one for one in disclosure.grants)
    report = scene.audit(pristine, replace(disclosure, grants=grants).pack())
    assert (failed(report), unchecked(report), report.exit_code) == (set(), {"A7"}, 3)


def test_two_receipts_with_one_number(scene: Scene, pristine: Path) -> None:
    """Two owners who compare their receipts find the keeper out."""
    fork = scene.receipt("g", 5, place=3, head=_head(scene, 2))
    disclosures = scene.disclosure(), shown(scene, "g", *scene.receipts["g"][:2], fork)
    report = scene.audit(pristine, *(one.pack() for one in disclosures))
    assert failed(report) == {"A12"}
    assert unpack_evidence(report.evidence[0]).kind == "two-receipts-one-number"


def _head(scene: Scene, number: int) -> bytes:
    from privledger.protocol.receipt import parse_receipt

    return parse_receipt(scene.receipts["g"][number - 1], ORIGIN).head


def test_two_roots_for_one_period(scene: Scene, pristine: Path) -> None:
    """A receipts entry in a bundle that is not the log's is evidence against the keeper."""
    bundle = scene.bundle()
    entries = tuple(
        replace(one, leaf=scene.chain.entry("keeper", ReceiptsEntry(scene.keeper, 0, 12, bytes(32))))
        if b"receipts" in one.leaf
        else one
        for one in bundle.entries
    )
    report = scene.audit(pristine, replace(bundle, entries=entries).pack())
    assert failed(report) == {"A12"}
    words = verify_evidence(unpack_evidence(report.evidence[0]), scene.chain.trust())
    assert "two roots for the period" in words


def test_a_presentation_holds_and_a_changed_one_does_not(scene: Scene, pristine: Path) -> None:
    request = ProofRequest(ORIGIN, "library", "door", bytes(32), scene.chain.time + 100)
    state = parse_record_state(scene.chain.state.get(record_key(scene.record)) or b"")
    data = make_presentation(
        request,
        record=scene.record,
        answer=scene.chain.answer(record_key(scene.record)),
        commitment=state.commitment,
        scalars=scene.scalars,
        random_bytes=random_source("presentation"),
    )
    assert failed(scene.audit(pristine, data)) == set()
    for_others = replace(unpack_presentation(data), request=replace(request, verifier="another")).pack()
    assert failed(scene.audit(pristine, for_others)) == {"A9"}


def test_files_that_are_no_containers_or_of_another_ledger(scene: Scene, pristine: Path) -> None:
    other = replace(scene.disclosure(), origin="other.example/" + "cd" * 32).pack()
    for data in (b"nonsense", other):
        assert failed(scene.audit(pristine, data)) == {"A9"}


# --- bundles


@pytest.mark.parametrize("name", BUNDLES)
def test_bundles(name: str, scene: Scene) -> None:
    """A changed bundle fails its own steps and no other."""
    make, steps = BUNDLES[name]
    report = scene.audit_bundle(make(scene))
    assert (failed(report), report.exit_code) == (steps, 1)


def test_a_bundle_of_another_ledger(scene: Scene) -> None:
    trust = Chain(origin="other.example/" + "cd" * 32).trust()
    assert failed(scene.audit_bundle(scene.bundle(), trust=trust)) == {"A1"}


def test_a_bundle_against_a_forked_checkpoint(scene: Scene) -> None:
    fork = signed([*scene.chain.leaves[:-1], scene.chain.leaves[0]], scene.chain.time)
    assert failed(scene.audit_bundle(scene.bundle(), older_checkpoints=[fork])) == {"A2", "A12"}


def test_a_grant_that_the_record_key_did_not_sign(scene: Scene, tmp_path: Path) -> None:
    """The rules refuse it, so a log that carries it fails the replay."""
    chain = Chain()
    chain.close(chain.record("owner"))
    leaves = list(chain.leaves)
    leaves[2] = chain.entry("other", GrantEntry(record_of("owner"), short("g"), point(1), point(2)))
    write_log(tmp_path / "log", leaves, signed(leaves, chain.time))
    assert failed(Scene.audit(_Bare(chain), tmp_path)) == {"A6"}  # type: ignore[arg-type]


def test_every_finding_says_what_and_where(scene: Scene, place: Path) -> None:
    edit_entries(place, flip_signature)
    for finding in scene.audit(place).findings:
        assert finding.what
        assert finding.where
        assert cbor.encode(finding.what)
