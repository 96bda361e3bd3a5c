"""Scenes 1 and 2: the place and the parties; a year is sealed."""

from __future__ import annotations

from io import BytesIO

from privledger.audit import DirectoryFetcher
from scenes.stage import SealedMonth, Stage, moment

__all__ = ["meet", "seal"]


def meet(stage: Stage) -> None:
    """Scene 1."""
    screen = stage.screen
    screen.scene(1, "a place, and four parties")
    screen.say(
        "NOTE ON TIME: this demonstration works with a clock of its own, which it moves. It was set back nine days to "
        f"{moment(stage.clock())} and will be put forward to the present, because a keeper destroys its deposit keys "
        "after a week and nobody wants to wait. All else is real: keys, files, signatures, proofs, refusals."
    )
    stage.open_place()
    stage.owner_party = stage.new_party("owner")
    stage.planner_party = stage.new_party("planner")
    stage.insurer_party = stage.new_party("insurer")
    stage.sign_on()
    (stage.root / "trust-root.json").write_text(stage.place.trust.to_json(), encoding="utf-8")
    rows = [
        ("bike scheme", "owns the records", "wallets/owner", "seed, and the notes on its records"),
        ("city planner", "is granted all months", "wallets/planner", "another seed, envelopes it opened"),
        ("insurer", "is granted three months, once each", "wallets/insurer", "another seed, envelopes it opened"),
        ("auditor", "checks, and has no key at all", "trust-root.json", "the trust root: origin and log keys"),
        ("operator", "runs ledger, vault and keeper", "place", "ciphertext, shares of keys, service keys"),
    ]
    screen.table("Who is here", ("party", "what it does", "where", "what it holds"), rows)
    screen.verbatim(f"The ledger is {stage.place.trust.origin}")
    screen.say("Everybody pins that name and the log's keys, the trust root, and needs to trust no server after that.")


def seal(stage: Stage) -> None:
    """Scene 2."""
    screen = stage.screen
    screen.scene(2, f"the bike scheme seals {len(stage.months)} months of rides")
    screen.say(
        "Each month is encrypted before it leaves the owner. The ciphertext goes to the vault, one part of the key to the keeper, "
        "and the chain gets one commitment that shows nothing. (Real data: see examples/data/README.md for its authors and licence.)"
    )
    with screen.progress("sealing", len(stage.months)) as advance:
        for month in stage.months:
            owned = stage.owner.put(
                BytesIO(month.content),
                title=month.title,
                media_type="text/csv",
                schema="bikeshare-hourly/1",
                tags=("bikes", "rides"),
                attributes={"month": month.number, "riders": month.riders},
                total=len(month.content),
            )
            stage.sealed.append(SealedMonth(month, owned.record))
            advance()
    rows = []
    for one in stage.sealed:
        view = stage.owner.show(one.record)
        rows.append(
            (
                one.month.title,
                f"{one.month.rows}",
                f"{len(one.month.content):,}",
                f"{view.blob_size or 0:,}",
                one.record.hex(),
                f"{view.index}",
            )
        )
    head = ("what the owner sees", "rows", "bytes", "bytes in the vault (padded)", "record id", "entry")
    screen.table("The year on record", head, rows)
    vault = DirectoryFetcher(stage.place_path).vault()
    held = [] if vault is None else vault.records()
    stage.expect(len(held) == len(stage.sealed), f"the vault holds {len(held)} records, all sealed")
    reread = BytesIO()
    stage.owner.read(stage.sealed[0].record, reread)
    stage.expect(
        reread.getvalue() == stage.sealed[0].month.content, "the owner reads its own record back, byte for byte"
    )
