from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.town import Town


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
