"""A model from its first plan on: what a run's results become, and which runs are its own."""

import hashlib
import json

import pytest

from controller.index import arguments_of
from controller.observed import Settings
from controller.plans import plan_model
from crds.labels import INPUTS
from tests.controller.plans.argo import (
    DIGEST,
    REVISION,
    evicting,
    importing,
    only_run,
    runs_of,
    submitted_by_a_person,
    told,
    write,
)
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.golden import check_plan
from tests.controller.plans.models import LABEL, MODEL, TENANTS, cluster_with, imported, settle
from tests.controller.plans.objects import URI, add_manifest, add_node, condition, model_body


def test_a_new_model_gets_a_run() -> None:
    cluster = cluster_with("node-a", "node-b")
    check_plan("model-new", cluster.plan(plan_model, *MODEL))


def test_a_model_with_a_run_gets_a_finalizer_before_anything_is_written_down_for_it() -> None:
    cluster = cluster_with("node-a", "node-b")
    cluster.step(plan_model, *MODEL)
    importing(cluster, only_run(cluster, "import-model"), cached={"node-a": "Running"}, is_over=False)
    check_plan("model-submitted", cluster.plan(plan_model, *MODEL))


def test_a_running_import_is_told() -> None:
    cluster = cluster_with("node-a", "node-b")
    settle(cluster)
    importing(
        cluster, only_run(cluster, "import-model"), cached={"node-a": "Running"}, parsed="Running", is_over=False
    )
    check_plan("model-downloading", cluster.plan(plan_model, *MODEL))


def test_a_finished_import_is_recorded() -> None:
    cluster = cluster_with("node-a")
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    check_plan("model-imported", cluster.plan(plan_model, *MODEL))


def test_a_node_that_has_it_is_labelled_while_the_others_still_load() -> None:
    cluster = cluster_with("node-a", "node-b")
    settle(cluster)
    run = only_run(cluster, "import-model")
    importing(cluster, run, cached={"node-a": "Succeeded", "node-b": "Running"}, is_over=False)
    status = settle(cluster)
    assert cluster.get("Node", "", "node-a")["metadata"]["labels"][LABEL] == "Ready"
    assert cluster.get("Node", "", "node-b")["metadata"]["labels"][LABEL] == "Updating"
    assert status["state"] == "In_Transit"
    assert status["progress"]["nodesReady"] == "1/2"


def test_nothing_is_written_when_nothing_changed() -> None:
    cluster = imported("node-a", "node-b")
    cluster.written.clear()
    cluster.pass_time(3600)
    assert cluster.plan(plan_model, *MODEL).actions == ()
    assert condition(cluster.get(*MODEL), "Ready")["lastTransitionTime"] == "2026-11-21T12:00:00Z"


def test_an_imported_model_has_all_that_users_look_up() -> None:
    cluster = imported("node-a")
    model, node = cluster.get(*MODEL), cluster.get("Node", "", "node-a")["metadata"]["labels"]
    assert model["status"]["state"] == "Ready"
    assert model["status"]["artifact"]["digest"] == f"sha256:{DIGEST}"
    assert model["status"]["nodesReady"] == ["node-a"]
    assert node[LABEL] == "Ready" and node[f"models.ome/{model['metadata']['uid']}"] == "Ready"
    entry = json.loads(cluster.get("ConfigMap", "ome", "node-a")["data"]["clusterbasemodel.smollm2"])
    assert entry["status"] == "Ready" and entry["config"]["modelParameterSize"] == "134.52M"
    assert model["spec"]["modelArchitecture"] == "LlamaForCausalLM"


def test_the_spec_is_left_alone_where_parsing_is_not_wanted() -> None:
    cluster = cluster_with("node-a")
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/skip-config-parsing": "true"}}})
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    settle(cluster)
    assert "modelType" not in cluster.get(*MODEL)["spec"]
    assert condition(cluster.get(*MODEL), "Parsed")["reason"] == "ParsingSkipped"


def test_what_a_person_wrote_into_the_spec_stays() -> None:
    cluster = imported("node-a", modelType="mine")
    assert cluster.get(*MODEL)["spec"]["modelType"] == "mine"


def test_other_models_entries_stay_in_the_shared_config_map() -> None:
    cluster = imported("node-a")
    cluster.add(model_body("other", storage={"storageUri": URI}))
    other = ("ClusterBaseModel", "", "other")
    cluster.settle(plan_model, *other)
    importing(cluster, only_run(cluster, "import-model"))
    cluster.settle(plan_model, *other)
    cluster.delete(*other)
    cluster.settle(plan_model, *other)
    evicting(cluster, only_run(cluster, "evict-model"))
    cluster.settle(plan_model, *other)
    assert list(cluster.get("ConfigMap", "ome", "node-a")["data"]) == ["clusterbasemodel.smollm2"]


