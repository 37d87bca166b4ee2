"""A model that follows its source is changed, or its source goes elsewhere, while a newer revision is on its way."""

import pytest

from controller.plans import plan_model
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
from tests.controller.plans.following import (
    ITS_DIGEST,
    NEWER,
    NEWEST,
    arguments,
    asked,
    following,
    is_over,
)
from tests.controller.plans.models import MODEL, imported, nodes_of, settle
from tests.controller.plans.objects import URI, add_node, condition

SIGNER = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"


def test_the_earlier_revision_keeps_its_signature_while_a_newer_one_is_on_its_way() -> None:
    cluster = following("node-a", "node-b", parameters={"signedBy": SIGNER})
    artifact = cluster.get(*MODEL)["status"]["artifact"]
    assert artifact["signedBy"].startswith("sha256:")
    assert asked(cluster)["artifact"] == artifact
    signed = f", with a signature by {artifact['signedBy']}"
    assert signed in condition(cluster.get(*MODEL), "Cached")["message"]

    for node in ("node-a", "node-b"):
        cluster.delete("ConfigMap", "ome", node)
    status = settle(cluster)
    assert status["state"] == "Ready" and status["artifact"] == artifact

    importing(cluster, only_run(cluster, "import-model"), digest=ITS_DIGEST, revision=NEWER)
    status = settle(cluster)
    assert status["artifact"]["revision"] == NEWER and status["artifact"]["signedBy"] == artifact["signedBy"]


def test_who_asks_for_a_signature_while_a_newer_revision_is_on_its_way_is_not_served_what_has_none() -> None:
    cluster = following("node-a")
    asked(cluster)
    importing(
        cluster, only_run(cluster, "import-model"), cached={"node-a": "unsafe"}, digest=ITS_DIGEST, revision=NEWER
    )
    artifact = settle(cluster)["artifact"]
    cluster.change(*MODEL, {"spec": {"storage": {"parameters": {"signedBy": SIGNER}}}})
    status = settle(cluster)
    assert "nodesReady" not in status and status["state"] != "Ready"
    importing(
        cluster, only_run(cluster, "import-model"), cached={"node-a": "signature"}, digest=ITS_DIGEST, revision=NEWER
    )
    status = settle(cluster)
    assert "nodesReady" not in status and status["artifact"] == artifact, "nobody has verified what is there"
    said = condition(cluster.get(*MODEL), "Ready")
    assert (said["status"], said["reason"]) == ("False", "SignatureFailed")
    assert "is served" not in condition(cluster.get(*MODEL), "UpToDate")["message"]
    assert "signature by" not in condition(cluster.get(*MODEL), "Cached")["message"]

    cluster.change(*MODEL, {"spec": {"storage": {"parameters": None}}})
    status = settle(cluster)
    assert status["nodesReady"] == ["node-a"] and status["state"] == "Ready", "as it was before"


def test_another_signer_ends_the_service_of_the_earlier_revision_and_none_does_not() -> None:
    cluster = following("node-a", parameters={"signedBy": SIGNER})
    artifact = asked(cluster)["artifact"]
    other = SIGNER.replace("MFkw", "MFkx")
    cluster.change(*MODEL, {"spec": {"storage": {"parameters": {"signedBy": other}}}})
    status = settle(cluster)
    assert "nodesReady" not in status and status["artifact"] == artifact
    assert "signature by" not in condition(cluster.get(*MODEL), "Cached")["message"]
    cluster.change(*MODEL, {"spec": {"storage": {"parameters": {"signedBy": SIGNER}}}})
    assert settle(cluster)["nodesReady"] == ["node-a"]
    cluster.change(*MODEL, {"spec": {"storage": {"parameters": None}}})
    status = settle(cluster)
    assert status["nodesReady"] == ["node-a"] and status["artifact"] == artifact


