"""A model's source moves on: the model says so or follows. What is served stays."""

from controller.plans import plan_model
from pipelines.node_caches import node_caches
from tests.controller.plans.argo import (
    DIGEST,
    REVISION,
    checking,
    importing,
    only_run,
    runs_of,
)
from tests.controller.plans.following import ITS_DIGEST, NEWER, NEWEST, arguments, asked, entry, following
from tests.controller.plans.golden import check_plan
from tests.controller.plans.models import LABEL, MODEL, imported, nodes_of, settle
from tests.controller.plans.objects import URI, add_manifest, add_node, condition


def test_a_person_asks_for_a_look() -> None:
    cluster = imported("node-a")
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/refresh": "now"}}})
    check_plan("model-looks", cluster.plan(plan_model, *MODEL))


def test_an_answer_that_is_the_same_is_told_once_and_nothing_else_changes() -> None:
    cluster = imported("node-a")
    before = {key: value for key, value in cluster.get(*MODEL)["status"].items() if key != "conditions"}
    status = asked(cluster, revision=REVISION)
    said = condition(cluster.get(*MODEL), "UpToDate")
    assert (said["status"], said["reason"]) == ("True", "UpToDate") and REVISION[:12] in said["message"]
    assert {key: status[key] for key in before} == before
    assert status["source"]["revision"] == REVISION and status["source"]["refresh"] == "now"
    assert len(runs_of(cluster, "import-model")) == 1
    assert len(runs_of(cluster, "check-revision")) == 1, "the same value asks once"


def test_a_newer_revision_is_told_with_both_and_how_to_take_or_leave_it_and_nothing_is_fetched() -> None:
    cluster = imported("node-a")
    status = asked(cluster)
    said = condition(cluster.get(*MODEL), "UpToDate")
    assert (said["status"], said["reason"], said["severity"]) == ("False", "NewerRevision", "Info")
    assert NEWER[:12] in said["message"] and REVISION[:12] in said["message"]
    assert "revisionPolicy to OnChange" in said["message"] and f"{URI}@{REVISION}" in said["message"]
    assert status["state"] == "Ready" and status["artifact"]["revision"] == REVISION
    assert len(runs_of(cluster, "import-model")) == 1


def test_who_changes_the_policy_then_gets_the_revision_that_was_told() -> None:
    cluster = imported("node-a")
    asked(cluster)
    cluster.change(*MODEL, {"spec": {"storage": {"revisionPolicy": "OnChange"}}})
    settle(cluster)
    assert arguments(cluster, "import-model")["revision"] == NEWER


def test_on_change_a_newer_revision_is_imported_and_the_earlier_one_served_until_it_is_there() -> None:
    cluster = following("node-a", "node-b")
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/refresh": "now"}}})
    settle(cluster)
    cluster.pass_time(10)
    checking(cluster, only_run(cluster, "check-revision"), revision=NEWER, digest=ITS_DIGEST)
    check_plan("model-moved", cluster.plan(plan_model, *MODEL))
    settle(cluster)
    run = only_run(cluster, "import-model")
    assert arguments(cluster, "import-model")["revision"] == NEWER
    assert nodes_of(cluster, run) == ["node-a", "node-b"]

    importing(
        cluster, run, cached={"node-a": "Succeeded", "node-b": "Running"}, digest=ITS_DIGEST, revision=NEWER,
        is_over=False,
    )  # fmt: skip
    status = settle(cluster)
    said = {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}
    assert said["Ready"] == ("True", "Ready") and said["UpToDate"] == ("False", "Updating")
    assert said["Resolved"] == ("True", "Resolved") and said["Parsed"] == ("True", "Parsed")
    assert status["state"] == "Ready" and status["nodesReady"] == ["node-a", "node-b"]
    assert (status["artifact"]["revision"], status["artifact"]["digest"]) == (REVISION, f"sha256:{DIGEST}")
    assert entry(cluster, "node-a")["digest"] == f"sha256:{ITS_DIGEST}"
    assert cluster.get("Node", "", "node-b")["metadata"]["labels"][LABEL] == "Ready"

    importing(cluster, run, digest=ITS_DIGEST, revision=NEWER)
    status = settle(cluster)
    assert (status["artifact"]["revision"], status["artifact"]["digest"]) == (NEWER, f"sha256:{ITS_DIGEST}")
    assert condition(cluster.get(*MODEL), "UpToDate")["status"] == "True"
    assert status["nodesReady"] == ["node-a", "node-b"] and status["state"] == "Ready"
    assert len(runs_of(cluster, "import-model")) == 2


def test_nodes_that_have_the_newer_revision_already_are_not_listed_as_older() -> None:
    cluster = following("node-a", "node-b", "node-c")
    asked(cluster)
    run = only_run(cluster, "import-model")
    importing(
        cluster, run, cached={"node-a": "Succeeded", "node-b": "Running", "node-c": "Running"}, digest=ITS_DIGEST,
        revision=NEWER, is_over=False,
    )  # fmt: skip
    settle(cluster)

    def listed() -> dict[str, str]:
        records = [each for each in cluster.of_kind("ConfigMap") if each["metadata"]["name"].startswith("node-")]
        return {node.node: node.models[0].state for node in node_caches(records, [cluster.get(*MODEL)])}

    assert listed() == dict.fromkeys(("node-a", "node-b", "node-c"), "ready")
    importing(
        cluster, run, cached={"node-a": "Succeeded", "node-b": "Succeeded", "node-c": "unsafe"}, digest=ITS_DIGEST,
        revision=NEWER,
    )  # fmt: skip
    cluster.change(*MODEL, {"spec": {"minReadyNodes": 2}})
    assert settle(cluster)["artifact"]["revision"] == NEWER
    assert listed() == {"node-a": "ready", "node-b": "ready", "node-c": "older"}


