"""What step A11 and `privledger verify` say of a keeper's backups (docs/spec/release.md §6)."""

from __future__ import annotations

from privledger.audit.certificates import backups_in_words


def test_zero_says_that_no_backups_are_made() -> None:
    assert backups_in_words(0) == "no backups are made"


def test_a_time_says_until_when_backups_may_hold_shares() -> None:
    assert backups_in_words(1_700_000_000) == "backups may hold shares until 2023-11-14 22:13:20 UTC"
