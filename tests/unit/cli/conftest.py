"""A place with an owner and a planner, made and driven through the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from privledger.cli.app import app
from privledger_crypto import keystore

RIDES = b"start,end,km\n" + b"07:58,08:14,3.1\n" * 40_000


@dataclass(frozen=True)
class Done:
    """How a run ended."""

    code: int
    out: str
    err: str
    stdout_bytes: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Town:
    """A place, two trial wallets and a folder for files."""

    root: Path

    @property
    def place(self) -> Path:
        return self.root / "place"

    def wallet(self, name: str) -> Path:
        return self.root / name

    def file(self, name: str) -> str:
        return str(self.root / name)

    def run(self, who: str, *words: object, stdin: bytes = b"") -> Done:
        """Run a command as `who`, whose wallet it uses."""
        env = {
            "PRIVLEDGER_AT": str(self.place),
            "PRIVLEDGER_WALLET": str(self.wallet(who)),
            "PRIVLEDGER_PASSPHRASE_FILE": "",
            "COLUMNS": "200",
        }
        result = CliRunner().invoke(app, [str(word) for word in words], env=env, input=stdin)
        return Done(result.exit_code, result.stdout, result.stderr, result.stdout_bytes)

    def ok(self, who: str, *words: object, stdin: bytes = b"") -> Done:
        """Run a command that must end with 0."""
        done = self.run(who, *words, stdin=stdin)
        assert done.code == 0, f"{words}: {done.code}\n{done.out}\n{done.err}"
        return done

    def put(self, title: str, data: bytes = b"a,b\n1,2\n") -> str:
        """Put a record and return its id."""
        (self.root / "source.csv").write_bytes(data)
        return self.ok("owner", "put", self.file("source.csv"), "--title", title).out.strip()

    def grant(self, record: str, *words: object) -> str:
        """Grant to the planner's address and return the share link."""
        terms = words or ("--purpose", "planning", "--until", "+30d", "--reads", "12")
        return self.ok("owner", "grant", record, "--to", self.file("planner.address"), *terms).out.strip()


@pytest.fixture(scope="package", autouse=True)
def _cheap_passphrases() -> Iterator[None]:
    """The least cost of Argon2id that is allowed, so that a run takes milliseconds."""
    patch = pytest.MonkeyPatch()
    cheap = keystore.Argon2Parameters(memory_kib=19 * 1024, iterations=2, lanes=1)
    patch.setattr("privledger.wallet.store.Wallet.create", _with_parameters(cheap))
    yield
    patch.undo()


def _with_parameters(parameters: keystore.Argon2Parameters) -> Callable[..., object]:
    from privledger.wallet.store import Wallet

    original = Wallet.create

    def create(*args: Any, **kwargs: Any) -> object:
        return original(*args, **{"parameters": parameters, **kwargs})

    return create


@pytest.fixture(scope="package")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """An owner with one record, granted to and read once by a planner."""
    made = Town(tmp_path_factory.mktemp("town"))
    made.ok("owner", "init", "--demo", "--name", "bikes.example")
    made.ok("planner", "wallet", "new", "--demo")
    made.ok("planner", "address", "--out", made.file("planner.address"), "--label", "city planning")
    record = made.put("Rides in March", RIDES)
    link = made.grant(record)
    (made.root / "link").write_text(link)
    (made.root / "record").write_text(record)
    made.ok("planner", "read", link, "--out", made.file("first.csv"))
    return made


@pytest.fixture
def record(town: Town) -> str:
    """The id of the record."""
    return (town.root / "record").read_text()


@pytest.fixture
def link(town: Town) -> str:
    """The share link of the planner's grant."""
    return (town.root / "link").read_text()
