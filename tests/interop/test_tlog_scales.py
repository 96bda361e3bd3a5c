"""tlog-scales, an independent reader of C2SP tlog-tiles, reads our log: its files, its proofs and both of its signatures."""

from __future__ import annotations

import base64
import subprocess
import sys

import pytest
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey

from privledger_crypto.merkle import leaf_hash, verify_inclusion
from tests.support.ledgerdisk import Disk, records

SIZES = [5, 255, 256, 257, 520]  # one partial tile; nearly full; full; full and partial; two full and partial


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Disk]:
    made = {}
    for size in SIZES:
        disk = made[size] = Disk(tmp_path_factory.mktemp("log") / str(size))
        with disk.open() as ledger:
            ledger.submit(records("first", 1))  # block 0 has 3 leaves, this block 2
            if size > 5:
                ledger.submit(records("r", size - 6))
    return made


def _tool(*arguments: str) -> bytes:
    command = [sys.executable, "-m", "tlog_scales.cli", *arguments]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


@pytest.mark.parametrize("size", SIZES)
def test_the_log_has_the_size_that_the_case_names(logs: dict[int, Disk], size: int) -> None:
    assert logs[size].published().size == size


@pytest.mark.parametrize("size", SIZES)
def test_get_leaf_prints_our_leaves_and_checks_their_inclusion(logs: dict[int, Disk], size: int) -> None:
    leaves = logs[size].leaves_on_disk(size)
    for index in {0, size // 2, size - 1}:
        assert _tool("get-leaf", "-c", str(logs[size].log), str(index)) == leaves[index]


@pytest.mark.parametrize("size", SIZES)
def test_gen_proof_makes_proofs_that_our_verifier_accepts(logs: dict[int, Disk], size: int) -> None:
    checkpoint, leaves = logs[size].published(), logs[size].leaves_on_disk(size)
    for index in {0, size // 2, size - 1}:
        head, _, note = _tool("gen-proof", str(logs[size].log), str(index)).partition(b"\n\n")
        magic, number, *hashes = head.decode().splitlines()
        assert (magic, number) == ("c2sp.org/tlog-proof@v1", f"index {index}")
        proof = [base64.b64decode(line) for line in hashes]
        verify_inclusion(leaf_hash(leaves[index]), index, size, proof, checkpoint.root)
        assert note == checkpoint.note


@pytest.mark.parametrize("size", SIZES)
def test_its_library_finds_the_same_root_and_accepts_both_signatures(logs: dict[int, Disk], size: int) -> None:
    reader = TilesReader(LocalBackend(logs[size].log))
    checkpoint = reader.get_checkpoint()
    assert (checkpoint.size, checkpoint.root_hash) == (size, logs[size].published().root)
    assert reader.calculate_root_hash() == checkpoint.root_hash
    for key in logs[size].trust().log_keys:
        checkpoint.verify(Vkey.from_string(key.to_vkey()))


def test_its_consistency_proofs_hold_between_our_checkpoints(logs: dict[int, Disk]) -> None:
    reader = TilesReader(LocalBackend(logs[520].log))
    reader.get_checkpoint()
    with logs[520].open() as ledger:
        for old in (3, 5):
            assert list(reader.get_consistency_proof(old, 520).node_hashes) == ledger.consistency(old, 520)
