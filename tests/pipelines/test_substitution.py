"""References are replaced as text; what has no value or is no known expression is named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.runner.substitution import references, substitute
from steps.errors import InvalidInputError, UnsupportedError

NO_BRACES = st.text(st.characters(codec="utf-8", exclude_characters="{}"), max_size=30)


@given(NO_BRACES, NO_BRACES, NO_BRACES)
def test_a_value_stands_where_its_reference_stood(before: str, value: str, after: str) -> None:
    assert substitute(f"{before}{{{{a.b}}}}{after}", {"a.b": value}.get) == before + value + after


@given(st.text(max_size=40))
def test_values_are_not_read_again(value: str) -> None:
    assert substitute("{{x}}", {"x": value}.get) == value


def test_all_texts_of_a_document_are_replaced() -> None:
    document = {"a": ["{{x}}", 1, None], "b": {"c": "-{{ x }}-"}}
    assert substitute(document, {"x": "y"}.get) == {"a": ["y", 1, None], "b": {"c": "-y-"}}
    assert list(references(document)) == ["x", "x"]


def test_a_reference_without_a_value_is_named() -> None:
    with pytest.raises(InvalidInputError, match="tasks.a.outputs.parameters.b"):
        substitute("{{tasks.a.outputs.parameters.b}}", lambda _: None)


@given(st.lists(st.text(max_size=10), min_size=1, max_size=5), st.data())
def test_one_item_of_a_list_is_taken(items: list[str], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(items) - 1))
    tag = f"{{{{=jsonpath(tasks['a-b'].outputs.parameters.c, '$[{index}]')}}}}"
    assert substitute(tag, {"tasks.a-b.outputs.parameters.c": json.dumps(items)}.get) == items[index]


def test_paths_reach_into_objects() -> None:
    value = {"x": json.dumps({"a": [{"b": 1.5}, True]})}
    assert substitute("{{=jsonpath(x, '$.a[0].b')}}", value.get) == "1.5"
    assert substitute("{{=jsonpath(x, '$.a[1]')}}", value.get) == "true"
    with pytest.raises(InvalidInputError, match="nothing at"):
        substitute("{{=jsonpath(x, '$.a[7]')}}", value.get)
    with pytest.raises(UnsupportedError, match="index"):
        substitute("{{=jsonpath(x, '$..a')}}", value.get)


def test_other_expressions_are_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match="sprig.trim"):
        substitute("{{=sprig.trim(inputs.parameters.a)}}", lambda _: None)
