"""On a cluster that a user has: that nobody else's installation is changed, and that ours is known again."""

from steps.errors import ClusterError
from tests.cluster.kubectl import Kubectl

MARK = "ome.io/installed-by-tests"
"""Label of the namespace `ome` where the tests have installed."""
_NAMESPACE = "ome"
_DEFINITION = "inferenceservices.ome.io"


def check_free(kubectl: Kubectl) -> None:
    """Refuse a cluster that has an installation, of this project or of OME, which is not the tests' own.

    Raises:
        ClusterError: says what is there, and how to test all the same.
    """
    labels = [each["metadata"].get("labels") or {} for each in kubectl.list("namespace") if _is_system(each)]
    if any(MARK in each for each in labels):
        return
    if labels or kubectl.succeeds("get", "crd", _DEFINITION):
        there = f"namespace {_NAMESPACE}" if labels else f"the definition {_DEFINITION}"
        message = f"the cluster of KUBECONFIG has {there}, which these tests did not make"
        remedy = (
            "They install, change, and delete models of common names: take a cluster without an installation, or "
            f"unset KUBECONFIG. Where an earlier run of them left it: kubectl label namespace {_NAMESPACE} {MARK}=true"
        )
        raise ClusterError(message, remedy=remedy)


def mark(kubectl: Kubectl) -> None:
    """Remember that the installation is the tests'."""
    kubectl("label", "--overwrite", "namespace", _NAMESPACE, f"{MARK}=true")


def _is_system(namespace: dict[str, dict[str, str]]) -> bool:
    return namespace["metadata"]["name"] == _NAMESPACE
