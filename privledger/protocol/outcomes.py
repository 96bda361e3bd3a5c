"""What `submit` answers for each entry (docs/spec/entries.md §5). Answers prove nothing by themselves.

Left to others: deciding them (`privledger.rules`, `privledger.ledger`) and checking them (the SDK).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Accepted", "Already", "Refused", "SubmitOutcome"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The entry stands at `index`, and a checkpoint that covers it is published."""

    index: int


@dataclass(frozen=True, slots=True)
class Already:
    """These very bytes stand at `index`."""

    index: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The rules refuse the entry; `code` is stable, `detail` is for people."""

    code: str
    detail: str


SubmitOutcome = Accepted | Already | Refused
