"""A model's source moves on: it is asked at times, and the model says so or follows. What is served stays."""

import json
from itertools import pairwise
from typing import Any

import pytest

from controller.index import arguments_of
from controller.observed import Settings
from controller.plans import plan_model
from pipelines.node_caches import node_caches
from tests.controller.plans.argo import (
    DIGEST,
    REVISION,
    checking,
    evicting,
    importing,
    only_run,
    runs_of,
    submitted_by_a_person,
)
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.golden import check_plan
from tests.controller.plans.models import LABEL, MODEL, TENANTS, cluster_with, imported, nodes_of, settle
from tests.controller.plans.objects import URI, add_manifest, add_node, condition, model_body

NEWER = "beef" * 10
NEWEST = "feed" * 10
ITS_DIGEST = "cd" * 32
DAY = 24 * 3600


def asked(
    cluster: Cluster, value: str = "now", *, revision: str = NEWER, outcome: str = "Succeeded"
) -> dict[str, Any]:
    """A person asks for a look, and the source answers; the status after it."""
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/refresh": value}}})
    settle(cluster)
    cluster.pass_time(10)
    checking(cluster, only_run(cluster, "check-revision"), outcome, revision=revision, digest=ITS_DIGEST)
    return settle(cluster)


def arguments(cluster: Cluster, template: str) -> dict[str, str]:
    return arguments_of(cluster.get("Workflow", "ome", only_run(cluster, template)))


def following(*nodes: str, **storage: Any) -> Cluster:
    """A model that follows its source, imported."""
    return imported(*nodes, storage={"revisionPolicy": "OnChange", **storage})


def entry(cluster: Cluster, node: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.get("ConfigMap", "ome", node)["data"]["clusterbasemodel.smollm2"])
    return found


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


@pytest.mark.parametrize(
    "uri",
    [f"hf://org/name@{REVISION}", f"oci://registry.test:5000/org/model:v1@sha256:{'0' * 64}"],
    ids=["commit", "digest"],
)
def test_what_names_one_revision_is_never_looked_at(uri: str) -> None:
    cluster = imported("node-a", storage={"storageUri": uri})
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/refresh": "now"}}})
    for _ in range(50):
        plan = cluster.settle(plan_model, *MODEL)
        cluster.pass_time(3600)
    assert not runs_of(cluster, "check-revision") and plan.requeue_seconds is None


def test_a_model_is_looked_at_once_in_the_interval() -> None:
    cluster = imported("node-a")
    began, looks = cluster.now, []
    while (cluster.now - began).total_seconds() < 4 * DAY:
        plan = cluster.settle(plan_model, *MODEL)
        if any(not is_over(cluster, run) for run in runs_of(cluster, "check-revision")):
            looks.append(cluster.now)
            cluster.pass_time(5)
            checking(cluster, only_run(cluster, "check-revision"), revision=REVISION)
        else:
            cluster.pass_time(plan.requeue_seconds or DAY)
    assert 3 <= len(looks) <= 4  # noqa: PLR2004 - so many days
    assert {round((later - earlier).total_seconds()) for earlier, later in pairwise(looks)} <= {DAY, DAY + 1}
    assert len(runs_of(cluster, "check-revision")) <= 2, "old answers are cleared away"  # noqa: PLR2004


def test_models_are_looked_at_at_times_of_their_own() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    waits = set()
    for number in range(20):
        name = f"model-{number}"
        cluster.add(model_body(name))
        cluster.settle(plan_model, MODEL[0], "", name)
        importing(cluster, only_run(cluster, "import-model"))
        waits.add(round(cluster.settle(plan_model, MODEL[0], "", name).requeue_seconds or 0.0))
    assert len(waits) == 20 and max(waits) - min(waits) > DAY / 3  # noqa: PLR2004


def is_over(cluster: Cluster, run: str) -> bool:
    return "finishedAt" in (cluster.get("Workflow", "ome", run).get("status") or {})


