"""A wallet at a place: what owners' and grantees' operations share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from privledger.protocol.trust import parse_trust_root
from privledger.sdk.ports import Keeper, Place, Vault
from privledger.sdk.view import LedgerView
from privledger.wallet.notes import Notebook
from privledger.wallet.store import Wallet

__all__ = ["Context"]


@dataclass(frozen=True, slots=True)
class Context:
    """The parts that an operation works with; answers of the place are checked by `view`."""

    wallet: Wallet
    notebook: Notebook
    view: LedgerView
    vault: Vault
    keepers: Sequence[Keeper]
    clock: Callable[[], int]
    random_bytes: Callable[[int], bytes] = field(repr=False)

    @classmethod
    def at(
        cls, wallet: Wallet, place: Place, *, clock: Callable[[], int], random_bytes: Callable[[int], bytes]
    ) -> Self:
        """A wallet at a place, under the trust root that the wallet pinned."""
        view = LedgerView(place.ledger, parse_trust_root(wallet.trust_root()), memory=wallet, clock=clock)
        return cls(wallet, Notebook(wallet), view, place.vault, place.keepers, clock, random_bytes)

    @property
    def origin(self) -> str:
        """The ledger's origin."""
        return self.view.origin
