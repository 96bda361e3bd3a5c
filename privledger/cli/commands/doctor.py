"""`privledger doctor`: look after a machine, a place and a wallet."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from privledger.cli.checkup import Check, Checkup, check_machine
from privledger.cli.checkup_place import check_place
from privledger.cli.checkup_wallet import check_opened_wallet, check_wallet
from privledger.cli.options import DEFAULT_PLACE, DEFAULT_WALLET, At, Json, PassphraseFile, WalletAt
from privledger.cli.output import Output, plural
from privledger.cli.session import clock, open_session
from privledger.cli.status import Status
from privledger.cli.terminal import DEMO_FILE
from privledger.local import PLACE_FILE

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("doctor")
def doctor(
    resume: Annotated[
        bool, typer.Option("--resume", help="Finish or abandon what earlier runs left half-done; opens the wallet.")
    ] = False,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Look after a place and a wallet.

    Checks Python and the libraries, permissions, locks, the clock, guard and databases against the log, keys and services, what
    keeper and vault hold of the live records, and, with the passphrase, unfinished work, your records on the chain and the notes of
    grants. Ends with 1 if something is wrong, and with 3 if there is neither a place nor a wallet.
    """
    out = Output(as_json)
    checkup = Checkup()
    check_machine(checkup)
    openable = check_place(checkup, at, clock)
    usable = check_wallet(checkup, wallet, at)
    opens = resume or passphrase_file is not None or (wallet / DEMO_FILE).exists()
    if usable and opens and openable:
        with checkup.guarding("wallet", "open"):
            _check_inside(checkup, at, wallet, passphrase_file, out, resume=resume)
    elif usable:
        checkup.add(
            "wallet",
            "unfinished",
            "not checked",
            "the wallet is closed" if openable else "the place was not opened",
            "Give --passphrase-file FILE, or --resume to open it." if openable else "Restore the keeper first.",
        )
    nothing = not (at / PLACE_FILE).exists() and not (wallet / "keystore").exists()
    _print(out, checkup, nothing=nothing)
    if checkup.count("wrong"):
        raise typer.Exit(Status.FALSE)
    if nothing:
        raise typer.Exit(Status.FAILED)


def _check_inside(
    checkup: Checkup, at: Path, wallet: Path, passphrase_file: Path | None, out: Output, *, resume: bool
) -> None:
    with open_session(at, wallet, passphrase_file, out) as session:
        checkup.add("wallet", "open", "ok", "opens with its passphrase")
        check_opened_wallet(checkup, session, at, resume=resume)


def _print(out: Output, checkup: Checkup, *, nothing: bool) -> None:
    lines = [line for check in checkup.checks for line in _lines(check)]
    wrong, warnings = checkup.count("wrong"), checkup.count("warning")
    verdict = "nothing is wrong" if not wrong else f"{plural(wrong, 'thing')} wrong"
    if nothing and not wrong:
        verdict = "nothing was checked but this machine: there is no place and no wallet here"
    lines.append(f"{verdict}, {plural(warnings, 'warning')}")
    out.result({"wrong": wrong, "warnings": warnings, "checks": [asdict(check) for check in checkup.checks]}, lines)


def _lines(check: Check) -> list[str]:
    lines = [f"{check.area:<8} {check.name:<13} {check.state:<12} {check.detail}"]
    return lines if check.hint is None else [*lines, f"{'':<23}{'':<12} {check.hint}"]
