"""A vault's and a keeper's surroundings for tests: a chain they follow, an owner who deposits, a grantee who asks.

    world = World()
    world.publish_record()                        # a `record` entry by "owner"
    grant = world.publish_grant("g", terms)       # a grant with a real one-time key and a real commitment
    world.request(grant)                          # signed request bytes

`World.view` is a `View` whose refresh a test can stop (`world.view.frozen = True`); `world.now` is the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256, shake_256

from privledger.protocol.deposit import ShareSlot, make_deposit, seal_share, share_digest
from privledger.protocol.entries import GrantEntry, Limits, RevokeEntry
from privledger.protocol.errors import UnavailableError
from privledger.protocol.ids import ZERO_GRANT, service_id
from privledger.protocol.receipt import receipt_map_key
from privledger.protocol.request import make_ask, make_request
from privledger.protocol.statements import OneTimeSigner
from privledger.protocol.terms import Terms, commit_terms, encode_opening
from privledger.rules.state import State
from privledger_crypto.cose import Signer
from privledger_crypto.envelope import XWingPrivateKey
from privledger_crypto.group import generator, scalar_to_bytes
from privledger_crypto.shares import Share
from tests.support.chain import ORIGIN, START, Chain, record_of, short, signer

RESPONSE = XWingPrivateKey.from_seed(bytes(range(32)))
TERMS = Terms(("research",), START - 100, START + 10_000, 1, 5, 0, "")


def random_source(label: str) -> Callable[[int], bytes]:
    """Deterministic bytes that differ from call to call."""
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        return shake_256(f"{label} {count}".encode()).digest(size)

    return draw


@dataclass(frozen=True)
class _Size:
    size: int


class ChainView:
    """A replica stand-in: follows a `Chain` on refresh, unless frozen; `view_time` is when it last could."""

    def __init__(self, chain: Chain, clock: Callable[[], int]) -> None:
        self._chain = chain
        self._clock = clock
        self.frozen = False
        self.follow()

    def follow(self) -> None:
        """Take over the chain's newest state."""
        self.state = State.from_items(list(self._chain.state.items()))
        self.checkpoint = _Size(self._chain.size)
        self.view_time = self._clock()

    def refresh(self, max_age: int) -> None:
        """Follow, or say that the ledger cannot be reached."""
        if self.frozen:
            raise UnavailableError("the ledger cannot be reached")
        self.follow()


@dataclass(frozen=True)
class Granted:
    """A grant of the tests: its id, the signer of its one-time key, and the opening of its terms."""

    grant: bytes
    signer: Signer
    opening: bytes