def test_a_changed_uri_is_a_new_artifact_and_the_old_manifest_goes() -> None:
    cluster = imported("node-a")
    add_manifest(cluster, DIGEST, cluster.of_kind("Workflow")[0])
    settle(cluster)
    assert not cluster.get("ConfigMap", "ome", f"manifest-{DIGEST[:12]}")["metadata"].get("ownerReferences")
    cluster.pass_time(60)
    cluster.change(*MODEL, {"spec": {"storage": {"storageUri": "hf://org/other"}}})
    settle(cluster)
    assert cluster.get("Node", "", "node-a")["metadata"]["labels"][LABEL] == "Ready"
    importing(cluster, only_run(cluster, "import-model"), digest="cd" * 32, revision="feed" * 10)
    status = settle(cluster)
    assert status["artifact"]["digest"] == f"sha256:{'cd' * 32}"
    assert cluster.find("ConfigMap", "ome", f"manifest-{DIGEST[:12]}") is None


def test_a_spec_that_changes_under_a_run_stops_it() -> None:
    cluster = cluster_with("node-a")
    settle(cluster)
    first = only_run(cluster, "import-model")
    cluster.change(*MODEL, {"spec": {"storage": {"storageUri": "hf://org/other"}}})
    settle(cluster)
    assert only_run(cluster, "import-model") != first


def test_a_run_of_a_person_is_adopted_not_doubled() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    arguments = {"uri": URI, "name": "smollm2", "nodes": '["node-a"]'}
    defaults = {"scope": "ClusterBaseModel", "namespace": "default", "secret_key": "token", "path": "", "secret": ""}
    submitted_by_a_person(cluster, "import-model", "import-abc", arguments, defaults)
    cluster.pass_time(5)
    cluster.add(model_body())
    cluster.step(plan_model, *MODEL)
    check_plan("model-adopts", cluster.plan(plan_model, *MODEL))
    settle(cluster)
    assert runs_of(cluster, "import-model") == ["import-abc"]
    importing(cluster, "import-abc")
    assert settle(cluster)["state"] == "Ready"
    assert runs_of(cluster, "import-model") == ["import-abc"]


def test_pickles_are_allowed_by_the_model_and_a_run_that_says_otherwise_is_not_its() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    arguments = {"uri": URI, "name": "smollm2", "nodes": '["node-a"]'}
    submitted_by_a_person(cluster, "import-model", "import-abc", arguments, {"unsafe_pickles": "refuse"})
    cluster.pass_time(5)
    cluster.add(model_body())
    cluster.change(*MODEL, {"spec": {"storage": {"parameters": {"unsafePickles": "allow"}}}})
    settle(cluster)
    (ours,) = [name for name in runs_of(cluster, "import-model") if name != "import-abc"]
    given = cluster.get("Workflow", "ome", ours)["spec"]["arguments"]["parameters"]
    assert {"name": "unsafe_pickles", "value": "allow"} in given


def test_a_model_says_how_its_bytes_come_to_nodes_and_a_run_that_brings_them_otherwise_is_its_all_the_same() -> None:
    cluster = cluster_with("node-a")
    cluster.change(*MODEL, {"spec": {"storage": {"parameters": {"distribution": "direct"}}}})
    cluster.step(plan_model, *MODEL)
    run = only_run(cluster, "import-model")
    given = cluster.get("Workflow", "ome", run)["spec"]["arguments"]["parameters"]
    assert {"name": "distribution", "value": "direct"} in given
    cluster.change(*MODEL, {"spec": {"storage": {"parameters": {"distribution": "swarm"}}}})
    settle(cluster)
    assert runs_of(cluster, "import-model") == [run]


SIGNER = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----"


def test_a_signature_is_asked_for_by_the_model_and_its_status_says_whose_was_verified() -> None:
    cluster = imported("node-a")
    assert "signedBy" not in cluster.get(*MODEL)["status"]["artifact"]
    cluster.change(*MODEL, {"spec": {"storage": {"parameters": {"signedBy": SIGNER}}}})
    assert "signedBy" not in settle(cluster)["artifact"], "nobody has verified what is there"
    ours = only_run(cluster, "import-model")
    given = cluster.get("Workflow", "ome", ours)["spec"]["arguments"]["parameters"]
    assert {"name": "signed_by", "value": SIGNER} in given
    assert "signature" not in {each["name"] for each in given}
    importing(cluster, ours)
    status = settle(cluster)
    pem = f"{SIGNER}\n"
    digest = f"sha256:{hashlib.sha256(pem.encode()).hexdigest()}"
    assert status["state"] == "Ready"
    assert status["artifact"]["signedBy"] == digest
    assert condition(cluster.get(*MODEL), "Cached")["message"] == f"On 1 of 1 nodes, with a signature by {digest}."


