"""The key schedule: every key that comes from the seed or from the parts of a record's key (docs/spec/conventions.md §4-5).

Labels and contexts are the table of the specification, one function a row. Epochs start at 0.

Left to others: keeping the seed, and deciding which index or epoch is meant.
"""

from __future__ import annotations

from privledger.protocol._values import making, require, require_size
from privledger_crypto import cbor, derive, group

__all__ = [
    "SEED_SIZE",
    "address_kem",
    "address_spend",
    "backup_key",
    "capsule_head_key",
    "data_key",
    "grantee_part",
    "identity_secret",
    "owner_key",
    "owner_part",
    "record_signing_seed",
    "sealing_context",
    "wallet_file_key",
]

SEED_SIZE = 32  # bytes
_DOMAIN = "privledger/v1"
_PART_SIZE = 32  # bytes of A and of O
_CONTEXTS = frozenset(("blob", "descriptor", "capsule-head", "capsule-body", "note", "share", "envelope", "response"))


def identity_secret(seed: bytes) -> int:
    """`s`, the scalar that every record of this seed commits to; disclosed to nobody."""
    return _scalar(seed, "identity")


def record_signing_seed(seed: bytes, origin: str, i: int) -> bytes:
    """The 32-byte Ed25519 seed of the record key with index `i`."""
    return _bytes(seed, "record-key", origin, i)


def grantee_part(seed: bytes, origin: str, i: int, epoch: int) -> bytes:
    """`A`, the 32-byte part of a data key that grantees are given."""
    return _bytes(seed, "grantee-part", origin, i, epoch)


def owner_part(seed: bytes, origin: str, i: int, epoch: int) -> bytes:
    """`O`, the 32-byte part of an owner key, given to nobody."""
    return _bytes(seed, "owner-part", origin, i, epoch)


def capsule_head_key(seed: bytes, origin: str, record: bytes) -> bytes:
    """The 32-byte key of a capsule's head, which the seed alone opens."""
    return _bytes(seed, "capsule-head", origin, record)


def address_spend(seed: bytes, origin: str, n: int) -> int:
    """The secret scalar of the spend key of address `n`."""
    return _scalar(seed, "address-spend", origin, n)


def address_kem(seed: bytes, origin: str, n: int) -> bytes:
    """The 32-byte X-Wing seed of address `n`."""
    return _bytes(seed, "address-kem", origin, n)


def wallet_file_key(seed: bytes) -> bytes:
    """The 32-byte key of the wallet's files."""
    return _bytes(seed, "wallet-file")


def backup_key(seed: bytes) -> bytes:
    """The 32-byte key of `wallet backup`."""
    return _bytes(seed, "backup")


def data_key(a: bytes, b: int, origin: str, record: bytes, epoch: int) -> bytes:
    """The 32-byte key of a record's blob and descriptor, from `A` (32 bytes) and the keepers' part `B` (a scalar)."""
    return _joined("data", a, b, origin, record, epoch)


def owner_key(o: bytes, b: int, origin: str, record: bytes, epoch: int) -> bytes:
    """The 32-byte key of a record's capsule body and notes, from `O` (32 bytes) and the keepers' part `B` (a scalar)."""
    return _joined("owner", o, b, origin, record, epoch)


def sealing_context(what: str, origin: str, record: bytes, epoch: int, item: bytes = b"") -> bytes:
    """The context of a sealed message, or the HPKE `info` of an envelope.

    Args:
        what: `blob descriptor capsule-head capsule-body note`, or `share envelope response`.
        item: the grant id of a note or envelope, the service id of a share, the request and service of a response, else empty.

    Raises:
        UsageError: `what` is none of these.
    """
    require(what in _CONTEXTS, f"nothing is sealed as {what!r}")
    with making("sealing context"):
        return cbor.encode([_DOMAIN, what, origin, record, epoch, item])


def _bytes(seed: bytes, label: str, *context: derive.ContextItem) -> bytes:
    with making(f"key {label}"):
        return derive.expand(seed, label, *context)


def _scalar(seed: bytes, label: str, *context: derive.ContextItem) -> int:
    with making(f"key {label}"):
        return derive.expand_scalar(seed, label, *context)


def _joined(label: str, part: bytes, b: int, origin: str, record: bytes, epoch: int) -> bytes:
    require_size(part, _PART_SIZE, f"the part that makes a {label} key")
    with making(f"key {label}"):
        return derive.extract_and_expand(part + group.scalar_to_bytes(b), label, origin, record, epoch)
