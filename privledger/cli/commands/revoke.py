"""`privledger revoke`: end grants."""

from __future__ import annotations

from typing import Annotated

import typer

from privledger.cli.options import DEFAULT_PLACE, DEFAULT_WALLET, At, Json, PassphraseFile, WalletAt
from privledger.cli.output import Output, moment
from privledger.cli.references import find_given, find_record
from privledger.cli.session import Session, open_session
from privledger.sdk.ending import Ended

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("revoke")
def revoke(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="GRANT...",
            help="Ids, first digits, labels or share links of grants; with --all: records.",
            show_default=False,
        ),
    ],
    every: Annotated[bool, typer.Option("--all", help="End every grant of the named records.")] = False,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """End grants.

    Keepers and vault refuse from the moment they are told. What was read before stays read.
    """
    out = Output(as_json)
    with open_session(at, wallet, passphrase_file, out) as session:
        session.resume()
        wanted = _records(session, what) if every else _grants(session, what)
        ended = [_end(session, record, grants) for record, grants in wanted.items()]
    lines = [
        f"{record.hex()}: ended by entry {end.index} in block {end.height}, {moment(end.time)}"
        for record, end in zip(wanted, ended, strict=True)
    ]
    document = [
        {
            "record": record.hex(),
            "grants": [grant.hex() for grant in grants],
            "index": end.index,
            "height": end.height,
            "time": moment(end.time),
        }
        for (record, grants), end in zip(wanted.items(), ended, strict=True)
    ]
    out.result({"revoked": document}, lines)


def _records(session: Session, what: list[str]) -> dict[bytes, list[bytes]]:
    """The named records; their lists of grants are empty, which means all."""
    records = session.owner.records()
    return {find_record(records, one): [] for one in what}


def _grants(session: Session, what: list[str]) -> dict[bytes, list[bytes]]:
    """The named grants, by record."""
    records = session.owner.records()
    wanted: dict[bytes, list[bytes]] = {}
    for one in what:
        record, grant = find_given(records, one, session.origin)
        wanted.setdefault(record, []).append(grant)
    return wanted


def _end(session: Session, record: bytes, grants: list[bytes]) -> Ended:
    return session.owner.revoke(record, grants) if grants else session.owner.revoke_all(record)
