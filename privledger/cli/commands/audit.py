"""`privledger audit`: check everything again, from the trust root up."""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from privledger.audit import DirectoryFetcher, Report, audit_bundle, audit_place
from privledger.cli.files import Target, read_input, refuse_inside
from privledger.cli.options import DEFAULT_PLACE, DEFAULT_WALLET, At, Json, Trust, WalletAt
from privledger.cli.output import Output, plural
from privledger.cli.session import clock, find_trust
from privledger.cli.terminal import counting
from privledger.protocol.checkpoint import verify_checkpoint
from privledger.protocol.errors import PrivledgerError, UnavailableError, UsageError
from privledger.protocol.trust import TrustRoot
from privledger.storage.files import make_directory, read_bytes

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_MAX_NOTE = 1 << 20  # bytes


@app.command("audit")
def audit(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="[SOURCE]", help="A place, a log's directory, or a bundle file. Default: the place of --at."
        ),
    ] = None,
    trust: Trust = None,
    disclosed: Annotated[
        list[str] | None,
        typer.Option(
            "--disclosed", metavar="FILE", help="What you were shown: disclosures, receipts, … May be repeated."
        ),
    ] = None,
    older: Annotated[
        list[str] | None,
        typer.Option(
            "--older", metavar="FILE", help="A checkpoint that you kept. May be repeated. A wallet's own is added."
        ),
    ] = None,
    memory: Annotated[
        Path | None,
        typer.Option(
            "--memory", metavar="DIRECTORY", help="Keep what was checked there; the next audit reads what is new."
        ),
    ] = None,
    max_age: Annotated[
        int | None,
        typer.Option("--max-age", metavar="SECONDS", min=1, help="How old the checkpoint may be; default: any age."),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Processes that check signatures; 0: none.")] = 2,
    evidence: Annotated[
        Path | None,
        typer.Option(
            "--evidence", metavar="DIRECTORY", help="Write portable evidence of a fault there, if any is found."
        ),
    ] = None,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    as_json: Json = False,
) -> None:
    """Check everything again, from the trust root up.

    Twelve steps, numbered A1 to A12, each ok, failed or not checked. Ends with 0 if every step that was checked holds, 1 if one
    failed, 3 if one could not be checked. No network, no wallet and no service is needed.
    """
    out = Output(as_json)
    what = source or at
    for directory in (memory, evidence):
        if directory is not None:
            refuse_inside(directory, (what, at, wallet))
    if not what.exists():
        raise UsageError(
            f"{what} is not there", code="not_found", hint="Name a place, a log's directory or a bundle file."
        )
    if what.is_dir() and not _holds_log(what):
        raise UnavailableError(
            f"{what} holds neither a place nor a log",
            code="no_log",
            hint="Name the directory that holds log/, or the log directory itself.",
        )
    root = find_trust(trust, what if what.is_dir() else at, wallet, out)
    if what.is_file():
        if disclosed or memory or evidence:
            raise UsageError(
                "a bundle stands alone", hint="--disclosed, --memory and --evidence are for a place or a log."
            )
        report = audit_bundle(
            read_input(what), root, older_checkpoints=_older(older, wallet, root), clock=clock, max_age=max_age
        )
    else:
        with counting("auditing", "leaves", quiet=as_json) as bar:
            report = audit_place(
                DirectoryFetcher(what),
                root,
                disclosures=[read_input(file) for file in disclosed or []],
                older_checkpoints=_older(older, wallet, root),
                memory=memory,
                workers=workers,
                clock=clock,
                max_age=max_age,
                progress=bar,
            )
    print_report(report, out)
    if evidence is not None:
        _save(evidence, report, out)
    raise typer.Exit(report.exit_code)


def _holds_log(directory: Path) -> bool:
    """Whether this is a place or a log's directory; a wallet, too, has a file `checkpoint`."""
    return (directory / "log").is_dir() or ((directory / "checkpoint").is_file() and (directory / "tile").is_dir())


def print_report(report: Report, out: Output) -> None:
    """The report as text or JSON."""
    sys.stdout.write(report.to_json() if out.as_json else report.to_text())
    sys.stdout.flush()


def _older(files: list[str] | None, wallet: Path, trust: TrustRoot) -> list[bytes]:
    """The checkpoints that were kept: those given, and the wallet's if it is of this ledger."""
    kept = [read_input(file, max_size=_MAX_NOTE) for file in files or []]
    if (own := wallet / "checkpoint").exists():
        note = read_bytes(own, max_size=_MAX_NOTE)
        try:
            verify_checkpoint(note, trust)
        except PrivledgerError:
            return kept  # of another ledger than the one that is audited
        kept.append(note)
    return kept


def _save(directory: Path, report: Report, out: Output) -> None:
    if report.evidence:
        make_directory(directory)
    for piece in report.evidence:
        Target(str(directory / f"{sha256(piece).hexdigest()[:16]}.evidence"), force=True).write(piece)
    out.say(f"{plural(len(report.evidence), 'piece')} of evidence" + (f" in {directory}" if report.evidence else ""))
