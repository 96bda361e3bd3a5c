"""`verify_file`: says what any file of ours is, and whether it holds.

Recognised are containers of every type, signed checkpoints, trust roots, entries, and statements. Most files carry their own
signatures and so can be checked for form and signature alone; what the chain says of their keys takes an audit, and the words
say so. Left to others: reading files, and audits of places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from privledger.audit.bundle import audit_bundle
from privledger.audit.certificates import backups_in_words
from privledger.audit.equivocation import verify_evidence
from privledger.audit.openings import presentation_words
from privledger.audit.report import EXIT_FAILED, EXIT_OK, EXIT_UNCHECKED, Report, moment
from privledger.protocol.address import fingerprint, parse_access_request, parse_address
from privledger.protocol.certificate import parse_certificate
from privledger.protocol.checkpoint import verify_checkpoint
from privledger.protocol.container import CONTAINER_TYPES, unpack, unpack_signed
from privledger.protocol.disclosure import parse_disclosure
from privledger.protocol.entries import BODIES, admit, is_block, parse_block
from privledger.protocol.errors import FormatError, PrivledgerError, UnavailableError, VerificationError
from privledger.protocol.evidence import parse_evidence
from privledger.protocol.presentation import parse_proof_request
from privledger.protocol.receipt import parse_receipt
from privledger.protocol.statements import parse_statement, peek_statement
from privledger.protocol.trust import TrustRoot, parse_trust_root
from privledger_crypto import cbor
from privledger_crypto import errors as crypto_errors

__all__ = ["Verdict", "verify_file"]

# What every container begins with: an array of four, and its first value (docs/spec/conventions.md §6).
_BEGINNING = b"\x84" + cbor.encode("privledger")
_ENTRY_KINDS = frozenset(BODIES)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file is and whether it holds: `holds` is None if that could not be checked.

    Args:
        kind: a container's type, or `checkpoint`, `trust root`, `entry`, `block`, `statement`, `container` (of no known type), `unknown`.
        summary: one sentence.
        report: of a bundle.
    """

    kind: str
    holds: bool | None
    summary: str
    report: Report | None = None

    @property
    def exit_code(self) -> int:
        """0 it holds, 1 it does not, 3 it could not be checked."""
        if self.report is not None:
            return self.report.exit_code
        return EXIT_UNCHECKED if self.holds is None else EXIT_OK if self.holds else EXIT_FAILED


def verify_file(
    data: bytes,
    trust: TrustRoot | None,
    *,
    clock: Callable[[], int],
    max_age: int | None = None,
    older_checkpoints: Sequence[bytes] = (),
) -> Verdict:
    """Recognise a file and check it.

    Args:
        data: untrusted bytes.
        trust: the reader's own trust root; without it nothing but a trust root can be judged.
        clock, max_age, older_checkpoints: as of `audit_bundle`.
    """
    kind = recognise(data)
    try:
        return _verify(kind, data, trust, clock, max_age, older_checkpoints)
    except UnavailableError as exc:
        return Verdict(kind, None, f"this {kind} could not be checked: {exc}")
    except PrivledgerError as exc:
        return Verdict(kind, False, f"this {kind} does not hold: {exc}")


def recognise(data: bytes) -> str:
    """What the bytes claim to be; `container` if one of no known type, `unknown` if nothing of ours."""
    if data.lstrip()[:1] == b"{":
        return "trust root"
    try:
        return unpack(data).type
    except FormatError:
        claimed = next((kind for kind in CONTAINER_TYPES if data.startswith(_BEGINNING + cbor.encode(kind))), None)
        if claimed is not None:
            return claimed  # cut short or changed: reading it again says how
        if data.startswith(_BEGINNING):
            return "container"
    if b"\n\n\xe2\x80\x94 " in data:  # after the containers, since some carry a checkpoint
        return "checkpoint"
    if is_block(data):
        return "block"
    try:
        kind = peek_statement(data).kind
    except FormatError:
        return "entry" if _is_many_signed(data) else "unknown"
    return "entry" if kind in _ENTRY_KINDS else "statement"


def _container_words(data: bytes) -> str:
    """Why a container of no known type could not be read."""
    try:
        return f"a container of the type {unpack(data).type}"
    except FormatError as exc:
        return str(exc)


def _is_many_signed(data: bytes) -> bool:
    """Whether this is a COSE_Sign, which only entries of several governance keys are."""
    try:
        match cbor.decode(data):
            case [b"", {}, bytes(), list()]:
                return True
    except crypto_errors.CryptoError:
        return False
    return False


def _verify(
    kind: str,
    data: bytes,
    trust: TrustRoot | None,
    clock: Callable[[], int],
    max_age: int | None,
    older_checkpoints: Sequence[bytes],
) -> Verdict:
    if kind == "unknown":
        return Verdict(kind, None, "this is nothing that privledger writes")
    if kind == "container":
        return Verdict(kind, None, _container_words(data))
    if kind == "trust root":
        return _trust_root(data, trust)
    if kind == "backup":
        return Verdict(kind, None, "a sealed backup: only its owner's seed opens it")
    if kind == "service-keys":
        unpack(data)
        return Verdict(kind, None, "a service's keys: the ledger names the digest of this file, which a place shows")
    if kind == "block":
        block = parse_block(data)
        return Verdict(
            kind, None, f"block {block.height} of {moment(block.time)}: nobody signs blocks, an audit recomputes them"
        )
    if trust is None:
        raise UnavailableError("say which ledger you trust", hint="Name a trust root file.")
    if kind == "bundle":
        report = audit_bundle(data, trust, older_checkpoints=older_checkpoints, clock=clock, max_age=max_age)
        holds = {EXIT_OK: True, EXIT_FAILED: False}.get(report.exit_code)
        return Verdict(kind, holds, _bundle_words(report), report)
    return Verdict(kind, True, _SIMPLE[kind](data, trust))


