"""`privledger erase`: erase a record for good."""

from __future__ import annotations

from typing import Annotated

import typer

from privledger.cli.describe import certificate_document, certificate_lines
from privledger.cli.options import DEFAULT_PLACE, DEFAULT_WALLET, At, Json, PassphraseFile, RecordRef, WalletAt
from privledger.cli.output import Output, clean, moment
from privledger.cli.references import find_record
from privledger.cli.session import open_session
from privledger.cli.terminal import confirm_word

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("erase")
def erase(
    record: RecordRef,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Erase a record for good.

    Keepers destroy their shares and sign certificates, the vault deletes, the wallet forgets. Nothing brings the record back. Copies
    that grantees made, and backup files of yours, are outside: destroy those yourself.
    """
    out = Output(as_json)
    with open_session(at, wallet, passphrase_file, out) as session:
        session.resume()
        views = session.owner.records()
        found = find_record(views, record)
        title = next(
            ("" if one.descriptor is None else one.descriptor.title for one in views if one.record == found), ""
        )
        if not yes:
            confirm_word(
                f"Erase {clean(title)!r} ({found.hex()}) for good? Nothing brings it back.",
                "yes",
                "Type yes, or give --yes.",
            )
        ended = session.owner.erase(found)
        certificates = session.owner.certificates(found)
    lines = [f"erased by entry {ended.index} in block {ended.height}, {moment(ended.time)}"]
    for certificate in certificates:
        lines += certificate_lines(certificate)
    out.result(
        {
            "record": found.hex(),
            "index": ended.index,
            "height": ended.height,
            "time": moment(ended.time),
            "certificates": [certificate_document(one) for one in certificates],
        },
        lines,
    )
    out.say("Destroy backup files of this wallet that were made before.")
    if any(one.pending for one in certificates):
        out.next(f"ask for the final certificates later: `privledger show {found.hex()[:8]}`.")
