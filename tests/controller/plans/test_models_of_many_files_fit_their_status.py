"""A model of ten thousand files on three nodes: its status, its runs and its records stay small, failed or not."""

import json

from controller.plans import plan_model
from crds.labels import NODE_STATUS
from steps.manifest import FileEntry, Manifest
from steps.parse.layout import find_layout
from tests.controller.plans.argo import FACTS, importing, only_run
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.models import MODEL, cluster_with, settle

KIB = 1024
FILES = 10_000
NODES = ("node-a", "node-b", "node-c")
SHARDS = tuple(f"model-{number:05}-of-{FILES - 1:05}.safetensors" for number in range(1, FILES))
LAYOUT = find_layout(
    Manifest(
        uri="hf://acme/model",
        revision="r",
        files=tuple(
            FileEntry(path=path, size=1, algorithm="sha256", digest="0" * 64, location="/")
            for path in ("config.json", *SHARDS)
        ),
    )
)
LARGE = FACTS.model_copy(update={"weight_files": LAYOUT.named})


def size(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":")).encode())


def begun() -> tuple[Cluster, str]:
    cluster = cluster_with(*NODES)
    settle(cluster)
    return cluster, only_run(cluster, "import-model")


def test_facts_name_the_first_weights_and_fit_a_pods_variable() -> None:
    assert LAYOUT.weights == SHARDS
    assert SHARDS[:500] == LARGE.weight_files[:500] and len(LARGE.weight_files) < len(SHARDS)
    text = LARGE.model_dump_json(by_alias=True)
    # Argo gives a pod its template in a variable of at most 128 KiB: the parameter, and the source made of it.
    assert size([text, json.dumps([{"name": "facts", "value": text}])]) < 128 * KIB


def test_weights_that_are_few_are_all_named() -> None:
    few = find_layout(
        Manifest(
            uri="hf://acme/model",
            revision="r",
            files=tuple(
                FileEntry(path=f"model-{n:05}-of-00163.safetensors", size=1, algorithm="none", digest="", location="/")
                for n in range(1, 164)
            ),
        )
    )
    assert few.named == few.weights and len(few.weights) == 163


def test_status_and_records_of_a_ready_model_are_small() -> None:
    cluster, run = begun()
    importing(cluster, run, facts=LARGE, file_count=FILES)
    status = settle(cluster)
    assert status["state"] == "Ready"
    assert (status["artifact"]["files"], status["nodesReady"]) == (FILES, list(NODES))
    assert size(status) < 64 * KIB
    assert size(cluster.get(*MODEL)) < 64 * KIB
    assert size(cluster.get("Workflow", "ome", run)) < 1024 * KIB
    records = [item for item in cluster.of_kind("ConfigMap") if NODE_STATUS in item["metadata"]["labels"]]
    assert len(records) == len(NODES)
    assert all(size(item) < 64 * KIB for item in records)
    assert cluster.plan(plan_model, *MODEL).actions == ()


def test_status_of_a_model_whose_nodes_all_say_much_is_small() -> None:
    cluster, run = begun()
    importing(cluster, run, facts=LARGE, file_count=FILES, cached=dict.fromkeys(NODES, "disk-full"))
    told = json.dumps(cluster.get("Workflow", "ome", run)["status"]).replace("it went wrong", "x" * 3900)
    cluster.change("Workflow", "ome", run, {"status": json.loads(told)})
    status = settle(cluster)
    assert status["nodesFailed"] == list(NODES)
    assert size(status) < 64 * KIB
