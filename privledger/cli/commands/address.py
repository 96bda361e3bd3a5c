"""`privledger address`: make an address file, or show one."""

from __future__ import annotations

from typing import Annotated

import typer

from privledger.cli.exchange import address_from
from privledger.cli.files import Target, read_input
from privledger.cli.options import DEFAULT_PLACE, DEFAULT_WALLET, At, Force, Json, PassphraseFile, WalletAt
from privledger.cli.output import Output, clean
from privledger.cli.session import find_trust, open_session
from privledger.protocol.address import fingerprint, parse_address
from privledger.protocol.container import pack
from privledger.protocol.errors import UsageError

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("address")
def address(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="Show this address file instead of making one.")
    ] = None,
    out_file: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Write the new address to FILE; - for a pipe.")
    ] = None,
    label: Annotated[
        str, typer.Option("--label", metavar="TEXT", help="A name for people; it is claimed, not proven.")
    ] = "",
    force: Force = False,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Make an address that owners can grant to.

    Give the file to an owner, and compare the eight words of its fingerprint aloud. Use a new address for each owner: two owners
    who compare notes can see that they granted to the same one.
    """
    out = Output(as_json)
    if file is not None:
        if out_file is not None:
            raise UsageError("--out is for a new address", hint="Leave out FILE to make one.")
        _show(file, find_trust(None, at, wallet, out).origin, out)
        return
    if out_file is None:
        raise UsageError("where to write the address?", hint="Give --out FILE, for example --out me.address.")
    target = Target(out_file, (passphrase_file,), directories=(at, wallet), force=force, as_json=as_json)
    target.check()
    with open_session(at, wallet, passphrase_file, out) as session:
        statement = session.grantee.new_address(label)
    target.write(pack("address", statement))
    words = fingerprint(statement)
    if not target.is_stdout:
        out.result({"file": out_file, "label": label, "fingerprint": words}, f"fingerprint  {words}")
    else:
        out.say(f"fingerprint  {words}")
    shown = "it" if target.is_stdout else out_file
    out.next(f"give {shown} to the owner, and compare the fingerprint aloud.")


def _show(file: str, origin: str, out: Output) -> None:
    parsed = parse_address(address_from(read_input(file), file), origin)
    words = fingerprint(parsed.raw)
    out.result(
        {"file": file, "label": parsed.label, "fingerprint": words, "origin": origin},
        [f"label        {clean(parsed.label) or '(none)'}", f"fingerprint  {words}"],
    )
