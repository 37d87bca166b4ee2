"""The store and its routes: objects by name, runs by resource, and whom a change concerns."""

from typing import Any

import pytest

from controller.actions import Key, Object
from controller.store import Change, Store
from controller.trim import trim
from crds import labels
from tests.controller.engine.held_objects import (
    SOURCES,
    keys_concerned,
    made,
    names_of,
    observe,
    run_of,
    source_of,
    store_of,
)

SCALER = "HorizontalPodAutoscaler"
LONG = "a" * 60 + "-with-a-name-that-no-label-can-hold"


def test_an_object_is_given_as_it_was_stored() -> None:
    model = made("ClusterBaseModel", "m", 5, spec={"storage": {"storageUri": "hf://a/b" * 200}}, status={"x": [1]})
    node = made("Node", "n", 6, spec={}, status={"conditions": []})
    store = store_of(model, node)
    assert store.get("ClusterBaseModel", "", "m") == model
    assert store.get("Node", "", "n") == node
    assert store.get("ClusterBaseModel", "", "other") is None


def test_lists_are_by_namespace_and_name() -> None:
    store = store_of(
        *(made("BaseModel", n, v, ns) for v, (ns, n) in enumerate([("b", "y"), ("a", "z"), ("b", "x")], 1))
    )
    assert names_of(store.list("BaseModel")) == ["z", "x", "y"]
    assert names_of(store.list("BaseModel", "b")) == ["x", "y"]
    store.remove(Key("BaseModel", "b", "x"), 9)
    assert names_of(store.list("BaseModel")) == ["z", "y"]


def test_only_what_is_newer_and_differs_is_a_change() -> None:
    store = store_of(made("ClusterBaseModel", "m", 5, spec={"a": 1}))
    assert observe(store, made("ClusterBaseModel", "m", 5, spec={"a": 2})) is None
    assert observe(store, made("ClusterBaseModel", "m", 4, spec={"a": 2})) is None
    assert observe(store, made("ClusterBaseModel", "m", 6, spec={"a": 1})) is None
    assert store.version(Key("ClusterBaseModel", "", "m")) == 6
    assert observe(store, made("ClusterBaseModel", "m", 7, spec={"a": 2})) is not None
    assert observe(store, made("ClusterBaseModel", "m", 3, spec={"a": 9}), is_authoritative=True) is not None


def test_the_late_answer_to_a_write_does_not_bring_back_what_was_deleted() -> None:
    store = store_of(made("ClusterBaseModel", "m", 5))
    assert store.remove(Key("ClusterBaseModel", "", "m"), 7) is not None
    assert store.observe(made("ClusterBaseModel", "m", 6)) is None
    assert store.observe(made("ClusterBaseModel", "m", 8)) is not None


def test_the_answer_to_a_write_is_held_only_where_a_watch_would_hold_it() -> None:
    store = Store(SOURCES)
    assert store.observe(made("ConfigMap", "other", 1, "ome", data={})) is None
    assert (
        store.observe(made("ConfigMap", "n", 2, "tenant", metadata={"labels": {labels.NODE_STATUS: "true"}})) is None
    )
    assert store.observe(made("ConfigMap", "n", 3, "ome", metadata={"labels": {labels.NODE_STATUS: "true"}}))


def test_a_list_finds_lost_deletions_of_its_own_watch_only() -> None:
    node_map = made("ConfigMap", "n", 1, "ome", metadata={"labels": {labels.NODE_STATUS: "true"}})
    manifest = made("ConfigMap", "manifest-1", 2, "ome", metadata={"labels": {labels.MANIFEST: "1"}})
    store = store_of(node_map)
    store.observe(manifest, source_of("ConfigMap", metadata_only=True))
    created_since = made("ConfigMap", "new", 9, "ome", metadata={"labels": {labels.NODE_STATUS: "true"}})
    observe(store, created_since)
    lost = list(store.remove_unseen(source_of("ConfigMap"), set(), 5))
    assert [str(change.key) for change in lost] == ["ConfigMap/ome/n"]
    assert names_of(store.list("ConfigMap")) == ["manifest-1", "new"]


