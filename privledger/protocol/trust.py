"""The trust root: all that a client must get from somebody it knows (docs/spec/trust.md).

    trust = parse_trust_root(path.read_bytes())
    trust_root_of(entry_0_leaf)          # what the operator hands out

It names the ledger, its first entry, the keys that sign checkpoints and the witnesses. It is JSON, so that people can read and
compare it. Left to others: checking anything against it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from privledger.protocol.entries import MAX_TIME, LedgerEntry, LogKeys, parse_entry
from privledger.protocol.errors import FormatError, UsageError
from privledger.protocol.ids import check_origin
from privledger_crypto import errors as crypto_errors
from privledger_crypto.notes import (
    TYPE_ED25519,
    TYPE_ED25519_COSIGNATURE,
    TYPE_MLDSA44_COSIGNATURE,
    VerifierKey,
    parse_vkey,
)

__all__ = ["MAX_TRUST_ROOT", "TrustRoot", "parse_trust_root", "trust_root_of", "vkeys_of"]

MAX_TRUST_ROOT = 1 << 20  # bytes
_MAX_WITNESSES = 64
_TYPE = "privledger/trust-root"
_FIELDS = {"type", "version", "origin", "genesis", "log_keys", "witnesses", "witness_quorum", "max_age"}
_PAIR = [TYPE_ED25519, TYPE_MLDSA44_COSIGNATURE]


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """What a client trusts.

    Args:
        origin: the ledger's.
        genesis: SHA-256 of entry 0.
        log_keys: for each generation an Ed25519 key (type 0x01), then an ML-DSA-44 key (0x06); names are the origin.
        witnesses: cosigners' keys (type 0x04 or 0x06), with names of their own.
        witness_quorum: how many of the witnesses, counted by name, must have signed a checkpoint.
        max_age: of a checkpoint, in seconds; at most the ledger's F.

    Raises:
        FormatError: the parts do not fit together.
    """

    origin: str
    genesis: bytes
    log_keys: tuple[VerifierKey, ...]
    witnesses: tuple[VerifierKey, ...] = ()
    witness_quorum: int = 0
    max_age: int = 30

    def __post_init__(self) -> None:
        """Checks the parts."""
        check_origin(self.origin)
        if len(self.genesis) != 32:
            raise FormatError("trust root: genesis is a SHA-256 digest, 32 bytes")
        types = [key.type for key in self.log_keys]
        if not types or len(types) % 2 or types != _PAIR * (len(types) // 2):
            raise FormatError("trust root: log_keys are pairs of an Ed25519 key (0x01) and an ML-DSA-44 key (0x06)")
        if any(key.name != self.origin for key in self.log_keys):
            raise FormatError("trust root: the name of every log key is the origin")
        if any(key.type not in (TYPE_ED25519_COSIGNATURE, TYPE_MLDSA44_COSIGNATURE) for key in self.witnesses):
            raise FormatError("trust root: witnesses have cosignature keys (types 0x04 and 0x06)")
        names = {key.name for key in self.witnesses}
        if self.origin in names or not 0 <= self.witness_quorum <= len(names) or len(names) > _MAX_WITNESSES:
            raise FormatError("trust root: the witnesses cannot make that quorum, or one has the log's name")
        if len({(key.name, key.key_id) for key in self.all_keys}) != len(self.all_keys):
            raise FormatError("trust root: a key stands there twice")
        if not 1 <= self.max_age <= MAX_TIME:
            raise FormatError("trust root: max_age is a positive number of seconds")

    @property
    def all_keys(self) -> tuple[VerifierKey, ...]:
        """Log keys and witnesses."""
        return self.log_keys + self.witnesses

    @property
    def generations(self) -> tuple[tuple[VerifierKey, VerifierKey], ...]:
        """The log keys as pairs of Ed25519 and ML-DSA-44."""
        return tuple(zip(self.log_keys[::2], self.log_keys[1::2], strict=True))

    def to_json(self) -> str:
        """The file's text."""
        value = {
            "type": _TYPE,
            "version": 1,
            "origin": self.origin,
            "genesis": self.genesis.hex(),
            "log_keys": [key.to_vkey() for key in self.log_keys],
            "witnesses": [key.to_vkey() for key in self.witnesses],
            "witness_quorum": self.witness_quorum,
            "max_age": self.max_age,
        }
        return json.dumps(value, indent=1) + "\n"


