"""Argo Workflows on the test cluster: its resource definitions, its controller and its server."""

import urllib.request
from http import HTTPStatus
from pathlib import Path

from tests.cluster.addresses import ARGO_SERVER_PORT
from tests.cluster.binaries import argo_source
from tests.cluster.control_plane import answers
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.node_images import ARGOEXEC_IMAGE
from tests.cluster.places import binaries_folder, cluster_folder
from tests.cluster.processes import Components
from tests.cluster.programs import ARGO_VERSION

NAMESPACE = "argo"
SERVER_URL = f"http://127.0.0.1:{ARGO_SERVER_PORT}"
CONTROLLER = "workflow-controller"
SERVER = "argo-server"


def start_argo(kubeconfig: Path, components: Components, kubectl: Kubectl) -> None:
    """Apply Argo's definitions and start its controller, which watches all namespaces, and its server.

    Raises:
        ClusterError: when one of them ends instead, with its log.
    """
    for definition in _definitions():
        kubectl("apply", "--server-side", "--force-conflicts", f"--filename={definition}")
    settings: Object = {"name": "workflow-controller-configmap", "namespace": NAMESPACE}
    kubectl.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": settings, "data": {"metricsConfig": "enabled: false\n"}},
    )
    kubectl("wait", "--for=condition=Established", "--timeout=600s", "crd/workflows.argoproj.io")
    start_controller(kubeconfig, components)
    start_server(kubeconfig, components)


def start_server(kubeconfig: Path, components: Components, *more: str) -> None:
    """Start the server alone: a test that has stopped it starts it again, or with more flags."""
    access = (f"--kubeconfig={kubeconfig}", f"--namespace={NAMESPACE}")
    flags = ("--auth-mode=server", "--secure=false", f"--port={ARGO_SERVER_PORT}", "--browser=false")
    components.start(SERVER, binaries_folder() / "argo", "server", *access, *flags, *more)
    components.wait(SERVER, _server_answers)


def start_controller(kubeconfig: Path, components: Components, *more: str) -> None:
    """Start the controller alone: a test that has stopped it starts it again, or with more flags."""
    executor = (f"--executor-image={ARGOEXEC_IMAGE}", "--executor-image-pull-policy=IfNotPresent")
    access = (f"--kubeconfig={kubeconfig}", f"--namespace={NAMESPACE}", "--qps=50", "--burst=75")
    settings = {"DEFAULT_REQUEUE_TIME": "1s", "LEADER_ELECTION_DISABLE": "true"}
    components.start(CONTROLLER, binaries_folder() / CONTROLLER, *access, *executor, *more, **settings)
    components.wait(CONTROLLER, lambda: answers("127.0.0.1", 6060))


def _server_answers() -> bool:
    """Whether the whole server does: its port opens a little before what is behind it."""
    try:
        with urllib.request.urlopen(f"{SERVER_URL}/api/v1/version", timeout=1) as response:
            return bool(response.status == HTTPStatus.OK)
    except OSError:
        return False


def _definitions() -> list[Path]:
    """Argo's resource definitions, copied from its source once, so that a start needs no Go."""
    folder = cluster_folder() / "argo-definitions" / ARGO_VERSION
    if not folder.is_dir():
        staged = folder.with_name(f"{ARGO_VERSION}.part")
        staged.mkdir(parents=True, exist_ok=True)
        crds = argo_source() / "manifests" / "base" / "crds"
        which = "minimal" if ARGO_VERSION.startswith("v3.") else "full"  # as each release installs them
        for path in sorted((crds / which).glob("argoproj.io_*.yaml")):
            (staged / path.name).write_bytes(path.read_bytes())
        staged.rename(folder)
    return sorted(folder.glob("*.yaml"))
