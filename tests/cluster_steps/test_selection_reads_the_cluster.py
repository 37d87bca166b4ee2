"""select-runtime on a cluster: nodes, runtimes and models come from the API server, nodes with the model first."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipelines.command.main import app
from steps.cluster.nodes import nodes_of
from steps.selection.nodes import Node, Resources, Taint
from steps.selection.taints import nodes_for, tolerates
from tests.apiserver.client import Object
from tests.cluster_steps.cluster import Cluster, Ended, workflow
from tests.cluster_steps.models import HUGE, HUGE_BYTES, HUGE_WEIGHTS, NAME, add_tiny, huge_files

CPU: Object = yaml.safe_load((Path(__file__).parents[2] / "examples/accelerators/cpu.yaml").read_text())["spec"]


@pytest.fixture
def model(cluster: Cluster) -> str:
    """An imported model, with the status that the controller writes, and an accelerator class of plain nodes."""
    add_tiny(cluster.hub)
    digest = cluster.run("resolve-model", uri=NAME).outputs["manifest"]
    assert cluster.run("parse-model", manifest=digest).code == 0
    status = {"state": "Ready", "artifact": {"digest": digest}}
    cluster.make("ClusterBaseModel", "tiny", {"storage": {"storageUri": NAME}}, status=status)
    cluster.admin.apply(
        {"apiVersion": "ome.io/v1beta1", "kind": "AcceleratorClass", "metadata": {"name": "plain"}, "spec": CPU}
    )
    return "tiny"


def make_runtime(
    cluster: Cluster, name: str, namespace: str = "", *, model_format: str = "safetensors", **engine: Any
) -> None:
    """A runtime of llamas on plain nodes, whose program is on no machine here."""
    spec = {
        "supportedModelFormats": [{"modelFormat": {"name": model_format}, "autoSelect": True}],
        "acceleratorRequirements": {"acceleratorClasses": ["plain"]},
        "engineConfig": {"runner": {"name": "ome-container", "image": "serve:1", "command": ["serve"]}, **engine},
    }
    cluster.make("ServingRuntime" if namespace else "ClusterServingRuntime", name, spec, namespace)


def choice(ended: Ended) -> dict[str, Any]:
    assert ended.code == 0, ended.log
    found: dict[str, Any] = json.loads(ended.outputs["choice"])
    return found


def test_a_runtime_of_the_namespace_comes_first_whatever_programs_are_here(cluster: Cluster, model: str) -> None:
    namespace = cluster.server.new_namespace("team")
    cluster.make_node("node-a", holds="tiny")
    make_runtime(cluster, "serve")
    make_runtime(cluster, "serve", namespace)
    found = choice(cluster.run("select-runtime", model=model, namespace=namespace))
    assert (found["runtime"], found["runtimeNamespace"], found["accelerator"]) == ("serve", namespace, "plain")
    elsewhere = choice(cluster.run("select-runtime", model=model, namespace="default"))
    assert elsewhere["runtimeNamespace"] == ""


def test_only_nodes_that_have_the_model_count(cluster: Cluster, model: str) -> None:
    make_runtime(cluster, "serve")
    cluster.make_node("small", holds="tiny", memory="1Gi")
    cluster.make_node("large", memory="64Gi")
    found = choice(cluster.run("select-runtime", model=model))
    assert "only 1 of 2 nodes have the model, and only these count: small" in found["warnings"]
    assert "the node has 1.00," in found["fit"]["explanation"]


def test_before_any_node_has_the_model_all_count(cluster: Cluster, model: str) -> None:
    make_runtime(cluster, "serve")
    cluster.make_node("large", memory="64Gi")
    found = choice(cluster.run("select-runtime", model=model))
    assert "the node has 64.00," in found["fit"]["explanation"]
    assert any("models.ome.io/clusterbasemodel.tiny=Ready" in warning for warning in found["warnings"])
    facts = json.loads(cluster.run("parse-model", manifest=digest_of(cluster)).outputs["facts"])
    before = choice(cluster.run("select-runtime", model="not-yet-there", facts=json.dumps(facts)))
    assert before["runtime"] == "serve"
    assert not any("label" in warning for warning in before["warnings"])


def test_before_any_node_has_the_model_those_count_that_it_is_to_come_to(cluster: Cluster, model: str) -> None:
    make_runtime(cluster, "serve")
    cluster.make_node("small", memory="1Gi")
    cluster.make_node("large", memory="64Gi")
    names = {"nodeSelector": {"kubernetes.io/hostname": "small"}}
    cluster.admin.patch(model_named(model), {"spec": {"storage": names}})
    found = choice(cluster.run("select-runtime", model=model))
    assert "the node has 1.00," in found["fit"]["explanation"]
    assert any("the 1 of 2 nodes that spec.storage chooses were looked at" in warning for warning in found["warnings"])
    cluster.admin.patch(
        model_named(model), {"spec": {"storage": {"nodeSelector": {"kubernetes.io/hostname": "gone"}}}}
    )
    nowhere = cluster.run("select-runtime", model=model)
    assert (nowhere.code, nowhere.failure["code"]) == (17, "does-not-fit")
    assert "the 0 of 2 nodes that spec.storage chooses" in nowhere.failure["message"]


def test_a_selection_that_finds_nothing_leaves_every_runtime_with_its_reason(cluster: Cluster, model: str) -> None:
    cluster.make_node("node-a", holds="tiny", spec={"unschedulable": True})
    names = [f"serve-{number:02}" for number in range(20)]
    for name in names:
        make_runtime(cluster, name)
    ended = cluster.run("select-runtime", model=model)
    assert ended.code == 17
    left = json.loads(ended.outputs["choice"])
    assert left["runtime"] == ""
    assert sorted(row["runtime"] for row in left["refused"]) == names
    assert all("none of them ready" in row["reason"] and not row["isCandidate"] for row in left["refused"])


def test_a_person_reads_the_same_table_by_a_kubeconfig(cluster: Cluster, model: str) -> None:
    cluster.make_node("large", holds="tiny", memory="64Gi")
    cluster.make_node("small", memory="1Gi")
    make_runtime(cluster, "serve")
    make_runtime(cluster, "big", minReplicas=1)
    chosen = choice(cluster.run("select-runtime", model=model))
    rows = {row["runtime"]: row for row in explained(cluster, model)}
    assert [name for name, row in rows.items() if row["verdict"] == "chosen"] == [chosen["runtime"]]
    assert {name: row["reason"] for name, row in rows.items() if row["verdict"] != "chosen"} == {
        row["runtime"]: row["reason"] for row in chosen["refused"]
    }
    cluster.make(
        "InferenceService", "chat",
        {"model": {"name": model}, "acceleratorSelector": {"constraints": {"excludedClasses": ["plain"]}}}, "default",
    )  # fmt: skip
    asked = explained(cluster, model, "--service", "chat")
    assert {row["verdict"] for row in asked} == {"refused"}
    assert all("excluded by the constraints" in row["reason"] for row in asked)


def test_of_a_model_that_is_held_back_the_facts_are_those_that_were_looked_at(cluster: Cluster, model: str) -> None:
    cluster.make_node("large", memory="64Gi")
    make_runtime(cluster, "serve")
    facts = cluster.run("parse-model", manifest=digest_of(cluster)).outputs["facts"]
    cluster.make("ClusterBaseModel", "held", {"storage": {"storageUri": NAME}})
    labels = {"ome.io/pipeline": "check-fit", "ome.io/kind": "ClusterBaseModel", "ome.io/name": "held"}
    looked: Object = workflow("fit-held-1")
    looked["metadata"]["labels"] = labels
    looked["status"] = {"nodes": {"parse": {"outputs": {"parameters": [{"name": "facts", "value": facts}]}}}}
    cluster.admin.apply(looked)
    assert [(row["runtime"], row["verdict"]) for row in explained(cluster, "held")] == [("serve", "chosen")]


def test_what_nothing_here_holds_is_refused_by_its_header_alone(cluster: Cluster, model: str) -> None:
    files, settings = huge_files()
    cluster.hub.add("acme/huge", files, settings)
    cluster.make_node("large", memory="64Gi")
    make_runtime(cluster, "serve", model_format="gguf")
    cluster.hub.ledger.clear()
    resolved = cluster.run("resolve-model", uri=HUGE).outputs
    facts = cluster.run("parse-model", manifest=resolved["manifest"]).outputs["facts"]
    assert int(resolved["total_bytes"]) > HUGE_BYTES and json.loads(facts)["parameters"]["total"] == HUGE_BYTES // 2
    refused = cluster.run("select-runtime", model="huge", facts=facts, fit="enforce")
    assert (refused.code, refused.failure["code"]) == (17, "does-not-fit")
    assert "1862.65 GiB of weights" in refused.failure["message"]
    assert 0 < cluster.hub.ledger.counts().bytes[f"lfs/{HUGE_WEIGHTS}"] <= len(files["model.gguf"])


def explained(cluster: Cluster, *words: str) -> list[dict[str, Any]]:
    command = ["runtimes", "explain", *words, "--kubeconfig", str(cluster.server.kubeconfig), "-o", "json"]
    ran = CliRunner().invoke(app, command)
    assert ran.exit_code == 0, (ran.output, ran.exception)
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    return found


def model_named(name: str) -> Object:
    return {"apiVersion": "ome.io/v1beta1", "kind": "ClusterBaseModel", "metadata": {"name": name}}


def test_a_tainted_node_takes_only_what_tolerates_it(cluster: Cluster, model: str) -> None:
    taint = {"key": "dedicated", "value": "models", "effect": "NoSchedule"}
    cluster.make_node("node-a", holds="tiny", spec={"taints": [taint]})
    make_runtime(cluster, "shy")
    refused = cluster.run("select-runtime", model=model)
    assert (refused.code, refused.failure["code"]) == (17, "does-not-fit")
    assert "do not tolerate their taints (dedicated)" in refused.failure["message"]
    tolerations = [{"key": "dedicated", "operator": "Exists"}]
    assert choice(cluster.run("select-runtime", model=model, tolerations=tolerations))["runtime"] == "shy"
    make_runtime(cluster, "bold", tolerations=tolerations)
    assert choice(cluster.run("select-runtime", model=model))["runtime"] == "bold"


def test_a_cordoned_node_and_a_missing_import_are_said(cluster: Cluster, model: str) -> None:
    make_runtime(cluster, "serve")
    cluster.make_node("node-a", holds="tiny", spec={"unschedulable": True})
    cordoned = cluster.run("select-runtime", model=model)
    assert "1 nodes have it, none of them ready" in cordoned.failure["message"]
    cluster.make("ClusterBaseModel", "fresh", {"storage": {"storageUri": NAME}})
    fresh = cluster.run("select-runtime", model="fresh")
    assert (fresh.code, fresh.failure["code"]) == (16, "invalid-input")
    assert "status.artifact.digest is empty" in fresh.failure["message"]


def digest_of(cluster: Cluster) -> str:
    found = cluster.admin.request("GET", "/apis/ome.io/v1beta1/clusterbasemodels/tiny")
    return str(found["status"]["artifact"]["digest"])


def test_a_node_object_is_read_as_kubernetes_writes_it() -> None:
    document = yaml.safe_load("""
        metadata: {name: gpu-1, labels: {nvidia.com/gpu.memory: "81559"}}
        spec: {taints: [{key: nvidia.com/gpu, value: present, effect: NoSchedule}]}
        status:
          allocatable: {cpu: 3920m, memory: 16393240Ki, pods: "110", ephemeral-storage: 9Gi, hugepages-2Mi: "0",
                        nvidia.com/gpu: "8"}
          conditions: [{type: MemoryPressure, status: "False"}, {type: Ready, status: "True"}]
    """)
    (node,) = nodes_of([document])
    assert node.allocatable == Resources(cpu=3.92, memory=16393240 * 1024, devices={"nvidia.com/gpu": 8})
    assert node.is_usable
    assert node.taints == (Taint(key="nvidia.com/gpu", value="present", effect="NoSchedule"),)
    (found,) = nodes_for((), [node])
    assert found.is_usable, "a taint named as its device is tolerated by pods that ask for the device"
    (bare,) = nodes_of([{"metadata": {"name": "new"}}])
    assert (bare.is_ready, bare.allocatable) == (False, Resources())


@pytest.mark.parametrize(
    ("toleration", "matches"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "a", "operator": "Exists"}, True),
        ({"key": "a", "operator": "Equal", "value": "1"}, True),
        ({"key": "a", "value": "1", "effect": "NoSchedule"}, True),
        ({"key": "a", "value": "2"}, False),
        ({"key": "b", "operator": "Exists"}, False),
        ({"key": "a", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"value": "1"}, False),
    ],
)
def test_tolerations_match_as_the_scheduler_has_them(toleration: dict[str, str], matches: bool) -> None:
    assert tolerates(toleration, Taint(key="a", value="1", effect="NoSchedule")) == matches


TAINTS = st.builds(
    Taint,
    key=st.sampled_from("ab"),
    value=st.sampled_from(["", "1"]),
    effect=st.sampled_from(["NoSchedule", "NoExecute", "PreferNoSchedule"]),
)
TOLERATIONS = st.lists(
    st.fixed_dictionaries({"key": st.sampled_from("ab"), "operator": st.sampled_from(["Exists", "Equal"])}), max_size=3
)


@given(taints=st.lists(TAINTS, max_size=3), fewer=TOLERATIONS, more=TOLERATIONS)
def test_more_tolerations_never_close_a_node(
    taints: list[Taint], fewer: list[dict[str, str]], more: list[dict[str, str]]
) -> None:
    node = Node(name="n", taints=tuple(taints))
    (narrow,), (wide,) = nodes_for(fewer, [node]), nodes_for(fewer + more, [node])
    assert wide.is_usable or not narrow.is_usable
    assert nodes_for([{"operator": "Exists"}], [node]) == (node,)
