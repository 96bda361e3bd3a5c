"""`python -m privledger.cli` does what `privledger` does."""

from __future__ import annotations

from privledger.cli import main

if __name__ == "__main__":
    main()