@pytest.mark.parametrize(
    ("run", "asked"),
    [
        (run_of("r", 1, "import-model", name="m", scope="ClusterBaseModel", namespace="x"),
         ("ClusterBaseModel", "", "m")),
        (run_of("r", 1, "import-model", name="m", scope="BaseModel", namespace="x"), ("BaseModel", "x", "m")),
        (run_of("r", 1, "deploy-model", model="m", service="s", namespace="x"), ("InferenceService", "x", "s")),
        (run_of("r", 1, "benchmark-endpoint", name="b", namespace="x"), ("BenchmarkJob", "x", "b")),
        (run_of("r", 1, "onboard-model", name="m", scope="BaseModel", namespace="x", service="s"),
         ("BaseModel", "x", "m")),
        (run_of("r", 1, "onboard-model", name="m", scope="BaseModel", namespace="x", service="s"),
         ("InferenceService", "x", "s")),
        (run_of("r", 1, "evict-model", {labels.KIND: "BaseModel", labels.NAMESPACE: "x", labels.NAME: "m"}, name="m"),
         ("BaseModel", "x", "m")),
        (run_of("r", 1, "import-model", name=LONG, scope="ClusterBaseModel"), ("ClusterBaseModel", "", LONG)),
        (run_of("r", 1, "evict-model", {labels.KIND: "ClusterBaseModel", labels.NAME: labels.label_value(LONG)}),
         ("ClusterBaseModel", "", LONG)),
    ],
)  # fmt: skip
def test_a_run_is_found_by_its_resource_and_concerns_it(run: Object, asked: tuple[str, str, str]) -> None:
    kind, namespace, name = asked
    store = store_of(made(kind, name, 100, namespace))
    change = observe(store, run)
    pipeline = run["metadata"]["labels"][labels.PIPELINE]
    assert names_of(store.runs(pipeline, kind, namespace, name)) == ["r"]
    assert store.runs("other", kind, namespace, name) == []
    assert str(Key(kind, namespace, name)) in keys_concerned(store, change)
    assert store.remove(Key("Workflow", "ome", "r"), 2) is not None
    assert store.runs(pipeline, kind, namespace, name) == []


def test_arguments_left_out_are_the_templates_defaults() -> None:
    run = run_of("r", 1, "import-model", name="m")
    run["status"] = {
        "storedWorkflowTemplateSpec": {
            "arguments": {
                "parameters": [{"name": "scope", "value": "ClusterBaseModel"}, {"name": "name", "value": "no"}]
            },
            "templates": [{"name": "large"}] * 100,
        }
    }
    store = store_of(run)
    (found,) = store.runs("import-model", "ClusterBaseModel", "", "m")
    assert list(found["status"]["storedWorkflowTemplateSpec"]) == ["arguments"]


def test_runs_are_oldest_first() -> None:
    store = store_of(*(run_of(f"r{v}", v, "import-model", name="m", scope="ClusterBaseModel") for v in (3, 1, 2)))
    assert names_of(store.runs("import-model", "ClusterBaseModel", "", "m")) == ["r1", "r2", "r3"]


def test_pods_of_a_service_are_found_and_concern_it() -> None:
    store = store_of(made("InferenceService", "s", 1, "x"))
    pod = made("Pod", "p", 2, "x", metadata={"labels": {labels.INFERENCE_SERVICE: "s"}})
    assert keys_concerned(store, observe(store, pod)) == ["InferenceService/x/s"]
    assert names_of(store.owned("Pod", "x", "s")) == ["p"]
    assert store.owned("Deployment", "x", "s") == []


def test_what_was_deployed_concerns_its_service_when_it_comes_and_goes_and_not_when_it_scales() -> None:
    store, source = store_of(made("InferenceService", "s", 1, "x")), source_of(SCALER, metadata_only=True)
    marks = {"labels": {labels.INFERENCE_SERVICE: "s"}}
    for version, whom in ((2, ["InferenceService/x/s"]), (3, None)):
        change = store.observe(made(SCALER, "s", version, "x", metadata=marks, status={"a": version}), source)
        assert (keys_concerned(store, change) if change else None) == whom
    assert "status" not in store.owned(SCALER, "x", "s")[0]
    assert keys_concerned(store, store.remove(Key(SCALER, "x", "s"), 4)) == ["InferenceService/x/s"]
    assert not store.owned(SCALER, "x", "s")


def _node(version: int, *, ready: str = "True", images: int = 0, **fields: Any) -> Object:
    status = {
        "conditions": [{"type": "Ready", "status": ready, "lastHeartbeatTime": str(version)}],
        "images": [{"names": ["x" * 50]}] * images,
        "allocatable": {"memory": str(version), **fields.pop("devices", {})},
    }
    return made("Node", "n", version, status=status, **fields)


