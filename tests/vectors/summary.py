"""The table at the end of a run that lists every vector set used, with its counts.

A set is a file `tests/vectors/test_<set>.py`. It is called by its constant `VECTOR_SET = "name (source)"` if it has one,
else by the first line of its docstring. The files are read, not imported: with pytest-xdist the process that prints the
table runs no test.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from pathlib import Path

import pytest


def set_name(path: Path) -> str:
    """What a file of vector tests calls its set."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == "VECTOR_SET" for target in targets):
            value = getattr(node, "value", None)
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                return value.value
    docstring = ast.get_docstring(tree)
    return docstring.splitlines()[0] if docstring else path.stem.removeprefix("test_")


class VectorSummary:
    """Counts the outcomes of the vector tests and prints them by set."""

    def __init__(self, folder: Path, root: Path) -> None:
        """`folder` holds the vector tests; test ids are relative to `root`."""
        self._folder = folder
        self._root = root
        self._outcomes: dict[Path, dict[str, str]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes one phase of one test; a test passes when its call passed and no other phase failed."""
        path = self._root / report.nodeid.partition("::")[0]
        if self._folder not in path.parents:
            return
        outcomes = self._outcomes[path]
        if report.outcome != "passed" or report.when == "call":
            outcomes[report.nodeid] = report.outcome

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Prints `passed/total  set`, a line each."""
        if not self._outcomes:
            return
        terminalreporter.section("vector sets: passed/total")
        for path, outcomes in sorted(self._outcomes.items()):
            passed = Counter(outcomes.values())["passed"]
            terminalreporter.write_line(f"{passed:>6}/{len(outcomes):<6} {path.name}: {set_name(path)}")
