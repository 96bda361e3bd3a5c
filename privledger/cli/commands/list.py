"""`privledger list`: the records of a wallet, or the grants it received."""

from __future__ import annotations

from typing import Annotated

import typer

from privledger.cli.describe import received_document, received_rows, record_document
from privledger.cli.options import DEFAULT_PLACE, DEFAULT_WALLET, At, Json, PassphraseFile, WalletAt
from privledger.cli.output import Output, plural, size_text, table
from privledger.cli.session import Session, open_session
from privledger.sdk.owner import RecordView

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("list")
def list_(
    received: Annotated[bool, typer.Option("--received", help="List the grants you received instead.")] = False,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """List your records, or the grants you received.

    The status of a grant is what the chain proves now: live, not yet, expired, used up, revoked, or erased with its record.
    """
    out = Output(as_json)
    with open_session(at, wallet, passphrase_file, out) as session:
        if received:
            _list_received(session, out)
        else:
            _list_records(session.owner.records(), out)


def _list_records(records: list[RecordView], out: Output) -> None:
    rows = [_row(one) for one in records]
    out.result(
        {"records": [record_document(one) for one in records]},
        table(("RECORD", "STATUS", "GRANTS", "SIZE", "TITLE"), rows),
    )
    if not records:
        out.say("This wallet has no records.")
        out.next("seal a file: `privledger put FILE`.")


def _row(one: RecordView) -> tuple[str, str, str, str, str]:
    live = sum(1 for grant in one.grants if grant.status == "live")
    grants = plural(live, "live grant") if one.status == "live" else "-"
    if one.descriptor is None:
        return (one.record.hex(), one.status, grants, "-", "-")
    return (one.record.hex(), one.status, grants, size_text(one.descriptor.size), one.descriptor.title)


def _list_received(session: Session, out: Output) -> None:
    notes = session.grantee.received()
    states = [session.grantee.status(note.record, note.grant) for note in notes]
    out.result(
        {"grants": [received_document(note) | {"status": state} for note, state in zip(notes, states, strict=True)]},
        received_rows(notes, states),
    )
    if not notes:
        out.say("This wallet has received no grants yet.")
        out.next("look for new ones: `privledger inbox`.")
