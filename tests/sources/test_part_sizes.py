"""The size of an object's parts is told from its own and their number, where one usual size fits; hashed by it."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.errors import InvalidInputError
from steps.parts_digest import PartsHasher, parts_digest
from steps.sources.part_sizes import FEWEST, USUAL, given_part_bytes, part_bytes

MIB = 1 << 20
SHARD = 4_999_802_720
"""Bytes of a shard as models have them."""


def parts_of(size: int, each: int) -> int:
    return -(-size // each)


@pytest.mark.parametrize("mib", [5, 8, 15, 16, 50, 64, 128])
def test_the_parts_of_a_shard_are_known(mib: int) -> None:
    assert part_bytes(SHARD, parts_of(SHARD, mib * MIB)) == mib * MIB


@given(st.sampled_from(USUAL), st.integers(1, 10_000), st.integers(1, 5 << 30))
def test_what_is_told_makes_that_many_parts(each: int, parts: int, last: int) -> None:
    size = (parts - 1) * each + min(last, each)
    told = part_bytes(size, parts)
    assert told == 0 or parts_of(size, told) == parts
    assert told in (0, each, size)
    assert part_bytes(size, parts, given=each) == (size if parts == 1 else each)
    assert part_bytes(size, parts, given=0) == 0


def test_nothing_is_told_where_several_sizes_fit_none_does_or_parts_are_few() -> None:
    assert part_bytes(15 * 5 * MIB, 5) == 0, "15 and 16 MiB"
    assert part_bytes(41 * MIB, 7) == 0
    assert part_bytes((FEWEST - 1) * 8 * MIB, FEWEST - 1) == 0
    assert part_bytes(FEWEST * 8 * MIB, FEWEST) == 8 * MIB
    assert part_bytes(41 * MIB, 6, given=5 * MIB) == 0


@pytest.mark.parametrize("value", ["", "8Mi", "8388608", "none"])
def test_the_parameter_is_a_quantity_or_none(value: str) -> None:
    wanted = {"": None, "none": 0}.get(value, 8 * MIB)
    assert given_part_bytes({"partSize": value}) == wanted


@pytest.mark.parametrize("value", ["0", "-1", "7.5", "8 MiB", "None"])
def test_another_value_is_refused_with_what_is_accepted(value: str) -> None:
    with pytest.raises(InvalidInputError, match="parameters.partSize") as caught:
        given_part_bytes({"partSize": value})
    assert value in caught.value.message and "8Mi" in caught.value.remedy


@given(st.binary(max_size=200), st.integers(1, 60), st.lists(st.integers(1, 70), min_size=1))
def test_hash_is_that_of_the_parts_however_the_bytes_come(content: bytes, each: int, pieces: list[int]) -> None:
    hasher, at = PartsHasher(parts_digest("0" * 32, each)), 0
    for number in range(len(content)):
        piece = pieces[number % len(pieces)]
        hasher.update(content[at : at + piece])
        at += piece
    parts = b"".join(
        hashlib.md5(content[at : at + each], usedforsecurity=False).digest() for at in range(0, len(content), each)
    )
    assert hasher.hexdigest() == f"{hashlib.md5(parts, usedforsecurity=False).hexdigest()}-{each}"


@pytest.mark.parametrize("digest", ["0" * 32, f"{'0' * 32}-0", f"{'0' * 31}-8", f"{'0' * 32}-8a"])
def test_what_is_no_digest_of_parts_is_refused(digest: str) -> None:
    with pytest.raises(ValueError, match="no digest of parts"):
        PartsHasher(digest)
