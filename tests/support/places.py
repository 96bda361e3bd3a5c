"""A ledger on disk for tests: the keys of `tests.support.chain`, a clock that tests turn, entries by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from privledger.ledger.create import create_ledger
from privledger.ledger.ledger import LocalLedger, open_ledger
from privledger.protocol import entries as e
from tests.support.chain import ORIGIN, START, log_signer, point, record_of, service_body, short, signer

__all__ = ["Disk", "TestClock"]


@dataclass
class TestClock:
    """Seconds, as a test says."""

    now: int = START
    __test__ = False

    def __call__(self) -> int:
        return self.now


class Disk:
    """One ledger's directory, opened as often as a test likes."""

    def __init__(self, path: Path, *, limits: e.Limits | None = None) -> None:
        self.path = path
        self.clock = TestClock()
        self.guard = path / "guard"
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

    def open(self, step: Callable[[str], None] | None = None, **options: object) -> LocalLedger:
        """Open the ledger; `options` as of `open_ledger`."""
        return open_disk(self.path, self.clock, step, **options)

    @property
    def index(self) -> Path:
        """The database."""
        return self.path / "ledger" / "index.sqlite"


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
