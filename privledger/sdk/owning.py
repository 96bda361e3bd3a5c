"""What the owner's operations share: the wallet, the place, and the keys of one record.

Left to others: the operations themselves (`putting`, `granting`, `ending`, `disclosing`, `recover`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from privledger.protocol import keys
from privledger.protocol.capsule import KeeperShare
from privledger.protocol.deposit import Holding, ShareSlot, make_deposit, parse_holding
from privledger.protocol.errors import VerificationError
from privledger.protocol.ids import ZERO_GRANT
from privledger.protocol.request import make_ask, make_request
from privledger.protocol.state import ServiceState
from privledger.sdk.context import Context
from privledger.wallet.notes import OwnedRecord
from privledger_crypto import group
from privledger_crypto.cose import Ed25519Signer
from privledger_crypto.signing import Ed25519PrivateKey

__all__ = [
    "NONCE_SIZE",
    "REQUEST_LIFE",
    "RESPONSE_SEED",
    "OwnerContext",
    "RecordKeys",
    "deposit_digest",
    "keeper_shares",
]

REQUEST_LIFE = 300  # seconds that a request may take to arrive; at most 600 (docs/spec/release.md §1)
NONCE_SIZE = 16  # bytes
RESPONSE_SEED = 32  # bytes of a response key


class OwnerContext(Context):
    """An owner's wallet at a place."""

    __slots__ = ()

    def signer(self, index: int) -> Ed25519Signer:
        """The signer of the record with this index."""
        return Ed25519Signer(Ed25519PrivateKey(keys.record_signing_seed(self.wallet.seed, self.origin, index)))

    def service(self, service: bytes, role: str) -> ServiceState:
        """The proven state of a service that is to act in `role` now.

        Raises:
            VerificationError: the ledger does not name it, or not for this, or not now.
        """
        state = self.view.service(service)
        if state is None or state.role != role:
            raise VerificationError(f"the ledger names no {role} {service.hex()}")
        if not state.valid_from <= self.clock() <= state.valid_until:
            raise VerificationError(
                f"the {role} {service.hex()} is not valid now", hint="Its operator must renew the `service` entry."
            )
        return state

    def confirm(self, holding: bytes, deposit: bytes, service: bytes, key: bytes) -> Holding:
        """Check that a service confirms, by its key, to hold what `deposit` says.

        Raises:
            VerificationError: it confirms something else, or another signed.
        """
        held = parse_holding(holding, self.origin)
        if held.key != key or held.service != service:
            raise VerificationError("the confirmation of a deposit is signed by another service")
        if held.deposit != deposit_digest(deposit):
            raise VerificationError("the service confirms another deposit than the one it was given")
        return held

    def request(self, owned: OwnedRecord, services: Sequence[bytes], response_key: bytes = b"") -> bytes:
        """The owner's own request for a record (grant zero, number 0)."""
        return make_request(
            self.signer(owned.index),
            origin=self.origin,
            record=owned.record,
            grant=ZERO_GRANT,
            services=tuple(sorted(services)),
            epoch=owned.epoch,
            number=0,
            response_key=response_key,
            nonce=self.random_bytes(NONCE_SIZE),
            expiry=self.clock() + REQUEST_LIFE,
        )

    def ask(self, record: bytes, index: int, grant: bytes, what: str, service: bytes, *, map_key: bytes = b"") -> bytes:
        """An `ask` statement for receipts (under a map key of 32 bytes) or for a certificate."""
        return make_ask(
            self.signer(index),
            origin=self.origin,
            record=record,
            grant=grant,
            what=what,
            service=service,
            nonce=self.random_bytes(NONCE_SIZE),
            expiry=self.clock() + REQUEST_LIFE,
            map_key=map_key,
        )

    def deposit(
        self,
        index: int,
        *,
        record: bytes,
        epoch: int,
        what: str,
        action: str,
        service: bytes,
        size: int,
        digest: bytes,
        item: bytes = b"",
        share: ShareSlot | None = None,
    ) -> bytes:
        """A deposit statement by the key of the record with this index."""
        return make_deposit(
            self.signer(index),
            origin=self.origin,
            record=record,
            epoch=epoch,
            what=what,
            action=action,
            service=service,
            size=size,
            digest=digest,
            item=item,
            share=share,
        )


def deposit_digest(deposit: bytes) -> bytes:
    """What a holding statement names: SHA-256 of the deposit statement."""
    return hashlib.sha256(deposit).digest()


@dataclass(frozen=True, slots=True)
class RecordKeys:
    """The keys of one record and epoch that the seed and `B` give."""

    grantee_part: bytes = field(repr=False)
    data: bytes = field(repr=False)
    owner: bytes = field(repr=False)
    head: bytes = field(repr=False)

    @classmethod
    def derive(
        cls, seed: bytes, origin: str, *, record: bytes, index: int, epoch: int, keepers_part: int
    ) -> RecordKeys:
        """Derive them all (docs/spec/conventions.md §4)."""
        a = keys.grantee_part(seed, origin, index, epoch)
        o = keys.owner_part(seed, origin, index, epoch)
        return cls(
            a,
            keys.data_key(a, keepers_part, origin, record, epoch),
            keys.owner_key(o, keepers_part, origin, record, epoch),
            keys.capsule_head_key(seed, origin, record),
        )

    @classmethod
    def of(cls, context: OwnerContext, owned: OwnedRecord) -> RecordKeys:
        """Of a record in the wallet."""
        return cls.derive(
            context.wallet.seed,
            context.origin,
            record=owned.record,
            index=owned.index,
            epoch=owned.epoch,
            keepers_part=group.parse_scalar(owned.keepers_part),
        )


def keeper_shares(owned: OwnedRecord) -> tuple[KeeperShare, ...]:
    """The keepers of a record, as capsules and key parts name them."""
    return tuple(KeeperShare(*keeper) for keeper in owned.keepers)
