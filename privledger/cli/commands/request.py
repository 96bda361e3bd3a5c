"""`privledger request`: ask for access, or (as a verifier) for a proof of ownership."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from privledger.cli.agreement import TermsOptions, parse_duration
from privledger.cli.exchange import address_from
from privledger.cli.files import Target, read_input
from privledger.cli.options import (
    DEFAULT_PLACE,
    DEFAULT_WALLET,
    At,
    Currency,
    Force,
    From,
    Json,
    Out,
    PassphraseFile,
    Price,
    Purposes,
    Reads,
    Trust,
    Until,
    WalletAt,
)
from privledger.cli.output import Output, moment
from privledger.cli.session import Session, clock, find_trust, open_session, random_bytes
from privledger.protocol.address import fingerprint
from privledger.protocol.container import pack
from privledger.protocol.errors import UsageError
from privledger.protocol.presentation import NONCE_SIZE, ProofRequest

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("request")
def request(
    out_file: Out,
    text: Annotated[
        str, typer.Option("--text", metavar="TEXT", help="What you ask for and why, for the owner to read.")
    ] = "",
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="FILE", help="One of your address files; by default a new address is made."),
    ] = None,
    label: Annotated[str, typer.Option("--label", metavar="TEXT", help="The label of the new address.")] = "",
    purposes: Purposes = None,
    start: From = None,
    until: Until = None,
    reads: Reads = None,
    price: Price = None,
    currency: Currency = None,
    ownership: Annotated[
        bool, typer.Option("--ownership", help="Ask for a proof that a record is somebody's, as a verifier.")
    ] = False,
    verifier: Annotated[
        str, typer.Option("--verifier", metavar="NAME", help="With --ownership: who asks, by a known name.")
    ] = "",
    scope: Annotated[
        str, typer.Option("--scope", metavar="TEXT", help="With --ownership: what the proof is for.")
    ] = "",
    valid: Annotated[str, typer.Option("--valid", metavar="SPAN", help="With --ownership: for how long.")] = "1h",
    force: Force = False,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    trust: Trust = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Ask an owner for access, or for a proof of ownership.

    Writes a file to give to the owner, who answers an access request with `grant --request FILE` and a proof request with
    `prove RECORD --request FILE`. A proof request needs no wallet; keep the file, `verify` wants it back.
    """
    out = Output(as_json)
    target = Target(
        out_file, (address, passphrase_file, trust), (at, wallet), force=force, private=ownership, as_json=as_json
    )
    target.check()
    options = TermsOptions(purposes, start, until, reads, price, currency)
    if ownership:
        if options != TermsOptions(None, None, None, None, None, None) or address or text:
            raise UsageError(
                "a proof request has no terms", hint="With --ownership give --verifier, --scope and --valid."
            )
        _ask_for_proof(target, verifier, scope, valid, find_trust(trust, at, wallet, out).origin, out)
        return
    if verifier or scope:
        raise UsageError("--verifier and --scope belong to a proof request", hint="Add --ownership.")
    terms = options.terms(now=clock())
    with open_session(at, wallet, passphrase_file, out) as session:
        statement = _own_address(session, address, label)
        asked = session.grantee.request_access(statement, terms, text)
    target.write(pack("access-request", asked))
    words = fingerprint(statement)
    document = {"file": out_file, "fingerprint": words, "terms": terms.describe(), "text": text}
    if target.is_stdout:
        out.say(f"fingerprint  {words}")
    else:
        out.result(document, [f"fingerprint  {words}", f"terms        {terms.describe()}"])
    out.next(f"give {_named(target)} to the owner, compare the fingerprint aloud, then look into `privledger inbox`.")


def _own_address(session: Session, file: str | None, label: str) -> bytes:
    if file is None:
        return session.grantee.new_address(label)
    if label:
        raise UsageError("--label is for a new address", hint="Leave out --label or --address.")
    return address_from(read_input(file), file)


def _named(target: Target) -> str:
    return "it" if target.is_stdout else target.out


def _ask_for_proof(target: Target, verifier: str, scope: str, valid: str, origin: str, out: Output) -> None:
    if not verifier:
        raise UsageError(
            "a proof request names who asks", hint="Give --verifier NAME, a name that the owner knows you by."
        )
    expiry = clock() + parse_duration(valid, "--valid")
    asked = ProofRequest(origin, verifier, scope, random_bytes(NONCE_SIZE), expiry)
    target.write(asked.pack())
    document = {"file": target.out, "verifier": verifier, "scope": scope, "valid_until": moment(expiry)}
    if not target.is_stdout:
        out.result(document, [f"valid until  {moment(expiry)}"])
    shown = "REQUEST" if target.is_stdout else Path(target.out).name
    out.next(f"give {_named(target)} to the owner; check the answer with `privledger verify ANSWER --request {shown}`.")
