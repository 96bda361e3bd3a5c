"""The health of a wallet: files, trust root and memory against the place, unfinished work, its records, notes of grants.

What is sealed is looked at only with the passphrase.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from privledger.cli.checkup import Checkup, check_lock, check_private
from privledger.cli.checkup_held import shares_held
from privledger.cli.output import plural
from privledger.cli.session import TRUST_ROOT_FILE, Session, read_trust
from privledger.protocol import keys
from privledger.protocol.checkpoint import SignedCheckpoint, verify_checkpoint
from privledger.protocol.entries import GrantEntry
from privledger.protocol.errors import FormatError, PrivledgerError
from privledger.protocol.state import record_key, record_unchecked
from privledger.sdk.history import history_of
from privledger.sdk.recover import GAP
from privledger.storage.files import read_bytes
from privledger.wallet.notes import OwnedRecord
from privledger_crypto import errors as crypto_errors
from privledger_crypto.signing import Ed25519PrivateKey

__all__ = ["check_opened_wallet", "check_wallet"]

_AREA = "wallet"
_MAX_FILE = 1 << 20  # bytes


def check_wallet(checkup: Checkup, wallet: Path, at: Path) -> bool:
    """Check what can be checked without the passphrase; returns whether there is a wallet that looks whole."""
    if not (wallet / "keystore").exists():
        checkup.add(_AREA, "files", "not checked", f"there is no wallet in {wallet}", "Give --wallet PATH.")
        return False
    before = checkup.count("wrong")
    private = [path for path in wallet.iterdir() if path.name not in (TRUST_ROOT_FILE, "checkpoint")]
    check_private(checkup, _AREA, wallet, [wallet, *private])
    check_lock(checkup, _AREA, wallet / "lock")
    with checkup.guarding(_AREA, "configuration"):
        _check_configuration(checkup, wallet)
    with checkup.guarding(_AREA, "trust root"):
        _check_trust(checkup, wallet, at)
    return checkup.count("wrong") == before


def _check_configuration(checkup: Checkup, wallet: Path) -> None:
    try:
        config = json.loads(read_bytes(wallet / "wallet.json", max_size=_MAX_FILE))
        begun, last = int(config["next_index"]), int(config["last_on_chain"])
    except (ValueError, KeyError, TypeError) as exc:
        raise FormatError(
            "wallet.json is damaged", hint="Use `privledger wallet recover` into a new directory."
        ) from exc
    checkup.judge(
        _AREA,
        "configuration",
        begun - last - 1 <= 100,
        f"{plural(begun, 'record')} begun, the last on the chain is number {last + 1}",
        "Many records were begun and never reached the chain; see whether `put` fails. Recovery looks 1,000 ahead.",
        otherwise="warning",
    )


def _check_trust(checkup: Checkup, wallet: Path, at: Path) -> None:
    trust = read_trust(wallet / TRUST_ROOT_FILE)
    note = wallet / "checkpoint"
    remembered = None if not note.exists() else verify_checkpoint(read_bytes(note, max_size=_MAX_FILE), trust)
    if not (at / TRUST_ROOT_FILE).exists():
        checkup.add(_AREA, "trust root", "not checked", f"there is no place in {at} to compare with")
        return
    offered = read_trust(at / TRUST_ROOT_FILE)
    same = (trust.origin, trust.genesis) == (offered.origin, offered.genesis)
    checkup.judge(
        _AREA,
        "trust root",
        same,
        "the place is the ledger that the wallet trusts"
        if same
        else f"the wallet trusts {trust.origin}, the place is {offered.origin}",
        "Use --at and --wallet that belong together.",
    )
    if same and remembered is not None:
        published = verify_checkpoint(read_bytes(at / "log" / "checkpoint", max_size=_MAX_FILE), trust)
        back = published.size < remembered.size
        forked = published.size == remembered.size and published.root != remembered.root
        checkup.judge(
            _AREA,
            "memory",
            not back and not forked,
            f"the wallet has seen {remembered.size} leaves, the place shows {published.size}",
            "The place shows an older or another history than this wallet saw. Keep both checkpoints; they are evidence.",
        )


def check_opened_wallet(checkup: Checkup, session: Session, at: Path, *, resume: bool) -> None:
    """Check what only an opened wallet shows: unfinished work, its records on the chain, their shares, and the notes of grants."""
    with checkup.guarding(_AREA, "unfinished"):
        _check_unfinished(checkup, session, resume=resume)
    with checkup.guarding(_AREA, "records"):
        _check_records(checkup, session)
    with checkup.guarding(_AREA, "shares"):
        _check_shares(checkup, session, at)
    with checkup.guarding(_AREA, "notes"):
        missing = [line for owned in session.owner.owned() for line in _missing_notes(session, owned)]
        checkup.judge(
            _AREA,
            "notes",
            not missing,
            "; ".join(missing) if missing else "every live grant has its note, here and in the vault",
            "Without its note a grant cannot be told from the chain. Revoke it with `privledger revoke --all RECORD`, and grant anew.",
        )


def _check_unfinished(checkup: Checkup, session: Session, *, resume: bool) -> None:
    if resume:
        done = session.owner.resume()
        checkup.add(_AREA, "resumed", "ok", "; ".join(done) if done else "there was nothing to finish")
    notebook = session.owner.context.notebook
    puts = len(list(notebook.journals()))
    grants = sum(1 for owned in notebook.records() for given in notebook.given(owned.record) if not given.done)
    checkup.judge(
        _AREA,
        "unfinished",
        puts + grants == 0,
        f"{plural(puts, 'put')} and {plural(grants, 'grant')} unfinished",
        "Run `privledger doctor --resume`.",
        otherwise="warning",
    )


def _check_records(checkup: Checkup, session: Session) -> None:
    """Compare the live records on the chain whose keys this seed derives with the wallet's notes.

    The chain's side is the place's replica, which replays the log; it must stand at the root that the wallet's own view verified.
    """
    context, replica = session.owner.context, session.place.replica
    checkpoint = context.view.fresh()
    replica.refresh(context.view.trust.max_age)
    mine = {owned.index for owned in context.notebook.records()} | {put.index for put in context.notebook.journals()}
    seen = replica.checkpoint
    if not isinstance(seen, SignedCheckpoint) or (seen.size, seen.root) != (checkpoint.size, checkpoint.root):
        checkup.add(_AREA, "records", "not checked", "the log grew meanwhile", "Run `privledger doctor` again.")
        return
    states = (record_unchecked(value) for name, value in replica.state.items() if name[:1] == record_key(b""))
    on_chain = {state.key: state.is_live for state in states}
    lost = sum(live and index not in mine for index, live in _derived(session, on_chain))
    checkup.judge(
        _AREA,
        "records",
        lost == 0,
        f"{plural(lost, 'live record')} of this wallet on the chain without a note here"
        if lost
        else f"{plural(len(mine), 'record')}, as many as the chain shows of this wallet",
        "Run `privledger wallet recover --wallet NEW` with the phrase; it brings the notes back into a new wallet.",
    )


def _derived(session: Session, on_chain: dict[bytes, bool]) -> Iterator[tuple[int, bool]]:
    """The numbers of this wallet's records on the chain and whether they live, until `GAP` numbers in a row are unused."""
    index = unused = 0
    while unused < GAP:
        seed = keys.record_signing_seed(session.wallet.seed, session.origin, index)
        live = on_chain.get(Ed25519PrivateKey(seed).public)
        unused = unused + 1 if live is None else 0
        if live is not None:
            yield index, live
        index += 1


