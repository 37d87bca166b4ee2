"""The control groups of the nodes, on a machine with version 1 (what the cluster is tested on) or version 2."""

import errno
import os
import signal
from pathlib import Path

from steps.errors import ClusterError, UnsupportedError
from tests.cluster.addresses import NAME
from tests.cluster.processes import end

MOUNT = Path("/sys/fs/cgroup")
_WEIGHT = 4
"""All pods of all nodes count as so many programs beside them, where the processor is short; else they were one."""


def is_version_2(mount: Path = MOUNT) -> bool:
    """Whether the machine has the unified hierarchy alone."""
    return (mount / "cgroup.controllers").exists()


def check_cgroups(mount: Path = MOUNT) -> None:
    """Refuse a machine whose control groups cannot be written.

    Raises:
        UnsupportedError: naming what is missing.
    """
    if not is_version_2(mount) and not (mount / "memory").is_dir():
        message = f"{mount} has neither control groups version 2 nor the controller memory of version 1"
        raise UnsupportedError(message, remedy="Mount them, or use a virtual machine instead of a container.")
    if not os.access(mount if is_version_2(mount) else mount / "memory", os.W_OK):
        message = f"{mount} is read-only"
        raise UnsupportedError(
            message, remedy="Run where root may write it: a virtual machine, a privileged container."
        )


def make_cgroup(node: str) -> str:
    """Make the group below which a node's kubelet puts its pods; return its path as the kubelet names it.

    Raises:
        ClusterError: when the kernel refuses.
    """
    group = f"{NAME}/{node}"
    if is_version_2():
        _delegate(MOUNT)
        for path in (MOUNT / NAME, MOUNT / group):
            path.mkdir(exist_ok=True)
            _delegate(path)
        for weight in MOUNT.glob(f"{NAME}/cpu.weight"):  # not there where the machine does not share out its processor
            weight.write_text(f"{_WEIGHT * 100}")
    else:
        for controller in MOUNT.iterdir():
            if controller.is_dir() and controller.name != "unified":
                (controller / group).mkdir(parents=True, exist_ok=True)
        for shares in MOUNT.glob(f"*/{NAME}/cpu.shares"):  # one folder may be named `cpu,cpuacct`
            shares.write_text(f"{_WEIGHT * 1024}")
    return f"/{group}"


def remove_cgroups() -> None:
    """End the containers' processes that are left, and remove the groups from below."""
    tops = [MOUNT / NAME] if is_version_2() else list(MOUNT.glob(f"*/{NAME}"))
    for top in tops:
        if not top.is_dir():
            continue
        groups = [top, *(path for path in top.rglob("*") if path.is_dir())]
        end({int(pid) for group in groups for pid in _members(group)}, signal.SIGKILL)
        for group in sorted(groups, reverse=True):
            group.rmdir()


def _members(group: Path) -> list[str]:
    try:
        return (group / "cgroup.procs").read_text().split()
    except OSError:
        return []


def _delegate(group: Path) -> None:
    """Give a group's children every controller that it has (version 2)."""
    controllers = " ".join(f"+{name}" for name in (group / "cgroup.controllers").read_text().split())
    try:
        (group / "cgroup.subtree_control").write_text(controllers)
    except OSError as error:
        remedy = "Run on a virtual machine, or use a cluster of yours: KUBECONFIG=… make test-cluster"
        if error.errno == errno.EBUSY:
            remedy = (
                f"Move this container's processes from {group}/cgroup.procs into a child group first. Or: {remedy}"
            )
        raise ClusterError(f"{group} does not delegate {controllers}: {error.strerror}", remedy=remedy) from error
