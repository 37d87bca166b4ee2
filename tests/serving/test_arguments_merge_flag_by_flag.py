"""A service's arguments change a runtime's flag by flag, and sizes are written over the engines' own flags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.choice import Parallelism
from steps.serving.arguments import is_shell_script, merge_arguments, set_parallelism

FLAG = st.from_regex(r"--[a-z]{1,4}(-[a-z]{1,3})?", fullmatch=True)
VALUE = st.from_regex(r"[a-z0-9./$(){}]{1,6}|-[0-9]", fullmatch=True)
GROUPS = st.lists(st.tuples(FLAG, st.lists(VALUE, max_size=2)), unique_by=lambda group: group[0])


def flat(groups: list[tuple[str, list[str]]]) -> tuple[str, ...]:
    return tuple(word for flag, values in groups for word in (flag, *values))


@pytest.mark.parametrize(
    ("runtime", "service", "merged"),
    [
        (["--a", "1", "--b"], ["--a", "2"], ("--a", "2", "--b")),
        (["--a=1", "--b"], ["--a", "2"], ("--a", "2", "--b")),
        (["--a", "1"], ["--a=2", "--c"], ("--a=2", "--c")),
        (["--n_ctx", "1", "--x"], ["--n-ctx", "2"], ("--n-ctx", "2", "--x")),
        (["--lora", "a", "--x", "--lora", "b"], ["--lora", "c", "--lora", "d"], ("--lora", "c", "--lora", "d", "--x")),
        (["--list", "a", "b", "--x"], ["--list", "c"], ("--list", "c", "--x")),
        (["--t", "-1", "--x"], ["--t", "-2.5"], ("--t", "-2.5", "--x")),
        (["serve", "model", "--x"], ["--y"], ("serve", "model", "--x", "--y")),
        (["serve", "model", "--x"], ["serve", "other", "--y"], ("serve", "other", "--x", "--y")),
        (["--x"], ["serve"], ("serve", "--x")),
        (["--x", "--", "rest"], ["--y"], ("--x", "--", "rest", "--y")),
        ([], ["--y"], ("--y",)),
        (["--x"], [], ("--x",)),
        (["-tp", "2"], ["-tp", "4"], ("-tp", "4")),
    ],
)
def test_known_cases(runtime: list[str], service: list[str], merged: tuple[str, ...]) -> None:
    assert merge_arguments(runtime, service) == merged


@given(GROUPS, GROUPS)
def test_every_flag_of_the_service_is_there_with_its_values_and_no_other_is_lost(
    runtime: list[tuple[str, list[str]]], service: list[tuple[str, list[str]]]
) -> None:
    merged = merge_arguments(flat(runtime), flat(service))
    expected = dict(runtime) | dict(service)
    assert merged == flat(list(expected.items()))


@given(GROUPS)
def test_merging_the_same_again_changes_nothing(groups: list[tuple[str, list[str]]]) -> None:
    assert merge_arguments(flat(groups), flat(groups)) == flat(groups)
    assert merge_arguments(flat(groups), ()) == flat(groups)


@pytest.mark.parametrize(
    ("words", "changed", "found"),
    [
        (["--tp-size", "1", "--x"], ("--tp-size", "4", "--x"), {"tensor"}),
        (["--tensor-parallel-size=1", "--pp=1"], ("--tensor-parallel-size=4", "--pp=2"), {"tensor", "pipeline"}),
        (["run --tp 1 --dp-size=9 --x"], ("run --tp 4 --dp-size=1 --x",), {"tensor", "data"}),
        (["--tp-size-limit", "1", "--http", "2"], ("--tp-size-limit", "1", "--http", "2"), set()),
        (["--tp"], ("--tp",), set()),
        (
            ["--tp", "8", "--dp", "8", "--enable-dp-attention"],
            ("--tp", "4", "--dp", "8", "--enable-dp-attention"),
            {"tensor"},
        ),
        (
            ["run --tp 8 --dp-size=8 --enable-dp-attention --x"],
            ("run --tp 4 --dp-size=8 --enable-dp-attention --x",),
            {"tensor"},
        ),
        (["--dp", "8", "--enable-dp-attention-x"], ("--dp", "1", "--enable-dp-attention-x"), {"data"}),
    ],
)
def test_sizes_are_written_over_flags(words: list[str], changed: tuple[str, ...], found: set[str]) -> None:
    assert set_parallelism(words, Parallelism(tensor=4, pipeline=2)) == (changed, frozenset(found))


@pytest.mark.parametrize(
    ("command", "is_script"),
    [
        (["bash", "-c"], True),
        (["/bin/sh", "-lc", "--"], True),
        (["bash", "run.sh"], False),
        (["python", "-c"], False),
        ([], False),
    ],
)
def test_shell_scripts_are_known(command: list[str], is_script: bool) -> None:
    assert is_shell_script(command) is is_script
