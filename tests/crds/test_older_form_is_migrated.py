"""OME's older form of a service becomes model, runtime and engine, and nothing of it is lost without a word."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from crds.component import ComponentExtension
from crds.load import load
from crds.pod import PodFields
from crds.predictor import migrated, unplaced
from tests.crds.samples import MANIFESTS, service

MODEL_FIELDS = ("baseModel", "fineTunedWeights", "runtime", "protocolVersion", "storageUri", "env", "args", "image")
ENGINE_FIELDS = sorted({*PodFields.json_names(), *ComponentExtension.json_names()} - {"containers"})
VALUES: st.SearchStrategy[Any] = st.one_of(st.none(), st.integers(1, 3), st.text(max_size=3), st.just({}))
CONTAINER = st.fixed_dictionaries({"name": st.sampled_from(["main", "ome-container", "proxy"])})
PREDICTOR = st.fixed_dictionaries(
    {},
    optional={
        **{name: VALUES for name in (*ENGINE_FIELDS[::4], "minReplicas", "unheardOf")},
        "model": st.dictionaries(st.sampled_from(MODEL_FIELDS), VALUES) | st.none(),
        "containers": st.lists(CONTAINER, max_size=3),
        "workerSpec": st.just({"size": 1}),
    },
)
NEWER = st.fixed_dictionaries(
    {},
    optional={
        "model": st.just({"name": "newer", "kind": "BaseModel"}),
        "runtime": st.just({"name": "newer"}),
        "engine": st.fixed_dictionaries({}, optional={"minReplicas": VALUES, "runner": VALUES, "worker": VALUES}),
        "router": st.just({"config": {"POLICY": "cache"}}),
    },
)


def test_every_field_has_its_place() -> None:
    older = {
        "minReplicas": 1,
        "scaleMetric": "concurrency",
        "nodeSelector": {"pool": "gpu"},
        "model": {
            "baseModel": "qwen3-8b", "fineTunedWeights": ["support"], "runtime": "vllm-small", "args": ["--fast"],
            "env": [{"name": "LOG_LEVEL", "value": "info"}], "resources": {"limits": {"cpu": "2"}},
        },
    }  # fmt: skip
    assert migrated({"predictor": older, "kedaConfig": {"enableKeda": True}}) == {
        "kedaConfig": {"enableKeda": True},
        "model": {"name": "qwen3-8b", "fineTunedWeights": ["support"]},
        "runtime": {"name": "vllm-small"},
        "engine": {
            "minReplicas": 1,
            "scaleMetric": "concurrency",
            "nodeSelector": {"pool": "gpu"},
            "runner": {
                "args": ["--fast"], "env": [{"name": "LOG_LEVEL", "value": "info"}],
                "resources": {"limits": {"cpu": "2"}},
            },
        },
    }  # fmt: skip


def test_the_manifest_of_a_user_of_ome_loads_in_the_newer_form() -> None:
    found = list(yaml.safe_load_all((MANIFESTS / "services.yaml").read_text()))[-1]
    (notice,) = load(found).notices
    assert notice.path == "spec.predictor" and "model.protocolVersion" in notice.message
    found["spec"] = migrated(found["spec"])
    loaded = load(found)
    assert loaded.problems == ()
    assert loaded.resource.to_dict()["spec"] == {
        "model": {"name": "qwen3-8b"},
        "runtime": {"name": "vllm-small"},
        "engine": {
            "minReplicas": 1,
            "maxReplicas": 1,
            "runner": {"env": [{"name": "LOG_LEVEL", "value": "info"}]},
            "leader": {},
            "worker": {"size": 1},
        },
    }


@pytest.mark.parametrize(
    ("names", "runner", "others"),
    [
        (["main"], "main", []),
        (["main", "proxy"], "main", ["proxy"]),
        (["proxy", "ome-container"], "ome-container", ["proxy"]),
        (["proxy", "my-OME-server", "ome-container"], "my-OME-server", ["proxy", "ome-container"]),
    ],
)
def test_of_several_containers_one_is_the_runner_as_ome_finds_it(
    names: list[str], runner: str, others: list[str]
) -> None:
    containers = [{"name": name, "image": name.lower(), "env": [{"name": name}]} for name in names]
    model = {"env": [{"name": "more"}], "image": "another", "workingDir": "/work"}
    engine = migrated({"predictor": {"containers": containers, "model": model}})["engine"]
    assert engine["runner"] == {
        "name": runner, "image": runner.lower(), "workingDir": "/work", "env": [{"name": runner}, {"name": "more"}],
    }  # fmt: skip
    assert [each["name"] for each in engine.get("containers", [])] == others


def test_a_spec_of_today_stays_as_it_is() -> None:
    specs: list[dict[str, Any]] = [service()["spec"], service(engine={"minReplicas": 0})["spec"], {}]
    for spec in specs:
        assert migrated(spec) == spec and unplaced(spec) == ()
    assert migrated({"model": {"name": "m"}, "predictor": None}) == {"model": {"name": "m"}}


@given(PREDICTOR, NEWER)
def test_what_the_newer_fields_say_is_left_alone(predictor: dict[str, Any], newer: dict[str, Any]) -> None:
    made = migrated({**newer, "predictor": predictor})
    assert "predictor" not in made and migrated(made) == made
    for name, value in newer.items():
        if name != "engine":
            assert made[name] == value
    for name, value in newer.get("engine", {}).items():
        assert value is None or made["engine"][name] == value


@given(PREDICTOR)
def test_every_field_is_placed_or_named(predictor: dict[str, Any]) -> None:
    made, lost = migrated({"predictor": predictor}), unplaced({"predictor": predictor})
    engine, model = made.get("engine", {}), predictor.get("model") or {}
    for name, value in predictor.items():
        if value is not None and name not in ("model", "containers", "workerSpec"):
            assert (name in lost) != (name in engine and engine[name] == value)
    places = {"baseModel": made.get("model", {}), "runtime": made.get("runtime", {})}
    for name, value in model.items():
        if value and name in places:
            assert places[name]["name"] == value
        elif value and name in ("args", "image", "env"):
            assert name in engine["runner"] and f"model.{name}" not in lost
        elif value is not None and name in ("protocolVersion", "storageUri"):
            assert f"model.{name}" in lost
