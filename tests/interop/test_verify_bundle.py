"""The independent checker of `examples/`, which shares no code with us, and the auditor come to one judgement.

py_ecc takes about a tenth of a second for a proof, so this is the slowest module of the folder.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from privledger.protocol.bundle import Bundle, OlderCheckpoint
from privledger.protocol.terms import encode_opening, parse_opening
from privledger_crypto.merkle import consistency_proof, leaf_hash
from tests.support.auditing import Scene, failed, with_grant
from tests.support.tampering import BUNDLES, DISCLOSED

TAMPERED = [*(("disclosure", name) for name in DISCLOSED), *(("bundle", name) for name in BUNDLES)]


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    path = Path(__file__).parents[2] / "examples" / "verify_bundle.py"
    spec = importlib.util.spec_from_file_location("verify_bundle", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def judge(checker: ModuleType, scene: Scene, bundle: Bundle, path: Path) -> tuple[int, set[str]]:
    """Exit code and failed steps of the checker."""
    code = checker.main(files(scene, bundle, path))
    return code, set(checker.findings)


def test_it_is_one_short_file_that_needs_nothing_of_ours() -> None:
    text = (Path(__file__).parents[2] / "examples" / "verify_bundle.py").read_text()
    imports = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imports - sys.stdlib_module_names == {"cryptography", "py_ecc"}
    assert len(text.splitlines()) < 400


def files(scene: Scene, bundle: Bundle, path: Path) -> list[str]:
    """Trust root and bundle as files."""
    (path / "trust-root.json").write_text(scene.chain.trust().to_json())
    (path / "bundle").write_bytes(bundle.pack())
    return [str(path / "trust-root.json"), str(path / "bundle")]


@pytest.mark.parametrize(("words", "code"), [([], 2), (["one"], 2), (["a", "b", "c"], 2), (["--help"], 0)])
def test_it_says_how_it_is_used(
    words: list[str], code: int, checker: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checker.main(words) == code
    shown = capsys.readouterr()
    assert "usage: verify_bundle.py TRUST_ROOT BUNDLE" in (shown.err if code else shown.out)


def test_it_takes_both_orders(scene: Scene, checker: ModuleType, tmp_path: Path) -> None:
    words = files(scene, scene.bundle(), tmp_path)
    assert (checker.main(words), checker.main(words[::-1])) == (0, 0)


def test_it_shows_record_grants_and_terms_in_words(
    scene: Scene, checker: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = scene.bundle()
    checker.main(files(scene, bundle, tmp_path))
    shown = capsys.readouterr().out
    record = bundle.disclosure.record.hex()
    assert re.search(
        rf"^record {record}, put by entry \d+ \(\d{{4}}-\d\d-\d\d [0-9:]{{8}} UTC\): live$", shown, re.MULTILINE
    )
    assert re.search(r"^grant [0-9a-f]{32}, given by entry \d+ \(.* UTC\): live; \d+ receipts$", shown, re.MULTILINE)
    assert re.search(
        r"^  terms: read numbers \d+ to \d+ for [a-z, -]+; (free of charge|\d+ minor units)", shown, re.MULTILINE
    )
    assert re.search(r"^  from .* UTC until .* UTC$", shown, re.MULTILINE)


def test_the_last_line_is_the_verdict(
    scene: Scene, checker: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    false = scene.bundle(DISCLOSED[next(iter(DISCLOSED))][0](scene))
    unclear = scene.bundle(with_grant(scene.disclosure(), "g", opening=None))
    last = []
    for bundle in (scene.bundle(), false, unclear):
        checker.main(files(scene, bundle, tmp_path))
        last.append(capsys.readouterr().out.splitlines()[-1])
    assert last == ["holds", "FALSE", "not everything could be checked"]


def more_reads(opening: bytes | None) -> bytes | None:
    """Other terms with the same blinding."""
    if opening is None:
        return None
    terms, blinding = parse_opening(opening)
    return encode_opening(replace(terms, last_read=999), blinding)


def test_terms_that_were_not_committed_to_are_not_shown(
    scene: Scene, checker: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disclosure = scene.disclosure()
    grants = tuple(replace(grant, opening=more_reads(grant.opening)) for grant in disclosure.grants)
    checker.main(files(scene, scene.bundle(replace(disclosure, grants=grants)), tmp_path))
    shown = capsys.readouterr().out
    assert ("not the terms that were committed to" in shown, "terms: read numbers" in shown) == (True, False)


def test_it_holds_what_the_auditor_holds(scene: Scene, checker: ModuleType, tmp_path: Path) -> None:
    leaves = [leaf_hash(leaf) for leaf in scene.chain.leaves]
    path = consistency_proof(leaves, scene.chain.blocks[3].tree_size + 1, len(leaves))
    older = OlderCheckpoint(scene.chain.checkpoint(3), path)
    bundle = scene.bundle()
    good = Bundle(bundle.origin, bundle.answer, bundle.entries, bundle.disclosure, older)
    assert scene.audit_bundle(good).exit_code == 0
    assert judge(checker, scene, good, tmp_path) == (0, set())


@pytest.mark.parametrize("pending", [False, True])
def test_it_reads_certificates(scene: Scene, checker: ModuleType, tmp_path: Path, pending: bool) -> None:
    bundle = scene.bundle(scene.gone_disclosure(scene.certificate(pending=pending)))
    assert judge(checker, scene, bundle, tmp_path) == (0, set())


def test_it_says_what_it_could_not_check(scene: Scene, checker: ModuleType, tmp_path: Path) -> None:
    bundle = scene.bundle(with_grant(scene.disclosure(), "g", opening=None))
    assert scene.audit_bundle(bundle).exit_code == 3
    assert judge(checker, scene, bundle, tmp_path) == (3, set())


def test_an_older_posted_root_is_complete_up_to_its_size_only(checker: ModuleType, tmp_path: Path) -> None:
    scene = Scene()
    old, scene.openings = scene.disclosure(), scene.post()
    assert judge(checker, scene, scene.bundle(old), tmp_path) == (3, set())
    assert judge(checker, scene, scene.bundle(), tmp_path) == (0, set())


@pytest.mark.parametrize(("what", "name"), TAMPERED, ids=[name for _, name in TAMPERED])
def test_it_fails_what_the_auditor_fails(
    what: str, name: str, scene: Scene, checker: ModuleType, tmp_path: Path
) -> None:
    """Both name the same steps, for every way in which a bundle is changed."""
    bundle = scene.bundle(DISCLOSED[name][0](scene)) if what == "disclosure" else BUNDLES[name][0](scene)
    report = scene.audit_bundle(bundle)
    assert judge(checker, scene, bundle, tmp_path) == (report.exit_code, failed(report))


def test_a_path_that_is_older_and_false(scene: Scene, checker: ModuleType, tmp_path: Path) -> None:
    bundle = scene.bundle()
    older = OlderCheckpoint(scene.chain.checkpoint(3), (bytes(32),) * 4)
    changed = Bundle(bundle.origin, bundle.answer, bundle.entries, bundle.disclosure, older)
    assert judge(checker, scene, changed, tmp_path) == (1, {"A2"})
    assert failed(scene.audit_bundle(changed)) == {"A2"}
