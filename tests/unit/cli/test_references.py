"""Naming a record or a grant by id, first digits, title or share link."""

from __future__ import annotations

import pytest

from privledger.cli.references import Candidate, find, share_link_of
from privledger.protocol.address import share_link
from privledger.protocol.errors import FormatError, UsageError, VerificationError

A = Candidate(bytes.fromhex("5d0c" + "00" * 14), b"", "Rides in March")
B = Candidate(bytes.fromhex("5d0d" + "00" * 14), b"", "Rides in April")
C = Candidate(bytes.fromhex("5d0c" + "11" * 14), b"", "rides in may")
ALL = [A, B, C]
ORIGIN = "local/" + "0" * 64
OTHER = "other/" + "0" * 64


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (A.record.hex(), A),
        (A.record.hex().upper(), A),
        ("5d0d", B),
        ("5d0c1", C),
        ("Rides in April", B),
        ("RIDES IN MAY", C),
    ],
)
def test_an_id_its_first_digits_or_a_title_name_one(text: str, found: Candidate) -> None:
    assert find(text, ALL, "record") is found


def test_digits_that_fit_several_list_them() -> None:
    with pytest.raises(UsageError) as caught:
        find("5d0c", ALL, "record")
    assert caught.value.code == "ambiguous"
    assert str(caught.value).splitlines() == [
        "2 records fit '5d0c':",
        f"  {A.record.hex()} Rides in March",
        f"  {C.record.hex()} rides in may",
    ]


def test_three_digits_are_too_few() -> None:
    with pytest.raises(UsageError, match="no record fits"):
        find("5d0", ALL, "record")


def test_what_fits_none_lists_all() -> None:
    with pytest.raises(UsageError) as caught:
        find("May", ALL, "record")
    assert caught.value.code == "not_found"
    assert str(caught.value).count("\n") == len(ALL)


def test_an_exact_title_wins_over_one_in_other_case() -> None:
    twin = Candidate(bytes(16), b"", "RIDES IN MAY")
    assert find("rides in may", [*ALL, twin], "record") is C


def test_a_title_that_looks_like_digits_is_found_if_no_id_begins_so() -> None:
    numbered = Candidate(bytes(16), b"", "2024")
    assert find("2024", [*ALL, numbered], "record") is numbered


def test_a_share_link_names_record_and_grant() -> None:
    record, grant = bytes(range(16)), bytes(range(16, 32))
    assert share_link_of(share_link(ORIGIN, record, grant), ORIGIN) == (record, grant)
    assert share_link_of("5d0c", ORIGIN) is None


def test_a_share_link_of_another_ledger_is_refused() -> None:
    link = share_link(OTHER, bytes(range(16)), bytes(range(16)))
    with pytest.raises(VerificationError) as caught:
        share_link_of(link, ORIGIN)
    assert caught.value.code == "wrong_origin"


def test_a_cut_off_share_link_is_malformed() -> None:
    link = share_link(ORIGIN, bytes(range(16)), bytes(range(16)))
    with pytest.raises(FormatError):
        share_link_of(link[:-1], ORIGIN)


def test_titles_cannot_write_to_the_terminal() -> None:
    nasty = Candidate(bytes(16), b"", "\x1b[2Jgone")
    assert nasty.describe() == f"{'00' * 16} ?[2Jgone"
