"""A whole small world for tests: a place on a movable clock, an owner, two grantees, and as many keepers as are asked for.

    town = Town(tmp_path)                          # one keeper
    town = Town(tmp_path, keepers=3)               # 2 of 3
    owned = town.owner.put(io.BytesIO(b"…"), title="Rides in March")
    given = town.grant(owned.record, town.app)     # `app` and `lab` are the grantees
    town.advance(60)

`town.place` is a `Ports`: its parts may be replaced by ones that lie, fail or count (`town.place_with(ledger=…)`).
Left to others: what services do (the code under test).
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from privledger.keeper.keeper import LocalKeeper
from privledger.ledger.create import create_ledger
from privledger.ledger.ledger import LocalLedger, open_ledger
from privledger.local import LocalPlace
from privledger.operatorkeys import OperatorKeys
from privledger.protocol.checkpoint import LogSigner
from privledger.protocol.entries import Limits, ServiceEntry
from privledger.protocol.errors import UnavailableError
from privledger.protocol.ids import new_origin, service_id
from privledger.protocol.terms import Terms
from privledger.protocol.trust import TrustRoot, trust_root_of
from privledger.replica.replica import Replica
from privledger.sdk.grantee import Grantee
from privledger.sdk.owner import Owner
from privledger.sdk.ports import Keeper, Ledger, Vault
from privledger.vault.vault import LocalVault
from privledger.wallet.notes import GivenGrant
from privledger.wallet.store import Wallet
from privledger_crypto.cose import Ed25519Signer
from privledger_crypto.keystore import Argon2Parameters
from privledger_crypto.signing import Ed25519PrivateKey, MLDSA44PrivateKey

START = 1_790_000_000
YEAR = 31_536_000
PASSPHRASE = b"correct horse"
FAST = Argon2Parameters(memory_kib=19 * 1024, iterations=2, lanes=1)  # the floor


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class Line:
    """The line from the services to the ledger, which a test may cut (`town.cut`)."""

    def __init__(self, town: Town) -> None:
        self._town = town

    def _reach(self) -> LocalLedger:
        if self._town.cut:
            raise UnavailableError("the ledger cannot be reached")
        return self._town.ledger

    def checkpoint(self) -> bytes:
        return self._reach().checkpoint()

    def fresh(self) -> bytes:
        return self._reach().fresh()

    def resource(self, path: str) -> bytes:
        return self._reach().resource(path)


@dataclass(frozen=True)
class Ports:
    """A place made of any parts."""

    trust: TrustRoot
    ledger: Ledger
    vault: Vault
    keepers: Sequence[Keeper]


class Town:
    """The place, its people, and shortcuts to what tests do over and over.

    With one keeper the place is a `LocalPlace` (`town.local`); with several it is put together here from the same parts, and the
    services' line to the ledger may be cut (`town.cut = True`).
    """

    def __init__(self, path: Path, *, keepers: int = 1, limits: Limits | None = None) -> None:
        self.path = path
        self.place_path = path / "place"
        self.clock = Clock()
        self.random_bytes = os.urandom
        self.cut = False
        self._replicas: list[Replica] = []
        self.local: LocalPlace | None = None
        if keepers == 1:
            self._settle_in_directory(limits)
        else:
            self._settle_apart(keepers, limits or Limits())
        self.place = Ports(self.trust, self.ledger, self.vault, self.keepers)
        self.owner_seed = os.urandom(32)
        self.owner_wallet = self.new_wallet("owner", self.owner_seed)
        self.owner = self.owner_of(self.owner_wallet)
        self.app = self.grantee_of(self.new_wallet("app"))
        self.lab = self.grantee_of(self.new_wallet("lab"))

    def close(self) -> None:
        """Close databases."""
        for replica in self._replicas:
            replica.close()
        if self.local is not None:
            self.local.close()
            return
        for keeper in self.keepers:
            keeper.close()
        self.ledger.close()

    # --- the place ------------------------------------------------------------------------------------------------

    def _settle_in_directory(self, limits: Limits | None) -> None:
        self.local = LocalPlace.create(
            self.place_path, name="town.example", clock=self.clock, random_bytes=self.random_bytes, limits=limits
        )
        keys = OperatorKeys.read(self.place_path / "operator")
        self.log_signer = keys.log[0]
        self.guard_path = self.place_path / "operator" / "guard"
        self.vault_key, self.keeper_keys = keys.vault, [keys.keeper]
        self.trust = self.local.trust
        self.ledger, self.vault, self.keepers = self.local.ledger, self.local.vault, self.local.keepers

    def _settle_apart(self, keepers: int, limits: Limits) -> None:
        self.log_signer = LogSigner(Ed25519PrivateKey(os.urandom(32)), MLDSA44PrivateKey.from_seed(os.urandom(32)))
        self.guard_path = self.path / "guard"
        self.vault_key = Ed25519PrivateKey(os.urandom(32))
        self.keeper_keys = [Ed25519PrivateKey(os.urandom(32)) for _ in range(keepers)]
        named = [("vault", self.vault_key), *(("keeper", key) for key in self.keeper_keys)]
        self.ledger = create_ledger(
            self.place_path,
            origin=new_origin("town.example", self.random_bytes),
            guard_path=self.guard_path,
            governance=[Ed25519Signer(Ed25519PrivateKey(os.urandom(32)))],
            log_signer=self.log_signer,
            limits=limits,
            services=[
                ServiceEntry(service_id(key.public), 0, role, key.public, bytes(32), START - 1, START + 10 * YEAR)
                for role, key in named
            ],
            clock=self.clock,
        )
        self.trust = trust_root_of(self.ledger.leaves(0, 1)[0])
        self.vault = self.open_vault()
        self.keepers = [self.open_keeper(number) for number in range(keepers)]

    def open_ledger(self, path: Path, guard_path: Path) -> LocalLedger:
        """A copy of the ledger's directory as a ledger of its own, by the same operator."""
        return open_ledger(
            path, origin=self.trust.origin, signers=[self.log_signer], guard_path=guard_path, clock=self.clock
        )

    def open_vault(self, path: Path | None = None) -> LocalVault:
        """The vault, or a copy of it in another directory, opened anew."""
        return LocalVault(
            path or self.vault_path,
            replica=self._replica("vault"),
            signing_key=self.vault_key,
            clock=self.clock,
            random_bytes=self.random_bytes,
        )

    def open_keeper(self, number: int = 0, path: Path | None = None) -> LocalKeeper:
        """A keeper, or a copy of it in another directory (and with the guard that lies there, if any), opened anew."""
        guard = self.place_path / "operator" / "keeper-guard" if self.local is not None and path is None else None
        return LocalKeeper(
            path or self.keeper_path(number),
            replica=self._replica(f"keeper-{number}"),
            signing_key=self.keeper_keys[number],
            guard_path=guard,
            clock=self.clock,
            random_bytes=self.random_bytes,
        )

    @property
    def vault_path(self) -> Path:
        """The vault's directory."""
        return self.place_path / "vault"

    def keeper_path(self, number: int = 0) -> Path:
        """A keeper's directory."""
        return self.place_path / ("keeper" if self.local is not None else f"keeper-{number}")

    def _replica(self, name: str) -> Replica:
        replica = Replica(self.path / "replicas" / name / "state.sqlite", Line(self), self.trust, self.clock)
        self._replicas.append(replica)
        return replica

    def place_with(
        self, *, ledger: Ledger | None = None, vault: Vault | None = None, keepers: Sequence[Keeper] | None = None
    ) -> Ports:
        """The place with some parts replaced."""
        return replace(
            self.place,
            ledger=ledger or self.place.ledger,
            vault=vault or self.place.vault,
            keepers=self.place.keepers if keepers is None else keepers,
        )

    def advance(self, seconds: int) -> None:
        """Let time pass."""
        self.clock.now += seconds

    def post_receipts(self) -> None:
        """Every keeper posts the root of its receipt map."""
        self.ledger.fresh()
        for keeper in self.keepers:
            entry = keeper.prepare_receipts()
            self.ledger.submit([entry])
            keeper.receipts_posted(True)

    # --- people ---------------------------------------------------------------------------------------------------

    def new_wallet(self, name: str, seed: bytes | None = None) -> Wallet:
        """A new wallet; its passphrase is `PASSPHRASE`."""
        return Wallet.create(
            self.path / "wallets" / name,
            seed=os.urandom(32) if seed is None else seed,
            passphrase=PASSPHRASE,
            origin=self.trust.origin,
            trust_root=self.trust.to_json().encode(),
            random_bytes=self.random_bytes,
            parameters=FAST,
        )

    def owner_of(self, wallet: Wallet, place: Ports | None = None) -> Owner:
        """A wallet as an owner."""
        return Owner(wallet, place or self.place, clock=self.clock, random_bytes=self.random_bytes)

    def grantee_of(self, wallet: Wallet, place: Ports | None = None) -> Grantee:
        """A wallet as a grantee."""
        return Grantee(wallet, place or self.place, clock=self.clock, random_bytes=self.random_bytes)

    # --- shortcuts ------------------------------------------------------------------------------------------------

    def terms(self, *, purposes: tuple[str, ...] = ("research",), reads: int = 5) -> Terms:
        """Terms for a year from now."""
        return Terms(purposes, self.clock() - 1, self.clock() + YEAR, 1, reads, 0, "")

    def put(self, payload: bytes = b"ride,minutes\n1,12\n", title: str = "Rides in March") -> bytes:
        """A record of the owner; returns its id."""
        return self.owner.put(io.BytesIO(payload), title=title).record

    def grant(self, record: bytes, to: Grantee, terms: Terms | None = None) -> GivenGrant:
        """A grant to a new address of `to`."""
        return self.owner.grant(record, to.new_address("a grantee"), terms or self.terms())

    def read(self, record: bytes, grant: bytes, by: Grantee) -> bytes:
        """The payload as a grantee reads it."""
        sink = io.BytesIO()
        by.read(record, grant, sink)
        return sink.getvalue()
