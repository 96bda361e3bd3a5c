"""The independent checker of `examples/`, which shares no code with us, and the auditor come to one judgement.

py_ecc takes about a tenth of a second for a proof, so this is the slowest module of the folder.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from privledger.protocol.bundle import Bundle, OlderCheckpoint
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
    (path / "trust-root.json").write_text(scene.chain.trust().to_json())
    (path / "bundle").write_bytes(bundle.pack())
    code = checker.main([str(path / "trust-root.json"), str(path / "bundle")])
    return code, set(checker.findings)


def test_it_is_one_short_file_that_needs_nothing_of_ours() -> None:
    text = (Path(__file__).parents[2] / "examples" / "verify_bundle.py").read_text()
    imports = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imports - sys.stdlib_module_names == {"cryptography", "py_ecc"}
    assert len(text.splitlines()) < 400


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
