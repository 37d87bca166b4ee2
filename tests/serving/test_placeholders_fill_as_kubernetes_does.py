"""`$(VAR)` as Kubernetes expands it, and OME's `{{.Name}}` literally; what is unknown stays as it was written."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steps.serving.expansion import expand_variables, fill_object_fields, variables_in

NAMES = st.sampled_from(["A", "B", "MODEL_PATH", "x.y", ""])
PIECES = st.lists(st.sampled_from(["$", "$$", "(", ")", "$(A)", "$(B)", "$(MODEL_PATH)", "a", "{{", " ", "$(", "é"]))
VARIABLES = st.dictionaries(NAMES, st.text(max_size=5), max_size=4)


def by_the_book(text: str, variables: dict[str, str]) -> str:
    """The rule written as a scanner, one character after the other."""
    out, at = "", 0
    while at < len(text):
        following = text[at + 1 : at + 2]
        end = text.find(")", at)
        if text[at] == "$" and following == "$":
            out, at = out + "$", at + 2
        elif text[at] == "$" and following == "(" and end != -1:
            name = text[at + 2 : end]
            out, at = out + variables.get(name, f"$({name})"), end + 1
        else:
            out, at = out + text[at], at + 1
    return out


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("--model $(M)", "--model /models/m"),
        ("$(M)$(M)", "/models/m/models/m"),
        ("$$(M)", "$(M)"),
        ("$$$(M)", "$/models/m"),
        ("$$$$(M)", "$$(M)"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$(M", "$(M"),
        ("$M ${M} $", "$M ${M} $"),
        ("$(NESTED)", "$(M)"),
        ("$()", "$()"),
    ],
)
def test_known_cases(text: str, expanded: str) -> None:
    assert expand_variables(text, {"M": "/models/m", "NESTED": "$(M)"}) == expanded


@given(PIECES.map("".join), VARIABLES)
@example("$($(A)", {"A": "1", "$(A": "2"})
def test_expansion_agrees_with_the_rule_read_letter_by_letter(text: str, variables: dict[str, str]) -> None:
    assert expand_variables(text, variables) == by_the_book(text, variables)


@given(st.text(), VARIABLES)
def test_doubled_dollars_protect_any_text(text: str, variables: dict[str, str]) -> None:
    assert expand_variables(text.replace("$", "$$"), variables) == text


@given(PIECES.map("".join))
def test_variables_found_are_those_that_matter(text: str) -> None:
    names = variables_in(text)
    everything = dict.fromkeys(names, "\0")
    assert ("\0" in expand_variables(text, everything)) is bool(names)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{.Name}}-{{ .Namespace }}", "chat-team-a"),
        ("{{- .Name -}}", "chat"),
        ("{{.Labels.tier}}", 'a<"b">&c'),
        ('{{ index .Labels "ome.io/x" }}', "dotted"),
        ("{{.Annotations.note}}", "hello"),
        ("{{.Labels.absent}}", "{{.Labels.absent}}"),
        ("{{.Spec.Model}}", "{{.Spec.Model}}"),
        ("{% if x %}{{ messages }}{% endif %}", "{% if x %}{{ messages }}{% endif %}"),
        ("{{.Name", "{{.Name"),
    ],
)
def test_object_fields_are_filled_without_escaping(text: str, filled: str) -> None:
    labels = {"tier": 'a<"b">&c', "ome.io/x": "dotted"}
    annotations = {"note": "hello"}
    assert fill_object_fields(text, name="chat", namespace="team-a", labels=labels, annotations=annotations) == filled
