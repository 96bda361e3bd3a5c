"""What `disclose` and `bundle` share: which grants to show, and writing the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from privledger.cli.files import Target
from privledger.cli.output import Output, plural
from privledger.cli.references import find, grant_candidates
from privledger.cli.references import find_record as find_one_record
from privledger.cli.session import Session, open_session

__all__ = ["write_showing"]


def write_showing(
    make: Callable[[Session, bytes, Sequence[bytes] | None], bytes],
    *,
    record: str,
    grants: Sequence[str],
    out_file: str,
    force: bool,
    at: Path,
    wallet: Path,
    passphrase_file: Path | None,
    out: Output,
) -> None:
    """Find the record and grants, make the file and write it, readable by its owner alone."""
    target = Target(
        out_file, (passphrase_file,), directories=(at, wallet), force=force, private=True, as_json=out.as_json
    )
    target.check()
    with open_session(at, wallet, passphrase_file, out) as session:
        records = session.owner.records()
        found = find_one_record(records, record)
        mine = [one for one in records if one.record == found]
        chosen = [find(one, grant_candidates(mine), "grant of this record").grant for one in grants]
        data = make(session, found, chosen or None)
    target.write(data)
    out.say(f"wrote {out_file}, showing {plural(len(chosen), 'grant') if chosen else 'all grants'} of {found.hex()}")
    if out.as_json:
        out.result({"file": out_file, "record": found.hex(), "grants": [one.hex() for one in chosen] or None}, ())
