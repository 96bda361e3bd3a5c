"""The three ports: what an owner, a grantee and an auditor ask of a place.

A place is a directory (`privledger.local`) or, later, a URL; both implement these protocols, and `Owner` and `Grantee` run unchanged over
either. Everything that changes something proves itself: entries, deposit statements and requests are signed bytes, and no port
takes a password or a session. Answers are not to be believed: the SDK checks each against the checkpoint and keys it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from privledger.protocol.answers import ReceiptsAnswer, Release, Segments
from privledger.protocol.light import StateAnswer
from privledger.protocol.outcomes import SubmitOutcome
from privledger.protocol.trust import TrustRoot

__all__ = ["Keeper", "Ledger", "Place", "Upload", "Vault"]


class Ledger(Protocol):
    """Orders entries and proves what is so."""

    @property
    def origin(self) -> str: ...

    def submit(self, entries: Sequence[bytes]) -> list[SubmitOutcome]:
        """Order entries; one answer each, in order. Safe to repeat."""

    def checkpoint(self) -> bytes:
        """The newest signed checkpoint (a C2SP note)."""

    def fresh(self) -> bytes:
        """A checkpoint at most F/2 old; closes an empty block if it must."""

    def resource(self, path: str) -> bytes:
        """A static file of the log: `tile/…`. Raises UnavailableError(code='not_found')."""

    def leaves(self, start: int, end: int) -> list[bytes]:
        """The leaves of [start, end) of the published log."""

    def inclusion(self, index: int, size: int) -> list[bytes]: ...

    def consistency(self, old_size: int, new_size: int) -> list[bytes]: ...

    def state(self, keys: Sequence[bytes]) -> StateAnswer:
        """Values (or absence) of `keys` at the newest checkpoint, with proofs."""

    def find(self, *, record: bytes) -> list[int]:
        """Indices of the entries that name this record, in order: an index, to be checked by the caller."""


class Upload(Protocol):
    """A blob under way. Nothing is visible before `commit`."""

    @property
    def computed(self) -> Callable[[], tuple[int, bytes]] | None:
        """Gives size and root of what was written, where the upload hashes in the caller's own process; None elsewhere."""

    def write(self, data: bytes) -> None: ...

    def commit(self, statement: bytes) -> bytes:
        """Make it durable under a signed deposit; returns the vault's holding statement."""

    def abort(self) -> None: ...


class Vault(Protocol):
    """Stores blobs, descriptors, capsules, notes and envelopes; sees only sealed bytes."""

    @property
    def service(self) -> bytes: ...

    def begin(self, statement: bytes) -> Upload: ...

    def put(self, statement: bytes, content: bytes, *, entry: bytes | None = None) -> bytes:
        """Store a small object under a signed deposit; returns the holding statement."""

    def delete(self, statement: bytes) -> None: ...

    def envelope(self, record: bytes, grant: bytes, epoch: int) -> bytes:
        """4,096 bytes that only the addressee opens; anyone may ask. UnavailableError(code='not_found')."""

    def fetch(self, request: bytes, what: str, item: bytes = b"") -> bytes:
        """A `descriptor` (any proven request), or a `capsule`, a `note` (item = grant id; owner's request only)."""

    def segments(self, request: bytes, first: int, count: int) -> Segments: ...

    def notify(self, entry: bytes) -> None:
        """A signed revoke or erase that binds before its block."""


class Keeper(Protocol):
    """Holds shares and releases them for live grants only."""

    @property
    def service(self) -> bytes: ...

    def deposit_key(self) -> bytes:
        """The current deposit key statement."""

    def deposit(self, statement: bytes, message: bytes) -> bytes:
        """Store a share under a signed deposit; returns the holding statement."""

    def release(self, request: bytes, opening: bytes = b"") -> Release: ...

    def receipts(self, ask: bytes) -> ReceiptsAnswer: ...

    def certificate(self, ask: bytes) -> bytes: ...

    def notify(self, entry: bytes) -> None: ...


class Place(Protocol):
    """Where a ledger, a vault and keepers are reached, and the trust root that it hands out (pin it, compare it)."""

    @property
    def trust(self) -> TrustRoot: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def vault(self) -> Vault: ...

    @property
    def keepers(self) -> Sequence[Keeper]: ...
