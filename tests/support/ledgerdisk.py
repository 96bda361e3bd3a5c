"""A ledger on disk for tests: the keys of `tests.support.chain`, a clock that tests turn, entries by name.

disk = Disk(tmp_path)
with disk.open() as ledger:
    ledger.submit(records("r", 5))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from privledger.ledger.create import create_ledger
from privledger.ledger.ledger import LocalLedger, open_ledger
from privledger.protocol import entries as e
from privledger.protocol.checkpoint import SignedCheckpoint, verify_checkpoint
from privledger.protocol.tiles import TileReader, parse_entries
from privledger.protocol.trust import TrustRoot, trust_root_of
from privledger.rules.replay import Replayer
from tests.support.chain import ORIGIN, START, log_signer, point, record_of, service_body, short, signer


@dataclass
class Clock:
    """Seconds, as a test says."""

    now: int = START

    def __call__(self) -> int:
        return self.now


class Crash(BaseException):
    """What a test raises in the place of a crash: nothing catches it on the way."""


def crash_at(step: str) -> Callable[[str], None]:
    """A `checkpointing` hook that crashes after the step of this name."""

    def hook(name: str) -> None:
        if name == step:
            raise Crash(step)

    return hook


class Disk:
    """One ledger's directory, opened as often as a test likes. Block 0 holds a ledger and a service entry: 3 leaves."""

    def __init__(self, path: Path, *, limits: e.Limits | None = None) -> None:
        self.path = path
        self.clock = Clock()
        path.mkdir(parents=True, exist_ok=True)
        create_ledger(
            path,
            origin=ORIGIN,
            guard_path=self.guard,
            governance=[signer("governance")],
            log_signer=log_signer(),
            limits=limits or e.Limits(),
            services=[service_body("keeper")],
            clock=self.clock,
        ).close()

    @property
    def guard(self) -> Path:
        """The guard file."""
        return self.path / "guard"

    @property
    def index(self) -> Path:
        """The database."""
        return self.path / "ledger" / "index.sqlite"

    @property
    def log(self) -> Path:
        """The static files."""
        return self.path / "log"

    def open(self, step: Callable[[str], None] | None = None, **options: object) -> LocalLedger:
        """Open the ledger; `options` as of `open_ledger`."""
        return open_disk(self.path, self.clock, step, **options)

    def crash(self, step: str, leaves: list[bytes]) -> None:
        """Submit `leaves` to a ledger that dies after this step."""
        ledger = self.open(crash_at(step))
        try:
            ledger.submit(leaves)
        except Crash:
            return
        finally:
            ledger.close()
        raise AssertionError(f"there is no step {step!r}")

    def published(self, *logs: str) -> SignedCheckpoint:
        """The checkpoint on disk, verified by the log keys of these names, or those of entry 0."""
        keys = [log_signer(name).public for name in logs] or None
        trust = trust_root_of(self.leaves_on_disk(1)[0], log_keys=keys)
        return verify_checkpoint((self.log / "checkpoint").read_bytes(), trust)

    def trust(self) -> TrustRoot:
        """The trust root."""
        return trust_root_of(self.leaves_on_disk(1)[0])

    def leaves_on_disk(self, size: int) -> list[bytes]:
        """The first leaves, read from the static files alone."""
        found: list[bytes] = []
        for index in range((size + 255) // 256):
            full = self.log / f"tile/entries/{index:03d}"
            partial = (self.log / f"tile/entries/{index:03d}.p").glob("*")
            path = full if full.exists() else max(partial, key=lambda one: int(one.name))
            found += parse_entries(path.read_bytes())
        return found[:size]

    def check(self, *logs: str) -> Replayer:
        """Replay the published log from its static files and compare with the checkpoint; returns the replay."""
        checkpoint = self.published(*logs)
        reader = TileReader(lambda path: (self.log / path).read_bytes(), checkpoint.size)
        replayer = Replayer(ORIGIN)
        replayer.feed(reader.leaves(0, checkpoint.size))
        replayer.finish()
        if (replayer.size, replayer.root()) != (checkpoint.size, checkpoint.root):
            raise AssertionError("the static files do not give the published root")
        return replayer


def open_disk(
    path: Path, clock: Callable[[], int], step: Callable[[str], None] | None = None, **options: object
) -> LocalLedger:
    """Open a `Disk`'s ledger, also in another process."""
    fields: dict[str, object] = {"signers": [log_signer()], **options}
    if step is not None:
        fields["checkpointing"] = step
    return open_ledger(path, origin=ORIGIN, guard_path=path / "guard", clock=clock, **fields)  # type: ignore[arg-type]


def entry(name: str, body: e.Body) -> bytes:
    """The leaf of `body`, signed by the key `name`."""
    return e.make_entry([signer(name)], body, origin=ORIGIN)


def record(name: str) -> bytes:
    """A `record` entry by the key `name`."""
    return entry(name, e.RecordEntry(point(name)))


def records(prefix: str, count: int) -> list[bytes]:
    """`record` entries of keys of their own."""
    return [record(f"{prefix}{i}") for i in range(count)]


def grant(name: str, label: object) -> bytes:
    """A `grant` entry of the record of `name`."""
    return entry(name, e.GrantEntry(record_of(name), short(label), point(("key", label)), point(("terms", label))))


def erase(name: str) -> bytes:
    """An `erase` entry of the record of `name`."""
    return entry(name, e.EraseEntry(record_of(name)))
