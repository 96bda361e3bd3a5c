"""Whatever comes in, a reader answers with a value, a FormatError or a VerificationError; nothing of a lower layer gets out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privledger.protocol import bundle, disclosure, evidence, presentation
from privledger.protocol._values import making, map_proof_value, parse_map_proof, reading, require_printable
from privledger.protocol.address import parse_access_request, parse_address
from privledger.protocol.certificate import parse_certificate
from privledger.protocol.container import pack
from privledger.protocol.deposit import parse_deposit, parse_deposit_key, parse_holding, parse_share
from privledger.protocol.descriptor import parse_descriptor
from privledger.protocol.errors import FormatError, UsageError, VerificationError
from privledger.protocol.grantenvelope import parse_key_part
from privledger.protocol.receipt import make_receipt, parse_receipt, parse_receipt_opening
from privledger.protocol.request import parse_ask, parse_request
from privledger.protocol.terms import encode_opening, parse_opening
from privledger_crypto import cbor
from privledger_crypto import errors as crypto_errors
from privledger_crypto.statemap import MapProof

from .samples import DESCRIPTOR, KEEPER_SIGNERS, KEEPERS, NOW, ORIGIN, RECORD, TERMS, address, request, share_deposit


def every_error(base: type[Exception]) -> list[type[Exception]]:
    return [base, *(error for child in base.__subclasses__() for error in every_error(child))]


@pytest.mark.parametrize("error", every_error(crypto_errors.CryptoError))
def test_every_low_level_error_is_mapped_when_reading(error):
    expected = VerificationError if issubclass(error, crypto_errors.VerificationError) else FormatError
    with pytest.raises(expected) as caught, reading("thing"):
        raise error("why")
    assert isinstance(caught.value.__cause__, error)
    assert str(caught.value) == "thing: why"


@pytest.mark.parametrize("error", every_error(crypto_errors.CryptoError))
def test_every_low_level_error_is_mapped_when_making(error):
    with pytest.raises(UsageError) as caught, making("thing"):
        raise error("why")
    assert isinstance(caught.value.__cause__, error)


def test_a_value_that_cannot_be_is_malformed_when_read():
    with pytest.raises(FormatError), reading("thing"):
        raise UsageError("why")


@pytest.mark.parametrize("text", ["\ud800", "a\u2028b", "\ufeff", "x" * 11])
def test_text_that_could_deceive_or_not_be_encoded_is_refused(text):
    with pytest.raises(UsageError):
        require_printable(text, 10, "text")


@given(
    st.lists(st.binary(min_size=32, max_size=32), max_size=5),
    st.none() | st.tuples(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32)),
)
def test_a_map_proof_reads_back_as_it_was(siblings, other):
    proof = MapProof(tuple(siblings), other)
    assert parse_map_proof(cbor.decode(cbor.encode(map_proof_value(proof)))) == proof


STATEMENT_READERS: list[Callable[[bytes, str], object]] = [
    parse_address,
    parse_access_request,
    parse_deposit,
    parse_holding,
    parse_deposit_key,
    parse_key_part,
    parse_request,
    parse_ask,
    parse_receipt,
    parse_certificate,
]
READERS: list[Callable[[bytes], object]] = [
    *(lambda data, read=read: read(data, ORIGIN) for read in STATEMENT_READERS),
    parse_descriptor,
    parse_opening,
    parse_receipt_opening,
    parse_share,
    bundle.unpack_bundle,
    disclosure.unpack_disclosure,
    evidence.unpack_evidence,
    presentation.unpack_presentation,
    presentation.unpack_proof_request,
]


@pytest.mark.parametrize("read", READERS, ids=range(len(READERS)))
@settings(max_examples=30)
@given(data=st.binary(max_size=120))
def test_random_bytes_are_refused_by_every_reader(read, data):
    with pytest.raises(FormatError):
        read(data)


RECEIPT = make_receipt(
    KEEPER_SIGNERS[0],
    origin=ORIGIN,
    service=KEEPERS[0],
    request=request(),
    size=5,
    time=NOW,
    number=1,
    head_before=bytes(32),
    units=1,
)
GENUINE: list[tuple[bytes, Callable[[bytes], object]]] = [
    (address(), lambda data: parse_address(data, ORIGIN)),
    (share_deposit().raw, lambda data: parse_deposit(data, ORIGIN)),
    (request().raw, lambda data: parse_request(data, ORIGIN)),
    (RECEIPT, lambda data: parse_receipt(data, ORIGIN)),
    (DESCRIPTOR.to_bytes(), parse_descriptor),
    (encode_opening(TERMS, 5), parse_opening),
    (disclosure.Disclosure(ORIGIN, RECORD).pack(), disclosure.unpack_disclosure),
    (pack("evidence", {1: ORIGIN, 2: "read-number-twice", 3: [b"a", b"b"]}), evidence.unpack_evidence),
]


@pytest.mark.parametrize(("genuine", "read"), GENUINE, ids=range(len(GENUINE)))
@settings(max_examples=40)
@given(data=st.data())
def test_a_changed_byte_never_gets_a_lower_error_out(genuine, read, data):
    place = data.draw(st.integers(0, len(genuine) - 1))
    change = data.draw(st.integers(1, 255))
    changed = genuine[:place] + bytes([genuine[place] ^ change]) + genuine[place + 1 :]
    value = None
    with suppress(FormatError, VerificationError):
        value = read(changed)
    assert value != read(genuine)  # an unsigned value may read as another one, never as the same
