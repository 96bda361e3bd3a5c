"""A place and a wallet opened for one command, with the machine's clock and randomness.

    with open_session(at, wallet, passphrase_file, out) as session:
        session.owner.put(…)

Here, at the edge, time and randomness get their defaults. What an earlier run left half-done is finished by `privledger doctor
--resume` and before every `put`, `grant`, `revoke` and `erase`.

Left to others: what is done with them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from privledger.cli.files import read_input
from privledger.cli.output import Output
from privledger.cli.terminal import passphrase
from privledger.local import LocalPlace
from privledger.protocol.errors import FormatError, UsageError, VerificationError
from privledger.protocol.trust import MAX_TRUST_ROOT, TrustRoot, parse_trust_root
from privledger.sdk.grantee import Grantee
from privledger.sdk.owner import Owner
from privledger.wallet.store import Wallet

__all__ = [
    "TRUST_ROOT_FILE",
    "Session",
    "clock",
    "find_trust",
    "open_place",
    "open_session",
    "random_bytes",
    "read_trust",
]

TRUST_ROOT_FILE = "trust-root.json"


def clock() -> int:
    """Seconds since 1970 UTC."""
    return int(time.time())


def random_bytes(count: int) -> bytes:
    """Random bytes of the operating system."""
    return os.urandom(count)


@dataclass
class Session:
    """An open place and an open wallet."""

    place: LocalPlace
    wallet: Wallet
    out: Output

    @cached_property
    def owner(self) -> Owner:
        """The wallet as an owner at the place."""
        return Owner(self.wallet, self.place, clock=clock, random_bytes=random_bytes)

    @cached_property
    def grantee(self) -> Grantee:
        """The wallet as a grantee at the place."""
        return Grantee(self.wallet, self.place, clock=clock, random_bytes=random_bytes)

    @property
    def origin(self) -> str:
        """The ledger that the wallet trusts."""
        return self.wallet.config.origin

    def resume(self) -> None:
        """Finish what an earlier run left half-done, and say so."""
        for line in self.owner.resume():
            self.out.say(f"from an earlier run: {line}")


@contextmanager
def open_place(at: Path) -> Iterator[LocalPlace]:
    """The place in the directory `at`.

    Raises:
        UsageError: there is none.
    """
    if not at.is_dir():
        raise UsageError(
            f"no place in {at}", code="not_found", hint="Make one with `privledger init`, or give --at PLACE."
        )
    place = LocalPlace.open(at, clock=clock, random_bytes=random_bytes)
    try:
        yield place
    finally:
        place.close()


@contextmanager
def open_session(at: Path, wallet: Path, passphrase_file: Path | None, out: Output) -> Iterator[Session]:
    """Open both; what is missing is said before a passphrase is asked for.

    Raises:
        UsageError: there is no place or no wallet. VerificationError: wrong passphrase.
    """
    if not (wallet / "keystore").exists():
        raise UsageError(
            f"no wallet in {wallet}",
            code="not_found",
            hint=f"Make one with `privledger wallet new --at {at} --wallet {wallet}`, or give --wallet PATH.",
        )
    with open_place(at) as place:
        yield Session(place, _open_wallet(wallet, passphrase(wallet, passphrase_file, out)), out)


def _open_wallet(wallet: Path, secret: bytes) -> Wallet:
    try:
        return Wallet.open(wallet, passphrase=secret, random_bytes=random_bytes)
    except VerificationError as exc:
        if exc.code != "wrong_passphrase":
            raise
        raise VerificationError(f"{wallet}: {exc}", code=exc.code, hint=exc.hint) from exc


def read_trust(path: Path) -> TrustRoot:
    """Read a trust root file.

    Raises:
        UsageError: it is not there. FormatError: it is none.
    """
    try:
        return parse_trust_root(read_input(path, max_size=MAX_TRUST_ROOT))
    except FormatError as exc:
        raise FormatError(f"{path}: {exc}", hint=exc.hint) from exc


def find_trust(trust: Path | None, at: Path, wallet: Path, out: Output) -> TrustRoot:
    """The trust root to start from: `trust`, else the wallet's, else the place's own, which is said.

    Raises:
        UsageError: there is none.
    """
    if trust is not None:
        return read_trust(trust)
    if (pinned := wallet / TRUST_ROOT_FILE).exists():
        return read_trust(pinned)
    if (offered := at / TRUST_ROOT_FILE).exists():
        out.warn(f"starting from the trust root that {at} hands out; compare it with one from somebody you know.")
        return read_trust(offered)
    raise UsageError("no trust root to start from", hint="Give --trust FILE, --wallet PATH or --at PLACE.")
