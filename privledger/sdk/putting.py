"""Put: seal a payload, deposit its parts, and bring the record onto the chain (docs/spec/record.md).

The order is what makes it safe: index reserved, `B` and `r` journalled, every deposit confirmed, then the entry. Before the entry
is signed a put that died is abandoned; after that it is finished with the same bytes (docs/adr/0006).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from privledger.protocol import keys
from privledger.protocol.capsule import CapsuleBody, CapsuleHead, KeeperShare, seal_capsule
from privledger.protocol.deposit import ShareSlot, parse_deposit_key, seal_share, share_digest
from privledger.protocol.descriptor import (
    MAX_BLOB,
    Descriptor,
    attribute_scalar,
    commit_record,
    descriptor_scalar,
    seal_descriptor,
)
from privledger.protocol.entries import RecordEntry, make_entry
from privledger.protocol.errors import PrivledgerError, UnavailableError, VerificationError
from privledger.protocol.ids import record_id
from privledger.sdk.owning import OwnerContext, RecordKeys
from privledger.sdk.streams import Progress, SealedPayload, seal_payload
from privledger.wallet.notes import OwnedRecord, PutJournal
from privledger_crypto import group, shares

__all__ = ["RecordDraft", "put_record", "resume_puts"]

SALT_SIZE = 16  # bytes, docs/spec/record.md §1
FIRST_EPOCH = 0


@dataclass(frozen=True, slots=True)
class RecordDraft:
    """What a record is to be: everything but its payload."""

    title: str
    media_type: str = "application/octet-stream"
    schema: str = ""
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, int | str] = field(default_factory=dict)
    derived_from: tuple[bytes, ...] = ()

    def scalars(self) -> tuple[int, ...]:
        """The attributes as committed values, in the order of the mapping."""
        return tuple(attribute_scalar(_type(value), value) for value in self.attributes.values())

    def descriptor(self, size: int, salt: bytes) -> Descriptor:
        """The descriptor of a payload of `size` bytes."""
        return Descriptor(
            title=self.title,
            media_type=self.media_type,
            size=size,
            schema=self.schema,
            tags=tuple(sorted(set(self.tags))),
            attributes=tuple((name, _type(value)) for name, value in self.attributes.items()),
            derived_from=tuple(sorted(set(self.derived_from))),
            salt=salt,
        )


def _type(value: int | str) -> str:
    return "int" if isinstance(value, int) else "text"


def put_record(
    context: OwnerContext,
    source: BinaryIO,
    draft: RecordDraft,
    *,
    total: int | None = None,
    progress: Progress | None = None,
) -> OwnedRecord:
    """Seal what `source` yields and bring it onto the chain.

    Raises:
        RefusedError: the ledger's rules refuse it (a paused ledger).
        UnavailableError: a place or the disk could not; nothing reached the chain.
        VerificationError: a service or the ledger answered something that is false.
    """
    draft.descriptor(0, bytes(SALT_SIZE))  # a draft that cannot be is refused before anything is reserved
    index, record = _unused_index(context)
    try:
        with context.wallet.work(record):  # so that no other process takes this put for one that died
            return _put(context, source, draft, index, record, total, progress)
    finally:
        context.wallet.end_work(record)


def _put(
    context: OwnerContext,
    source: BinaryIO,
    draft: RecordDraft,
    index: int,
    record: bytes,
    total: int | None,
    progress: Progress | None,
) -> OwnedRecord:
    attributes = draft.scalars()
    signer = context.signer(index)
    b, r = group.random_scalar(context.random_bytes), group.random_scalar(context.random_bytes)
    journal = PutJournal(record, index, group.scalar_to_bytes(b), group.scalar_to_bytes(r))
    context.notebook.save_journal(journal)

    record_keys = RecordKeys.derive(
        context.wallet.seed, context.origin, record=record, index=index, epoch=FIRST_EPOCH, keepers_part=b
    )
    holders, threshold = _deposit_shares(context, index, record, b)
    sealed = _deposit_blob(context, index, record, source, record_keys.data, total, progress)
    descriptor = draft.descriptor(sealed.size, context.random_bytes(SALT_SIZE))
    digest = hashlib.sha256(descriptor.to_bytes()).digest()
    vault = context.vault.service
    deposit_object(
        context,
        index,
        record,
        "descriptor",
        seal_descriptor(descriptor, record_keys.data, origin=context.origin, record=record, epoch=FIRST_EPOCH),
    )
    capsule = seal_capsule(
        CapsuleHead(index, holders, threshold, len(holders), vault),
        CapsuleBody(r, attributes, sealed.blob_size, sealed.blob_root, digest),
        head_key=record_keys.head,
        owner_key=record_keys.owner,
        origin=context.origin,
        record=record,
        epoch=FIRST_EPOCH,
    )
    deposit_object(context, index, record, "capsule", capsule)

    d = descriptor_scalar(sealed.blob_root, sealed.blob_size, digest)
    commitment = commit_record(r, keys.identity_secret(context.wallet.seed), d, attributes)
    entry = make_entry([signer], RecordEntry(commitment), origin=context.origin)
    owned = OwnedRecord(
        record=record,
        index=index,
        epoch=FIRST_EPOCH,
        keepers_part=journal.keepers_part,
        blinding=journal.blinding,
        attributes=tuple(group.scalar_to_bytes(attribute) for attribute in attributes),
        descriptor=descriptor.to_bytes(),
        blob_size=sealed.blob_size,
        blob_root=sealed.blob_root,
        keepers=tuple((holder.service, holder.index, holder.digest) for holder in holders),
        threshold=threshold,
        vault=vault,
    )
    context.notebook.save_journal(journal.ready(entry, owned))
    _finish(context, entry, owned)
    return owned


def _unused_index(context: OwnerContext) -> tuple[int, bytes]:
    """A reserved index whose record the ledger proves not to exist: another copy of this wallet may have used some."""
    while True:
        index = context.wallet.reserve_index()
        record = record_id(context.signer(index).key_id)
        if context.view.record(record) is None:
            return index, record
        context.wallet.seen_on_chain(index)


def _finish(context: OwnerContext, entry: bytes, owned: OwnedRecord) -> None:
    context.view.submit_one(entry)
    context.notebook.save_record(owned)
    context.wallet.seen_on_chain(owned.index)
    context.notebook.drop_journal(owned.record)


def _deposit_shares(context: OwnerContext, index: int, record: bytes, b: int) -> tuple[tuple[KeeperShare, ...], int]:
    """Split `B` over the place's keepers and hand each its share; returns who holds what, and t."""
    count = len(context.keepers)
    if count == 0:
        raise UnavailableError("this place has no keeper", code="no_keeper", hint="A record needs at least one.")
    threshold = count // 2 + 1
    parts = shares.split(b, threshold=threshold, count=count, random_bytes=context.random_bytes)
    holders = []
    for keeper, part in zip(context.keepers, parts, strict=True):
        state = context.service(keeper.service, "keeper")
        key = parse_deposit_key(keeper.deposit_key(), context.origin)
        if key.key != state.signing_key or key.service != keeper.service:
            raise VerificationError("a keeper's deposit key is not signed by that keeper")
        if not key.since <= context.clock() < key.until:
            raise VerificationError("a keeper's deposit key has expired", hint="Its operator must renew it.")
        message = seal_share(
            key.public, part, origin=context.origin, record=record, epoch=FIRST_EPOCH, service=keeper.service
        )
        digest = share_digest(context.origin, record, FIRST_EPOCH, keeper.service, part)
        statement = context.deposit(
            index,
            record=record,
            epoch=FIRST_EPOCH,
            what="share",
            action="store",
            service=keeper.service,
            size=len(message),
            digest=digest,
            share=ShareSlot(part.index, threshold, count),
        )
        context.confirm(keeper.deposit(statement, message), statement, keeper.service, state.signing_key)
        holders.append(KeeperShare(keeper.service, part.index, digest))
    return tuple(holders), threshold