def test_a_node_concerns_models_only_when_placement_may_differ() -> None:
    store = store_of(made("ClusterBaseModel", "m", 1), made("AcceleratorClass", "a", 2))
    everyone = ["AcceleratorClass/a", "ClusterBaseModel/m"]
    assert keys_concerned(store, observe(store, _node(3))) == everyone
    assert keys_concerned(store, observe(store, _node(4, images=50))) == []
    assert keys_concerned(store, observe(store, _node(5, ready="Unknown"))) == everyone
    assert keys_concerned(store, observe(store, _node(6, spec={"unschedulable": True}))) == everyone
    assert keys_concerned(store, observe(store, _node(7, metadata={"labels": {"a": "b"}}))) == everyone
    assert keys_concerned(store, observe(store, _node(8, devices={"nvidia.com/gpu": "8"}))) == everyone
    assert keys_concerned(store, store.remove(Key("Node", "", "n"), 9)) == everyone


def test_a_nodes_label_for_a_model_concerns_that_model_alone() -> None:
    store = store_of(
        made("ClusterBaseModel", "m", 1, metadata={"uid": "u-1"}),
        made("ClusterBaseModel", "other", 2, metadata={"uid": "u-2"}),
        made("AcceleratorClass", "a", 3),
        _node(4),
    )
    by_name, by_uid = labels.node_label("ClusterBaseModel", "", "m"), labels.node_label_by_uid("u-1")
    both = {by_name: "Updating", by_uid: "Updating"}
    assert keys_concerned(store, observe(store, _node(5, metadata={"labels": both}))) == ["ClusterBaseModel/m"] * 2
    ready = both | {by_name: "Ready"}
    assert keys_concerned(store, observe(store, _node(6, metadata={"labels": ready}))) == ["ClusterBaseModel/m"]
    assert keys_concerned(store, observe(store, _node(7, metadata={"labels": {by_name: "Ready"}}))) == [
        "ClusterBaseModel/m"
    ]
    assert sorted(set(keys_concerned(store, store.remove(Key("Node", "", "n"), 8)))) == [
        "AcceleratorClass/a", "ClusterBaseModel/m", "ClusterBaseModel/other",
    ]  # fmt: skip


def test_a_nodes_config_map_concerns_the_models_whose_entries_differ() -> None:
    store = store_of(made("ClusterBaseModel", "m", 1), made("BaseModel", "m", 2, "x"), made("BaseModel", "o", 3, "x"))
    keys = [labels.config_map_key("ClusterBaseModel", "", "m"), labels.config_map_key("BaseModel", "x", "m")]

    def entry(version: int, **data: str) -> Change | None:
        marks = {"labels": {labels.NODE_STATUS: "true"}}
        return observe(store, made("ConfigMap", "n", version, "ome", metadata=marks, data=data))

    assert sorted(keys_concerned(store, entry(4, **dict.fromkeys(keys, "Ready")))) == [
        "BaseModel/x/m",
        "ClusterBaseModel/m",
    ]
    assert keys_concerned(store, entry(5, **{keys[0]: "Failed", keys[1]: "Ready"})) == ["ClusterBaseModel/m"]
    assert keys_concerned(store, entry(6, **{keys[0]: "Failed"})) == ["BaseModel/x/m"]


def test_models_runtimes_and_secrets_concern_those_who_use_them() -> None:
    service = made("InferenceService", "s", 1, "x", spec={"model": {"name": "m"}})
    old_form = made("InferenceService", "t", 2, "y", spec={"predictor": {"model": {"baseModel": "m"}}})
    job = made("BenchmarkJob", "b", 3, "x", spec={"endpoint": {"inferenceService": {"name": "s"}}})
    store = store_of(service, old_form, job)
    cluster_model = made("ClusterBaseModel", "m", 4, spec={"storage": {"key": "token"}})
    assert keys_concerned(store, observe(store, cluster_model)) == [
        "ClusterBaseModel/m", "InferenceService/x/s", "InferenceService/y/t"]  # fmt: skip
    assert keys_concerned(store, observe(store, made("BaseModel", "m", 5, "x"))) == [
        "BaseModel/x/m", "InferenceService/x/s"]  # fmt: skip
    assert keys_concerned(store, observe(store, made("ServingRuntime", "r", 6, "y"))) == [
        "ServingRuntime/y/r", "InferenceService/y/t"]  # fmt: skip
    changed = made("InferenceService", "s", 7, "x", spec={"model": {"name": "other"}})
    assert keys_concerned(store, observe(store, changed)) == ["InferenceService/x/s", "BenchmarkJob/x/b"]
    assert keys_concerned(store, observe(store, made("ClusterBaseModel", "m", 8))) == [
        "ClusterBaseModel/m", "InferenceService/y/t"]  # fmt: skip
    store = store_of(cluster_model)
    secret = store.observe(made("Secret", "token", 9, "ome"), source_of("Secret", metadata_only=True))
    assert keys_concerned(store, secret) == ["ClusterBaseModel/m"]


