"""The ways in which scene 9 damages a copy of the place, or what is shown to the auditor."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from privledger.operatorkeys import OperatorKeys
from privledger.protocol.checkpoint import sign_checkpoint
from privledger.protocol.deposit import make_deposit, parse_deposit
from privledger.protocol.disclosure import GrantDisclosure, unpack_disclosure
from privledger.protocol.receipt import FIRST_HEAD, make_receipt
from privledger.protocol.request import parse_request
from privledger.protocol.terms import encode_opening, parse_opening
from privledger.protocol.tiles import encode_entries, parse_entries
from privledger_crypto import cbor
from privledger_crypto.cose import Ed25519Signer
from privledger_crypto.notes import parse_checkpoint, parse_note
from privledger_crypto.signing import Ed25519PrivateKey
from scenes.ending import KEPT_VAULT
from scenes.rogue import received, request_of
from scenes.stage import SealedMonth, Stage, random_bytes

__all__ = ["Shown"]


@dataclass
class Shown:
    """The disclosures that the auditor is given, by month, and those among them that were changed."""

    good: dict[str, bytes]
    changed: dict[str, bytes] = field(default_factory=dict)

    def all(self) -> list[bytes]:
        """What the auditor is given."""
        return list((self.good | self.changed).values())


def _operator(stage: Stage) -> OperatorKeys:
    """The keys that the operator of the place holds, and could misuse."""
    return OperatorKeys.read(stage.place_path / "operator")


# --- the log ----------------------------------------------------------------------------------------------------------


def _widest(directory: Path) -> Path:
    """The file of a tile directory that the newest checkpoint uses: in this small log the widest partial one."""
    return max((path for path in directory.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def _bundle(copy: Path) -> Path:
    return _widest(copy / "log" / "tile" / "entries")


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


def flip_entry(stage: Stage, copy: Path, shown: Shown) -> None:
    """One bit in the last byte of a signature."""
    path = _bundle(copy)
    leaves = parse_entries(path.read_bytes())
    leaves[2] = leaves[2][:-1] + bytes([leaves[2][-1] ^ 1])
    path.write_bytes(encode_entries(leaves))


def swap_entries(stage: Stage, copy: Path, shown: Shown) -> None:
    """Entries 3 and 5, each genuine."""
    path = _bundle(copy)
    leaves = parse_entries(path.read_bytes())
    leaves[3], leaves[5] = leaves[5], leaves[3]
    path.write_bytes(encode_entries(leaves))


def truncate_tile(stage: Stage, copy: Path, shown: Shown) -> None:
    """32 bytes off the end."""
    path = _widest(copy / "log" / "tile" / "0")
    path.write_bytes(path.read_bytes()[:-32])


def drop_signature(stage: Stage, copy: Path, shown: Shown) -> None:
    """The longer of the two signature lines is ML-DSA's."""
    path = copy / "log" / "checkpoint"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines.remove(max(lines, key=len))
    path.write_text("".join(lines), encoding="utf-8")


def replay_checkpoint(stage: Stage, copy: Path, shown: Shown) -> None:
    """The checkpoint from before the revocations, with its genuine signatures."""
    (copy / "log" / "checkpoint").write_bytes(stage.old_checkpoint)


def fork(stage: Stage, copy: Path, shown: Shown) -> None:
    """The operator has the log's keys, so its signatures are genuine; the history is another."""
    path = copy / "log" / "checkpoint"
    real = parse_checkpoint(parse_note(path.read_bytes()).text)
    other = bytes([real.root[0] ^ 1]) + real.root[1:]
    note = sign_checkpoint(real.origin, real.size, other, time=stage.clock(), signers=_operator(stage).log)
    path.write_bytes(note)


# --- the vault --------------------------------------------------------------------------------------------------------


def _object(copy: Path, one: SealedMonth, pattern: str) -> Path:
    return next((copy / "vault" / "records" / one.record.hex()).rglob(pattern))