@pytest.mark.parametrize(
    ("asked", "is_the_models"),
    [
        ({"signed_by": ""}, False),
        ({"signed_by": SIGNER.replace("MFkw", "MFkx")}, False),
        ({"signed_by": SIGNER, "signature": "other.sig"}, False),
        ({"signed_by": f"{SIGNER}\n"}, True),
    ],
    ids=["none", "another signer's", "in another file", "the same"],
)
def test_a_run_is_the_models_that_asked_for_the_same_signature(asked: dict[str, str], is_the_models: bool) -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    arguments = {"uri": URI, "name": "smollm2", "nodes": '["node-a"]'}
    defaults = {"scope": "ClusterBaseModel", "namespace": "default", "signature": "model.sig"}
    submitted_by_a_person(cluster, "import-model", "import-abc", arguments, defaults | asked)
    cluster.pass_time(5)
    cluster.add(model_body(storage={"parameters": {"signedBy": SIGNER}}))
    settle(cluster)
    assert (INPUTS in cluster.get("Workflow", "ome", "import-abc")["metadata"].get("annotations", {})) is is_the_models


def test_a_run_that_an_earlier_model_of_that_name_owns_is_stopped_and_another_submitted() -> None:
    cluster = cluster_with("node-a")
    cluster.step(plan_model, *MODEL)
    first = only_run(cluster, "import-model")
    cluster.objects.pop(MODEL)  # deleted before it had a finalizer; who collects what it owned has yet to come by
    cluster.add(model_body())
    settle(cluster)
    assert only_run(cluster, "import-model") != first
    importing(cluster, only_run(cluster, "import-model"))
    assert settle(cluster)["state"] == "Ready"


def test_a_tenants_model_has_its_finalizer_before_its_run_which_outlives_it() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    cluster.add(model_body(namespace="team"))
    cluster.step(plan_model, *TENANTS)
    written = [type(action).__name__ for action in cluster.written]
    assert written.index("PatchObject") < written.index("CreateObject")
    assert "ownerReferences" not in cluster.get("Workflow", "ome", only_run(cluster, "import-model"))["metadata"]


def test_a_run_of_an_earlier_model_of_that_name_is_not_adopted() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    arguments = {"uri": URI, "name": "smollm2", "scope": "ClusterBaseModel", "nodes": '["node-a"]'}
    submitted_by_a_person(cluster, "import-model", "import-abc", arguments)
    importing(cluster, "import-abc")
    cluster.pass_time(5)
    cluster.add(model_body())
    settle(cluster)
    assert only_run(cluster, "import-model") != "import-abc"


def test_a_run_with_other_arguments_is_waited_for() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    arguments = {"uri": "hf://org/other", "name": "smollm2", "scope": "ClusterBaseModel", "nodes": '["node-a"]'}
    submitted_by_a_person(cluster, "import-model", "import-abc", arguments)
    cluster.add(model_body())
    settle(cluster)
    assert runs_of(cluster, "import-model") == ["import-abc"]
    cluster.pass_time(5)
    write(cluster, "import-abc", "Failed", message=told("network"))
    settle(cluster)
    assert len(runs_of(cluster, "import-model")) == 2


def test_large_runs_keep_their_nodes_packed() -> None:
    cluster = cluster_with("node-a", "node-b")
    settle(cluster)
    run = only_run(cluster, "import-model")
    importing(cluster, run, cached={"node-a": "Succeeded", "node-b": "auth"}, is_compressed=True)
    status = settle(cluster)
    assert (status["nodesReady"], status["nodesFailed"]) == (["node-a"], ["node-b"])


def test_a_disabled_model_is_left_alone() -> None:
    cluster = cluster_with("node-a", disabled=True)
    settle(cluster)
    assert condition(cluster.get(*MODEL), "Ready")["reason"] == "Disabled"
    assert not cluster.of_kind("Workflow") and not cluster.get(*MODEL)["metadata"].get("finalizers")


def test_a_vendors_model_is_ready_at_once() -> None:
    cluster = cluster_with("node-a", storage={"storageUri": "vendor://acme/llm/one"})
    assert settle(cluster)["state"] == "Ready"
    assert not cluster.of_kind("Workflow")


def test_runs_that_are_cleared_away_change_nothing() -> None:
    cluster = imported("node-a", "node-b")
    before = cluster.get(*MODEL)["status"]
    for name in runs_of(cluster, "import-model"):
        cluster.delete("Workflow", "ome", name)
    assert cluster.plan(plan_model, *MODEL).actions == ()
    add_node(cluster, "node-c")
    settle(cluster)
    assert arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "import-model")))["revision"] == REVISION
    assert cluster.get(*MODEL)["status"]["artifact"] == before["artifact"]


def test_names_of_runs_stay_within_kubernetes_limits() -> None:
    cluster = Cluster(Settings())
    add_node(cluster, "node-a")
    name = "a" * 60 + ".b" * 40
    cluster.add(model_body(name))
    cluster.settle(plan_model, "ClusterBaseModel", "", name)
    assert len(only_run(cluster, "import-model")) <= 63
