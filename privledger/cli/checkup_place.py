"""The health of a place: files, guard against checkpoint, databases against the log, clock, keys, services, what they hold.

First the files are compared as they lie there; then the place is opened, which brings in order what a crash left.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from privledger.cli.checkup import Checkup, check_lock, check_private
from privledger.cli.checkup_held import check_held, live_records, lost_database
from privledger.cli.output import moment, plural
from privledger.cli.session import open_place, read_trust
from privledger.ledger.guard import Guard
from privledger.local import PLACE_FILE, TRUST_ROOT_FILE, LocalPlace
from privledger.protocol.checkpoint import SignedCheckpoint, verify_checkpoint
from privledger.protocol.deposit import parse_deposit_key
from privledger.protocol.trust import TrustRoot
from privledger.storage.files import read_bytes
from privledger.storage.statestore import StateStore

__all__ = ["check_place"]

_AREA = "place"
_MAX_NOTE = 1 << 20  # bytes
_FAR_AHEAD = 5  # seconds that a block may lie ahead of the clock before it is called wrong


def check_place(checkup: Checkup, at: Path, clock: Callable[[], int]) -> bool:
    """Check the place in the directory `at`; returns whether it may be opened without losing more."""
    if not (at / PLACE_FILE).exists():
        checkup.add(
            _AREA,
            "files",
            "not checked",
            f"there is no place in {at}",
            "Give --at PLACE, or make one: `privledger init`.",
        )
        return True
    checkpoint: SignedCheckpoint | None = None
    with checkup.guarding(_AREA, "trust root"):
        trust = read_trust(at / TRUST_ROOT_FILE)
        checkup.add(_AREA, "trust root", "ok", trust.origin)
        operator = at / "operator"
        check_private(checkup, _AREA, at, [operator, at / "keeper", at / "vault", *sorted(operator.glob("*"))])
        check_lock(checkup, _AREA, at / "ledger" / "lock")
        with checkup.guarding(_AREA, "checkpoint"):
            checkpoint = verify_checkpoint(read_bytes(at / "log" / "checkpoint", max_size=_MAX_NOTE), trust)
            checkup.add(_AREA, "checkpoint", "ok", f"both signatures hold, size {checkpoint.size}")
        if checkpoint is not None:
            _check_guard(checkup, at, trust, checkpoint)
            _check_databases(checkup, at, trust, checkpoint)
            _check_clock(checkup, checkpoint, clock())
        if lost_database(at):
            checkup.add(
                _AREA,
                "keeper",
                "wrong",
                "keeper.sqlite is missing, and share files are there; the place was not opened, since that would destroy them",
                "Copy keeper/shares somewhere safe, then restore the newest backup of keeper/ (how-to: back up a place).",
            )
            return False
        _check_open(checkup, at, trust, clock)
    return True


def _check_guard(checkup: Checkup, at: Path, trust: TrustRoot, checkpoint: SignedCheckpoint) -> None:
    with checkup.guarding(_AREA, "guard"):
        guard = Guard(at / "operator" / "guard", origin=trust.origin).read()
        if guard.size == checkpoint.size:
            checkup.judge(
                _AREA,
                "guard",
                guard.root == checkpoint.root,
                f"stands at the published checkpoint, size {guard.size}",
                "The log was forked or replaced. Keep both; restore the newest backup of log and operator together.",
            )
            return
        ahead = guard.size > checkpoint.size
        checkup.add(
            _AREA,
            "guard",
            "warning",
            f"stands at size {guard.size}, the published checkpoint at {checkpoint.size}",
            "A crash left a block that was decided and not published; the next write publishes it. If this stays, the log is an "
            "older copy: restore the newest backup of it."
            if ahead
            else "The operator directory is an older copy; the next write moves the guard forward if the log agrees.",
        )


def _check_databases(checkup: Checkup, at: Path, trust: TrustRoot, checkpoint: SignedCheckpoint) -> None:
    for name, path in (("index", at / "ledger" / "index.sqlite"), ("replica", at / "replica" / "replica.sqlite")):
        if not path.exists():
            checkup.add(
                _AREA, name, "warning", f"{path.name} is missing", "It is built anew from the log at the next use."
            )
            continue
        with checkup.guarding(_AREA, name):
            store = StateStore(path, origin=trust.origin)
            try:
                position = store.position()
            finally:
                store.close()
            size = 0 if position is None else position.size
            same = position is not None and size == checkpoint.size and position.root == checkpoint.root
            behind = size < checkpoint.size
            checkup.judge(
                _AREA,
                name,
                same or behind,
                f"agrees with the log at size {size}"
                if same
                else f"stands at size {size}, the log at {checkpoint.size}",
                "It contradicts the log and is built anew from it at the next use; if not, the log is an older copy.",
            )


def _check_clock(checkup: Checkup, checkpoint: SignedCheckpoint, now: int) -> None:
    ahead = checkpoint.time - now
    checkup.judge(
        _AREA,
        "clock",
        ahead <= _FAR_AHEAD,
        f"this machine says {moment(now)}, the last block {moment(checkpoint.time)}",
        "The clock went back, so no block can be closed. Set it right (NTP), or wait until it has caught up.",
    )


def _check_open(checkup: Checkup, at: Path, trust: TrustRoot, clock: Callable[[], int]) -> None:
    with checkup.guarding(_AREA, "open"), open_place(at) as place:
        place.ledger.fresh()
        checkup.add(_AREA, "open", "ok", "opens, and closes blocks")
        _check_services(checkup, at, place, trust, clock())


def _check_services(checkup: Checkup, at: Path, place: LocalPlace, trust: TrustRoot, now: int) -> None:
    with checkup.guarding(_AREA, "services"):
        place.replica.refresh(trust.max_age)
        check_held(checkup, at, live_records(place.replica.state.items()))
        state, limits = place.replica.state, place.replica.settings.limits
        for role, service in [("vault", place.vault.service), *(("keeper", one.service) for one in place.keepers)]:
            entry = state.service(service)
            valid = entry is not None and entry.role == role and entry.valid_from <= now < entry.valid_until
            checkup.judge(
                _AREA,
                role,
                valid,
                f"{service.hex()} is registered" + (f" until {moment(entry.valid_until)}" if entry is not None else ""),
                "Its `service` entry is missing or over; its operator must renew it.",
            )
        for keeper in place.keepers:
            key = parse_deposit_key(keeper.deposit_key(), trust.origin)
            checkup.judge(
                _AREA,
                "deposit key",
                key.since <= now < key.until <= key.since + limits.deposit_key_life,
                f"{_days(now - key.since)} old, lives until {moment(key.until)}",
                "It lives too long or is over; it is renewed when the place is used.",
            )
            checkup.judge(
                _AREA,
                "receipts",
                not keeper.due(),
                "nothing is due to be posted" if not keeper.due() else "receipts are due to be posted",
                "They are posted when the place is used; if this stays, look for an error of the ledger.",
                otherwise="warning",
            )


def _days(seconds: int) -> str:
    return plural(seconds // 86_400, "day") if seconds >= 86_400 else plural(seconds // 3600, "hour")
