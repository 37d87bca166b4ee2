"""The rules for workflow templates, checked on the generated dictionaries; they are written for Argo 3.7 and 4.1."""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from argo_workflows import ApiClient, Configuration  # type: ignore[import-untyped]  # ships no types
from argo_workflows.exceptions import OpenApiException  # type: ignore[import-untyped]  # ships no types
from argo_workflows.model.io_argoproj_workflow_v1alpha1_workflow_template import (  # type: ignore[import-untyped]
    IoArgoprojWorkflowV1alpha1WorkflowTemplate,
)
from pydantic import Field

from pipelines.export import templates
from pipelines.runner.substitution import substitute
from pipelines.runner.workflow_check import check_workflow
from pipelines.runner.workflow_source import Workflow
from pipelines.templates.step_template import Limits, script_template
from steps.contract import CATALOGUE, Step, StepInputs, StepOutputs, find_step, to_parameter
from steps.errors import CLASSES

ALL = templates()
NAMES = list(ALL)
TITLE, DESCRIPTION = "workflows.argoproj.io/title", "workflows.argoproj.io/description"
TEMPLATE_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
PARAMETER_NAME = re.compile(r"[-a-zA-Z0-9_]+")
PIPELINES = [name for name in NAMES if name != "ome-steps"]


def parts(name: str, kind: str) -> list[dict[str, Any]]:
    return [t for t in ALL[name]["spec"]["templates"] if kind in t]


ON_THE_NODE = ("cache-model", "evict-model", "audit-cache")
"""Steps that write to the models root of a node, which belongs to root."""
SCRIPTS = [t for name in NAMES for t in parts(name, "script")]


def parameters(value: object) -> Iterator[dict[str, Any]]:
    """Every declared parameter: workflow arguments, inputs and outputs of templates (not the arguments of tasks)."""
    assert isinstance(value, dict)
    yield from value["spec"].get("arguments", {}).get("parameters", [])
    for template in value["spec"]["templates"]:
        yield from template.get("inputs", {}).get("parameters", [])
        yield from template.get("outputs", {}).get("parameters", [])


def test_there_are_these_templates() -> None:
    assert NAMES == [
        "onboard-model", "import-model", "parse-model", "check-fit", "select-runtime", "deploy-model",
        "benchmark-endpoint",
        "read-claim", "check-revision", "evict-model", "audit-cache", "ome-steps",
    ]  # fmt: skip
    assert [t["name"] for t in ALL["ome-steps"]["spec"]["templates"]] == list(CATALOGUE)


@pytest.mark.parametrize("name", NAMES)
def test_title_description_and_version_are_on_the_template_and_on_its_runs(name: str) -> None:
    metadata, runs = ALL[name]["metadata"], ALL[name]["spec"]["workflowMetadata"]
    for holder in (metadata, runs):
        assert holder["annotations"][TITLE] and holder["annotations"][DESCRIPTION].endswith(".")
        assert re.fullmatch(r"\d+\.\d+\.\d+.*", holder["labels"]["app.kubernetes.io/version"])
    assert len(name) <= 63


@pytest.mark.parametrize("name", PIPELINES)
def test_the_entrypoint_list_is_short(name: str) -> None:
    assert [t["name"] for t in ALL[name]["spec"]["templates"]] == [name] == [ALL[name]["spec"]["entrypoint"]]


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_has_a_description_and_a_default(name: str) -> None:
    for parameter in parameters(ALL[name]):
        assert parameter["description"], parameter
        default = parameter.get("value", parameter.get("default", parameter.get("valueFrom", {}).get("default")))
        assert isinstance(default, str), parameter
        assert PARAMETER_NAME.fullmatch(parameter["name"])
        if "enum" in parameter:
            assert default in parameter["enum"]


def test_choices_are_drop_downs() -> None:
    found = {p["name"]: p["enum"] for name in NAMES for p in parameters(ALL[name]) if "enum" in p}
    assert found["scope"] == ["ClusterBaseModel", "BaseModel"]
    assert found["fit"] == ["warn", "enforce", "off"]
    assert found["benchmark"] == ["yes", "no"]


