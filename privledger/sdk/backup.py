"""The owner's backup file: the keepers' parts `B` of live records, for the day keepers die (docs/spec/wallet.md §5).

Sealed under a key derived from the seed: phrase and backup together replace vault heads and keepers, each alone opens nothing. A
backup outlives an erasure: whoever erases for good destroys old backups too (promise P8 names them as outside).
"""

from __future__ import annotations

from collections.abc import Sequence

from privledger.protocol import keys
from privledger.protocol.container import pack, unpack
from privledger.protocol.errors import FormatError, VerificationError
from privledger.wallet.notes import OwnedRecord
from privledger_crypto import cbor, sealing
from privledger_crypto import errors as crypto_errors

__all__ = ["make_backup", "open_backup"]

_CONTEXT = cbor.encode(["privledger/v1", "backup"])


def make_backup(seed: bytes, origin: str, records: Sequence[OwnedRecord]) -> bytes:
    """A container that holds, sealed, what the wallet notes of these records."""
    content = cbor.encode([origin, [record.to_value() for record in records]])
    return pack("backup", sealing.seal(keys.backup_key(seed), _CONTEXT, content))


def open_backup(seed: bytes, origin: str, data: bytes) -> list[OwnedRecord]:
    """Open a backup of this seed and ledger.

    Raises:
        FormatError: not a backup. VerificationError: of another seed or ledger, or damaged.
    """
    body = unpack(data, types={"backup"}).body
    if not isinstance(body, bytes):
        raise FormatError("a backup holds sealed bytes")
    try:
        content = cbor.decode(sealing.open_sealed(keys.backup_key(seed), _CONTEXT, body), max_size=len(body))
    except crypto_errors.CryptoError as exc:
        raise VerificationError("the backup is damaged, or was made by another wallet than this phrase's") from exc
    match content:
        case [str() as named, list() as records]:
            if named != origin:
                raise VerificationError(f"the backup is of the ledger {named}", code="wrong_origin")
            return [OwnedRecord.from_value(record) for record in records]
    raise FormatError("the backup holds something else than records")