def _check_shares(checkup: Checkup, session: Session, at: Path) -> None:
    """Whether the keeper of the place holds the very share that each owned record names."""
    here = {keeper.service for keeper in session.place.keepers}
    held = shares_held(at / "keeper")
    lost = [
        owned.record.hex()[:8]
        for owned in session.owner.owned()
        for service, _, digest in owned.keepers
        if service in here and (owned.record.hex(), str(owned.epoch), digest.hex()) not in held
    ]
    checkup.judge(
        _AREA,
        "shares",
        not lost,
        f"the keeper lost its share of {', '.join(lost)}" if lost else "the keeper holds the shares of your records",
        "You still read them: this wallet notes the keepers' part of the key. Grantees cannot, and the phrase alone brings nothing "
        "back, until the place's operator restores keeper/. Run `privledger wallet backup` now.",
    )


def _missing_notes(session: Session, owned: OwnedRecord) -> list[str]:
    """Live grants of a record whose note is missing from the wallet or the vault."""
    context = session.owner.context
    live = [
        entry.entry.body.grant
        for entry in history_of(context.view, owned.record)
        if isinstance(entry.entry.body, GrantEntry)
    ]
    known = {given.grant for given in context.notebook.given(owned.record)}
    shown = {one.grant: one.status for one in session.owner.show(owned.record).grants}
    missing = [f"grant {grant.hex()} is on the chain and not in this wallet" for grant in live if grant not in known]
    for grant in live:
        if shown.get(grant) != "live":
            continue
        try:
            context.vault.fetch(context.request(owned, [owned.vault]), "note", grant)
        except (PrivledgerError, crypto_errors.CryptoError) as exc:
            missing.append(f"the vault does not give the note of grant {grant.hex()}: {exc}")
    return missing
