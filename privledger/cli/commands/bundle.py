"""`privledger bundle`: the life of a record's grants in one file that checks offline."""

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


@app.command("bundle")
def bundle(
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
    """Write a record's life to one file that checks offline.

    The file shows when the record was put, granted, read, revoked or erased, with proofs. It needs only a trust root to check. It
    shows the terms too, so treat it as private.
    """
    out = Output(as_json)
    write_showing(
        lambda session, found, chosen: session.owner.bundle(found, chosen),
        record=record,
        grants=grants or (),
        out_file=out_file,
        force=force,
        at=at,
        wallet=wallet,
        passphrase_file=passphrase_file,
        out=out,
    )
    out.next(f"anybody with the trust root can check it: `privledger verify {out_file} --trust TRUST_ROOT`.")
