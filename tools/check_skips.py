"""Compare the tests that were skipped with the list of those that may be.

Usage: check_skips.py JUNIT_XML EXPECTED_SKIPS

A line of EXPECTED_SKIPS is `part of the test's id or of its message | why`; empty lines and lines that open with # are
skipped. A skipped or xfailed test that no line covers fails the run, so a test cannot fall silent unnoticed. The last line
printed is `N passed, N failed, N skipped`.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Skip:
    """One skipped test: where it stands and what it said."""

    node: str
    message: str

    def matches(self, part: str) -> bool:
        """Whether a line of the list speaks of this test."""
        return part in self.node or part in self.message


def expected_parts(path: Path) -> list[str]:
    """The first column of the list; a line without a reason is an error."""
    parts: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        part, bar, reason = (field.strip() for field in line.rpartition(" | "))
        if not (part and bar and reason):
            sys.exit(f"{path}:{number}: write `part of the id or message | why`")
        parts.append(part)
    return parts


def node_id(case: ElementTree.Element) -> str:
    """The test's id as pytest writes it, as far as the report tells."""
    file = case.get("file") or case.get("classname", "").replace(".", "/") + ".py"
    return f"{file}::{case.get('name', '')}"


def skips(cases: list[ElementTree.Element]) -> Iterator[Skip]:
    """Every skipped or xfailed test of the report."""
    for case in cases:
        for skipped in case.iter("skipped"):
            yield Skip(node_id(case), f"{skipped.get('message', '')} {skipped.text or ''}".strip())


def main() -> int:
    """Return 0 if tests ran, none failed and every skip was expected."""
    report, expected = (Path(argument) for argument in sys.argv[1:3])
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))  # noqa: S314  (our own pytest wrote it)
    found = list(skips(cases))
    parts = expected_parts(expected)
    unexpected = [skip for skip in found if not any(skip.matches(part) for part in parts)]
    for skip in unexpected:
        print(f"unexpected skip: {skip.node}: {skip.message}", file=sys.stderr)
    failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    if not cases:
        print("no test ran", file=sys.stderr)
    if unexpected:
        print(f"Make them run, or add a line with the reason to {expected}.", file=sys.stderr)
    print(f"{len(cases) - failed - len(found)} passed, {failed} failed, {len(found)} skipped")
    return 1 if unexpected or failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
