"""Making a wallet: a new seed or one from a phrase, the trust root it pins, and the phrase that is shown once.

Left to others: the wallet's files (`privledger.wallet.store`), and recovery (`privledger.sdk.recover`).
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from privledger.cli.output import Output
from privledger.cli.session import random_bytes
from privledger.cli.terminal import DEMO_FILE, demo_note
from privledger.protocol.errors import ConflictError, UsageError
from privledger.protocol.trust import TrustRoot
from privledger.storage.files import PRIVATE, write_atomic
from privledger.wallet.phrase import SEED_SIZE, phrase_of
from privledger.wallet.store import Wallet

__all__ = ["NewWallet", "check_new_wallet", "make_wallet", "unmake_on_failure"]

_WORDS_A_LINE = 6


@dataclass(frozen=True, slots=True)
class NewWallet:
    """A wallet that was just made; `phrase` is None if it came from one."""

    wallet: Wallet
    origin: str
    demo: bool
    phrase: str | None = field(repr=False)

    def phrase_document(self, wanted: bool) -> dict[str, object]:
        """The phrase for the JSON document, if it was asked for."""
        return {"phrase": self.phrase} if wanted and self.phrase else {}

    def tell(self, out: Output, *, show_in_json: bool) -> None:
        """Show the phrase once and warn of a trial wallet, on stderr."""
        if self.phrase is not None and not (out.as_json and show_in_json):
            # With --json too: this is the only time it can be seen.
            words = self.phrase.split()
            print("The recovery phrase of this wallet. It is shown once; write it down:", file=sys.stderr)
            for start in range(0, len(words), _WORDS_A_LINE):
                print("    " + " ".join(words[start : start + _WORDS_A_LINE]), file=sys.stderr)
        if self.demo:
            out.warn("THIS IS A TRIAL WALLET WITHOUT A PASSPHRASE. Put nothing real into it.")


def check_new_wallet(path: Path) -> None:
    """Refuse a path that no wallet can be made at, before anything is made.

    Raises:
        ConflictError: there is a wallet already. UsageError: the path, or a part of it, is a file.
    """
    if (path / "keystore").exists():
        raise ConflictError(f"there is a wallet in {path} already", hint="Choose another --wallet PATH.")
    for part in [path, *path.absolute().parents]:
        if part.is_dir():
            return
        if part.exists() or part.is_symlink():
            raise UsageError(
                f"{part} is not a directory, so no wallet fits there", hint="Choose another --wallet PATH."
            )


@contextmanager
def unmake_on_failure(path: Path) -> Iterator[None]:
    """Remove what the block put into `path` if it does not end well, so that it can simply be run again."""
    is_new = not path.exists()
    before = set() if is_new else {one.name for one in path.iterdir()}
    try:
        yield
    except BaseException:
        if is_new:
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_dir():
            for one in [one for one in path.iterdir() if one.name not in before]:
                shutil.rmtree(one) if one.is_dir() else one.unlink()
        raise


def make_wallet(path: Path, trust: TrustRoot, secret: bytes | None, *, seed: bytes | None = None) -> NewWallet:
    """Make a wallet that trusts `trust`.

    Args:
        secret: the passphrase, or None for a trial wallet.
        seed: of a wallet that is recovered; by default a new one is drawn.

    Raises:
        ConflictError: there is a wallet already.
    """
    demo = secret is None
    note = demo_note()
    used = random_bytes(SEED_SIZE) if seed is None else seed
    wallet = Wallet.create(
        path,
        seed=used,
        passphrase=note.splitlines()[0] if secret is None else secret,
        origin=trust.origin,
        trust_root=trust.to_json().encode(),
        random_bytes=random_bytes,
    )
    if demo:
        write_atomic(path / DEMO_FILE, note, mode=PRIVATE)
    return NewWallet(wallet, trust.origin, demo, phrase_of(used) if seed is None else None)
