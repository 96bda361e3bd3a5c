"""Reading the files that people pass on: addresses and access requests.

Left to others: checking what is in them (`privledger.protocol`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from privledger.protocol.container import unpack
from privledger.protocol.errors import FormatError

__all__ = ["access_request_from", "address_from", "naming", "with_article"]

_OTHER_TYPE = re.compile(r"expected a file of type .*, and this is a ([a-z-]+)")
_HINTS = {
    "address": "An address file comes from `privledger address --out FILE`.",
    "access-request": "An access request comes from `privledger request --out FILE`.",
}


def address_from(data: bytes, name: str) -> bytes:
    """The address statement in the address file `name`; not checked.

    Raises:
        FormatError: another kind of file.
    """
    return _statement(data, name, "address")


def access_request_from(data: bytes, name: str) -> bytes:
    """The statement in the access request file `name`; not checked.

    Raises:
        FormatError: another kind of file.
    """
    return _statement(data, name, "access-request")


@contextmanager
def naming(name: str, kind: str, hint: str) -> Iterator[None]:
    """Name the file in what is said of its form, while it is read as a container of this kind."""
    try:
        yield
    except FormatError as exc:
        raise FormatError(_of(name, kind, exc), hint=exc.hint or hint) from exc


def _of(name: str, kind: str, exc: FormatError) -> str:
    shown = "stdin" if name == "-" else name
    other = _OTHER_TYPE.fullmatch(str(exc))
    if other is not None:
        return f"{shown} is {with_article(other[1])}, {with_article(kind)} was expected"
    text = str(exc)
    return f"{shown} is not a privledger file" if text.startswith(("this is not", "container")) else f"{shown}: {text}"


def with_article(kind: str) -> str:
    """A container's type as people say it: `an access request`, `a bundle`."""
    words = kind.replace("-", " ")
    return f"{'an' if words[:1] in 'aeiou' else 'a'} {words}"


def _statement(data: bytes, name: str, kind: str) -> bytes:
    shown = "stdin" if name == "-" else name
    try:
        found = unpack(data)
    except FormatError as exc:
        raise FormatError(f"{shown} is not a privledger file", hint=_HINTS[kind]) from exc
    if found.type != kind:
        hint = _HINTS[kind]
        if (kind, found.type) == ("address", "access-request"):
            hint = f"Grant an access request with --request {shown}."
        raise FormatError(f"{shown} is {with_article(found.type)}, {with_article(kind)} was expected", hint=hint)
    if not isinstance(found.body, bytes):
        raise FormatError(f"{shown}: the body of {with_article(kind)} is a statement", hint=_HINTS[kind])
    return found.body
