"""The wallet's directory: the key store, the configuration and sealed files (docs/spec/wallet.md).

    wallet = Wallet.create(path, seed=seed, passphrase=b"…", trust=trust_root_bytes, random_bytes=os.urandom)
    wallet = Wallet.open(path, passphrase=b"…", random_bytes=os.urandom)
    wallet.put("records", record_id, "record", value)      # sealed, durable

A sealed file is a Cobblestone-256 message under a key derived from the seed. Its name and its directory's name are HMACs, so whoever
copies the directory learns how many records there are and nothing else. One process at a time changes a wallet: it holds `lock`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from privledger.protocol import keys
from privledger.protocol.errors import ConflictError, FormatError, UnavailableError, UsageError, VerificationError
from privledger.storage.files import (
    PRIVATE,
    TEMPORARY_PREFIX,
    destroy,
    fsync_directory,
    make_directory,
    read_bytes,
    remove,
    storage_errors,
    temporary_path,
    write_atomic,
)
from privledger.storage.lock import ProcessLock
from privledger.wallet.phrase import SEED_SIZE
from privledger_crypto import cbor, keystore, sealing
from privledger_crypto import errors as crypto_errors

__all__ = ["MAX_AHEAD", "Wallet", "WalletConfig"]

MAX_AHEAD = 500  # indices past the last one on the chain (design §4.1)
_VERSION = 1
_LOCK_WAIT = 10.0  # seconds
_MAX_FILE = 1 << 20  # bytes, one sealed file
_LABEL = "privledger/v1"


@dataclass(frozen=True, slots=True)
class WalletConfig:
    """What the wallet keeps in the clear: no secret, no name of a record."""

    origin: str
    next_index: int = 0
    last_on_chain: int = -1
    next_address: int = 0

    def to_json(self) -> bytes:
        """Readable JSON."""
        value = {
            "type": "privledger/wallet",
            "version": _VERSION,
            "origin": self.origin,
            "next_index": self.next_index,
            "last_on_chain": self.last_on_chain,
            "next_address": self.next_address,
        }
        return json.dumps(value, indent=1).encode() + b"\n"


def _parse_config(data: bytes) -> WalletConfig:
    try:
        value = json.loads(data)
        if value["type"] != "privledger/wallet" or value["version"] != _VERSION:
            raise FormatError("wallet.json is of another version", hint="Use the version of privledger that made it.")
        numbers = [value[name] for name in ("next_index", "last_on_chain", "next_address")]
        origin = value["origin"]
    except (ValueError, KeyError, TypeError) as exc:
        raise FormatError("wallet.json is damaged", hint="Restore it, or use `privledger wallet recover`.") from exc
    if not isinstance(origin, str) or not all(isinstance(number, int) for number in numbers):
        raise FormatError("wallet.json is damaged", hint="Restore it, or use `privledger wallet recover`.")
    return WalletConfig(origin, *numbers)


class Wallet:
    """An opened wallet. `seed` is the only secret that cannot be derived or fetched again."""

    def __init__(self, path: Path, seed: bytes, random_bytes: Callable[[int], bytes]) -> None:
        self.path = path
        self.seed = seed
        self.random_bytes = random_bytes
        self.lock = ProcessLock(path / "lock", wait=_LOCK_WAIT)
        self._file_key = keys.wallet_file_key(seed)
        self.config = _parse_config(read_bytes(path / "wallet.json", max_size=_MAX_FILE))

    def __repr__(self) -> str:
        return f"Wallet({str(self.path)!r})"

    # --- making and opening -------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        seed: bytes,
        passphrase: bytes,
        origin: str,
        trust_root: bytes,
        random_bytes: Callable[[int], bytes],
        parameters: keystore.Argon2Parameters = keystore.DEFAULT,
    ) -> Wallet:
        """Make a new wallet directory (mode 0700).

        Raises:
            ConflictError: there is a wallet already.
            UsageError: the passphrase is empty or the seed is not 32 bytes.
        """
        if len(seed) != SEED_SIZE:
            raise UsageError(f"a seed has {SEED_SIZE} bytes, not {len(seed)}")
        if not passphrase:
            raise UsageError(
                "a wallet needs a passphrase", hint="For a trial without one use `privledger init --demo`."
            )
        if (path / "keystore").exists():
            raise ConflictError(f"there is a wallet in {path} already", hint="Choose another --wallet PATH.")
        sealed = keystore.seal_keystore(seed, passphrase, random_bytes=random_bytes, parameters=parameters)
        make_directory(path)
        write_atomic(path / "trust-root.json", trust_root)
        write_atomic(path / "wallet.json", WalletConfig(origin).to_json(), mode=PRIVATE)
        write_atomic(path / "keystore", sealed, mode=PRIVATE)
        return cls(path, seed, random_bytes)

    @classmethod
    def open(cls, path: Path, *, passphrase: bytes, random_bytes: Callable[[int], bytes]) -> Wallet:
        """Open a wallet.

        Raises:
            UnavailableError: there is none (code `not_found`).
            VerificationError: wrong passphrase or damaged key store.
            FormatError: the key store or wallet.json is malformed.
        """
        if not (path / "keystore").exists():
            raise UnavailableError(
                f"no wallet in {path}",
                code="not_found",
                hint="Make one with `privledger wallet new`, or give --wallet PATH.",
            )
        data = read_bytes(path / "keystore", max_size=_MAX_FILE)
        try:
            seed = keystore.open_keystore(data, passphrase)
        except crypto_errors.VerificationError as exc:
            raise VerificationError(
                "wrong passphrase, or the key store is damaged",
                code="wrong_passphrase",
                hint="Try again; if the file is damaged, use `privledger wallet recover` with the phrase.",
            ) from exc
        except crypto_errors.CryptoError as exc:
            raise FormatError(
                f"the key store is malformed: {exc}", hint="Use `privledger wallet recover` with the phrase."
            ) from exc
        if len(seed) != SEED_SIZE:
            raise FormatError("the key store does not hold a seed")
        return cls(path, seed, random_bytes)

    # --- what it trusts -----------------------------------------------------------------------------------------

    def trust_root(self) -> bytes:
        """The pinned trust root file."""
        return read_bytes(self.path / "trust-root.json", max_size=_MAX_FILE)

    def last_checkpoint(self) -> bytes | None:
        """The newest checkpoint this wallet has accepted, or None."""
        path = self.path / "checkpoint"
        return read_bytes(path, max_size=_MAX_FILE) if path.exists() else None

    def save_checkpoint(self, note: bytes) -> None:
        """Remember a checkpoint that was verified and found consistent with the last one."""
        write_atomic(self.path / "checkpoint", note)

    # --- configuration ------------------------------------------------------------------------------------------

    def _save(self, config: WalletConfig) -> None:
        write_atomic(self.path / "wallet.json", config.to_json(), mode=PRIVATE)
        self.config = config

    def reserve_index(self) -> int:
        """A record index that was never used; durable before it is returned.

        Raises:
            UnavailableError: 500 indices past the last one on the chain are reserved already (code `too_far_ahead`).
        """
        with self.lock:
            config = self._reload()
            if config.next_index - config.last_on_chain > MAX_AHEAD:
                raise UnavailableError(
                    f"{MAX_AHEAD} records were begun and never reached the chain",
                    code="too_far_ahead",
                    hint="Run `privledger doctor`; recovery would not find records further ahead.",
                )
            self._save(replace(config, next_index=config.next_index + 1))
            return config.next_index

    def reserve_address(self) -> int:
        """The number of a new address; durable before it is returned."""
        with self.lock:
            config = self._reload()
            self._save(replace(config, next_address=config.next_address + 1))
            return config.next_address

    def seen_on_chain(self, index: int) -> None:
        """Note that the record of `index` stands on the chain."""
        with self.lock:
            config = self._reload()
            if index > config.last_on_chain or config.next_index <= index:
                self._save(
                    replace(
                        config,
                        last_on_chain=max(index, config.last_on_chain),
                        next_index=max(config.next_index, index + 1),
                    )
                )

    def seen_address(self, number: int) -> None:
        """Note that the address of `number` is in use."""
        with self.lock:
            config = self._reload()
            if config.next_address <= number:
                self._save(replace(config, next_address=number + 1))

    def _reload(self) -> WalletConfig:
        self.config = _parse_config(read_bytes(self.path / "wallet.json", max_size=_MAX_FILE))
        return self.config

    # --- sealed files -------------------------------------------------------------------------------------------

    def _name(self, *parts: bytes | str) -> str:
        encoded = cbor.encode([_LABEL, "wallet-name", *parts])
        return hmac.new(self._file_key, encoded, hashlib.sha256).hexdigest()[:32]

    def _group(self, kind: str, group: bytes) -> Path:
        return self.path / kind / self._name(kind, group)

    def work(self, group: bytes) -> ProcessLock:
        """A lock that marks work on `group` (a record's id) as under way in this process; it does not wait.

        Whoever cannot take it (UnavailableError, code `locked`) leaves that work alone.
        """
        directory = self.path / "work"
        make_directory(directory)
        return ProcessLock(directory / self._name("work", group), wait=0)

    def end_work(self, group: bytes) -> None:
        """Remove the mark of work that is over."""
        remove(self.path / "work" / self._name("work", group))

    def put(self, kind: str, group: bytes, item: bytes | str, value: cbor.Value) -> None:
        """Seal `value` in the file (kind, group, item), replacing what was there, durably."""
        directory = self._group(kind, group)
        make_directory(directory)
        name = self._name(kind, group, item)
        context = cbor.encode([_LABEL, "wallet", kind, name])
        sealed = sealing.seal(self._file_key, context, cbor.encode([group, item, value]))
        path = directory / name
        # Of a file that is replaced nothing may stay readable. The old bytes keep a second name until the new file is in
        # place, and are overwritten then: a crash in between leaves one of the two whole.
        old = temporary_path(directory)
        with storage_errors(path):
            if path.exists():
                os.link(path, old)
        write_atomic(path, sealed, mode=PRIVATE)
        destroy(old)

    def get(self, kind: str, group: bytes, item: bytes | str) -> cbor.Value:
        """Open the file (kind, group, item).

        Raises:
            UnavailableError: there is none (code `not_found`).
        """
        return self._open(kind, self._group(kind, group) / self._name(kind, group, item))[2]

    def has(self, kind: str, group: bytes, item: bytes | str) -> bool:
        """Whether there is a file (kind, group, item)."""
        return (self._group(kind, group) / self._name(kind, group, item)).exists()

    def items(self, kind: str, group: bytes | None = None) -> Iterator[tuple[bytes, bytes | str, cbor.Value]]:
        """All files of a kind, or of one group of it, as (group, item, value), ordered by group and item."""
        top = self.path / kind
        if not top.is_dir():
            return
        directories = [self._group(kind, group)] if group is not None else sorted(top.iterdir())
        found = [
            self._open(kind, path)
            for directory in directories
            if directory.is_dir()
            for path in directory.iterdir()
            if not path.name.startswith(TEMPORARY_PREFIX)
        ]
        yield from sorted(found, key=lambda entry: (entry[0], isinstance(entry[1], str), entry[1]))

    def _open(self, kind: str, path: Path) -> tuple[bytes, bytes | str, cbor.Value]:
        data = read_bytes(path, max_size=_MAX_FILE)
        context = cbor.encode([_LABEL, "wallet", kind, path.name])
        try:
            value = cbor.decode(sealing.open_sealed(self._file_key, context, data))
        except crypto_errors.CryptoError as exc:
            raise VerificationError(
                f"the wallet file {path.parent.name}/{path.name} is damaged",
                hint="Move it away and run `privledger wallet recover` into a new directory.",
            ) from exc
        if not (isinstance(value, list) and len(value) == 3):
            raise FormatError("a wallet file holds something else than its group, item and value")
        group, item, content = value
        if not isinstance(group, bytes) or not isinstance(item, (bytes, str)):
            raise FormatError("a wallet file holds something else than its group, item and value")
        if path != self._group(kind, group) / self._name(kind, group, item):
            raise VerificationError(f"the wallet file {path.parent.name}/{path.name} belongs to another place")
        return group, item, content

    def remove(self, kind: str, group: bytes, item: bytes | str) -> None:
        """Destroy the file (kind, group, item)."""
        destroy(self._group(kind, group) / self._name(kind, group, item))

    def remove_group(self, kind: str, group: bytes) -> None:
        """Destroy every file of a group and its directory."""
        directory = self._group(kind, group)
        if not directory.is_dir():
            return
        for path in sorted(directory.iterdir()):
            destroy(path)
        directory.rmdir()
        fsync_directory(directory.parent)
