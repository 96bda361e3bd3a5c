"""What every reader of a statement or a map must refuse, whatever it means: fields missing, unknown or of another type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from privledger.protocol.errors import FormatError, VerificationError
from privledger.protocol.statements import peek_statement
from privledger_crypto import cose

from .samples import DROP, ORIGIN, OTHER_ORIGIN, WRONG_TYPES, forge


def check_statement_reader(raw: bytes, signer: cose.Signer, parse: Callable[[bytes, str], object]) -> None:
    """`parse` accepts `raw` and refuses every structural change of it, another ledger, another kind and a false signature."""
    parse(raw, ORIGIN)
    for key, original in peek_statement(raw).body.items():
        with pytest.raises(FormatError):
            parse(forge(signer, raw, {key: DROP}), ORIGIN)
        for value in WRONG_TYPES:
            if type(value) is type(original) and type(value) in (bool, list):
                continue
            with pytest.raises(FormatError):
                parse(forge(signer, raw, {key: value}), ORIGIN)
    with pytest.raises(FormatError):
        parse(forge(signer, raw, {99: 0}), ORIGIN)
    with pytest.raises(FormatError):
        parse(forge(signer, raw, {}, kind="link"), ORIGIN)
    with pytest.raises(FormatError):
        parse(raw + b"\x00", ORIGIN)
    with pytest.raises(FormatError):
        parse(raw[:-1], ORIGIN)
    with pytest.raises(VerificationError):
        parse(raw, OTHER_ORIGIN)
    with pytest.raises((VerificationError, FormatError)):
        parse(raw[:-1] + bytes([raw[-1] ^ 1]), ORIGIN)


def check_map_reader(value: dict[Any, Any], parse: Callable[[Any], object]) -> None:
    """`parse` accepts `value` and refuses it with a key missing, unknown, or of another type."""
    parse(value)
    for key in value:
        with pytest.raises(FormatError):
            parse({one: item for one, item in value.items() if one != key})
        for wrong in WRONG_TYPES:
            with pytest.raises(FormatError):
                parse({**value, key: wrong})
    with pytest.raises(FormatError):
        parse({**value, 99: 0})
    others: tuple[Any, ...] = (None, [], b"", 0)
    for other in others:
        with pytest.raises(FormatError):
            parse(other)
