"""Reading the files that people pass on: addresses and access requests.

Left to others: checking what is in them (`privledger.protocol`).
"""

from __future__ import annotations

from privledger.protocol.container import unpack
from privledger.protocol.errors import FormatError

__all__ = ["access_request_from", "address_from"]


def address_from(data: bytes) -> bytes:
    """The address statement in an address file; not checked.

    Raises:
        FormatError: another kind of file.
    """
    return _statement(data, "address", "An address file comes from `privledger address --out FILE`.")


def access_request_from(data: bytes) -> bytes:
    """The statement in an access request file; not checked.

    Raises:
        FormatError: another kind of file.
    """
    return _statement(data, "access-request", "An access request comes from `privledger request --out FILE`.")


def _statement(data: bytes, kind: str, hint: str) -> bytes:
    try:
        body = unpack(data, types={kind}).body
    except FormatError as exc:
        raise FormatError(str(exc), hint=hint) from exc
    if not isinstance(body, bytes):
        raise FormatError(f"the body of a {kind} is a statement", hint=hint)
    return body