@pytest.mark.parametrize("name", NAMES)
def test_names_and_sizes_are_within_argos_limits(name: str) -> None:
    spec = ALL[name]["spec"]
    assert len(spec["templates"]) <= 200
    assert len(spec.get("arguments", {}).get("parameters", [])) <= 500
    assert len(json.dumps(ALL[name])) < 100_000
    for template in spec["templates"]:
        assert TEMPLATE_NAME.fullmatch(template["name"])
        tasks = template.get("dag", {}).get("tasks", [])
        assert len(tasks) <= 200
        assert len({task["name"] for task in tasks}) == len(tasks)
        for task in tasks:
            assert TEMPLATE_NAME.fullmatch(task["name"])
            assert not ("depends" in task and ("dependencies" in task or "continueOn" in task))


@pytest.mark.parametrize("name", NAMES)
def test_runs_end_and_are_cleaned_up(name: str) -> None:
    spec = ALL[name]["spec"]
    assert spec["activeDeadlineSeconds"] > 0
    assert spec["ttlStrategy"]["secondsAfterSuccess"] <= spec["ttlStrategy"]["secondsAfterFailure"]
    assert spec["podGC"]["strategy"] == "OnWorkflowSuccess"
    assert spec["serviceAccountName"] == "ome-import"


READERS = {"resolve-model", "check-revision", "parse-model", "cache-model", "audit-cache"}
WITH_A_SECRET = READERS | {"upload-report"}


