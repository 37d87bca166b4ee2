"""Which files a model gets: those of the pinned manifest, those that its other nodes have, and no others."""

from tests.controller.plans.argo import (
    DIGEST,
    REVISION,
    importing,
    only_run,
    runs_of,
    submitted_by_a_person,
)
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.following import ITS_DIGEST, NEWER, arguments, asked, following
from tests.controller.plans.models import MODEL, cluster_with, imported, settle
from tests.controller.plans.objects import URI, add_node, condition, model_body


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
