"""`privledger inbox`: look for grants that were given to this wallet."""

from __future__ import annotations

from typing import Annotated

import typer

from privledger.cli.describe import received_document, received_rows
from privledger.cli.options import DEFAULT_PLACE, DEFAULT_WALLET, At, Json, PassphraseFile, WalletAt
from privledger.cli.output import Output
from privledger.cli.session import open_session

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("inbox")
def inbox(
    since: Annotated[int, typer.Option("--since", metavar="INDEX", min=0, help="Look from this log entry on.")] = 0,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Look for grants that were given to you.

    Tries the envelope of every live grant of the log, so nobody learns which one is yours. A share link saves the search: give it
    to `privledger read`.
    """
    out = Output(as_json)
    with open_session(at, wallet, passphrase_file, out) as session:
        notes = session.grantee.inbox(since)
        states = [session.grantee.status(note.record, note.grant) for note in notes]
    out.result(
        {"grants": [received_document(note) | {"status": state} for note, state in zip(notes, states, strict=True)]},
        received_rows(notes, states),
    )
    if notes:
        out.next(f"read one: `privledger read {notes[-1].grant.hex()[:8]} --out FILE`.")
    else:
        out.say("No live grant in the log is for this wallet.")
