"""`privledger put`: seal a file and put it on record."""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path
from typing import Annotated

import typer

from privledger.cli.files import PIPE, named_file, open_input
from privledger.cli.options import DEFAULT_PLACE, DEFAULT_WALLET, At, Json, PassphraseFile, WalletAt
from privledger.cli.output import Output, size_text
from privledger.cli.references import find_record
from privledger.cli.session import open_session
from privledger.cli.terminal import progress
from privledger.protocol.errors import UsageError
from privledger.storage.files import storage_errors

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_DEFAULT_TYPE = "application/octet-stream"
_NEGATIVE = re.compile(r"-[0-9]+")


@app.command("put")
def put(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file to seal; - for a pipe.", show_default=False)],
    title: Annotated[
        str | None, typer.Option("--title", metavar="TEXT", help="A title; by default the file's name.")
    ] = None,
    media_type: Annotated[
        str | None, typer.Option("--media-type", metavar="TYPE", help="By default guessed from the file's name.")
    ] = None,
    schema: Annotated[str, typer.Option("--schema", metavar="NAME", help="A name or URL of the file's form.")] = "",
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="WORD", help="A word to find it by. May be repeated.")
    ] = None,
    attributes: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute",
            metavar="NAME=VALUE",
            help="A value to commit to; a whole number counts as one. May be repeated.",
        ),
    ] = None,
    derived_from: Annotated[
        list[str] | None, typer.Option("--derived-from", metavar="RECORD", help="A record it was made from.")
    ] = None,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Seal a file and put it on record.

    The file is encrypted here; only sealed bytes leave. The record's id goes to stdout.
    """
    out = Output(as_json)
    if file == PIPE and title is None:
        raise UsageError("a pipe has no name", hint="Give --title TITLE.")
    named = Path(file).name if title is None else title
    kind = media_type or mimetypes.guess_type(file)[0] or _DEFAULT_TYPE
    values = _attributes(attributes or [])
    if file != PIPE:
        with named_file(), storage_errors(Path(file)):
            Path(file).stat()
    with open_session(at, wallet, passphrase_file, out) as session, open_input(file) as (source, total):
        session.resume()
        records = session.owner.records() if derived_from else []
        with progress(named, quiet=as_json) as bar:
            note = session.owner.put(
                source,
                title=named,
                media_type=kind,
                schema=schema,
                tags=tags or (),
                attributes=values,
                derived_from=[find_record(records, one) for one in derived_from or []],
                total=total,
                progress=bar,
            )
    out.say(f"sealed {named!r} and put it on record; the vault holds {size_text(note.blob_size)}")
    document = {"record": note.record.hex(), "title": named, "media_type": kind, "blob_size": note.blob_size}
    out.result(document, note.record.hex())
    out.next(f"let somebody read it: `privledger grant {note.record.hex()[:8]} --to ADDRESS_FILE …`.")


def _attributes(given: list[str]) -> dict[str, int | str]:
    values: dict[str, int | str] = {}
    for text in given:
        name, found, value = text.partition("=")
        if not found or not name:
            raise UsageError(f"--attribute: {text!r} is not NAME=VALUE", hint="Write for example --attribute age=34.")
        if name in values:
            raise UsageError(f"--attribute: {name!r} is given twice")
        if _NEGATIVE.fullmatch(value):
            raise UsageError(
                f"--attribute: {name} is below 0, and a number to commit to is 0 or more",
                hint="Move the scale, or say it in words: `minus 1` is text.",
            )
        values[name] = int(value) if value.isascii() and value.isdigit() else value
    return values
