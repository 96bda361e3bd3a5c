from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from privledger.keeper.keeper import LocalKeeper
from privledger.protocol.deposit import parse_deposit_key
from privledger_crypto.shares import Share
from tests.support.chain import ORIGIN, signer
from tests.support.places import Granted, World, random_source

SHARE = Share(1, int.from_bytes(b"a share nobody else may ever see", "big") >> 2)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "keeper"


@pytest.fixture
def open_keeper(world: World, directory: Path) -> Iterator[Callable[..., LocalKeeper]]:
    opened: list[LocalKeeper] = []

    def open_it(at: Path = directory, **options: Any) -> LocalKeeper:
        keeper = LocalKeeper(
            at,
            replica=world.view,
            signing_key=signer("keeper").key,
            clock=world.clock,
            random_bytes=random_source(f"keeper {len(opened)}"),
            **options,
        )
        opened.append(keeper)
        return keeper

    yield open_it
    for keeper in opened:
        keeper.close()


@pytest.fixture
def keeper(open_keeper: Callable[..., LocalKeeper]) -> LocalKeeper:
    return open_keeper()


@pytest.fixture
def deposited(keeper: LocalKeeper, world: World) -> bytes:
    """The deposit statement of `SHARE`, which the keeper holds; the record is on the chain."""
    statement, message = world.share_deposit(deposit_key(keeper), SHARE)
    keeper.deposit(statement, message)
    world.publish_record()
    return statement


@pytest.fixture
def granted(deposited: bytes, world: World) -> Granted:
    """A live grant of a record whose share the keeper holds."""
    return world.publish_grant("g")


def deposit_key(keeper: LocalKeeper) -> bytes:
    return parse_deposit_key(keeper.deposit_key(), ORIGIN).public
