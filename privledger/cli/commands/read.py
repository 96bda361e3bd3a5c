"""`privledger read`: read a granted record, or one's own, whole or in part."""

from __future__ import annotations

import re
from typing import IO, Annotated

import typer

from privledger.cli.describe import received_document
from privledger.cli.files import Target
from privledger.cli.options import DEFAULT_PLACE, DEFAULT_WALLET, At, Force, Json, Out, PassphraseFile, WalletAt
from privledger.cli.output import Output, clean, size_text
from privledger.cli.references import Candidate, find, record_candidates, share_link_of
from privledger.cli.session import Session, open_session
from privledger.cli.terminal import Progress, progress
from privledger.protocol.descriptor import Descriptor
from privledger.protocol.errors import FormatError, UsageError

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_RANGE = re.compile(r"([0-9]{1,16})-([0-9]{1,16})")


@app.command("read")
def read(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT", help="A share link, a grant you received, or a record of yours.", show_default=False
        ),
    ],
    out_file: Out,
    byte_range: Annotated[
        str | None, typer.Option("--range", metavar="A-B", help="Only bytes A to B, both included, from 0.")
    ] = None,
    force: Force = False,
    at: At = DEFAULT_PLACE,
    wallet: WalletAt = DEFAULT_WALLET,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Read a record that was granted to you, or your own.

    Every byte is checked against what the owner sealed before FILE appears. A read of a grant spends one read number; one that died
    is continued under the same number.
    """
    out = Output(as_json)
    output = Target(out_file, (passphrase_file,), (at, wallet), force=force, private=True, as_json=as_json)
    output.check()
    span = None if byte_range is None else _parse_range(byte_range)
    with open_session(at, wallet, passphrase_file, out) as session:
        target = _target(session, what)
        with output.open() as sink:
            if span is None:
                with progress("reading", quiet=as_json) as bar:
                    descriptor = _read(session, target, sink, bar)
                size = descriptor.size
                title: str | None = descriptor.title
            else:
                data = _read_range(session, target, *span, byte_range or "")
                sink.write(data)
                size, title = len(data), None
    named = "" if title is None else f" {clean(title)!r}"
    out.say(f"read{named}: {size_text(size)}, checked against what the owner sealed")
    if as_json:
        document: dict[str, object] = {"record": target.record.hex(), "file": out_file, "size": size, "title": title}
        if target.grant:
            note = next(one for one in session.grantee.received() if one.grant == target.grant)
            document["grant"] = received_document(note)
        out.result(document, ())


def _target(session: Session, what: str) -> Candidate:
    link = share_link_of(what, session.origin)
    if link is not None:
        return Candidate(*link, name="")
    received = [Candidate(note.record, note.grant, "") for note in session.grantee.received()]
    return find(what, [*received, *record_candidates(session.owner.records())], "grant or record")


def _read(session: Session, target: Candidate, sink: IO[bytes], bar: Progress | None) -> Descriptor:
    if target.grant:
        return session.grantee.read(target.record, target.grant, sink, progress=bar)
    return session.owner.read(target.record, sink, progress=bar)


def _read_range(session: Session, target: Candidate, offset: int, length: int, asked: str) -> bytes:
    try:
        if target.grant:
            return session.grantee.read_range(target.record, target.grant, offset, length)
        return session.owner.read_range(target.record, offset, length)
    except FormatError as exc:
        if exc.code != "bad_range":
            raise
        size = str(exc).rpartition(" ")[2]
        raise UsageError(
            f"--range {asked} is not inside the record, which has {size} bytes",
            code="bad_range",
            hint=f"Its last byte has the number {int(size) - 1}." if size.isdigit() and int(size) else None,
        ) from exc


def _parse_range(text: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        raise UsageError(f"--range: {text!r} is not a range of bytes", hint="Write for example --range 0-1023.")
    return int(match[1]), int(match[2]) - int(match[1]) + 1
