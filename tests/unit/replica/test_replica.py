"""A replica believes only what it replayed under checkpoints that it verified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from privledger.ledger.ledger import LocalLedger
from privledger.protocol.checkpoint import sign_checkpoint
from privledger.protocol.errors import FormatError, UnavailableError, VerificationError
from privledger.protocol.tiles import encode_entries, parse_entries
from privledger.replica.replica import Replica
from privledger.rules.replay import ReplayError
from tests.support.chain import ORIGIN, ledger_body, log_signer, record_of
from tests.support.ledgerdisk import Disk, entry, grant, record, records


@dataclass
class Mirror:
    """A `LogReader` that a test can bend: a fixed checkpoint, other bytes at a path, no fresh checkpoints."""

    ledger: LocalLedger
    note: bytes | None = None
    reachable: bool = True

    def __post_init__(self) -> None:
        self.bent: dict[str, bytes] = {}

    def checkpoint(self) -> bytes:
        return self.note or self.ledger.checkpoint()

    def fresh(self) -> bytes:
        if not self.reachable:
            raise UnavailableError("unreachable")
        return self.note or self.ledger.fresh()

    def resource(self, path: str) -> bytes:
        return self.bent.get(path) or self.ledger.resource(path)


@dataclass
class World:
    disk: Disk
    ledger: LocalLedger
    mirror: Mirror
    path: Path
    opened: list[Replica] = field(default_factory=list)

    def replica(self, **fields: object) -> Replica:
        trust = replace(self.disk.trust(), **fields)  # type: ignore[arg-type]
        self.opened.append(Replica(self.path, self.mirror, trust, self.disk.clock))
        return self.opened[-1]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    disk = Disk(tmp_path / "ledger")
    with disk.open(signers=[log_signer(), log_signer("log 2")]) as ledger:
        ledger.submit(records("r", 300))
        made = World(disk, ledger, Mirror(ledger), tmp_path / "replica" / "replica.sqlite")
        yield made
        for replica in made.opened:
            replica.close()


def test_a_replica_is_empty_before_its_first_refresh(world: World) -> None:
    replica = world.replica()
    assert (replica.checkpoint.size, replica.view_time, replica.state.settings) == (0, 0, None)
    with pytest.raises(UnavailableError):
        _ = replica.settings


def test_a_replica_has_the_state_that_the_log_makes(world: World) -> None:
    replica = world.replica()
    replica.refresh(30)
    assert replica.state.root == world.disk.check().state.root
    assert replica.checkpoint == world.disk.published()
    assert replica.view_time == world.disk.clock.now
    assert replica.settings.origin == ORIGIN


def test_a_replica_follows_block_by_block(world: World) -> None:
    replica = world.replica()
    for number in range(3):
        world.ledger.submit([grant("r0", number)])
        replica.refresh(30)
        assert replica.state.root == world.disk.check().state.root


def test_a_reopened_replica_goes_on_where_it_stood(world: World) -> None:
    first = world.replica()
    first.refresh(30)
    first.close()
    world.ledger.submit([grant("r0", 1)])
    # The leaves that it replayed before are not read again.
    world.mirror.bent = {"tile/entries/000": b"\xff"}
    second = world.replica()
    second.refresh(30)
    assert second.state.root == world.disk.check().state.root


def test_two_replicas_share_one_database(world: World) -> None:
    first, second = world.replica(), world.replica()
    first.refresh(30)
    world.ledger.submit([grant("r0", 1)])
    second.refresh(30)
    world.ledger.submit([grant("r0", 2)])
    first.refresh(30)
    second.refresh(30)
    assert first.state.root == second.state.root == world.disk.check().state.root
    third = world.replica()
    third.refresh(30)
    assert third.state.root == first.state.root


def test_an_old_view_asks_for_a_fresh_checkpoint(world: World) -> None:
    replica = world.replica()
    replica.refresh(30)
    world.disk.clock.now += 100
    replica.refresh(30)
    assert replica.view_time == world.disk.clock.now


def test_a_view_that_cannot_be_renewed_is_stale(world: World) -> None:
    replica = world.replica()
    replica.refresh(30)
    world.mirror.reachable = False
    world.disk.clock.now += 31
    with pytest.raises(UnavailableError) as caught:
        replica.refresh(30)
    assert caught.value.code == "stale_view"
    assert replica.state.record(record_of("r0")) is not None


def test_a_ledger_that_repeats_an_old_checkpoint_leaves_the_view_stale(world: World) -> None:
    old = world.ledger.checkpoint()
    world.ledger.submit([grant("r0", 1)])
    replica = world.replica()
    replica.refresh(30)
    size, world.mirror.note = replica.checkpoint.size, old
    world.disk.clock.now += 31
    with pytest.raises(UnavailableError) as caught:
        replica.refresh(30)
    assert caught.value.code == "stale_view"
    assert replica.checkpoint.size == size


def test_a_checkpoint_with_one_signature_is_refused(world: World) -> None:
    lines = world.ledger.checkpoint().decode().splitlines(keepends=True)
    for missing in (-1, -2):
        kept = [line for place, line in enumerate(lines) if place != len(lines) + missing]
        world.mirror.note = "".join(kept).encode()
        with pytest.raises(VerificationError):
            world.replica().refresh(30)


def test_a_checkpoint_of_strange_keys_is_refused(world: World) -> None:
    published = world.disk.published()
    world.mirror.note = sign_checkpoint(
        ORIGIN, published.size, published.root, time=published.time, signers=[log_signer("stranger")]
    )
    replica = world.replica()
    with pytest.raises(VerificationError):
        replica.refresh(30)
    assert replica.checkpoint.size == 0


def test_another_beginning_than_the_trust_root_names_is_refused(world: World) -> None:
    with pytest.raises(VerificationError):
        world.replica(genesis=bytes(32)).refresh(30)


def test_leaves_that_are_not_those_of_the_checkpoint_are_refused(world: World) -> None:
    leaves = parse_entries(world.ledger.resource("tile/entries/000"))
    leaves[10] = record("somebody else")
    world.mirror.bent["tile/entries/000"] = encode_entries(leaves)
    with pytest.raises(VerificationError):
        world.replica().refresh(30)


def test_a_leaf_with_a_false_signature_is_refused(world: World) -> None:
    leaves = parse_entries(world.ledger.resource("tile/entries/000"))
    leaves[10] = leaves[10][:-1] + bytes([leaves[10][-1] ^ 1])
    world.mirror.bent["tile/entries/000"] = encode_entries(leaves)
    with pytest.raises(ReplayError) as caught:
        world.replica().refresh(30)
    assert (caught.value.step, caught.value.index) == ("A5", 10)


def test_a_signed_fork_is_refused_and_the_view_stays(world: World) -> None:
    replica = world.replica()
    replica.refresh(30)
    published = world.disk.published()
    world.mirror.note = sign_checkpoint(
        ORIGIN, published.size, b"\x01" * 32, time=published.time, signers=[log_signer()]
    )
    with pytest.raises(VerificationError) as caught:
        replica.refresh(30)
    assert caught.value.code == "forked"
    assert replica.checkpoint == published


def test_a_signed_size_beyond_the_leaves_is_refused(world: World) -> None:
    published = world.disk.published()
    world.mirror.note = sign_checkpoint(
        ORIGIN, published.size + 1, b"\x01" * 32, time=published.time, signers=[log_signer()]
    )
    with pytest.raises((UnavailableError, FormatError)):
        world.replica().refresh(30)


def test_new_log_keys_are_followed_through_the_entry_that_names_them(world: World) -> None:
    replica = world.replica()
    replica.refresh(30)
    world.ledger.submit([entry("governance", ledger_body(1, logs=("log 2",)))])
    replica.refresh(30)
    world.ledger.submit([grant("r0", 1)])
    replica.refresh(30)
    assert replica.state.root == world.disk.check("log", "log 2").state.root


def test_new_log_keys_are_followed_by_a_replica_that_missed_the_change(world: World) -> None:
    replica = world.replica()
    replica.refresh(30)
    world.ledger.submit([entry("governance", ledger_body(1, logs=("log 2",)))])
    world.ledger.submit([grant("r0", 1)])
    replica.refresh(30)
    late = Replica(world.path.with_name("late.sqlite"), world.mirror, world.disk.trust(), world.disk.clock)
    world.opened.append(late)
    late.refresh(30)
    assert replica.checkpoint == late.checkpoint
    replica.close()
    reopened = world.replica()
    reopened.refresh(30)
    assert reopened.checkpoint == late.checkpoint


def signed_by(world: World, *logs: str) -> bytes:
    """The newest checkpoint, signed by the log keys of these names and no others."""
    published = world.disk.published("log 2")
    keys = [log_signer(name) for name in logs]
    return sign_checkpoint(ORIGIN, published.size, published.root, time=published.time, signers=keys)


@pytest.mark.parametrize("has_followed", [True, False])
def test_a_block_signed_by_retired_keys_only_is_refused(world: World, has_followed: bool) -> None:
    replica = world.replica()
    change = entry("governance", ledger_body(1, logs=("log 2",)))
    if has_followed:
        replica.refresh(30)
    world.ledger.submit([change])
    if has_followed:
        replica.refresh(30)
    before = replica.checkpoint
    world.ledger.submit([grant("r0", 1)])
    world.mirror.note = signed_by(world, "log")
    for _ in range(2):
        with pytest.raises(VerificationError):
            replica.refresh(30)
    world.mirror.note = None
    replica.refresh(30)
    assert replica.checkpoint.size > before.size
    assert replica.checkpoint == world.disk.published("log 2")


def test_retired_keys_sign_nothing_for_a_replica_that_missed_the_change(world: World) -> None:
    replica = world.replica()
    replica.refresh(30)
    world.ledger.submit([entry("governance", ledger_body(1, logs=("log 2",)))])
    world.ledger.submit([grant("r0", 1)])
    world.mirror.note = signed_by(world, "log")
    with pytest.raises(VerificationError):
        replica.refresh(30)
    world.mirror.note = signed_by(world, "log 2")
    replica.refresh(30)
    assert replica.checkpoint.size == world.disk.published("log 2").size


def test_the_block_that_changes_the_log_keys_needs_both_generations(world: World) -> None:
    replica = world.replica()
    replica.refresh(30)
    world.ledger.submit([entry("governance", ledger_body(1, logs=("log 2",)))])
    for logs in (("log",), ("log 2",)):
        world.mirror.note = signed_by(world, *logs)
        with pytest.raises(VerificationError):
            replica.refresh(30)
    world.mirror.note = signed_by(world, "log", "log 2")
    replica.refresh(30)
    assert replica.checkpoint.size == world.disk.published("log 2").size


def test_a_fork_by_retired_keys_is_not_listened_to(world: World) -> None:
    replica = world.replica()
    replica.refresh(30)
    world.ledger.submit([entry("governance", ledger_body(1, logs=("log 2",)))])
    world.ledger.submit([grant("r0", 1)])
    replica.refresh(30)
    published = world.disk.published("log 2")
    for logs, is_heard in (("log",), False), (("log 2",), True):
        keys = [log_signer(name) for name in logs]
        world.mirror.note = sign_checkpoint(ORIGIN, published.size, b"\x01" * 32, time=published.time, signers=keys)
        if is_heard:
            with pytest.raises(VerificationError, match="two different checkpoints"):
                replica.refresh(30)
        else:
            replica.refresh(30)
        assert replica.checkpoint == published


def test_a_damaged_database_is_rebuilt(world: World) -> None:
    replica = world.replica()
    replica.refresh(30)
    replica.close()
    data = world.path.read_bytes()
    world.path.write_bytes(data[:100] + b"\xa5" * (len(data) - 100))
    again = world.replica()
    again.refresh(30)
    assert again.state.root == world.disk.check().state.root
