"""Size ranges: either bound may be absent, unknown sizes are never refused, the nearer middle is the closer match."""

import math

from hypothesis import given
from hypothesis import strategies as st

from crds.size import format_size
from steps.selection.size_range import distance_to_middle, format_range, refuse_size

sizes = st.integers(1, 10**13)
bounds = st.one_of(st.just(""), sizes.map(str))


@given(sizes, bounds, bounds)
def test_a_size_is_refused_exactly_when_it_is_outside(size: int, low: str, high: str) -> None:
    inside = (not low or size >= int(low)) and (not high or size <= int(high))
    refusal = refuse_size(size, low, high)
    assert (refusal == "") == inside
    if refusal:
        assert format_size(size) in refusal
        assert format_range(low, high) in refusal


@given(bounds, bounds)
def test_an_unknown_size_is_never_refused_but_is_further_from_a_bounded_range(low: str, high: str) -> None:
    assert refuse_size(0, low, high) == ""
    assert distance_to_middle(0, low, high) >= distance_to_middle(0, "", "")
    if low or high:
        assert distance_to_middle(0, low, high) > distance_to_middle(0, "", "")


def test_bounds_are_inclusive_and_may_be_written_in_any_unit() -> None:
    assert refuse_size(7_000_000_000, "7B", "7000M") == ""
    assert refuse_size(7_000_000_001, "", "7B") != ""
    assert refuse_size(6_999_999_999, "7B", "") != ""
    assert "[" not in refuse_size(1, "7B", "")


def test_a_bound_that_is_no_size_refuses_with_the_value() -> None:
    assert '"7X"' in refuse_size(7_000_000_000, "7X", "")


def test_the_middle_is_taken_on_a_log_scale() -> None:
    assert distance_to_middle(10**10, "1B", "100B") == 0
    assert math.isclose(distance_to_middle(10**9, "1B", "100B"), distance_to_middle(10**11, "1B", "100B"))


@given(sizes, sizes.map(str))
def test_a_range_is_nearer_than_no_range(size: int, bound: str) -> None:
    assert distance_to_middle(size, bound, "") < distance_to_middle(size, "", "")
    assert distance_to_middle(size, "", bound) < distance_to_middle(size, "", "")
