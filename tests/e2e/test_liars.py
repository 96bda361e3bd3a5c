"""Ledgers, vaults and keepers that lie: what they answer is an error of the reader, never a result."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from privledger.protocol.answers import Release, Segments
from privledger.protocol.errors import PrivledgerError, UnavailableError, VerificationError
from privledger.protocol.ids import ZERO_GRANT
from privledger.protocol.light import StateAnswer
from privledger.protocol.outcomes import Accepted, Already
from privledger.protocol.receipt import FIRST_HEAD, make_receipt, seal_response
from privledger.protocol.request import parse_request
from privledger.protocol.state import grant_key, record_key
from privledger_crypto.cose import Ed25519Signer
from privledger_crypto.shares import Share
from privledger_crypto.signing import Ed25519PrivateKey
from tests.support.town import Town
from tests.support.wrapped import answering

PAYLOAD = os.urandom(2_500_000)  # three segments


def owner_with(town: Town, name: str, answer: Callable[..., Any]):
    """The owner at a place where calls of this name are answered by `answer(call, …)`."""
    return town.owner_of(town.owner_wallet, answering(town.place, name, answer))


def app_with(town: Town, name: str, answer: Callable[..., Any]):
    """The app at such a place."""
    return town.grantee_of(town.app._context.wallet, answering(town.place, name, answer))


@pytest.fixture
def shared(town: Town) -> tuple[Town, bytes, bytes]:
    """A record of three segments, granted to the app, never read."""
    record = town.put(PAYLOAD)
    return town, record, town.grant(record, town.app).grant


def flip_bit(data: bytes, position: int) -> bytes:
    """The same bytes with one bit changed."""
    changed = bytearray(data)
    changed[position] ^= 1
    return bytes(changed)


class Tape:
    """A sink that counts what it was given."""

    def __init__(self) -> None:
        self.data = io.BytesIO()

    def write(self, data: bytes) -> int:
        return self.data.write(data)


# --- the ledger ---------------------------------------------------------------------------------------------------


def test_a_ledger_that_shows_an_old_state_hides_no_revocation(shared: tuple[Town, bytes, bytes]) -> None:
    town, record, grant = shared
    kept = town.ledger.state([record_key(record), grant_key(record, grant)])
    town.advance(60)
    town.owner.revoke(record, [grant])
    liar = app_with(town, "ledger.state", lambda call, keys: kept)
    with pytest.raises(UnavailableError) as caught:
        liar.accept(record, grant)
    assert caught.value.code == "stale_view"


def changed_value(answer: StateAnswer) -> StateAnswer:
    (key, value, proof), *rest = answer.items
    assert value is not None
    return replace(answer, items=((key, value[:-1] + bytes([value[-1] ^ 1]), proof), *rest))


def denied_value(answer: StateAnswer) -> StateAnswer:
    (key, _, proof), *rest = answer.items
    return replace(answer, items=((key, None, proof), *rest))


def changed_path(answer: StateAnswer) -> StateAnswer:
    return replace(answer, block_path=(bytes(32), *answer.block_path[1:]))


def without_signature(answer: StateAnswer) -> StateAnswer:
    lines = answer.note.splitlines(keepends=True)
    return replace(answer, note=b"".join(lines[:-1]))


def nothing_asked(answer: StateAnswer) -> StateAnswer:
    return replace(answer, items=())


@pytest.mark.parametrize("lie", [changed_value, denied_value, changed_path, without_signature, nothing_asked])
def test_a_false_proof_is_found(shared: tuple[Town, bytes, bytes], lie: Callable[[StateAnswer], StateAnswer]) -> None:
    town, record, grant = shared
    liar = app_with(town, "ledger.state", lambda call, keys: lie(call(keys)))
    with pytest.raises(VerificationError):
        liar.accept(record, grant)


def test_the_block_before_the_last_proves_no_state(shared: tuple[Town, bytes, bytes]) -> None:
    """The grant was live in that block, and its leaf stands in the log; only the last block names the state."""
    town, record, grant = shared
    keys = [record_key(record), grant_key(record, grant)]
    earlier = town.ledger.state(keys)
    town.owner.revoke(record, [grant])
    now = town.ledger.state(keys)
    position = int(earlier.note.split(b"\n")[1]) - 1
    path = tuple(town.ledger.inclusion(position, int(now.note.split(b"\n")[1])))
    forged = replace(earlier, note=now.note, block_path=path)
    liar = app_with(town, "ledger.state", lambda call, keys: forged)
    with pytest.raises(VerificationError, match="names the state"):
        liar.accept(record, grant)


@pytest.mark.parametrize("outcome", [Accepted(2), Accepted(10**6), Already(0)])
def test_an_entry_that_the_ledger_swallows_is_missed_at_once(town: Town, outcome: Accepted | Already) -> None:
    liar = owner_with(town, "ledger.submit", lambda call, entries: [outcome for _ in entries])
    with pytest.raises(VerificationError) as caught:
        liar.put(io.BytesIO(b"x"), title="x")
    assert caught.value.code == "swallowed"
    assert liar.owned() == []


def test_a_revocation_that_the_ledger_swallows_is_missed_and_binds_the_keeper(
    shared: tuple[Town, bytes, bytes],
) -> None:
    town, record, grant = shared
    town.app.accept(record, grant)
    liar = owner_with(town, "ledger.submit", lambda call, entries: [Accepted(3) for _ in entries])
    with pytest.raises(VerificationError) as caught:
        liar.revoke(record, [grant])
    assert caught.value.code == "swallowed"
    with pytest.raises(PrivledgerError) as refused:
        town.read(record, grant, town.app)
    assert refused.value.code == "grant_revoked"


def test_an_answer_too_few_is_refused(town: Town) -> None:
    liar = owner_with(town, "ledger.submit", lambda call, entries: [])
    with pytest.raises(VerificationError):
        liar.put(io.BytesIO(b"x"), title="x")


def test_an_entry_shown_in_the_place_of_another_is_found(shared: tuple[Town, bytes, bytes]) -> None:
    town, record, _ = shared
    liar = owner_with(town, "ledger.leaves", lambda call, start, end: call(start - 1, end - 1))
    with pytest.raises(VerificationError):
        liar.show(record)


# --- the vault ----------------------------------------------------------------------------------------------------


def flipped(answer: Segments) -> Segments:
    return replace(answer, data=flip_bit(answer.data, len(answer.data) // 2))


def cut_short(answer: Segments) -> Segments:
    return replace(answer, data=answer.data[:-1])


def empty(answer: Segments) -> Segments:
    return replace(answer, data=b"")


def lengthened(answer: Segments) -> Segments:
    return replace(answer, data=answer.data + b"\0")


def misplaced(answer: Segments) -> Segments:
    return replace(answer, first=answer.first + 1)


@pytest.mark.parametrize("lie", [flipped, cut_short, empty, lengthened, misplaced])
def test_a_vault_that_serves_other_bytes_is_found(
    shared: tuple[Town, bytes, bytes], lie: Callable[[Segments], Segments]
) -> None:
    town, record, grant = shared
    liar = app_with(town, "vault.segments", lambda call, *asked: lie(call(*asked)))
    with pytest.raises(PrivledgerError):
        liar.read(record, grant, Tape())


def test_a_range_of_other_bytes_is_found(shared: tuple[Town, bytes, bytes]) -> None:
    town, record, grant = shared

    def swap(call: Callable[..., Segments], request: bytes, first: int, count: int) -> Segments:
        return call(request, first, count) if first == 0 else replace(call(request, 0, count), first=first)

    with pytest.raises(VerificationError):
        app_with(town, "vault.segments", swap).read_range(record, grant, 1_500_000, 10)


def test_a_range_without_its_proof_is_refused(shared: tuple[Town, bytes, bytes]) -> None:
    town, record, grant = shared
    liar = app_with(town, "vault.segments", lambda call, *asked: replace(call(*asked), proof=b"\x80"))
    with pytest.raises(VerificationError):
        liar.read_range(record, grant, 1_500_000, 10)


def test_the_blob_of_another_record_is_found(shared: tuple[Town, bytes, bytes]) -> None:
    town, record, grant = shared
    other = town.put(os.urandom(len(PAYLOAD)))
    context = town.owner.context
    request = context.request(context.notebook.record(other), [town.vault.service])
    liar = app_with(town, "vault.segments", lambda call, _request, first, count: call(request, first, count))
    with pytest.raises(VerificationError, match="not what the owner sealed"):
        liar.read(record, grant, Tape())


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: flip_bit(data, -1), lambda data: b""])
@pytest.mark.parametrize("name", ["vault.fetch", "vault.envelope"])
def test_a_changed_descriptor_or_envelope_is_found(
    shared: tuple[Town, bytes, bytes], name: str, change: Callable[[bytes], bytes]
) -> None:
    town, record, grant = shared
    liar = app_with(town, name, lambda call, *asked: change(call(*asked)))
    with pytest.raises((VerificationError, PrivledgerError)):
        liar.read(record, grant, Tape())


def test_an_upload_that_the_vault_confirms_falsely_ends_the_put(town: Town) -> None:
    """It signs for the deposit before: the confirmation names another statement."""
    kept: list[bytes] = []

    def stale(call: Callable[..., bytes], *asked: object, **more: object) -> bytes:
        kept.append(call(*asked, **more))
        return kept[0]

    liar = owner_with(town, "vault.put", stale)
    with pytest.raises(VerificationError, match="another deposit"):
        liar.put(io.BytesIO(b"x"), title="x")
    assert town.owner.records() == []


# --- the keeper ---------------------------------------------------------------------------------------------------


def test_a_keeper_that_releases_another_share_is_found(shared: tuple[Town, bytes, bytes]) -> None:
    town, record, grant = shared

    def other_share(call: Callable[..., Release], request: bytes, opening: bytes) -> Release:
        asked = parse_request(request, town.trust.origin)
        share = seal_response(asked, Share(1, 12345), origin=town.trust.origin, service=town.keepers[0].service)
        return replace(call(request, opening), share=share)

    with pytest.raises(VerificationError, match="not the one that was deposited"):
        app_with(town, "keeper.release", other_share).read(record, grant, Tape())


def test_a_share_that_is_no_sealed_share_is_found(shared: tuple[Town, bytes, bytes]) -> None:
    town, record, grant = shared
    liar = app_with(town, "keeper.release", lambda call, *asked: replace(call(*asked), share=bytes(1_200)))
    with pytest.raises(VerificationError):
        liar.read(record, grant, Tape())


def test_a_receipt_for_an_earlier_request_is_found(shared: tuple[Town, bytes, bytes]) -> None:
    town, record, grant = shared
    kept: list[Release] = []

    def stale(call: Callable[..., Release], *asked: object) -> Release:
        kept.append(call(*asked))
        return replace(kept[-1], receipt=kept[0].receipt)

    liar = app_with(town, "keeper.release", stale)
    assert town.read(record, grant, liar) == PAYLOAD
    with pytest.raises(VerificationError, match="another request"):
        liar.read(record, grant, Tape())


def test_a_receipt_signed_by_another_key_is_found(shared: tuple[Town, bytes, bytes]) -> None:
    town, record, grant = shared

    def forged(call: Callable[..., Release], request: bytes, opening: bytes) -> Release:
        receipt = make_receipt(
            Ed25519Signer(Ed25519PrivateKey(bytes(32))),
            origin=town.trust.origin,
            service=town.keepers[0].service,
            request=parse_request(request, town.trust.origin),
            size=3,
            time=town.clock(),
            number=1,
            head_before=FIRST_HEAD,
            units=1,
        )
        return replace(call(request, opening), receipt=receipt)

    with pytest.raises(VerificationError, match="another keeper"):
        app_with(town, "keeper.release", forged).read(record, grant, Tape())


def test_a_lying_keeper_is_passed_over_where_enough_others_are_honest(town_of_three: Town) -> None:
    town = town_of_three
    record = town.put(b"payload")
    grant = town.grant(record, town.app).grant
    liar = town.keepers[0].service

    def garbage(call: Callable[..., Release], request: bytes, opening: bytes) -> Release:
        answer = call(request, opening)
        return replace(answer, share=bytes(1_200)) if call.__self__.service == liar else answer  # type: ignore[attr-defined]

    assert town.read(record, grant, app_with(town, "keeper.release", garbage)) == b"payload"


def test_a_deposit_key_of_somebody_else_ends_the_put(town: Town) -> None:
    """A key that the keeper's signing key did not sign could be anybody's."""
    from privledger.protocol.deposit import make_deposit_key
    from privledger_crypto.envelope import XWingPrivateKey

    forged = make_deposit_key(
        Ed25519Signer(Ed25519PrivateKey(bytes(32))),
        origin=town.trust.origin,
        service=town.keepers[0].service,
        public=XWingPrivateKey.from_seed(bytes(32)).public,
        since=town.clock(),
        until=town.clock() + 100,
    )
    with pytest.raises(VerificationError, match="not signed by that keeper"):
        owner_with(town, "keeper.deposit_key", lambda call: forged).put(io.BytesIO(b"x"), title="x")


def test_a_certificate_that_the_keeper_did_not_sign_is_not_kept(town: Town) -> None:
    record = town.put()
    liar = owner_with(town, "keeper.certificate", lambda call, ask: flip_bit(call(ask), -60))
    liar.erase(record)
    assert liar.certificates(record) == []
    assert len(town.owner.certificates(record)) == 1


def test_the_zero_grant_reads_nothing_for_a_grantee(shared: tuple[Town, bytes, bytes]) -> None:
    """Only the record key speaks for the owner."""
    town, record, _ = shared
    with pytest.raises(PrivledgerError):
        town.app.accept(record, ZERO_GRANT)
