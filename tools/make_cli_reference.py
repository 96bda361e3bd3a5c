"""Write docs/reference/cli.md from the commands themselves.

Usage: make_cli_reference.py [--check]

With `--check` nothing is written, and the exit code is 1 if the page differs; a test does the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

from typer.testing import CliRunner

from privledger.cli.app import COMMANDS, PROGRAM, app

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "cli.md"
WIDTH = 100  # columns that the help is wrapped to

HEAD = """# The command line

This page is written by `tools/make_cli_reference.py` from the commands' own help. `privledger COMMAND --help` says the same.

## What holds for every command

- Data goes to stdout, words to stderr. With `--json` stdout gets one JSON document, also when the run fails:
  `{"error": {"code", "message", "hint"}, "exit"}`.
- `-` stands for a pipe. Colour and progress show on a terminal only.
- A failed run leaves no output file. An output is never one of the inputs and never inside a wallet or a place. A file that is there is
  replaced only with `--force`; a device, a named pipe or `/dev/fd/N` is written into.
- Passphrases and phrases come from a prompt or a file, never from an argument.
- A record is named by its id (32 hex digits), the first 4 or more digits, or its title; a grant by its id, its first digits, its
  label or its share link. If several fit, the error lists them.
- Times are UTC: `2030-12-31`, `2030-12-31T18:00`, `now`, or from now on `+12h`, `+30d`.
- `--debug` may stand anywhere and shows the traceback of an error.
- `privledger --install-completion` sets up completion for bash, zsh, fish and PowerShell.

| variable | stands for | default |
|---|---|---|
| `PRIVLEDGER_AT` | `--at PLACE` | `privledger-place` in the working directory |
| `PRIVLEDGER_WALLET` | `--wallet PATH` | `privledger-wallet` in the working directory |
| `PRIVLEDGER_PASSPHRASE_FILE` | `--passphrase-file FILE` | ask at the terminal; a trial wallet needs none |

Exit codes:

| code | means |
|---|---|
| 0 | done; of `verify` and `audit`: everything that was checked holds |
| 1 | checked and false: a signature, a proof, a passphrase or a file does not hold |
| 2 | usage: not understood, or it names what is not there (a file, record, grant, wallet, place, a range outside the record) |
| 3 | could not check or do it: no file of ours, an output that is there already, locked, refused by the ledger, disk full; or a bug |
| 4 | not authorised: a vault or keeper refused, or the grant is for another address |
| 130 | interrupted with Ctrl-C |
"""


def _help(words: list[str]) -> str:
    result = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": str(WIDTH), "LC_ALL": "C.UTF-8"})
    if result.exit_code:
        raise SystemExit(f"{' '.join(words)} --help ended with {result.exit_code}: {result.output}")
    return result.stdout.strip()


def _subcommands(text: str) -> list[str]:
    """The names under `Commands:` in a group's help."""
    _, found, listed = text.partition("\nCommands:\n")
    return (
        [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2] != " "] if found else []
    )


def page() -> str:
    """The page as it should be."""
    parts = [HEAD]
    for name in COMMANDS:
        text = _help([name])
        parts.append(f"## {PROGRAM} {name}\n\n```text\n{text}\n```\n")
        for sub in _subcommands(text):
            parts.append(f"### {PROGRAM} {name} {sub}\n\n```text\n{_help([name, sub])}\n```\n")
    return "\n".join(parts)


def main() -> int:
    """Write or compare the page."""
    text = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            print(
                f"{PAGE.relative_to(ROOT)} is not what the commands say; run tools/make_cli_reference.py",
                file=sys.stderr,
            )
            return 1
        return 0
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