def test_a_source_that_goes_back_to_the_first_revision_leaves_the_nodes_ready_that_have_it() -> None:
    cluster = following("node-a", "node-b")
    before = cluster.get(*MODEL)["status"]["artifact"]
    asked(cluster)
    cached = {"node-a": "Succeeded", "node-b": "unsafe"}
    importing(cluster, only_run(cluster, "import-model"), cached=cached, digest=ITS_DIGEST, revision=NEWER)
    settle(cluster)
    status = asked(cluster, "again", revision=REVISION)
    assert "followed" not in status["source"] and status["artifact"] == before
    assert status["nodesReady"] == ["node-b"] and nodes_of(cluster, only_run(cluster, "import-model")) == ["node-a"]
    assert arguments(cluster, "import-model")["revision"] == REVISION
    importing(cluster, only_run(cluster, "import-model"))
    status = settle(cluster)
    assert status["state"] == "Ready" and status["artifact"] == before
    assert condition(cluster.get(*MODEL), "UpToDate")["status"] == "True"


def test_a_source_that_goes_back_to_a_revision_that_was_followed_leaves_the_model_ready() -> None:
    cluster = following("node-a")
    asked(cluster)
    importing(cluster, only_run(cluster, "import-model"), digest=ITS_DIGEST, revision=NEWER)
    settle(cluster)
    asked(cluster, "again", revision=NEWEST)
    importing(cluster, only_run(cluster, "import-model"), cached={"node-a": "unsafe"}, revision=NEWEST)
    settle(cluster)
    status = asked(cluster, "back")
    assert status["source"]["followed"] == NEWER and status["artifact"]["revision"] == NEWER
    assert status["nodesReady"] == ["node-a"] and status["state"] == "Ready"
    assert all(is_over(cluster, run) for run in runs_of(cluster, "import-model"))


@pytest.mark.parametrize(("revision", "is_the_models"), [(REVISION, False), (NEWER, True)], ids=["earlier", "newer"])
def test_a_run_of_a_person_is_the_models_that_brings_the_newer_revision(revision: str, is_the_models: bool) -> None:
    cluster = following("node-a")
    asked(cluster)
    cached = {"node-a": "unsafe"}
    importing(cluster, only_run(cluster, "import-model"), cached=cached, digest=ITS_DIGEST, revision=NEWER)
    settle(cluster)
    cluster.pass_time(60)
    given = {"uri": URI, "name": "smollm2", "scope": "ClusterBaseModel", "revision": revision, "nodes": '["node-a"]'}
    submitted_by_a_person(cluster, "import-model", "import-hand", given)
    settle(cluster)
    assert ("annotations" in cluster.get("Workflow", "ome", "import-hand")["metadata"]) is is_the_models
    importing(cluster, "import-hand", digest=ITS_DIGEST if is_the_models else DIGEST, revision=revision)
    status = settle(cluster)
    assert status["state"] == "Ready" and status["artifact"]["revision"] == revision
    assert condition(cluster.get(*MODEL), "UpToDate")["reason"] == ("UpToDate" if is_the_models else "Unsafe")


def test_a_model_whose_nodes_come_back_each_day_before_its_time_is_looked_at_each_day() -> None:
    hour, day = 3600, 24 * 3600
    cluster = imported("node-a")
    wait = cluster.settle(plan_model, *MODEL).requeue_seconds or 0.0
    cluster.pass_time(wait + day - 2 * hour)
    for _ in range(3):
        cluster.delete("Node", "", "node-a")
        settle(cluster)
        cluster.pass_time(hour)
        add_node(cluster, "node-a")
        settle(cluster)
        importing(cluster, only_run(cluster, "import-model"))
        settle(cluster)
        cluster.pass_time(hour + 1)
        settle(cluster)
        checking(cluster, only_run(cluster, "check-revision"), revision=REVISION)
        settle(cluster)
        cluster.pass_time(day - 2 * hour - 1)