@pytest.mark.parametrize("template", SCRIPTS, ids=lambda t: t["name"])
def test_step_pods_are_bounded_and_have_no_rights(template: dict[str, Any]) -> None:
    script = template["script"]
    assert script["command"] == ["python"]
    assert script["args"] == ["-m", "steps", template["name"]]
    assert script["source"] == "{{inputs.parameters}}"
    assert set(script["resources"]) == {"requests", "limits"}
    assert template["activeDeadlineSeconds"] > 0
    is_root = template["name"] in ON_THE_NODE
    assert template["securityContext"].get("runAsNonRoot", False) is not is_root
    assert (template["securityContext"]["runAsUser"] == 0) is is_root
    assert template["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert script["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    root = [{"name": "models", "hostPath": {"path": "/mnt/models", "type": "DirectoryOrCreate"}}]
    reads = template["name"] == "benchmark-endpoint"
    asks = template["name"] in WITH_A_SECRET
    named = "{{=inputs.parameters.secret == '' ? 'none' : inputs.parameters.secret}}"
    secret = [{"name": "credentials", "secret": {"secretName": named, "optional": True}}] if asks else []
    assert template["volumes"] == [{"name": "tmp", "emptyDir": {}}, *(root if is_root or reads else []), *secret]
    mount = {"name": "models", "mountPath": "/mnt/models", "readOnly": reads}
    keys = [{"name": "credentials", "mountPath": "/run/ome/credentials", "readOnly": True}] if asks else []
    place = {"name": "tmp", "mountPath": "/tmp"}
    assert script["volumeMounts"] == [place, *([mount] if is_root or reads else []), *keys]


def variables(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in template["script"]["env"]}


def test_a_token_reaches_only_the_steps_that_read_a_source() -> None:
    readers = {t["name"] for t in SCRIPTS if "HF_TOKEN" in variables(t)}
    assert readers == READERS
    assert all(variables(t)["HF_TOKEN"].get("value") is None for t in SCRIPTS if t["name"] in readers)


@pytest.mark.parametrize("template", SCRIPTS, ids=lambda t: t["name"])
def test_a_step_learns_where_it_is_from_its_pod_and_nothing_on_one_machine(template: dict[str, Any]) -> None:
    given = {name for name, variable in variables(template).items() if "valueFrom" not in variable}
    makes_pods = {"OME_STEP_IMAGE"} if template["name"] == "read-claim" else set()
    mounts = {"OME_SOURCE_SECRET"} if template["name"] in WITH_A_SECRET else set()  # a folder that one machine has not
    assert given == {"OME_STEP_ROOT", "OME_WORKFLOW_UID"} | makes_pods | mounts
    paths = {n: v["valueFrom"]["fieldRef"]["fieldPath"] for n, v in variables(template).items()
             if "fieldRef" in v.get("valueFrom", {})}  # fmt: skip
    assert paths == {
        "OME_CLUSTER_NAMESPACE": "metadata.namespace",
        "OME_NODE": "spec.nodeName",
        "OME_WORKFLOW": "metadata.labels['workflows.argoproj.io/workflow']",
    }


def test_each_step_has_the_account_with_its_rights() -> None:
    assert {t["name"]: t["serviceAccountName"] for t in SCRIPTS} == {
        "resolve-model": "ome-import", "parse-model": "ome-import", "publish-model": "ome-import",
        "check-revision": "ome-import",
        "cache-model": "ome-cache", "evict-model": "ome-cache", "find-nodes": "ome-cache", "audit-cache": "ome-cache",
        "select-runtime": "ome-deploy", "deploy-service": "ome-deploy",
        "ask-endpoint": "ome-measure", "benchmark-endpoint": "ome-measure", "read-claim": "ome-claim",
        "upload-report": "ome-upload",
    }  # fmt: skip


@pytest.mark.parametrize("template", SCRIPTS, ids=lambda t: t["name"])
def test_steps_are_tried_again_by_the_class_of_their_exit_code(template: dict[str, Any]) -> None:
    retry = template["retryStrategy"]
    codes = json.loads(retry["expression"].partition(" in ")[2].partition(" || ")[0])
    assert codes == [c.exit_code for c in CLASSES if c.retryable]
    assert int(retry["limit"]) >= 1 and retry["backoff"]["duration"]


@pytest.mark.parametrize("template", SCRIPTS, ids=lambda t: t["name"])
def test_a_steps_template_says_what_its_types_say(template: dict[str, Any]) -> None:
    step = find_step(template["name"])
    assert [p["name"] for p in template["inputs"]["parameters"]] == list(step.inputs.model_fields)
    assert {p["name"]: p["valueFrom"] for p in template["outputs"]["parameters"]} == {
        name: {"path": f"/tmp/ome/outputs/{name}", "default": ""} for name in step.outputs.model_fields
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_local_runner_honours_every_template(name: str) -> None:
    workflow = Workflow(ALL[name], ALL)
    check_workflow(workflow, workflow.arguments({}))


def test_a_step_of_any_type_becomes_a_template() -> None:
    class Inputs(StepInputs):
        size: Literal["small", "large"] = Field(default="small", description="How large.")
        names: tuple[str, ...] = Field(default=("a", "b"), description="Names.")
        needed: str = Field(description="Has no default.")
        limit: float | None = Field(default=None, description="May be absent.")

    class Outputs(StepOutputs):
        answer: str = Field(description="The answer.")

    def function(inputs: Inputs) -> Outputs:
        return Outputs(answer=inputs.needed)

    step = Step("try-out", "Try out", "Tries.", Inputs, Outputs, function)
    built = script_template(step, Limits(60, mutex="one-{{inputs.parameters.size}}"))._build_template()
    made = json.loads(built.model_dump_json(by_alias=True, exclude_none=True))
    assert made["inputs"]["parameters"] == [
        {"name": "size", "description": "How large.", "default": "small", "enum": ["small", "large"]},
        {"name": "names", "description": "Names.", "default": '["a","b"]'},
        {"name": "needed", "description": "Has no default.", "default": ""},
        {"name": "limit", "description": "May be absent.", "default": ""},
    ]
    assert made["synchronization"] == {"mutexes": [{"name": "one-{{inputs.parameters.size}}"}]}
    assert to_parameter(("a", "b")) == '["a","b"]'


def test_two_benchmarks_of_one_endpoint_take_turns() -> None:
    (benchmark,) = [t for t in SCRIPTS if t["name"] == "benchmark-endpoint"]
    (mutex,) = benchmark["synchronization"]["mutexes"]

    def lock(name: str, endpoint: dict[str, str]) -> str:
        values = {"inputs.parameters.name": name, "inputs.parameters.endpoint": json.dumps(endpoint)}
        return str(substitute(mutex["name"], values.get))

    one = {"url": "http://chat.team.svc:80", "modelName": "a", "service": "chat", "namespace": "team"}
    of_another_job = lock("nightly", {"model_name": "a", "url": "http://chat.team.svc:80"})
    assert lock("first", one) == of_another_job
    assert lock("first", {**one, "url": "http://search.team.svc:80"}) != of_another_job


def test_nothing_is_fetched_before_it_is_known_to_run() -> None:
    tasks = {task["name"]: task for task in ALL["onboard-model"]["spec"]["templates"][0]["dag"]["tasks"]}
    assert [(name, task.get("depends")) for name, task in tasks.items()] == [
        ("resolve", None), ("parse", "resolve"), ("select", "parse"), ("cache", "select"), ("publish", "cache"),
        ("deploy", "publish"), ("ask", "deploy"), ("benchmark", "ask"),
    ]  # fmt: skip
    checked = {task["name"]: task for task in ALL["check-fit"]["spec"]["templates"][0]["dag"]["tasks"]}
    assert [(name, task.get("depends")) for name, task in checked.items()] == [
        ("resolve", None), ("parse", "resolve"), ("select", "parse"),
    ]  # fmt: skip
    assert {"name": "fit", "value": "enforce"} in checked["select"]["arguments"]["parameters"]
    imported = {task["name"]: task for task in ALL["import-model"]["spec"]["templates"][0]["dag"]["tasks"]}
    assert imported["parse"]["depends"] == imported["cache"]["depends"] == "resolve"
    assert imported["cache"]["withParam"] == "{{workflow.parameters.nodes}}"


@pytest.mark.parametrize("image", ["registry.test/ome-steps:1.2.3", "registry.test/ome-steps@sha256:" + "a" * 64])
def test_one_setting_names_the_image(image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OME_STEP_IMAGE", image)
    steps = {t["name"]: t for t in templates()["ome-steps"]["spec"]["templates"]}
    images = {name: template["script"]["image"] for name, template in steps.items()}
    assert variables(steps["read-claim"])["OME_STEP_IMAGE"]["value"] == image
    assert images.pop("benchmark-endpoint").startswith("ome-benchmark:")  # it alone needs the load generator
    assert set(images.values()) == {image}


def test_hera_cannot_put_its_own_image_in(tmp_path: Path) -> None:
    """Even a script made with Hera's decorator, in the package's surroundings, gets the step image."""
    code = (
        "import pipelines.templates\n"
        "from hera.workflows import Workflow, script\n"
        "@script()\n"
        "def hello(): pass\n"
        "with Workflow(name='w', entrypoint='hello') as w: hello()\n"
        "print(w.to_dict()['spec']['templates'][0]['script']['image'])"
    )
    (tmp_path / "made.py").write_text(code)
    made = subprocess.run([sys.executable, str(tmp_path / "made.py")], capture_output=True, text=True, check=True)
    assert made.stdout.startswith("ome-steps:")


def test_the_command_line_starts_without_hera() -> None:
    code = "import sys, pipelines, pipelines.run_events, pipelines.local; sys.exit('hera' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def as_the_sdk_reads(value: object, key: str = "") -> object:
    """The same with numbers as text where Argo takes both and the frozen SDK only text."""
    if isinstance(value, dict):
        return {k: as_the_sdk_reads(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [as_the_sdk_reads(item) for item in value]
    return str(value) if key in ("limit", "factor", "activeDeadlineSeconds") and isinstance(value, int) else value


def second_opinion(template: dict[str, Any]) -> None:
    """Load the template with Argo's own SDK models: types and required fields must be right, and no field unknown."""
    document = as_the_sdk_reads(template)
    assert isinstance(document, dict)
    document["spec"]["activeDeadlineSeconds"] = template["spec"]["activeDeadlineSeconds"]
    configuration = Configuration()
    configuration.discard_unknown_keys = False
    client = ApiClient(configuration)
    response = SimpleNamespace(data=json.dumps(document))
    loaded = client.deserialize(response, (IoArgoprojWorkflowV1alpha1WorkflowTemplate,), True)
    assert client.sanitize_for_serialization(loaded) == document
    check_known(loaded)


def check_known(value: Any) -> None:
    """Fail on a field that the SDK's model does not name: it keeps those, where the API server would drop them."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            check_known(item)
    elif hasattr(value, "openapi_types"):
        fields = value._data_store
        assert set(fields) <= set(value.openapi_types), set(fields) - set(value.openapi_types)
        for item in fields.values():
            check_known(item)


@pytest.mark.parametrize("name", NAMES)
def test_argos_own_models_load_every_template(name: str) -> None:
    second_opinion(ALL[name])


@pytest.mark.parametrize(
    ("field", "value"), [("entrypointt", "x"), ("templates", [{"dag": {"tasks": [{"naem": "x"}]}}])]
)
def test_argos_own_models_refuse_what_hera_would_drop(field: str, value: object) -> None:
    broken = copy.deepcopy(ALL["parse-model"])
    broken["spec"][field] = value
    with pytest.raises((OpenApiException, TypeError, AssertionError)):
        second_opinion(broken)
