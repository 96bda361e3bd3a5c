"""Scene 5: what the chain shows, beside what each party knows."""

from __future__ import annotations

from pathlib import Path

from privledger.protocol.address import parse_address
from scenes.rogue import received
from scenes.stage import SealedMonth, Stage, moment

__all__ = ["see"]


def see(stage: Stage) -> None:
    """Scene 5."""
    screen = stage.screen
    one = stage.sealed[0]
    screen.scene(5, f"who sees what of {one.month.title!r}")
    stage.old_checkpoint = stage.place.ledger.checkpoint()
    stage.folder("checkpoints").joinpath("before-revocation").write_bytes(stage.old_checkpoint)

    outside = stage.owner.outsider(one.record)
    rows = [("record id", outside.record.hex()), ("record key, of this record alone", outside.key.hex())]
    rows.append(("commitment C", outside.commitment.hex()))
    rows += [(f"entry {line.index}, {moment(line.time)}", line.text) for line in outside.history]
    screen.table("All that the chain shows of it", ("what", "value"), rows, whole=True)

    view = stage.owner.show(one.record)
    title = "" if view.descriptor is None else view.descriptor.title
    grants = "\n".join(f"{grant.label}: {grant.terms.describe()}" for grant in view.grants)
    if one.insurer is None:
        raise LookupError("scene 3 comes first")
    receipts = stage.owner.receipts(one.record, one.insurer.grant)
    screen.table(
        "The same record for each party",
        ("party", "sees", "does not see"),
        [
            (
                "owner (wallet)",
                f"{title}; {one.month.rows} rows; two grants:\n{grants}",
                "what readers do with what they read",
            ),
            (
                "planner (wallet)",
                f"{title}; its own terms; that the record has {len(view.grants)} grants",
                "that the other is an insurer",
            ),
            (
                "insurer (wallet)",
                f"{title}; its own terms and price",
                "that the other is a planner; the owner's other records",
            ),
            (
                "vault",
                f"{view.blob_size:,} padded bytes, which grant fetched what and when",
                "title, content, terms, names",
            ),
            (
                "keeper",
                f"its share; terms at each read; {len(receipts)} read by one of the grants",
                "title, content, size, names",
            ),
            (
                "anyone with the chain",
                f"a record with {len(view.grants)} grants, and when",
                "whose, to whom, what, on which terms",
            ),
        ],
    )
    _search(stage, one)


def _search(stage: Stage, one: SealedMonth) -> None:
    """Look for what must not stand in the log or with the services. Nothing short: ciphertext holds every three bytes somewhere."""
    origin = stage.place.trust.origin
    addresses = [parse_address(raw, origin) for party in (stage.planner, stage.insurer) for raw in party.addresses()]
    words = {
        "a title": one.month.title.encode(),
        "a purpose": b"risk-pricing",
        "the planner's label": b"city planning office",
        "the insurer's label": b"Velo Insurance",
        "the first row of the data": one.month.content.splitlines()[1],
        "the planner's address key": addresses[0].spend,
        "the insurer's address key": addresses[1].spend,
        "the owner's seed": stage.owner_party.wallet.seed,
    }
    stage.screen.verbatim("")
    for where in ("log", "vault", "keeper"):
        files, size, found = _look(stage.place_path / where, words)
        stage.expect(
            files > 0 and not found,
            f"{where}: {files} files, {size:,} bytes searched for {len(words)} things that must not be there: "
            + (", ".join(found) if found else "none found"),
        )
    _, _, control = _look(stage.root / "read-by-planner", words)
    stage.expect(
        control == ["the first row of the data"],
        "the same search of the planner's own copy finds the data: it can find things",
    )
    for party, given in ((stage.planner_party, one.planner), (stage.insurer_party, one.insurer)):
        if given is None:
            raise LookupError("scene 3 comes first")
        note = received(party, given)
        stage.expect(
            bool(note.seed), f"the {party.name}'s wallet can tell which entry is its own: grant {note.grant.hex()}"
        )


def _look(folder: Path, words: dict[str, bytes]) -> tuple[int, int, list[str]]:
    files = size = 0
    found: set[str] = set()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            files, size = files + 1, size + len(data)
            found |= {name for name, word in words.items() if word in data}
    return files, size, sorted(found)
