"""The expressions of templates are parsed, never executed: they mean what Argo says they mean."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.runner.expression import (
    condition_names,
    depends_names,
    evaluate_condition,
    evaluate_depends,
    evaluate_when,
)
from pipelines.runner.expression_syntax import parse
from steps.errors import InvalidInputError, OmeError, UnsupportedError

NAMES = ("a", "b-c", "task-1")
RESULTS = ("", "Succeeded", "Failed", "Errored", "Skipped", "Omitted", "AnySucceeded", "AllFailed")


@st.composite
def boolean_trees(draw: st.DrawFn, depth: int = 4) -> tuple[str, object]:
    """An expression as text, and the same as a nested tuple to be judged by Python."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        name, result = draw(st.sampled_from(NAMES)), draw(st.sampled_from(RESULTS))
        return (f"{name}.{result}" if result else name), (name, result)
    if draw(st.booleans()):
        text, tree = draw(boolean_trees(depth=depth - 1))
        return f"!({text})", ("not", tree)
    operator = draw(st.sampled_from(["&&", "||"]))
    left, right = draw(boolean_trees(depth=depth - 1)), draw(boolean_trees(depth=depth - 1))
    space = draw(st.sampled_from(["", " ", "  "]))
    return f"({left[0]}){space}{operator}{space}({right[0]})", (operator, left[1], right[1])


def judge(tree: object, truth: dict[tuple[str, str], bool]) -> bool:
    assert isinstance(tree, tuple)
    if tree[0] == "not":
        return not judge(tree[1], truth)
    if tree[0] in ("&&", "||"):
        left, right = judge(tree[1], truth), judge(tree[2], truth)
        return left and right if tree[0] == "&&" else left or right
    return truth[tree]


@given(boolean_trees(), st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(RESULTS))))
def test_depends_means_what_its_tree_means(expression: tuple[str, object], true: set[tuple[str, str]]) -> None:
    text, tree = expression
    truth = {(name, result): (name, result) in true for name in NAMES for result in RESULTS}
    assert evaluate_depends(text, lambda name, result: truth[name, result]) == judge(tree, truth)
    assert set(depends_names(text)) <= set(NAMES)


def test_and_binds_tighter_than_or() -> None:
    has_result = {("a", ""): True, ("b", ""): False, ("c", ""): False}
    assert evaluate_depends("a || b && c", lambda *key: has_result[key])
    assert not evaluate_depends("(a || b) && c", lambda *key: has_result[key])
    assert evaluate_depends("a && !b", lambda *key: has_result[key])


@pytest.mark.parametrize("text", ["a.Daemoned", "a && (b.Daemoned)"])
def test_daemons_are_refused_by_name(text: str) -> None:
    with pytest.raises(UnsupportedError, match="Daemoned"):
        parse(text, "depends")


@pytest.mark.parametrize(
    "text", ["", "a &&", "a b", "(a", "a)", "a.Sometimes", "a == b", "'a'", "a & b", "!", "a || || b", "a.b.c"]
)
def test_unreadable_depends_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse(text, "depends")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes == yes", True),
        ("yes != yes", False),
        ("'a b' == \"a b\"", True),
        ("'' == ''", True),
        ("1 == 1.0", True),
        ('"1" == 1', False),
        ("2 > 10", False),
        ('"2" > "10"', True),
        ("true", True),
        ("!(a == b) && 1 <= 1", True),
        ("a == b || c != d", True),
        ("or == or", True),
    ],
)
def test_when_compares_as_argo_does(text: str, expected: bool) -> None:
    assert evaluate_when(text) is expected


@pytest.mark.parametrize(
    "text", ["text-to-text == x", "a", "1", "a ==", "a == b == c", "1 < a", "{{x}} == y", "x.y == z"]
)
def test_unreadable_conditions_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        evaluate_when(text)


QUOTABLE = st.text(st.characters(codec="utf-8", exclude_characters="'\"\n"), max_size=20)


@given(QUOTABLE, QUOTABLE)
def test_quoted_texts_are_equal_when_they_are_the_same(left: str, right: str) -> None:
    assert evaluate_when(f"'{left}' == \"{right}\"") is (left == right)
    assert evaluate_when(f"'{left}' != '{right}'") is (left != right)


@given(st.integers(-300, 300), st.lists(st.integers(0, 300), min_size=1, max_size=6))
def test_retry_conditions_look_the_exit_code_up(code: int, codes: list[int]) -> None:
    scope = {"lastRetry.exitCode": str(code), "lastRetry.status": "Failed"}
    text = f'lastRetry.status == "Error" || asInt(lastRetry.exitCode) in {codes}'
    assert evaluate_condition(text, scope) is (code in codes)
    assert evaluate_condition(f"asInt(lastRetry.exitCode) not in {codes}", scope) is (code not in codes)
    assert evaluate_condition(text, scope | {"lastRetry.status": "Error"})


@given(QUOTABLE, QUOTABLE)
def test_conditions_look_at_how_a_text_begins(beginning: str, rest: str) -> None:
    text = f'lastRetry.message startsWith "{beginning}"'
    assert evaluate_condition(text, {"lastRetry.message": beginning + rest})
    assert evaluate_condition(text, {"lastRetry.message": rest}) is rest.startswith(beginning)


@pytest.mark.parametrize("text", ["1 startsWith 1", "'a' startsWith 1", "['a'] startsWith 'a'"])
def test_only_texts_begin(text: str) -> None:
    with pytest.raises(InvalidInputError, match="cannot compare"):
        evaluate_condition(text, {})


def test_conditions_name_what_they_use() -> None:
    assert condition_names('asInt(lastRetry.exitCode) > 1 and lastRetry.status != "x"') == [
        "lastRetry.exitCode",
        "lastRetry.status",
    ]
    with pytest.raises(UnsupportedError, match="sprig"):
        condition_names("sprig(lastRetry.status) == 1")


@given(st.text(string.printable, max_size=40), st.sampled_from(["depends", "when", "condition"]))
def test_any_text_is_read_or_refused(text: str, dialect: str) -> None:
    try:
        parse(text, dialect)  # type: ignore[arg-type]  # one of the three, as sampled
    except OmeError as error:
        assert text.strip() in error.message or error.message
