"""`privledger init`: a place (unless it is there) and a wallet that trusts it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from privledger.cli.making import check_new_wallet, make_wallet
from privledger.cli.options import DEFAULT_PLACE, DEFAULT_WALLET, At, Json, PassphraseFile, WalletAt
from privledger.cli.output import Output
from privledger.cli.session import TRUST_ROOT_FILE, clock, open_place, random_bytes
from privledger.cli.terminal import new_passphrase
from privledger.local import LocalPlace

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("init")
def init(
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    demo: Annotated[bool, typer.Option("--demo", help="A trial: a wallet without a passphrase.")] = False,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="The new ledger's name: a-z, 0-9, dot and hyphen.")
    ] = "local",
    show_phrase: Annotated[bool, typer.Option("--show-phrase", help="Put the phrase into the JSON document.")] = False,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Make a place and a wallet.

    The place is a directory with a ledger, a vault and a keeper of its own; one that is there already is used as it is. The
    wallet's recovery phrase is shown once: write it down.
    """
    out = Output(as_json)
    check_new_wallet(wallet)
    secret = None if demo else new_passphrase(passphrase_file)
    created = _make_place(at, name)
    with open_place(at) as place:
        made = make_wallet(wallet, place.trust, secret)
    out.say(f"{'made a new place' if created else 'using the place'} in {at}")
    made.tell(out, show_in_json=show_phrase)
    trust_root = at / TRUST_ROOT_FILE
    out.result(
        {
            "place": str(at),
            "place_created": created,
            "wallet": str(wallet),
            "origin": made.origin,
            "trust_root": str(trust_root),
            "demo": demo,
            **made.phrase_document(show_phrase),
        },
        [f"origin      {made.origin}", f"trust root  {trust_root}", f"wallet      {wallet}"],
    )
    out.next("seal a file with `privledger put FILE --title TITLE`.")


def _make_place(at: Path, name: str) -> bool:
    """Make the place unless it is there; returns whether it was made."""
    if (at / TRUST_ROOT_FILE).exists():
        return False
    LocalPlace.create(at, name=name, clock=clock, random_bytes=random_bytes).close()
    return True