def _deposit_blob(
    context: OwnerContext,
    index: int,
    record: bytes,
    source: BinaryIO,
    key: bytes,
    total: int | None,
    progress: Progress | None,
) -> SealedPayload:
    vault = context.vault.service
    state = context.service(vault, "vault")
    begin = context.deposit(
        index, record=record, epoch=FIRST_EPOCH, what="blob", action="begin", service=vault, size=MAX_BLOB, digest=b""
    )
    upload = context.vault.begin(begin)
    try:
        sealed = seal_payload(
            source,
            upload,
            key=key,
            context=keys.sealing_context("blob", context.origin, record, FIRST_EPOCH),
            computed=upload.computed,
            total=total,
            progress=progress,
        )
        statement = context.deposit(
            index,
            record=record,
            epoch=FIRST_EPOCH,
            what="blob",
            action="store",
            service=vault,
            size=sealed.blob_size,
            digest=sealed.blob_root,
        )
        context.confirm(upload.commit(statement), statement, vault, state.signing_key)
    except BaseException:
        upload.abort()
        raise
    return sealed


def deposit_object(
    context: OwnerContext,
    index: int,
    record: bytes,
    what: str,
    content: bytes,
    *,
    epoch: int = FIRST_EPOCH,
    item: bytes = b"",
    entry: bytes | None = None,
) -> None:
    """Store a small object at the vault and check that it confirms it."""
    vault = context.vault.service
    state = context.service(vault, "vault")
    statement = context.deposit(
        index,
        record=record,
        epoch=epoch,
        what=what,
        action="store",
        service=vault,
        size=len(content),
        digest=hashlib.sha256(content).digest(),
        item=item,
    )
    context.confirm(context.vault.put(statement, content, entry=entry), statement, vault, state.signing_key)


def resume_puts(context: OwnerContext) -> list[str]:
    """Finish the puts whose entry was signed, abandon the others; says what it did. Puts under way elsewhere are left alone."""
    done = []
    for journal in list(context.notebook.journals()):
        try:
            with context.wallet.work(journal.record):
                done.append(_resume(context, journal))
        except UnavailableError as exc:
            if exc.code != "locked":
                raise
        else:
            context.wallet.end_work(journal.record)
    return done


def _resume(context: OwnerContext, journal: PutJournal) -> str:
    name = journal.record.hex()
    if journal.owned is None:
        context.notebook.drop_journal(journal.record)
        return f"abandoned an unfinished put (record {name}): nothing of it reached the chain; put the file again"
    try:
        _finish(context, journal.entry, journal.owned)
    except PrivledgerError as exc:
        return f"could not finish the put of record {name}: {exc}"
    return f"finished the put of record {name}"
