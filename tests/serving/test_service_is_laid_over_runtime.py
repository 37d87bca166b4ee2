"""The service's engine over the runtime's: strategic merge, arguments, the accelerator's overrides and their order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.choice import Choice, Parallelism
from steps.errors import InvalidInputError
from steps.serving.component import merge_engine, runtime_engine
from steps.serving.strategic_merge import merge

SCALARS = st.integers() | st.text(max_size=3)
TREES = st.recursive(
    SCALARS | st.lists(SCALARS, max_size=2),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "image", "resources"]), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "image", "resources"]), TREES, max_size=4)


def service(engine: dict[str, Any], **annotations: str) -> dict[str, Any]:
    return {"metadata": {"name": "chat", "annotations": annotations}, "spec": {"engine": engine}}


def runtime(**runner: Any) -> dict[str, Any]:
    return {"engineConfig": {"runner": {"name": "ome-container", **runner}}}


def test_lists_merge_by_name_and_one_of_fields_displace_each_other() -> None:
    base = {
        "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}, {"name": "w", "emptyDir": {}}],
        "volumeMounts": [{"mountPath": "/x", "name": "v"}],
        "readinessProbe": {"httpGet": {"path": "/"}, "periodSeconds": 5},
        "command": ["old", "command"],
        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
    }
    change = {
        "env": [{"name": "B", "value": "2"}, {"name": "C", "value": "3"}, {"name": "A", "$patch": "delete"}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
        "volumeMounts": [{"mountPath": "/x", "readOnly": True}],
        "readinessProbe": {"tcpSocket": {"port": 1}},
        "command": ["new"],
        "resources": {"limits": {"cpu": None, "gpu": 1}},
    }
    assert merge(base, change) == {
        "env": [{"name": "B", "value": "2"}, {"name": "C", "value": "3"}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}, {"name": "w", "emptyDir": {}}],
        "volumeMounts": [{"mountPath": "/x", "name": "v", "readOnly": True}],
        "readinessProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 5},
        "command": ["new"],
        "resources": {"limits": {"memory": "1Gi", "gpu": 1}},
    }


@given(OBJECTS, OBJECTS)
def test_merging_keeps_all_of_the_change_and_leaves_its_inputs_alone(
    base: dict[str, Any], change: dict[str, Any]
) -> None:
    before = repr((base, change))
    merged = merge(base, change)
    assert merge(merged, change) == merged
    assert merge(base, {}) == base
    assert set(merged) == set(base) | set(change)
    assert repr((base, change)) == before


def test_arguments_extend_and_override_unless_replaced() -> None:
    spec = runtime(command=["serve"], args=["--a", "1", "--b"])
    change = {"runner": {"name": "ome-container", "args": ["--a", "2", "--c"]}}
    extended = merge_engine(spec, service(change), Choice(runtime="r")).container
    replaced = merge_engine(spec, service(change, **{"ome.io/args": "replace"}), Choice(runtime="r")).container
    assert extended["args"] == ["--a", "2", "--b", "--c"]
    assert replaced["args"] == ["--a", "2", "--c"]
    assert extended["command"] == ["serve"]


def test_flags_cannot_be_merged_into_a_script() -> None:
    spec = runtime(command=["bash", "-c"], args=["serve --a 1"])
    change = {"runner": {"args": ["--b"]}}
    with pytest.raises(InvalidInputError, match="bash -c runs a script"):
        merge_engine(spec, service(change), Choice(runtime="r"))
    replaced = merge_engine(spec, service(change, **{"ome.io/args": "replace"}), Choice(runtime="r")).container
    assert replaced["args"] == ["--b"]


def test_accelerator_overrides_lie_between_runtime_and_service() -> None:
    spec = runtime(
        command=["serve"],
        args=["--tp", "1", "--mem", "0.5", "--x"],
        env=[{"name": "KEPT", "value": "runtime"}, {"name": "MODE", "value": "runtime"}],
    ) | {
        "supportedModelFormats": [
            {"acceleratorConfig": {"h100": {"environmentOverride": {"MODE": "wrong"}}}},
            {
                "acceleratorConfig": {
                    "h100": {
                        "environmentOverride": {"MODE": "h100", "LEVEL": "h100"},
                        "runtimeArgsOverride": ["--mem=0.9", "--fp8"],
                    }
                }
            },
        ]
    }
    change = {"runner": {"args": ["--x", "on"], "env": [{"name": "LEVEL", "value": "service"}]}}
    choice = Choice(runtime="r", accelerator="h100", matched_entry=1, parallelism=Parallelism(tensor=8))
    merged = merge_engine(spec, service(change), choice)
    assert merged.container["args"] == ["--tp", "8", "--mem=0.9", "--x", "on", "--fp8"]
    assert {v["name"]: v["value"] for v in merged.container["env"]} == {
        "KEPT": "runtime", "MODE": "h100", "LEVEL": "service",
    }  # fmt: skip
    assert not merged.warnings
    untouched = merge_engine(spec, service({}), Choice(runtime="r"))
    assert untouched.container["args"] == ["--tp", "1", "--mem", "0.5", "--x"]


def test_parallelism_that_no_flag_takes_is_told() -> None:
    choice = Choice(runtime="r", accelerator="h100", parallelism=Parallelism(tensor=8))
    merged = merge_engine(runtime(command=["serve"], args=["--x"]), service({}), choice)
    assert merged.warnings == ("tensor parallelism 8 was chosen, but runtime r has no flag for it",)
    in_command = merge_engine(runtime(command=["serve", "--tp-size=1"]), service({}), choice)
    assert in_command.container["command"] == ["serve", "--tp-size=8"]
    assert not in_command.warnings
    by_variable = merge_engine(runtime(command=["serve"], args=["--gpus", "$(PARALLELISM_SIZE)"]), service({}), choice)
    assert not by_variable.warnings


@pytest.mark.parametrize(
    "spec",
    [
        {"engineConfig": {"runner": {"name": "main", "image": "i"}}},
        {"engineConfig": {"containers": [{"name": "side"}, {"name": "ome-container", "image": "i"}]}},
        {"containers": [{"name": "ome-container", "image": "i"}]},
        {"containers": [{"name": "only", "image": "i"}]},
    ],
)
def test_main_container_is_found_in_every_form_of_a_runtime(spec: dict[str, Any]) -> None:
    assert runtime_engine(spec).container["image"] == "i"
    over = (
        merge_engine(spec, service({"runner": {"image": "j"}}), Choice(runtime="r")) if "engine" in str(spec) else None
    )
    assert over is None or over.container["image"] == "j" or over.container["name"] != "ome-container"


def test_service_may_change_the_main_container_by_runner_or_by_name() -> None:
    spec = runtime(image="i", command=["serve"])
    by_runner = merge_engine(spec, service({"runner": {"image": "j"}}), Choice(runtime="r"))
    by_name = merge_engine(
        spec, service({"containers": [{"name": "ome-container", "image": "j"}, {"name": "side"}]}), Choice(runtime="r")
    )
    assert by_runner.container == by_name.container == {"name": "ome-container", "image": "j", "command": ["serve"]}
    assert [container["name"] for container in by_name.others] == ["side"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "spec has no container"),
        ({"engineConfig": []}, r'spec.engineConfig: "\[\]" is not a mapping'),
        ({"engineConfig": {"runner": "x"}}, "spec.engineConfig.runner"),
        ({"engineConfig": {"containers": ["x"]}}, r'spec.engineConfig.containers\[0\]: "x" is not a mapping'),
    ],
)
def test_wrong_shapes_are_named(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        runtime_engine(spec)
