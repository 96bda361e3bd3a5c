"""Shamir shares: any threshold combines, fewer say nothing, wrong ones are noticed."""

from __future__ import annotations

import hashlib
import secrets
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privledger_crypto.errors import FormatError, ParameterError, VerificationError
from privledger_crypto.group import ORDER
from privledger_crypto.shares import Share, combine, parse_share, share_digest, split, verify_share

scalars = st.integers(min_value=0, max_value=ORDER - 1)
rng = secrets.token_bytes


@st.composite
def schemes(draw: st.DrawFn) -> tuple[int, int]:
    count = draw(st.integers(1, 31))
    return draw(st.integers(count // 2 + 1, count)), count


@given(secret=scalars, scheme=schemes(), data=st.data())
def test_any_threshold_of_shares_gives_the_secret(secret: int, scheme: tuple[int, int], data: st.DataObject) -> None:
    threshold, count = scheme
    shares = split(secret, threshold=threshold, count=count, random_bytes=rng)
    chosen = data.draw(st.permutations(shares))[:threshold]
    assert combine(chosen, threshold=threshold) == secret


def test_indices_run_from_one() -> None:
    assert [share.index for share in split(1, threshold=2, count=3, random_bytes=rng)] == [1, 2, 3]


def test_fewer_shares_fit_every_secret() -> None:
    share = split(42, threshold=2, count=3, random_bytes=rng)[0]
    for candidate in (0, 42, ORDER - 1):
        slope = (share.value - candidate) * pow(share.index, -1, ORDER) % ORDER
        other = Share(2, (candidate + 2 * slope) % ORDER)
        assert combine([share, other], threshold=2) == candidate


def test_more_shares_than_needed_must_agree() -> None:
    shares = split(42, threshold=2, count=3, random_bytes=rng)
    assert combine(shares, threshold=2) == 42


@pytest.mark.parametrize("place", range(3))
def test_one_wrong_share_among_more_than_needed_is_noticed(place: int) -> None:
    shares = list(split(42, threshold=2, count=3, random_bytes=rng))
    shares[place] = Share(shares[place].index, (shares[place].value + 1) % ORDER)
    with pytest.raises(VerificationError):
        combine(shares, threshold=2)


def test_too_few_shares_are_refused() -> None:
    with pytest.raises(ParameterError, match="are needed"):
        combine(split(42, threshold=3, count=4, random_bytes=rng)[:2], threshold=3)


def test_a_repeated_index_is_refused() -> None:
    share = split(42, threshold=2, count=3, random_bytes=rng)[0]
    with pytest.raises(ParameterError, match="same index"):
        combine([share, share], threshold=2)


@pytest.mark.parametrize("threshold", [0, -1, 32])
def test_combining_under_an_impossible_threshold_is_refused(threshold: int) -> None:
    with pytest.raises(ParameterError, match="threshold"):
        combine([], threshold=threshold)


@pytest.mark.parametrize(
    ("threshold", "count"), [(0, 1), (2, 1), (1, 2), (2, 4), (15, 30), (16, 32), (32, 32), (-1, 1)]
)
def test_an_impossible_scheme_is_refused(threshold: int, count: int) -> None:
    with pytest.raises(ParameterError):
        split(1, threshold=threshold, count=count, random_bytes=rng)


@pytest.mark.parametrize("secret", [-1, ORDER])
def test_a_secret_out_of_range_is_refused(secret: int) -> None:
    with pytest.raises(ParameterError):
        split(secret, threshold=1, count=1, random_bytes=rng)


@given(index=st.integers(1, 31), value=scalars)
def test_a_share_survives_encoding(index: int, value: int) -> None:
    assert parse_share(Share(index, value).to_bytes()) == Share(index, value)


@pytest.mark.parametrize(
    "data", [b"", b"\x01" + bytes(31), b"\x01" + bytes(33), bytes(33), b"\x20" + bytes(32), b"\x01" + b"\xff" * 32]
)
def test_a_bad_share_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_share(data)


@pytest.mark.parametrize(("index", "value"), [(0, 1), (32, 1), (1, -1), (1, ORDER)])
def test_an_impossible_share_is_refused(index: int, value: int) -> None:
    with pytest.raises(ParameterError):
        Share(index, value)


def test_the_repr_of_a_share_shows_no_value() -> None:
    assert "987654321" not in repr(Share(1, 987654321))


def test_the_digest_is_the_documented_hash() -> None:
    message = b"privledger/v1/share-digest\x00" + (3).to_bytes(8, "big") + b"ctx" + b"\x02" + (5).to_bytes(32, "big")
    assert share_digest(Share(2, 5), b"ctx") == hashlib.sha256(message).digest()


def test_the_deposited_share_verifies() -> None:
    verify_share(Share(2, 5), share_digest(Share(2, 5), b"ctx"), b"ctx")


@pytest.mark.parametrize(
    ("share", "context"),
    [(Share(3, 5), b"ctx"), (Share(2, 6), b"ctx"), (Share(2, 5), b"ctX")],
    ids=["index", "value", "context"],
)
def test_another_share_does_not_verify(share: Share, context: bytes) -> None:
    with pytest.raises(VerificationError):
        verify_share(share, share_digest(Share(2, 5), b"ctx"), context)


def test_a_digest_of_another_length_is_a_format_error() -> None:
    with pytest.raises(FormatError):
        verify_share(Share(2, 5), bytes(31), b"ctx")


def test_every_pair_of_three_gives_the_same_secret() -> None:
    shares = split(7, threshold=2, count=3, random_bytes=rng)
    assert {combine(pair, threshold=2) for pair in combinations(shares, 2)} == {7}
