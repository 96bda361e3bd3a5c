"""The group: laws, strict decoding, hashing, and two back ends that agree."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privledger_crypto.errors import FormatError, ParameterError
from privledger_crypto.group import (
    BACKENDS,
    ORDER,
    POINT_SIZE,
    Point,
    backend_name,
    expand_message_xmd,
    generator,
    hash_to_point,
    hash_to_scalar,
    identity,
    msm,
    parse_point,
    parse_scalar,
    random_scalar,
    scalar_to_bytes,
    use_backend,
)

FIELD = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
INFINITY = b"\xc0" + bytes(47)
scalars = st.integers(min_value=0, max_value=ORDER - 1)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest):
    with use_backend(request.param):
        yield request.param


@given(a=scalars, b=scalars)
def test_multiplication_distributes_over_addition(a: int, b: int) -> None:
    assert generator().mul(a) + generator().mul(b) == generator().mul(a + b)


@given(k=scalars)
def test_a_point_survives_encoding(k: int) -> None:
    point = generator().mul(k + 1 if k < ORDER - 1 else 1)
    assert parse_point(point.to_bytes()) == point


@settings(max_examples=5)
@given(k=scalars, message=st.binary(max_size=40))
def test_the_two_back_ends_agree(k: int, message: bytes) -> None:
    results = []
    for name in BACKENDS:
        with use_backend(name):
            point = hash_to_point(message, b"DST").mul(k) - generator()
            results.append((point.to_bytes(), parse_point(point.to_bytes()).to_bytes()))
    assert results[0] == results[1]


def test_identity_is_neutral(backend: str) -> None:
    assert generator() + identity() == generator()


def test_a_point_minus_itself_is_the_identity(backend: str) -> None:
    assert (generator() - generator()).is_identity


def test_scalars_are_taken_modulo_the_order(backend: str) -> None:
    assert generator().mul(ORDER + 3) == generator().mul(3)


def test_a_negative_scalar_negates(backend: str) -> None:
    assert generator().mul(-1) == -generator()


def test_the_order_annihilates_the_generator(backend: str) -> None:
    assert generator().mul(ORDER).is_identity


def test_the_generator_is_not_the_identity(backend: str) -> None:
    assert not generator().is_identity


def test_equal_points_have_equal_hashes(backend: str) -> None:
    assert hash(generator() + generator()) == hash(generator().mul(2))


def test_a_point_differs_from_other_types(backend: str) -> None:
    assert generator() != generator().to_bytes()


def test_a_point_is_immutable() -> None:
    with pytest.raises(AttributeError):
        generator()._raw = None  # type: ignore[misc]


def test_points_of_two_back_ends_do_not_add() -> None:
    with use_backend("py_ecc"):
        slow = generator()
    with use_backend("pyblst"):
        fast = generator()
    with pytest.raises(ParameterError, match="do not mix"):
        slow + fast


def test_points_of_two_back_ends_compare_by_value() -> None:
    with use_backend("py_ecc"):
        slow = generator().mul(5)
    with use_backend("pyblst"):
        assert slow == generator().mul(5)


BAD_POINTS = {
    "empty": b"",
    "47 bytes": generator().to_bytes()[:-1],
    "49 bytes": generator().to_bytes() + b"\x00",
    "96 zeros": bytes(96),
    "identity": INFINITY,
    "identity with the sign flag": b"\xe0" + bytes(47),
    "identity with a low bit": b"\xc0" + bytes(46) + b"\x01",
    "identity uncompressed": b"\x40" + bytes(47),
    "no compression flag": bytes([generator().to_bytes()[0] & 0x7F]) + generator().to_bytes()[1:],
    "infinity flag on a point": bytes([generator().to_bytes()[0] | 0x40]) + generator().to_bytes()[1:],
    "x off the curve": b"\x80" + bytes(46) + b"\x01",
    "outside the subgroup": b"\x80" + bytes(47),
    "x + p": ((4 << 381) + FIELD + 4).to_bytes(48, "big"),
}


@pytest.mark.parametrize("data", BAD_POINTS.values(), ids=BAD_POINTS)
def test_a_bad_point_is_refused(backend: str, data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_point(data)


@given(k=st.integers(1, 1 << 64), bit=st.integers(0, 8 * POINT_SIZE - 1))
def test_flipping_a_bit_never_decodes_to_the_same_point(k: int, bit: int) -> None:
    encoded = generator().mul(k).to_bytes()
    flipped = (int.from_bytes(encoded, "big") ^ (1 << bit)).to_bytes(POINT_SIZE, "big")
    try:
        decoded = parse_point(flipped)
    except FormatError:
        return
    assert decoded.to_bytes() == flipped
    assert decoded != generator().mul(k)


def test_a_point_is_read_from_a_buffer(backend: str) -> None:
    assert parse_point(memoryview(generator().to_bytes())) == generator()  # type: ignore[arg-type]


@given(value=scalars)
def test_a_scalar_survives_encoding(value: int) -> None:
    assert parse_scalar(scalar_to_bytes(value)) == value


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(33), ORDER.to_bytes(32, "big"), b"\xff" * 32])
def test_a_bad_scalar_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_scalar(data)


@pytest.mark.parametrize("value", [-1, ORDER])
def test_a_scalar_out_of_range_is_not_encoded(value: int) -> None:
    with pytest.raises(ParameterError):
        scalar_to_bytes(value)


def test_msm_is_the_sum_of_the_products(backend: str) -> None:
    points = [generator(), generator().mul(10)]
    assert msm(points, [3, 4]) == generator().mul(43)


@pytest.mark.parametrize(("points", "factors"), [(2, 1), (1, 2), (0, 0)])
def test_msm_needs_as_many_scalars_as_points_and_at_least_one(points: int, factors: int) -> None:
    with pytest.raises(ParameterError):
        msm([generator()] * points, [1] * factors)


def test_hashing_to_a_point_depends_on_the_tag(backend: str) -> None:
    assert hash_to_point(b"m", b"A") != hash_to_point(b"m", b"B")


def test_a_tag_over_255_bytes_is_hashed_first(backend: str) -> None:
    assert hash_to_point(b"m", b"x" * 255) != hash_to_point(b"m", b"x" * 256)


@pytest.mark.parametrize("function", [hash_to_point, hash_to_scalar])
def test_an_empty_tag_is_refused(function) -> None:
    with pytest.raises(ParameterError, match="empty"):
        function(b"m", b"")


@pytest.mark.parametrize("length", [0, -1, 255 * 32 + 1])
def test_expansion_to_an_impossible_length_is_refused(length: int) -> None:
    with pytest.raises(ParameterError):
        expand_message_xmd(b"m", b"DST", length)


def test_a_random_scalar_is_48_bytes_modulo_the_order() -> None:
    data = bytes(range(200, 248))
    assert random_scalar(lambda length: data[:length]) == int.from_bytes(data, "big") % ORDER


@pytest.mark.parametrize("source", [lambda _: b"", lambda n: bytes(n), lambda n: ORDER.to_bytes(n, "big")])
def test_a_broken_random_source_is_refused(source) -> None:
    with pytest.raises(ParameterError, match="random source"):
        random_scalar(source)


def test_an_unknown_back_end_is_refused() -> None:
    with pytest.raises(ParameterError, match="no group back end"), use_backend("other"):
        pass


def test_a_back_end_is_chosen_for_the_block_only() -> None:
    before = backend_name()
    with use_backend("py_ecc"):
        assert backend_name() == "py_ecc"
    assert backend_name() == before == "pyblst"


def test_a_point_shows_its_encoding() -> None:
    assert repr(generator()) == f"Point({generator().to_bytes().hex()})"
    assert isinstance(generator(), Point)


PROBE = """
import sys
limit = sys.getrecursionlimit()
if {hide}: sys.modules["pyblst"] = None
from privledger_crypto.group import backend_name, generator
generator()
print(backend_name(), "py_ecc" in sys.modules, sys.getrecursionlimit() == limit)
"""


@pytest.mark.parametrize(("hide", "expected"), [(False, "pyblst False True"), (True, "py_ecc True True")])
def test_py_ecc_is_loaded_exactly_if_pyblst_is_absent_and_leaves_the_recursion_limit(hide: bool, expected: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROBE.format(hide=hide)], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == expected
