"""A place in a directory: ledger, vault, keeper and their operator's keys on one machine.

    place = LocalPlace.create(path, name="bikes.example", clock=clock, random_bytes=random_bytes)
    with LocalPlace.open(path, clock=clock, random_bytes=random_bytes) as place:
        place.trust, place.ledger, place.vault, place.keepers

    trust-root.json      what clients trust; give it to them
    place.json           version, origin, ids of vault and keepers, and what the operator sets (below)
    log/                 the log as static files, to be served as they are
    services/            the services' public key files, whose digests stand in the log
    ledger/ replica/     databases that can be rebuilt from the log
    vault/ keeper/       what the services hold
    operator/            private keys and the guards, for nobody else to read; back it up

What an operator sets in place.json:

    keeper_backups       for how many seconds backups of keeper/ are kept; null: none are made. Erasure certificates name it
    keeper_guard         where the guard of the receipts lies (absolute, or from the place's directory); null: in operator/

Vault and keeper follow the log through a replica of their own and share nothing else with the ledger. Left to others: what
owners and grantees do here (`privledger.sdk`).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from privledger.ledger.create import create_ledger
from privledger.ledger.ledger import LocalLedger, open_ledger
from privledger.operatorkeys import OperatorKeys
from privledger.protocol.container import pack
from privledger.protocol.entries import MAX_TIME, Limits, ServiceEntry
from privledger.protocol.errors import ConflictError, FormatError, UnavailableError
from privledger.protocol.ids import check_origin, new_origin, service_id
from privledger.protocol.outcomes import Refused
from privledger.protocol.trust import MAX_TRUST_ROOT, TrustRoot, parse_trust_root, trust_root_of
from privledger.replica.replica import Replica
from privledger.storage.files import (
    create_exclusive,
    fsync_directory,
    make_directory,
    read_bytes,
    storage_errors,
    temporary_path,
)
from privledger_crypto.cose import Ed25519Signer
from privledger_crypto.signing import Ed25519PrivateKey

if TYPE_CHECKING:
    from privledger.keeper.keeper import LocalKeeper
    from privledger.vault.vault import LocalVault

__all__ = ["PLACE_FILE", "TRUST_ROOT_FILE", "LocalPlace"]

TRUST_ROOT_FILE = "trust-root.json"
PLACE_FILE = "place.json"
_VERSION = 1
_KEEPER_GUARD = Path("operator") / "keeper-guard"
_MAX_PLACE_FILE = 65_536  # bytes
_UPKEEP_PERIOD = 30  # seconds between looks at what is due
_SWEEP_PERIOD = 3600  # seconds between sweeps for expired deposits


class LocalPlace:
    """An open place; several processes may open one. Use `create` or `open`."""

    def __init__(
        self,
        *,
        trust: TrustRoot,
        ledger: LocalLedger,
        replica: Replica,
        vault: LocalVault,
        keepers: list[LocalKeeper],
        clock: Callable[[], int],
    ) -> None:
        self.trust = trust
        self.replica = replica
        self._ledger = ledger
        self._vault = vault
        self._keepers = keepers
        self._clock = clock
        self._looked: int | None = None
        self._swept: int | None = None
        self._is_open = True

    # --- making and opening -----------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        name: str,
        clock: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        limits: Limits | None = None,
        lock_wait: float = 10.0,
    ) -> LocalPlace:
        """Make a place and open it. It appears whole, or not at all.

        Args:
            path: nothing, or an empty directory.
            name: of the ledger, 1 to 64 of `a-z 0-9 . -`.
            clock: seconds since 1970 UTC.
            random_bytes: the source of keys and of the origin.
            limits: F and the others; None for the usual ones.

        Raises:
            ConflictError: something is at `path`.
            UsageError: the name cannot be.
            UnavailableError: the system would not let us.
        """
        origin = new_origin(name, random_bytes)
        if path.is_symlink() or (path.exists() and (not path.is_dir() or any(path.iterdir()))):
            raise ConflictError(f"{path} exists already", hint="Choose another path, or open the place that is there.")
        make_directory(path.absolute().parent, mode=0o755)
        made = temporary_path(path.absolute().parent)
        try:
            _build(made, origin, clock, random_bytes, limits or Limits())
            with storage_errors(path):
                made.replace(path)
                fsync_directory(path.absolute().parent)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        return cls.open(path, clock=clock, random_bytes=random_bytes, lock_wait=lock_wait)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        lock_wait: float = 10.0,
    ) -> LocalPlace:
        """Open a place. What a crash left is brought in order at the first use.

        Args:
            path: its directory.
            clock: seconds since 1970 UTC.
            random_bytes: for nonces and deposit keys.
            lock_wait: seconds to wait for another process.

        Raises:
            UnavailableError: it is not there, or a private file is open to others (`permission`).
            FormatError: a file of it is damaged.
        """
        # The keeper's database takes a quarter of a second to import; `--help` does not need it.
        from privledger.keeper.keeper import LocalKeeper
        from privledger.vault.vault import LocalVault

        described = _read_place(path)
        trust = parse_trust_root(read_bytes(path / TRUST_ROOT_FILE, max_size=MAX_TRUST_ROOT))
        keys = OperatorKeys.read(path / "operator")
        _check_keys(described, trust, keys)
        with ExitStack() as undo:
            ledger = open_ledger(
                path,
                origin=trust.origin,
                signers=keys.log,
                guard_path=path / "operator" / "guard",
                clock=clock,
                lock_wait=lock_wait,
            )
            undo.callback(ledger.close)
            replica = Replica(path / "replica" / "replica.sqlite", ledger, trust, clock, lock_wait=lock_wait)
            undo.callback(replica.close)
            common: dict[str, Any] = {
                "replica": replica,
                "clock": clock,
                "random_bytes": random_bytes,
                "lock_wait": lock_wait,
            }
            vault = LocalVault(path / "vault", signing_key=keys.vault, **common)
            keeper = LocalKeeper(
                path / "keeper",
                signing_key=keys.keeper,
                backups_kept=described["keeper_backups"],
                guard_path=path / (described["keeper_guard"] or _KEEPER_GUARD),
                **common,
            )
            undo.callback(keeper.close)
            place = cls(trust=trust, ledger=ledger, replica=replica, vault=vault, keepers=[keeper], clock=clock)
            place._look()
            undo.pop_all()
        return place

    def __enter__(self) -> LocalPlace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Post receipts that are due, stop the workers and close the databases."""
        if not self._is_open:
            return
        self._look()
        self._is_open = False
        for keeper in self._keepers:
            keeper.close()
        self.replica.close()
        self._ledger.close()

    # --- the ports --------------------------------------------------------------------------------------------------

    @property
    def ledger(self) -> LocalLedger:
        """The port `Ledger`."""
        self._look()
        return self._ledger

    @property
    def vault(self) -> LocalVault:
        """The port `Vault`."""
        self._look()
        return self._vault

    @property
    def keepers(self) -> list[LocalKeeper]:
        """The ports `Keeper`, in the order of the shares."""
        self._look()
        return list(self._keepers)

    # --- upkeep -----------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Do what time demands: renew deposit keys, post receipts that are due, destroy expired deposits.

        A place does so by itself when it is opened, used and closed; a service that stays open calls it now and then.

        Raises:
            UnavailableError: it could not be done now.
        """
        for keeper in self._keepers:
            keeper.renew_deposit_keys()
            if keeper.due():
                self._post(keeper)
        now = self._clock()
        if self._swept is None or not 0 <= now - self._swept < _SWEEP_PERIOD:
            self._swept = now
            self._vault.sweep()
            for keeper in self._keepers:
                keeper.sweep()

    def _post(self, keeper: LocalKeeper) -> None:
        try:
            entry = keeper.prepare_receipts()
        except UnavailableError as exc:
            if exc.code != "nothing_to_post":
                raise
            return
        (outcome,) = self._ledger.submit([entry])
        keeper.receipts_posted(not isinstance(outcome, Refused))

    def _look(self) -> None:
        """Tick if some time has passed. What cannot be done now is tried again, and never stands in the way of a use."""
        now = self._clock()
        if not self._is_open or (self._looked is not None and 0 <= now - self._looked < _UPKEEP_PERIOD):
            return
        self._looked = now
        with suppress(UnavailableError):
            self.tick()


def _build(
    path: Path, origin: str, clock: Callable[[], int], random_bytes: Callable[[int], bytes], limits: Limits
) -> None:
    path.mkdir(mode=0o755)
    keys = OperatorKeys.make(path / "operator", random_bytes)
    now = clock()
    services: list[ServiceEntry] = []
    for role, key in (("vault", keys.vault), ("keeper", keys.keeper)):
        key_file = pack("service-keys", {0: role, 1: key.public, 2: f"{role} of {origin.partition('/')[0]}"})
        service = service_id(key.public)
        make_directory(path / "services", mode=0o755)
        create_exclusive(path / "services" / f"{service.hex()}.keys", key_file)
        digest = hashlib.sha256(key_file).digest()
        services.append(ServiceEntry(service, 0, role, key.public, digest, now, MAX_TIME))
    with create_ledger(
        path,
        origin=origin,
        guard_path=path / "operator" / "guard",
        governance=[Ed25519Signer(keys.governance)],
        log_signer=keys.log[0],
        limits=limits,
        services=services,
        clock=clock,
    ) as ledger:
        trust = trust_root_of(ledger.leaves(0, 1)[0])
    described = {
        "version": _VERSION,
        "origin": origin,
        "vault": service_id(keys.vault.public).hex(),
        "keepers": [service_id(keys.keeper.public).hex()],
        "keeper_backups": None,
        "keeper_guard": None,
    }
    create_exclusive(path / PLACE_FILE, json.dumps(described, indent=1).encode() + b"\n")
    create_exclusive(path / TRUST_ROOT_FILE, trust.to_json().encode())


def _read_place(path: Path) -> dict[str, Any]:
    try:
        described = json.loads(read_bytes(path / PLACE_FILE, max_size=_MAX_PLACE_FILE))
        if described["version"] != _VERSION:
            raise FormatError(
                f"{path / PLACE_FILE} is of version {described['version']!r}", hint="Use a newer release of privledger."
            )
        check_origin(described["origin"])
        for service in (described["vault"], *described["keepers"]):
            bytes.fromhex(service)
        _check_settings(described)
    except UnavailableError as exc:
        if exc.code != "not_found":
            raise
        raise UnavailableError(
            f"there is no place in {path}", code="not_found", hint="Make one with `privledger init`."
        ) from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise FormatError(f"{path / PLACE_FILE} is damaged: {exc}", hint="Restore it from a backup.") from exc
    return dict(described)


def _check_settings(described: dict[str, Any]) -> None:
    """Take both settings as null where they are left out. Raises ValueError."""
    kept, guard = (described.setdefault(name, None) for name in ("keeper_backups", "keeper_guard"))
    if kept is not None and (type(kept) is not int or not 0 <= kept <= MAX_TIME):
        raise ValueError("keeper_backups is a number of seconds, or null")
    if guard is not None and (type(guard) is not str or not guard):
        raise ValueError("keeper_guard is a path, or null")


def _check_keys(described: dict[str, Any], trust: TrustRoot, keys: OperatorKeys) -> None:
    """The four files of a place must be of one place."""

    def of(key: Ed25519PrivateKey) -> str:
        return service_id(key.public).hex()

    if described["origin"] != trust.origin:
        raise FormatError(f"{PLACE_FILE} and {TRUST_ROOT_FILE} name different ledgers")
    if described["vault"] != of(keys.vault) or described["keepers"] != [of(keys.keeper)]:
        raise FormatError(
            f"the keys in operator/ are not those of the services in {PLACE_FILE}",
            hint="Restore operator/ from the backup of this place.",
        )
