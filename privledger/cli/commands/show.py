"""`privledger show`: a record with its history, grants, receipts and certificates, or what an outsider sees."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from privledger.cli.describe import (
    certificate_document,
    certificate_lines,
    grant_lines,
    history_document,
    history_rows,
    outsider_document,
    outsider_lines,
    receipt_document,
    receipt_rows,
    record_document,
    record_lines,
)
from privledger.cli.files import Target, refuse_inside
from privledger.cli.options import DEFAULT_PLACE, DEFAULT_WALLET, At, Json, PassphraseFile, RecordRef, WalletAt
from privledger.cli.output import Output, plural
from privledger.cli.references import find_record
from privledger.cli.session import Session, open_session
from privledger.protocol.certificate import Certificate
from privledger.protocol.container import pack_signed
from privledger.protocol.errors import PrivledgerError
from privledger.protocol.ids import ZERO_GRANT
from privledger.protocol.receipt import Receipt
from privledger.sdk.owner import RecordView
from privledger.storage.files import make_directory

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("show")
def show(
    record: RecordRef,
    outsider: Annotated[bool, typer.Option("--outsider", help="Show what everyone with the chain sees of it.")] = False,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="DIRECTORY", help="Write each receipt and certificate to a file of its own."),
    ] = None,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Show a record: its history, grants and receipts.

    Each entry of the history is proven to stand in the log. Receipts are asked of the keepers; of an erased record the erasure
    certificates are shown.
    """
    out = Output(as_json)
    if save is not None:
        refuse_inside(save, (at, wallet))
    with open_session(at, wallet, passphrase_file, out) as session:
        found = find_record(session.owner.records(), record)
        if outsider:
            seen = session.owner.outsider(found)
            out.result(outsider_document(seen), outsider_lines(seen))
            return
        view = session.owner.show(found)
        receipts = _receipts(session, view)
        certificates = session.owner.certificates(found) if view.status == "erased" else []
        origin = session.origin
    _print(out, view, receipts, certificates)
    if save is not None:
        _save(save, origin, receipts, certificates, out)


def _receipts(session: Session, view: RecordView) -> dict[bytes, list[Receipt]]:
    """The receipts of each grant that is on the chain, and of the owner's own reads; keepers that are away are named."""
    found: dict[bytes, list[Receipt]] = {}
    if view.status != "live":
        return found
    for grant in [*(one.grant for one in view.grants if one.index is not None), ZERO_GRANT]:
        try:
            found[grant] = session.owner.receipts(view.record, grant)
        except PrivledgerError as exc:
            whose = "your own reads" if grant == ZERO_GRANT else f"grant {grant.hex()}"
            session.out.warn(f"no receipts of {whose}: {exc}")
    return found


def _print(
    out: Output, view: RecordView, receipts: dict[bytes, list[Receipt]], certificates: list[Certificate]
) -> None:
    document = record_document(view) | {
        "history": history_document(view.history),
        "receipts": [receipt_document(one) for many in receipts.values() for one in many],
        "certificates": [certificate_document(one) for one in certificates],
    }
    lines = [*record_lines(view), "", *history_rows(view.history)]
    for grant in view.grants:
        lines += ["", *grant_lines(grant), *(f"  {line}" for line in receipt_rows(receipts.get(grant.grant, ())))]
    if receipts.get(ZERO_GRANT):
        lines += ["", "your own reads", *(f"  {line}" for line in receipt_rows(receipts[ZERO_GRANT]))]
    for certificate in certificates:
        lines += ["", *certificate_lines(certificate)]
    out.result(document, lines)


def _save(
    directory: Path,
    origin: str,
    receipts: dict[bytes, list[Receipt]],
    certificates: list[Certificate],
    out: Output,
) -> None:
    make_directory(directory)
    files = [
        (f"{grant.hex()}-{one.service.hex()[:8]}-{one.number}.receipt", pack_signed("receipt", origin, one.raw))
        for grant, many in receipts.items()
        for one in many
    ]
    files += [(f"{one.service.hex()}.certificate", pack_signed("certificate", origin, one.raw)) for one in certificates]
    for name, data in files:
        Target(str(directory / name), force=True).write(data)
    out.say(f"wrote {plural(len(files), 'file')} to {directory}")
    if files:
        out.next("check one with `privledger verify FILE`.")
