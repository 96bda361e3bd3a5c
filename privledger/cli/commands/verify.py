"""`privledger verify`: verify any signed file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from privledger.audit import Verdict, verify_file
from privledger.cli.exchange import naming
from privledger.cli.files import PIPE, read_input
from privledger.cli.options import DEFAULT_PLACE, DEFAULT_WALLET, At, Json, Trust, WalletAt
from privledger.cli.output import Output, clean, moment
from privledger.cli.session import clock, find_trust
from privledger.cli.status import Status
from privledger.protocol.errors import UsageError
from privledger.protocol.presentation import unpack_proof_request, verify_presentation
from privledger.protocol.trust import TrustRoot

app = typer.Typer(add_completion=False, rich_markup_mode=None)

PRESENTATION_AGE = 3600  # seconds; a presentation travels, so it may be older than a checkpoint that is read


@app.command("verify")
def verify(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="What to verify; - for a pipe.", show_default=False)
    ],
    request: Annotated[
        str | None,
        typer.Option(
            "--request", metavar="FILE", help="Your own proof request, which the presentation FILE must answer."
        ),
    ] = None,
    trust: Trust = None,
    max_age: Annotated[
        int | None,
        typer.Option(
            "--max-age",
            metavar="SECONDS",
            min=1,
            help="How old the ledger's state inside may be. Default: an hour for --request, else any age.",
        ),
    ] = None,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    as_json: Json = False,
) -> None:
    """Verify any signed file.

    Recognises addresses, requests, presentations, receipts, certificates, disclosures, bundles, evidence, checkpoints and trust
    roots. Only a trust root is needed. A presentation counts only against your own request; use each request once.
    """
    out = Output(as_json)
    root = find_trust(trust, at, wallet, out)
    if request is not None:
        if len(files) != 1:
            raise UsageError("a request is answered by one presentation", hint="Give one FILE with --request.")
        _verify_answer(files[0], request, root, max_age or PRESENTATION_AGE, out)
        return
    verdicts = [(file, verify_file(read_input(file), root, clock=clock, max_age=max_age)) for file in files]
    documents = [_document(file, verdict) for file, verdict in verdicts]
    out.result(
        documents[0] if len(documents) == 1 else {"files": documents},
        [line for file, verdict in verdicts for line in _lines(file, verdict, several=len(files) > 1)],
    )
    if any(verdict.kind in ("unknown", "container") for _, verdict in verdicts):
        out.say("Check that the whole file was passed on, in its binary form; a newer privledger may know more.")
    if any(verdict.kind == "presentation" for _, verdict in verdicts):
        out.say("It was made for somebody. Only against your own --request does it show anything to you.")
    codes = {verdict.exit_code for _, verdict in verdicts}
    raise typer.Exit(next((code for code in (Status.FALSE, Status.FAILED) if code in codes), Status.DONE))


def _verify_answer(file: str, request: str, root: TrustRoot, max_age: int, out: Output) -> None:
    with naming(request, "proof-request", "A proof request comes from `privledger request --ownership --out FILE`."):
        asked = unpack_proof_request(read_input(request))
    with naming(file, "presentation", "A presentation comes from `privledger prove RECORD --request FILE`."):
        shown = verify_presentation(read_input(file), asked, root, clock(), max_age)
    out.result(
        {
            "kind": "presentation",
            "holds": True,
            "record": shown.record.hex(),
            "live_at": moment(shown.time),
            "checkpoint_size": shown.size,
            "verifier": asked.verifier,
            "scope": asked.scope,
        },
        f"presentation: holds. Whoever made it owns record {shown.record.hex()}, live at {moment(shown.time)}.",
    )
    out.say(f"It answers your request for: {clean(asked.scope) or '(no scope)'}. Accept this request only once.")


def _document(file: str, verdict: Verdict) -> dict[str, object]:
    document: dict[str, object] = {
        "file": file,
        "kind": verdict.kind,
        "holds": verdict.holds,
        "summary": verdict.summary,
        "exit": verdict.exit_code,
    }
    if verdict.report is not None:
        document["report"] = json.loads(verdict.report.to_json())
    return document


def _shown(file: str) -> str:
    return "stdin" if file == PIPE else file


def _lines(file: str, verdict: Verdict, *, several: bool) -> list[str]:
    if verdict.kind == "unknown":
        return [clean(f"{_shown(file)} is nothing that privledger writes")]
    word = {True: "holds", False: "FALSE", None: "not checked"}[verdict.holds]
    named = f"{Path(file).name}: " if several else ""
    lines = [clean(f"{named}{verdict.kind}: {word}. {verdict.summary}")]
    return lines if verdict.report is None else [*lines, *verdict.report.to_text().splitlines()]
