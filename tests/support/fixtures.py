"""The fixtures that tests of whole flows share; a folder's conftest.py imports them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.town import Town

__all__ = ["no_waiting_for_the_disk", "town", "town_of_three"]


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """These flows write hundreds of small files and no machine loses power in between; that files are synced others test."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """One keeper."""
    made = Town(tmp_path)
    yield made
    made.close()


@pytest.fixture
def town_of_three(tmp_path: Path) -> Iterator[Town]:
    """Three keepers, two of whom are needed."""
    made = Town(tmp_path, keepers=3)
    yield made
    made.close()
