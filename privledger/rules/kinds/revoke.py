"""`revoke`: the end of grants, by id (known or not) or all up to an index."""

from __future__ import annotations

from dataclasses import replace

from privledger.protocol.entries import RevokeEntry
from privledger.protocol.state import REVOKED, GrantState, grant_key, record_key
from privledger.rules.view import Changes, Refusal, View, live_record


def revoke(view: View, body: RevokeEntry, keys: tuple[bytes, ...], index: int) -> Changes:
    """At least one id must not be revoked yet, or the cut must rise; an unknown id is noted, so it can never be granted."""
    found = live_record(view, body.record, keys)
    if body.up_to is not None:
        if body.up_to >= index:
            # A cut in the future would revoke grants that their owner has yet to make.
            raise Refusal("bad_sequence", f"this is entry {index}, so nothing up to {body.up_to} can be revoked yet")
        if found.cut is not None and body.up_to <= found.cut:
            raise Refusal("no_change", f"every grant up to {found.cut} is revoked already")
        return ((record_key(body.record), replace(found, cut=body.up_to, changed=index).to_bytes()),)
    changes = []
    for grant in body.ids:
        current = view.grant(body.record, grant)
        if current is None:
            new = GrantState(REVOKED, b"", b"", None, index)
        elif current.is_revoked:
            continue
        else:
            new = replace(current, status=REVOKED, revoked_by=index)
        changes.append((grant_key(body.record, grant), new.to_bytes()))
    if not changes:
        raise Refusal("no_change", "every one of these ids is revoked already")
    return changes
