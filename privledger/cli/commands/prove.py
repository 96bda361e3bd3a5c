"""`privledger prove`: show a verifier that a record is yours."""

from __future__ import annotations

from typing import Annotated

import typer

from privledger.cli.exchange import naming
from privledger.cli.files import Target, read_input
from privledger.cli.options import (
    DEFAULT_PLACE,
    DEFAULT_WALLET,
    At,
    Force,
    Json,
    Out,
    PassphraseFile,
    RecordRef,
    WalletAt,
)
from privledger.cli.output import Output, clean, moment
from privledger.cli.references import find_record
from privledger.cli.session import open_session
from privledger.protocol.presentation import unpack_proof_request

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("prove")
def prove(
    record: RecordRef,
    out_file: Out,
    request: Annotated[
        str, typer.Option("--request", metavar="FILE", help="The verifier's proof request.", show_default=False)
    ],
    force: Force = False,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Prove that a record is yours, and nothing else.

    The presentation answers this one request and shows neither your name nor your other records. It ages with the ledger's
    checkpoint, so send it soon.

    Send it to that verifier and to nobody else: a request is not signed, so whoever hands you somebody else's request could show
    your answer as their own.
    """
    out = Output(as_json)
    target = Target(out_file, (request, passphrase_file), directories=(at, wallet), force=force, as_json=as_json)
    target.check()
    data = read_input(request)
    with naming(request, "proof-request", "A proof request comes from a verifier: `privledger request --ownership`."):
        asked = unpack_proof_request(data)
    out.say(f"{clean(asked.verifier)} asks, for: {clean(asked.scope) or '(no scope given)'}")
    with open_session(at, wallet, passphrase_file, out) as session:
        found = find_record(session.owner.records(), record)
        presentation = session.owner.prove(found, data)
    target.write(presentation)
    if as_json:
        out.result(
            {
                "file": out_file,
                "record": found.hex(),
                "verifier": asked.verifier,
                "scope": asked.scope,
                "valid_until": moment(asked.expiry),
            },
            (),
        )
    shown = "it" if target.is_stdout else out_file
    out.next(f"send {shown} to {clean(asked.verifier)}, and to nobody else, before {moment(asked.expiry)}.")
