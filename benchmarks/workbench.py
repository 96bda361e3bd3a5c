"""A place, an owner and a grantee in a temporary directory, on this machine's clock, for the benchmarks that need all of them.

The directory is made where `tempfile` makes them; set TMPDIR to measure another disk.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from privledger.local import LocalPlace
from privledger.protocol.terms import Terms
from privledger.sdk.grantee import Grantee
from privledger.sdk.owner import Owner
from privledger.wallet.store import Wallet
from privledger_crypto.keystore import Argon2Parameters

__all__ = ["Workbench", "clock", "make_payload", "unlock", "workbench"]

_PASSPHRASE = b"benchmark"
_FAST = Argon2Parameters(memory_kib=19 * 1024, iterations=2, lanes=1)
_PIECE = 1 << 22


def clock() -> int:
    """Seconds since 1970 UTC."""
    return int(time.time())


@dataclass(frozen=True, slots=True)
class Workbench:
    """What a benchmark works with. `terms` allow many reads, now and for a year."""

    directory: Path
    place: LocalPlace
    owner: Owner
    grantee: Grantee
    terms: Terms


@contextmanager
def workbench() -> Iterator[Workbench]:
    """A new place with two wallets; everything is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="privledger-bench-") as name:
        directory = Path(name)
        LocalPlace.create(directory / "place", name="bench", clock=clock, random_bytes=os.urandom).close()
        with unlock(directory, make=True) as bench:
            yield bench


@contextmanager
def unlock(directory: Path, *, make: bool = False) -> Iterator[Workbench]:
    """Open the place and the wallets in `directory`."""
    place = LocalPlace.open(directory / "place", clock=clock, random_bytes=os.urandom)
    try:
        owner, grantee = (_wallet(directory / who, place, make) for who in ("owner", "grantee"))
        yield Workbench(
            directory,
            place,
            Owner(owner, place, clock=clock, random_bytes=os.urandom),
            Grantee(grantee, place, clock=clock, random_bytes=os.urandom),
            Terms(("research",), clock() - 60, clock() + 31_536_000, 1, 100_000, 0, ""),
        )
    finally:
        place.close()


def _wallet(path: Path, place: LocalPlace, make: bool) -> Wallet:
    if not make:
        return Wallet.open(path, passphrase=_PASSPHRASE, random_bytes=os.urandom)
    return Wallet.create(
        path,
        seed=os.urandom(32),
        passphrase=_PASSPHRASE,
        origin=place.trust.origin,
        trust_root=place.trust.to_json().encode(),
        random_bytes=os.urandom,
        parameters=_FAST,
    )


def make_payload(path: Path, size: int, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
    """Write `size` bytes that do not compress: one random piece, over and over."""
    piece = random_bytes(_PIECE)
    with path.open("wb") as file:
        left = size
        while left > 0:
            left -= file.write(piece[: min(left, _PIECE)])
        file.flush()
        os.fsync(file.fileno())
