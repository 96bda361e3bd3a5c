"""The recovery phrase: 24 BIP-39 English words encode the 32-byte seed itself (docs/spec/wallet.md §6).

The words are BIP-39's, with its checksum. The seed is their entropy; the PBKDF2 step of BIP-39 is not used, because a phrase and a
seed must stand for each other in both directions.
"""

from __future__ import annotations

from functools import cache

from mnemonic import Mnemonic

from privledger.protocol.errors import UsageError

__all__ = ["PHRASE_WORDS", "SEED_SIZE", "phrase_of", "seed_of"]

SEED_SIZE = 32  # bytes
PHRASE_WORDS = 24


@cache
def _words() -> Mnemonic:
    return Mnemonic("english")


def phrase_of(seed: bytes) -> str:
    """The 24 words of a 32-byte seed."""
    if len(seed) != SEED_SIZE:
        raise UsageError(f"a seed has {SEED_SIZE} bytes, not {len(seed)}")
    return _words().to_mnemonic(seed)


def seed_of(phrase: str) -> bytes:
    """The seed that a phrase encodes; case and spacing do not matter.

    Raises:
        UsageError: not 24 words of the list, or the checksum is wrong. The words are not repeated in the message.
    """
    words = phrase.lower().split()
    if len(words) != PHRASE_WORDS:
        raise UsageError(
            f"a recovery phrase has {PHRASE_WORDS} words, this one has {len(words)}",
            hint="Write all the words in their order, with spaces between them.",
        )
    known = set(_words().wordlist)
    wrong = [number for number, word in enumerate(words, start=1) if word not in known]
    if wrong:
        places = ", ".join(str(number) for number in wrong)
        raise UsageError(f"not in the word list: word {places}", hint="Compare these words with what you wrote down.")
    try:
        return bytes(_words().to_entropy(words))
    except (ValueError, LookupError) as exc:
        raise UsageError(
            "the words do not fit together (their checksum is wrong)",
            hint="Two words may be swapped, or one be replaced by another of the list.",
        ) from exc
