"""The command line: parses, calls the library, prints.

`main` is the door. Nothing heavy is imported before a command is known: `privledger --help` loads neither cryptography, nor
SQLAlchemy, nor rich, and a command loads its own module alone.

Left to others: everything that the commands do (`privledger.sdk`, `privledger.audit`, `privledger.local`).
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line with the process's arguments, and exit with one of `privledger.cli.status.Status`."""
    from privledger.cli.app import run

    run()
