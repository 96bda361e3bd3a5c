"""Scenes 6 and 7: the insurer's grants end; a month is erased for good."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from io import BytesIO

from privledger.cli.making import make_wallet
from privledger.protocol.certificate import Certificate, erasure_progress
from privledger.protocol.errors import AuthorisationError
from privledger.sdk.recover import recover
from scenes.rogue import ask_keeper, ask_vault
from scenes.stage import DAY, SealedMonth, Stage, moment, random_bytes

__all__ = ["KEPT_VAULT", "erase", "revoke"]

KEPT_VAULT = "attackers-copy-of-the-vault"  # of the record that is erased, taken before
WAIT = 8 * DAY


def revoke(stage: Stage) -> None:
    """Scene 6."""
    screen = stage.screen
    screen.scene(6, "the owner revokes the insurer")
    # The second month, which the insurer has not read: it has a read left, and must not get it.
    for place, one in enumerate(stage.sealed):
        if one.insurer is None:
            continue
        ended = stage.owner.revoke(one.record, [one.insurer.grant])
        if place == 1:
            screen.say(
                f"{one.month.title}: revoked by entry {ended.index} in block {ended.height} of {moment(ended.time)}"
            )
            unread, by = one, ended
    given = unread.insurer
    if given is None:
        raise LookupError("scene 3 comes first")
    screen.say(f"The insurer still holds its envelope and one unused read of {unread.month.name}. It tries:")
    insurer = stage.insurer_party
    attempts: tuple[tuple[str, Callable[[], object]], ...] = (
        ("by its wallet", lambda: stage.insurer.read(unread.record, given.grant, BytesIO())),
        ("at the keeper, past its wallet", lambda: ask_keeper(stage, insurer, given, 1)),
        ("at the vault, past its wallet", lambda: ask_vault(stage, insurer, given, 1)),
    )
    for text, attempt in attempts:
        refusal = stage.refused(text, attempt, "grant_revoked")
        named = refusal.entry if isinstance(refusal, AuthorisationError) else None
        stage.expect(named == by.index, f"  and the refusal names entry {by.index}, which block {by.height} closed")
    if unread.planner is not None:
        sink = BytesIO()
        stage.planner.read(unread.record, unread.planner.grant, sink)
        stage.expect(sink.getvalue() == unread.month.content, "the planner, whose grant still lives, goes on reading")
    screen.say(
        f"What the insurer read before ({stage.sealed[0].month.name}) it keeps: no revocation takes back what was read."
    )


def erase(stage: Stage) -> None:
    """Scene 7."""
    screen = stage.screen
    one = stage.sealed[-1]
    stage.erased = one
    screen.scene(7, f"the owner erases {one.month.name}")
    kept = stage.folder(KEPT_VAULT) / one.record.hex()
    shutil.copytree(stage.place_path / "vault" / "records" / one.record.hex(), kept)
    screen.say("Somebody has copied the record's ciphertext from the vault before; it lies in " + KEPT_VAULT + "/.")
    key = stage.owner.outsider(one.record).key
    ended = stage.owner.erase(one.record)
    screen.say(
        f"Erased by entry {ended.index} in block {ended.height}. The keeper's certificate says what went, and when:"
    )
    first = stage.owner.certificates(one.record)
    _show(stage, first)
    stage.expect(
        bool(first) and all(certificate.pending for certificate in first),
        "the certificate is PENDING, and says until when",
    )
    screen.say(
        "The share is gone, but the key under which it once travelled to the keeper lives on until its week is over. Somebody who "
        "recorded that message and then broke into the keeper could still open it: so the certificate does not call it done."
    )
    _nothing_opens(stage, one)

    screen.verbatim("")
    screen.say(f"*** THE DEMONSTRATION MOVES ITS CLOCK FORWARD BY {WAIT // DAY} DAYS, from {moment(stage.clock())} ***")
    stage.clock.forward(WAIT)
    screen.say(f"*** it is now {moment(stage.clock())} ***")
    second = stage.owner.certificates(one.record)
    _show(stage, second)
    stage.expect(
        bool(second) and not any(certificate.pending for certificate in second), "the certificate is no longer pending"
    )
    progress = erasure_progress(second, record=one.record, key=key, epoch=0)
    stage.expect(
        progress.complete,
        f"complete: {progress.done} of the {progress.needed} keepers that are needed have destroyed everything",
    )
    screen.say(
        "Outside, as the certificate cannot reach them: the planner's own file of that month and the key its program had for a moment, "
        "and a backup file of the owner's, if there were one. And with one built-in keeper, its word is the operator's word."
    )


def _show(stage: Stage, certificates: Sequence[Certificate]) -> None:
    rows = []
    for certificate in certificates:
        for line in certificate.lines:
            went = "not yet" if line.key_destroyed_at is None else moment(line.key_destroyed_at)
            rows.append((certificate.service.hex(), moment(line.destroyed_at), went, moment(line.key_until)))
    head = ("keeper", "share destroyed", "deposit key destroyed", "deposit key lives at most until")
    stage.screen.table("Certificate", head, rows)


def _nothing_opens(stage: Stage, one: SealedMonth) -> None:
    given = one.planner
    if given is None:
        raise LookupError("scene 3 comes first")
    stage.refused(
        "the planner asking the keeper, with reads left",
        lambda: ask_keeper(stage, stage.planner_party, given, 5),
        "record_erased",
    )
    stage.refused(
        "the owner reading it from its wallet",
        lambda: stage.owner.read(one.record, BytesIO()),
        "not_found",
        "record_erased",
    )
    # The owner's seed alone, on an empty machine: what it brings back, and what not.
    made = make_wallet(
        stage.folder("wallets") / "recovered-owner", stage.place.trust, None, seed=stage.owner_party.wallet.seed
    )
    report = recover(made.wallet, stage.place, clock=stage.clock, random_bytes=random_bytes)
    live = len(stage.sealed) - 1
    stage.expect(
        len(report.records) == live and report.erased == [one.record] and not report.missing,
        f"recovery from the owner's 24 words brings back {len(report.records)} records, and not {one.month.name}: "
        "it is listed as erased",
    )
