"""P9: one file shows a grant's life, and is checked without a network and with few dependencies."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from privledger.audit.bundle import audit_bundle
from privledger.audit.verify import verify_file
from privledger.protocol.bundle import unpack_bundle
from privledger.protocol.entries import parse_entry
from tests.support.town import Town

# What the auditor may import beside the standard library, itself, and what it shares with everyone.
THIRD_PARTY = ["cryptography", "nacl", "cffi", "_cffi_backend", "cbor2", "pyblst", "py_ecc", "mnemonic"]
OURS = ["audit", "protocol", "rules", "storage"]

# Runs in a process of its own: every other import, every socket and every child process is an error there.
VERIFY = """
import json, sys

allowed, ours, bundle, trust, now = sys.argv[1].split(), sys.argv[2].split(), *sys.argv[3:]

class Gate:
    def find_spec(self, name, path=None, target=None):
        top, _, rest = name.partition(".")
        if top == "privledger" and rest and rest.split(".")[0] not in ours:
            raise ImportError(f"the auditor imported {name}")
        if top not in sys.stdlib_module_names and top not in (*allowed, "privledger", "privledger_crypto"):
            raise ImportError(f"the auditor imported {name}")
        return None

sys.meta_path.insert(0, Gate())

def watch(event, arguments):
    if event.split(".")[0] in ("socket", "subprocess", "sqlite3") or event in ("os.exec", "os.posix_spawn", "os.system"):
        raise RuntimeError(f"the auditor used {event}")

from privledger.audit.verify import verify_file
from privledger.protocol.trust import parse_trust_root
sys.addaudithook(watch)
with open(trust, "rb") as file:
    root = parse_trust_root(file.read())
with open(bundle, "rb") as file:
    verdict = verify_file(file.read(), root, clock=lambda: int(now))
steps = {step.step: step.status for step in verdict.report.steps}
print(json.dumps({"kind": verdict.kind, "exit": verdict.exit_code, "steps": steps, "text": verdict.report.to_text()}))
"""


def verify_apart(town: Town, bundle: bytes) -> dict[str, object]:
    """Check a bundle in a process that has nothing but the file and a trust root."""
    desk = town.path / "desk"
    desk.mkdir()
    (desk / "bundle").write_bytes(bundle)
    (desk / "trust-root.json").write_text(town.trust.to_json())
    arguments = [" ".join(THIRD_PARTY), " ".join(OURS), str(desk / "bundle"), str(desk / "trust-root.json")]
    done = subprocess.run(
        [sys.executable, "-c", VERIFY, *arguments, str(town.clock())],
        capture_output=True,
        text=True,
        cwd=desk,
        env={"PATH": "/nowhere"},
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_gate_of_these_tests_closes(tmp_path: Path) -> None:
    """The process above does fail when something else is imported."""
    program = VERIFY.partition("def watch")[0] + "import privledger.keeper"
    done = subprocess.run(
        [sys.executable, "-c", program, "", " ".join(OURS), "-", "-", "0"], capture_output=True, text=True, cwd=tmp_path
    )
    assert "the auditor imported privledger.keeper" in done.stderr


@pytest.fixture
def lived(town: Town) -> bytes:
    """A record: granted twice, read three times, receipts posted, one grant revoked."""
    record = town.put()
    first, second = town.grant(record, town.app).grant, town.grant(record, town.lab).grant
    for _ in range(2):
        town.read(record, first, town.app)
    town.read(record, second, town.lab)
    town.post_receipts()
    town.owner.revoke(record, [first])
    return record


def test_a_bundle_verifies_apart_from_everything(town: Town, lived: bytes) -> None:
    found = verify_apart(town, town.owner.bundle(lived))
    assert (found["kind"], found["exit"]) == ("bundle", 0), found["text"]
    steps = found["steps"]
    assert isinstance(steps, dict)
    assert {steps[step] for step in ("A1", "A3", "A4", "A5", "A6", "A7", "A9", "A12")} == {"ok"}


def test_a_bundle_of_one_grant_does_not_show_the_other(town: Town, lived: bytes) -> None:
    mine, other = (view.grant for view in town.owner.show(lived).grants)
    bundle = town.owner.bundle(lived, [mine])
    assert mine in bundle
    assert other not in bundle


def test_the_bundle_of_an_erased_record_shows_its_certificates(town: Town, lived: bytes) -> None:
    town.owner.erase(lived)
    report = audit_bundle(town.owner.bundle(lived), town.trust, clock=town.clock)
    assert report.exit_code == 0, report.to_text()
    assert report.step("A11").status == "ok"


def test_years_later_the_bundle_still_verifies(town: Town, lived: bytes) -> None:
    bundle = town.owner.bundle(lived)
    town.advance(5 * 31_536_000)
    assert audit_bundle(bundle, town.trust, clock=town.clock).exit_code == 0


def test_a_bundle_is_nothing_under_another_trust_root(town: Town, lived: bytes, tmp_path: Path) -> None:
    other = Town(tmp_path / "other")
    report = audit_bundle(town.owner.bundle(lived), other.trust, clock=town.clock)
    other.close()
    assert report.exit_code == 1


def test_a_bundle_holds_the_entries_that_made_the_state(town: Town, lived: bytes) -> None:
    kinds = [parse_entry(one.leaf).kind for one in unpack_bundle(town.owner.bundle(lived)).entries]
    assert kinds == ["ledger", "service", "record", "grant", "grant", "receipts", "revoke"]


@pytest.mark.parametrize("kind", ["grant", "revoke", "record"])
def test_a_bundle_without_an_entry_that_the_state_shows_fails(town: Town, lived: bytes, kind: str) -> None:
    bundle = unpack_bundle(town.owner.bundle(lived))
    kept = tuple(one for one in bundle.entries if parse_entry(one.leaf).kind != kind)
    assert len(kept) < len(bundle.entries)
    report = audit_bundle(replace(bundle, entries=kept).pack(), town.trust, clock=town.clock)
    assert report.exit_code == 1, report.to_text()


def test_a_bundle_with_any_byte_changed_does_not_hold(town: Town, lived: bytes) -> None:
    whole, pick = town.owner.bundle(lived), random.Random(9)
    assert verify_file(whole, town.trust, clock=town.clock).exit_code == 0
    for _ in range(60):
        position, bit = pick.randrange(len(whole)), pick.randrange(8)
        changed = bytearray(whole)
        changed[position] ^= 1 << bit
        verdict = verify_file(bytes(changed), town.trust, clock=town.clock)
        assert verdict.exit_code != 0, f"bit {bit} of byte {position}"
