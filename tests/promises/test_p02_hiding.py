"""P2: the chain shows commitments, keys of one record or one grant, signatures, ids and roots; and nothing repeats that links."""

from __future__ import annotations

import hashlib
import io
from itertools import combinations
from pathlib import Path

import pytest

from privledger.protocol.entries import (
    Entry,
    EraseEntry,
    GrantEntry,
    LedgerEntry,
    ReceiptsEntry,
    RecordEntry,
    RevokeEntry,
    ServiceEntry,
    admit,
    is_block,
    parse_block,
)
from privledger.protocol.terms import Terms
from privledger_crypto import cbor, group
from tests.support.search import files_under, find_secrets
from tests.support.town import YEAR, Town

PAYLOAD = b"ride,minutes\n1,12\n2,19\n"


def live_through(town: Town, payload: bytes, title: str, terms: Terms) -> list[bytes]:
    """Two records of the same content, three grants (two of them to one grantee), a read, a revocation, an erasure."""
    first = town.owner.put(io.BytesIO(payload), title=title, attributes={"area": title}).record
    second = town.owner.put(io.BytesIO(payload), title=title, attributes={"area": title}).record
    address = town.app.new_address("app")
    grants = [town.owner.grant(first, address, terms).grant for _ in range(2)]
    town.owner.grant(second, address, terms)
    town.read(first, grants[0], town.app)
    town.post_receipts()
    town.owner.revoke(first, [grants[0]])
    town.owner.erase(second)
    return [first, second]


def leaves(town: Town) -> list[bytes]:
    checkpoint = town.ledger.state([])
    size = parse_block(checkpoint.block_leaf).tree_size + 1
    return town.ledger.leaves(0, size)


def entries(town: Town) -> list[Entry]:
    return [admit(leaf, origin=town.trust.origin) for leaf in leaves(town) if not is_block(leaf)]


def about(town: Town, record: bytes) -> list[Entry]:
    """The entries that name a record, and the one that brought it."""
    indices = town.ledger.find(record=record)
    return [admit(town.ledger.leaves(index, index + 1)[0], origin=town.trust.origin) for index in indices]


def strings(value: object) -> set[bytes]:
    """Every byte string in a decoded value that could link two entries."""
    if isinstance(value, bytes):
        inner = strings(decoded) if (decoded := _nested(value)) is not None else set()
        return inner | ({value} if len(value) >= 8 else set())
    if isinstance(value, list):
        return set().union(*map(strings, value)) if value else set()
    if isinstance(value, dict):
        return strings(list(value.values()))
    return set()


def _nested(data: bytes) -> cbor.Value | None:
    try:
        value = cbor.decode(data, max_size=4_096)
    except Exception:
        return None
    return value if isinstance(value, dict | list) else None


@pytest.fixture
def records(town: Town) -> list[bytes]:
    return live_through(town, PAYLOAD, "Rides in March", town.terms())


def test_every_leaf_is_of_a_known_kind_and_holds_nothing_but_its_fields(town: Town, records: list[bytes]) -> None:
    allowed = (LedgerEntry, ServiceEntry, RecordEntry, GrantEntry, RevokeEntry, EraseEntry, ReceiptsEntry)
    found = entries(town)
    assert {type(entry.body) for entry in found} == set(allowed)
    assert all(len(entry.leaf) <= 512 for entry in found if entry.kind not in ("ledger", "service"))


def test_commitments_and_one_time_keys_are_points_that_say_nothing(town: Town, records: list[bytes]) -> None:
    points = [entry.body.commitment for entry in entries(town) if isinstance(entry.body, RecordEntry)]
    for entry in entries(town):
        if isinstance(entry.body, GrantEntry):
            points += [entry.body.key, entry.body.terms]
    assert len({group.parse_point(point).to_bytes() for point in points}) == len(points) == 8


def test_two_records_of_one_owner_share_no_value(town: Town, records: list[bytes]) -> None:
    first, second = (
        set().union(*(strings(cbor.decode(one.leaf)) for one in about(town, record))) for record in records
    )
    assert len(first) > 10
    assert len(second) > 10
    assert first & second == set()


def test_no_grant_repeats_a_value_of_another_though_grantee_and_terms_are_the_same(
    town: Town, records: list[bytes]
) -> None:
    bodies = [entry.body for entry in entries(town) if isinstance(entry.body, GrantEntry)]
    assert len(bodies) == 3
    for one, other in combinations(bodies, 2):
        assert {one.grant, one.key, one.terms} & {other.grant, other.key, other.terms} == set()


def test_the_log_holds_no_hash_of_what_people_could_guess(town: Town, records: list[bytes]) -> None:
    owned = town.owner.owned()[0]
    terms = town.terms()
    guesses = {
        "payload": PAYLOAD,
        "title": b"Rides in March",
        "terms": cbor.encode(terms.to_value()),
        "descriptor": owned.descriptor,
        "address": town.app.addresses()[0],
        "not before": terms.not_before.to_bytes(4, "big"),
        "not after": terms.not_after.to_bytes(4, "big"),
    }
    wanted = {name: value for name, value in guesses.items() if len(value) > 4}
    wanted |= {f"SHA-256 of {name}": hashlib.sha256(value).digest() for name, value in guesses.items()}
    wanted |= {
        "blob root": owned.blob_root,
        "r": owned.blinding,
        "share digest": owned.keepers[0][2],
        "area": b"Rides in March",
    }
    assert find_secrets(wanted, files_under(town.place_path / "log")) == []


def test_the_search_of_the_log_finds_what_is_there(town: Town, records: list[bytes]) -> None:
    shown = {"record": records[0], "origin's name": b"town.example"}
    found = find_secrets(shown, files_under(town.place_path / "log"))
    assert any(line.startswith("record in tile/entries") for line in found)


def test_chains_of_different_owners_payloads_and_terms_have_the_same_shape(tmp_path: Path) -> None:
    """The same steps leave leaves of the same kinds and sizes, however large, old, dear or secret the record is."""
    shapes = []
    for name, payload, title, purposes in (
        ("a", b"", "x", ("research",)),
        ("b", bytes(300_000), "A much longer title " * 10, ("billing", "care", "insurance", "planning")),
    ):
        town = Town(tmp_path / name)
        terms = Terms(purposes, town.clock() - 100, town.clock() + YEAR, 1, 1 + len(payload), 0, "")
        live_through(town, payload, title, terms)
        shapes.append(
            [
                (("block" if is_block(leaf) else admit(leaf, origin=town.trust.origin).kind), len(leaf))
                for leaf in leaves(town)
            ]
        )
        town.close()
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(("small", "large"), [(0, 4_000), (20_000, 20_300)])
def test_the_vault_sees_padded_sizes(town: Town, small: int, large: int) -> None:
    sizes = {town.owner.put(io.BytesIO(bytes(size)), title="t" * (1 + size % 50)).blob_size for size in (small, large)}
    assert len(sizes) == 1
