"""The ring of tests that need a cluster: which cluster they run on, and what is said when there is none.

`KUBECONFIG` names a user's own cluster (kind, k3d, k3s, minikube, any other); without it they run on the one that
`make cluster-up` starts on this machine. What cannot run is never counted as passed: it is skipped with the command
that gets what is missing, and with `CI` set it fails.
"""

import os
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from steps.errors import ClusterError, InvalidInputError
from tests.cluster import lifecycle
from tests.cluster.binaries import ensure
from tests.cluster.commands import run
from tests.cluster.kubectl import Kubectl
from tests.cluster.machine import check_machine
from tests.cluster.programs import ARGO_VERSION

LOAD_COMMAND_VARIABLE = "OME_LOAD_IMAGE"
FEWEST_NODES = 3
"""A model comes to two, then to a third."""
ARGO_SERVER = "argo-server"


class Cluster(Protocol):
    """What tests need of a cluster, whosever it is."""

    @property
    def kubeconfig(self) -> Path:
        """An administrator's."""

    @property
    def kubectl(self) -> Kubectl:
        """As that administrator."""

    def load_image(self, archive: Path) -> None:
        """Give every node an image."""


@dataclass(frozen=True)
class UsersCluster:
    """A cluster that a user has, named by their kubeconfig.

    Attributes:
        kubeconfig: Theirs; its current context is used.
    """

    kubeconfig: Path

    @property
    def kubectl(self) -> Kubectl:
        """The user's own kubectl, or ours."""
        found = shutil.which("kubectl")
        return Kubectl(Path(found) if found else ensure("kubectl") / "kubectl", self.kubeconfig)

    def load_image(self, archive: Path) -> None:
        """Give every node an image, by the means of the kind of cluster.

        Raises:
            InvalidInputError: when the kind is not known, saying how to name the command.
            ClusterError: when the command fails.
        """
        run(*load_command(os.environ.get(LOAD_COMMAND_VARIABLE, ""), self._context(), archive))

    def _context(self) -> str:
        return self.kubectl("config", "current-context").strip()


def load_command(template: str, context: str, archive: Path) -> list[str]:
    """The command that gives the nodes of a cluster an image.

    Args:
        template: A command that a user has named, with `{}` for the archive, or "".
        context: The kubeconfig's current context, which tells kind, k3d and minikube apart.
        archive: The image.

    Raises:
        InvalidInputError: when neither says how.
    """
    if template:
        return [word.replace("{}", str(archive)) for word in shlex.split(template)]
    if context.startswith("kind-"):
        return ["kind", "load", "image-archive", str(archive), "--name", context.removeprefix("kind-")]
    if context.startswith("k3d-"):
        return ["k3d", "image", "import", str(archive), "--cluster", context.removeprefix("k3d-")]
    if context == "minikube":
        return ["minikube", "image", "load", str(archive)]
    message = f'how to give images to the nodes of the cluster of context "{context}" is not known'
    remedy = (
        f"Name the command, with {{}} for the archive: {LOAD_COMMAND_VARIABLE}='sudo k3s ctr images import {{}}'. "
        "kind, k3d and minikube are known."
    )
    raise InvalidInputError(message, remedy=remedy)


def users_kubeconfig() -> Path | None:
    """Of a cluster that a user has; None to test on ours."""
    named = os.environ.get("KUBECONFIG", "")
    return Path(named).resolve() if named and Path(named).resolve() != lifecycle.local_cluster().kubeconfig else None


def find_cluster() -> Cluster:
    """The cluster to test on: the user's, else ours, started unless it runs.

    Raises:
        OmeError: when there is none and none can be started, with what is missing and the command that gets it.
    """
    named = users_kubeconfig()
    if named is None:
        ours = lifecycle.local_cluster()
        check_machine(ours.folder)
        return ours if ours.is_running() else lifecycle.up()
    theirs = UsersCluster(named)
    if not theirs.kubectl.succeeds("get", "--raw", "/readyz"):
        message = f"the cluster of KUBECONFIG={named} does not answer"
        raise ClusterError(message, remedy="Start it, or unset KUBECONFIG: the tests then start their own.")
    return theirs


def prepare() -> None:
    """Build and start what takes longer than a test may: the programs and the cluster, unless a user's is named.

    Raises:
        OmeError: as `find_cluster`.
    """
    check(find_cluster())


def check(cluster: Cluster) -> None:
    """Refuse a cluster that lacks what tests need.

    Raises:
        ClusterError: says what.
    """
    check_nodes(cluster.kubectl)
    check_argo(cluster.kubectl)
    if not isinstance(cluster, lifecycle.LocalCluster):
        argo_server_namespace(cluster.kubectl)


def workers(kubectl: Kubectl) -> list[str]:
    """Names of the nodes that take pods: ready, and without a taint that keeps them away, as control planes have."""
    nodes = kubectl.list("node")
    return sorted(
        node["metadata"]["name"]
        for node in nodes
        if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
        and not any(taint["effect"] != "PreferNoSchedule" for taint in node["spec"].get("taints") or ())
    )


def check_nodes(kubectl: Kubectl) -> None:
    """Refuse a cluster with too few nodes.

    Raises:
        ClusterError: says how many take pods.
    """
    if len(found := workers(kubectl)) < FEWEST_NODES:
        remedy = "Add nodes (kind: a configuration with three workers), or unset KUBECONFIG to use a cluster of ours."
        message = f"the cluster has {len(found)} nodes that take pods, and the tests need {FEWEST_NODES}"
        raise ClusterError(message, remedy=remedy)


def check_argo(kubectl: Kubectl) -> None:
    """Refuse a cluster without Argo Workflows.

    Raises:
        ClusterError: when it has none.
    """
    if not kubectl.succeeds("get", "crd", "workflows.argoproj.io"):
        remedy = (
            "Install Argo Workflows 3.7 or newer on it, cluster-scoped; or unset KUBECONFIG to use a cluster of ours."
        )
        raise ClusterError("the cluster has no Argo Workflows", remedy=remedy)


def argo_server_namespace(kubectl: Kubectl) -> str:
    """Where the Service of a user's Argo server is.

    Raises:
        ClusterError: when there is none.
    """
    found = [each["metadata"] for each in kubectl.list("service") if each["metadata"]["name"] == ARGO_SERVER]
    if not found:
        remedy = "Install Argo's server too, with --auth-mode=server: the API server hands no token on."
        raise ClusterError(f"the cluster has no Service {ARGO_SERVER}", remedy=remedy)
    return str(found[0]["namespace"])


def argo_version(cluster: Cluster) -> tuple[int, int]:
    """Major and minor version of the cluster's Argo Workflows; of a user's, as its controller's image is tagged.

    Raises:
        ClusterError: when neither tells.
    """
    if isinstance(cluster, lifecycle.LocalCluster):
        tags = [ARGO_VERSION]
    else:
        deployments = cluster.kubectl.list("deployments")
        containers = [c for d in deployments for c in d["spec"]["template"]["spec"]["containers"]]
        tags = [c["image"].rpartition(":")[2] for c in containers if "workflow-controller" in c["image"]]
    found = re.match(r"v(\d+)\.(\d+)", tags[0]) if tags else None
    if not found:
        remedy = "Run a controller whose image is tagged with its version, such as v3.7.14."
        raise ClusterError("the version of the cluster's Argo Workflows cannot be told", remedy=remedy)
    return int(found[1]), int(found[2])
