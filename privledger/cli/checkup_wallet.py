"""The health of a wallet: files, trust root and memory against the place, unfinished work, notes of grants.

What is sealed is looked at only with the passphrase.
"""

from __future__ import annotations

import json
from pathlib import Path

from privledger.cli.checkup import Checkup, check_lock, check_private
from privledger.cli.output import plural
from privledger.cli.session import TRUST_ROOT_FILE, Session, read_trust
from privledger.protocol.checkpoint import verify_checkpoint
from privledger.protocol.entries import GrantEntry
from privledger.protocol.errors import FormatError, PrivledgerError
from privledger.sdk.history import history_of
from privledger.storage.files import read_bytes
from privledger.wallet.notes import OwnedRecord
from privledger_crypto import errors as crypto_errors

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


def check_opened_wallet(checkup: Checkup, session: Session, *, resume: bool) -> None:
    """Check what only an opened wallet shows: unfinished work, and the notes of grants."""
    with checkup.guarding(_AREA, "unfinished"):
        _check_unfinished(checkup, session, resume=resume)
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
