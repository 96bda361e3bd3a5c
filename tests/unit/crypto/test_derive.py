"""Key derivation: HKDF as documented, and contexts that never run together."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privledger_crypto import cbor
from privledger_crypto.derive import expand, expand_scalar, extract_and_expand
from privledger_crypto.errors import ParameterError
from privledger_crypto.group import ORDER

KEY = bytes(range(32))
items = st.lists(st.binary(max_size=4) | st.text(max_size=4) | st.integers(0, 300), max_size=4)


def hkdf_expand(key: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 section 2.3, written out."""
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.new(key, block + info + bytes([counter]), hashlib.sha256).digest()
        out, counter = out + block, counter + 1
    return out[:length]


@pytest.mark.parametrize("length", [1, 32, 48, 100])
def test_expand_is_hkdf_expand_over_a_cbor_array(length: int) -> None:
    info = cbor.encode(["privledger/v1", "data", b"origin", 7, "x"])
    assert expand(KEY, "data", b"origin", 7, "x", length=length) == hkdf_expand(KEY, info, length)


def test_extract_and_expand_is_hkdf_with_an_empty_salt() -> None:
    prk = hmac.new(bytes(32), b"input", hashlib.sha256).digest()
    info = cbor.encode(["privledger/v1", "data", b"origin"])
    assert extract_and_expand(b"input", "data", b"origin") == hkdf_expand(prk, info, 32)


def test_a_scalar_is_48_bytes_modulo_the_order() -> None:
    wide = expand(KEY, "blinding", 3, length=48)
    assert expand_scalar(KEY, "blinding", 3) == int.from_bytes(wide, "big") % ORDER


def test_the_derivation_is_frozen() -> None:
    assert expand(KEY, "data", b"origin", 7).hex() == "f56fe818b4a83d4d579a35ef8c6dac3434fe3af2e56228229a9bd2db26e6494d"


@given(left=items, right=items)
def test_two_contexts_give_one_key_exactly_if_they_are_equal(left: list, right: list) -> None:
    same = [(type(item), item) for item in left] == [(type(item), item) for item in right]
    assert (expand(KEY, "data", *left) == expand(KEY, "data", *right)) == same


def test_two_labels_give_two_keys() -> None:
    assert expand(KEY, "data") != expand(KEY, "owner")


def test_a_label_is_not_a_context_item() -> None:
    assert expand(KEY, "data", "owner") != expand(KEY, "owner", "data")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_to_expand_has_32_bytes(length: int) -> None:
    with pytest.raises(ParameterError):
        expand(bytes(length), "data")


@pytest.mark.parametrize("length", [0, -1, 8161])
def test_an_impossible_length_is_refused(length: int) -> None:
    with pytest.raises(ParameterError):
        expand(KEY, "data", length=length)
    with pytest.raises(ParameterError):
        extract_and_expand(KEY, "data", length=length)


def test_empty_input_key_material_is_refused() -> None:
    with pytest.raises(ParameterError):
        extract_and_expand(b"", "data")


def test_an_empty_label_is_refused() -> None:
    with pytest.raises(ParameterError):
        expand(KEY, "")


@pytest.mark.parametrize("item", [True, None, 1.5, (1, 2)])
def test_a_context_item_of_another_type_is_refused(item: object) -> None:
    with pytest.raises(ParameterError):
        expand(KEY, "data", item)  # type: ignore[arg-type]