def test_looks_that_were_missed_while_nobody_was_there_are_not_all_made_up_for_at_once() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    names = [f"model-{number}" for number in range(40)]
    for name in names:
        cluster.add(model_body(name))
        cluster.settle(plan_model, MODEL[0], "", name)
        importing(cluster, only_run(cluster, "import-model"))
        cluster.settle(plan_model, MODEL[0], "", name)
    cluster.pass_time(30 * DAY)
    for name in names:
        cluster.settle(plan_model, MODEL[0], "", name)
    assert len(runs_of(cluster, "check-revision")) < len(names) / 4


def test_with_an_interval_of_none_only_persons_ask() -> None:
    cluster = Cluster(Settings(revision_check_seconds=0))
    add_node(cluster, "node-a")
    cluster.add(model_body())
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    for _ in range(50):
        assert cluster.settle(plan_model, *MODEL).requeue_seconds is None
        cluster.pass_time(3600)
    assert not runs_of(cluster, "check-revision")
    asked(cluster, revision=REVISION)
    assert condition(cluster.get(*MODEL), "UpToDate")["status"] == "True"


def test_a_tenants_look_has_the_token_for_as_long_as_it_goes_on() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    cluster.add(model_body(namespace="team", storage={"storageUri": URI, "key": "hub-token"}))
    cluster.settle(plan_model, *TENANTS)
    importing(cluster, only_run(cluster, "import-model"))
    cluster.settle(plan_model, *TENANTS)
    assert not cluster.of_kind("Secret")
    cluster.change(*TENANTS, {"metadata": {"annotations": {"ome.io/refresh": "now"}}})
    cluster.settle(plan_model, *TENANTS)
    (copy,) = cluster.of_kind("Secret")
    assert arguments(cluster, "check-revision")["secret"] == copy["metadata"]["name"]
    cluster.pass_time(5)
    checking(cluster, only_run(cluster, "check-revision"), revision=REVISION)
    cluster.settle(plan_model, *TENANTS)
    assert not cluster.of_kind("Secret")
    cluster.delete(*TENANTS)
    cluster.settle(plan_model, *TENANTS)
    evicting(cluster, only_run(cluster, "evict-model"))
    cluster.settle(plan_model, *TENANTS)
    assert runs_of(cluster, "check-revision") == [], "a tenant's model cannot own its runs: they go with it"


def test_a_changed_uri_forgets_what_was_said_of_the_one_before() -> None:
    cluster = following("node-a")
    asked(cluster)
    importing(cluster, only_run(cluster, "import-model"), digest=ITS_DIGEST, revision=NEWER)
    settle(cluster)
    cluster.change(*MODEL, {"spec": {"storage": {"storageUri": "hf://org/other"}}})
    status = settle(cluster)
    assert "source" not in status and "UpToDate" not in {c["type"] for c in status["conditions"]}
    assert "revision" not in arguments(cluster, "import-model")


def test_later_nodes_get_the_files_of_a_bucket_that_the_others_have_or_none() -> None:
    cluster = imported("node-a", storage={"storageUri": "s3://bucket/model"})
    add_node(cluster, "node-b")
    settle(cluster)
    given = arguments(cluster, "import-model")
    assert given["manifest_digest"] == f"sha256:{DIGEST}" and "revision" not in given


def test_a_bucket_that_moved_is_followed_to_the_manifest_that_was_seen() -> None:
    cluster = following("node-a", storageUri="s3://bucket/model")
    asked(cluster)
    given = arguments(cluster, "import-model")
    assert given["manifest_digest"] == f"sha256:{ITS_DIGEST}" and "revision" not in given


