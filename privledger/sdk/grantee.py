"""A grantee: addresses, access requests, an inbox of grants, and reading (design §7).

    grantee = Grantee(wallet, place, clock=clock, random_bytes=os.urandom)
    address = grantee.new_address("city planning")
    ...                                            # the owner grants to it
    note = grantee.accept(record, grant)           # or grantee.inbox()
    with open("march.csv", "wb") as sink:
        descriptor = grantee.read(record, grant, sink)

Left to others: files and how people see them (`privledger.cli`).
"""

from __future__ import annotations

from collections.abc import Callable

from privledger.protocol.address import make_access_request, make_address
from privledger.protocol.descriptor import Descriptor
from privledger.protocol.entries import GrantEntry, is_block, parse_entry
from privledger.protocol.errors import AuthorisationError, FormatError, UnavailableError, VerificationError
from privledger.protocol.grantenvelope import open_grant
from privledger.protocol.terms import Terms, parse_terms
from privledger.sdk.ports import Place
from privledger.sdk.reading import (
    GranteeContext,
    OpenedRecord,
    check_grant,
    finished,
    open_record,
    verify_received,
)
from privledger.sdk.streams import Progress, Sink
from privledger.wallet.notes import ReceivedGrant
from privledger.wallet.store import Wallet
from privledger_crypto import cbor, group

__all__ = ["Grantee"]

_NONCE_SIZE = 16  # bytes
_LEAVES_AT_A_TIME = 1_024


