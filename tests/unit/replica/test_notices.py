"""Notices: what binds before its block, how much of it there is room for, and when it goes (docs/spec/release.md §2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from privledger.protocol.entries import EraseEntry, Limits, RevokeEntry
from privledger.protocol.errors import FormatError, UnavailableError, VerificationError
from privledger.replica.notices import MAX_NOTICES, Notices
from tests.support.chain import ORIGIN, Chain, record_of, short

WEEK = 1000  # the retention limit of these tests, seconds
RECORD = record_of("owner")


@pytest.fixture
def chain() -> Chain:
    made = Chain(limits=Limits(deposit_retention=WEEK))
    made.close(made.record("owner"), made.record("stranger"))
    return made


@pytest.fixture
def notices(tmp_path: Path) -> Notices:
    return Notices(tmp_path / "notices")


def files_in(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "notices").rglob("*") if path.is_file()]


def take(notices: Notices, chain: Chain, leaf: bytes) -> None:
    notices.take(leaf, chain.state, origin=ORIGIN)


def test_a_revoke_binds_from_when_it_is_taken_through_a_restart(notices: Notices, chain: Chain, tmp_path: Path) -> None:
    take(notices, chain, chain.revoke("owner", "g"))
    again = Notices(tmp_path / "notices")
    assert again.binding(RECORD, chain.state) == [RevokeEntry(RECORD, (short("g"),))]
    assert again.binding(record_of("stranger"), chain.state) == []


def test_what_the_chain_carries_is_dropped(notices: Notices, chain: Chain, tmp_path: Path) -> None:
    leaf = chain.revoke("owner", "g")
    take(notices, chain, leaf)
    chain.close(leaf)
    assert notices.binding(RECORD, chain.state) == []
    assert files_in(tmp_path) == []


def test_what_the_chain_has_not_carried_within_the_retention_limit_is_dropped(
    notices: Notices, chain: Chain, tmp_path: Path
) -> None:
    take(notices, chain, chain.revoke("owner", "g"))
    taken = chain.time
    chain.close(time=taken + WEEK)
    assert len(notices.binding(RECORD, chain.state)) == 1
    chain.close(time=taken + WEEK + 1)
    assert notices.binding(RECORD, chain.state) == []
    assert files_in(tmp_path) == []


def test_a_sweep_drops_what_is_over_of_every_record(notices: Notices, chain: Chain, tmp_path: Path) -> None:
    take(notices, chain, chain.revoke("owner", "g"))
    take(notices, chain, chain.erase("stranger"))
    chain.close(time=chain.time + WEEK)
    take(notices, chain, chain.revoke("owner", "h"))
    chain.close(time=chain.time + 1)
    notices.sweep(chain.state)
    (left,) = files_in(tmp_path)
    assert left.parent.name == RECORD.hex()
    assert notices.binding(RECORD, chain.state) == [RevokeEntry(RECORD, (short("h"),))]


def test_a_record_has_room_for_64_revocations(notices: Notices, chain: Chain, tmp_path: Path) -> None:
    leaves = [chain.revoke("owner", number) for number in range(MAX_NOTICES + 1)]
    for leaf in leaves[:-1]:
        take(notices, chain, leaf)
    with pytest.raises(UnavailableError) as info:
        take(notices, chain, leaves[-1])
    assert info.value.code == "too_many_notices"
    take(notices, chain, leaves[0])  # it is in hand already
    assert len(files_in(tmp_path)) == MAX_NOTICES == 64
    take(notices, chain, chain.revoke("stranger", "g"))
    chain.close(leaves[0])
    take(notices, chain, leaves[-1])  # the chain made room


def test_an_erase_has_room_always_and_nothing_more_is_kept_beside_it(
    notices: Notices, chain: Chain, tmp_path: Path
) -> None:
    for number in range(MAX_NOTICES):
        take(notices, chain, chain.revoke("owner", number))
    take(notices, chain, chain.erase("owner"))
    assert EraseEntry(RECORD) in notices.binding(RECORD, chain.state)
    take(notices, chain, chain.revoke("owner", "one more"))
    assert len(files_in(tmp_path)) == MAX_NOTICES + 1


def test_only_endings_by_the_records_key_are_taken(notices: Notices, chain: Chain, tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        take(notices, chain, chain.grant("owner", "g"))
    with pytest.raises(VerificationError):
        take(notices, chain, chain.erase("nobody"))
    with pytest.raises(VerificationError):
        take(notices, chain, chain.entry("stranger", EraseEntry(RECORD)))
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"\x80", b"\x82\x01\x01"], ids=["empty", "no CBOR", "a list", "no entry"]
)
def test_a_damaged_notice_is_a_typed_error(notices: Notices, chain: Chain, tmp_path: Path, data: bytes) -> None:
    take(notices, chain, chain.revoke("owner", "g"))
    (path,) = files_in(tmp_path)
    path.write_bytes(data)
    with pytest.raises(FormatError):
        notices.binding(RECORD, chain.state)
