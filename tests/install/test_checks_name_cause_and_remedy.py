"""What `ome doctor` makes of a cluster: every check from a snapshot, without a cluster."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crds import labels
from pipelines.install import controller
from pipelines.install.argo_checks import argo_findings, version_of, watches
from pipelines.install.checks import (
    api_findings,
    controller_findings,
    deletion_findings,
    image_findings,
    import_findings,
    namespace_findings,
    node_findings,
)
from pipelines.install.finding import Finding
from pipelines.install.snapshot import Snapshot

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CALM = Snapshot(server="https://cluster.example", version="v1.34.3", now=NOW)
ARGO_KINDS: dict[str, dict[str, Any]] = {
    f"{name}.argoproj.io": {} for name in ("workflows", "workflowtemplates", "cronworkflows", "workflowtaskresults")
}
Check = Callable[[Snapshot], Iterator[Finding]]


def deployment(
    name: str = "workflow-controller", namespace: str = "argo", *, image: str = "", args: tuple[str, ...] = (),
    env: tuple[str, ...] = ("DEFAULT_REQUEUE_TIME",), available: str = "True",
) -> dict[str, Any]:  # fmt: skip
    container = {
        "name": name,
        "image": image or f"quay.io/argoproj/{name}:v3.7.14",
        "args": list(args),
        "env": [{"name": each, "value": "1s"} for each in env],
    }
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": {"spec": {"containers": [container]}}},
        "status": {"conditions": [{"type": "Available", "status": available}]},
    }


@pytest.mark.parametrize(
    ("namespace", "args", "expected"),
    [
        ("argo", (), True),
        ("argo", ("--namespaced",), False),
        ("ome", ("--namespaced",), True),
        ("argo", ("--namespaced", "--managed-namespace", "ome"), True),
        ("argo", ("--namespaced", "--managed-namespace=ome"), True),
        ("ome", ("--namespaced", "--managed-namespace=models"), False),
        ("argo", ("--namespaced=false",), True),
    ],
)
def test_which_namespace_a_controller_watches_is_read_from_its_arguments(
    namespace: str, args: tuple[str, ...], expected: bool
) -> None:
    assert watches(deployment(namespace=namespace, args=args), "ome") is expected


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("quay.io/argoproj/workflow-controller:v3.7.14", (3, 7)),
        ("registry.example:5000/workflow-controller:4.1.2", (4, 1)),
        ("workflow-controller@sha256:0123", None),
        ("workflow-controller:latest", None),
    ],
)
def test_the_version_is_read_from_the_tag(image: str, version: tuple[int, int] | None) -> None:
    assert version_of(image) == version


@pytest.mark.parametrize(
    ("deployments", "said", "remedy"),
    [
        ([], "no Deployment of a workflow-controller", "--argo bundled"),
        ([deployment(args=("--namespaced",))], "argo/workflow-controller watches other", "--managed-namespace=ome"),
        ([deployment(), deployment(namespace="ome", args=("--namespaced",))], "both watch ome", "Keep one"),
        ([deployment(image="x/workflow-controller:v3.5.1")], "runs x/workflow-controller:v3.5.1", "Upgrade"),
        ([deployment(available="False")], "is not available", "kubectl describe"),
        ([deployment(env=())], "10 s between steps", "DEFAULT_REQUEUE_TIME=1s"),
    ],
)
def test_what_is_wrong_with_argo_is_named(deployments: list[dict[str, Any]], said: str, remedy: str) -> None:
    found = _bad(argo_findings, definitions=ARGO_KINDS, deployments=deployments)
    assert any(said in each.detail and remedy in each.remedy for each in found), found


def test_a_good_argo_is_left_alone() -> None:
    assert not _bad(argo_findings, definitions=ARGO_KINDS, deployments=[deployment()])


def test_workflows_that_nobody_takes_up_are_told_whatever_the_deployments_say() -> None:
    old = _at(minutes=-5)
    waiting = {"metadata": {"name": "import-small-1", "creationTimestamp": old}, "spec": {}}
    found = _bad(argo_findings, definitions=ARGO_KINDS, deployments=[deployment()], workflows=[waiting])
    assert "import-small-1" in found[0].detail
    suspended = {**waiting, "spec": {"suspend": True}}
    young = {**waiting, "metadata": {"name": "import-small-1", "creationTimestamp": _at(minutes=0)}}
    for each in (suspended, young):
        assert not _bad(argo_findings, definitions=ARGO_KINDS, deployments=[deployment()], workflows=[each])


def test_an_old_kubernetes_is_told() -> None:
    assert "v1.29.8" in _bad(api_findings, version="v1.29.8")[0].detail
    assert not _bad(api_findings, version="v1.30.0+k3s1")


def test_a_controller_without_a_leader_is_told() -> None:
    running = deployment("ome-controller", "ome")
    lease: dict[str, Any] = {
        "spec": {"holderIdentity": "pod-1", "leaseDurationSeconds": 15, "renewTime": _at(seconds=-10)}
    }
    assert not _bad(controller_findings, deployments=[running], lease=lease)
    late = {"spec": {**lease["spec"], "renewTime": _at(seconds=-60)}}
    leases: list[dict[str, Any] | None] = [None, late, {"spec": {}}]
    for each in leases:
        assert "nobody leads" in _bad(controller_findings, deployments=[running], lease=each)[0].detail


def test_a_controller_that_does_not_start_says_what_its_pod_says() -> None:
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting"}
    pod = {
        "metadata": {"name": "ome-controller-1", "labels": {"app.kubernetes.io/name": "ome-controller"}},
        "status": {"containerStatuses": [{"image": "x", "state": {"waiting": waiting}}]},
    }
    absent = deployment("ome-controller", "ome", available="False")
    assert "CrashLoopBackOff: back-off 10s" in _bad(controller_findings, deployments=[absent], pods=[pod])[0].detail


@pytest.mark.parametrize("where", ["containerStatuses", "initContainerStatuses"])
def test_an_image_that_cannot_be_pulled_is_named_once(where: str) -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "not found"}
    status = {where: [{"image": "x.example/ome-steps:1", "state": {"waiting": waiting}}]}
    pods = [{"metadata": {"name": f"step-{number}"}, "status": status} for number in range(3)]
    (found,) = _bad(image_findings, pods=pods)
    assert found.detail == "x.example/ome-steps:1 cannot be pulled: not found"
    assert "--image-registry" in found.remedy


def test_nodes_that_cannot_take_models_are_named() -> None:
    nodes = [_node("a", "True", "False"), _node("b", "Unknown", "False"), _node("c", "True", "True")]
    status = [{"metadata": {"name": "gone"}}, {"metadata": {"name": "a"}}]
    told = " ".join(each.detail for each in _bad(node_findings, nodes=nodes, node_status=status))
    assert "not ready: b" in told and "short of disk: c" in told and "gone: gone" in told


def test_records_of_nodes_that_are_gone_are_removed_by_the_command_that_is_told() -> None:
    status = [{"metadata": {"name": name}} for name in ("a", "gone-1", "gone-2")]
    (found,) = _bad(node_findings, nodes=[_node("a", "True", "False")], node_status=status)
    assert "kubectl delete configmap -n ome gone-1 gone-2" in found.remedy


def test_a_namespace_that_refuses_the_pods_of_models_is_told() -> None:
    def namespace(**labels: str) -> dict[str, Any]:
        return {
            "metadata": {"name": "ome", "labels": {f"pod-security.kubernetes.io/{k}": v for k, v in labels.items()}}
        }

    for level in ("baseline", "restricted"):
        (found,) = _bad(namespace_findings, namespace=namespace(enforce=level))
        assert level in found.detail and "kubectl label --overwrite namespace ome" in found.remedy
    bare: dict[str, Any] = {"metadata": {"name": "ome"}}
    for calm in (namespace(enforce="privileged"), namespace(warn="restricted"), bare, controller.namespace(), None):
        assert not _bad(namespace_findings, namespace=calm)


def test_a_model_on_a_node_is_counted_once_though_it_has_two_labels() -> None:
    nodes = [_node("a", "True", "False"), _node("b", "True", "False")]
    models: list[tuple[labels.ModelKind, str, str, str, str]] = [
        ("BaseModel", "team", "own", "12", "Ready"), ("ClusterBaseModel", "", "shared", "34", "Failed"),
    ]  # fmt: skip
    for kind, namespace, name, uid, state in models:
        for node in nodes:
            made = {labels.node_label(kind, namespace, name): state, labels.node_label_by_uid(uid): state}
            node["metadata"].setdefault("labels", {"zone": "z"}).update(made)
    (found,) = node_findings(replace(CALM, nodes=nodes))
    assert "models on nodes: 2 Failed, 2 Ready" in found.detail


def test_the_latest_import_says_why_it_failed() -> None:
    def run(name: str, phase: str, ended: str) -> dict[str, Any]:
        return {
            "metadata": {"name": name},
            "status": {"phase": phase, "finishedAt": ended, "message": "auth: no token"},
        }

    failed, well = run("import-a", "Failed", _at(minutes=-1)), run("import-b", "Succeeded", _at(minutes=-2))
    assert "import-a: auth: no token" in _bad(import_findings, workflows=[failed, well])[0].detail
    assert not _bad(
        import_findings, workflows=[{**failed, "status": {**failed["status"], "finishedAt": _at(minutes=-3)}}, well]
    )


def test_a_deletion_that_hangs_names_what_holds_it() -> None:
    metadata = {"name": "m", "namespace": "team", "deletionTimestamp": _at(minutes=-10), "finalizers": ["x/y"]}
    held = {"kind": "BaseModel", "metadata": metadata}
    (found,) = _bad(deletion_findings, resources=[held])
    assert "BaseModel team/m" in found.detail and "x/y" in found.detail
    assert "kubectl patch basemodel -n team m" in found.remedy
    fresh = {**held, "metadata": {**metadata, "deletionTimestamp": _at(minutes=-1)}}
    assert not _bad(deletion_findings, resources=[fresh])


def _bad(check: Check, **seen: Any) -> list[Finding]:
    found = [each for each in check(replace(CALM, **seen)) if each.state != "ok"]
    assert all(each.remedy for each in found)
    return found


def _at(**shift: float) -> str:
    return (NOW + timedelta(**shift)).isoformat().replace("+00:00", "Z")


def _node(name: str, ready: str, pressure: str) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready}, {"type": "DiskPressure", "status": pressure}]
    return {"metadata": {"name": name}, "status": {"conditions": conditions}}
