"""Starts and ends the whole test cluster, and finds the one that runs."""

import json
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from steps.errors import ClusterError
from tests.cluster.addresses import HOST
from tests.cluster.argo import start_argo
from tests.cluster.binaries import ensure
from tests.cluster.certificates import make_certificates
from tests.cluster.cgroups import remove_cgroups
from tests.cluster.control_plane import AUDIT_LOG, STARTS, answers, start_control_plane, start_dns, start_proxy
from tests.cluster.image_store import held, identity
from tests.cluster.kubectl import Kubectl
from tests.cluster.machine import check_machine
from tests.cluster.network import check_claim, make_network, remove_network
from tests.cluster.node import Node
from tests.cluster.node_images import make_argoexec_image, make_node_images
from tests.cluster.places import binaries_folder, running_folder
from tests.cluster.processes import Components, end

NODES = 3
_READY = '{range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{.spec.taints}{"\\n"}{end}'
"""A line for each node: `True` when it is ready and has lost the taint that it had until then."""


@dataclass(frozen=True)
class LocalCluster:
    """The cluster on this machine, running or not: everything about it is in one folder.

    Attributes:
        folder: Its folder.
    """

    folder: Path

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.folder / "admin.conf"

    @property
    def audit_log(self) -> Path:
        """What service accounts of ours asked of the API server: a JSON object a line."""
        return self.folder / AUDIT_LOG

    @property
    def api_server_starts(self) -> list[tuple[float, float]]:
        """From when until when the API server was starting, in seconds since the epoch."""
        return [(begun, ready) for begun, ready in map(json.loads, (self.folder / STARTS).read_text().splitlines())]

    @property
    def components(self) -> Components:
        """Its processes."""
        return Components(self.folder)

    @property
    def kubectl(self) -> Kubectl:
        """As the administrator."""
        return Kubectl(binaries_folder() / "kubectl", self.kubeconfig)

    @property
    def nodes(self) -> list[Node]:
        """Those that were started."""
        names = [name for name in self.components.names() if name.startswith("node-")]
        return [Node(self.folder, self.components, int(name.removeprefix("node-"))) for name in names]

    def is_running(self) -> bool:
        """Whether its API server and all its nodes run."""
        parts = ["kube-apiserver", *(node.name for node in self.nodes)]
        return len(parts) > 1 and all(self.components.pid(name) for name in parts)

    def load_image(self, archive: Path) -> None:
        """Give every node an image; an archive that every node has been given already is left alone.

        Raises:
            ClusterError: when no cluster runs, or the archive is refused.
        """
        if not self.is_running():
            raise ClusterError(f"no cluster runs in {self.folder}", remedy="Run: make cluster-up")
        if self._is_loaded(archive):
            return
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.import_image(archive.resolve()), self.nodes))
        self.record_loaded(archive.name, identity(archive))

    def record_loaded(self, name: str, archive: list[object]) -> None:
        """Note that every node has an archive's images.

        Args:
            name: The archive's file name.
            archive: Its identity (see `image_store`).
        """
        record = self.folder / "loaded" / name
        record.parent.mkdir(exist_ok=True)
        record.write_text(json.dumps([*archive, [node.name for node in self.nodes]]))

    def _is_loaded(self, archive: Path) -> bool:
        record = self.folder / "loaded" / archive.name
        given = [*identity(archive), [node.name for node in self.nodes]]
        return record.exists() and json.loads(record.read_text()) == given


def local_cluster() -> LocalCluster:
    """The cluster of the cache folder."""
    return LocalCluster(running_folder().resolve())


def up(nodes: int = NODES, *, is_open: bool = False) -> LocalCluster:
    """Start the cluster with Argo, or what of it does not run.

    Args:
        nodes: How many.
        is_open: Whether pods reach what this machine reaches.

    Returns:
        The running cluster.

    Raises:
        UnsupportedError: when this machine lacks something, naming the command that gets it.
        ClusterError: when a part does not start, with its log.
    """
    started, cluster = time.monotonic(), local_cluster()
    check_machine(cluster.folder)
    ensure()
    cluster.folder.mkdir(parents=True, exist_ok=True)
    make_certificates(cluster.folder, nodes)
    make_network(cluster.folder, nodes, is_open=is_open)
    components, kubectl = cluster.components, cluster.kubectl
    members = [Node(cluster.folder, components, i) for i in range(1, nodes + 1)]
    images = [*make_node_images(), make_argoexec_image()]
    with ThreadPoolExecutor() as pool:
        runtimes = [pool.submit(node.start_containerd, images) for node in members]
        start_control_plane(cluster.folder, components, kubectl)
        begin_alike = all([runtime.result() for runtime in runtimes])
    if begin_alike:
        for name, archive in held().items():
            cluster.record_loaded(name, archive)
    for node in members:
        node.start_kubelet()
    start_proxy(cluster.folder, components)
    start_dns(cluster.folder, components, kubectl, is_open=is_open)
    components.wait("coredns", lambda: answers(HOST, 8181))
    components.wait(f"kubelet-{nodes}", lambda: _ready_nodes(kubectl) >= nodes)
    # Without it pods are refused.
    components.wait("kube-controller-manager", lambda: kubectl.succeeds("get", "serviceaccount", "default"))
    start_argo(cluster.kubeconfig, components, kubectl)
    print(f"cluster: {nodes} nodes and Argo Workflows in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return cluster


def down() -> None:
    """End every process of the cluster, and remove what it has put on the machine; binaries and images stay.

    Raises:
        ClusterError: when the cluster that runs has another folder.
    """
    cluster = local_cluster()
    if not cluster.folder.exists():
        return
    check_claim(cluster.folder)
    components = cluster.components
    holders = {pid for node in cluster.nodes if (pid := components.pid(node.name))}
    spaces = {str(Path(f"/proc/{pid}/ns/mnt").readlink()) for pid in holders}
    others = {pid for name in components.names() if (pid := components.pid(name))} - holders
    end(others, signal.SIGTERM, signal.SIGKILL)
    while inside := _processes_in(spaces):  # shims, and what they start as they end
        end(inside, signal.SIGKILL)
    remove_cgroups()
    remove_network(cluster.folder)
    shutil.rmtree(cluster.folder, ignore_errors=True)


def status() -> str:
    """A line for each component, and the nodes.

    Raises:
        ClusterError: when no cluster runs.
    """
    cluster = local_cluster()
    components = cluster.components
    if not components.names():
        raise ClusterError(f"no cluster runs in {cluster.folder}", remedy="Run: make cluster-up")
    lines = []
    for name in components.names():
        pid = components.pid(name)
        lines.append(f"{name:26} {f'running, process {pid}' if pid else f'stopped, see {components.log(name)}'}")
    return "\n".join([*lines, cluster.kubectl.tell("get", "nodes", "-o", "wide")])


def _ready_nodes(kubectl: Kubectl) -> int:
    return kubectl.tell("get", "nodes", "-o", f"jsonpath={_READY}").split().count("True")


def _processes_in(mount_namespaces: set[str]) -> set[int]:
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str((entry / "ns" / "mnt").readlink()) in mount_namespaces:
                found.add(int(entry.name))
        except OSError:
            pass
    return found
