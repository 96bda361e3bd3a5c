"""Signed `revoke` and `erase` entries that were handed to a service before their block (docs/spec/release.md §2).

One binds from the moment it is taken, through restarts, until the chain says the same; then the chain decides and the
file goes. Only one signed by the record key in the state counts, so a key that was replaced can end nothing.

    <directory>/<record>/<SHA-256 of the entry>

Left to others: refusing (`privledger.replica.checks`), and submitting the entry to the ledger, which whoever hands it over
does as well.
"""

from __future__ import annotations

from pathlib import Path

from privledger.protocol.entries import Entry, EraseEntry, RevokeEntry, admit, parse_entry
from privledger.protocol.errors import FormatError, VerificationError
from privledger.protocol.state import RecordState
from privledger.rules.state import State
from privledger.storage import files

__all__ = ["Notices"]

_MAX_LEAF = 512  # bytes, docs/spec/entries.md §1


class Notices:
    """The notices that a service holds, in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        files.make_directory(directory)

    def take(self, leaf: bytes, state: State, *, origin: str) -> None:
        """Keep a signed revoke or erase, durably; nothing is kept of one that the chain already carries.

        Raises:
            FormatError: not a `revoke` or `erase` entry.
            VerificationError: not signed for this ledger by the key of a record in `state`.
        """
        entry = admit(leaf, origin=origin)
        if not isinstance(entry.body, EraseEntry | RevokeEntry):
            raise FormatError(f"a notice is a revoke or an erase, not a {entry.kind}", code="unknown_kind")
        record = state.record(entry.body.record)
        if record is None or entry.keys != (record.key,):
            raise VerificationError("this notice is not signed by the key of a record here", code="wrong_key")
        if not _is_on_chain(entry, record, state):
            path = self._directory / entry.body.record.hex() / entry.digest.hex()
            files.make_directory(path.parent)
            files.write_atomic(path, leaf)

    def binding(self, record: bytes, state: State) -> list[EraseEntry | RevokeEntry]:
        """What binds for this record now; what the chain carries by now is dropped."""
        directory = self._directory / record.hex()
        found = state.record(record)
        if found is None or not directory.is_dir():
            return []
        bodies: list[EraseEntry | RevokeEntry] = []
        for path in sorted(directory.iterdir()):
            if path.name.startswith(files.TEMPORARY_PREFIX):
                continue
            entry = parse_entry(files.read_bytes(path, max_size=_MAX_LEAF))
            if _is_on_chain(entry, found, state):
                files.remove(path)
            elif entry.keys == (found.key,) and isinstance(entry.body, EraseEntry | RevokeEntry):
                bodies.append(entry.body)
        return bodies


def _is_on_chain(entry: Entry, record: RecordState, state: State) -> bool:
    """Whether the state already holds what the entry says."""
    if not record.is_live:
        return True
    if not isinstance(entry.body, RevokeEntry):
        return False
    body = entry.body
    if body.up_to is not None:
        return record.cut is not None and record.cut >= body.up_to
    grants = [state.grant(body.record, item) for item in body.ids]
    return all(grant is not None and grant.is_revoked for grant in grants)
