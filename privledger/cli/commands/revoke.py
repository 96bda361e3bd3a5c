"""`privledger revoke`: end grants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from privledger.cli.options import DEFAULT_PLACE, DEFAULT_WALLET, At, Json, PassphraseFile, WalletAt
from privledger.cli.output import Output, clean, moment
from privledger.cli.references import find_given, find_record
from privledger.cli.session import Session, open_session
from privledger.sdk.ending import Ended
from privledger.sdk.owner import GrantView, RecordView

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to end of one record: its grants that have not ended, and those that were named and have."""

    record: bytes
    open: tuple[bytes, ...]
    over: tuple[GrantView, ...]


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

    Keepers and vault refuse from the moment they are told. What was read before stays read. A grant that has ended already is left
    as it is.
    """
    out = Output(as_json)
    with open_session(at, wallet, passphrase_file, out) as session:
        session.resume()
        records = session.owner.records()
        wanted = _records(records, what) if every else _grants(records, what, session.origin)
        ended = [(one, _end(session, one, every=every)) for one in wanted if one.open]
    labels = {grant.grant: grant.label for record in records for grant in record.grants}
    lines = [line for one, end in ended for line in _ended_lines(one, end, labels)]
    for one in wanted:
        lines += [f"{_named(over.grant, labels)}: already ended by entry {over.revoked_by}" for over in one.over]
        if not one.open and not one.over:
            lines.append(f"record {one.record.hex()}: no grant of it is live, and nothing was done")
    out.result(
        {
            "revoked": [_document(one, end) for one, end in ended],
            "already": [
                {"record": one.record.hex(), "grant": over.grant.hex(), "index": over.revoked_by}
                for one in wanted
                for over in one.over
            ],
        },
        lines,
    )
    for service in sorted({service for _, end in ended for service in end.untold}):
        out.warn(f"service {service.hex()} could not be told; it refuses once it has read the log.")


def _records(records: Sequence[RecordView], what: Sequence[str]) -> list[Wanted]:
    """Every grant of the named records that has not ended."""
    found = {find_record(records, one) for one in what}
    return [
        Wanted(record.record, tuple(grant.grant for grant in record.grants if grant.status != "revoked"), ())
        for record in records
        if record.record in found
    ]


def _grants(records: Sequence[RecordView], what: Sequence[str], origin: str) -> list[Wanted]:
    """The named grants, by record."""
    named: dict[bytes, list[bytes]] = {}
    for one in what:
        record, grant = find_given(records, one, origin)
        named.setdefault(record, []).append(grant)
    over = {grant.grant: grant for record in records for grant in record.grants if grant.status == "revoked"}
    return [
        Wanted(
            record,
            tuple(grant for grant in dict.fromkeys(grants) if grant not in over),
            tuple(over[grant] for grant in dict.fromkeys(grants) if grant in over),
        )
        for record, grants in named.items()
    ]


def _end(session: Session, wanted: Wanted, *, every: bool) -> Ended:
    return session.owner.revoke_all(wanted.record) if every else session.owner.revoke(wanted.record, wanted.open)


def _named(grant: bytes, labels: dict[bytes, str]) -> str:
    label = clean(labels.get(grant, ""))
    return f"grant {grant.hex()[:8]}" + (f" ({label})" if label else "")


def _ended_lines(wanted: Wanted, end: Ended, labels: dict[bytes, str]) -> list[str]:
    how = f"ended by entry {end.index} in block {end.height}, {moment(end.time)}"
    return [f"{_named(grant, labels)}: {how}" for grant in wanted.open]


def _document(wanted: Wanted, end: Ended) -> dict[str, object]:
    return {
        "record": wanted.record.hex(),
        "grants": [grant.hex() for grant in wanted.open],
        "index": end.index,
        "height": end.height,
        "time": moment(end.time),
        "untold": [service.hex() for service in end.untold],
    }