def test_manifests_change_hands_when_the_newer_revision_is_served_and_not_before() -> None:
    cluster = following("node-a")
    add_manifest(cluster, DIGEST, cluster.of_kind("Workflow")[0])
    settle(cluster)
    asked(cluster)
    run = only_run(cluster, "import-model")
    add_manifest(cluster, ITS_DIGEST, cluster.get("Workflow", "ome", run))
    importing(cluster, run, cached={"node-a": "Running"}, digest=ITS_DIGEST, revision=NEWER, is_over=False)
    settle(cluster)
    assert cluster.get("ConfigMap", "ome", f"manifest-{ITS_DIGEST[:12]}")["metadata"]["ownerReferences"]
    assert cluster.find("ConfigMap", "ome", f"manifest-{DIGEST[:12]}") is not None
    importing(cluster, run, digest=ITS_DIGEST, revision=NEWER)
    settle(cluster)
    assert not cluster.get("ConfigMap", "ome", f"manifest-{ITS_DIGEST[:12]}")["metadata"].get("ownerReferences")
    assert cluster.find("ConfigMap", "ome", f"manifest-{DIGEST[:12]}") is None


def test_a_newer_revision_that_cannot_be_had_leaves_the_earlier_one_served_and_is_told() -> None:
    cluster = following("node-a")
    asked(cluster)
    importing(
        cluster, only_run(cluster, "import-model"), cached={"node-a": "unsafe"}, digest=ITS_DIGEST, revision=NEWER
    )
    status = settle(cluster)
    said = condition(cluster.get(*MODEL), "UpToDate")
    assert status["state"] == "Ready" and status["artifact"]["revision"] == REVISION
    assert (said["status"], said["reason"]) == ("False", "Unsafe")
    assert "it went wrong" in said["message"] and f"{URI}@{REVISION}" in said["message"]
    assert cluster.get("Node", "", "node-a")["metadata"]["labels"][LABEL] == "Ready"

    asked(cluster, "again", revision=NEWEST)
    assert arguments(cluster, "import-model")["revision"] == NEWEST, "the next one may be better"
    importing(cluster, only_run(cluster, "import-model"), digest="ef" * 32, revision=NEWEST)
    assert settle(cluster)["artifact"]["revision"] == NEWEST


def test_a_node_that_comes_after_a_change_gets_the_newer_revision_alone() -> None:
    cluster = following("node-a")
    asked(cluster)
    importing(cluster, only_run(cluster, "import-model"), digest=ITS_DIGEST, revision=NEWER)
    settle(cluster)
    add_node(cluster, "node-b")
    settle(cluster)
    assert nodes_of(cluster, only_run(cluster, "import-model")) == ["node-b"]
    assert arguments(cluster, "import-model")["revision"] == NEWER
    cluster.change(*MODEL, {"spec": {"storage": {"revisionPolicy": "IfNotPresent"}}})
    settle(cluster)
    assert nodes_of(cluster, only_run(cluster, "import-model")) == ["node-b"], "what was taken is kept"


def test_runs_and_records_that_are_cleared_away_change_nothing() -> None:
    cluster = following("node-a")
    asked(cluster)
    importing(cluster, only_run(cluster, "import-model"), digest=ITS_DIGEST, revision=NEWER)
    status = settle(cluster)
    for item in cluster.of_kind("Workflow"):
        cluster.delete("Workflow", "ome", item["metadata"]["name"])
    assert settle(cluster) == status
    cluster.delete("ConfigMap", "ome", "node-a")
    assert settle(cluster)["artifact"] == status["artifact"]
    assert arguments(cluster, "import-model")["revision"] == NEWER, "only the facts, which went with the record"


def test_records_that_are_lost_while_a_newer_revision_is_on_its_way_do_not_pass_for_that() -> None:
    cluster = following("node-a", "node-b")
    asked(cluster)
    cluster.delete("Workflow", "ome", only_run(cluster, "import-model"))
    for node in ("node-a", "node-b"):
        cluster.delete("ConfigMap", "ome", node)
    assert settle(cluster)["artifact"]["revision"] == REVISION
    run = only_run(cluster, "import-model")
    assert nodes_of(cluster, run) == ["node-a", "node-b"]
    importing(cluster, run, digest=ITS_DIGEST, revision=NEWER)
    assert settle(cluster)["artifact"]["revision"] == NEWER


def test_a_source_that_cannot_be_asked_leaves_the_model_ready_and_is_told() -> None:
    cluster = following("node-a")
    status = asked(cluster, outcome="network")
    said = condition(cluster.get(*MODEL), "UpToDate")
    assert (said["status"], said["reason"]) == ("Unknown", "NetworkFailed")
    assert "it went wrong" in said["message"] and REVISION[:12] in said["message"]
    assert status["state"] == "Ready" and len(runs_of(cluster, "import-model")) == 1
    assert asked(cluster, "again", revision=REVISION)["source"].get("reason") is None
    assert condition(cluster.get(*MODEL), "UpToDate")["status"] == "True"


def test_a_changed_uri_forgets_what_was_said_of_the_one_before() -> None:
    cluster = following("node-a")
    asked(cluster)
    importing(cluster, only_run(cluster, "import-model"), digest=ITS_DIGEST, revision=NEWER)
    settle(cluster)
    cluster.change(*MODEL, {"spec": {"storage": {"storageUri": "hf://org/other"}}})
    status = settle(cluster)
    assert "source" not in status and "UpToDate" not in {c["type"] for c in status["conditions"]}
    assert "revision" not in arguments(cluster, "import-model")