def test_services_that_enforce_a_fit_concern_their_model_and_so_does_what_it_is_chosen_from() -> None:
    spec, enforcing = {"model": {"name": "m"}}, {"annotations": {"ome.io/fit": "enforce"}}
    store = store_of(
        made("ClusterBaseModel", "m", 1), made("ClusterBaseModel", "other", 2),
        made("InferenceService", "s", 3, "x", spec=spec, metadata=enforcing),
    )  # fmt: skip
    assert names_of(store.services_of("m")) == names_of(store.services_of("m", "x")) == ["s"]
    assert names_of(store.services_of("m", "y")) == names_of(store.services_of("other")) == []
    for kind, version in (("ClusterServingRuntime", 4), ("AcceleratorClass", 5)):
        assert keys_concerned(store, observe(store, made(kind, "k", version))) == [
            f"{kind}/k", "InferenceService/x/s", "ClusterBaseModel/m"]  # fmt: skip
    another = observe(store, made("InferenceService", "t", 6, "y", spec=spec))
    assert keys_concerned(store, another) == ["InferenceService/y/t", "ClusterBaseModel/m"]
    changed = observe(store, made("InferenceService", "s", 7, "x", spec=spec))
    assert keys_concerned(store, changed) == ["InferenceService/x/s", "ClusterBaseModel/m"]
    itself = observe(store, made("ClusterBaseModel", "other", 8, metadata=enforcing))
    assert keys_concerned(store, itself) == ["ClusterBaseModel/other"]
    changed = observe(store, made("AcceleratorClass", "k", 9, spec={"a": 1}))
    assert keys_concerned(store, changed) == [
        "AcceleratorClass/k", "InferenceService/x/s", "InferenceService/y/t", "ClusterBaseModel/other"]  # fmt: skip


def test_a_manifest_that_is_seen_late_concerns_the_models_whose_files_it_lists() -> None:
    digest = "ab" * 32
    mine = {"artifact": {"digest": f"sha256:{digest}"}}
    store = store_of(
        made("ClusterBaseModel", "m", 1, status=mine), made("BaseModel", "m", 2, "x", status=mine),
        made("BaseModel", "o", 3, "x", status={"artifact": {"digest": "sha256:" + "cd" * 32}}),
    )  # fmt: skip
    marks = {"labels": {labels.MANIFEST: digest[:12]}}
    manifest = made("ConfigMap", f"manifest-{digest[:12]}", 4, "ome", metadata=marks)
    found = store.observe(manifest, source_of("ConfigMap", metadata_only=True))
    assert sorted(keys_concerned(store, found)) == ["BaseModel/x/m", "ClusterBaseModel/m"]


def test_a_kept_schedule_concerns_its_benchmark() -> None:
    store = store_of(made("BenchmarkJob", "b", 1, "x"))
    marks = {labels.KIND: "BenchmarkJob", labels.NAMESPACE: "x", labels.NAME: "b"}
    cron = made("CronWorkflow", "c", 2, "ome", metadata={"labels": marks})
    assert keys_concerned(store, observe(store, cron)) == ["BenchmarkJob/x/b"]


def test_a_secret_with_other_data_is_a_change_though_its_data_are_not_looked_at() -> None:
    source = source_of("Secret", metadata_only=True)
    store = store_of(made("ClusterBaseModel", "m", 1, spec={"storage": {"key": "token"}}))
    assert store.observe(made("Secret", "token", 2, "ome"), source) is not None
    assert keys_concerned(store, store.observe(made("Secret", "token", 3, "ome"), source)) == ["ClusterBaseModel/m"]
    assert store.observe(made("Secret", "token", 3, "ome"), source) is None


def test_the_copy_of_a_tenants_secret_concerns_its_model() -> None:
    store = store_of(made("BaseModel", "m", 1, "team", spec={"storage": {"key": "token"}}))
    marks = {labels.KIND: "BaseModel", labels.NAMESPACE: "team", labels.NAME: "m"}
    copy = store.observe(
        made("Secret", "secret-m-1", 2, "ome", metadata={"labels": marks}), source_of("Secret", metadata_only=True)
    )
    assert keys_concerned(store, copy) == ["BaseModel/team/m"]


def test_trimming_takes_what_no_planner_reads() -> None:
    node = _node(1, images=50, metadata={
        "managedFields": [{}], "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}})  # fmt: skip
    assert trim("Node", node)["metadata"] == {"name": "n", "resourceVersion": "1"}
    assert set(node["status"]) == {"conditions", "allocatable"}
