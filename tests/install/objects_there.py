"""What of an installation is on a cluster, and what `ome doctor` says of it, for the tests of this area."""

from functools import cache
from typing import Any

from pipelines.install.bundle import bundle
from pipelines.install.connection import connect
from pipelines.install.finding import Finding
from pipelines.install.object_checks import object_findings
from pipelines.install.objects import title_of
from pipelines.install.options import Argo, Options
from pipelines.install.snapshot import take
from tests.apiserver.client import ApiRefusedError
from tests.install.conftest import Cluster

MODEL: dict[str, Any] = {
    "apiVersion": "ome.io/v1beta1",
    "kind": "ClusterBaseModel",
    "metadata": {"name": "small", "finalizers": ["clusterbasemodels.ome.io/finalizer"]},
    "spec": {"storage": {"storageUri": "hf://organisation/small"}},
}
"""A model as the controller keeps it: it cannot go before its finalizer does."""


@cache
def installed(argo: Argo = "bundled") -> list[dict[str, Any]]:
    """Every object of an installation."""
    return [each for part in bundle(Options(argo=argo)) for each in part.objects]


def versions(cluster: Cluster) -> dict[str, str]:
    """The resource version of each object of an installation that is there, by kind and name."""
    found = {}
    for each in installed():
        try:
            there = cluster.admin.get(each)
        except (ApiRefusedError, KeyError):
            continue
        found[title_of(each)] = there["metadata"]["resourceVersion"]
    return found


def findings(cluster: Cluster) -> list[Finding]:
    """What `ome doctor` finds of the objects of an installation."""
    return list(object_findings(take(connect(cluster.server.kubeconfig))))


def problems(cluster: Cluster) -> list[Finding]:
    """Those of them that are to be mended."""
    return [each for each in findings(cluster) if each.state != "ok"]


def config_map(name: str) -> dict[str, Any]:
    """A ConfigMap of the system namespace."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "ome"},
        "data": {"a": "b"},
    }
