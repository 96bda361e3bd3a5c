"""The reference of the command line is what the commands say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def _tool(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_cli_reference", root / "tools" / "make_cli_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_tool_writes(repository_root: Path) -> None:
    page = (repository_root / "docs" / "reference" / "cli.md").read_text("utf-8")
    assert _tool(repository_root).page() == page


def test_every_command_has_its_section(repository_root: Path) -> None:
    from privledger.cli.app import COMMANDS

    page = (repository_root / "docs" / "reference" / "cli.md").read_text("utf-8")
    assert [name for name in COMMANDS if f"\n## privledger {name}\n" not in page] == []