def test_a_download_policy_without_effect_is_told_and_the_other_is_not() -> None:
    cluster = imported("node-a", storage={"downloadPolicy": "AlwaysDownload"})
    said = condition(cluster.get(*MODEL), "FieldsHonoured")
    assert (said["status"], said["reason"]) == ("False", "FieldsIgnored") and "AlwaysDownload" in said["message"]
    assert cluster.get(*MODEL)["status"]["state"] == "Ready"
    other = imported("node-a", storage={"downloadPolicy": "ReuseIfExists"})
    assert "FieldsHonoured" not in {c["type"] for c in other.get(*MODEL)["status"]["conditions"]}


def test_a_pinned_manifest_is_asked_for_and_never_looked_at() -> None:
    digest = "12" * 32
    cluster = imported("node-a", storage={"storageUri": "s3://bucket/model"})
    cluster.change(*MODEL, {"spec": {"storage": {"parameters": {"manifestDigest": f"sha256:{digest}"}}}})
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/refresh": "now"}}})
    settle(cluster)
    assert arguments(cluster, "import-model")["manifest_digest"] == digest
    importing(cluster, only_run(cluster, "import-model"), digest=digest)
    settle(cluster)
    assert cluster.get(*MODEL)["status"]["state"] == "Ready" and not runs_of(cluster, "check-revision")


def test_a_pinned_manifest_of_a_branch_is_looked_for_at_its_newest_commit() -> None:
    cluster = imported("node-a")
    cluster.change(*MODEL, {"spec": {"storage": {"parameters": {"manifestDigest": "12" * 32}}}})
    settle(cluster)
    given = arguments(cluster, "import-model")
    assert (given["uri"], given["manifest_digest"]) == (URI, "12" * 32) and "revision" not in given


def test_a_run_of_a_person_that_may_bring_other_files_is_not_that_of_a_pinned_model() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    asked_for = {"uri": URI, "name": "smollm2", "scope": "ClusterBaseModel", "nodes": '["node-a"]'}
    submitted_by_a_person(cluster, "import-model", "import-any", asked_for)
    submitted_by_a_person(cluster, "import-model", "import-it", asked_for | {"manifest_digest": f"sha256:{DIGEST}"})
    cluster.pass_time(5)
    cluster.add(model_body(storage={"parameters": {"manifestDigest": DIGEST}}))
    settle(cluster)
    adopted = cluster.get("Workflow", "ome", "import-it")["metadata"]["annotations"]
    assert "ome.io/inputs" in adopted
    assert "annotations" not in cluster.get("Workflow", "ome", "import-any")["metadata"]


def test_a_finished_run_of_an_earlier_revision_does_not_bring_it_back() -> None:
    cluster = following("node-a")
    asked(cluster)
    importing(cluster, only_run(cluster, "import-model"), digest=ITS_DIGEST, revision=NEWER)
    settle(cluster)
    cluster.pass_time(100)
    cluster.change(*MODEL, {"spec": {"storage": {"parameters": {"manifestDigest": ITS_DIGEST}}}})
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"), digest=ITS_DIGEST, revision=NEWER)
    settle(cluster)
    cluster.pass_time(4000)
    for look in runs_of(cluster, "check-revision"):
        cluster.delete("Workflow", "ome", look)
    cluster.change(*MODEL, {"spec": {"storage": {"parameters": None}}})
    assert settle(cluster)["artifact"]["revision"] == NEWER, "the run of the first one is there still"
    importing(cluster, only_run(cluster, "import-model"), resolved="network")
    cluster.pass_time(60)
    status = settle(cluster)
    assert (status["artifact"]["revision"], status["artifact"]["digest"]) == (NEWER, f"sha256:{ITS_DIGEST}")
    assert arguments(cluster, "import-model")["revision"] == NEWER


def test_what_was_resolved_stays_told_while_another_attempt_begins() -> None:
    cluster = cluster_with("node-a")
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"), cached={"node-a": "network"})
    settle(cluster)
    cluster.pass_time(60)
    settle(cluster)
    assert len(runs_of(cluster, "import-model")) == 2
    said = condition(cluster.get(*MODEL), "Resolved")
    assert said["status"] == "True" and REVISION[:12] in said["message"]
