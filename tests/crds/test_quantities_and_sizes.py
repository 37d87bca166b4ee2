"""Kubernetes quantities and OME's model sizes: exact numbers, and errors instead of surprises."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crds.problems import FieldError
from crds.quantity import Quantity, parse_quantity
from crds.size import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("80Gi", 80 * 2**30),
        ("500m", Fraction(1, 2)),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1E", 10**18),
        ("1.5Gi", 3 * 2**29),
        ("2.5", Fraction(5, 2)),
        (".5", Fraction(1, 2)),
        ("5.", 5),
        ("-1k", -1000),
        ("+1M", 10**6),
        ("100n", Fraction(1, 10**7)),
        ("1e-3", Fraction(1, 1000)),
        (4, 4),
        (2.5, Fraction(5, 2)),
        ("0", 0),
    ],
)
def test_quantity_is_its_exact_number(text: str | int | float, number: Fraction) -> None:
    assert parse_quantity(text) == number


@pytest.mark.parametrize(
    "text",
    ["", " ", "80 Gi", "80GiB", "80gi", "K", "1K", "1e", "1e1.5", "--1", "0x10", "1_000", "٣", "1Gi\n", "nan", "inf",
     True, None, "1e999999999", "9" * 65, "10E", "8Ei", [], {}],
)  # fmt: skip
def test_what_is_no_quantity_says_so(text: str) -> None:
    with pytest.raises(FieldError, match="quantity|2\\^63|exponent|accepted"):
        parse_quantity(text)


@given(st.integers(0, 2**20), st.sampled_from(["", "k", "M", "G", "Ki", "Mi", "Gi"]))
def test_integers_of_every_unit(number: int, suffix: str) -> None:
    factor = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}[suffix]
    assert int(Quantity(f"{number}{suffix}")) == number * factor


@given(st.text() | st.from_regex(r"[+-]?[0-9.]{1,6}[a-zA-Z]{0,2}[0-9]{0,3}", fullmatch=True))
def test_any_text_is_a_quantity_or_an_error_of_its_own(text: str) -> None:
    try:
        number = parse_quantity(text)
    except FieldError as error:
        assert error.accepted
    else:
        assert abs(number) < 2**63


def test_quantities_compare_by_value_and_round_up() -> None:
    assert Quantity("1Gi") == Quantity("1024Mi")
    assert hash(Quantity("1Gi")) == hash(Quantity("1024Mi"))
    assert Quantity("1G") < Quantity("1Gi") <= Quantity("1Gi")
    assert int(Quantity("100m")) == 1
    assert float(Quantity("100m")) == 0.1
    assert str(Quantity("1024Mi")) == "1024Mi"


SIZES = {
    0: "0", 999: "999", 1500: "1.5K", 125000: "125K", 151500: "151.5K", 999999: "1000.00K", 134515008: "134.52M",
    151500000: "151.5M", 494032768: "494.03M", 1005000000: "1.00B", 1250000000: "1.25B", 2699201536: "2.70B",
    7000000000: "7B", 7250000000: "7.25B", 7615616512: "7.62B", 7800000000: "7.8B", 10500000000: "10.5B",
    671026419200: "671.03B", 999999999999: "1000.00B", 1512300000000: "1.51T",
}  # fmt: skip


@pytest.mark.parametrize(("number", "text"), SIZES.items())
def test_sizes_are_printed_as_ome_prints_them_but_rounded(number: int, text: str) -> None:
    assert format_size(number) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [("7B", 7 * 10**9), ("0.5B", 5 * 10**8), ("134.52M", 134_520_000), ("1.5T", 15 * 10**11), ("125K", 125_000),
     ("999", 999), ("7b", 7 * 10**9), (" 7B ", 7 * 10**9), ("0", 0)],
)  # fmt: skip
def test_sizes_are_read(text: str, number: int) -> None:
    assert parse_size(text) == number


@pytest.mark.parametrize("text", ["", "B", "seven", "7 B", "7BB", "-7B", "8x7B", "7e9", "٧B", "7.B", ".5B", "1" * 31])
def test_what_is_no_size_says_so(text: str) -> None:
    with pytest.raises(FieldError, match="is not a model size; accepted: a number of parameters"):
        parse_size(text)


@given(st.integers(0, 10**15))
def test_a_printed_size_is_within_its_rounding(number: int) -> None:
    assert abs(parse_size(format_size(number)) - number) <= number * 0.005


@given(st.integers(0, 10**15), st.integers(0, 10**15))
def test_printing_keeps_the_order(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert parse_size(format_size(low)) <= parse_size(format_size(high))


def test_a_negative_number_has_no_size() -> None:
    with pytest.raises(ValueError, match="negative"):
        format_size(-1)
