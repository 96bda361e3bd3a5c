"""Recovery on an empty machine: phrase, vault and keepers give back every live record; nothing gives back an erased one (design §4.2).

The chain is replayed locally (signatures, rules, roots), so no service is asked for a list of ids: the record keys of the state are
compared with derived ones until 1,000 in a row are unused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from privledger.protocol import keys
from privledger.protocol.capsule import KeeperShare, open_capsule_body, open_capsule_head, open_note
from privledger.protocol.descriptor import commit_record, descriptor_scalar, open_descriptor
from privledger.protocol.errors import PrivledgerError, VerificationError
from privledger.protocol.request import parse_request
from privledger.protocol.state import (
    ERASED,
    GrantState,
    RecordState,
    is_grant_live,
    parse_grant_state,
    parse_record_state,
)
from privledger.rules.replay import Replayer
from privledger.sdk.backup import open_backup
from privledger.sdk.owner import Owner
from privledger.sdk.owning import RESPONSE_SEED, OwnerContext, RecordKeys
from privledger.sdk.ports import Place
from privledger.sdk.releases import collect_shares
from privledger.sdk.streams import Progress
from privledger.wallet.notes import GivenGrant, OwnedRecord
from privledger.wallet.store import Wallet
from privledger_crypto import cbor, group
from privledger_crypto.envelope import XWingPrivateKey
from privledger_crypto.signing import Ed25519PrivateKey

__all__ = ["GAP", "RecoveryReport", "recover"]

GAP = 1_000  # unused indices in a row that end the search (design §4.1)
_LEAVES_AT_A_TIME = 4_096


@dataclass(slots=True)
class RecoveryReport:
    """What recovery found. `missing` says in plain words what is on the chain and could not be brought back."""

    records: list[bytes] = field(default_factory=list)
    erased: list[bytes] = field(default_factory=list)
    grants: int = 0
    missing: list[str] = field(default_factory=list)


def recover(
    wallet: Wallet,
    place: Place,
    *,
    clock: Callable[[], int],
    random_bytes: Callable[[int], bytes],
    backup: bytes | None = None,
    progress: Progress | None = None,
) -> RecoveryReport:
    """Fill a new, empty wallet of a known seed.

    Args:
        backup: the owner's backup file, where keepers are gone.
        progress: called with leaves replayed and leaves in all.

    Raises:
        VerificationError: the place's ledger is not what the trust root says, or its log does not replay.
    """
    context = Owner(wallet, place, clock=clock, random_bytes=random_bytes).context
    backups = {} if backup is None else {one.record: one for one in open_backup(wallet.seed, context.origin, backup)}
    records, grants = _replay(context, progress)
    report = RecoveryReport()
    for record, (index, state) in _ours(context, records).items():
        wallet.seen_on_chain(index)
        if state.status == ERASED:
            report.erased.append(record)
            continue
        try:
            owned = _record(context, record, index, state, backups.get(record))
        except PrivledgerError as exc:
            report.missing.append(f"record {record.hex()}: {exc}")
            continue
        context.notebook.save_record(owned)
        report.records.append(record)
        _grants(context, owned, state, grants.get(record, {}), report)
    return report


def _replay(
    context: OwnerContext, progress: Progress | None
) -> tuple[dict[bytes, tuple[bytes, RecordState]], dict[bytes, dict[bytes, GrantState]]]:
    """The states of all records (by record key) and grants at a fresh checkpoint, from the log alone."""
    checkpoint = context.view.fresh()
    replayer = Replayer(context.origin, genesis=context.view.trust.genesis)
    for start in range(0, checkpoint.size, _LEAVES_AT_A_TIME):
        end = min(start + _LEAVES_AT_A_TIME, checkpoint.size)
        leaves = context.view.port.leaves(start, end)
        replayer.feed(leaves)
        if progress is not None:
            progress(end, checkpoint.size)
    replayer.finish()
    if replayer.root() != checkpoint.root:
        raise VerificationError("the log that the ledger shows does not make the root that it signed", code="false_log")
    records: dict[bytes, tuple[bytes, RecordState]] = {}
    grants: dict[bytes, dict[bytes, GrantState]] = {}
    for key, value in replayer.state.items():
        if key[:1] == b"\x03":
            state = parse_record_state(value)
            records[state.key] = (key[1:], state)
        elif key[:1] == b"\x04":
            grants.setdefault(key[1:17], {})[key[17:]] = parse_grant_state(value)
    return records, grants


def _ours(
    context: OwnerContext, records: dict[bytes, tuple[bytes, RecordState]]
) -> dict[bytes, tuple[int, RecordState]]:
    """The records whose current key this seed derives."""
    found: dict[bytes, tuple[int, RecordState]] = {}
    index = unused = 0
    while unused < GAP:
        seed = keys.record_signing_seed(context.wallet.seed, context.origin, index)
        public = Ed25519PrivateKey(seed).public
        if public in records:
            record, state = records[public]
            found[record] = (index, state)
            unused = 0
        else:
            unused += 1
        index += 1
    return found


def _record(
    context: OwnerContext, record: bytes, index: int, state: RecordState, backed_up: OwnedRecord | None
) -> OwnedRecord:
    """One live record: capsule head, then the keepers' part, then body and descriptor, all compared with the chain's `C`."""
    if backed_up is not None and backed_up.epoch == state.epoch:
        return backed_up
    bare = OwnedRecord(record, index, state.epoch, b"", b"", (), b"", 0, b"", (), 1, context.vault.service)
    request = context.request(bare, [context.vault.service])
    capsule = context.vault.fetch(request, "capsule")
    head_key = keys.capsule_head_key(context.wallet.seed, context.origin, record)
    head = open_capsule_head(capsule, head_key=head_key, origin=context.origin, record=record, epoch=state.epoch)
    b = _keepers_part(context, bare, head.keepers, head.t)
    record_keys = RecordKeys.derive(
        context.wallet.seed, context.origin, record=record, index=index, epoch=state.epoch, keepers_part=b
    )
    body = open_capsule_body(
        capsule, owner_key=record_keys.owner, origin=context.origin, record=record, epoch=state.epoch
    )
    sealed = context.vault.fetch(request, "descriptor")
    descriptor = open_descriptor(sealed, record_keys.data, origin=context.origin, record=record, epoch=state.epoch)
    digest = hashlib.sha256(descriptor.to_bytes()).digest()
    d = descriptor_scalar(body.blob_root, body.blob_size, digest)
    identity = keys.identity_secret(context.wallet.seed)
    if commit_record(body.r, identity, d, body.attributes) != state.commitment:
        raise VerificationError("capsule and descriptor do not open the commitment on the chain")
    return OwnedRecord(
        record=record,
        index=index,
        epoch=state.epoch,
        keepers_part=group.scalar_to_bytes(b),
        blinding=group.scalar_to_bytes(body.r),
        attributes=tuple(group.scalar_to_bytes(attribute) for attribute in body.attributes),
        descriptor=descriptor.to_bytes(),
        blob_size=body.blob_size,
        blob_root=body.blob_root,
        keepers=tuple((keeper.service, keeper.index, keeper.digest) for keeper in head.keepers),
        threshold=head.t,
        vault=head.vault,
    )


def _keepers_part(context: OwnerContext, bare: OwnedRecord, holders: Sequence[KeeperShare], threshold: int) -> int:
    """`B` from t keepers, asked as the owner."""
    response_key = XWingPrivateKey.from_seed(context.random_bytes(RESPONSE_SEED))
    raw = context.request(bare, [holder.service for holder in holders], response_key.public)
    request = parse_request(raw, context.origin)
    return collect_shares(context, holders, threshold, request=request, opening=b"", response_key=response_key)[0]


def _grants(
    context: OwnerContext,
    owned: OwnedRecord,
    state: RecordState,
    grants: dict[bytes, GrantState],
    report: RecoveryReport,
) -> None:
    """The notes of a record's grants; a live grant without a note means that the vault served old state."""
    record_keys = RecordKeys.of(context, owned)
    request = context.request(owned, [owned.vault])
    for grant, grant_state in sorted(grants.items()):
        if not grant_state.key:
            continue  # an id that was revoked before it was granted
        try:
            note = open_note(
                context.vault.fetch(request, "note", grant),
                owner_key=record_keys.owner,
                origin=context.origin,
                record=owned.record,
                epoch=owned.epoch,
                grant=grant,
            )
        except PrivledgerError as exc:
            if is_grant_live(state, grant_state):
                report.missing.append(
                    f"grant {grant.hex()} of record {owned.record.hex()} is live and its note is missing: "
                    f"the vault served old state ({exc})"
                )
            continue
        context.notebook.save_given(
            GivenGrant(
                record=owned.record,
                grant=grant,
                address=note.address_raw,
                terms=cbor.encode(note.terms.to_value()),
                blinding=group.scalar_to_bytes(note.r),
                seed=note.seed,
                entry=b"",
                label="",
                done=True,
            )
        )
        report.grants += 1
