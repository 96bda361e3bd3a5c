"""`privledger wallet`: new, recover, backup, show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from privledger.cli.files import Target, read_input
from privledger.cli.making import check_new_wallet, make_wallet, unmake_on_failure
from privledger.cli.options import DEFAULT_PLACE, DEFAULT_WALLET, At, Force, Json, Out, PassphraseFile, WalletAt
from privledger.cli.output import Output, plural
from privledger.cli.session import (
    TRUST_ROOT_FILE,
    clock,
    find_trust,
    open_place,
    open_session,
    random_bytes,
    read_trust,
)
from privledger.cli.terminal import DEMO_FILE, ask_secret, counting, new_passphrase
from privledger.protocol.errors import FormatError, UsageError, VerificationError
from privledger.sdk.backup import make_backup, open_backup
from privledger.sdk.recover import RecoveryReport, recover
from privledger.storage.files import read_bytes
from privledger.wallet.phrase import seed_of

app = typer.Typer(
    name="wallet", add_completion=False, rich_markup_mode=None, help="Make, recover, back up or show a wallet."
)

_MAX_PHRASE = 4096  # bytes
_MAX_CONFIG = 1 << 16  # bytes
TrustOption = Annotated[
    Path | None, typer.Option("--trust", metavar="FILE", help="Pin this trust root; by default the place's own.")
]
DemoOption = Annotated[bool, typer.Option("--demo", help="A trial wallet without a passphrase.")]


@app.command("new")
def new(
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    trust: TrustOption = None,
    demo: DemoOption = False,
    show_phrase: Annotated[bool, typer.Option("--show-phrase", help="Put the phrase into the JSON document.")] = False,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Make a wallet at a place that is there.

    The wallet pins the place's trust root. Compare the printed origin with somebody who uses the same ledger.
    """
    out = Output(as_json)
    check_new_wallet(wallet)
    root = read_trust(_offered(at) if trust is None else trust)
    made = make_wallet(wallet, root, None if demo else new_passphrase(passphrase_file))
    made.tell(out, show_in_json=show_phrase)
    out.result(
        {"wallet": str(wallet), "origin": made.origin, "demo": demo, **made.phrase_document(show_phrase)},
        [f"origin  {made.origin}", f"wallet  {wallet}"],
    )
    out.say("Compare the origin with somebody who uses the same ledger.")
    out.next("make an address for owners to grant to: `privledger address --out FILE`.")


