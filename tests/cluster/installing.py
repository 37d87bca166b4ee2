"""`ome` on the cluster as a person gives it, in a process of its own; its images are those that the nodes have."""

import subprocess
import sys

from tests.cluster import ring

TAG = "test"


def ome(cluster: ring.Cluster, command: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of `ome` against the cluster."""
    line = [sys.executable, "-m", "pipelines.command", command, *words, f"--kubeconfig={cluster.kubeconfig}"]
    return subprocess.run(line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def install(cluster: ring.Cluster, hub: str, *words: str) -> None:
    """`ome install`, with the test hub in the place of the real one; it waits for what it has installed."""
    given = ("--image-registry=localhost", f"--image-tag={TAG}", f"--set=HF_ENDPOINT={hub}", *words)
    done = ome(cluster, "install", *given)
    assert done.returncode == 0, done.stdout + done.stderr


def uninstall(cluster: ring.Cluster) -> str:
    """`ome uninstall` of everything; what it said."""
    done = ome(cluster, "uninstall", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
