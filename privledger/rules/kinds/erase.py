"""`erase`: the end of a record, for good."""

from __future__ import annotations

from dataclasses import replace

from privledger.protocol.entries import EraseEntry
from privledger.protocol.state import ERASED, record_key
from privledger.rules.view import Changes, View, live_record


def erase(view: View, body: EraseEntry, keys: tuple[bytes, ...], index: int) -> Changes:
    """The record must live; its value stays, so that its key can still ask for certificates."""
    found = live_record(view, body.record, keys)
    return ((record_key(body.record), replace(found, status=ERASED, changed=index).to_bytes()),)