@app.command("recover")
def recover_wallet(
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    trust: TrustOption = None,
    phrase_file: Annotated[
        Path | None, typer.Option("--phrase-file", metavar="FILE", help="Read the phrase from FILE instead of asking.")
    ] = None,
    backup: Annotated[
        str | None, typer.Option("--backup", metavar="FILE", help="A file of `wallet backup`, where keepers are gone.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Bring a wallet back from its recovery phrase.

    The chain is replayed, the records that the phrase owns are found, and vault and keepers give back the rest. What could not be
    brought back is listed.
    """
    out = Output(as_json)
    check_new_wallet(wallet)
    backed_up = None if backup is None else read_input(backup)
    root = read_trust(_offered(at) if trust is None else trust)
    seed = seed_of(_phrase(phrase_file))
    if backed_up is not None:
        _check_backup(seed, root.origin, backed_up, backup or "")
    secret = new_passphrase(passphrase_file)
    with open_place(at) as place, unmake_on_failure(wallet):
        made = make_wallet(wallet, root, secret, seed=seed)
        with counting("replaying the chain", "leaves", quiet=as_json) as bar:
            report = recover(made.wallet, place, clock=clock, random_bytes=random_bytes, backup=backed_up, progress=bar)
    for line in report.missing:
        out.warn(f"not recovered: {line}")
    out.result(_recovered(wallet, made.origin, report), _recovered_lines(report))
    out.next("see your records with `privledger list`.")


def _check_backup(seed: bytes, origin: str, data: bytes, name: str) -> None:
    """Open the backup once before a wallet is made for it."""
    try:
        open_backup(seed, origin, data)
    except (FormatError, VerificationError) as exc:
        hint = "Nothing was made. Check that phrase and backup are of the same wallet, or leave out --backup."
        raise type(exc)(f"{name}: {exc}", code=exc.code, hint=hint) from exc


def _phrase(file: Path | None) -> str:
    if file is None:
        return ask_secret("The 24 words of the recovery phrase: ")
    try:
        return read_input(file, max_size=_MAX_PHRASE).decode()
    except UnicodeDecodeError as exc:
        raise UsageError(f"the phrase in {file} is not UTF-8 text") from exc


def _recovered(wallet: Path, origin: str, report: RecoveryReport) -> dict[str, object]:
    return {
        "wallet": str(wallet),
        "origin": origin,
        "records": [record.hex() for record in report.records],
        "erased": [record.hex() for record in report.erased],
        "grants": report.grants,
        "missing": report.missing,
    }


def _recovered_lines(report: RecoveryReport) -> list[str]:
    return [
        f"recovered {plural(len(report.records), 'record')} and {plural(report.grants, 'grant')}",
        *(f"erased for good: {record.hex()}" for record in report.erased),
    ]


@app.command("backup")
def backup_wallet(
    out_file: Out,
    force: Force = False,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Write what keepers would be needed for to one sealed file.

    The recovery phrase opens it. Phrase and backup together replace the keepers; make a new one after each put, and destroy old
    ones when you erase a record.
    """
    out = Output(as_json)
    target = Target(out_file, (passphrase_file,), (at, wallet), force=force, private=True, as_json=as_json)
    target.check()
    with open_session(at, wallet, passphrase_file, out) as session:
        records = session.owner.owned()
        data = make_backup(session.wallet.seed, session.origin, records)
    target.write(data)
    out.say(f"backed up {plural(len(records), 'record')} to {out_file}")
    out.say("An erased record stays in older backups: destroy those when you erase.")
    if as_json:
        out.result({"file": out_file, "records": [one.record.hex() for one in records]}, ())


@app.command("show")
def show(at: At = DEFAULT_PLACE, wallet: WalletAt = DEFAULT_WALLET, as_json: Json = False) -> None:
    """Show a wallet without opening it: its ledger, its trust root, how far it got."""
    out = Output(as_json)
    path = wallet / "wallet.json"
    if not path.exists():
        raise UsageError(f"no wallet in {wallet}", code="not_found", hint="Give --wallet PATH.")
    try:
        config = json.loads(read_bytes(path, max_size=_MAX_CONFIG))
        document: dict[str, object] = {
            "wallet": str(wallet),
            "origin": str(config["origin"]),
            "next_index": int(config["next_index"]),
            "next_address": int(config["next_address"]),
        }
    except (ValueError, KeyError, TypeError) as exc:
        raise FormatError(f"{path} is damaged", hint="Use `privledger wallet recover` into a new directory.") from exc
    trust = find_trust(None, at, wallet, out)
    document |= {"genesis": trust.genesis.hex(), "max_age": trust.max_age, "demo": (wallet / DEMO_FILE).exists()}
    out.result(
        document,
        [
            f"origin     {document['origin']}",
            f"genesis    {document['genesis']}",
            f"max age    {trust.max_age} s",
            f"records    {document['next_index']} begun",
            f"addresses  {document['next_address']} made",
            *(["TRIAL WALLET without a passphrase"] if document["demo"] else []),
        ],
    )


def _offered(at: Path) -> Path:
    path = at / TRUST_ROOT_FILE
    if not path.exists():
        raise UsageError(
            f"no place in {at}",
            code="not_found",
            hint="Give --at PLACE, or --trust FILE. `privledger init` makes a place.",
        )
    return path
