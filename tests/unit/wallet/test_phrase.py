"""The recovery phrase stands for the seed, and mistakes are told without repeating the words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privledger.protocol.errors import UsageError
from privledger.wallet.phrase import phrase_of, seed_of

# BIP-39 test vector of 256 zero bits (github.com/trezor/python-mnemonic, vectors.json).
ZERO_PHRASE = " ".join(["abandon"] * 23 + ["art"])


def test_the_phrase_of_zero_is_that_of_bip_39():
    assert phrase_of(bytes(32)) == ZERO_PHRASE


@given(st.binary(min_size=32, max_size=32))
def test_a_phrase_gives_its_seed_back(seed: bytes):
    assert seed_of(phrase_of(seed)) == seed


def test_case_and_spacing_do_not_matter():
    assert seed_of("  " + ZERO_PHRASE.upper().replace(" ", "\n ")) == bytes(32)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_seed_has_32_bytes(length: int):
    with pytest.raises(UsageError, match="32 bytes"):
        phrase_of(bytes(length))


@pytest.mark.parametrize("count", [0, 12, 23, 25])
def test_a_phrase_has_24_words(count: int):
    with pytest.raises(UsageError, match="24 words"):
        seed_of(" ".join(["abandon"] * count))


def test_words_outside_the_list_are_named_by_their_place():
    with pytest.raises(UsageError, match="word 2, 24"):
        seed_of(" ".join(["abandon", "xyzzy", *["abandon"] * 21, "plugh"]))


def test_a_word_outside_the_list_is_not_repeated():
    with pytest.raises(UsageError) as caught:
        seed_of(" ".join(["xyzzy", *["abandon"] * 23]))
    assert "xyzzy" not in str(caught.value)


def test_swapped_words_are_noticed():
    words = phrase_of(bytes(range(32))).split()
    words[0], words[1] = words[1], words[0]
    with pytest.raises(UsageError, match="checksum"):
        seed_of(" ".join(words))
