"""What the local runner cannot do it names before anything starts; so are mistakes of every kind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import local
from pipelines.run_record import list_runs
from pipelines.runner import supported
from steps.errors import InvalidInputError, NotFoundError, OmeError, UnsupportedError
from tests.pipelines.workflows import Workflow, graph, script, workflow

TABLES: dict[str, Mapping[str, str]] = {
    name: table for name, table in vars(supported).items() if name.isupper() and isinstance(table, Mapping)
}
A = {"name": "a", "template": "work"}
B = {"name": "b", "template": "work", "depends": "a"}


def with_task(**fields: object) -> Workflow:
    return workflow(graph([A, {**B, **fields}]), script("work", "pass"))


def with_script(**fields: object) -> Workflow:
    work = script("work", "pass")
    work["script"] |= fields
    return workflow(work)


def with_template(**fields: object) -> Workflow:
    return workflow(script("work", "pass", **fields))


def with_output(value: str) -> Workflow:
    outputs = {"parameters": [{"name": "x", "valueFrom": {"parameter": value}}]}
    return workflow(graph([A], outputs=outputs), script("work", "pass"))


def with_spec(**fields: object) -> Workflow:
    return workflow(script("work", "pass"), **fields)


def refused(document: Workflow, error: type[OmeError], words: str, arguments: dict[str, object] | None = None) -> None:
    with pytest.raises(error) as caught:
        local.run(document, arguments, templates={})
    told = f"{caught.value.message} {caught.value.remedy}"
    assert all(word in told for word in words.split()), told
    assert list_runs() == []


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (workflow({"name": "t", "resource": {"action": "get"}}), '"t" "resource"'),
        (workflow({"name": "t", "suspend": {}}), '"t" "suspend"'),
        (workflow({"name": "t", "http": {"url": "x"}}), '"t" "http"'),
        (workflow({"name": "t", "containerSet": {}}), "containerSet"),
        (with_template(daemon=True), "daemon"),
        (with_template(memoize={"key": "x"}), "memoize"),
        (with_template(sidecars=[{}]), "sidecars"),
        (with_template(failFast=True), "failFast"),
        (with_template(synchronization={"semaphores": [{}]}), "semaphores"),
        (with_template(outputs={"parameters": [{"name": "x", "valueFrom": {"path": "/etc/x"}}]}), "/etc/x /tmp/ome/"),
        (with_template(outputs={"artifacts": [{"name": "x", "path": "/tmp/ome/../x"}]}), "/tmp/ome/../x"),
        (with_template(inputs={"artifacts": [{"name": "x", "path": "/tmp/ome/x", "s3": {"key": "k"}}]}), '"s3"'),
        (with_script(envFrom=[{}]), "envFrom"),
        (with_script(workingDir="/app"), "workingDir"),
        (with_script(source="{{=sprig.date()}}"), "sprig.date"),
        (with_task(inline={}), '"b" "inline"'),
        (with_task(withSequence={"count": 3}), "withSequence"),
        (with_task(hooks={"running": {"template": "work"}}), "running"),
        (with_task(hooks={"exit": {"template": "work", "expression": "true"}}), "expression"),
        (with_task(depends="a.Daemoned"), "Daemoned"),
        (with_spec(templateDefaults={"timeout": "1s"}), "templateDefaults"),
        (with_spec(volumeClaimTemplates=[{}]), "volumeClaimTemplates"),
        (with_spec(hooks={"running": {"template": "work"}}), "running"),
        ({**with_spec(), "kind": "CronWorkflow"}, "CronWorkflow"),
    ],
    ids=lambda value: value.replace("/", "-") if isinstance(value, str) else "",
)
def test_what_only_a_cluster_can_do_is_named(document: Workflow, words: str) -> None:
    refused(document, UnsupportedError, words)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (with_task(depends="c"), '"b" "c" a, b'),
        (with_task(depends="b"), '"b" itself'),
        (with_task(depends="a &&"), "a &&"),
        (with_task(depends="a", dependencies=["a"]), '"b" dependencies'),
        (with_task(when="a-b == c"), "a-b == c"),
        (with_task(arguments={"parameters": [{"name": "x", "value": "1"}]}), '"work" "x"'),
        (with_task(withItems=["{{tasks.c.outputs.result}}"]), "tasks.c.outputs.result"),
        (with_task(when="{{tasks.a.outputs.parameters.x}} == y"), "tasks.a.outputs.parameters.x"),
        (with_task(when="{{item}} == y"), "item"),
        (with_task(template=None), '"b" template'),
        (with_script(source="{{workflow.parameters.x}}"), "workflow.parameters.x"),
        (with_script(source="{{inputs.parameters.x}}"), "inputs.parameters.x"),
        (with_script(command=None), "command"),
        (with_template(retryStrategy={"limit": "many"}), "many"),
        (with_template(outputs={"parameters": [{"name": "x"}]}), '"x" path'),
        (with_output(value="{{=jsonpath(tasks.a.outputs.result, '$')}}"), "jsonpath valueFrom.expression"),
        (with_output(value="said {{tasks.a.outputs.result}}"), '"said valueFrom.parameter'),
        (with_template(container={"image": "x"}), '"work" script container'),
        (workflow({"name": "t"}), '"t" empty'),
        (with_spec(entrypoint=None), "entrypoint"),
        (with_spec(arguments={"parameters": [{"name": "x"}]}), '"x" value'),
        (with_spec(arguments={"parameters": [{"name": "x", "value": "c", "enum": ["a", "b"]}]}), '"c" a, b'),
    ],
)
def test_mistakes_are_named(document: Workflow, words: str) -> None:
    refused(document, InvalidInputError, words)


def test_what_is_not_there_is_named() -> None:
    refused(with_task(template="missing"), NotFoundError, '"missing" main, work')
    refused(with_task(template=None, templateRef={"name": "no", "template": "x"}), NotFoundError, '"no"')
    refused(with_spec(onExit="missing"), NotFoundError, '"missing"')
    with pytest.raises(InvalidInputError, match='"nothing"'):
        local.run("nothing", templates={})


def test_unknown_arguments_are_named() -> None:
    document = with_spec(arguments={"parameters": [{"name": "uri", "value": ""}]})
    refused(document, InvalidInputError, '"url" uri', {"url": "x"})


def test_a_name_is_used_once(home: Path) -> None:
    assert local.run(with_spec(), templates={}, name="mine").phase == "Succeeded"
    with pytest.raises(InvalidInputError, match="exists already"):
        local.run(with_spec(), templates={}, name="mine")
    with pytest.raises(InvalidInputError, match="../mine"):
        local.run(with_spec(), templates={}, name="../mine")


def test_what_matters_only_on_a_cluster_is_passed_over() -> None:
    cluster_only: dict[str, object] = {
        field: {} for field, fate in supported.TEMPLATE.items() if fate == supported.CLUSTER
    }
    spec_only: dict[str, object] = {
        field: {} for field, fate in supported.WORKFLOW.items() if fate == supported.CLUSTER
    }
    work = script("work", "pass", **cluster_only)
    work["script"] |= {field: {} for field, fate in supported.CONTAINER.items() if fate == supported.CLUSTER}
    assert local.run(workflow(work, **spec_only), templates={}).phase == "Succeeded"


@pytest.mark.parametrize(
    ("table", "field"),
    [(n, f) for n, table in TABLES.items() for f, fate in table.items() if isinstance(fate, supported.Refused)],
)
def test_every_refused_field_of_the_table_is_refused_with_its_reason(table: str, field: str) -> None:
    with pytest.raises(UnsupportedError, match=f'thing uses "{field}", which '):
        supported.check_fields("thing", {field: {"x": 1}}, TABLES[table])
    supported.check_fields("thing", {field: None}, TABLES[table])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(place=st.integers(0, 6), field=st.from_regex(r"[a-z][a-zA-Z]{3,12}", fullmatch=True))
def test_no_unknown_field_passes_anywhere(place: int, field: str) -> None:
    """A field that no table has is refused by name, wherever it stands."""
    if any(field in table for table in TABLES.values()):
        return
    made: Any = with_task(continueOn=None)
    work = script("work", "pass", retryStrategy={"limit": 1}, inputs={"parameters": [{"name": "x", "default": ""}]})
    made["spec"]["templates"][1] = work
    dag = made["spec"]["templates"][0]["dag"]
    place_of = [
        made["spec"],
        work,
        work["script"],
        dag,
        dag["tasks"][1],
        work["retryStrategy"],
        work["inputs"]["parameters"][0],
    ]
    place_of[place][field] = {"x": 1}
    with pytest.raises(UnsupportedError, match=field):
        local.run(made, templates={})
