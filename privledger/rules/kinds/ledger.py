"""`ledger`: the settings, changed by a quorum of the governance keys that they name so far."""

from __future__ import annotations

from dataclasses import replace

from privledger.protocol.entries import LedgerEntry
from privledger.protocol.state import SETTINGS_KEY, settings_value
from privledger.rules.view import Changes, Refusal, View, require_quorum


def ledger(view: View, body: LedgerEntry, keys: tuple[bytes, ...], _index: int) -> Changes:
    """Entry 0 begins the ledger and is signed by its own quorum; later ones by the quorum of the one before."""
    current = view.settings
    if current is not None and body.origin != current.origin:
        raise Refusal("wrong_origin", f"this ledger is {current.origin}")
    require_quorum(body if current is None else current, keys)
    if current is None and body.rules_version != 1:
        raise Refusal("malformed", "block 0 is under the rules version that entry 0 names, and these are the rules 1")
    due = 0 if current is None else current.seq + 1
    if body.seq != due:
        raise Refusal("bad_sequence", f"the next ledger entry has seq {due}, not {body.seq}")
    if current is not None and replace(body, seq=current.seq) == current:
        raise Refusal("no_change", "the settings are these already")
    return ((SETTINGS_KEY, settings_value(body)),)
