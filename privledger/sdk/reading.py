"""Read a granted record: ask the keepers, check every answer, combine the key, check and decrypt the blob (docs/spec/release.md).

The request and its response key are noted down before anything is sent, because the request spends a read number; they go when the
blob is complete. A read that died is repeated with the same bytes and spends nothing more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from privledger.protocol import keys
from privledger.protocol.answers import Segments
from privledger.protocol.descriptor import Descriptor, open_descriptor
from privledger.protocol.errors import AuthorisationError, UnavailableError, VerificationError
from privledger.protocol.grantenvelope import GrantPart, KeyPart, parse_key_part, verify_grant_part, verify_key_part
from privledger.protocol.receipt import Receipt
from privledger.protocol.request import Request, make_request, parse_request
from privledger.protocol.state import GrantState, RecordState, is_grant_live
from privledger.protocol.statements import OneTimeSigner
from privledger.protocol.terms import encode_opening, parse_terms
from privledger.sdk.context import Context
from privledger.sdk.history import closing_block
from privledger.sdk.owning import NONCE_SIZE, REQUEST_LIFE, RESPONSE_SEED
from privledger.sdk.ports import Vault
from privledger.sdk.releases import collect_shares
from privledger.sdk.streams import BlobSource, Progress, Sink, read_payload, read_range
from privledger.wallet.notes import ReceivedGrant
from privledger_crypto import cbor, group, onetime
from privledger_crypto import errors as crypto_errors
from privledger_crypto.envelope import XWingPrivateKey

__all__ = ["GranteeContext", "OpenedRecord", "blob_source", "check_grant", "open_record"]

_TRIES = 4  # requests in one read; a lying keeper must not make the wallet burn its read numbers


class GranteeContext(Context):
    """A grantee's wallet at a place."""

    __slots__ = ()

    def spend(self, number: int) -> tuple[int, bytes]:
        """Secret and public spend key of address `number`."""
        secret = keys.address_spend(self.wallet.seed, self.origin, number)
        return secret, group.generator().mul(secret).to_bytes()

    def kem(self, number: int) -> XWingPrivateKey:
        """The X-Wing key of address `number`."""
        return XWingPrivateKey.from_seed(keys.address_kem(self.wallet.seed, self.origin, number))


def check_grant(context: GranteeContext, record: bytes, grant: bytes) -> tuple[RecordState, GrantState]:
    """The proven states of a record and of a live grant.

    Raises:
        AuthorisationError: unknown, revoked (names the entry) or erased (names the entry).
    """
    record_state, grant_state = context.view.grant(record, grant)
    if record_state is None or grant_state is None:
        raise AuthorisationError("the ledger knows no such grant", code="unknown_grant", step=3)
    if record_state.status != 0:
        raise AuthorisationError(
            f"the record was erased by {_where(context, record_state.changed)}",
            code="record_erased",
            step=3,
            entry=record_state.changed,
        )
    if not is_grant_live(record_state, grant_state):
        entry = grant_state.revoked_by if grant_state.revoked_by is not None else record_state.changed
        raise AuthorisationError(
            f"the grant was revoked by {_where(context, entry)}",
            code="grant_revoked",
            step=3,
            entry=entry,
            hint="Ask the owner for a new grant: `privledger request`.",
        )
    return record_state, grant_state


