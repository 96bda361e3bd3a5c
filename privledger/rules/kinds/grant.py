"""`grant`: a new id in a live record. An id that was ever granted or revoked there is spent."""

from __future__ import annotations

from privledger.protocol.entries import GrantEntry
from privledger.protocol.state import GRANTED, GrantState, grant_key
from privledger.rules.view import Changes, Refusal, View, live_record


def grant(view: View, body: GrantEntry, keys: tuple[bytes, ...], index: int) -> Changes:
    """The same id in another record is another grant."""
    live_record(view, body.record, keys)
    found = view.grant(body.record, body.grant)
    if found is not None and found.is_revoked:
        raise Refusal("grant_revoked", f"grant {body.grant.hex()} was revoked by entry {found.revoked_by}")
    if found is not None:
        raise Refusal("grant_exists", f"grant {body.grant.hex()} was granted by entry {found.index}")
    return ((grant_key(body.record, body.grant), GrantState(GRANTED, body.key, body.terms, index, None).to_bytes()),)
