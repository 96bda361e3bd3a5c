"""Step A6 over a bundle: its state answer holds under the last block's root, is whole, and agrees with its entries.

Left to others: that block, and each entry by itself (`bundle`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from privledger.audit._bundlefacts import BundleFacts, Placed
from privledger.audit._log import LogAudit
from privledger.audit.report import Sheet
from privledger.protocol.bundle import Bundle
from privledger.protocol.entries import (
    Block,
    EraseEntry,
    GrantEntry,
    LedgerEntry,
    ReceiptsEntry,
    RecordEntry,
    RevokeEntry,
    ServiceEntry,
)
from privledger.protocol.errors import FormatError
from privledger.protocol.ids import ZERO_GRANT, record_id
from privledger.protocol.state import (
    META_KEY,
    SETTINGS_KEY,
    Meta,
    grant_key,
    is_grant_live,
    parse_grant_state,
    parse_meta,
    parse_record_state,
    parse_service_state,
    parse_settings,
    record_key,
    service_key,
)
from privledger.protocol.trust import TrustRoot
from privledger_crypto import errors as crypto_errors
from privledger_crypto.statemap import verify_absence, verify_existence

__all__ = ["check_agreement", "proven_values"]

_PARSERS: Mapping[bytes, Callable[[bytes], object]] = {
    b"\x00": parse_meta,
    b"\x01": parse_settings,
    b"\x02": parse_service_state,
    b"\x03": parse_record_state,
    b"\x04": parse_grant_state,
}


def proven_values(sheet: Sheet, bundle: Bundle, block: Block | None, found: LogAudit) -> dict[bytes, bytes | None]:
    """The values of the state answer whose map proofs hold and that are well-formed."""
    if block is None:
        sheet.block("A6", "the last block cannot be used, so nothing is known of the state")
        return {}
    values: dict[bytes, bytes | None] = {}
    for key, value, proof in bundle.answer.items:
        where = f"state key {key.hex()}"
        try:
            if value is None:
                verify_absence(block.root, key, proof)
            else:
                verify_existence(block.root, key, value, proof)
                _PARSERS.get(key[:1], _unknown)(value)
        except (crypto_errors.CryptoError, FormatError) as exc:
            sheet.fail(
                "A6", f"the state that is shown does not follow from the signed root: {exc}", where, block.tree_size
            )
            continue
        values[key] = value
    _check_whole(sheet, bundle)
    meta = values.get(META_KEY)
    if meta is not None and parse_meta(meta) != Meta(block.height, block.time, found.size):
        sheet.fail(
            "A6", "the state's height, time and next index are not the last block's", "state key 00", block.tree_size
        )
    sheet.checked("A6", f"{len(values)} values of the state")
    return values


def _unknown(value: bytes) -> object:
    raise FormatError("the state has no keys of this kind")


def _check_whole(sheet: Sheet, bundle: Bundle) -> None:
    """The answer shows the settings, the record, each grant and each service whose receipts are shown."""
    disclosure = bundle.disclosure
    wanted = {META_KEY, SETTINGS_KEY, record_key(disclosure.record)}
    for grant in disclosure.grants:
        if grant.grant != ZERO_GRANT:
            wanted.add(grant_key(disclosure.record, grant.grant))
        wanted |= {service_key(one.service) for one in grant.services}
    shown = {key for key, _, _ in bundle.answer.items}
    for key in sorted(wanted - shown):
        sheet.fail(
            "A6",
            "the bundle does not prove what the state holds here, and it shows something about it",
            f"state key {key.hex()}",
        )
    if all(one.index != 0 for one in bundle.entries):
        sheet.fail("A6", "the bundle lacks entry 0, so it cannot be told which ledger this is", "bundle")


def check_agreement(sheet: Sheet, trust: TrustRoot, facts: BundleFacts, bundle: Bundle, placed: list[Placed]) -> None:
    """The entries lead to the state that is shown."""
    check = _Agreement(sheet, trust, facts)
    for one in placed:
        check.entry(one)
    check.origins(bundle)


class _Agreement:
    def __init__(self, sheet: Sheet, trust: TrustRoot, facts: BundleFacts) -> None:
        self._sheet, self._trust, self._facts = sheet, trust, facts

    def _fail(self, what: str, one: Placed) -> None:
        self._sheet.fail("A6", what, f"entry {one.index} of the bundle", one.index)

    def entry(self, one: Placed) -> None:
        """One entry against the state at the end."""
        body, facts = one.entry.body, self._facts
        if one.index == 0 and one.entry.digest != self._trust.genesis:
            self._fail("entry 0 is not the one that the trust root names: this is another ledger", one)
        if isinstance(body, LedgerEntry):
            value = facts.settings
            if value is not None and (body.seq > value.seq or (body.seq == value.seq and body != value)):
                self._fail("the state shows other settings than this entry set", one)
        elif isinstance(body, ServiceEntry):
            self._service(one, body)
        elif isinstance(body, ReceiptsEntry):
            state = facts.service(body.service)
            if state is not None and (
                body.b > state.last_b or (body.b == state.last_b and body.root != state.last_root)
            ):
                self._fail("the state shows another last period of this keeper's receipts", one)
        elif isinstance(body, RecordEntry):
            record = record_id(one.entry.keys[0])
            found = facts.record(record)
            if facts.knows(record_key(record)) and (
                found is None
                or (found.index, found.key, found.commitment) != (one.index, one.entry.keys[0], body.commitment)
            ):
                self._fail("the state does not show the record that this entry made", one)
        else:
            self._of_record(one, body)

    def _service(self, one: Placed, body: ServiceEntry) -> None:
        state = self._facts.service(body.service)
        if state is None:
            if self._facts.knows(service_key(body.service)):
                self._fail("the state does not show the service that this entry names", one)
            return
        named = (body.role, body.signing_key, body.key_file_digest, body.valid_from, body.valid_until)
        there = (state.role, state.signing_key, state.key_file_digest, state.valid_from, state.valid_until)
        if body.seq > state.seq or (body.seq == state.seq and named != there):
            self._fail("the state shows another description of this service", one)

    def _of_record(self, one: Placed, body: EraseEntry | GrantEntry | RevokeEntry) -> None:
        facts, record = self._facts, body.record
        state = facts.record(record)
        if state is None:
            if facts.knows(record_key(record)):
                self._fail("the state does not show the record of this entry", one)
            return
        if one.entry.keys != (state.key,):
            self._fail("the entry is not signed by the record's key", one)
        if isinstance(body, EraseEntry):
            if state.is_live or state.changed != one.index:
                self._fail("the state does not show the erasure that this entry made", one)
        elif isinstance(body, GrantEntry):
            self._granted(one, body)
        elif body.up_to is not None:
            if state.cut is None or state.cut < body.up_to:
                self._fail("the state does not show the revocation that this entry made", one)
        else:
            self._revoked(one, body)

    def _granted(self, one: Placed, body: GrantEntry) -> None:
        found = self._facts.grant(body.record, body.grant)
        if not self._facts.knows(grant_key(body.record, body.grant)):
            return
        if found is None or (found.index, found.key, found.terms) != (one.index, body.key, body.terms):
            self._fail("the state does not show the grant that this entry made", one)

    def _revoked(self, one: Placed, body: RevokeEntry) -> None:
        for grant in body.ids:
            found = self._facts.grant(body.record, grant)
            if not self._facts.knows(grant_key(body.record, grant)):
                continue
            if found is None or found.revoked_by is None or found.revoked_by > one.index:
                self._fail(f"the state does not show that this entry revoked grant {grant.hex()}", one)

    def origins(self, bundle: Bundle) -> None:
        """Each entry that the shown state names is in the bundle. What A3 or A4 refused is not missing."""
        facts, record = self._facts, bundle.disclosure.record
        state = facts.record(record)
        if state is None:
            return
        named, listed = {state.index: "made the record"}, {one.index for one in bundle.entries}
        if not state.is_live:
            named[state.changed] = "erased the record"
        for one in bundle.disclosure.grants:
            grant = facts.grant(record, one.grant)
            if grant is None:
                continue
            if grant.index is not None:
                named[grant.index] = f"made grant {one.grant.hex()}"
            if grant.revoked_by is not None:
                named[grant.revoked_by] = f"revoked grant {one.grant.hex()}"
            elif not is_grant_live(state, grant) and state.is_live:
                named[state.changed] = f"revoked grant {one.grant.hex()}"
        for index, what in sorted(named.items()):
            if index not in listed:
                self._sheet.fail("A6", f"the bundle lacks the entry that {what}", "bundle", index)
