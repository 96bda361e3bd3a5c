"""Scene 4: the planner reads, the insurer reads once, and not twice."""

from __future__ import annotations

import csv
from io import BytesIO, StringIO
from pathlib import Path

from scenes.rogue import ask_keeper
from scenes.stage import SealedMonth, Stage

__all__ = ["read"]


def read(stage: Stage) -> None:
    """Scene 4."""
    screen = stage.screen
    screen.scene(4, "reading, and a read too many")
    screen.say(
        "A read goes: ask the keeper with a signed request, get its part of the key and a signed receipt; fetch ciphertext from "
        "the vault; check it against the owner's commitment; decrypt."
    )
    folder = stage.folder("read-by-planner")
    rows, same = [], 0
    with screen.progress("reading", len(stage.sealed)) as advance:
        for one in stage.sealed:
            content = _read(stage, one, folder)
            same += content == one.month.content
            rows.append((one.month.name, f"{len(content):,}", *_figures(content)))
            advance()
    screen.table(
        "What the planner makes of it", ("month", "bytes", "hours", "riders", "share on registered bikes"), rows
    )
    stage.expect(same == len(stage.sealed), f"{same} of {len(stage.sealed)} files equal the originals, byte for byte")

    first = stage.sealed[0]
    if first.planner is None or first.insurer is None:
        raise LookupError("scene 3 comes first")
    start, length = 200, 64
    piece = stage.planner.read_range(first.record, first.planner.grant, start, length)
    stage.expect(
        piece == first.month.content[start : start + length],
        f"the planner reads {length} bytes out of the middle of {first.month.name}: its second read of that month",
    )

    sink = BytesIO()
    stage.insurer.read(first.record, first.insurer.grant, sink)
    stage.expect(sink.getvalue() == first.month.content, f"the insurer reads {first.month.name}: its one read")
    insurer, given = stage.insurer_party, first.insurer
    stage.refused(
        "the insurer's own wallet asked for a second read",
        lambda: stage.insurer.read(first.record, given.grant, BytesIO()),
        "number_out_of_range",
    )
    stage.refused(
        "a changed program that asks the keeper again under read number 1",
        lambda: ask_keeper(stage, insurer, given, 1),
        "number_used",
    )
    stage.refused(
        "a changed program that makes up read number 2",
        lambda: ask_keeper(stage, insurer, given, 2),
        "number_out_of_range",
    )
    stage.refused(
        "the planner trying the insurer's grant",
        lambda: stage.planner.accept(first.record, given.grant),
        "not_addressee",
    )


def _read(stage: Stage, one: SealedMonth, folder: Path) -> bytes:
    if one.planner is None:
        raise LookupError("scene 3 comes first")
    path = folder / f"{one.month.name}.csv"
    partial = path.with_suffix(".part")
    with partial.open("wb") as sink:
        stage.planner.read(one.record, one.planner.grant, sink)
    partial.rename(path)  # what was written counts only once the whole record has been checked
    return path.read_bytes()


def _figures(content: bytes) -> tuple[str, str, str]:
    rows = list(csv.DictReader(StringIO(content.decode())))
    riders = sum(int(row["bikers"]) for row in rows)
    registered = sum(int(row["registered"]) for row in rows)
    return f"{len(rows)}", f"{riders:,}", f"{100 * registered / riders:.0f} %"
