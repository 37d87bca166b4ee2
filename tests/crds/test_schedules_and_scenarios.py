"""Cron schedules as Argo reads them, and traffic scenarios as genai-bench reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crds.cron import checked_schedule, checked_time_zone
from crds.problems import FieldError
from crds.scenario import FORMS, TASKS, Scenario, parse_scenario


@pytest.mark.parametrize(
    "schedule",
    ["* * * * *", "0 3 * * MON-FRI", "*/15 0-6,18-23 1,15 jan,JUL ?", "0 0 29 2 *", "59 23 31 12 6", "5/20 * * * *",
     "0-30/10 * * * *", "0 0 31 2 MON", "@daily", "@hourly", "@every 90m", "@every 1h30m", "0  3  *  *  *"],
)  # fmt: skip
def test_schedules_that_argo_takes(schedule: str) -> None:
    assert checked_schedule(schedule) == schedule


@pytest.mark.parametrize(
    ("schedule", "wrong"),
    [
        ("", "has 0 fields where five are expected"),
        ("* * * *", "has 4 fields where five are expected"),
        ("0 0 3 * * *", "has 6 fields where five are expected"),
        ("60 * * * *", 'has "60" as minute'),
        ("* 24 * * *", 'has "24" as hour'),
        ("* * 0 * *", 'has "0" as day of month'),
        ("* * * 13 *", 'has "13" as month'),
        ("* * * * 7", 'has "7" as day of week'),
        ("* * * * SUNDAY", 'has "SUNDAY" as day of week'),
        ("MON * * * *", 'has "MON" as minute'),
        ("*/0 * * * *", 'has "*/0" as minute'),
        ("30-10 * * * *", 'has "30-10" as minute'),
        ("1, * * * *", 'has "" as minute'),
        ("*-5 * * * *", 'has "*-5" as minute'),
        ("0 0 30 2 *", "never comes: its months have no day 30"),
        ("0 0 31 4,6,9,11 *", "never comes: its months have no day 31"),
        ("@nightly", 'is not a schedule; did you mean "@midnight"?'),
        ("@every", "has no duration such as 90m or 1h30m"),
        ("@every 0s", "is no time at all"),
        ("TZ=UTC * * * * *", "has a time zone in it"),
    ],
)
def test_schedules_that_argo_refuses(schedule: str, wrong: str) -> None:
    with pytest.raises(FieldError) as caught:
        checked_schedule(schedule)
    assert caught.value.message == f'"{schedule}" {wrong}'
    assert caught.value.accepted


_bounds = [(0, 59), (0, 23), (1, 28), (1, 12), (0, 6)]


@given(st.tuples(*(st.lists(st.integers(low, high), min_size=1, max_size=3) for low, high in _bounds)))
def test_any_lists_in_range_are_a_schedule(lists: tuple[list[int], ...]) -> None:
    checked_schedule(" ".join(",".join(map(str, numbers)) for numbers in lists))


@given(st.text() | st.text("*?/-,0123456789 @MONJAevry", max_size=30))
def test_any_text_is_a_schedule_or_an_error_of_its_own(text: str) -> None:
    try:
        checked_schedule(text)
    except FieldError as error:
        assert error.accepted


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_time_zones(name: str) -> None:
    assert checked_time_zone(name) == name


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/localtime", "Europe/", "", "a b", "Europe/Berlin\n"])
def test_what_is_no_time_zone(name: str) -> None:
    with pytest.raises(FieldError, match="is not a time zone"):
        checked_time_zone(name)


def test_a_misspelt_time_zone_has_a_suggestion() -> None:
    with pytest.raises(FieldError, match="did you mean"):
        checked_time_zone("Europe/Berlni")


@pytest.mark.parametrize(
    ("text", "task", "scenario"),
    [
        ("D(100,1000)", "text-to-text", Scenario("D", (100, 1000))),
        ("N(480,240)/(300,150)", "text-to-text", Scenario("N", (480, 240), (300, 150))),
        ("U(100,200)", "text-to-text", Scenario("U", (100, 200))),
        ("U(200,100)", "text-to-text", Scenario("U", (200, 100))),
        ("U(50,100)/(200,250)", "text-to-text", Scenario("U", (50, 100), (200, 250))),
        ("E(128)", "text-to-embeddings", Scenario("E", (128,))),
        ("R(1024,100)", "text-to-rerank", Scenario("R", (1024, 100))),
        ("I(512,512)", "image-to-text", Scenario("I", (512, 512))),
        ("I(512,512,2)", "image-text-to-text", Scenario("I", (512, 512, 2))),
        ("I(512,512)", "image-to-embeddings", Scenario("I", (512, 512))),
        ("I(512,512)", "text-to-image", Scenario("I", (512, 512))),
        ("A(100)", "text-to-speech", Scenario("A", (100,))),
        ("dataset", "text-to-text", Scenario("dataset")),
    ],
)
def test_scenarios_of_each_task(text: str, task: str, scenario: Scenario) -> None:
    assert parse_scenario(text, task) == scenario
    assert str(scenario) == text


@pytest.mark.parametrize(
    ("text", "task", "message"),
    [
        ("xD(1,1)", "", '"xD(1,1)" is not a traffic scenario'),
        ("D(1,1)x", "", '"D(1,1)x" is not a traffic scenario'),
        ("D(1, 1)", "", '"D(1, 1)" is not a traffic scenario; write it without blanks'),
        ("Z(1)", "", '"Z(1)" is not a traffic scenario'),
        ("D(1)", "", '"D(1)" has the wrong number of values'),
        ("N(1,1)", "", '"N(1,1)" has the wrong number of values'),
        ("D(1,1)/(1,1)", "", '"D(1,1)/(1,1)" has the wrong number of values'),
        ("E(1,1)", "", '"E(1,1)" has the wrong number of values'),
        ("D(100,0)", "", '"D(100,0)" has a 0 where at least 1 is needed'),
        ("N(0,1)/(1,1)", "", '"N(0,1)/(1,1)" has a 0 where at least 1 is needed'),
        ("U(5,4)/(1,2)", "", '"U(5,4)/(1,2)" has a minimum above its maximum'),
        ("E(128)", "text-to-text", '"E(128)" is no scenario of the task text-to-text'),
        ("D(1,1)", "text-to-embeddings", '"D(1,1)" is no scenario of the task text-to-embeddings'),
        ("I(1,1)", "text-to-rerank", '"I(1,1)" is no scenario of the task text-to-rerank'),
        ("", "", '"" is not a traffic scenario'),
        ("Dataset", "", '"Dataset" is not a traffic scenario'),
    ],
)
def test_what_is_no_scenario(text: str, task: str, message: str) -> None:
    with pytest.raises(FieldError) as caught:
        parse_scenario(text, task)
    assert caught.value.message == message
    assert caught.value.accepted


@given(
    st.text() | st.from_regex(r"[A-Z]\([0-9,]{0,8}\)(/\([0-9,]{0,8}\))?", fullmatch=True),
    st.sampled_from(["", *TASKS]),
)
def test_any_text_is_a_scenario_that_round_trips_or_an_error_of_its_own(text: str, task: str) -> None:
    try:
        scenario = parse_scenario(text, task)
    except FieldError as error:
        assert error.accepted
    else:
        assert parse_scenario(str(scenario), task) == scenario
        assert scenario.kind in TASKS.get(task, tuple(FORMS))
