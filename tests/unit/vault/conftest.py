from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from privledger.vault.vault import LocalVault
from tests.support.chain import signer
from tests.support.places import World, random_source


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "vault"


@pytest.fixture
def open_vault(world: World, directory: Path) -> Callable[[], LocalVault]:
    def open_it() -> LocalVault:
        return LocalVault(
            directory,
            replica=world.view,
            signing_key=signer("vault").key,
            clock=world.clock,
            random_bytes=random_source("vault"),
        )

    return open_it


@pytest.fixture
def vault(open_vault: Callable[[], LocalVault]) -> LocalVault:
    return open_vault()
