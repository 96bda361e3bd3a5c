"""P4: a record opens only with the owner's part and t shares of the keepers' part; less than that opens nothing."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from privledger.protocol.deposit import parse_share
from privledger.protocol.errors import PrivledgerError, UnavailableError
from privledger.protocol.grantenvelope import parse_key_part
from privledger_crypto import group, shares
from tests.support.search import data_keys, files_under, opens_descriptor, windows
from tests.support.town import Town
from tests.support.wrapped import Recorder, wrap_place


@dataclass(frozen=True)
class Case:
    """A record with one grant, and what would be needed to open it."""

    town: Town
    record: bytes
    grant: bytes
    part: bytes  # A, out of the grantee's envelope
    sealed: bytes  # the descriptor as the vault holds it
    seen: Recorder

    def opens(self, keys: Iterable[bytes]) -> bool:
        return any(
            opens_descriptor(self.sealed, key, origin=self.town.trust.origin, record=self.record) for key in keys
        )

    def opens_with(self, parts: Iterable[bytes], keepers_parts: Iterable[int]) -> bool:
        return self.opens(data_keys(parts, keepers_parts, origin=self.town.trust.origin, record=self.record))

    def shares_of(self, number: int) -> list[shares.Share]:
        """The shares in a keeper's directory."""
        found = []
        for _, data in files_under(self.town.keeper_path(number) / "shares"):
            try:
                found.append(parse_share(data))
            except PrivledgerError:
                continue
        return found


@pytest.fixture
def case(town_of_three: Town) -> Case:
    town, recorder = town_of_three, Recorder()
    place = wrap_place(town.place, recorder)
    owner, app = town.owner_of(town.owner_wallet, place), town.grantee_of(town.new_wallet("seen"), place)
    owned = owner.put(io.BytesIO(b"harbour to mill"), title="Rides in March")
    given = owner.grant(owned.record, app.new_address("app"), town.terms())
    note = app.accept(owned.record, given.grant)
    town.read(owned.record, given.grant, app)
    sealed = next(data for name, data in files_under(town.vault_path) if "descriptor" in name and len(data) >= 1_024)
    return Case(
        town, owned.record, given.grant, parse_key_part(note.key_part, town.trust.origin).part, sealed, recorder
    )


def test_the_owners_part_and_two_shares_open_the_record(case: Case) -> None:
    """So the attempts below fail for want of a part, and not for want of a working attempt."""
    found = [case.shares_of(number)[0] for number in (0, 2)]
    assert case.opens_with([case.part], [shares.combine(found, threshold=2)])


def test_the_vault_alone_opens_nothing(case: Case) -> None:
    """Every 32 bytes that it holds or was ever handed, tried as a key."""
    held = [data for _, data in files_under(case.town.vault_path)]
    handed = [data for name, given in case.seen.calls if name.startswith("vault.") for data in given]
    assert not case.opens(windows([*held, *handed]))


def test_all_keepers_together_get_their_part_and_open_nothing(case: Case) -> None:
    keepers_part = shares.combine([case.shares_of(number)[0] for number in range(3)], threshold=2)
    assert group.scalar_to_bytes(keepers_part) == case.town.owner.owned()[0].keepers_part
    held = [data for number in range(3) for _, data in files_under(case.town.keeper_path(number))]
    handed = [data for name, given in case.seen.calls if name.startswith("keeper.") for data in given]
    candidates = _structured([*held, *handed])
    assert case.part not in candidates
    assert not case.opens_with(candidates, [keepers_part])
    assert not case.opens(candidates)


def test_all_keepers_and_the_vault_together_open_nothing(case: Case) -> None:
    keepers_part = shares.combine([case.shares_of(number)[0] for number in range(3)], threshold=2)
    held = [data for _, data in files_under(case.town.place_path)]
    assert not case.opens_with(_structured([*held, *case.seen.seen]), [keepers_part])


def test_a_grantee_with_one_keeper_of_two_opens_nothing(case: Case) -> None:
    for number in range(3):
        (share,) = case.shares_of(number)
        with pytest.raises(Exception, match="share"):
            shares.combine([share], threshold=2)
        # As if one share were the whole, as if it were one of index 1, and with every small other share.
        guesses = [share.value, *(_line_through(share, index, value) for index in (1, 2, 3) for value in range(50))]
        assert not case.opens_with([case.part], guesses)


def _line_through(share: shares.Share, index: int, value: int) -> int:
    """What B would be if share `index` had this value."""
    if index == share.index:
        return value
    return shares.combine([share, shares.Share(index, value)], threshold=2)


def test_a_grantee_without_keepers_gets_no_key(case: Case) -> None:
    town = case.town
    wallet = case.town.new_wallet("lonely")
    alone = town.grantee_of(wallet, town.place_with(keepers=[]))
    given = town.owner.grant(case.record, alone.new_address("alone"), town.terms())
    with pytest.raises(UnavailableError) as caught:
        town.read(case.record, given.grant, alone)
    assert caught.value.code == "keepers_away"


def test_a_grantee_with_one_keeper_reachable_is_told_that_another_is_needed(case: Case) -> None:
    town = case.town
    short = town.grantee_of(town.new_wallet("short"), town.place_with(keepers=town.keepers[:1]))
    given = town.owner.grant(case.record, short.new_address("short"), town.terms())
    with pytest.raises(UnavailableError, match="1 of the 2 keepers"):
        town.read(case.record, given.grant, short)


@pytest.mark.parametrize("away", [0, 1, 2])
def test_any_two_keepers_suffice(case: Case, away: int) -> None:
    town = case.town
    there = [keeper for number, keeper in enumerate(town.keepers) if number != away]
    reader = town.grantee_of(town.new_wallet("reader"), town.place_with(keepers=there))
    given = town.owner.grant(case.record, reader.new_address("reader"), town.terms())
    assert town.read(case.record, given.grant, reader) == b"harbour to mill"


def test_a_grant_id_that_is_known_opens_nothing_for_another_wallet(case: Case) -> None:
    with pytest.raises(PrivledgerError) as caught:
        case.town.lab.accept(case.record, case.grant)
    assert caught.value.code == "not_addressee"


def _structured(data: Iterable[bytes]) -> set[bytes]:
    """The 32-byte strings in these, as CBOR marks them, and the whole of short files."""
    found = set()
    for piece in data:
        if len(piece) == 32:
            found.add(piece)
        at = piece.find(b"\x58\x20")
        while at >= 0:
            found.add(piece[at + 2 : at + 34])
            at = piece.find(b"\x58\x20", at + 1)
    return {one for one in found if len(one) == 32}
