"""What a vault or a keeper checks in its own view of the chain before it answers: steps 1 to 3 of docs/spec/release.md §2.

    checks.refresh()
    proven = checks.prove(raw)       # steps 1 and 2: one refusal for everything that is wrong
    checks.admit(proven)             # step 3: the refusal says what ended the right

Until control is proven nobody learns whether a record or a grant exists: an unknown one, a bad signature, another
addressee and an expired request are refused with the same words. Left to others: terms and read numbers (steps 4 and 5, the
keeper's), and what is answered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

from privledger.protocol.entries import EraseEntry, LedgerEntry, Limits, RevokeEntry
from privledger.protocol.errors import AuthorisationError, FormatError, UnavailableError, VerificationError
from privledger.protocol.ids import ZERO_GRANT
from privledger.protocol.request import Ask, Request, parse_ask, parse_request
from privledger.protocol.state import GrantState, RecordState
from privledger.replica.notices import Notices
from privledger.rules.state import State
from privledger_crypto.cose import ALG_ED25519, ALG_SIGMA_DLOG

__all__ = ["MAX_LIFE", "Checkpointed", "Proven", "ServiceChecks", "View", "unproven"]

MAX_LIFE = 600  # seconds that a request may lie ahead, docs/spec/release.md §1

# A refresh moves the state in place, and the services of a place share one view: while one of them decides, it must not move.
_STEADY: WeakKeyDictionary[View, threading.RLock] = WeakKeyDictionary()
_STEADY_GUARD = threading.Lock()


class Checkpointed(Protocol):
    """A checkpoint, as far as it matters here."""

    @property
    def size(self) -> int:
        """Leaves of the log."""


class View(Protocol):
    """A service's own view of the chain, which it replayed itself."""

    @property
    def state(self) -> State:
        """What is so at `checkpoint`."""

    @property
    def checkpoint(self) -> Checkpointed:
        """The checkpoint that the view stands at."""

    @property
    def view_time(self) -> int:
        """When this was the newest state, seconds since 1970 UTC."""

    def refresh(self, max_age: int) -> object:
        """Follow the ledger, so that the view is at most `max_age` seconds old. Raises UnavailableError."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A request whose sender controls the grant's key, or the record's (then `grant` is None)."""

    request: Request
    record: RecordState
    grant: GrantState | None


