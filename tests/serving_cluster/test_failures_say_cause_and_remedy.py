"""What keeps a service from starting is told in the words of who knows: scheduler, kubelet, container, API server.

The test writes what these write on a real cluster; deploy reads it from the API server.
"""

from typing import Any

import pytest

from steps.errors import ClusterError, EngineFailedError
from steps.serving.cluster.wait import Patience
from tests.apiserver.client import Object
from tests.serving_cluster.cluster import AT_ONCE, LATER, Cluster, container, unscheduled, waiting


def failure(cluster: Cluster, status: Object, patience: Patience = AT_ONCE) -> EngineFailedError:
    """The error when the only pod has this status."""

    def meanwhile() -> None:
        cluster.starting()
        cluster.add_pod(status)

    with pytest.raises(EngineFailedError) as caught:
        cluster.deploy(patience=patience, meanwhile=meanwhile)
    assert caught.value.message.startswith(f"service {cluster.namespace}/chat does not start: ")
    assert caught.value.remedy
    return caught.value


def test_an_unschedulable_pod_is_told_in_the_schedulers_words(cluster: Cluster) -> None:
    words = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available."
    error = failure(cluster, unscheduled(words))
    assert words in error.message
    assert "requests" in error.remedy


def test_a_pod_that_no_node_has_the_model_for_says_which_label_it_waits_for(cluster: Cluster) -> None:
    error = failure(cluster, unscheduled("0/2 nodes are available: 2 node(s) didn't match Pod's node selector."))
    assert "kubectl get nodes -l models.ome.io/clusterbasemodel.smollm2=Ready" in error.remedy
    assert "model smollm2" in error.remedy


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"])
def test_an_image_that_cannot_be_had_is_named(cluster: Cluster, reason: str) -> None:
    error = failure(cluster, waiting(reason, "manifest unknown: tiny:1 not found"))
    assert 'image "tiny:1"' in error.message
    assert "manifest unknown: tiny:1 not found" in error.message
    assert "imagePullSecrets" in error.remedy


def test_a_name_that_is_none_is_told_at_once(cluster: Cluster) -> None:
    assert "InvalidImageName" in failure(cluster, waiting("InvalidImageName", "bad name"), LATER).message


def test_a_crash_is_told_with_exit_code_and_last_lines(cluster: Cluster) -> None:
    log = "".join(f"line {number}\n" for number in range(30)) + "CUDA out of memory\n"
    crash = {"exitCode": 3, "reason": "Error", "message": log}
    status = waiting("CrashLoopBackOff", "back-off 40s", restartCount=3, lastState={"terminated": crash})
    error = failure(cluster, status, LATER)  # three restarts end it, however patient one is
    assert "container ome-container of pod pod-1 ended 4 times (exit code 3)" in error.message
    assert "CUDA out of memory" in error.message
    assert "line 29" in error.message
    assert "line 20" not in error.message
    assert f"kubectl logs -n {cluster.namespace} pod-1 -c ome-container --previous" in error.remedy


def test_memory_that_ran_out_has_a_remedy_of_its_own(cluster: Cluster) -> None:
    killed = {"exitCode": 137, "reason": "OOMKilled"}
    status = waiting("CrashLoopBackOff", "back-off", restartCount=4, lastState={"terminated": killed})
    error = failure(cluster, status, LATER)
    assert "exit code 137, OOMKilled" in error.message
    assert "limits.memory" in error.remedy


def test_a_missing_secret_is_named(cluster: Cluster) -> None:
    error = failure(cluster, waiting("CreateContainerConfigError", 'secret "hf" not found'))
    assert 'secret "hf" not found' in error.message
    assert "Secret" in error.remedy


def test_refused_pods_are_told_in_the_api_servers_words(cluster: Cluster) -> None:
    words = 'pods "chat-engine-1" is forbidden: violates PodSecurity "baseline:latest": hostPath volumes'
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": words}

    def meanwhile() -> None:
        cluster.starting(replicas=0, updatedReplicas=0, conditions=[condition])

    with pytest.raises(EngineFailedError, match="violates PodSecurity") as caught:
        cluster.deploy(patience=AT_ONCE, meanwhile=meanwhile)
    assert "hostPath" in caught.value.remedy


