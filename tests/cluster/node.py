"""A node of the test cluster: a mount namespace with a containerd, a kubelet and folders of its own.

All nodes share the machine's network, kernel and processors. /mnt, /run, /var/lib and /var/log are private to a node,
so a hostPath volume below /mnt is too; the machine sees it as `run/node-1/mnt`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import image_store
from tests.cluster.addresses import HOST, POD_BRIDGE_PREFIX, node_address, pod_subnet
from tests.cluster.cgroups import make_cgroup
from tests.cluster.commands import run, succeeds
from tests.cluster.node_images import PAUSE_IMAGE
from tests.cluster.places import binaries_folder
from tests.cluster.processes import Components

LEASE_SECONDS = 20
"""For which a node's lease holds; its kubelet renews it four times as often."""
_PRIVATE = {"mnt": "/mnt", "run": "/run", "lib": "/var/lib", "log": "/var/log"}
_CRI = '[plugins."io.containerd.grpc.v1.cri"'


@dataclass(frozen=True)
class Node:
    """Node 1, 2, … of a cluster.

    Attributes:
        cluster_folder: The running cluster's.
        components: Its processes.
        index: Which node, from 1.
    """

    cluster_folder: Path
    components: Components
    index: int

    @property
    def name(self) -> str:
        """As Kubernetes knows it; its mount namespace is held open by a component of this name."""
        return f"node-{self.index}"

    @property
    def folder(self) -> Path:
        """Holds its private folders: `mnt` is its /mnt."""
        return self.cluster_folder / self.name

    @property
    def _socket(self) -> Path:
        return self.folder / "run" / "containerd" / "containerd.sock"

    def start_containerd(self, images: list[Path]) -> bool:
        """Make the mount namespace, start containerd in it, and give it its first images.

        Returns:
            Whether it begins with all that the store of images has.

        Raises:
            ClusterError: when one of them ends instead, with its log.
        """
        for part in (*_PRIVATE, "cni"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        root = self.folder / "lib" / "containerd"
        begins = not root.exists() and image_store.copy_to(root)
        binds = [f"mount --bind {self.folder / part} {target}" for part, target in _PRIVATE.items()]
        script = " && ".join([*binds, "mount --make-rshared /", "exec sleep infinity"])
        pid = self.components.start(self.name, "unshare", "--mount", "--propagation", "private", "sh", "-c", script)
        self.components.wait(self.name, lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
        (self.folder / "cni" / "10-pods.conflist").write_text(json.dumps(self._pod_network(), indent=1))
        config = self.folder / "containerd.toml"
        config.write_text(self._containerd_config())
        self._start("containerd", "containerd", "--config", config)
        self.components.wait(f"containerd-{self.index}", lambda: succeeds("ctr", "-a", self._socket, "version"))
        for image in images:
            if not (begins and image_store.holds(image)):
                self.import_image(image)
        return begins

    def start_kubelet(self) -> None:
        """Start the kubelet, which registers the node."""
        path = self.folder / "kubelet.json"
        path.write_text(json.dumps(self._kubelet_config(make_cgroup(self.name)), indent=1))
        who = [f"--hostname-override={self.name}", f"--node-ip={node_address(self.index)}"]
        access = f"--kubeconfig={self.cluster_folder}/kubelet-{self.index}.conf"
        self._start("kubelet", binaries_folder() / "kubelet", f"--config={path}", access, *who)

    def stop_kubelet(self) -> None:
        """End the kubelet and leave the pods running: the node becomes NotReady after a while."""
        self.components.stop(f"kubelet-{self.index}")

    @contextmanager
    def small_disk(self, path: str, size: str) -> Iterator[None]:
        """Lay a small file system over a folder of the node, for pods that start from now on.

        Args:
            path: A folder below /mnt.
            size: As tmpfs takes it, such as 48m.
        """
        inside = ("nsenter", "--mount", f"--target={self.components.pid(self.name)}", "--wd=/")
        run(*inside, "mkdir", "-p", path)
        run(*inside, "mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path)
        try:
            yield
        finally:
            run(*inside, "umount", "--lazy", path)

    def import_image(self, archive: Path) -> None:
        """Give containerd an image; loading the same again is quick.

        Raises:
            ClusterError: when the archive is refused.
        """
        run("ctr", "-a", self._socket, "-n", "k8s.io", "images", "import", archive)

    def _start(self, program: str, *argv: object) -> None:
        holder = self.components.pid(self.name)
        inside = ("nsenter", "--mount", f"--target={holder}", "--wd=/")
        self.components.start(f"{program}-{self.index}", *inside, *argv)

    def _containerd_config(self) -> str:
        # Where the kernel withholds CAP_SYS_RESOURCE no process may lower its OOM score.
        sandbox = f'{_CRI}]\nsandbox_image = "{PAUSE_IMAGE}"\nrestrict_oom_score_adj = true\n'
        return f'version = 2\n{sandbox}{_CRI}.cni]\nbin_dir = "/usr/lib/cni"\nconf_dir = "{self.folder}/cni"\n'

    def _pod_network(self) -> dict[str, object]:
        ipam = {
            "type": "host-local",
            "ranges": [[{"subnet": pod_subnet(self.index)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        name = f"{POD_BRIDGE_PREFIX}{self.index}"
        bridge = {"type": "bridge", "bridge": name, "isGateway": True, "hairpinMode": True, "ipam": ipam}
        ports = {"type": "portmap", "capabilities": {"portMappings": True}}
        return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports]}

    def _kubelet_config(self, cgroup: str) -> dict[str, object]:
        thresholds = ("nodefs.available", "nodefs.inodesFree", "imagefs.available")
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": node_address(self.index),
            "healthzPort": 0,
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "authentication": {
                "anonymous": {"enabled": False},
                "x509": {"clientCAFile": f"{self.cluster_folder}/certs/ca.crt"},
            },
            "clusterDNS": [HOST],
            "clusterDomain": "cluster.local",
            "volumePluginDir": "/var/lib/kubelet/volume-plugins",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": cgroup,
            "nodeLeaseDurationSeconds": LEASE_SECONDS,
            "enforceNodeAllocatable": [],
            "failCgroupV1": False,
            "failSwapOn": False,
            "makeIPTablesUtilChains": False,
            "oomScoreAdj": 0,
            "imageGCHighThresholdPercent": 100,
            "evictionHard": dict.fromkeys(thresholds, "0%"),
        }
