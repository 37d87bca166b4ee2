"""The nodes a model could run on: what Kubernetes tells of a node, and the same of this machine.

`steps.select_runtime` takes `local_node()`; a cluster's nodes are made from its Node objects (`steps.cluster.nodes`).
"""

import math
import os
import platform
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from steps.frozen import Frozen

MIB = 1024**2
CGROUP = Path("/sys/fs/cgroup")


class Resources(Frozen):
    """Amounts of what pods ask for.

    Attributes:
        cpu: Cores; fractions are possible.
        memory: Bytes.
        devices: Devices by resource name, such as `nvidia.com/gpu`.
    """

    cpu: float = 0.0
    memory: int = 0
    devices: Mapping[str, int] = {}


class Taint(Frozen):
    """What keeps pods off a node, unless they tolerate it."""

    key: str
    value: str = ""
    effect: str = ""


class Node(Frozen):
    """A node as the selector sees it.

    Attributes:
        labels: Its labels; GPU labels as NVIDIA's feature discovery writes them.
        allocatable: What pods may use in all.
        requested: What is already taken of it.
        is_ready: Whether its Ready condition is true.
        is_schedulable: False when it is cordoned.
        taints: What repels pods that do not tolerate it.
    """

    name: str
    labels: Mapping[str, str] = {}
    allocatable: Resources = Resources()
    requested: Resources = Resources()
    is_ready: bool = True
    is_schedulable: bool = True
    taints: tuple[Taint, ...] = ()

    @property
    def is_usable(self) -> bool:
        """Whether new pods can start there."""
        return self.is_ready and self.is_schedulable


def local_node(query_gpus: Callable[[], str] | None = None) -> Node:
    """This machine as a node: its labels, cores, memory and NVIDIA GPUs.

    Cores are those this process may use (affinity and cgroup quota), memory is the machine's or the cgroup's limit,
    and what programs hold of it now counts as requested.

    Args:
        query_gpus: Gives `name, MiB, compute capability` lines; by default `nvidia-smi` is asked.
    """
    import psutil  # noqa: PLC0415 - step modules import this one, and only this function needs it

    memory = psutil.virtual_memory()
    limit, used = cgroup_memory(CGROUP)
    total = min(memory.total, limit or memory.total)
    requested = max(total - memory.available, 0) if not limit else max(used, total - memory.available, 0)
    gpu_labels, devices = gpu_resources((query_gpus or query_nvidia_smi)())
    name = (platform.node() or "localhost").lower()
    labels = {
        "kubernetes.io/os": platform.system().lower(),
        "kubernetes.io/arch": architecture(platform.machine()),
        "kubernetes.io/hostname": name,
        **gpu_labels,
    }
    return Node(
        name=name,
        labels=labels,
        allocatable=Resources(cpu=usable_cores(CGROUP), memory=total, devices=devices),
        requested=Resources(memory=min(requested, total)),
    )


def architecture(machine: str) -> str:
    """Kubernetes' word for a machine type: x86_64 is amd64, aarch64 is arm64."""
    return {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(
        machine.lower(), machine.lower()
    )


def usable_cores(cgroup: Path) -> float:
    """Cores that this process may use: its affinity mask, bounded by the cgroup's quota."""
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    quota = cgroup_cores(cgroup)
    return min(cores, quota) if quota else cores


def cgroup_cores(cgroup: Path) -> float:
    """Cores of the cgroup's quota (v2 `cpu.max`, v1 `cpu.cfs_*`), or 0 when there is none."""
    words = _read(cgroup / "cpu.max").split()
    if not words:
        words = [_read(cgroup / "cpu/cpu.cfs_quota_us"), _read(cgroup / "cpu/cpu.cfs_period_us")]
    try:
        quota, period = (float(word) for word in words)
    except ValueError:  # "max", or no such file
        return 0.0
    return quota / period if quota > 0 and period > 0 and math.isfinite(quota) else 0.0


def cgroup_memory(cgroup: Path) -> tuple[int, int]:
    """Limit and use in bytes of the cgroup's memory (v2, then v1), or zeros when there is no limit."""
    for limit_file, use_file in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        limit = _read(cgroup / limit_file)
        if limit.isdigit() and int(limit) < 1 << 60:  # v1 writes a number near 2^63 for "no limit"
            used = _read(cgroup / use_file)
            return int(limit), int(used) if used.isdigit() else 0
    return 0, 0


def query_nvidia_smi() -> str:
    """One `name, MiB, compute capability` line a GPU from `nvidia-smi`; "" when there is none."""
    command = ["nvidia-smi", "--query-gpu=name,memory.total,compute_cap", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def gpu_resources(listing: str) -> tuple[dict[str, str], dict[str, int]]:
    """Labels and devices of `nvidia-smi`'s list, as NVIDIA's feature discovery and device plugin give them.

    Unreadable lines are left out. Different GPUs in one machine are described by the one with the least memory, so
    that what fits on it fits on all.
    """
    found: list[tuple[int, str, str]] = []
    for line in listing.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 3 and parts[0] and parts[1].isdigit():
            found.append((int(parts[1]), parts[0].replace(" ", "-"), parts[2]))
    if not found:
        return {}, {}
    memory, product, capability = min(found)
    major, _, minor = capability.partition(".")
    labels = {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": product,
        "nvidia.com/gpu.memory": str(memory),
        "nvidia.com/gpu.count": str(len(found)),
    }
    if major.isdigit() and minor.isdigit():
        labels |= {"nvidia.com/gpu.compute.major": major, "nvidia.com/gpu.compute.minor": minor}
    return labels, {"nvidia.com/gpu": len(found)}


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