class ServiceChecks:
    """The checks of one service.

    Args:
        view: its replica of the chain.
        service: its id, 16 bytes.
        notices: the revocations and erasures that were handed to it.
        clock: seconds since 1970 UTC.
        latest: the highest time this service is known to have seen, so that a clock set back is noticed.
    """

    def __init__(
        self, view: View, *, service: bytes, notices: Notices, clock: Callable[[], int], latest: int = 0
    ) -> None:
        self.view = view
        self.service = service
        self.notices = notices
        self._clock = clock
        self._latest = latest

    @property
    def state(self) -> State:
        """The state in the view."""
        return self.view.state

    @property
    def settings(self) -> LedgerEntry:
        """The ledger's settings in the view.

        Raises:
            UnavailableError: the view is empty still.
        """
        settings = self.view.state.settings
        if settings is None:
            raise UnavailableError("this service has not seen block 0 of the ledger yet", code="stale_view")
        return settings

    @property
    def origin(self) -> str:
        """The ledger's origin."""
        return self.settings.origin

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Keep other threads' services from moving the view: what is decided in the block is decided on one state."""
        with _STEADY_GUARD:
            lock = _STEADY.setdefault(self.view, threading.RLock())
        with lock:
            yield

    def block_time(self) -> int:
        """The time of the last block in the view."""
        meta = self.state.meta
        return 0 if meta is None else meta.time

    def now(self) -> int:
        """The later of this service's clock and the last block's time."""
        return max(self._reading(), self.block_time())

    def refresh(self, *, beyond: int = 0) -> None:
        """Follow the ledger; an unreachable one is not an error here, since `admit` looks at the age of the view.

        Args:
            beyond: a checkpoint size that the view should have passed; if it has not, the newest is asked for.
        """
        settings = self.view.state.settings
        freshness = Limits().freshness if settings is None else settings.limits.freshness
        try:
            self.view.refresh(freshness)
            if self.view.checkpoint.size <= beyond:
                self.view.refresh(0)
        except UnavailableError:
            return

    def is_stale(self) -> bool:
        """Whether the view is more than F old, or its age cannot be told because the clock went back."""
        reading, freshness = self._reading(), self.settings.limits.freshness
        too_old = reading - self.view.view_time > freshness
        return too_old or reading < max(self._latest, self.block_time()) - freshness

    def prove(self, raw: bytes, *, was_answered: Callable[[Request], bool] | None = None) -> Proven:
        """Steps 1 and 2: canonical, addressed here, unexpired, and signed by the grant's or the record's key.

        Args:
            was_answered: whether this very request was answered before; such a one may be expired.

        Raises:
            AuthorisationError: code `unproven`, always with the same words.
        """
        try:
            request = parse_request(raw, origin=self.origin)
        except (FormatError, VerificationError):
            raise unproven() from None  # what exactly is wrong is nobody's business yet
        if self.service not in request.services or not self._is_timely(request, was_answered):
            raise unproven()
        record = self.state.record(request.record)
        if request.grant == ZERO_GRANT:
            if record is None or (request.algorithm, request.key) != (ALG_ED25519, record.key):
                raise unproven()
            return Proven(request, record, None)
        grant = self.state.grant(request.record, request.grant)
        if record is None or grant is None or (request.algorithm, request.key) != (ALG_SIGMA_DLOG, grant.key):
            raise unproven()
        return Proven(request, record, grant)

    def admit(self, proven: Proven) -> None:
        """Step 3: record live, grant live, nothing signed in hand against it, view fresh, epoch current.

        Raises:
            AuthorisationError: code `record_erased`, `grant_revoked`, `stale_view` or `wrong_epoch`, with the index of the
                entry that ended the right where one did.
        """
        request = proven.request
        self.check_live(request.record, proven.record, request.grant, proven.grant)
        self.check_fresh()
        if request.epoch != proven.record.epoch:
            raise _refused("wrong_epoch", f"the record is in epoch {proven.record.epoch}, not {request.epoch}")

    def check_live(
        self, record_id: bytes, record: RecordState, grant_id: bytes = ZERO_GRANT, grant: GrantState | None = None
    ) -> None:
        """The part of step 3 that looks at record and grant (None: the owner), on the chain and in hand.

        Raises:
            AuthorisationError: code `record_erased` or `grant_revoked`.
        """
        in_hand = self.notices.binding(record_id, self.state)
        if not record.is_live:
            raise _refused("record_erased", "the record was erased", entry=record.changed)
        if any(isinstance(body, EraseEntry) for body in in_hand):
            raise _refused("record_erased", "a signed erase of the record is in hand")
        if grant is not None:
            _check_grant(grant_id, record, grant, in_hand)

    def check_fresh(self) -> None:
        """The part of step 3 that looks at the view's age.

        Raises:
            AuthorisationError: code `stale_view`.
        """
        if self.is_stale():
            freshness = self.settings.limits.freshness
            raise _refused(
                "stale_view",
                f"this service's view of the chain is more than {freshness} seconds old, or its clock went back",
                hint="Try again; if it stays so, the operator must look at the ledger's connection and the clock.",
            )

    def prove_ask(self, raw: bytes, what: str) -> Ask:
        """Check an owner's ask (docs/spec/release.md §5): for `what`, addressed here, unexpired, by the record's key.

        Raises:
            AuthorisationError: code `unproven`, always with the same words.
        """
        try:
            ask = parse_ask(raw, origin=self.origin)
        except (FormatError, VerificationError):
            raise unproven() from None
        record = self.state.record(ask.record)
        if (
            (ask.what, ask.service) != (what, self.service)
            or not self._is_current(ask.expiry)
            or record is None
            or ask.key != record.key
        ):
            raise unproven()
        return ask

    def _reading(self) -> int:
        reading = self._clock()
        self._latest = max(self._latest, reading)
        return reading

    def _is_timely(self, request: Request, was_answered: Callable[[Request], bool] | None) -> bool:
        return self._is_current(request.expiry) or (was_answered is not None and was_answered(request))

    def _is_current(self, expiry: int) -> bool:
        return 0 <= expiry - self.now() <= MAX_LIFE


def unproven() -> AuthorisationError:
    """The one refusal of everything up to step 2."""
    return AuthorisationError(
        "the request does not prove a right to this",
        code="unproven",
        step=2,
        hint="Check the record, the grant, the key, the service asked and the clock, and sign a new request.",
    )


def _check_grant(
    grant_id: bytes, record: RecordState, grant: GrantState, in_hand: list[EraseEntry | RevokeEntry]
) -> None:
    if grant.is_revoked:
        raise _refused("grant_revoked", "the grant was revoked", entry=grant.revoked_by)
    index = -1 if grant.index is None else grant.index
    if record.cut is not None and index <= record.cut:
        raise _refused("grant_revoked", "the grant was revoked with all before it", entry=record.changed)
    for body in in_hand:
        if isinstance(body, RevokeEntry) and (grant_id in body.ids or (body.up_to is not None and index <= body.up_to)):
            raise _refused("grant_revoked", "a signed revoke of the grant is in hand")


def _refused(code: str, message: str, *, entry: int | None = None, hint: str | None = None) -> AuthorisationError:
    where = "" if entry is None else f" by entry {entry}"
    return AuthorisationError(message + where, code=code, step=3, entry=entry, hint=hint)
