"""P8: once the shares and the deposit keys that carried them are gone, neither seed, vault copy nor chain opens or tests anything.

The adversary of these tests holds, at once: the recovery phrase, the owner's wallet directory after the erase (and opens every file of it,
with the phrase), an old copy of the vault from before, every message that crossed the ports, the whole chain, and a keeper's directory
after the erase. What it does not hold is what was destroyed, and the memory of grantees.
"""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from privledger.protocol import keys
from privledger.protocol.capsule import open_capsule_body, open_capsule_head
from privledger.protocol.certificate import erasure_progress
from privledger.protocol.deposit import open_share, parse_deposit
from privledger.protocol.descriptor import attribute_scalar, descriptor_scalar
from privledger.protocol.errors import PrivledgerError, UnavailableError
from privledger.sdk.owning import RecordKeys
from privledger.sdk.recover import recover
from privledger.wallet.notes import OwnedRecord
from privledger.wallet.phrase import phrase_of, seed_of
from privledger_crypto import cbor, group
from privledger_crypto.envelope import XWingPrivateKey
from privledger_crypto.generators import record_generators
from tests.support.search import files_under, opens_descriptor, windows
from tests.support.town import Town
from tests.support.wrapped import Recorder, wrap_place

PAYLOAD = b"diagnosis,date\nB20,2026-03-02\n"
RIGHT, WRONG = "B20", "J06"
WEEK = 604_800


@dataclass
class Adversary:
    """What it holds, and every attempt it can make."""

    town: Town
    seed: bytes
    record: bytes
    vault_copy: Path
    messages: list[tuple[bytes, bytes]]  # deposit statement and message
    overheard: list[bytes]
    before: OwnedRecord  # not the adversary's: to check that the attempts would work

    @property
    def origin(self) -> str:
        return self.town.trust.origin

    def part(self) -> bytes:
        """`A`, which the seed gives."""
        return keys.grantee_part(self.seed, self.origin, self.before.index, 0)

    def old(self, what: str) -> bytes:
        """An object of the old vault copy."""
        names = [(name, data) for name, data in files_under(self.vault_copy) if self.record.hex() in name]
        return next(data for name, data in names if what in name and "deposit" not in name and len(data) >= 1_024)

    def wallet_notes(self) -> list[bytes]:
        """Every file of the wallet directory, opened with the phrase."""
        return [
            cbor.encode([group_, item, value])
            for kind in ("records", "journal", "inbox", "erased", "receipts", "addresses")
            for group_, item, value in self.town.owner_wallet.items(kind)
        ]

    def deposit_keys(self) -> list[XWingPrivateKey]:
        """Every deposit key on the keeper's disk: any file of 32 bytes may be one."""
        data = [data for _, data in files_under(self.town.keeper_path())]
        return [XWingPrivateKey.from_seed(seed) for seed in data if len(seed) == 32]

    def shares_from_messages(self) -> list[int]:
        """`B` out of the recorded deposits, with every deposit key there is (one keeper: its share is B)."""
        found = []
        for statement, message in self.messages:
            deposit = parse_deposit(statement, self.origin)
            for private in self.deposit_keys():
                names = {"origin": self.origin, "record": deposit.record, "epoch": 0, "service": deposit.service}
                try:
                    found.append(open_share(private, message, **names).value)  # type: ignore[arg-type]
                except PrivledgerError:
                    continue
        return found

    def opens_with(self, keepers_part: int) -> bool:
        """Whether this B opens the record: the descriptor with `A`, or the capsule's body with `O`."""
        derived = RecordKeys.derive(
            self.seed,
            self.origin,
            record=self.record,
            index=self.before.index,
            epoch=0,
            keepers_part=keepers_part,
        )
        if opens_descriptor(self.old("descriptor"), derived.data, origin=self.origin, record=self.record):
            return True
        try:
            open_capsule_body(
                self.old("capsule"), owner_key=derived.owner, origin=self.origin, record=self.record, epoch=0
            )
        except PrivledgerError:
            return False
        return True

    def candidates(self) -> set[bytes]:
        """Every 32 bytes that it holds as such, or that stand anywhere in what it opened."""
        opened = [*self.wallet_notes(), *(statement for statement, _ in self.messages)]
        held = [data for _, data in files_under(self.town.keeper_path()) if len(data) <= 4_096]
        log = [data for name, data in files_under(self.town.place_path / "log") if "entries" in name]
        return windows(opened) | windows(held) | _structured([*self.overheard, *log])


