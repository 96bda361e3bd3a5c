"""Whether keeper and vault of a place still hold what its live records need. Files are looked at as they lie; nothing is opened.

Left to others: whether the bytes are whole (`privledger audit`), and the rest of the place (`checkup_place`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from privledger.cli.checkup import Checkup
from privledger.cli.output import plural
from privledger.protocol.errors import UnavailableError
from privledger.protocol.state import record_key, record_unchecked
from privledger.storage.files import storage_errors

__all__ = ["check_held", "live_records", "lost_database", "shares_held"]

_AREA = "place"
_RECORD = record_key(b"")
_OBJECTS = ("blob", "descriptor", "capsule")
_DIGEST = 64  # hex digits
_NAMED = 5  # records that a message names


def live_records(items: Iterable[tuple[bytes, bytes]]) -> dict[bytes, int]:
    """The epoch of every live record in the items of a state."""
    records = ((name[1:], record_unchecked(value)) for name, value in items if name[:1] == _RECORD)
    return {record: state.epoch for record, state in records if state.is_live}


def lost_database(at: Path) -> bool:
    """Whether the keeper's database is gone and share files remain: who opens the place then loses these too."""
    keeper = at / "keeper"
    return not (keeper / "keeper.sqlite").exists() and bool(shares_held(keeper))


def shares_held(keeper: Path) -> set[tuple[str, ...]]:
    """The share files in the directory of a keeper: record, epoch and digest, as they stand in the names."""
    with storage_errors(keeper):
        files = list((keeper / "shares").glob("*.*.*"))
        return {tuple(path.name.split(".")) for path in files if path.is_file() and path.stat().st_size}


def check_held(checkup: Checkup, at: Path, live: dict[bytes, int]) -> None:
    """Look for the share, and for blob, descriptor and capsule, of every live record (record -> epoch)."""
    with checkup.guarding(_AREA, "shares"):
        held = {(record, epoch) for record, epoch, _ in shares_held(at / "keeper")}
        without = [record for record, epoch in live.items() if (record.hex(), str(epoch)) not in held]
        checkup.judge(
            _AREA,
            "shares",
            not without,
            _text("the keeper holds a share of", "the keeper holds no share of", live, without),
            "Stop what uses the place and restore the newest backup of keeper/ (how-to: back up a place). Until then owners still "
            "read by their wallets' notes, and grantees cannot read.",
        )
    with checkup.guarding(_AREA, "objects"):
        lacking = [record for record, epoch in live.items() if not _holds(at / "vault", record, epoch)]
        checkup.judge(
            _AREA,
            "objects",
            not lacking,
            _text(
                "the vault holds blob, descriptor and capsule of",
                "the vault lacks blob, descriptor or capsule of",
                live,
                lacking,
            ),
            "Stop what uses the place and restore the newest backup of vault/. Until then nobody can read these records, not even "
            "their owner.",
        )


def _holds(vault: Path, record: bytes, epoch: int) -> bool:
    """Whether each object of a record has its deposit and bytes that a digest names."""
    directory = vault / "records" / record.hex() / str(epoch)
    try:
        with storage_errors(directory):
            names = {path.name for path in directory.iterdir()}
    except UnavailableError as exc:
        if exc.code != "not_found":
            raise
        return False
    return all(
        f"{what}.deposit" in names
        and any(name.startswith(f"{what}.") and len(name) == len(what) + 1 + _DIGEST for name in names)
        for what in _OBJECTS
    )


def _text(fine: str, wrong: str, live: dict[bytes, int], bad: Sequence[bytes]) -> str:
    if not bad:
        return f"{fine} each of {plural(len(live), 'live record')}"
    named = ", ".join(record.hex()[:8] for record in bad[:_NAMED]) + (" …" if len(bad) > _NAMED else "")
    return f"{wrong} {len(bad)} of {plural(len(live), 'live record')}: {named}"