def _trust_root(data: bytes, trust: TrustRoot | None) -> Verdict:
    found = parse_trust_root(data)
    words = f"a trust root for the ledger {found.origin}, whose entry 0 is {found.genesis.hex()}"
    if trust is None:
        return Verdict("trust root", None, f"{words}: compare them with somebody you know")
    if (found.origin, found.genesis) != (trust.origin, trust.genesis):
        return Verdict("trust root", False, f"{words}: another ledger than the one you trust")
    same = found == trust
    tail = "the one you trust" if same else "the ledger you trust, with other keys, witnesses or limits"
    return Verdict("trust root", True if same else None, f"{words}: {tail}")


def _bundle_words(report: Report) -> str:
    failed = [step.step for step in report.steps if step.status == "failed"]
    if failed:
        return f"this bundle does not hold: {', '.join(failed)} failed"
    return f"a bundle at the checkpoint of {report.size} leaves: every step that was checked holds"


def _checkpoint(data: bytes, trust: TrustRoot) -> str:
    signed = verify_checkpoint(data, trust)
    return f"a checkpoint of {signed.size} leaves, signed for {moment(signed.time)}, root {signed.root.hex()}"


def _entry(data: bytes, trust: TrustRoot) -> str:
    entry = admit(data, origin=trust.origin)
    keys = ", ".join(key.hex() for key in entry.keys)
    return f"a {entry.kind} entry of this ledger, signed by {keys}; whether the rules accepted it the log says"


def _statement(data: bytes, trust: TrustRoot) -> str:
    found = parse_statement(data, origin=trust.origin)
    return f"a {found.kind} statement for this ledger, signed by {found.key.hex()}"


def _address(data: bytes, trust: TrustRoot) -> str:
    raw = _statement_of(data)
    return f"the address {parse_address(raw, trust.origin).label!r}; compare its fingerprint aloud: {fingerprint(raw)}"


def _access_request(data: bytes, trust: TrustRoot) -> str:
    found = parse_access_request(_statement_of(data), trust.origin)
    return f"a request for access by {found.address.label!r}: {found.terms.describe()}"


def _receipt(data: bytes, trust: TrustRoot) -> str:
    found = parse_receipt(_signed(data, "receipt", trust), trust.origin)
    request = found.request
    who = "the owner" if request.is_owner else f"grant {request.grant.hex()}"
    return (
        f"keeper {found.service.hex()} released its share of record {request.record.hex()} to {who} at {moment(found.time)}, "
        f"on a view of {found.size} leaves; both signatures hold, and whose keys they are the chain says"
    )


def _certificate(data: bytes, trust: TrustRoot) -> str:
    found = parse_certificate(_signed(data, "certificate", trust), trust.origin)
    until = found.pending_until
    state = "nothing pending" if until is None else f"pending until {moment(until)}"
    return (
        f"keeper {found.service.hex()} destroyed {len(found.lines)} shares of record {found.record.hex()}, {state}, "
        f"{backups_in_words(found.backups_until)}; the signatures hold, and whose keys they are the chain says"
    )


def _presentation(data: bytes, trust: TrustRoot) -> str:
    return presentation_words(trust, data)


def _proof_request(data: bytes, trust: TrustRoot) -> str:
    found = parse_proof_request(unpack(data).body)
    if found.origin != trust.origin:
        raise VerificationError("it is for another ledger")
    return (
        f"{found.verifier!r} asks for a proof of {found.statement}, scope {found.scope!r}, until {moment(found.expiry)}"
    )


def _disclosure(data: bytes, trust: TrustRoot) -> str:
    found = parse_disclosure(unpack(data).body)
    if found.origin != trust.origin:
        raise VerificationError("it is of another ledger")
    raise UnavailableError(
        f"a disclosure of record {found.record.hex()} is checked against the log",
        hint="Run an audit of the place and hand it this file.",
    )


def _evidence(data: bytes, trust: TrustRoot) -> str:
    return "evidence that holds: " + verify_evidence(parse_evidence(unpack(data).body), trust)


def _statement_of(data: bytes) -> bytes:
    body = unpack(data).body
    if not isinstance(body, bytes):
        raise FormatError("the container does not hold a statement")
    return body


def _signed(data: bytes, kind: str, trust: TrustRoot) -> bytes:
    origin, statement = unpack_signed(data, type=kind)
    if origin != trust.origin:
        raise VerificationError("it is of another ledger than the one you trust")
    return statement


_SIMPLE: dict[str, Callable[[bytes, TrustRoot], str]] = {
    "checkpoint": _checkpoint,
    "entry": _entry,
    "statement": _statement,
    "address": _address,
    "access-request": _access_request,
    "receipt": _receipt,
    "certificate": _certificate,
    "presentation": _presentation,
    "proof-request": _proof_request,
    "disclosure": _disclosure,
    "evidence": _evidence,
}