def _structured(data: list[bytes]) -> set[bytes]:
    """32-byte strings as CBOR marks them."""
    return {piece[at + 2 : at + 34] for piece in data for at in _places(piece, b"\x58\x20") if at + 34 <= len(piece)}


def _places(data: bytes, mark: bytes) -> Iterator[int]:
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)


@pytest.fixture
def adversary(town: Town) -> Adversary:
    """The record is read by nobody: what a grantee has seen is outside this promise."""
    recorder = Recorder()
    owner = town.owner_of(town.owner_wallet, wrap_place(town.place, recorder))
    owned = owner.put(io.BytesIO(PAYLOAD), title="Visit", attributes={"diagnosis": RIGHT})
    owner.grant(owned.record, town.app.new_address("clinic"), town.terms())
    copy = town.path / "old vault"
    shutil.copytree(town.vault_path, copy)
    owner.erase(owned.record)
    messages = [(given[0], given[1]) for given in recorder.given_to("keeper.deposit")]
    seed = seed_of(phrase_of(town.owner_seed))
    return Adversary(town, seed, owned.record, copy, messages, recorder.seen, owned)


@pytest.fixture
def too_late(adversary: Adversary) -> Adversary:
    """A week later: the deposit key is dead."""
    adversary.town.advance(WEEK)
    adversary.town.keepers[0].renew_deposit_keys()
    return adversary


# --- while the deposit key lives ----------------------------------------------------------------------------------


def test_the_certificate_is_pending_while_the_deposit_key_lives(adversary: Adversary) -> None:
    (certificate,) = adversary.town.owner.certificates(adversary.record)
    assert certificate.pending
    assert certificate.pending_until is not None
    assert adversary.town.clock() < certificate.pending_until <= adversary.town.clock() + WEEK
    key = adversary.town.owner.outsider(adversary.record).key
    assert not erasure_progress([certificate], record=adversary.record, key=key, epoch=0).complete


def test_pending_is_meant_seriously(adversary: Adversary) -> None:
    """Who takes the deposit key off the keeper's disk in time does open the record: so the attempts below are real ones."""
    found = adversary.shares_from_messages()
    assert [group.scalar_to_bytes(b) for b in found] == [adversary.before.keepers_part]
    assert adversary.opens_with(found[0])


# --- after its death ----------------------------------------------------------------------------------------------


def test_the_certificate_is_complete_after_the_deposit_key_died(too_late: Adversary) -> None:
    (certificate,) = too_late.town.owner.certificates(too_late.record)
    assert not certificate.pending
    key = too_late.town.owner.outsider(too_late.record).key
    assert erasure_progress([certificate], record=too_late.record, key=key, epoch=0).complete


def test_recovery_brings_nothing_back_even_from_the_old_vault(too_late: Adversary) -> None:
    town = too_late.town
    place = town.place_with(vault=town.open_vault(too_late.vault_copy))
    wallet = town.new_wallet("adversary", too_late.seed)
    report = recover(wallet, place, clock=town.clock, random_bytes=town.random_bytes)
    assert (report.records, report.erased, report.grants) == ([], [too_late.record], 0)


def test_no_deposit_key_on_the_disk_opens_a_recorded_deposit(too_late: Adversary) -> None:
    assert len(too_late.deposit_keys()) >= 1  # the new one
    assert len(too_late.messages) == 1
    assert too_late.shares_from_messages() == []


def test_the_keeper_answers_the_record_key_no_more(too_late: Adversary) -> None:
    """The adversary signs with the record key, which the phrase gives."""
    town = too_late.town
    context = town.owner_of(town.new_wallet("adversary", too_late.seed)).context
    keeper = town.keepers[0]
    request = context.request(too_late.before, [keeper.service], XWingPrivateKey.from_seed(bytes(32)).public)
    with pytest.raises(PrivledgerError) as caught:
        keeper.release(request)
    assert caught.value.code == "record_erased"


def test_the_seed_opens_the_capsules_head_which_names_no_key(too_late: Adversary) -> None:
    """What is left: who kept how many shares, and their digests, which test no guess of a random share."""
    head_key = keys.capsule_head_key(too_late.seed, too_late.origin, too_late.record)
    head = open_capsule_head(
        too_late.old("capsule"), head_key=head_key, origin=too_late.origin, record=too_late.record, epoch=0
    )
    assert len(head.keepers) == 1
    assert not too_late.opens_with(int.from_bytes(head.keepers[0].digest, "big") % group.ORDER)