def test_a_volume_that_cannot_be_mounted_is_told_from_the_event(cluster: Cluster) -> None:
    def meanwhile() -> None:
        cluster.starting()
        pod = cluster.add_pod(container({"waiting": {"reason": "ContainerCreating"}}))
        cluster.add_event(pod, "FailedMount", "MountVolume.SetUp failed: hostPath type check failed")

    with pytest.raises(EngineFailedError, match="hostPath type check failed"):
        cluster.deploy(patience=AT_ONCE, meanwhile=meanwhile)


@pytest.mark.parametrize(
    ("reason", "message"),
    [("SuccessfulAttachVolume", 'AttachVolume.Attach succeeded for volume "pvc-1"'), ("Pulling", "Pulling image")],
)
def test_a_volume_that_came_late_is_no_failure(cluster: Cluster, reason: str, message: str) -> None:
    def meanwhile() -> None:
        cluster.starting()
        pod = cluster.add_pod(container({"waiting": {"reason": "ContainerCreating"}}))
        failed = 'AttachVolume.Attach failed for volume "pvc-1": it is attached elsewhere'
        cluster.add_event(pod, "FailedAttachVolume", failed)
        cluster.add_event(pod, reason, message, "Normal", second=7)

    def on_look(_: str) -> None:
        if len(cluster.waited_for) == 4:
            cluster.roll_out()

    cluster.deploy(patience=AT_ONCE, meanwhile=meanwhile, on_look=on_look)
    assert len(cluster.waited_for) == 4
    assert not any("attached elsewhere" in phase for phase in cluster.waited_for)


def test_a_pod_in_a_queue_is_waited_for_until_the_deadline(cluster: Cluster) -> None:
    cluster.apply_service(engine={"labels": {"kueue.x-k8s.io/queue-name": "gold"}})

    def meanwhile() -> None:
        cluster.starting()
        cluster.add_pod({}, gates=["kueue.x-k8s.io/admission", "example.com/hold"])

    with pytest.raises(ClusterError, match="was not ready within 0.3 s") as caught:
        cluster.deploy(patience=AT_ONCE, ready=0.3, meanwhile=meanwhile)
    assert caught.value.retryable
    waits = 'pod pod-1 waits to be admitted by its queue "gold"'
    assert f"{waits} (scheduling gates: kueue.x-k8s.io/admission, example.com/hold)" in caught.value.message
    assert f"kubectl get workloads -n {cluster.namespace}" in caught.value.remedy


def test_a_probe_that_fails_is_waited_for_until_the_deadline(cluster: Cluster) -> None:
    words = "Readiness probe failed: dial tcp 10.0.0.1:8080: connect: connection refused"

    def meanwhile() -> None:
        cluster.starting()
        pod = cluster.add_pod(container({"running": {}}) | {"phase": "Running"})
        cluster.add_event(pod, "Unhealthy", words)

    with pytest.raises(ClusterError, match="was not ready within 0.3 s") as caught:
        cluster.deploy(patience=AT_ONCE, ready=0.3, meanwhile=meanwhile)
    assert words in caught.value.message
    assert caught.value.retryable


def test_a_trouble_that_passes_within_patience_does_no_harm(cluster: Cluster) -> None:
    looks = []

    def meanwhile() -> None:
        cluster.starting()
        cluster.add_pod(unscheduled("0/3 nodes are available"))

    def on_look(phase: str) -> None:
        looks.append(phase)
        if "0/3 nodes are available" in phase:
            cluster.roll_out()

    deployed = cluster.deploy(meanwhile=meanwhile, on_look=on_look)
    assert not deployed.reused
    assert any("cannot be scheduled: 0/3 nodes are available" in phase for phase in looks)


def test_a_node_on_its_way_is_waited_for(cluster: Cluster) -> None:
    def meanwhile() -> None:
        cluster.starting()
        pod = cluster.add_pod(unscheduled("0/3 nodes are available"))
        cluster.add_event(pod, "TriggeredScaleUp", "pod triggered scale-up", "Normal")

    def on_look(_: str) -> None:
        if len(cluster.waited_for) == 5:
            cluster.roll_out()

    cluster.deploy(patience=AT_ONCE, meanwhile=meanwhile, on_look=on_look)
    assert len(cluster.waited_for) == 5


