"""One module a kind of entry, and the table that lists them.

A rule is a pure function `(view, body, keys, index) -> changes`; it raises `Refusal`. `rotate` is reserved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from privledger.rules.kinds.erase import erase
from privledger.rules.kinds.grant import grant
from privledger.rules.kinds.ledger import ledger
from privledger.rules.kinds.receipts import receipts
from privledger.rules.kinds.record import record
from privledger.rules.kinds.revoke import revoke
from privledger.rules.kinds.service import service
from privledger.rules.view import Changes, View

__all__ = ["KINDS"]

KINDS: Mapping[str, Callable[[View, Any, tuple[bytes, ...], int], Changes]] = {
    "ledger": ledger,
    "service": service,
    "record": record,
    "erase": erase,
    "grant": grant,
    "revoke": revoke,
    "receipts": receipts,
}
