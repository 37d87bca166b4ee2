"""A user's Argo that is not for the whole cluster: in a namespace of its own, with rights in `ome` alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.install.accounts import RBAC
from pipelines.install.argo import CONTROLLER as ROLE
from pipelines.install.argo import argo_objects
from pipelines.install.options import NAMESPACE as OURS
from pipelines.install.options import Options
from tests.cluster.access import write_kubeconfig
from tests.cluster.argo import CONTROLLER, NAMESPACE, SERVER, start_controller, start_server
from tests.cluster.argo_server import submit
from tests.cluster.kubectl import Kubectl
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.objects import URI
from tests.cluster.waiting import wait_gone, wait_ready

ACCOUNT = "argo-of-a-namespace"
FLAGS = ("--namespaced", f"--managed-namespace={OURS}")


@pytest.fixture
def namespaced(installed: Kubectl, local_cluster: LocalCluster, tmp_path: Path) -> Iterator[Kubectl]:
    """The cluster with an Argo that watches `ome` alone; as it was afterwards."""
    (role,) = [each for each in argo_objects(Options()) if (each["kind"], each["metadata"]["name"]) == ("Role", ROLE)]
    metadata = {"name": ACCOUNT, "namespace": OURS}
    objects = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": NAMESPACE}},
        {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": role["rules"]},
        {"apiVersion": f"{RBAC}/v1", "kind": "RoleBinding", "metadata": metadata,
         "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": ACCOUNT},
         "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}]},
        {"apiVersion": f"{RBAC}/v1", "kind": "RoleBinding", "metadata": {"name": ACCOUNT, "namespace": NAMESPACE},
         "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"},  # its own settings, in a ConfigMap
         "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}]},
    ]  # fmt: skip
    installed.apply(*objects)
    components = local_cluster.components
    limited = write_kubeconfig(installed, tmp_path / "argo.conf", local_cluster.folder, ACCOUNT, NAMESPACE)
    try:
        components.stop(CONTROLLER, SERVER)
        start_controller(limited, components, *FLAGS)
        start_server(local_cluster.kubeconfig, components, *FLAGS)
        yield installed
    finally:
        components.stop(CONTROLLER, SERVER)
        start_controller(local_cluster.kubeconfig, components)
        start_server(local_cluster.kubeconfig, components)
        for kind, namespace in (("rolebinding", OURS), ("role", OURS), ("rolebinding", NAMESPACE),
                                ("serviceaccount", NAMESPACE)):  # fmt: skip
            installed("delete", kind, ACCOUNT, f"--namespace={namespace}")


def test_a_model_comes_by_the_form_and_goes_by_its_resource(
    namespaced: Kubectl, local_cluster: LocalCluster, pool: list[str]
) -> None:
    kubectl, name = namespaced, "by-a-namespaced-argo"
    run = submit(local_cluster, "import-model", {"uri": URI, "name": name, "nodes": f'["{pool[0]}"]'})
    model = wait_ready(kubectl, "clusterbasemodel", name)
    assert model["status"]["workflow"]["name"] == run["metadata"]["name"]
    kubectl("delete", "clusterbasemodel", name, "--wait=false")
    wait_gone(kubectl, "clusterbasemodel", name)  # by a run that a resource led to
