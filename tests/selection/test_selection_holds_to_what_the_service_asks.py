"""Constraints, policy and tolerations of a service, as inputs of select-runtime: none of them is ignored."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crds.accelerator_selector import AcceleratorConstraints
from crds.serving_runtime import ServingRuntimeSpec
from steps.choice import Choice
from steps.contract import find_step, read_inputs
from steps.errors import DoesNotFitError, InvalidInputError
from steps.resources import ResourceFolder
from steps.select_runtime import SelectInputs, select_runtime
from steps.selection.nodes import Node, Taint
from steps.selection.request import SelectionRequest
from steps.selection.selector import select
from steps.selection.taints import tolerations_of
from tests.selection.objects import CLASSES, H100_NODE, LLAMA_8B, MODEL, SMOLLM2, gpu
from tests.serving_cluster.made_up import engine_pod, rendered, runtime, service

SERVER = {
    "apiVersion": "ome.io/v1beta1",
    "kind": "ClusterServingRuntime",
    "metadata": {"name": "server"},
    "spec": {
        "supportedModelFormats": [{"modelFormat": {"name": "gguf"}, "autoSelect": True}],
        "containers": [{"name": "ome-container", "command": ["true"]}],
    },
}
"""It runs on anything."""
DEDICATED = Taint(key="dedicated", value="llm", effect="NoSchedule")
OURS = {"key": "dedicated", "operator": "Equal", "value": "llm", "effect": "NoSchedule"}


@pytest.fixture
def classes() -> None:
    """Two classes that this machine has, one cheaper, one with a feature."""
    folder = ResourceFolder()
    folder.apply(SERVER)
    for name, price, features in (("dear", "2", ["amx"]), ("thrifty", "1", [])):
        spec = {
            "family": "cpu",
            "discovery": {},
            "capabilities": {"features": features},
            "cost": {"perHour": price},
        }
        metadata = {"name": name}
        folder.apply({"apiVersion": "ome.io/v1beta1", "kind": "AcceleratorClass", "metadata": metadata, "spec": spec})


def chosen(**parameters: str) -> Choice:
    """As the step's template hands them on: all are text."""
    inputs = read_inputs(find_step("select-runtime"), {"model": "smollm2", **parameters})
    assert isinstance(inputs, SelectInputs)
    return select_runtime(inputs.model_copy(update={"facts": SMOLLM2})).choice


def test_constraints_decide_the_class(classes: None) -> None:
    assert chosen(constraints='{"requiredFeatures": ["amx"]}').accelerator == "dear"
    assert chosen(constraints='[{"excludedClasses": ["dear"]}]').accelerator == "thrifty"
    with pytest.raises(DoesNotFitError) as refused:
        chosen(constraints='[{"requiredFeatures": ["amx"]}, {"excludedClasses": ["dear"]}]')
    assert "dear (it is excluded by the constraints)" in refused.value.message
    assert "it lacks the feature amx" in refused.value.message


def test_the_policy_decides_among_classes(classes: None) -> None:
    assert chosen(policy="Cheapest").accelerator == "thrifty"
    assert chosen(policy="FirstAvailable").accelerator == "dear"


def test_nothing_asked_is_as_before(classes: None) -> None:
    assert chosen().accelerator == ""
    assert chosen(constraints="[]", policy="", tolerations="") == chosen()


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"constraints": '{"minMem": 80}'}, "minMem is unknown; accepted: minMemory, maxMemory"),
        ({"constraints": '{"minMemory": 80, "maxMemory": 40}'}, "minMemory 80 is more than maxMemory 40"),
        ({"constraints": "80Gi"}, 'parameter constraints is "80Gi"'),
        ({"policy": "Dearest"}, "'FirstAvailable'"),
        ({"tolerations": '["dedicated"]'}, 'parameter tolerations.0 is "dedicated"'),
    ],
)
def test_what_cannot_be_read_is_named(parameters: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        chosen(**parameters)
    assert told in refused.value.message


def on_tainted_node(of_service: list[dict[str, Any]] | None, **engine: Any) -> Choice:
    node: Node = H100_NODE.model_copy(update={"taints": (DEDICATED,)})
    here = gpu("vllm", engineConfig={"runner": {"command": ["vllm"]}, **engine})
    request = SelectionRequest(tolerations=None if of_service is None else tuple(of_service))
    return select(LLAMA_8B, MODEL, [here], CLASSES, [node], request)


def test_a_tainted_node_counts_for_a_service_that_tolerates_it() -> None:
    with pytest.raises(DoesNotFitError, match=r"do not tolerate their taints \(dedicated\)"):
        on_tainted_node(None)
    assert on_tainted_node([OURS]).accelerator == "h100"
    assert on_tainted_node(None, tolerations=[OURS]).accelerator == "h100"


def test_the_services_tolerations_take_the_place_of_the_runtimes() -> None:
    with pytest.raises(DoesNotFitError, match="taints"):
        on_tainted_node([{"key": "other", "operator": "Exists"}], tolerations=[OURS])


_tolerations = st.none() | st.lists(st.fixed_dictionaries({"key": st.sampled_from("abc")}), max_size=3)


@given(of_runtime=_tolerations, of_service=_tolerations)
def test_selection_counts_the_tolerations_that_pods_are_rendered_with(
    of_runtime: list[dict[str, str]] | None, of_service: list[dict[str, str]] | None
) -> None:
    def part(tolerations: list[dict[str, str]] | None) -> dict[str, Any]:
        return {} if tolerations is None else {"tolerations": tolerations}

    config = {"runner": {"name": "ome-container", "image": "serve:1"}, **part(of_runtime)}
    pod = engine_pod(rendered(service(engine=part(of_service)), runtime(engineConfig=config)))
    spec = ServingRuntimeSpec.from_dict({"supportedModelFormats": [], "engineConfig": config})
    assert list(tolerations_of(spec, of_service)) == pod.get("tolerations", [])


def test_constraints_of_the_step_are_those_of_the_api() -> None:
    body = {"minMemory": 40, "minComputePerformanceTFLOPS": 300, "architectureFamilies": ["nvidia-hopper"]}
    inputs = read_inputs(find_step("select-runtime"), {"constraints": json.dumps([body])})
    assert isinstance(inputs, SelectInputs)
    assert inputs.constraints == (AcceleratorConstraints.from_dict(body),)
