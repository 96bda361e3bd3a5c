"""What a vault stores, for whom, and when (docs/spec/record.md §4)."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from privledger.protocol.deposit import parse_deposit, parse_holding
from privledger.protocol.errors import (
    AuthorisationError,
    ConflictError,
    FormatError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from privledger.vault.vault import LocalVault
from privledger_crypto import cbor
from privledger_crypto.segments import SEGMENT_SIZE, SegmentHasher, SegmentTree
from tests.support.chain import ORIGIN, record_of, short, signer
from tests.support.places import World

CAPSULE, OTHER = bytes(4096), b"\x01" * 4096
BLOB = bytes(range(256)) * 32


def tree_of(content: bytes) -> SegmentTree:
    hasher = SegmentHasher()
    hasher.update(content)
    return hasher.finalize()


def begin(world: World, size: int, **fields) -> bytes:
    return world.deposit("blob", action="begin", size=size, digest=b"", **fields)


def store(world: World, content: bytes, **fields) -> bytes:
    return world.deposit("blob", size=len(content), digest=tree_of(content).root, **fields)


def put_blob(vault: LocalVault, world: World, content: bytes = BLOB, **fields) -> bytes:
    upload = vault.begin(begin(world, len(content), **fields))
    upload.write(content)
    return upload.commit(store(world, content, **fields))


def files_of(directory: Path) -> list[str]:
    return sorted(p.name for part in ("records", "staging") for p in (directory / part).rglob("*") if p.is_file())


def content_files(directory: Path) -> list[bytes]:
    return [p.read_bytes() for p in (directory / "records").rglob("*") if p.is_file() and p.suffix != ".deposit"]


def read(vault: LocalVault, world: World, what: str, item: bytes = b"") -> bytes:
    return vault.fetch(world.request(None), what, item)


# --- before the record exists


def test_before_the_record_exists_the_key_whose_hash_is_the_id_may_store(vault: LocalVault, world: World) -> None:
    statement = world.deposit("capsule", CAPSULE)
    holding = parse_holding(vault.put(statement, CAPSULE), ORIGIN)
    assert holding.deposit == parse_deposit(statement, ORIGIN).statement_digest
    assert (holding.service, holding.key) == (vault.service, signer("vault").key_id)


def test_before_the_record_exists_another_key_may_not(vault: LocalVault, world: World, directory: Path) -> None:
    with pytest.raises(AuthorisationError) as info:
        vault.put(world.deposit("capsule", CAPSULE, owner="stranger"), CAPSULE)
    assert (info.value.code, info.value.step) == ("wrong_key", 2)
    assert files_of(directory) == []


def test_before_the_record_exists_a_blob_may_be_replaced(vault: LocalVault, world: World, directory: Path) -> None:
    put_blob(vault, world, b"first" * 100)
    put_blob(vault, world, BLOB)
    assert sorted(content_files(directory)) == sorted([BLOB, b"".join(tree_of(BLOB).leaves)])


def test_before_the_record_exists_it_has_no_notes(vault: LocalVault, world: World) -> None:
    with pytest.raises(AuthorisationError, match="once its record is on the chain"):
        vault.put(world.deposit("note", CAPSULE, item=short("g")), CAPSULE)


def test_a_record_begins_with_epoch_0(vault: LocalVault, world: World) -> None:
    with pytest.raises(AuthorisationError) as info:
        vault.put(world.deposit("capsule", CAPSULE, epoch=1), CAPSULE)
    assert info.value.code == "wrong_epoch"


# --- once the record exists


def test_once_the_record_exists_only_its_key_may_store(vault: LocalVault, world: World) -> None:
    world.publish_record()
    with pytest.raises(AuthorisationError) as info:
        vault.put(world.deposit("capsule", CAPSULE, owner="stranger"), CAPSULE)
    assert info.value.code == "wrong_key"


def test_once_the_record_exists_its_blob_is_fixed(vault: LocalVault, world: World, directory: Path) -> None:
    put_blob(vault, world)
    world.publish_record()
    with pytest.raises(ConflictError) as info:
        put_blob(vault, world, b"other bytes")
    assert info.value.code == "fixed"
    assert BLOB in content_files(directory)
    assert len(files_of(directory)) == 3, "nothing is left of the refused upload"


def test_the_same_blob_may_be_sent_again(vault: LocalVault, world: World) -> None:
    first = put_blob(vault, world)
    world.publish_record()
    world.now += 10
    again = put_blob(vault, world)
    assert parse_holding(first, ORIGIN).deposit == parse_holding(again, ORIGIN).deposit


def test_a_note_may_be_replaced_while_the_record_lives(vault: LocalVault, world: World) -> None:
    world.publish_record()
    for content in (CAPSULE, OTHER):
        vault.put(world.deposit("note", content, item=short("g")), content)
    assert read(vault, world, "note", short("g")) == OTHER


def test_an_old_epoch_takes_nothing_and_neither_does_a_far_one(vault: LocalVault, world: World) -> None:
    world.publish_record()
    vault.put(world.deposit("capsule", CAPSULE, epoch=1), CAPSULE)
    with pytest.raises(AuthorisationError) as info:
        vault.put(world.deposit("capsule", CAPSULE, epoch=2), CAPSULE)
    assert info.value.code == "wrong_epoch"


def test_an_envelope_is_stored_for_a_live_grant_and_anyone_may_fetch_it(vault: LocalVault, world: World) -> None:
    world.publish_record()
    granted = world.publish_grant("g")
    vault.put(world.deposit("envelope", CAPSULE, item=granted.grant), CAPSULE)
    assert vault.envelope(world.record, granted.grant, 0) == CAPSULE
    with pytest.raises(UnavailableError, match="no such envelope"):
        vault.envelope(world.record, short("other"), 0)


def test_an_envelope_is_not_stored_for_an_unknown_grant(vault: LocalVault, world: World) -> None:
    world.publish_record()
    with pytest.raises(AuthorisationError) as info:
        vault.put(world.deposit("envelope", CAPSULE, item=short("g")), CAPSULE)
    assert info.value.code == "unknown_grant"


@pytest.mark.parametrize("in_hand", [False, True])
def test_an_envelope_is_neither_stored_nor_served_for_a_revoked_grant(
    vault: LocalVault, world: World, in_hand: bool
) -> None:
    world.publish_record()
    granted = world.publish_grant("g")
    statement = world.deposit("envelope", CAPSULE, item=granted.grant)
    vault.put(statement, CAPSULE)
    revoke = world.chain.revoke("owner", "g")
    if in_hand:
        vault.notify(revoke)
    else:
        world.close(revoke)
    with pytest.raises(AuthorisationError) as info:
        vault.put(statement, CAPSULE)
    assert info.value.code == "grant_revoked"
    with pytest.raises(UnavailableError):
        vault.envelope(world.record, granted.grant, 0)


def test_nothing_is_stored_on_a_stale_view(vault: LocalVault, world: World) -> None:
    world.view.frozen = True
    world.now += 31
    with pytest.raises(AuthorisationError) as info:
        vault.put(world.deposit("capsule", CAPSULE), CAPSULE)
    assert info.value.code == "stale_view"


# --- what the statement says


def test_the_bytes_must_be_those_that_the_deposit_names(vault: LocalVault, world: World, directory: Path) -> None:
    with pytest.raises(VerificationError) as info:
        vault.put(world.deposit("capsule", CAPSULE), OTHER)
    assert info.value.code == "wrong_digest"
    with pytest.raises(VerificationError) as info:
        vault.put(world.deposit("capsule", CAPSULE), CAPSULE[:-1])
    assert info.value.code == "wrong_size"
    assert files_of(directory) == []


def test_a_deposit_for_another_service_or_ledger_is_refused(vault: LocalVault, world: World) -> None:
    with pytest.raises(AuthorisationError) as info:
        vault.put(world.deposit("capsule", CAPSULE, service=world.keeper), CAPSULE)
    assert (info.value.code, info.value.step) == ("wrong_service", 1)
    with pytest.raises(VerificationError):
        vault.put(world.deposit("capsule", CAPSULE, origin="other.example/" + "cd" * 32), CAPSULE)


def test_a_blob_is_not_put_and_a_capsule_is_not_begun(vault: LocalVault, world: World) -> None:
    with pytest.raises(FormatError):
        vault.put(store(world, BLOB), BLOB)
    with pytest.raises(FormatError):
        vault.begin(world.deposit("capsule", CAPSULE))
    with pytest.raises(FormatError):
        vault.put(world.deposit("capsule", CAPSULE), CAPSULE, entry=b"entry")


def test_a_delete_takes_what_it_names_and_nothing_newer(vault: LocalVault, world: World, directory: Path) -> None:
    world.publish_record()
    vault.put(world.deposit("note", OTHER, item=short("g")), OTHER)
    old = world.deposit("note", OTHER, item=short("g"), action="delete")
    vault.put(world.deposit("note", CAPSULE, item=short("g")), CAPSULE)
    with pytest.raises(ConflictError) as info:
        vault.delete(old)
    assert info.value.code == "replaced"
    vault.delete(world.deposit("note", CAPSULE, item=short("g"), action="delete"))
    vault.delete(world.deposit("note", CAPSULE, item=short("g"), action="delete"))
    assert files_of(directory) == []
    assert list((directory / "records").iterdir()) == []


def test_only_the_record_key_deletes(vault: LocalVault, world: World, directory: Path) -> None:
    vault.put(world.deposit("capsule", CAPSULE), CAPSULE)
    with pytest.raises(AuthorisationError):
        vault.delete(world.deposit("capsule", CAPSULE, action="delete", owner="stranger"))
    assert len(files_of(directory)) == 2


# --- uploads


def test_an_upload_is_invisible_until_it_is_committed(vault: LocalVault, world: World, directory: Path) -> None:
    upload = vault.begin(begin(world, len(BLOB)))
    upload.write(BLOB[:5000])
    assert not (directory / "records" / world.record.hex()).exists()
    upload.write(BLOB[5000:])
    upload.commit(store(world, BLOB))
    assert content_files(directory).count(BLOB) == 1
    assert list((directory / "staging").iterdir()) == []


def test_an_upload_of_several_segments_is_proven_in_parts(vault: LocalVault, world: World) -> None:
    content = os.urandom(2 * SEGMENT_SIZE + 17)
    put_blob(vault, world, content)
    world.publish_record()
    answer = vault.segments(world.request(None), 1, 64)
    assert answer.data == content[SEGMENT_SIZE:]
    assert cbor.decode(answer.proof) == list(tree_of(content).proof(1, 2))


@pytest.mark.parametrize(
    ("content", "named", "code"),
    [(BLOB[:-1], BLOB, "wrong_size"), (BLOB[:-1] + b"x", BLOB, "wrong_digest")],
    ids=["truncated", "changed"],
)
def test_an_upload_that_is_not_what_was_signed_leaves_nothing(
    vault: LocalVault, world: World, directory: Path, content: bytes, named: bytes, code: str
) -> None:
    upload = vault.begin(begin(world, len(BLOB)))
    upload.write(content)
    with pytest.raises(VerificationError) as info:
        upload.commit(store(world, named))
    assert info.value.code == code
    assert files_of(directory) == []


def test_an_upload_larger_than_announced_ends(vault: LocalVault, world: World, directory: Path) -> None:
    upload = vault.begin(begin(world, 10))
    with pytest.raises(FormatError, match="larger than the 10 bytes"):
        upload.write(b"x" * 11)
    assert files_of(directory) == []
    with pytest.raises(UsageError):
        upload.write(b"x")


def test_an_empty_upload_is_refused(vault: LocalVault, world: World, directory: Path) -> None:
    with pytest.raises(FormatError, match="empty"):
        vault.begin(begin(world, 10)).commit(store(world, BLOB))
    assert files_of(directory) == []


def test_an_upload_is_committed_for_the_record_it_was_begun_for(vault: LocalVault, world: World) -> None:
    upload = vault.begin(begin(world, len(BLOB)))
    upload.write(BLOB)
    with pytest.raises(FormatError, match="that was begun"):
        upload.commit(store(world, BLOB, owner="stranger", record=record_of("stranger")))


def test_an_aborted_upload_leaves_nothing_and_may_be_aborted_again(
    vault: LocalVault, world: World, directory: Path
) -> None:
    upload = vault.begin(begin(world, len(BLOB)))
    upload.write(BLOB)
    upload.abort()
    upload.abort()
    assert files_of(directory) == []


def test_opening_a_vault_sweeps_dead_uploads_and_spares_living_ones(
    vault: LocalVault, open_vault, world: World, directory: Path
) -> None:
    (directory / "staging" / "dead").write_bytes(b"half")
    upload = vault.begin(begin(world, len(BLOB)))
    upload.write(BLOB)
    open_vault()
    assert len(list((directory / "staging").iterdir())) == 1
    upload.commit(store(world, BLOB))


def test_a_full_disk_is_a_typed_error_and_leaves_nothing(
    vault: LocalVault, world: World, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = vault.begin(begin(world, len(BLOB)))

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(UnavailableError) as info:
            upload.write(BLOB)
        assert info.value.code == "disk_full"
        with pytest.raises(UnavailableError):
            vault.put(world.deposit("capsule", CAPSULE), CAPSULE)
    assert files_of(directory) == []


def test_a_crash_between_bytes_and_deposit_keeps_the_old_object(
    vault: LocalVault, world: World, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish_record()
    vault.put(world.deposit("note", CAPSULE, item=short("g")), CAPSULE)

    def crash(*_: object) -> None:
        raise RuntimeError("power")

    with monkeypatch.context() as patch:
        patch.setattr(vault._store, "_expose", crash)
        with pytest.raises(RuntimeError):
            vault.put(world.deposit("note", OTHER, item=short("g")), OTHER)
    assert read(vault, world, "note", short("g")) == CAPSULE
    assert vault.sweep() == 1
    assert content_files(directory) == [CAPSULE]


# --- ends


def test_a_deposit_whose_record_never_came_is_swept_after_the_limit(
    vault: LocalVault, world: World, directory: Path
) -> None:
    put_blob(vault, world)
    vault.put(world.deposit("capsule", CAPSULE), CAPSULE)
    world.now += 604_800
    assert vault.sweep() == 0
    world.now += 1
    assert vault.sweep() == 2
    assert files_of(directory) == []


def test_a_deposit_whose_record_came_stays(vault: LocalVault, world: World, directory: Path) -> None:
    put_blob(vault, world)
    world.publish_record()
    world.now += 604_801
    assert vault.sweep() == 0
    assert BLOB in content_files(directory)


def test_an_erase_on_the_chain_destroys_everything_of_the_record(
    vault: LocalVault, world: World, directory: Path
) -> None:
    put_blob(vault, world)
    vault.put(world.deposit("capsule", CAPSULE), CAPSULE)
    stranger = world.deposit("capsule", OTHER, owner="stranger", record=record_of("stranger"))
    vault.put(stranger, OTHER)
    world.publish_record()
    granted = world.publish_grant("g")
    vault.put(world.deposit("note", CAPSULE, item=granted.grant), CAPSULE)
    vault.put(world.deposit("envelope", CAPSULE, item=granted.grant), CAPSULE)
    world.close(world.chain.erase("owner"))
    with pytest.raises(AuthorisationError) as info:
        vault.put(world.deposit("capsule", CAPSULE), CAPSULE)
    assert info.value.code == "record_erased"
    assert content_files(directory) == [OTHER], "only another record's object is left"


def test_a_signed_erase_in_hand_refuses_and_keeps(vault: LocalVault, open_vault, world: World, directory: Path) -> None:
    vault.put(world.deposit("capsule", CAPSULE), CAPSULE)
    world.publish_record()
    vault.notify(world.chain.erase("owner"))
    for place in (vault, open_vault()):
        with pytest.raises(AuthorisationError) as info:
            place.put(world.deposit("capsule", OTHER), OTHER)
        assert info.value.code == "record_erased"
    assert content_files(directory) == [CAPSULE]


def test_the_directory_has_the_documented_layout(vault: LocalVault, world: World, directory: Path) -> None:
    world.publish_record()
    statement = world.deposit("note", CAPSULE, item=short("g"))
    holding = vault.put(statement, CAPSULE)
    epoch = directory / "records" / world.record.hex() / "0"
    name = f"note.{short('g').hex()}"
    digest = parse_deposit(statement, ORIGIN).digest.hex()
    assert sorted(p.name for p in epoch.iterdir()) == sorted([f"{name}.deposit", f"{name}.{digest}"])
    assert cbor.decode((epoch / f"{name}.deposit").read_bytes()) == [statement, holding]