def flip_blob(stage: Stage, copy: Path, shown: Shown) -> None:
    """One bit in the middle of a blob."""
    blobs = (copy / "vault" / "records" / stage.sealed[0].record.hex()).rglob("blob.*")
    path = max(blobs, key=lambda path: path.stat().st_size)
    _flip(path, path.stat().st_size // 2)


def remove_descriptor(stage: Stage, copy: Path, shown: Shown) -> None:
    """Bytes and deposit alike."""
    for path in list((copy / "vault" / "records" / stage.sealed[0].record.hex()).rglob("descriptor.*")):
        path.unlink()


def replace_deposit(stage: Stage, copy: Path, shown: Shown) -> None:
    """The same fields under a genuine signature of somebody else."""
    origin = stage.place.trust.origin
    path = _object(copy, stage.sealed[0], "capsule.deposit")
    match cbor.decode(path.read_bytes()):
        case [bytes() as raw, holding]:
            was = parse_deposit(raw, origin)
        case _:
            raise LookupError(f"{path} holds no deposit")
    other = make_deposit(
        Ed25519Signer(Ed25519PrivateKey(random_bytes(32))),
        origin=origin,
        record=was.record,
        epoch=was.epoch,
        what=was.what,
        action=was.action,
        service=was.service,
        item=was.item,
        size=was.size,
        digest=was.digest,
        share=was.share,
    )
    path.write_bytes(cbor.encode([other, holding]))


def put_back(stage: Stage, copy: Path, shown: Shown) -> None:
    """From the copy that somebody took before the erasure."""
    if stage.erased is None:
        raise LookupError("scene 7 comes first")
    record = stage.erased.record.hex()
    shutil.copytree(stage.root / KEPT_VAULT / record, copy / "vault" / "records" / record, dirs_exist_ok=True)


# --- what is disclosed ------------------------------------------------------------------------------------------------


def _change(shown: Shown, one: SealedMonth, grant: bytes, change: Callable[[GrantDisclosure], GrantDisclosure]) -> None:
    disclosure = unpack_disclosure(shown.good[one.month.name])
    grants = tuple(change(each) if each.grant == grant else each for each in disclosure.grants)
    shown.changed[one.month.name] = replace(disclosure, grants=grants).pack()


def hide_receipt(stage: Stage, copy: Path, shown: Shown) -> None:
    """The last receipt of a grant that was read more than once."""
    one = stage.sealed[0]
    if one.planner is None:
        raise LookupError("scene 3 comes first")

    def shorter(grant: GrantDisclosure) -> GrantDisclosure:
        first, *others = grant.services
        return replace(grant, services=(replace(first, receipts=first.receipts[:-1]), *others))

    _change(shown, one, one.planner.grant, shorter)


def change_terms(stage: Stage, copy: Path, shown: Shown) -> None:
    """99 reads instead of 12, with the same blinding."""
    one = stage.sealed[0]
    if one.planner is None:
        raise LookupError("scene 3 comes first")

    def more(grant: GrantDisclosure) -> GrantDisclosure:
        terms, blinding = parse_opening(grant.opening or b"")
        return replace(grant, opening=encode_opening(replace(terms, last_read=99), blinding))

    _change(shown, one, one.planner.grant, more)


def late_receipt(stage: Stage, copy: Path, shown: Shown) -> None:
    """A receipt for the insurer's unused read, for a genuine request of the insurer, signed by the keeper's own key."""
    one, origin = stage.sealed[1], stage.place.trust.origin
    if one.insurer is None:
        raise LookupError("scene 3 comes first")
    request = request_of(stage, stage.insurer_party, received(stage.insurer_party, one.insurer), 1)
    checkpoint = parse_checkpoint(parse_note((copy / "log" / "checkpoint").read_bytes()).text)

    def longer(grant: GrantDisclosure) -> GrantDisclosure:
        first, *others = grant.services
        forged = make_receipt(
            Ed25519Signer(_operator(stage).keeper),
            origin=origin,
            service=first.service,
            request=parse_request(request, origin),
            size=checkpoint.size,
            time=stage.clock(),
            number=1,
            head_before=FIRST_HEAD,
            units=1,
        )
        return replace(grant, services=(replace(first, receipts=(forged,)), *others))

    _change(shown, one, one.insurer.grant, longer)
