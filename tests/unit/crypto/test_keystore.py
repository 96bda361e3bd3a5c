"""Key stores: a passphrase opens them; nothing else does, and no file can ask for unbounded work."""

from __future__ import annotations

import base64
import hashlib

import pytest

from privledger_crypto import keystore
from privledger_crypto.errors import FormatError, ParameterError, VerificationError
from privledger_crypto.keystore import DEFAULT, Argon2Parameters, open_keystore, seal_keystore
from tests.support import chunked_reader

FLOOR = Argon2Parameters(memory_kib=19 * 1024, iterations=2, lanes=1)
SECRET, PASSPHRASE = bytes(range(32)), b"correct horse"


def fixed_random(size: int) -> bytes:
    return hashlib.shake_256(b"salt").digest(size)


SALT = base64.b64encode(fixed_random(16)).rstrip(b"=")
STORE = seal_keystore(SECRET, PASSPHRASE, random_bytes=fixed_random, parameters=FLOOR)
HEADER, BODY = STORE.split(b"\n", 1)


@pytest.fixture
def no_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any attempt to run Argon2 fails the test."""

    def refuse(*_: object) -> bytes:
        raise AssertionError("Argon2 ran on parameters that should have been refused")

    monkeypatch.setattr(keystore, "derive_passphrase_key", refuse)


def test_the_passphrase_opens_the_store() -> None:
    assert open_keystore(STORE, PASSPHRASE) == SECRET


def test_the_default_is_the_second_choice_of_rfc_9106() -> None:
    assert Argon2Parameters(64 * 1024, 3, 4) == DEFAULT


def test_the_first_line_is_the_phc_string() -> None:
    assert HEADER == b"$argon2id$v=19$m=19456,t=2,p=1$" + SALT


def test_the_rest_is_cobblestone_256_with_the_line_as_context() -> None:
    key = keystore.derive_passphrase_key(PASSPHRASE, fixed_random(16), FLOOR)
    assert chunked_reader.read("sha512", "AEAD_AES_256_GCM", key, HEADER, BODY) == SECRET


def test_neither_secret_nor_passphrase_stands_in_the_file() -> None:
    assert SECRET not in STORE
    assert PASSPHRASE not in STORE


@pytest.mark.parametrize(
    "store",
    [
        STORE[:-1] + bytes([STORE[-1] ^ 1]),
        b"$argon2id$v=19$m=19457,t=2,p=1$" + SALT + b"\n" + BODY,
        b"$argon2id$v=19$m=19456,t=2,p=1$" + b"A" * 22 + b"\n" + BODY,
    ],
    ids=["body", "parameters", "salt"],
)
def test_a_changed_store_does_not_open(store: bytes) -> None:
    with pytest.raises(VerificationError, match=r"^wrong passphrase or damaged key store$"):
        open_keystore(store, PASSPHRASE)


def test_another_passphrase_does_not_open_the_store() -> None:
    with pytest.raises(VerificationError, match=r"^wrong passphrase or damaged key store$"):
        open_keystore(STORE, b"Correct horse")


@pytest.mark.parametrize("size", [len(HEADER) + 1, len(HEADER) + 57])
def test_a_store_that_is_cut_off_is_malformed(size: int) -> None:
    with pytest.raises(FormatError, match="cut off"):
        open_keystore(STORE[:size], PASSPHRASE)


@pytest.mark.usefixtures("no_derivation")
@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"$argon2i$v=19$m=19456,t=2,p=1$" + SALT,
        b"$argon2id$v=16$m=19456,t=2,p=1$" + SALT,
        b"$argon2id$m=19456,t=2,p=1$" + SALT,
        b"$argon2id$v=19$m=019456,t=2,p=1$" + SALT,
        b"$argon2id$v=19$t=2,m=19456,p=1$" + SALT,
        b"$argon2id$v=19$m=19456,t=2,p=1$" + SALT + b"==",
        b"$argon2id$v=19$m=19456,t=2,p=1$" + SALT[:-1],
        b"$argon2id$v=19$m=19456,t=2,p=1$" + b"A" * 21 + b"B",
        b"$argon2id$v=19$m=19456,t=2,p=1$" + SALT + b"\r",
        b"$argon2id$v=19$m=19455,t=2,p=1$" + SALT,
        b"$argon2id$v=19$m=1048577,t=2,p=1$" + SALT,
        b"$argon2id$v=19$m=19456,t=1,p=1$" + SALT,
        b"$argon2id$v=19$m=19456,t=17,p=1$" + SALT,
        b"$argon2id$v=19$m=19456,t=2,p=17$" + SALT,
        b"$" * 200,
    ],
)
def test_a_line_that_is_malformed_or_out_of_bounds_is_refused_before_any_work(header: bytes) -> None:
    with pytest.raises(FormatError):
        open_keystore(header + b"\n" + BODY, PASSPHRASE)


@pytest.mark.parametrize("data", [b"", b"no line", b"x" * 5000])
def test_a_file_without_a_line_is_malformed(data: bytes) -> None:
    with pytest.raises(FormatError, match="does not start"):
        open_keystore(data, PASSPHRASE)


def test_an_empty_passphrase_is_refused() -> None:
    with pytest.raises(ParameterError, match="empty"):
        seal_keystore(SECRET, b"", random_bytes=fixed_random, parameters=FLOOR)
    with pytest.raises(ParameterError, match="empty"):
        open_keystore(STORE, b"")


def test_too_little_randomness_is_refused() -> None:
    with pytest.raises(ParameterError, match="random_bytes"):
        seal_keystore(SECRET, PASSPHRASE, random_bytes=lambda size: bytes(size - 1), parameters=FLOOR)


@pytest.mark.parametrize(
    ("memory", "iterations", "lanes"),
    [(19455, 2, 1), (1048577, 2, 1), (19456, 1, 1), (19456, 17, 1), (19456, 2, 0), (19456, 2, 17)],
)
def test_parameters_are_bounded_both_ways(memory: int, iterations: int, lanes: int) -> None:
    with pytest.raises(ParameterError, match="it must be from"):
        Argon2Parameters(memory, iterations, lanes)
