"""Erasure certificates, and how far an erasure is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from privledger.protocol.certificate import (
    Certificate,
    CertificateLine,
    erasure_progress,
    make_certificate,
    parse_certificate,
)
from privledger.protocol.deposit import make_deposit, parse_deposit
from privledger.protocol.errors import FormatError, UsageError, VerificationError

from .refusals import check_statement_reader
from .samples import (
    KEEPER_SIGNERS,
    KEEPERS,
    NOW,
    ORIGIN,
    RECORD,
    RECORD_SIGNER,
    VAULT,
    forge,
    one_time_signer,
    share_deposit,
)


def line(keeper: int = 0, *, epoch: int = 0, alive: bool = False, **deposit: Any) -> CertificateLine:
    died = None if alive else NOW - 5
    return CertificateLine(share_deposit(keeper, epoch=epoch, **deposit), NOW - 10, b"\x0d" * 32, NOW + 1000, died)


def certificate(keeper: int = 0, *lines: CertificateLine, time: int = NOW, backups_until: int = NOW + 5) -> Certificate:
    raw = make_certificate(
        KEEPER_SIGNERS[keeper],
        origin=ORIGIN,
        service=KEEPERS[keeper],
        record=RECORD,
        lines=lines or (line(keeper),),
        backups_until=backups_until,
        time=time,
    )
    return parse_certificate(raw, ORIGIN)


def test_a_certificate_reads_back_with_its_lines_in_order():
    read = certificate(0, line(epoch=1, alive=True), line(epoch=0))
    assert [one.epoch for one in read.lines] == [0, 1]
    assert read.lines == (line(epoch=0), line(epoch=1, alive=True))
    assert (read.service, read.record, read.time, read.backups_until) == (KEEPERS[0], RECORD, NOW, NOW + 5)
    assert read.key == KEEPER_SIGNERS[0].key_id


def test_a_certificate_is_pending_while_a_deposit_key_lives():
    done, pending = certificate(), certificate(0, line(alive=True))
    assert (done.pending, done.pending_until) == (False, None)
    assert (pending.pending, pending.pending_until) == (True, NOW + 1000)


def test_the_reader_refuses_every_structural_change():
    check_statement_reader(certificate().raw, KEEPER_SIGNERS[0], parse_certificate)


def row(one: CertificateLine, **changes: Any) -> list[Any]:
    values = {
        "epoch": one.epoch,
        "deposit": one.deposit.raw,
        "destroyed_at": one.destroyed_at,
        "key_digest": one.key_digest,
        "key_until": one.key_until,
        "key_destroyed_at": one.key_destroyed_at,
        **changes,
    }
    return list(values.values())


BLOB = make_deposit(
    RECORD_SIGNER,
    origin=ORIGIN,
    record=RECORD,
    epoch=0,
    what="blob",
    action="store",
    service=KEEPERS[0],
    size=5,
    digest=bytes(32),
)
GOOD = row(line())


@pytest.mark.parametrize(
    "changes",
    [
        {3: []},
        {3: [GOOD[:5]]},
        {3: [[*GOOD, 0]]},
        {3: [GOOD, GOOD]},
        {3: [row(line(epoch=1)), GOOD]},
        {3: [row(line(), epoch=1)]},
        {3: [row(line(), deposit=BLOB)]},
        {3: [row(line(1))]},
        {3: [row(line(), destroyed_at=NOW + 1)]},
        {3: [row(line(), destroyed_at=-1)]},
        {3: [row(line(), key_destroyed_at=NOW + 1)]},
        {3: [row(line(), key_digest=bytes(31))]},
        {3: [row(line(), key_until=2**32)]},
        {3: [row(line(), key_destroyed_at=None)]},
        {4: True},
        {1: VAULT},
        {2: bytes(16)},
        {5: 2**32},
        {6: 2**32},
        {6: NOW - 20},
    ],
    ids=range(20),
)
def test_a_certificate_that_cannot_be_is_refused(changes):
    with pytest.raises(FormatError):
        parse_certificate(forge(KEEPER_SIGNERS[0], certificate().raw, changes), ORIGIN)


def test_a_certificate_around_a_false_deposit_is_refused():
    false = share_deposit().raw[:-1] + bytes([share_deposit().raw[-1] ^ 1])
    with pytest.raises(VerificationError):
        parse_certificate(forge(KEEPER_SIGNERS[0], certificate().raw, {3: [row(line(), deposit=false)]}), ORIGIN)


def test_a_certificate_by_a_one_time_key_is_refused():
    with pytest.raises(FormatError, match="Ed25519"):
        parse_certificate(forge(one_time_signer(), certificate().raw, {}), ORIGIN)


@pytest.mark.parametrize(
    "lines", [(line(1),), (line(), line()), (replace(line(), destroyed_at=NOW + 1),)], ids=range(3)
)
def test_a_certificate_that_would_not_be_read_is_not_made(lines):
    with pytest.raises(UsageError):
        certificate(0, *lines)


@pytest.mark.parametrize(
    "change",
    [
        {"destroyed_at": -1},
        {"key_digest": b""},
        {"key_until": 2**32},
        {"key_destroyed_at": 2**32},
        {"deposit": parse_deposit(BLOB, ORIGIN)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_line_that_cannot_be_is_not_made(change):
    with pytest.raises(UsageError):
        replace(line(), **change)


def progress(*certificates: Certificate, key: bytes = RECORD_SIGNER.key_id, epoch: int = 0) -> Any:
    return erasure_progress(certificates, record=RECORD, key=key, epoch=epoch)


def test_n_minus_t_plus_1_certificates_are_complete():
    one = progress(certificate(0))
    two = progress(certificate(0), certificate(1, backups_until=NOW + 9))
    assert (one.needed, one.done, one.complete, one.backups_until) == (2, 1, False, NOW + 5)
    assert (two.needed, two.done, two.complete, two.backups_until) == (2, 2, True, NOW + 9)


def test_one_index_counts_once():
    twice = progress(certificate(0), certificate(1, line(1, index=1)))
    assert (twice.done, twice.complete) == (1, False)


def test_a_pending_certificate_does_not_count_until_its_keeper_says_so():
    pending = certificate(1, line(1, alive=True), time=NOW)
    waiting = progress(certificate(0), pending)
    over = progress(pending, certificate(0), certificate(1, line(1), time=NOW + 100))
    assert (waiting.done, waiting.complete, waiting.pending_until) == (1, False, NOW + 1000)
    assert (over.done, over.complete, over.pending_until) == (2, True, None)


def test_other_epochs_do_not_count():
    mixed = progress(certificate(0), certificate(1, line(1, epoch=1)))
    assert mixed.done == 1


@pytest.mark.parametrize(
    "given",
    [
        {"certificates": (), "epoch": 0},
        {"certificates": (certificate(),), "epoch": 1},
        {"certificates": (certificate(),), "key": bytes(32)},
        {"certificates": (certificate(), certificate(1, line(1, t=3)))},
    ],
    ids=["none", "other epoch", "other key", "other t"],
)
def test_certificates_that_say_nothing_together_are_refused(given):
    certificates = given.pop("certificates")
    with pytest.raises(UsageError):
        progress(*certificates, **given)
