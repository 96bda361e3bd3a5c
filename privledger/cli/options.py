"""The options that many commands share, each with one name, one help text and one default.

Left to others: what the values mean (`privledger.cli.session`, `privledger.cli.agreement`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "DEFAULT_PLACE",
    "DEFAULT_WALLET",
    "At",
    "Currency",
    "Force",
    "From",
    "Json",
    "Out",
    "PassphraseFile",
    "Price",
    "Purposes",
    "Reads",
    "RecordRef",
    "Trust",
    "Until",
    "WalletAt",
]

# In the working directory, so that a trial leaves nothing elsewhere. Who uses privledger daily sets the two variables.
DEFAULT_PLACE = Path("privledger-place")
DEFAULT_WALLET = Path("privledger-wallet")

At = Annotated[
    Path,
    typer.Option("--at", metavar="PLACE", envvar="PRIVLEDGER_AT", help="The place: a directory.", show_envvar=True),
]
WalletAt = Annotated[
    Path,
    typer.Option(
        "--wallet", metavar="PATH", envvar="PRIVLEDGER_WALLET", help="The wallet's directory.", show_envvar=True
    ),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        envvar="PRIVLEDGER_PASSPHRASE_FILE",
        help="Read the passphrase from FILE instead of asking; its last line break is dropped.",
        show_envvar=True,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")]
Out = Annotated[str, typer.Option("--out", metavar="FILE", help="Write to FILE; - for a pipe.", show_default=False)]
Force = Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")]
Trust = Annotated[
    Path | None,
    typer.Option(
        "--trust", metavar="FILE", help="The trust root to start from; by default the wallet's, then the place's."
    ),
]
RecordRef = Annotated[
    str, typer.Argument(metavar="RECORD", help="An id, its first 4 or more digits, or a title.", show_default=False)
]

Purposes = Annotated[
    list[str] | None,
    typer.Option("--purpose", metavar="CODE", help="What for: a-z, 0-9 and hyphen. May be given several times."),
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help="From when: a date or time (UTC), now, or +30d. Default: now."),
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help="Until when: a date (to its end), a time (UTC), or +30d, +12h."),
]
Reads = Annotated[
    str | None, typer.Option("--reads", metavar="N", help="How many reads, or read numbers as A-B. Default: 1.")
]
Price = Annotated[
    int | None,
    typer.Option("--price", metavar="N", min=0, help="Price of one read, in minor units (cents). Default: 0."),
]
Currency = Annotated[
    str | None, typer.Option("--currency", metavar="CODE", help="The price's currency, ISO 4217, for example EUR.")
]
