"""`privledger grant`: let somebody read a record under terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from privledger.cli.agreement import TermsOptions
from privledger.cli.describe import terms_document
from privledger.cli.exchange import access_request_from, address_from
from privledger.cli.files import read_input
from privledger.cli.options import (
    DEFAULT_PLACE,
    DEFAULT_WALLET,
    At,
    Currency,
    From,
    Json,
    PassphraseFile,
    Price,
    Purposes,
    Reads,
    RecordRef,
    Until,
    WalletAt,
)
from privledger.cli.output import Output, clean
from privledger.cli.references import find_record
from privledger.cli.session import clock, open_session
from privledger.protocol.address import fingerprint, parse_access_request, parse_address, share_link
from privledger.protocol.errors import UsageError
from privledger.protocol.terms import Terms

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to grant to, and the terms and words of an access request if there is one."""

    address: bytes
    terms: Terms | None
    text: str


@app.command("grant")
def grant(
    record: RecordRef,
    request: Annotated[
        str | None,
        typer.Option("--request", metavar="FILE", help="An access request; its terms hold unless given here."),
    ] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="FILE", help="An address file.")] = None,
    purposes: Purposes = None,
    start: From = None,
    until: Until = None,
    reads: Reads = None,
    price: Price = None,
    currency: Currency = None,
    label: Annotated[
        str, typer.Option("--label", metavar="TEXT", help="Your own name for this grant; by default the address's.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say in plain words what would happen; do nothing.")
    ] = False,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Let somebody read a record under terms.

    Compare the fingerprint with the one that the other side reads out. The share link goes to stdout: it holds no key, yet it
    names the grant, so treat it as private.
    """
    out = Output(as_json)
    if request is None and to is None:
        raise UsageError("whom to grant to?", hint="Give either --request FILE or --to ADDRESS_FILE.")
    if request is not None and to is not None:
        raise UsageError(
            "whom to grant to: --request and --to are both given", hint="Give one: a request names its address itself."
        )
    data = read_input(request or to or "")
    options = TermsOptions(purposes, start, until, reads, price, currency)
    if request is None:
        options.terms(now=clock())  # say what is missing before a passphrase is asked for
    with open_session(at, wallet, passphrase_file, out) as session:
        asked = _asked(data, request or to or "", session.origin, is_request=request is not None)
        terms = options.terms(now=clock(), wanted=asked.terms)
        found = find_record(session.owner.records(), record)
        words = fingerprint(asked.address)
        document: dict[str, object] = {"record": found.hex(), "fingerprint": words, "terms": terms_document(terms)}
        if asked.text:
            out.say(f"They write: {clean(asked.text)}")
        plan = session.owner.plan_grant(found, asked.address, terms)
        if dry_run:
            out.result(document | {"dry_run": True, "plan": plan}, plan)
            return
        out.say(plan)
        session.resume()
        given = session.owner.grant(found, asked.address, terms, label=label)
        link = share_link(session.origin, found, given.grant)
    out.result(document | {"grant": given.grant.hex(), "label": given.label, "link": link}, link)
    out.next(f"send them the link in private. To end it: `privledger revoke {given.grant.hex()[:8]}`.")


def _asked(data: bytes, name: str, origin: str, *, is_request: bool) -> Asked:
    if not is_request:
        return Asked(parse_address(address_from(data, name), origin).raw, None, "")
    asked = parse_access_request(access_request_from(data, name), origin)
    return Asked(asked.address.raw, asked.terms, asked.text)
