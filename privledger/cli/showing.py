"""What `disclose` and `bundle` share: which grants to show, and writing the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from privledger.cli.files import check_output, write_output
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
    at: Path,
    wallet: Path,
    passphrase_file: Path | None,
    out: Output,
) -> None:
    """Find the record and grants, make the file and write it, readable by its owner alone."""
    check_output(out_file, as_json=out.as_json)
    with open_session(at, wallet, passphrase_file, out) as session:
        records = session.owner.records()
        found = find_one_record(records, record)
        mine = [one for one in records if one.record == found]
        chosen = [find(one, grant_candidates(mine), "grant of this record").grant for one in grants]
        data = make(session, found, chosen or None)
    write_output(out_file, data, private=True, as_json=out.as_json)
    out.say(f"wrote {out_file}, showing {plural(len(chosen), 'grant') if chosen else 'all grants'} of {found.hex()}")
    if out.as_json:
        out.result({"file": out_file, "record": found.hex(), "grants": [one.hex() for one in chosen] or None}, ())
