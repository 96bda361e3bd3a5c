"""A tiny ledger in memory, for tests: keys, entries, blocks, checkpoints and state answers.

    chain = Chain()
    owner = chain.key("owner")
    chain.submit(chain.entry(owner, RecordEntry(commitment)))      # admitted at once, waits for the block
    chain.close(time=1010)                                         # -> results, one for each entry since the last block
    chain.checkpoint(), chain.leaves, chain.state

Everything is deterministic but the ML-DSA-44 signatures, which OpenSSL randomises.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256

from privledger.protocol import entries as e
from privledger.protocol.checkpoint import LogSigner, sign_checkpoint
from privledger.protocol.ids import record_id, service_id
from privledger.protocol.light import StateAnswer
from privledger.protocol.trust import TrustRoot, trust_root_of
from privledger.rules.apply import Result, apply, seal_block
from privledger.rules.state import State
from privledger_crypto.cose import Ed25519Signer
from privledger_crypto.merkle import inclusion_proof, leaf_hash, root_of
from privledger_crypto.signing import Ed25519PrivateKey, MLDSA44PrivateKey

ORIGIN = "test.example/" + "ab" * 32
START = 1_700_000_000


@cache
def signer(name: str) -> Ed25519Signer:
    """The key that everyone in the tests calls `name`."""
    return Ed25519Signer(Ed25519PrivateKey(sha256(b"key " + name.encode()).digest()))


@cache
def log_signer(name: str = "log") -> LogSigner:
    """A generation of log keys."""
    seeds = (sha256(prefix + name.encode()).digest() for prefix in (b"ed25519 ", b"mldsa44 "))
    return LogSigner(Ed25519PrivateKey(next(seeds)), MLDSA44PrivateKey.from_seed(next(seeds)))


def point(label: object) -> bytes:
    """48 bytes that stand for a commitment or a one-time key; the chain does not decode them."""
    return sha256(str(label).encode()).digest() + sha256(str(label).encode()).digest()[:16]


def short(label: object) -> bytes:
    """A 16-byte id."""
    return sha256(b"id " + str(label).encode()).digest()[:16]


def ledger_body(
    seq: int = 0,
    *,
    governance: Sequence[str] = ("governance",),
    quorum: int = 1,
    logs: Sequence[str] = ("log",),
    origin: str = ORIGIN,
    rules_version: int = 1,
    limits: e.Limits | None = None,
    status: int = e.RUNNING,
) -> e.LedgerEntry:
    """A `ledger` entry's body; keys are given by name."""
    keys = tuple(sorted(signer(name).key_id for name in governance))
    log_keys = tuple(log_signer(name).public for name in logs)
    return e.LedgerEntry(seq, origin, keys, quorum, log_keys, rules_version, limits or e.Limits(), status)


def service_body(
    name: str,
    seq: int = 0,
    *,
    role: str = "keeper",
    key: str | None = None,
    valid_from: int = 0,
    valid_until: int = e.MAX_TIME,
    digest: bytes = bytes(32),
) -> e.ServiceEntry:
    """A `service` entry's body; `name` is that of its first signing key, `key` that of the present one."""
    first, present = signer(name).key_id, signer(key or name).key_id
    return e.ServiceEntry(service_id(first), seq, role, present, digest, valid_from, valid_until)


def record_of(name: str) -> bytes:
    """The id of the record whose first key is `name`."""
    return record_id(signer(name).key_id)


