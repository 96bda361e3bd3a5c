"""P1: no service ever holds plaintext, a record key, or an owner's or grantee's private key."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from privledger.protocol import keys
from privledger.sdk.owning import RecordKeys
from privledger_crypto import group, onetime
from tests.support.search import files_under, find_secrets
from tests.support.town import PASSPHRASE, Town
from tests.support.wrapped import Recorder, wrap_place

PAYLOAD = b"".join(b"ride %d from the harbour to the old mill\n" % number for number in range(2_000))
TITLE = "Rides of a Tuesday in March"
PLACE_OF_BIRTH = "Hammerfest on the northern coast"

SERVICES = ("ledger", "vault", "keeper", "replica", "rules", "protocol", "storage")
IMPORT_ALL = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(f"privledger.{name}")
    for module in pkgutil.walk_packages(package.__path__, f"privledger.{name}."):
        importlib.import_module(module.name)
found = [name for name in sys.modules if name.startswith(("privledger.wallet", "privledger.sdk"))]
print(" ".join(found))
"""


def test_services_load_nothing_that_knows_a_private_key() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL, *SERVICES], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.fixture
def secrets(town_of_three: Town) -> tuple[dict[str, bytes], Recorder]:
    """A put, a grant, two reads, a revocation; what must have stayed with owner and grantee, and what crossed the ports."""
    town, recorder = town_of_three, Recorder()
    place = wrap_place(town.place, recorder)
    owner, app = town.owner_of(town.owner_wallet, place), town.grantee_of(town.new_wallet("spied"), place)
    owned = owner.put(io.BytesIO(PAYLOAD), title=TITLE, tags=["harbour mill"], attributes={"born": PLACE_OF_BIRTH})
    given = owner.grant(owned.record, app.new_address("Spied upon Ltd of Hammerfest"), town.terms())
    assert town.read(owned.record, given.grant, app) == PAYLOAD
    assert app.read_range(owned.record, given.grant, 100, 1_000) == PAYLOAD[100:1_100]
    owner.read(owned.record, io.BytesIO())
    town.post_receipts()
    owner.receipts(owned.record, given.grant)
    owner.revoke(owned.record, [given.grant])

    seed, origin = town.owner_seed, town.trust.origin
    b = group.parse_scalar(owned.keepers_part)
    record_keys = RecordKeys.derive(seed, origin, record=owned.record, index=0, epoch=0, keepers_part=b)
    grantee_seed = app._context.wallet.seed
    spend = keys.address_spend(grantee_seed, origin, 0)
    return {
        "payload": PAYLOAD[:64],
        "payload, later": PAYLOAD[-64:],
        "title": TITLE.encode(),
        "tag": b"harbour mill",
        "attribute": PLACE_OF_BIRTH.encode(),
        "passphrase": PASSPHRASE,
        "seed": seed,
        "record key": keys.record_signing_seed(seed, origin, 0),
        "identity secret": group.scalar_to_bytes(keys.identity_secret(seed)),
        "A": record_keys.grantee_part,
        "B": owned.keepers_part,
        "data key": record_keys.data,
        "owner key": record_keys.owner,
        "capsule head key": record_keys.head,
        "r": owned.blinding,
        "descriptor": owned.descriptor[:32],
        "one-time key seed": given.seed,
        "grantee's label": b"Spied upon Ltd of Hammerfest",
        "grantee's seed": grantee_seed,
        "grantee's spend key": group.scalar_to_bytes(spend),
        "grantee's one-time key": group.scalar_to_bytes(onetime.one_time_secret(spend, given.seed)),
        "grantee's X-Wing key": keys.address_kem(grantee_seed, origin, 0),
    }, recorder


def test_no_file_of_the_place_holds_a_secret(town_of_three: Town, secrets: tuple[dict[str, bytes], Recorder]) -> None:
    assert find_secrets(secrets[0], files_under(town_of_three.place_path)) == []


def test_no_secret_was_handed_to_a_service(secrets: tuple[dict[str, bytes], Recorder]) -> None:
    wanted, recorder = secrets
    assert find_secrets(wanted, [("a call", data) for data in recorder.seen]) == []


def test_the_search_finds_what_the_place_does_hold(
    town_of_three: Town, secrets: tuple[dict[str, bytes], Recorder]
) -> None:
    """The search itself works: a commitment stands in the log, a sealed payload in the vault, a trust root's origin anywhere."""
    record = town_of_three.owner.owned()[0].record
    held = {"C": town_of_three.owner.outsider(record).commitment, "name": town_of_three.trust.origin.encode()}
    found = find_secrets(held, files_under(town_of_three.place_path))
    assert any(line.startswith("C in log/") for line in found)
    assert any(line.startswith("name in ") for line in found)


def test_a_failed_read_leaves_no_plaintext_with_the_services(town: Town) -> None:
    record = town.put(PAYLOAD, TITLE)
    given = town.grant(record, town.app)

    class FullDiskError(Exception):
        pass

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise FullDiskError

    with pytest.raises(FullDiskError):
        town.app.read(record, given.grant, Full())
    assert find_secrets({"payload": PAYLOAD[:64], "title": TITLE.encode()}, files_under(town.place_path)) == []