class Grantee:
    """What a sharing app, a researcher or an insurer does with a wallet at a place."""

    def __init__(
        self, wallet: Wallet, place: Place, *, clock: Callable[[], int], random_bytes: Callable[[int], bytes]
    ) -> None:
        self._context = GranteeContext.at(wallet, place, clock=clock, random_bytes=random_bytes)

    # --- addresses ----------------------------------------------------------------------------------------------

    def new_address(self, label: str) -> bytes:
        """A new address, as a signed statement; `label` is what owners will see."""
        context = self._context
        number = context.wallet.reserve_address()
        secret, _ = context.spend(number)
        statement = make_address(secret, context.kem(number).public, label, context.origin, context.random_bytes)
        context.wallet.put("addresses", number.to_bytes(4, "big"), "address", statement)
        return statement

    def addresses(self) -> list[bytes]:
        """The addresses that this wallet made, in order."""
        return [value for _, _, value in self._context.wallet.items("addresses") if isinstance(value, bytes)]

    def _number_of(self, address: bytes) -> int:
        for group_name, _, value in self._context.wallet.items("addresses"):
            if value == address:
                return int.from_bytes(group_name, "big")
        raise UnavailableError(
            "this wallet made no such address", code="not_found", hint="Make one: `privledger address`."
        )

    def request_access(self, address: bytes, terms: Terms, text: str) -> bytes:
        """Ask an owner for access: a statement signed by the address, with the terms wanted."""
        context = self._context
        secret, _ = context.spend(self._number_of(address))
        return make_access_request(
            secret,
            address,
            terms,
            text,
            nonce=context.random_bytes(_NONCE_SIZE),
            time=context.clock(),
            origin=context.origin,
            random_bytes=context.random_bytes,
        )

    # --- inbox --------------------------------------------------------------------------------------------------

    def inbox(self, since: int = 0) -> list[ReceivedGrant]:
        """Look through the grants of the log from index `since` for envelopes that this wallet opens, and keep them.

        Grants that were revoked, or whose envelope is not there yet, are passed over.
        """
        context = self._context
        checkpoint = context.view.fresh()
        found = []
        for start in range(since, checkpoint.size, _LEAVES_AT_A_TIME):
            for leaf in context.view.port.leaves(start, min(start + _LEAVES_AT_A_TIME, checkpoint.size)):
                if is_block(leaf):
                    continue
                body = parse_entry(leaf).body
                if isinstance(body, GrantEntry):
                    note = self._try(body.record, body.grant)
                    if note is not None:
                        found.append(note)
        return found

    def _try(self, record: bytes, grant: bytes) -> ReceivedGrant | None:
        try:
            return self.accept(record, grant)
        except (AuthorisationError, UnavailableError, VerificationError, FormatError):
            return None

    def accept(self, record: bytes, grant: bytes) -> ReceivedGrant:
        """Fetch the envelope of a grant, open it, compare it with the chain, and keep it.

        Raises:
            AuthorisationError: the grant is not live.
            UnavailableError: no envelope is there (yet).
            VerificationError: it is for somebody else, or disagrees with the chain.
        """
        context = self._context
        known = context.notebook.received_grant(record, grant)
        if known is not None:
            verify_received(context, known)
            return known
        state, _ = check_grant(context, record, grant)
        sealed = context.vault.envelope(record, grant, state.epoch)
        for number in range(context.wallet.config.next_address):
            try:
                key_part, part = open_grant(
                    context.kem(number), sealed, origin=context.origin, record=record, grant=grant, epoch=state.epoch
                )
            except VerificationError:
                continue
            note = ReceivedGrant(
                record=record,
                grant=grant,
                address_number=number,
                key_part=key_part.raw,
                terms=cbor.encode(part.terms.to_value()),
                blinding=group.scalar_to_bytes(part.r),
                seed=part.seed,
                next_read=part.terms.first_read,
            )
            verify_received(context, note)
            context.notebook.save_received(note)
            return note
        raise VerificationError(
            "this grant is for another address than this wallet's",
            code="not_addressee",
            hint="Use the wallet whose address the owner granted to.",
        )

    def received(self) -> list[ReceivedGrant]:
        """The grants that this wallet has accepted, live or not."""
        return self._context.notebook.received()

    def status(self, record: bytes, grant: bytes) -> str:
        """What the chain and the terms say of a received grant: `live`, `revoked`, `erased`, `not yet`, `expired` or `used up`.

        Raises:
            UnavailableError: this wallet did not receive it (code `not_found`), or the place cannot be asked.
        """
        context = self._context
        note = context.notebook.received_grant(record, grant)
        if note is None:
            raise UnavailableError(f"this wallet did not receive grant {grant.hex()}", code="not_found")
        try:
            check_grant(context, record, grant)
        except AuthorisationError as exc:
            return "erased" if exc.code == "record_erased" else "revoked"
        terms, now = parse_terms(cbor.decode(note.terms)), context.clock()
        if not terms.not_before <= now <= terms.not_after:
            return "not yet" if now < terms.not_before else "expired"
        is_used_up = note.pending is None and max(note.next_read, terms.first_read) > terms.last_read
        return "used up" if is_used_up else "live"

    # --- reading ------------------------------------------------------------------------------------------------

    def _open(self, record: bytes, grant: bytes) -> OpenedRecord:
        note = self._context.notebook.received_grant(record, grant) or self.accept(record, grant)
        return open_record(self._context, note)

    def read(self, record: bytes, grant: bytes, sink: Sink, *, progress: Progress | None = None) -> Descriptor:
        """Read the whole record into `sink` and return its descriptor; spends one read number.

        The sink must be a temporary place: what was written counts only if this returns. A read that died is continued under the same
        number by calling this again.
        """
        opened = self._open(record, grant)
        opened.read(sink, progress=progress)
        finished(self._context, record, grant)
        return opened.descriptor

    def read_range(self, record: bytes, grant: bytes, offset: int, length: int) -> bytes:
        """Read `length` bytes from `offset`; spends one read number."""
        opened = self._open(record, grant)
        data = opened.read_range(offset, length)
        finished(self._context, record, grant)
        return data

    def open(self, record: bytes, grant: bytes) -> OpenedRecord:
        """Get the key of a record and read it as often as the object lives, for one read number.

        The caller ends the read with `finish`; until then a crash costs no further number.
        """
        return self._open(record, grant)

    def finish(self, record: bytes, grant: bytes) -> None:
        """End a read that `open` began."""
        finished(self._context, record, grant)
