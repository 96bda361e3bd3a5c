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

    Checks Python and the libraries, permissions, locks, the clock, guard and databases against the log, keys and services, and, with
    the passphrase, unfinished work and the notes of grants. Ends with 1 if something is wrong.
    """
    out = Output(as_json)
    checkup = Checkup()
    check_machine(checkup)
    check_place(checkup, at, clock)
    usable = check_wallet(checkup, wallet, at)
    opens = resume or passphrase_file is not None or (wallet / DEMO_FILE).exists()
    if usable and opens:
        with checkup.guarding("wallet", "open"):
            _check_inside(checkup, at, wallet, passphrase_file, out, resume=resume)
    elif usable:
        checkup.add(
            "wallet",
            "unfinished",
            "not checked",
            "the wallet is closed",
            "Give --passphrase-file FILE, or --resume to open it.",
        )
    _print(out, checkup)
    if checkup.count("wrong"):
        raise typer.Exit(Status.FALSE)


def _check_inside(
    checkup: Checkup, at: Path, wallet: Path, passphrase_file: Path | None, out: Output, *, resume: bool
) -> None:
    with open_session(at, wallet, passphrase_file, out) as session:
        checkup.add("wallet", "open", "ok", "opens with its passphrase")
        check_opened_wallet(checkup, session, resume=resume)


def _print(out: Output, checkup: Checkup) -> None:
    lines = [line for check in checkup.checks for line in _lines(check)]
    wrong, warnings = checkup.count("wrong"), checkup.count("warning")
    verdict = "nothing is wrong" if not wrong else f"{plural(wrong, 'thing')} wrong"
    lines.append(f"{verdict}, {plural(warnings, 'warning')}")
    out.result({"wrong": wrong, "warnings": warnings, "checks": [asdict(check) for check in checkup.checks]}, lines)


def _lines(check: Check) -> list[str]:
    lines = [f"{check.area:<8} {check.name:<13} {check.state:<12} {check.detail}"]
    return lines if check.hint is None else [*lines, f"{'':<23}{'':<12} {check.hint}"]