class World:
    """A chain with a keeper and a vault on it, an owner, and a clock."""

    def __init__(self, *, limits: Limits | None = None) -> None:
        self.now = START
        self.chain = Chain(limits=limits)
        self.chain.close(self.chain.service("keeper"), self.chain.service("vault", role="vault"))
        self.now = self.chain.time
        self.view = ChainView(self.chain, self.clock)
        self.keeper = service_id(signer("keeper").key_id)
        self.vault = service_id(signer("vault").key_id)
        self.random = random_source("world")
        self.record = record_of("owner")
        self.secrets: dict[bytes, bytes] = {}  # by grant, what the map key of its receipts is made with

    def clock(self) -> int:
        """The time of the tests."""
        return self.now

    def close(self, *leaves: bytes) -> None:
        """Close a block with these entries at the present time."""
        self.chain.close(*leaves, time=max(self.now, self.chain.time))

    # --- entries

    def publish_record(self, owner: str = "owner") -> bytes:
        """Put a `record` entry on the chain; returns the record id."""
        self.close(self.chain.record(owner))
        return record_of(owner)

    def grant_entry(self, label: str, terms: Terms = TERMS, *, owner: str = "owner") -> tuple[bytes, Granted]:
        """A signed `grant` entry and what its grantee holds."""
        secret = int.from_bytes(sha256(f"grantee {label}".encode()).digest()[:16], "big")
        blinding = int.from_bytes(sha256(f"blinding {label}".encode()).digest()[:16], "big")
        key = generator().mul(secret).to_bytes()
        body = GrantEntry(record_of(owner), short(label), key, commit_terms(terms, blinding))
        granted = Granted(short(label), OneTimeSigner(secret, key, self.random), encode_opening(terms, blinding))
        self.secrets[short(label)] = scalar_to_bytes(blinding)
        return self.chain.entry(owner, body), granted

    def publish_grant(self, label: str, terms: Terms = TERMS, *, owner: str = "owner") -> Granted:
        """Put a `grant` entry on the chain."""
        entry, granted = self.grant_entry(label, terms, owner=owner)
        self.close(entry)
        return granted

    def chain_revoke_body(self, grant: bytes) -> RevokeEntry:
        """A `revoke` body of one grant of the owner's record."""
        return RevokeEntry(self.record, (grant,))

    # --- statements

    def deposit(
        self,
        what: str,
        content: bytes = b"",
        *,
        action: str = "store",
        item: bytes = b"",
        epoch: int = 0,
        service: bytes | None = None,
        size: int | None = None,
        digest: bytes | None = None,
        share: ShareSlot | None = None,
        owner: str = "owner",
        record: bytes | None = None,
        origin: str = ORIGIN,
    ) -> bytes:
        """A deposit statement by the key `owner`; size and digest are those of `content` if not given."""
        return make_deposit(
            signer(owner),
            origin=origin,
            record=record_of("owner") if record is None else record,
            epoch=epoch,
            what=what,
            action=action,
            service=self.vault if service is None else service,
            item=item,
            size=len(content) if size is None else size,
            digest=sha256(content).digest() if digest is None else digest,
            share=share,
        )

    def share_deposit(
        self, public: bytes, share: Share, *, slot: ShareSlot | None = None, epoch: int = 0, **fields: object
    ) -> tuple[bytes, bytes]:
        """A deposit of a share with the keeper, and the sealed share."""
        names = {"origin": ORIGIN, "record": record_of("owner"), "epoch": epoch, "service": self.keeper}
        message = seal_share(public, share, **names)  # type: ignore[arg-type]
        digest = share_digest(share=share, **names)  # type: ignore[arg-type]
        self.secrets[ZERO_GRANT] = digest
        given: dict[str, object] = {
            "epoch": epoch,
            "service": self.keeper,
            "size": len(message),
            "digest": digest,
            "share": slot or ShareSlot(share.index, 1, 1),
        }
        return self.deposit("share", **(given | fields)), message  # type: ignore[arg-type]

    def request(
        self,
        granted: Granted | None,
        *,
        number: int | None = None,
        record: bytes | None = None,
        grant: bytes | None = None,
        services: Sequence[bytes] | None = None,
        epoch: int = 0,
        expiry: int | None = None,
        by: Signer | None = None,
        origin: str = ORIGIN,
        response_key: bytes = RESPONSE.public,
    ) -> bytes:
        """A request of a grantee, or of the owner (None)."""
        named = ZERO_GRANT if granted is None else granted.grant
        holder = signer("owner") if granted is None else granted.signer
        return make_request(
            by or holder,
            origin=origin,
            record=self.record if record is None else record,
            grant=named if grant is None else grant,
            services=sorted((self.keeper, self.vault)) if services is None else services,
            epoch=epoch,
            number=(0 if granted is None else 1) if number is None else number,
            response_key=response_key,
            nonce=self.random(16),
            expiry=self.now + 60 if expiry is None else expiry,
        )

    def map_key(self, grant: bytes = ZERO_GRANT) -> bytes:
        """Where the keeper's receipt map holds a grant of the owner's record, or the owner's own reads."""
        return receipt_map_key(self.record, grant, self.secrets[grant])

    def ask(self, what: str, grant: bytes = ZERO_GRANT, *, owner: str = "owner", **fields: object) -> bytes:
        """An ask to the keeper by the key `owner`."""
        given: dict[str, object] = {
            "origin": ORIGIN,
            "record": self.record,
            "grant": grant,
            "what": what,
            "service": self.keeper,
            "nonce": self.random(16),
            "expiry": self.now + 60,
            "map_key": self.map_key(grant) if what == "receipts" and "map_key" not in fields else b"",
        }
        return make_ask(signer(owner), **(given | fields))  # type: ignore[arg-type]
