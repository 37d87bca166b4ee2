"""The store and its routes: objects by name, runs by resource, and whom a change concerns."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.actions import Key, Object
from controller.resources import find_resource, watched
from controller.routes import concerned
from controller.store import Change, Store
from controller.trim import trim
from crds import labels

SOURCES = watched("ome")
LONG = "a" * 60 + "-with-a-name-that-no-label-can-hold"


def _source(kind: str, *, metadata_only: bool = False) -> int:
    return next(n for n, w in enumerate(SOURCES) if w.resource.kind == kind and w.metadata_only == metadata_only)


def _object(kind: str, name: str, version: int, namespace: str = "", **fields: Any) -> Object:
    metadata = {"name": name, "resourceVersion": str(version), **fields.pop("metadata", {})}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": find_resource(kind).api_version, "kind": kind, "metadata": metadata, **fields}


def _run(run: str, version: int, pipeline: str, marks: dict[str, str] | None = None, /, **arguments: str) -> Object:
    parameters = [{"name": key, "value": value} for key, value in arguments.items()]
    return _object(
        "Workflow", run, version, "ome",
        metadata={
            "labels": {labels.PIPELINE: pipeline, **(marks or {})},
            "creationTimestamp": f"2026-01-01T00:00:{version % 60:02}Z",
        },
        spec={"arguments": {"parameters": parameters}},
    )  # fmt: skip


def _store(*items: Object) -> Store:
    store = Store(SOURCES)
    for item in items:
        assert _observe(store, item) is not None
    return store


def _observe(store: Store, item: Object, **options: bool) -> Change | None:
    return store.observe(json.loads(json.dumps(item)), _source(item["kind"]), **options)


def _concerned(store: Store, change: Change | None) -> list[str]:
    assert change is not None
    return [str(key) for key in concerned(change, store)]


def _names(items: Any) -> list[str]:
    return [item["metadata"]["name"] for item in items]


def test_an_object_is_given_as_it_was_stored() -> None:
    model = _object("ClusterBaseModel", "m", 5, spec={"storage": {"storageUri": "hf://a/b" * 200}}, status={"x": [1]})
    node = _object("Node", "n", 6, spec={}, status={"conditions": []})
    store = _store(model, node)
    assert store.get("ClusterBaseModel", "", "m") == model
    assert store.get("Node", "", "n") == node
    assert store.get("ClusterBaseModel", "", "other") is None


def test_lists_are_by_namespace_and_name() -> None:
    store = _store(
        *(_object("BaseModel", n, v, ns) for v, (ns, n) in enumerate([("b", "y"), ("a", "z"), ("b", "x")], 1))
    )
    assert _names(store.list("BaseModel")) == ["z", "x", "y"]
    assert _names(store.list("BaseModel", "b")) == ["x", "y"]
    store.remove(Key("BaseModel", "b", "x"), 9)
    assert _names(store.list("BaseModel")) == ["z", "y"]


def test_only_what_is_newer_and_differs_is_a_change() -> None:
    store = _store(_object("ClusterBaseModel", "m", 5, spec={"a": 1}))
    assert _observe(store, _object("ClusterBaseModel", "m", 5, spec={"a": 2})) is None
    assert _observe(store, _object("ClusterBaseModel", "m", 4, spec={"a": 2})) is None
    assert _observe(store, _object("ClusterBaseModel", "m", 6, spec={"a": 1})) is None
    assert store.version(Key("ClusterBaseModel", "", "m")) == 6
    assert _observe(store, _object("ClusterBaseModel", "m", 7, spec={"a": 2})) is not None
    assert _observe(store, _object("ClusterBaseModel", "m", 3, spec={"a": 9}), is_authoritative=True) is not None


def test_the_late_answer_to_a_write_does_not_bring_back_what_was_deleted() -> None:
    store = _store(_object("ClusterBaseModel", "m", 5))
    assert store.remove(Key("ClusterBaseModel", "", "m"), 7) is not None
    assert store.observe(_object("ClusterBaseModel", "m", 6)) is None
    assert store.observe(_object("ClusterBaseModel", "m", 8)) is not None


def test_the_answer_to_a_write_is_held_only_where_a_watch_would_hold_it() -> None:
    store = Store(SOURCES)
    assert store.observe(_object("ConfigMap", "other", 1, "ome", data={})) is None
    assert (
        store.observe(_object("ConfigMap", "n", 2, "tenant", metadata={"labels": {labels.NODE_STATUS: "true"}}))
        is None
    )
    assert store.observe(_object("ConfigMap", "n", 3, "ome", metadata={"labels": {labels.NODE_STATUS: "true"}}))


def test_a_list_finds_lost_deletions_of_its_own_watch_only() -> None:
    node_map = _object("ConfigMap", "n", 1, "ome", metadata={"labels": {labels.NODE_STATUS: "true"}})
    manifest = _object("ConfigMap", "manifest-1", 2, "ome", metadata={"labels": {labels.MANIFEST: "1"}})
    store = _store(node_map)
    store.observe(manifest, _source("ConfigMap", metadata_only=True))
    created_since = _object("ConfigMap", "new", 9, "ome", metadata={"labels": {labels.NODE_STATUS: "true"}})
    _observe(store, created_since)
    lost = list(store.remove_unseen(_source("ConfigMap"), set(), 5))
    assert [str(change.key) for change in lost] == ["ConfigMap/ome/n"]
    assert _names(store.list("ConfigMap")) == ["manifest-1", "new"]


@pytest.mark.parametrize(
    ("run", "asked"),
    [
        (_run("r", 1, "import-model", name="m", scope="ClusterBaseModel", namespace="x"),
         ("ClusterBaseModel", "", "m")),
        (_run("r", 1, "import-model", name="m", scope="BaseModel", namespace="x"), ("BaseModel", "x", "m")),
        (_run("r", 1, "deploy-model", model="m", service="s", namespace="x"), ("InferenceService", "x", "s")),
        (_run("r", 1, "benchmark-endpoint", name="b", namespace="x"), ("BenchmarkJob", "x", "b")),
        (_run("r", 1, "onboard-model", name="m", scope="BaseModel", namespace="x", service="s"),
         ("BaseModel", "x", "m")),
        (_run("r", 1, "onboard-model", name="m", scope="BaseModel", namespace="x", service="s"),
         ("InferenceService", "x", "s")),
        (_run("r", 1, "evict-model", {labels.KIND: "BaseModel", labels.NAMESPACE: "x", labels.NAME: "m"}, name="m"),
         ("BaseModel", "x", "m")),
        (_run("r", 1, "import-model", name=LONG, scope="ClusterBaseModel"), ("ClusterBaseModel", "", LONG)),
        (_run("r", 1, "evict-model", {labels.KIND: "ClusterBaseModel", labels.NAME: labels.label_value(LONG)}),
         ("ClusterBaseModel", "", LONG)),
    ],
)  # fmt: skip
def test_a_run_is_found_by_its_resource_and_concerns_it(run: Object, asked: tuple[str, str, str]) -> None:
    kind, namespace, name = asked
    store = _store(_object(kind, name, 100, namespace))
    change = _observe(store, run)
    pipeline = run["metadata"]["labels"][labels.PIPELINE]
    assert _names(store.runs(pipeline, kind, namespace, name)) == ["r"]
    assert store.runs("other", kind, namespace, name) == []
    assert str(Key(kind, namespace, name)) in _concerned(store, change)
    assert store.remove(Key("Workflow", "ome", "r"), 2) is not None
    assert store.runs(pipeline, kind, namespace, name) == []


def test_arguments_left_out_are_the_templates_defaults() -> None:
    run = _run("r", 1, "import-model", name="m")
    run["status"] = {
        "storedWorkflowTemplateSpec": {
            "arguments": {
                "parameters": [{"name": "scope", "value": "ClusterBaseModel"}, {"name": "name", "value": "no"}]
            },
            "templates": [{"name": "large"}] * 100,
        }
    }
    store = _store(run)
    (found,) = store.runs("import-model", "ClusterBaseModel", "", "m")
    assert list(found["status"]["storedWorkflowTemplateSpec"]) == ["arguments"]


def test_runs_are_oldest_first() -> None:
    store = _store(*(_run(f"r{v}", v, "import-model", name="m", scope="ClusterBaseModel") for v in (3, 1, 2)))
    assert _names(store.runs("import-model", "ClusterBaseModel", "", "m")) == ["r1", "r2", "r3"]


def test_pods_of_a_service_are_found_and_concern_it() -> None:
    store = _store(_object("InferenceService", "s", 1, "x"))
    pod = _object("Pod", "p", 2, "x", metadata={"labels": {labels.INFERENCE_SERVICE: "s"}})
    assert _concerned(store, _observe(store, pod)) == ["InferenceService/x/s"]
    assert _names(store.owned("Pod", "x", "s")) == ["p"]
    assert store.owned("Deployment", "x", "s") == []


def _node(version: int, *, ready: str = "True", images: int = 0, **fields: Any) -> Object:
    status = {
        "conditions": [{"type": "Ready", "status": ready, "lastHeartbeatTime": str(version)}],
        "images": [{"names": ["x" * 50]}] * images,
        "allocatable": {"memory": str(version), **fields.pop("devices", {})},
    }
    return _object("Node", "n", version, status=status, **fields)


def test_a_node_concerns_models_only_when_placement_may_differ() -> None:
    store = _store(_object("ClusterBaseModel", "m", 1), _object("AcceleratorClass", "a", 2))
    everyone = ["AcceleratorClass/a", "ClusterBaseModel/m"]
    assert _concerned(store, _observe(store, _node(3))) == everyone
    assert _concerned(store, _observe(store, _node(4, images=50))) == []
    assert _concerned(store, _observe(store, _node(5, ready="Unknown"))) == everyone
    assert _concerned(store, _observe(store, _node(6, spec={"unschedulable": True}))) == everyone
    assert _concerned(store, _observe(store, _node(7, metadata={"labels": {"a": "b"}}))) == everyone
    assert _concerned(store, _observe(store, _node(8, devices={"nvidia.com/gpu": "8"}))) == everyone
    assert _concerned(store, store.remove(Key("Node", "", "n"), 9)) == everyone


def test_a_nodes_config_map_concerns_the_models_whose_entries_differ() -> None:
    store = _store(
        _object("ClusterBaseModel", "m", 1), _object("BaseModel", "m", 2, "x"), _object("BaseModel", "o", 3, "x")
    )
    keys = [labels.config_map_key("ClusterBaseModel", "", "m"), labels.config_map_key("BaseModel", "x", "m")]

    def entry(version: int, **data: str) -> Change | None:
        marks = {"labels": {labels.NODE_STATUS: "true"}}
        return _observe(store, _object("ConfigMap", "n", version, "ome", metadata=marks, data=data))

    assert sorted(_concerned(store, entry(4, **dict.fromkeys(keys, "Ready")))) == [
        "BaseModel/x/m",
        "ClusterBaseModel/m",
    ]
    assert _concerned(store, entry(5, **{keys[0]: "Failed", keys[1]: "Ready"})) == ["ClusterBaseModel/m"]
    assert _concerned(store, entry(6, **{keys[0]: "Failed"})) == ["BaseModel/x/m"]


def test_models_runtimes_and_secrets_concern_those_who_use_them() -> None:
    service = _object("InferenceService", "s", 1, "x", spec={"model": {"name": "m"}})
    old_form = _object("InferenceService", "t", 2, "y", spec={"predictor": {"model": {"baseModel": "m"}}})
    job = _object("BenchmarkJob", "b", 3, "x", spec={"endpoint": {"inferenceService": {"name": "s"}}})
    store = _store(service, old_form, job)
    cluster_model = _object("ClusterBaseModel", "m", 4, spec={"storage": {"key": "token"}})
    assert _concerned(store, _observe(store, cluster_model)) == [
        "ClusterBaseModel/m", "InferenceService/x/s", "InferenceService/y/t"]  # fmt: skip
    assert _concerned(store, _observe(store, _object("BaseModel", "m", 5, "x"))) == [
        "BaseModel/x/m", "InferenceService/x/s"]  # fmt: skip
    assert _concerned(store, _observe(store, _object("ServingRuntime", "r", 6, "y"))) == [
        "ServingRuntime/y/r", "InferenceService/y/t"]  # fmt: skip
    changed = _object("InferenceService", "s", 7, "x", spec={"model": {"name": "other"}})
    assert _concerned(store, _observe(store, changed)) == ["InferenceService/x/s", "BenchmarkJob/x/b"]
    assert _concerned(store, _observe(store, _object("ClusterBaseModel", "m", 8))) == [
        "ClusterBaseModel/m", "InferenceService/y/t"]  # fmt: skip
    store = _store(cluster_model)
    secret = store.observe(_object("Secret", "token", 9, "ome"), _source("Secret", metadata_only=True))
    assert _concerned(store, secret) == ["ClusterBaseModel/m"]


def test_a_manifest_that_is_seen_late_concerns_the_models_whose_files_it_lists() -> None:
    digest = "ab" * 32
    mine = {"artifact": {"digest": f"sha256:{digest}"}}
    store = _store(
        _object("ClusterBaseModel", "m", 1, status=mine), _object("BaseModel", "m", 2, "x", status=mine),
        _object("BaseModel", "o", 3, "x", status={"artifact": {"digest": "sha256:" + "cd" * 32}}),
    )  # fmt: skip
    marks = {"labels": {labels.MANIFEST: digest[:12]}}
    manifest = _object("ConfigMap", f"manifest-{digest[:12]}", 4, "ome", metadata=marks)
    found = store.observe(manifest, _source("ConfigMap", metadata_only=True))
    assert sorted(_concerned(store, found)) == ["BaseModel/x/m", "ClusterBaseModel/m"]


def test_a_kept_schedule_concerns_its_benchmark() -> None:
    store = _store(_object("BenchmarkJob", "b", 1, "x"))
    marks = {labels.KIND: "BenchmarkJob", labels.NAMESPACE: "x", labels.NAME: "b"}
    cron = _object("CronWorkflow", "c", 2, "ome", metadata={"labels": marks})
    assert _concerned(store, _observe(store, cron)) == ["BenchmarkJob/x/b"]


def test_a_secret_with_other_data_is_a_change_though_its_data_are_not_looked_at() -> None:
    source = _source("Secret", metadata_only=True)
    store = _store(_object("ClusterBaseModel", "m", 1, spec={"storage": {"key": "token"}}))
    assert store.observe(_object("Secret", "token", 2, "ome"), source) is not None
    assert _concerned(store, store.observe(_object("Secret", "token", 3, "ome"), source)) == ["ClusterBaseModel/m"]
    assert store.observe(_object("Secret", "token", 3, "ome"), source) is None


def test_the_copy_of_a_tenants_secret_concerns_its_model() -> None:
    store = _store(_object("BaseModel", "m", 1, "team", spec={"storage": {"key": "token"}}))
    marks = {labels.KIND: "BaseModel", labels.NAMESPACE: "team", labels.NAME: "m"}
    copy = store.observe(
        _object("Secret", "secret-m-1", 2, "ome", metadata={"labels": marks}), _source("Secret", metadata_only=True)
    )
    assert _concerned(store, copy) == ["BaseModel/team/m"]


def test_trimming_takes_what_no_planner_reads() -> None:
    node = _node(1, images=50, metadata={
        "managedFields": [{}], "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}})  # fmt: skip
    assert trim("Node", node)["metadata"] == {"name": "n", "resourceVersion": "1"}
    assert set(node["status"]) == {"conditions", "allocatable"}
