"""Check what no linter checks of the shipped modules: their length, and that `assert` is left to the tests.

`python -O` removes assertions, so shipped code raises a typed error instead.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("privledger", "crypto/privledger_crypto")
MAX_MODULE_LINES = 450


def faults(path: Path) -> list[str]:
    """Everything that is wrong with one module, a line each."""
    name = path.relative_to(ROOT)
    text = path.read_text(encoding="utf-8")
    found = [
        f"{name}:{node.lineno}: assert in shipped code; raise a typed error"
        for node in ast.walk(ast.parse(text, str(name)))
        if isinstance(node, ast.Assert)
    ]
    if (lines := text.count("\n")) > MAX_MODULE_LINES:
        found.append(f"{name}: {lines} lines, more than {MAX_MODULE_LINES}; split it by the questions it answers")
    return found


def main() -> int:
    """Return 0 if every shipped module keeps the rules."""
    found = [fault for folder in SHIPPED for path in sorted((ROOT / folder).rglob("*.py")) for fault in faults(path)]
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
