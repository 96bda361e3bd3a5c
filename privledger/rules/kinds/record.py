"""`record`: a new record, named by the hash of the key that signs."""

from __future__ import annotations

from privledger.protocol.entries import RecordEntry
from privledger.protocol.ids import record_id
from privledger.protocol.state import LIVE, RecordState, record_key
from privledger.rules.view import Changes, Refusal, View


def record(view: View, body: RecordEntry, keys: tuple[bytes, ...], index: int) -> Changes:
    """The id must be new; an erased record keeps its id."""
    key = record_key(record_id(keys[0]))
    if view.get(key) is not None:
        raise Refusal("record_exists", f"record {key[1:].hex()} exists")
    return ((key, RecordState(LIVE, keys[0], body.commitment, 0, index, None, index).to_bytes()),)