def vkeys_of(origin: str, log_keys: Iterable[LogKeys]) -> tuple[VerifierKey, ...]:
    """The verifier keys of a ledger entry's log keys."""
    return tuple(
        key
        for pair in log_keys
        for key in (
            VerifierKey(origin, TYPE_ED25519, pair.ed25519),
            VerifierKey(origin, TYPE_MLDSA44_COSIGNATURE, pair.mldsa44),
        )
    )


def trust_root_of(
    entry_0: bytes,
    *,
    log_keys: Iterable[LogKeys] | None = None,
    witnesses: tuple[VerifierKey, ...] = (),
    witness_quorum: int = 0,
    max_age: int | None = None,
) -> TrustRoot:
    """The trust root of the ledger that begins with `entry_0`; `log_keys` if they changed since, `max_age` if below F.

    Raises:
        FormatError: `entry_0` is not a ledger entry with seq 0.
        UsageError: `max_age` is above F.
    """
    body = parse_entry(entry_0).body
    if not isinstance(body, LedgerEntry) or body.seq != 0:
        raise FormatError("a ledger begins with a ledger entry of seq 0")
    freshness = body.limits.freshness
    if max_age is not None and max_age > freshness:
        raise UsageError(f"a trust root may ask for less than F = {freshness} s, never for more")
    keys = vkeys_of(body.origin, body.log_keys if log_keys is None else log_keys)
    age = freshness if max_age is None else max_age
    return TrustRoot(body.origin, sha256(entry_0).digest(), keys, witnesses, witness_quorum, age)


def parse_trust_root(data: bytes) -> TrustRoot:
    """Read a trust root file.

    Raises:
        FormatError: it is not one, or of an unknown version; fields that this version does not know are refused.
    """
    value = _load(data)
    if value.get("type") != _TYPE or value.get("version") != 1 or type(value["version"]) is not int:
        raise FormatError(f"expected a {_TYPE} of version 1")
    if set(value) != _FIELDS:
        raise FormatError(f"trust root: missing or unknown fields {sorted(set(value) ^ _FIELDS)}")
    origin, genesis = value["origin"], value["genesis"]
    if not isinstance(origin, str) or not isinstance(genesis, str) or genesis != genesis.lower():
        raise FormatError("trust root: origin and genesis are text, genesis in lower-case hex")
    quorum, max_age = value["witness_quorum"], value["max_age"]
    if type(quorum) is not int or type(max_age) is not int:
        raise FormatError("trust root: witness_quorum and max_age are integers")
    try:
        digest = bytes.fromhex(genesis)
        log_keys, witnesses = _vkeys(value["log_keys"]), _vkeys(value["witnesses"])
    except (ValueError, crypto_errors.CryptoError) as exc:
        raise FormatError(f"trust root: {exc}") from exc
    return TrustRoot(origin, digest, log_keys, witnesses, quorum, max_age)


def _load(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_TRUST_ROOT:
        raise FormatError(f"trust root: {len(data)} bytes, at most {MAX_TRUST_ROOT} are allowed")
    try:
        value = json.loads(data.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as exc:
        raise FormatError(f"trust root: not JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise FormatError("trust root: expected a JSON object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise FormatError("trust root: a field stands there twice")
    return value


def _vkeys(value: object) -> tuple[VerifierKey, ...]:
    if not isinstance(value, list) or len(value) > 4 * _MAX_WITNESSES or not all(isinstance(x, str) for x in value):
        raise FormatError("trust root: keys are a list of verifier keys")
    return tuple(parse_vkey(text) for text in value)
