"""What a vault serves, and to whom: steps 1 to 3 of docs/spec/release.md §2, in that order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from privledger.protocol.errors import AuthorisationError, FormatError, UnavailableError, UsageError, VerificationError
from privledger.vault.vault import LocalVault
from privledger_crypto import cbor
from privledger_crypto.segments import SegmentHasher, verify_segments
from tests.support.chain import record_of, short, signer
from tests.support.places import Granted, World

DESCRIPTOR, CAPSULE, BLOB = b"sealed descriptor" * 70, bytes(4096), b"sealed blob" * 500


@pytest.fixture
def granted(vault: LocalVault, world: World) -> Granted:
    """A record with descriptor, capsule, note, blob and a live grant."""
    vault.put(world.deposit("descriptor", DESCRIPTOR), DESCRIPTOR)
    vault.put(world.deposit("capsule", CAPSULE), CAPSULE)
    upload = vault.begin(world.deposit("blob", action="begin", size=len(BLOB), digest=b""))
    upload.write(BLOB)
    upload.commit(world.deposit("blob", size=len(BLOB), digest=root_of_blob()))
    world.publish_record()
    vault.put(world.deposit("note", CAPSULE, item=short("g")), CAPSULE)
    return world.publish_grant("g")


def root_of_blob() -> bytes:
    hasher = SegmentHasher()
    hasher.update(BLOB)
    return hasher.finalize().root


def refusal(call: Callable[..., object], *arguments: object) -> AuthorisationError:
    with pytest.raises(AuthorisationError) as info:
        call(*arguments)
    return info.value


def test_a_grantee_gets_the_descriptor_and_proven_segments(vault: LocalVault, world: World, granted: Granted) -> None:
    request = world.request(granted)
    assert vault.fetch(request, "descriptor") == DESCRIPTOR
    answer = vault.segments(request, 0, 1)
    proof = cbor.decode(answer.proof)
    assert isinstance(proof, list)
    hashes = [item for item in proof if isinstance(item, bytes)]
    verify_segments(root_of_blob(), len(BLOB), 0, answer.data, hashes)
    assert answer.data == BLOB


def test_the_owner_gets_everything(vault: LocalVault, world: World, granted: Granted) -> None:
    request = world.request(None)
    assert vault.fetch(request, "capsule") == CAPSULE
    assert vault.fetch(request, "note", granted.grant) == CAPSULE
    assert vault.fetch(request, "descriptor") == DESCRIPTOR


def test_capsule_and_notes_are_the_owners(vault: LocalVault, world: World, granted: Granted) -> None:
    for what, item in (("capsule", b""), ("note", granted.grant)):
        error = refusal(vault.fetch, world.request(granted), what, item)
        assert error.code == "unproven"


def broken_requests(world: World, granted: Granted) -> dict[str, bytes]:
    request = world.request
    other = world.grant_entry("other")[1]
    good = request(granted)
    return {
        "not CBOR": b"\xff",
        "truncated": good[:-1],
        "bad signature": good[:-1] + bytes([good[-1] ^ 1]),
        "another ledger": request(granted, origin="other.example/" + "cd" * 32),
        "not addressed": request(granted, services=[world.keeper]),
        "expired": request(granted, expiry=world.now - 1),
        "too far ahead": request(granted, expiry=world.now + 601),
        "unknown record": request(granted, record=record_of("nobody")),
        "unknown grant": request(granted, grant=short("nothing")),
        "another key": request(granted, by=other.signer),
        "owner of another record": request(None, by=signer("stranger")),
        "owner of an unknown record": request(None, record=record_of("stranger"), by=signer("stranger")),
    }


def test_until_control_is_proven_every_refusal_is_the_same(vault: LocalVault, world: World, granted: Granted) -> None:
    seen = {}
    for name, raw in broken_requests(world, granted).items():
        error = refusal(vault.fetch, raw, "descriptor")
        seen[name] = (str(error), error.code, error.step, error.entry, error.hint)
        assert error.__cause__ is None
    assert set(seen.values()) == {
        (
            "the request does not prove a right to this",
            "unproven",
            2,
            None,
            "Check the record, the grant, the key, the service asked and the clock, and sign a new request.",
        )
    }, seen


@pytest.mark.parametrize("expiry", [0, 600])
def test_a_request_is_good_up_to_its_expiry_and_600_seconds_ahead(
    vault: LocalVault, world: World, granted: Granted, expiry: int
) -> None:
    assert vault.fetch(world.request(granted, expiry=world.now + expiry), "descriptor") == DESCRIPTOR


def test_control_is_looked_at_before_the_state_of_the_grant(vault: LocalVault, world: World, granted: Granted) -> None:
    world.close(world.chain.revoke("owner", "g"))
    other = world.grant_entry("other")[1]
    assert refusal(vault.fetch, world.request(granted, by=other.signer), "descriptor").code == "unproven"
    assert refusal(vault.fetch, world.request(granted), "descriptor").code == "grant_revoked"


def test_a_refusal_names_the_entry_that_revoked(vault: LocalVault, world: World, granted: Granted) -> None:
    revoke = world.chain.revoke("owner", "g")
    world.close(revoke)
    error = refusal(vault.fetch, world.request(granted), "descriptor")
    assert (error.code, error.step, error.entry) == ("grant_revoked", 3, world.chain.index(revoke))


def test_a_refusal_names_the_entry_that_revoked_all(vault: LocalVault, world: World, granted: Granted) -> None:
    revoke = world.chain.revoke("owner", up_to=world.chain.size - 1)
    world.close(revoke)
    error = refusal(vault.fetch, world.request(granted), "descriptor")
    assert (error.code, error.entry) == ("grant_revoked", world.chain.index(revoke))


def test_a_refusal_names_the_entry_that_erased(vault: LocalVault, world: World, granted: Granted) -> None:
    erase = world.chain.erase("owner")
    world.close(erase)
    for request in (world.request(granted), world.request(None)):
        error = refusal(vault.fetch, request, "descriptor")
        assert (error.code, error.step, error.entry) == ("record_erased", 3, world.chain.index(erase))


@pytest.mark.parametrize("kind", ["revoke", "revoke all", "erase"])
def test_a_signed_end_in_hand_binds_at_once_and_through_a_restart(
    vault: LocalVault, open_vault: Callable[[], LocalVault], world: World, granted: Granted, kind: str
) -> None:
    entry = {
        "revoke": world.chain.revoke("owner", "g"),
        "revoke all": world.chain.revoke("owner", up_to=world.chain.size - 1),
        "erase": world.chain.erase("owner"),
    }[kind]
    vault.notify(entry)
    vault.notify(entry)
    for place in (vault, open_vault()):
        error = refusal(place.fetch, world.request(granted), "descriptor")
        assert (error.code, error.entry) == ("record_erased" if kind == "erase" else "grant_revoked", None)


def test_once_an_end_in_hand_is_on_the_chain_the_chain_decides(
    vault: LocalVault, world: World, granted: Granted, directory
) -> None:
    revoke = world.chain.revoke("owner", "g")
    vault.notify(revoke)
    world.close(revoke)
    assert refusal(vault.fetch, world.request(granted), "descriptor").entry == world.chain.index(revoke)
    assert [path for path in (directory / "notices").rglob("*") if path.is_file()] == []


def test_a_revoke_in_hand_ends_only_what_it_names(vault: LocalVault, world: World, granted: Granted) -> None:
    vault.notify(world.chain.revoke("owner", "another"))
    assert vault.fetch(world.request(granted), "descriptor") == DESCRIPTOR


def test_only_the_record_key_gives_notice(vault: LocalVault, world: World, granted: Granted) -> None:
    good = world.chain.revoke("owner", "g")
    stranger = world.chain.entry("stranger", world.chain_revoke_body(granted.grant))
    for entry, error in (
        (stranger, VerificationError),
        (good[:-1] + bytes([good[-1] ^ 1]), VerificationError),
        (world.chain.record("stranger"), FormatError),
        (world.chain.erase("stranger"), VerificationError),
        (b"\xff", FormatError),
    ):
        with pytest.raises(error):
            vault.notify(entry)
    assert vault.fetch(world.request(granted), "descriptor") == DESCRIPTOR


def test_a_view_is_used_for_as_long_as_the_limit_and_no_longer(
    vault: LocalVault, world: World, granted: Granted
) -> None:
    world.view.follow()
    world.view.frozen = True
    world.now += 30
    assert vault.fetch(world.request(granted), "descriptor") == DESCRIPTOR
    world.now += 1
    error = refusal(vault.fetch, world.request(granted), "descriptor")
    assert (error.code, error.step) == ("stale_view", 3)


def test_a_clock_that_went_back_makes_no_view_fresh(vault: LocalVault, world: World, granted: Granted) -> None:
    world.view.follow()
    world.view.frozen = True
    world.now += 1000
    assert refusal(vault.fetch, world.request(granted), "descriptor").code == "stale_view"
    world.now -= 1000
    assert refusal(vault.fetch, world.request(granted), "descriptor").code == "stale_view"


def test_another_epoch_is_refused(vault: LocalVault, world: World, granted: Granted) -> None:
    error = refusal(vault.fetch, world.request(granted, epoch=1), "descriptor")
    assert (error.code, error.step) == ("wrong_epoch", 3)


def test_a_request_without_a_response_key_is_enough_for_a_vault(
    vault: LocalVault, world: World, granted: Granted
) -> None:
    assert vault.fetch(world.request(granted, response_key=b""), "descriptor") == DESCRIPTOR


def test_what_is_not_held_is_not_found(vault: LocalVault, world: World, granted: Granted) -> None:
    with pytest.raises(UnavailableError, match="holds no such note") as info:
        vault.fetch(world.request(None), "note", short("nothing"))
    assert info.value.code == "not_found"
    with pytest.raises(UnavailableError, match="no number 1"):
        vault.segments(world.request(granted), 1, 1)


def test_impossible_questions_are_usage_errors(vault: LocalVault, world: World, granted: Granted) -> None:
    request = world.request(granted)
    for first, count in ((0, 0), (-1, 1), (0, 65)):
        with pytest.raises(UsageError):
            vault.segments(request, first, count)
    with pytest.raises(UsageError):
        vault.fetch(request, "blob")


def test_damaged_bytes_are_not_served(vault: LocalVault, world: World, granted: Granted, directory) -> None:
    (path,) = [p for p in (directory / "records").rglob("descriptor.*") if p.suffix != ".deposit"]
    path.write_bytes(DESCRIPTOR[:-1] + b"x")
    with pytest.raises(FormatError, match="damaged"):
        vault.fetch(world.request(granted), "descriptor")


def test_a_vault_may_be_asked_again_under_the_same_request(vault: LocalVault, world: World, granted: Granted) -> None:
    raw = world.request(granted)
    assert vault.fetch(raw, "descriptor") == DESCRIPTOR
    assert vault.segments(raw, 0, 1).data == BLOB
    assert vault.fetch(raw, "descriptor") == DESCRIPTOR