def test_no_value_that_is_left_anywhere_is_the_keepers_part(too_late: Adversary) -> None:
    candidates = too_late.candidates()
    assert len(candidates) > 500
    assert too_late.before.keepers_part not in candidates
    assert too_late.before.blinding not in candidates
    sealed = too_late.old("descriptor")
    numbers = (int.from_bytes(one, "big") for one in candidates)
    part = too_late.part()
    tried = [
        keys.data_key(part, number, too_late.origin, too_late.record, 0) for number in numbers if number < group.ORDER
    ]
    assert not any(opens_descriptor(sealed, key, origin=too_late.origin, record=too_late.record) for key in tried)


def test_the_wallet_directory_forgot_the_record(too_late: Adversary) -> None:
    secrets = [too_late.before.keepers_part, too_late.before.blinding, too_late.before.descriptor]
    notes = b"".join(too_late.wallet_notes())
    assert not any(secret in notes for secret in secrets)
    with pytest.raises(UnavailableError):
        too_late.town.owner.read(too_late.record, io.BytesIO())


def test_the_vault_destroyed_what_it_held_with_the_erase(adversary: Adversary) -> None:
    assert adversary.record not in [
        bytes.fromhex(path.name) for path in (adversary.town.vault_path / "records").iterdir()
    ]


# --- guessing an attribute ----------------------------------------------------------------------------------------


def matches(adversary: Adversary, diagnosis: str, blindings: set[bytes]) -> bool:
    """Whether some known number as `r` makes the commitment on the chain, with this diagnosis.

    The adversary is given more than it has: the true `d`. Its `s` follows from the phrase.
    """
    digest = hashlib.sha256(adversary.before.descriptor).digest()
    d = descriptor_scalar(adversary.before.blob_root, adversary.before.blob_size, digest)
    scalars = [keys.identity_secret(adversary.seed), d, attribute_scalar("text", diagnosis)]
    bases = record_generators()
    rest = group.parse_point(adversary.town.owner.outsider(adversary.record).commitment)
    for base, scalar in zip(bases[1:4], scalars, strict=True):
        rest = rest - base.mul(scalar)
    wanted = rest.to_bytes()
    return any(
        bases[0].mul(number).to_bytes() == wanted
        for number in (int.from_bytes(one, "big") for one in blindings)
        if 0 < number < group.ORDER
    )


def test_a_right_guess_and_a_wrong_one_look_alike(too_late: Adversary) -> None:
    """With nothing in hand that `r` could be, every diagnosis fits the commitment equally badly."""
    known = too_late.candidates()
    assert not matches(too_late, RIGHT, known)
    assert not matches(too_late, WRONG, known)


def test_with_r_the_same_comparison_would_tell_them_apart(too_late: Adversary) -> None:
    """So it was `r` that was missing, and not a working comparison; `r` went with the wallet's note and the capsule's key."""
    assert matches(too_late, RIGHT, {too_late.before.blinding})
    assert not matches(too_late, WRONG, {too_late.before.blinding})


def test_the_same_diagnosis_makes_another_commitment_each_time(too_late: Adversary) -> None:
    """So a record that the adversary makes or sees, of the same owner and diagnosis, is nothing to compare with."""
    town = too_late.town
    again = town.owner.put(io.BytesIO(PAYLOAD), title="Visit", attributes={"diagnosis": RIGHT}).record
    assert town.owner.outsider(again).commitment != town.owner.outsider(too_late.record).commitment


# --- who may erase ------------------------------------------------------------------------------------------------


def test_an_erased_record_stays_erased(too_late: Adversary) -> None:
    """Putting the old vault copy and the recorded deposit back in place is refused."""
    keeper = too_late.town.keepers[0]
    with pytest.raises(PrivledgerError) as caught:
        keeper.deposit(*too_late.messages[0])
    assert caught.value.code == "record_erased"


def test_a_certificate_of_another_keeper_does_not_count(adversary: Adversary, tmp_path: Path) -> None:
    other = Town(tmp_path / "other")
    record = other.put()
    other.owner.erase(record)
    (foreign,) = other.owner.certificates(record)
    other.close()
    key = adversary.town.owner.outsider(adversary.record).key
    with pytest.raises(PrivledgerError):
        erasure_progress([foreign], record=adversary.record, key=key, epoch=0)
