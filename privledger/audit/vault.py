"""Step A8, and the vault's part of A11: what live records need is there and re-hashes, and of erased ones nothing is left.

For each live record, in its current epoch: blob, descriptor and capsule, each with the deposit that the record key signed and the
holding that the vault signed, and bytes that hash to what the deposit says. Whatever else is held of it (notes, envelopes) is
checked in the same way. Left to others: certificates (`certificates`), and the proof that `C` opens to `d` (`openings`, A9).
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from privledger.audit.facts import Facts
from privledger.audit.fetch import VaultReader
from privledger.audit.report import Sheet
from privledger.protocol.deposit import Deposit, parse_deposit, parse_holding
from privledger.protocol.disclosure import DescriptorDisclosure
from privledger.protocol.errors import FormatError, PrivledgerError, UnavailableError, VerificationError
from privledger.protocol.state import RecordState
from privledger_crypto import cbor
from privledger_crypto import errors as crypto_errors
from privledger_crypto.segments import SegmentHasher

__all__ = ["check_erased", "check_live"]

NEEDED = ("blob", "capsule", "descriptor")
_SUFFIX = ".deposit"
_REMAINS = ".tmp-"  # begins the name of what a crash left behind
_MAX_DEPOSIT = 1 << 16  # bytes


def check_live(sheet: Sheet, facts: Facts, vault: VaultReader, disclosed: Mapping[bytes, DescriptorDisclosure]) -> None:
    """A8: check every live record. `disclosed` are descriptors that were shown, by record."""
    count = 0
    for record, state in facts.records():
        if not state.is_live:
            continue
        count += 1
        try:
            _check_record(sheet, facts, vault, record, state, disclosed.get(record))
        except UnavailableError as exc:
            sheet.block("A8", f"record {record.hex()}: {exc}")
    sheet.checked("A8", f"{count} live records")


def check_erased(sheet: Sheet, facts: Facts, vault: VaultReader) -> None:
    """A11: the vault has no file of an erased record."""
    erased = {record: state.changed for record, state in facts.records() if not state.is_live}
    try:
        held = [record for record in vault.records() if record in erased]
    except PrivledgerError as exc:
        sheet.block("A11", f"the vault cannot be read: {exc}")
        return
    for record in held:
        names = vault.names(record)
        if names:
            what = f"the record is erased, and the vault still holds {len(names)} files of it, for example {names[0]}"
            sheet.fail("A11", what, f"record {record.hex()}", erased[record])
    sheet.checked("A11", f"{len(erased)} erased records")


def _check_record(
    sheet: Sheet,
    facts: Facts,
    vault: VaultReader,
    record: bytes,
    state: RecordState,
    disclosed: DescriptorDisclosure | None,
) -> None:
    names = set(vault.names(record))
    prefix = f"{state.epoch}/"
    for what in NEEDED:
        if f"{prefix}{what}{_SUFFIX}" not in names:
            meaning = f"the vault holds no {what} of this live record: it cannot be read from here any more"
            sheet.fail("A8", meaning, f"vault/records/{record.hex()}/{prefix}{what}{_SUFFIX}", state.index)
    for name in sorted(names):
        base = name.rpartition("/")[2]
        if name.startswith(prefix) and base.endswith(_SUFFIX) and not base.startswith(_REMAINS):
            where = f"vault/records/{record.hex()}/{name}"
            try:
                deposit = _check_object(facts, vault, record, state, name)
                _compare(deposit, disclosed)
            except (FormatError, VerificationError) as exc:
                sheet.fail("A8", str(exc), where, state.index)
            except UnavailableError as exc:
                if exc.code != "not_found":
                    raise
                sheet.fail("A8", "the deposit is there, and the bytes that it names are not", where, state.index)


def _compare(deposit: Deposit, disclosed: DescriptorDisclosure | None) -> None:
    """Compare a blob with what the commitment was shown to open to. Raises VerificationError."""
    if disclosed is None or deposit.what != "blob" or deposit.epoch != disclosed.epoch:
        return
    if (deposit.digest, deposit.size) != (disclosed.blob_root, disclosed.blob_size):
        raise VerificationError("the vault's blob is another one than the commitment was shown to open to")


def _check_object(facts: Facts, vault: VaultReader, record: bytes, state: RecordState, name: str) -> Deposit:
    """One object: its deposit, its holding, its bytes.

    Raises:
        FormatError, VerificationError: something is wrong with it. UnavailableError: its bytes cannot be read.
    """
    raw_deposit, raw_holding = _statements(vault.read(record, name, _MAX_DEPOSIT))
    deposit = parse_deposit(raw_deposit, facts.origin)
    if deposit.key != state.key:
        raise VerificationError("the deposit is not signed by the record's key: somebody else stored this")
    stem = deposit.what + (f".{deposit.item.hex()}" if deposit.item else "")
    if (deposit.record, f"{deposit.epoch}/{stem}{_SUFFIX}", deposit.action) != (record, name, "store"):
        raise VerificationError("the deposit is for another object than the one it stands beside")
    holding = parse_holding(raw_holding, facts.origin)
    service = facts.service(holding.service)
    if service is None or service.role != "vault" or holding.service != deposit.service:
        raise VerificationError("the holding is not by the vault that the deposit names")
    if holding.key not in facts.service_keys(holding.service) or holding.deposit != sha256(raw_deposit).digest():
        raise VerificationError("the holding is not signed by the vault, or confirms another deposit")
    content = f"{deposit.epoch}/{stem}.{deposit.digest.hex()}"
    size, digest = _digest_of(vault, record, content, deposit.what == "blob")
    if (size, digest) != (deposit.size, deposit.digest):
        raise VerificationError(
            f"the {deposit.what}'s bytes do not hash to what was deposited: they were changed or cut"
        )
    return deposit


def _statements(raw: bytes) -> tuple[bytes, bytes]:
    try:
        match cbor.decode(raw, max_size=_MAX_DEPOSIT):
            case [bytes() as deposit, bytes() as holding]:
                return deposit, holding
    except crypto_errors.CryptoError as exc:
        raise FormatError(f"the deposit file is damaged: {exc}") from exc
    raise FormatError("the deposit file is damaged: it is not a deposit and a holding")


def _digest_of(vault: VaultReader, record: bytes, name: str, is_blob: bool) -> tuple[int, bytes]:
    """Size and digest of an object's bytes: SHA-256, or the segment root of a blob."""
    size, digest, hasher = 0, sha256(), SegmentHasher()
    for piece in vault.pieces(record, name):
        size += len(piece)
        if is_blob:
            hasher.update(piece)
        else:
            digest.update(piece)
    if not is_blob:
        return size, digest.digest()
    return (size, hasher.finalize().root) if size else (0, b"")