def _where(context: GranteeContext, entry: int) -> str:
    """An entry and the block that closed over it, in words."""
    block = closing_block(context.view, entry).block
    moment = datetime.fromtimestamp(block.time, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"entry {entry}, in block {block.height} of {moment} UTC"


def verify_received(context: GranteeContext, note: ReceivedGrant) -> tuple[KeyPart, GrantPart]:
    """Compare what the envelope said with the proven state: `P'`, `T`, the record key and `C`.

    Raises:
        AuthorisationError: the grant is not live. VerificationError: the envelope and the chain disagree.
    """
    record_state, grant_state = check_grant(context, note.record, note.grant)
    key_part = parse_key_part(note.key_part, context.origin)
    part = GrantPart(parse_terms(cbor.decode(note.terms)), group.parse_scalar(note.blinding), note.seed)
    verify_key_part(
        key_part,
        origin=context.origin,
        record=note.record,
        epoch=record_state.epoch,
        key=record_state.key,
        commitment=record_state.commitment,
    )
    _, spend = context.spend(note.address_number)
    verify_grant_part(part, spend=spend, key=grant_state.key, terms=grant_state.terms)
    return key_part, part


@dataclass(frozen=True, slots=True)
class OpenedRecord:
    """A record whose key was released: what is needed to read it, whole or in ranges."""

    descriptor: Descriptor
    key: bytes = field(repr=False)
    context: bytes
    blob_root: bytes
    blob_size: int
    source: BlobSource = field(repr=False)
    receipts: tuple[Receipt, ...] = ()

    def read(self, sink: Sink, *, progress: Progress | None = None) -> None:
        """Write the whole payload to `sink` (a temporary place: it counts only if this returns)."""
        read_payload(
            self.source,
            sink,
            key=self.key,
            context=self.context,
            blob_root=self.blob_root,
            blob_size=self.blob_size,
            size=self.descriptor.size,
            progress=progress,
        )

    def read_range(self, offset: int, length: int) -> bytes:
        """`length` bytes of the payload from `offset`; fetches only the segments that hold them, and the first."""
        return read_range(
            self.source,
            key=self.key,
            context=self.context,
            blob_root=self.blob_root,
            blob_size=self.blob_size,
            size=self.descriptor.size,
            offset=offset,
            length=length,
        )


def blob_source(vault: Vault, request: Callable[[], bytes]) -> BlobSource:
    """Segments from a vault under a request, which is made anew when the old one has expired."""

    def fetch(first: int, count: int) -> tuple[bytes, tuple[bytes, ...]]:
        answer: Segments = vault.segments(request(), first, count)
        try:
            proof = cbor.decode(answer.proof)
        except crypto_errors.CryptoError as exc:
            raise VerificationError("the vault's proof of the segments is malformed") from exc
        if answer.first != first or not isinstance(proof, list):
            raise VerificationError("the vault answered for other segments than it was asked for")
        return answer.data, tuple(part for part in proof if isinstance(part, bytes))

    return fetch


def open_record(context: GranteeContext, note: ReceivedGrant) -> OpenedRecord:
    """Spend a read number (or go on with the one under way) and get the record's key from the keepers.

    Raises:
        AuthorisationError: a keeper or the vault refuses, or no read number is left.
        UnavailableError: too few keepers answered.
        VerificationError: an answer is false.
    """
    key_part, part = verify_received(context, note)
    request, keepers_part, receipts = _released(context, note, key_part, part)
    key = keys.data_key(key_part.part, keepers_part, context.origin, note.record, key_part.epoch)
    for receipt in receipts:
        context.wallet.put("receipts", note.grant, receipt.request.digest + receipt.service, receipt.raw)
    if context.vault.service != key_part.vault:
        raise VerificationError("the record lies in another vault than this place's")

    def current() -> bytes:
        if request.expiry > context.clock():
            return request.raw
        return _make_request(context, note, key_part, request.number, b"")  # the vault takes it under the spent number

    sealed = context.vault.fetch(current(), "descriptor")
    descriptor = open_descriptor(sealed, key, origin=context.origin, record=note.record, epoch=key_part.epoch)
    if hashlib.sha256(descriptor.to_bytes()).digest() != key_part.descriptor_digest:
        raise VerificationError("the descriptor is not the one that the owner committed to")
    return OpenedRecord(
        descriptor,
        key,
        keys.sealing_context("blob", context.origin, note.record, key_part.epoch),
        key_part.blob_root,
        key_part.blob_size,
        blob_source(context.vault, current),
        tuple(receipts),
    )


def _released(
    context: GranteeContext, note: ReceivedGrant, key_part: KeyPart, part: GrantPart
) -> tuple[Request, int, list[Receipt]]:
    """Ask with the request under way, or a new one.

    A request that expired before any keeper saw it is made anew under its number. One whose number was spent by another request (a
    second session, or keepers of which only some had answered) gives way to the next number.
    """
    opening = encode_opening(part.terms, part.r)
    for left in reversed(range(_TRIES)):
        raw, seed = _under_way(context, note, key_part, part)
        request = parse_request(raw, context.origin)
        try:
            keepers_part, receipts = collect_shares(
                context,
                key_part.keepers,
                key_part.t,
                request=request,
                opening=opening,
                response_key=XWingPrivateKey.from_seed(seed),
            )
        except AuthorisationError as exc:
            is_lost = exc.code == "unproven" and request.expiry <= context.clock()
            if not left or not (is_lost or exc.code == "number_used"):
                raise
            _give_up(context, note, raw, number=request.number + (0 if is_lost else 1))
        else:
            return request, keepers_part, receipts
    raise UnavailableError("no keeper answered", code="keepers_away")


def finished(context: GranteeContext, record: bytes, grant: bytes) -> None:
    """The blob is complete: forget the request and its response key."""
    with context.wallet.lock:
        note = context.notebook.received_grant(record, grant)
        if note is not None and note.pending is not None:
            context.notebook.save_received(replace(note, pending=None))


def _under_way(context: GranteeContext, note: ReceivedGrant, key_part: KeyPart, part: GrantPart) -> tuple[bytes, bytes]:
    """The request under way and its response key; a new one is noted down before anything is sent."""
    with context.wallet.lock:
        newest = context.notebook.received_grant(note.record, note.grant) or note
        if newest.pending is not None:
            return newest.pending
        terms = part.terms
        number = max(newest.next_read, terms.first_read)
        if number > terms.last_read:
            raise AuthorisationError(
                f"all reads of this grant are used (read numbers {terms.first_read} to {terms.last_read})",
                code="number_out_of_range",
                step=4,
                hint="Ask the owner for a new grant: `privledger request`.",
            )
        seed = context.random_bytes(RESPONSE_SEED)
        raw = _make_request(context, note, key_part, number, XWingPrivateKey.from_seed(seed).public)
        context.notebook.save_received(replace(newest, pending=(raw, seed), next_read=number + 1))
        return raw, seed


def _give_up(context: GranteeContext, note: ReceivedGrant, raw: bytes, *, number: int) -> None:
    """Drop a request that can have no answer any more; the next one takes `number`."""
    with context.wallet.lock:
        newest = context.notebook.received_grant(note.record, note.grant)
        if newest is not None and newest.pending is not None and newest.pending[0] == raw:
            context.notebook.save_received(replace(newest, pending=None, next_read=number))


def _make_request(
    context: GranteeContext, note: ReceivedGrant, key_part: KeyPart, number: int, response_key: bytes
) -> bytes:
    secret, _ = context.spend(note.address_number)
    one_time = onetime.one_time_secret(secret, note.seed)
    signer = OneTimeSigner(one_time, group.generator().mul(one_time).to_bytes(), context.random_bytes)
    services = {keeper.service for keeper in key_part.keepers} | {key_part.vault}
    return make_request(
        signer,
        origin=context.origin,
        record=note.record,
        grant=note.grant,
        services=tuple(sorted(services)),
        epoch=key_part.epoch,
        number=number,
        response_key=response_key,
        nonce=context.random_bytes(NONCE_SIZE),
        expiry=context.clock() + REQUEST_LIFE,
    )