def test_other_patterns_are_asked_for_anew_and_what_was_said_of_the_earlier_ones_is_forgotten() -> None:
    cluster = following("node-a", storageUri="s3://bucket/model")
    asked(cluster)
    importing(cluster, only_run(cluster, "import-model"), digest=ITS_DIGEST, revision=NEWER)
    settle(cluster)
    cluster.change(*MODEL, {"spec": {"storage": {"ignorePatterns": ["*.bin"]}}})
    status = settle(cluster)
    assert "source" not in status and "UpToDate" not in {said["type"] for said in status["conditions"]}
    assert "manifest_digest" not in arguments(cluster, "import-model"), "other files have another manifest"
    importing(cluster, only_run(cluster, "import-model"), digest="ef" * 32, revision=NEWEST)
    status = settle(cluster)
    assert status["state"] == "Ready" and status["artifact"]["revision"] == NEWEST
    assert arguments(cluster, "check-revision")["ignore_patterns"] == '["*.bin"]', "its annotation asks for these too"


def test_other_patterns_end_the_service_of_the_earlier_revision() -> None:
    cluster = following("node-a")
    asked(cluster)
    cluster.change(*MODEL, {"spec": {"storage": {"ignorePatterns": ["*.bin"]}}})
    status = settle(cluster)
    assert "nodesReady" not in status and status["state"] != "Ready"
    given = arguments(cluster, "import-model")
    assert (given["revision"], given["ignore_patterns"]) == (REVISION, '["*.bin"]')


def test_a_bucket_that_has_moved_on_is_followed_though_no_node_has_what_it_had() -> None:
    cluster = following("node-a", storageUri="s3://bucket/model")
    asked(cluster)
    importing(cluster, only_run(cluster, "import-model"), digest=ITS_DIGEST, revision=NEWER)
    settle(cluster)
    cluster.delete("Node", "", "node-a")
    add_node(cluster, "node-b")
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"), resolved="integrity")
    assert settle(cluster)["state"] == "Failed"

    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/refresh": "again"}}})
    settle(cluster)
    cluster.pass_time(10)
    checking(cluster, only_run(cluster, "check-revision"), revision=NEWEST, digest="ef" * 32)
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"), resolved="integrity")
    settle(cluster)
    assert arguments(cluster, "import-model")["manifest_digest"] == f"sha256:{'ef' * 32}"
    assert "is served" not in condition(cluster.get(*MODEL), "UpToDate")["message"]
    importing(cluster, only_run(cluster, "import-model"), digest="ef" * 32, revision=NEWEST)
    status = settle(cluster)
    assert status["state"] == "Ready" and status["artifact"]["revision"] == NEWEST
    assert condition(cluster.get(*MODEL), "UpToDate")["status"] == "True"


def test_a_model_that_no_node_has_any_more_is_looked_at_at_its_time() -> None:
    cluster = imported("node-a")
    cluster.delete("Node", "", "node-a")
    settle(cluster)
    for _ in range(2):
        wait = cluster.settle(plan_model, *MODEL).requeue_seconds
        assert wait is not None
        cluster.pass_time(wait)
    settle(cluster)
    assert only_run(cluster, "check-revision")


def test_an_answer_from_before_an_import_says_nothing_of_what_it_brought() -> None:
    cluster = following("node-a", storageUri="s3://bucket/model")
    asked(cluster, revision=REVISION)
    cluster.pass_time(600)
    cluster.change(*MODEL, {"spec": {"storage": {"path": "/mnt/models/elsewhere"}}})
    settle(cluster)
    evicting(cluster, only_run(cluster, "evict-model"))
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"), digest="ef" * 32, revision=NEWEST)
    status = settle(cluster)
    assert status["state"] == "Ready" and status["artifact"]["revision"] == NEWEST
    assert "followed" not in status.get("source", {})
    assert all(is_over(cluster, run) for run in runs_of(cluster, "import-model"))
    cluster.pass_time(10)
    checking(cluster, only_run(cluster, "check-revision"), revision=NEWEST, digest="ef" * 32)
    settle(cluster)
    assert condition(cluster.get(*MODEL), "UpToDate")["status"] == "True"
