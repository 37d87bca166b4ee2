"""Node selectors and affinity, as the scheduler has them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.selection.affinity import matches_affinity, matches_expression, matches_selector

LABELS = {"gpu": "h100", "zone": "a", "count": "8"}
words = st.sampled_from(["gpu", "zone", "count", "a", "b", "h100", "8"])


@pytest.mark.parametrize(
    ("operator", "key", "values", "holds"),
    [
        ("In", "gpu", ["a100", "h100"], True),
        ("In", "gpu", ["a100"], False),
        ("In", "missing", ["h100"], False),
        ("NotIn", "gpu", ["a100"], True),
        ("NotIn", "gpu", ["h100"], False),
        ("NotIn", "missing", ["h100"], True),
        ("Exists", "gpu", [], True),
        ("Exists", "missing", [], False),
        ("DoesNotExist", "gpu", [], False),
        ("DoesNotExist", "missing", [], True),
        ("Gt", "count", ["4"], True),
        ("Gt", "count", ["8"], False),
        ("Gt", "missing", ["4"], False),
        ("Gt", "gpu", ["4"], False),
        ("Lt", "count", ["10"], True),
        ("Lt", "count", [], False),
        ("Near", "gpu", ["h100"], False),
    ],
)
def test_operators(operator: str, key: str, values: list[str], holds: bool) -> None:
    assert matches_expression({"key": key, "operator": operator, "values": values}, LABELS) is holds


@given(st.dictionaries(words, words), words, st.lists(words))
def test_not_in_is_the_opposite_of_in(labels: dict[str, str], key: str, values: list[str]) -> None:
    is_in = matches_expression({"key": key, "operator": "In", "values": values}, labels)
    is_not_in = matches_expression({"key": key, "operator": "NotIn", "values": values}, labels)
    assert is_in != is_not_in


@given(st.dictionaries(words, words), st.dictionaries(words, words))
def test_a_selector_is_the_and_of_in_expressions(selector: dict[str, str], labels: dict[str, str]) -> None:
    expressions = [{"key": k, "operator": "In", "values": [v]} for k, v in selector.items()]
    assert matches_selector(selector, labels) == all(matches_expression(e, labels) for e in expressions)


def affinity(*terms: dict[str, Any]) -> dict[str, Any]:
    required = {"nodeSelectorTerms": list(terms)}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def term(key: str, value: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": "In", "values": [value]}]}


def test_terms_are_alternatives_and_expressions_of_a_term_all_hold() -> None:
    assert matches_affinity(affinity(term("gpu", "a100"), term("zone", "a")), "n", LABELS)
    both = {"matchExpressions": term("gpu", "a100")["matchExpressions"] + term("zone", "a")["matchExpressions"]}
    assert not matches_affinity(affinity(both), "n", LABELS)


def test_no_affinity_matches_all_and_no_term_matches_none() -> None:
    assert matches_affinity({}, "n", LABELS)
    assert matches_affinity({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}, "n", LABELS)
    assert not matches_affinity(affinity(), "n", LABELS)
    assert not matches_affinity(affinity({}), "n", LABELS)


def test_fields_match_the_name_of_the_node() -> None:
    by_name = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}
    assert matches_affinity(affinity(by_name), "n", LABELS)
    assert not matches_affinity(affinity(by_name), "other", LABELS)