class Chain:
    """A ledger in memory. Each argument but `origin` and `start` is one of `ledger_body`.

    `leaves` are those of closed blocks, `blocks` the block leaves, `state` the state after the last block.
    """

    def __init__(
        self,
        *,
        origin: str = ORIGIN,
        start: int = START,
        governance: Sequence[str] = ("governance",),
        quorum: int = 1,
        limits: e.Limits | None = None,
    ) -> None:
        self.origin = origin
        self.governance = tuple(governance[:quorum])
        self.state = State.empty()
        self.leaves: list[bytes] = []
        self.blocks: list[e.Block] = []
        self.signers = [log_signer()]
        self.time = start
        self._waiting: list[e.Entry] = []
        body = ledger_body(governance=governance, quorum=quorum, origin=origin, limits=limits)
        self.submit(self.entry(self.governance, body))
        self.close(time=start)

    # --- writing ---

    def entry(self, names: str | Sequence[str], body: e.Body) -> bytes:
        """The leaf of `body`, signed by the keys of these names."""
        named = (names,) if isinstance(names, str) else tuple(names)
        return e.make_entry([signer(name) for name in named], body, origin=self.origin)

    def record(self, owner: str) -> bytes:
        """A `record` entry by the key `owner`; its id is `record_of(owner)`."""
        return self.entry(owner, e.RecordEntry(point(owner)))

    def grant(self, owner: str, label: object, *, key: bytes | None = None, terms: bytes | None = None) -> bytes:
        """A `grant` entry with the id `short(label)`."""
        grantee, commitment = key or point(("key", label)), terms or point(("terms", label))
        return self.entry(owner, e.GrantEntry(record_of(owner), short(label), grantee, commitment))

    def revoke(self, owner: str, *labels: object, up_to: int | None = None) -> bytes:
        """A `revoke` entry of the ids `short(label)`, or of all up to an index."""
        ids = tuple(sorted(short(label) for label in labels))
        return self.entry(owner, e.RevokeEntry(record_of(owner), ids, up_to))

    def erase(self, owner: str) -> bytes:
        """An `erase` entry."""
        return self.entry(owner, e.EraseEntry(record_of(owner)))

    def service(self, name: str, seq: int = 0, **fields: object) -> bytes:
        """A `service` entry signed by the governance quorum; fields as of `service_body`."""
        return self.entry(self.governance, service_body(name, seq, **fields))  # type: ignore[arg-type]

    def receipts(self, name: str, a: int, b: int, root: bytes = bytes(32)) -> bytes:
        """A `receipts` entry of the service whose first key is `name`."""
        return self.entry(name, e.ReceiptsEntry(service_id(signer(name).key_id), a, b, root))

    def submit(self, *leaves: bytes) -> None:
        """Admit leaves for the next block; raises what `admit` raises."""
        self._waiting += [e.admit(leaf, origin=self.origin) for leaf in leaves]

    def close(self, *leaves: bytes, time: int | None = None) -> list[Result]:
        """Submit `leaves`, close a block at `time` (one second after the last) and return every entry's result."""
        self.submit(*leaves)
        self.time = self.time + 1 if time is None else time
        height = len(self.blocks)
        transition = apply(self.state, height, self.time, self._waiting)
        block = seal_block(self.state, height, self.time, transition)
        self.leaves += [self._waiting[position].leaf for position in transition.accepted]
        self.leaves.append(block.to_leaf())
        self.blocks.append(block)
        self._waiting = []
        return list(transition.results)

    def index(self, leaf: bytes) -> int:
        """Where a leaf stands."""
        return self.leaves.index(leaf)

    # --- reading ---

    @property
    def size(self) -> int:
        """The size of the newest checkpoint."""
        return len(self.leaves)

    def root(self, size: int | None = None) -> bytes:
        """The root of the tree of the first `size` leaves, by default all."""
        return root_of(leaf_hash(leaf) for leaf in self.leaves[: self.size if size is None else size])

    def checkpoint(self, height: int = -1) -> bytes:
        """The signed checkpoint of a block, by default of the last."""
        block = self.blocks[height]
        size = block.tree_size + 1
        return sign_checkpoint(self.origin, size, self.root(size), time=block.time, signers=self.signers)

    def inclusion(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """The inclusion proof of a leaf."""
        total = self.size if size is None else size
        return inclusion_proof([leaf_hash(leaf) for leaf in self.leaves[:total]], index, total)

    def trust(self, **fields: object) -> TrustRoot:
        """The trust root with the present log keys; fields as of `trust_root_of`."""
        keys = [signer_.public for signer_ in self.signers]
        return trust_root_of(self.leaves[0], log_keys=keys, **fields)  # type: ignore[arg-type]

    def answer(self, *keys: bytes) -> StateAnswer:
        """The state answer for `keys` at the newest checkpoint."""
        items = tuple((key, self.state.get(key), self.state.prove(key)) for key in keys)
        return StateAnswer(self.checkpoint(), self.leaves[-1], self.inclusion(self.size - 1), items)
