"""`service`: a quorum of the governance keys names a service, or renews its key and validity."""

from __future__ import annotations

from dataclasses import replace

from privledger.protocol.entries import ServiceEntry
from privledger.protocol.state import ServiceState, service_key
from privledger.rules.view import Changes, Refusal, View, require_quorum


def service(view: View, body: ServiceEntry, keys: tuple[bytes, ...], _index: int) -> Changes:
    """A service keeps its id and role; key, key file and validity change with the next seq."""
    if view.settings is not None:
        require_quorum(view.settings, keys)
    current = view.service(body.service)
    if current is not None and body.role != current.role:
        raise Refusal("wrong_role", f"service {body.service.hex()} is a {current.role} and stays one")
    due = 0 if current is None else current.seq + 1
    if body.seq != due:
        raise Refusal("bad_sequence", f"the next entry of service {body.service.hex()} has seq {due}, not {body.seq}")
    new = ServiceState(
        body.role,
        body.signing_key,
        body.key_file_digest,
        body.valid_from,
        body.valid_until,
        current.seq if current else 0,
        current.last_b if current else 0,
        current.last_root if current else b"",
    )
    if new == current:
        raise Refusal("no_change", f"service {body.service.hex()} is described like this already")
    return ((service_key(body.service), replace(new, seq=body.seq).to_bytes()),)
