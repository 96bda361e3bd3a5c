"""`receipts`: a keeper posts the root of its receipt map for the checkpoint sizes (a, b]."""

from __future__ import annotations

from dataclasses import replace

from privledger.protocol.entries import ReceiptsEntry
from privledger.protocol.state import service_key
from privledger.rules.view import Changes, Refusal, View


def receipts(view: View, body: ReceiptsEntry, keys: tuple[bytes, ...], _index: int) -> Changes:
    """Periods follow each other without a gap, and end at the last checkpoint at the latest."""
    found = view.service(body.service)
    if found is None:
        raise Refusal("unknown_service", f"there is no service {body.service.hex()}")
    if keys != (found.signing_key,):
        raise Refusal("wrong_key", f"only service {body.service.hex()} signs its receipts entries")
    if found.role != "keeper":
        raise Refusal("wrong_role", f"a {found.role} gives no receipts")
    if not found.is_valid_at(view.time):
        raise Refusal("service_expired", f"service {body.service.hex()} is not valid at {view.time}")
    if body.a != found.last_b or not body.a < body.b <= view.published:
        raise Refusal(
            "bad_sequence", f"the next period begins at {found.last_b} and ends at {view.published} or before"
        )
    return ((service_key(body.service), replace(found, last_b=body.b, last_root=body.root).to_bytes()),)
