"""Scene 3: the planner and the insurer ask, the owner looks at the terms in plain words and grants."""

from __future__ import annotations

from privledger.protocol.address import fingerprint, parse_access_request, share_link
from privledger.protocol.terms import Terms
from scenes.stage import DAY, SealedMonth, Stage

__all__ = ["INSURED", "grant"]

INSURED = 3  # months that the insurer gets
PLANNER_READS = 12


def grant(stage: Stage) -> None:
    """Scene 3."""
    screen = stage.screen
    screen.scene(3, "ask, look, grant")
    now = stage.clock()
    planning = Terms(("planning", "statistics"), now, now + 365 * DAY, 1, PLANNER_READS)
    pricing = Terms(("risk-pricing",), now, now + 30 * DAY, 1, 1, 2500, "EUR")

    planner_address = stage.planner.new_address("city planning office")
    insurer_address = stage.insurer.new_address("Velo Insurance")
    request = stage.insurer.request_access(insurer_address, pricing, "We price cover for hired bikes by month.")
    asked = parse_access_request(request, stage.place.trust.origin)
    screen.say(f"The insurer sends a signed request. It says: {asked.text}")
    screen.quote(f"the record {asked.terms.describe()}")
    stage.expect(
        asked.address.raw == insurer_address, "the request is signed by the very address that would be granted to"
    )
    screen.say(f"Owner and insurer compare eight words aloud: {fingerprint(insurer_address)}")

    screen.say("Before anything is sent the owner reads what each grant would do:")
    for address, terms in ((planner_address, planning), (insurer_address, asked.terms)):
        screen.quote(stage.owner.plan_grant(stage.sealed[0].record, address, terms))

    with screen.progress("granting", len(stage.sealed)) as advance:
        for place, one in enumerate(stage.sealed):
            one.planner = stage.owner.grant(one.record, planner_address, planning)
            if place < INSURED:
                one.insurer = stage.owner.grant(one.record, insurer_address, asked.terms)
            advance()

    found = stage.planner.inbox()
    stage.expect(
        len(found) == len(stage.sealed), f"the planner looks through the chain and opens {len(found)} envelopes"
    )
    _by_link(stage, stage.sealed[0])
    mine = sum(one.insurer is not None for one in stage.sealed)
    stage.expect(len(stage.insurer.inbox()) == mine, f"the insurer opens {mine} envelopes, and none of the planner's")


def _by_link(stage: Stage, one: SealedMonth) -> None:
    if one.insurer is None:
        return
    link = share_link(stage.place.trust.origin, one.record, one.insurer.grant)
    stage.screen.say("A share link finds a grant without looking through the chain; it holds no key:")
    stage.screen.verbatim(f"  {link}")
    received = stage.insurer.accept(one.record, one.insurer.grant)
    stage.expect(received.grant == one.insurer.grant, "the insurer opens its envelope by the link")
