"""`privledger disclose`: what an auditor needs to see of a record, beside the chain."""

from __future__ import annotations

from typing import Annotated

import typer

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
from privledger.cli.output import Output
from privledger.cli.showing import write_showing

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("disclose")
def disclose(
    record: RecordRef,
    out_file: Out,
    grants: Annotated[
        list[str] | None, typer.Option("--grant", metavar="GRANT", help="Show only this grant. May be repeated.")
    ] = None,
    force: Force = False,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Write what an auditor needs to see of a record.

    The file holds terms, receipts and certificates, and no key. Give it to `privledger audit --disclosed FILE`; whoever has it sees
    what was agreed, so treat it as private.
    """
    out = Output(as_json)
    write_showing(
        lambda session, found, chosen: session.owner.disclose(found, chosen),
        record=record,
        grants=grants or (),
        out_file=out_file,
        force=force,
        at=at,
        wallet=wallet,
        passphrase_file=passphrase_file,
        out=out,
    )
    out.next(f"give it to an auditor: `privledger audit PLACE --disclosed {out_file}`.")
