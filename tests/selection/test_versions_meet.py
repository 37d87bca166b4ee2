"""Versions of formats and frameworks: the operator of an entry, and without one the same major version."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.selection.version_match import VersionLevel, compare_numbers, match_version, parse_version

EXACT, COMPATIBLE, OLDER, UNCHECKED, REFUSED = (
    VersionLevel.EXACT, VersionLevel.COMPATIBLE, VersionLevel.OLDER, VersionLevel.UNCHECKED, VersionLevel.REFUSED,
)  # fmt: skip
releases = st.lists(st.integers(0, 10**6), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
versions = st.builds(
    lambda v, release, pre, dev, build: v + release + pre + dev + build,
    st.sampled_from(["", "v"]),
    releases,
    st.sampled_from(["", "-rc.1", "rc1", "a2", "-beta"]),
    st.sampled_from(["", ".dev0", ".dev12"]),
    st.sampled_from(["", "+cu124"]),
)


@pytest.mark.parametrize(
    ("model", "runtime", "operator", "level"),
    [
        ("4.43.0", "4.43.0", "", EXACT),
        ("4.43", "4.43.0", "", EXACT),
        ("v4.43.0", "4.43.0", "", EXACT),
        ("4.43.0", "4.57.1", "", COMPATIBLE),
        ("4.57.1", "4.43.0", "", OLDER),
        ("5.0.0", "4.57.1", "", REFUSED),
        ("4.57.1", "5.0.0", "", REFUSED),
        ("4.46.0.dev0", "4.46.0", "", COMPATIBLE),
        ("4.46.0", "4.46.0.dev0", "", OLDER),
        ("4.46.0", "4.46.0-rc1", "", OLDER),
        ("4.46.0rc1.dev1", "4.46.0rc1", "", COMPATIBLE),
        ("4.46.0rc1", "4.46.0rc1.dev1", "", OLDER),
        ("", "4.57.1", "", UNCHECKED),
        ("4.43.0", "", "", UNCHECKED),
        ("4.43.0", "", "Equal", UNCHECKED),
        ("main", "4.43.0", "", OLDER),
        ("main", "main", "", EXACT),
        ("main", "4.43.0", "Equal", REFUSED),
        ("", "4.57.1", "Equal", REFUSED),
        ("4.43.0", "4.43.0", "Equal", EXACT),
        ("4.43.0", "4.43.1", "Equal", REFUSED),
        ("4.43.0+cu124", "4.43.0", "Equal", REFUSED),
        ("4.43.0", "4.44.0", "GreaterThan", COMPATIBLE),
        ("4.43.0", "4.43.0", "GreaterThan", REFUSED),
        ("4.9.0", "4.43.0", "GreaterThan", COMPATIBLE),
        ("3.0.0", "4.43.0", "GreaterThanOrEqual", COMPATIBLE),
        ("4.43.0", "4.43.0", "GreaterThanOrEqual", EXACT),
        ("4.44.0", "4.43.0", "GreaterThanOrEqual", REFUSED),
    ],
)
def test_table_of_versions(model: str, runtime: str, operator: str, level: VersionLevel) -> None:
    match = match_version("framework", model, runtime, operator)
    assert match.level is level
    assert bool(match.accepted) == (level is REFUSED), "only a refusal says what would be accepted"
    if level in (OLDER, REFUSED):
        assert (model or "no framework version") in match.reason


def test_compute_capabilities_are_numbers_not_text() -> None:
    assert compare_numbers("10.0", "9.0") == 1
    assert compare_numbers("8.6", "8.9") == -1
    assert compare_numbers("9.0", "9") == 0
    assert compare_numbers("", "9.0") == -1


@given(versions)
def test_every_version_meets_itself_exactly(version: str) -> None:
    assert match_version("format", version, version).level is EXACT
    assert match_version("format", version, version, "Equal").level is EXACT
    assert match_version("format", version, version, "GreaterThan").level is REFUSED


@given(versions, versions)
def test_order_is_total_and_operators_agree_with_it(left: str, right: str) -> None:
    order = compare_numbers(left, right)
    assert order == -compare_numbers(right, left)
    above = match_version("format", left, right, "GreaterThan").level is not REFUSED
    assert above == (order < 0)
    at_least = match_version("format", left, right, "GreaterThanOrEqual").level is not REFUSED
    assert at_least == (order <= 0)


@given(versions, versions, versions)
def test_order_is_transitive(a: str, b: str, c: str) -> None:
    first, second, third = sorted((a, b, c), key=lambda text: parse_version(text).order)  # type: ignore[union-attr]
    assert compare_numbers(first, second) <= 0
    assert compare_numbers(second, third) <= 0
    assert compare_numbers(first, third) <= 0


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_gives_an_answer(model: str, runtime: str) -> None:
    for operator in ("", "Equal", "GreaterThan", "GreaterThanOrEqual"):
        assert match_version("format", model, runtime, operator).level in VersionLevel
