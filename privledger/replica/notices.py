"""Signed `revoke` and `erase` entries that were handed to a service before their block (docs/spec/release.md §2).

One binds from the moment it is taken, through restarts, until the chain says the same; then the chain decides and the
file goes. One that the chain has not carried within the retention limit goes too: it was never submitted, or refused. Only one
signed by the record key in the state counts, so a key that was replaced can end nothing.

    <directory>/<record>/<SHA-256 of the entry>     CBOR [block time when it was taken, entry]

A record has room for 64 of them, since anybody may own a record. An erase has room always, and beside it nothing more is kept.

Left to others: refusing (`privledger.replica.checks`), and submitting the entry to the ledger, which whoever hands it over
does as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from privledger.protocol.entries import Entry, EraseEntry, RevokeEntry, admit, parse_entry
from privledger.protocol.errors import FormatError, UnavailableError, VerificationError
from privledger.protocol.state import RecordState
from privledger.rules.state import State
from privledger.storage import files
from privledger_crypto import cbor
from privledger_crypto import errors as crypto_errors

__all__ = ["MAX_NOTICES", "Notices"]

MAX_NOTICES = 64  # of one record
_MAX_FILE = 1024  # bytes; an entry has at most 512, docs/spec/entries.md §1


@dataclass(frozen=True, slots=True)
class _Notice:
    """An entry in hand, the block time when it was taken, and its file."""

    taken: int
    entry: Entry
    path: Path


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
            UnavailableError: 64 are in hand for this record (code `too_many_notices`); it binds when the chain carries it.
        """
        entry = admit(leaf, origin=origin)
        if not isinstance(entry.body, EraseEntry | RevokeEntry):
            raise FormatError(f"a notice is a revoke or an erase, not a {entry.kind}", code="unknown_kind")
        record = state.record(entry.body.record)
        if record is None or entry.keys != (record.key,):
            raise VerificationError("this notice is not signed by the key of a record here", code="wrong_key")
        if _is_on_chain(entry, record, state):
            return
        held = self._held(entry.body.record, record, state)
        if any(isinstance(one.entry.body, EraseEntry) or one.entry.leaf == leaf for one in held):
            return  # it binds already
        if len(held) >= MAX_NOTICES and not isinstance(entry.body, EraseEntry):
            raise UnavailableError(
                f"{MAX_NOTICES} revocations of this record are in hand, and the chain carries none of them",
                code="too_many_notices",
                hint="Submit them to the ledger; this one binds as soon as the chain carries it.",
            )
        path = self._directory / entry.body.record.hex() / entry.digest.hex()
        files.make_directory(path.parent)
        files.write_atomic(path, cbor.encode([_time(state), leaf]))

    def binding(self, record: bytes, state: State) -> list[EraseEntry | RevokeEntry]:
        """What binds for this record now; what the chain carries by now is dropped."""
        found = state.record(record)
        if found is None:
            return []
        bodies = [one.entry.body for one in self._held(record, found, state) if one.entry.keys == (found.key,)]
        return [body for body in bodies if isinstance(body, EraseEntry | RevokeEntry)]

    def sweep(self, state: State) -> None:
        """Drop what the chain carries by now, and what it has not carried within the retention limit, of every record."""
        for directory in sorted(path for path in self._directory.iterdir() if path.is_dir()):
            record = bytes.fromhex(directory.name)
            found = state.record(record)
            if found is not None:
                self._held(record, found, state)
            files.sweep_temporary(directory)

    def _held(self, record: bytes, found: RecordState, state: State) -> list[_Notice]:
        """The notices on a record that stand; the files of others are removed."""
        directory = self._directory / record.hex()
        if not directory.is_dir():
            return []
        # By block time, not by this machine's clock: the chain was there to carry them, and did not.
        limit = 0 if state.settings is None else state.settings.limits.deposit_retention
        standing = []
        for path in sorted(directory.iterdir()):
            if path.name.startswith(files.TEMPORARY_PREFIX):
                continue
            notice = _read(path)
            if _is_on_chain(notice.entry, found, state) or _time(state) - notice.taken > limit:
                files.remove(path)
            else:
                standing.append(notice)
        return standing


def _read(path: Path) -> _Notice:
    try:
        match cbor.decode(files.read_bytes(path, max_size=_MAX_FILE)):
            case [int() as taken, bytes() as leaf]:
                return _Notice(taken, parse_entry(leaf), path)
    except crypto_errors.FormatError as exc:
        raise FormatError(f"the notice {path.name} is damaged: {exc}") from exc
    raise FormatError(f"the notice {path.name} is damaged")


def _time(state: State) -> int:
    """The time of the last block."""
    return 0 if state.meta is None else state.meta.time


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