def test_a_few_restarts_are_waited_out(cluster: Cluster) -> None:
    crash = {"exitCode": 1, "reason": "Error", "message": "no luck yet"}

    def meanwhile() -> None:
        cluster.starting()
        status = waiting("CrashLoopBackOff", "back-off", restartCount=2, lastState={"terminated": crash})
        cluster.add_pod(status)

    def on_look(phase: str) -> None:
        if "ended 2 times (exit code 1)" in phase:
            cluster.roll_out()

    cluster.deploy(patience=AT_ONCE, meanwhile=meanwhile, on_look=on_look)
    assert any("ended 2 times" in phase for phase in cluster.waited_for)


def test_a_crash_of_the_old_template_says_nothing_of_the_new(cluster: Cluster) -> None:
    cluster.deploy_and_roll_out()
    crash = {"exitCode": 1, "reason": "Error", "message": "old"}
    cluster.add_pod(waiting("CrashLoopBackOff", "x", restartCount=9, lastState={"terminated": crash}), name="old")
    cluster.admin.request(
        "PATCH",
        f"/apis/ome.io/v1beta1/namespaces/{cluster.namespace}/inferenceservices/chat",
        {"spec": {"engine": {"runner": {"args": ["--more", "1"]}}}},
        "application/merge-patch+json",
    )
    phases: list[str] = []

    def on_look(phase: str) -> None:
        phases.append(phase)
        if len(phases) == 3:
            cluster.roll_out()

    cluster.deploy(patience=AT_ONCE, meanwhile=cluster.starting, on_look=on_look)
    assert len(phases) == 3
    assert not any("old" in phase for phase in phases)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"observedGeneration": 0}, "waiting for the Deployment controller"),
        ({"updatedReplicas": 1, "availableReplicas": 2}, "2 of 2 pods available"),
        ({"replicas": 3}, "2 of 2 pods available, 1 of the old template still there"),
        ({"availableReplicas": 1}, "1 of 2 pods available"),
    ],
)
def test_a_rollout_is_not_complete_before_all_of_it_is(
    cluster: Cluster, changes: dict[str, Any], expected: str
) -> None:
    def on_look(phase: str) -> None:
        if expected in phase and len(cluster.waited_for) > 1:
            cluster.roll_out()

    cluster.deploy(replicas=2, meanwhile=lambda: cluster.roll_out(**changes), on_look=on_look)
    assert any(expected in phase for phase in cluster.waited_for[1:])


def test_another_deploy_meanwhile_is_told(cluster: Cluster) -> None:
    def meanwhile() -> None:
        path = f"/apis/apps/v1/namespaces/{cluster.namespace}/deployments/chat-engine"
        other = {"spec": {"template": {"metadata": {"annotations": {"ome.io/template-digest": "other"}}}}}
        cluster.admin.request("PATCH", path, other, "application/merge-patch+json")

    with pytest.raises(ClusterError, match="was changed by another deploy meanwhile"):
        cluster.deploy(meanwhile=meanwhile)


def test_a_deployment_that_is_deleted_meanwhile_is_told(cluster: Cluster) -> None:
    def meanwhile() -> None:
        path = f"/apis/apps/v1/namespaces/{cluster.namespace}/deployments/chat-engine"
        cluster.admin.request("DELETE", path)

    with pytest.raises(ClusterError, match="chat-engine was deleted while it was starting"):
        cluster.deploy(meanwhile=meanwhile)


def test_a_model_that_is_not_imported_is_told_with_what_its_status_says(cluster: Cluster) -> None:
    model: Object = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "BaseModel",
        "metadata": {"name": "late", "namespace": cluster.namespace},
        "spec": {"storage": {"storageUri": "hf://org/late"}},
    }
    cluster.admin.apply(model)
    condition = {
        "type": "Ready", "status": "False", "reason": "Failed", "message": "no space left",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    cluster.admin.apply({**model, "status": {"state": "Failed", "conditions": [condition]}}, subresource="status")
    with pytest.raises(ClusterError, match='status.state is "Failed", no space left') as caught:
        cluster.deploy(model="late")
    assert "kubectl describe basemodel late" in caught.value.remedy
    assert cluster.get("InferenceService", "chat") is None
