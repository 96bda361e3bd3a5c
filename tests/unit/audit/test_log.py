"""The walk over a log's files: tiles above the first level, worker processes, memory, interruption."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from privledger.audit import DirectoryFetcher, Report, _log, audit_place
from privledger.audit.memory import load_memory
from privledger.protocol.errors import FormatError, UnavailableError
from privledger.protocol.trust import TrustRoot
from tests.support.auditing import failed, signed, unchecked, write_log
from tests.support.chain import START, Chain

BLOCKS = 11  # of 59 records and their block leaf, so 662 leaves in all: two full bundles and one level-1 tile
SIZES = [2 + 60 * number for number in range(BLOCKS + 1)]


@pytest.fixture(scope="module")
def chain() -> Chain:
    made = Chain()
    for number in range(BLOCKS):
        made.close(*(made.record(f"owner {number} {place}") for place in range(59)))
    return made


@pytest.fixture(scope="module")
def trust(chain: Chain) -> TrustRoot:
    return chain.trust()


def write(chain: Chain, path: Path, height: int = BLOCKS, leaves: Sequence[bytes] | None = None) -> DirectoryFetcher:
    """Write the log as it was after the block at `height`, in place of what stands there."""
    shutil.rmtree(path, ignore_errors=True)
    shown = (chain.leaves if leaves is None else leaves)[: SIZES[height]]
    write_log(path, shown, signed(shown, START + height))
    return DirectoryFetcher(path)


def audit(fetch: DirectoryFetcher, trust: TrustRoot, **fields: object) -> Report:
    given: dict[str, object] = {"workers": 0, "clock": lambda: START} | fields
    return audit_place(fetch, trust, **given)  # type: ignore[arg-type]


def test_worker_processes_find_what_one_process_finds(chain: Chain, trust: TrustRoot, tmp_path: Path) -> None:
    leaves = list(chain.leaves)
    leaves[300] = leaves[300][:-1] + bytes([leaves[300][-1] ^ 1])
    leaves[400] += b"\x00"
    six = 6 * 256 - 2  # enough bundles for processes to be started
    many = leaves + [leaves[2]] * (six - len(leaves))
    write_log(tmp_path, many, signed(many, START))
    alone, parallel = (audit(DirectoryFetcher(tmp_path), trust, workers=workers) for workers in (0, 2))
    assert [(found.step, found.index) for found in alone.findings] == [("A4", 400), ("A5", 300)]
    assert parallel == alone


@pytest.mark.parametrize("path", ["tile/1/000.p/2", "tile/0/001", "tile/entries/001"])
def test_a_missing_file_of_a_larger_log(chain: Chain, trust: TrustRoot, tmp_path: Path, path: str) -> None:
    fetch = write(chain, tmp_path)
    (tmp_path / path).unlink()
    assert failed(audit(fetch, trust)) == {"A3"}


def test_a_changed_tile_of_the_second_level(chain: Chain, trust: TrustRoot, tmp_path: Path) -> None:
    fetch = write(chain, tmp_path)
    path = tmp_path / "tile/1/000.p/2"
    path.write_bytes(path.read_bytes()[:32] + bytes(32))
    (finding,) = audit(fetch, trust).findings
    assert (finding.step, finding.where) == ("A3", "tile/1/000.p/2")


def test_a_partial_tile_may_be_cut_from_the_full_one(chain: Chain, trust: TrustRoot, tmp_path: Path) -> None:
    """A log that grew while it was read has taken its narrower tiles away."""
    fetch, wide = write(chain, tmp_path / "old", 2), write(chain, tmp_path / "new")
    for name in ("tile/entries/000", "tile/0/000"):
        shutil.rmtree(tmp_path / "old" / f"{name}.p")
        shutil.copy(wide.path / name, fetch.path / name)
    assert audit(fetch, trust).exit_code == 0


def test_a_file_that_cannot_be_read_is_no_failure_of_the_log(
    chain: Chain, trust: TrustRoot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = write(chain, tmp_path)

    def resource(_: DirectoryFetcher, path: str) -> bytes:
        raise UnavailableError(f"the disk failed at {path}", code="io")

    monkeypatch.setattr(DirectoryFetcher, "resource", resource)
    report = audit(fetch, trust)
    assert (failed(report), report.exit_code) == (set(), 3)
    assert {"A3", "A4", "A5", "A6"} <= unchecked(report)


def test_progress_ends_at_the_size(chain: Chain, trust: TrustRoot, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    audit(write(chain, tmp_path), trust, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(256, 662), (512, 662), (662, 662)]


# --- memory


def read_from(report: Report) -> str:
    return report.step("A3").detail


def test_an_audit_with_a_memory_reads_what_is_new(chain: Chain, trust: TrustRoot, tmp_path: Path) -> None:
    """The result is that of an audit from scratch, at every cut between blocks."""
    for height in range(BLOCKS + 1):
        memory = tmp_path / f"memory {height}"
        audit(write(chain, tmp_path / "log", height), trust, memory=memory)
        report = audit(write(chain, tmp_path / "log"), trust, memory=memory)
        assert report.exit_code == 0
        assert f"after the {SIZES[height]} checked before" in read_from(report)
        assert report.step("A2").status == "ok"
        known = load_memory(memory)
        assert known is not None
        assert (known.frontier.root(), known.state.root) == (chain.root(), chain.state.root)


def test_a_memory_ends_at_the_checkpoint_and_is_taken_up_there(chain: Chain, trust: TrustRoot, tmp_path: Path) -> None:
    fetch, memory = write(chain, tmp_path / "log"), tmp_path / "memory"
    audit(fetch, trust, memory=memory)
    assert read_from(audit(fetch, trust, memory=memory)) == "0 new leaves after the 662 checked before"


def test_a_damaged_memory_is_not_used(chain: Chain, trust: TrustRoot, tmp_path: Path) -> None:
    fetch, memory = write(chain, tmp_path / "log"), tmp_path / "memory"
    audit(fetch, trust, memory=memory)
    (file,) = memory.iterdir()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(FormatError):
        load_memory(memory)
    report = audit(fetch, trust, memory=memory)
    assert read_from(report) == "662 leaves"
    assert report.exit_code == 0
    assert "damaged" in report.notes[0]


def test_a_memory_of_another_ledger_is_not_used(chain: Chain, trust: TrustRoot, tmp_path: Path) -> None:
    other = Chain(origin="other.example/" + "cd" * 32)
    write_log(tmp_path / "other", other.leaves, other.checkpoint())
    memory = tmp_path / "memory"
    audit(DirectoryFetcher(tmp_path / "other"), other.trust(), memory=memory)
    report = audit(write(chain, tmp_path / "log"), trust, memory=memory)
    assert (report.exit_code, read_from(report)) == (0, "662 leaves")
    assert "another ledger" in report.notes[0]


def test_a_log_that_was_rewritten_since_fails_a2(chain: Chain, trust: TrustRoot, tmp_path: Path) -> None:
    """The operator signs a new history; whoever remembers the old one sees it."""
    memory = tmp_path / "memory"
    audit(write(chain, tmp_path / "log", 5), trust, memory=memory)
    rewritten = Chain()
    for number in range(BLOCKS):
        rewritten.close(*(rewritten.record(f"somebody {number} {place}") for place in range(59)))
    report = audit(write(rewritten, tmp_path / "log"), trust, memory=memory)
    assert failed(report) == {"A2"}
    assert "started from scratch" in report.notes[0]


def test_a_log_that_went_back_since_fails_a2(chain: Chain, trust: TrustRoot, tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    audit(write(chain, tmp_path / "log"), trust, memory=memory)
    assert failed(audit(write(chain, tmp_path / "log", 3), trust, memory=memory)) == {"A2"}


def test_a_failed_audit_is_not_remembered(chain: Chain, trust: TrustRoot, tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    leaves = [*chain.leaves[:300], chain.leaves[300] + b"\x00", *chain.leaves[301:]]
    audit(write(chain, tmp_path / "log", leaves=leaves), trust, memory=memory)
    assert load_memory(memory) is None


def test_an_interrupted_audit_goes_on_at_the_last_saved_block(
    chain: Chain, trust: TrustRoot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_log, "SAVE_EVERY", 1)
    fetch, memory = write(chain, tmp_path / "log"), tmp_path / "memory"

    def interrupt(done: int, _: int) -> None:
        if done == 512:  # the last block before it ends at 482
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit(fetch, trust, memory=memory, progress=interrupt)
    report = audit(fetch, trust, memory=memory)
    assert report.exit_code == 0
    assert read_from(report) == "180 new leaves after the 482 checked before"


def test_an_older_checkpoint_within_the_memory_is_compared_by_tiles(
    chain: Chain, trust: TrustRoot, tmp_path: Path
) -> None:
    memory = tmp_path / "memory"
    fetch = write(chain, tmp_path / "log")
    audit(fetch, trust, memory=memory)
    good = audit(fetch, trust, memory=memory, older_checkpoints=[chain.checkpoint(4)])
    assert failed(good) == set()
    bad = signed([*chain.leaves[: SIZES[4] - 1], chain.leaves[0]], START + 4)
    assert failed(audit(fetch, trust, memory=memory, older_checkpoints=[bad])) == {"A2"}


def test_a_checkpoint_of_strangers_is_nothing_to_compare_with(chain: Chain, trust: TrustRoot, tmp_path: Path) -> None:
    stranger = signed(chain.leaves, START, log="other")
    assert failed(audit(write(chain, tmp_path), trust, older_checkpoints=[stranger])) == {"A2"}


def test_rules_of_a_later_version_could_not_be_checked(trust: TrustRoot, tmp_path: Path) -> None:
    from privledger.protocol.entries import Block
    from tests.support.chain import ledger_body

    chain = Chain()
    entry = chain.entry("governance", ledger_body(rules_version=2))
    leaves = [entry, Block(0, START, 2, bytes(32), 1).to_leaf()]
    write_log(tmp_path, leaves, signed(leaves, START))
    from hashlib import sha256

    report = audit(DirectoryFetcher(tmp_path), replace(trust, genesis=sha256(entry).digest()))
    assert (failed(report), report.exit_code) == (set(), 3)
