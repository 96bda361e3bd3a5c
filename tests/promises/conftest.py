from __future__ import annotations

from tests.support.fixtures import no_waiting_for_the_disk, town, town_of_three

__all__ = ["no_waiting_for_the_disk", "town", "town_of_three"]
