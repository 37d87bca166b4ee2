"""What this machine must have for the cluster to run on it, and how to install it."""

import os
import shutil
import subprocess
from pathlib import Path

from steps.cache.admission import gibibytes, reserve_bytes
from steps.errors import ClusterError, DiskFullError, UnsupportedError
from tests.cluster.cgroups import check_cgroups
from tests.cluster.commands import run
from tests.cluster.network import check_claim

PACKAGES = (
    "containerd", "runc", "containernetworking-plugins", "iproute2", "nftables", "iptables", "conntrack", "socat",
    "busybox-static", "openssl", "ca-certificates",
)  # fmt: skip
"""Debian's, for the cluster itself; images are built with more (see `images/`)."""

IMAGE_PACKAGES = ("buildah", "debootstrap")
PROGRAMS = (
    "containerd", "runc", "ip", "nft", "iptables", "conntrack", "openssl", "busybox", "unshare", "nsenter", "mount",
)  # fmt: skip
INSTALL_COMMAND = "make cluster-install"
ROOM = 8 << 30
"""Bytes that images, nodes and the tests' models take, beside what each import leaves free (`OME_DISK_RESERVE`)."""


def install() -> None:
    """Install what is missing with apt-get, leaving the machine's other packages at their versions.

    Raises:
        UnsupportedError: where there is no apt-get, naming the packages.
        ClusterError: when apt-get fails; it has said why.
    """
    wanted = [name for name in (*PACKAGES, *IMAGE_PACKAGES) if not _is_installed(name)]
    if not wanted:
        return
    if not shutil.which("apt-get") or os.geteuid():
        message = "this machine has no apt-get" if not os.geteuid() else "installing packages needs root"
        raise UnsupportedError(message, remedy=f"Have an administrator install what Debian calls: {' '.join(wanted)}")
    options = ["-y", "--no-install-recommends", "--no-upgrade"]
    if not any(Path("/var/lib/apt/lists").glob("*Packages*")):
        _apt("update", "-q")
    if _apt("install", "-q", *options, *wanted, may_fail=True):
        _apt("update", "-q")  # the lists name versions that the mirror has replaced
        _apt("install", "-q", *options, *wanted)


def check_machine(folder: Path) -> None:
    """Refuse to start where it cannot work.

    Raises:
        UnsupportedError: naming all that is missing and the command that gets it.
        ClusterError: when a cluster with another folder runs.
        DiskFullError: when models would not fit on the nodes, which share this machine's disk.
    """
    if os.geteuid():
        message = "the test cluster needs root"
        raise UnsupportedError(
            message, remedy="Run as root, or use a cluster of yours: KUBECONFIG=… make test-cluster"
        )
    check_programs()
    check_cgroups()
    check_claim(folder)
    check_room(folder)


def check_room(folder: Path) -> None:
    """Refuse a disk on which every import would be refused, each after its test has waited for long.

    Raises:
        DiskFullError: with what is free and what is needed.
    """
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    status = os.statvfs(existing)
    free, reserve = status.f_bavail * status.f_frsize, reserve_bytes(status.f_blocks * status.f_frsize)
    if free < reserve + ROOM:
        message = (
            f"the disk of {existing} has {gibibytes(free)} free; the test cluster needs {gibibytes(ROOM)} beside the "
            f"{gibibytes(reserve)} that imports leave free"
        )
        raise DiskFullError(message, remedy="Free space, or set OME_CACHE to a folder on another disk.")


def check_programs() -> None:
    """Refuse a machine that lacks programs.

    Raises:
        UnsupportedError: naming those that are missing and the command that gets them.
    """
    absent = [name for name in PROGRAMS if not shutil.which(name)]
    if not Path("/usr/lib/cni/bridge").exists():
        absent.append("/usr/lib/cni/bridge")
    if absent:
        raise UnsupportedError(f"not installed: {', '.join(absent)}", remedy=f"Run: {INSTALL_COMMAND}")


def _is_installed(package: str) -> bool:
    if not shutil.which("dpkg-query"):
        return False
    told = run("dpkg-query", "--show", "--showformat=${db:Status-Status}", package, must_succeed=False)
    return told == "installed"


def _apt(*arguments: str, may_fail: bool = False) -> int:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    code = subprocess.run(["apt-get", *arguments], env=environment, check=False).returncode
    if code and not may_fail:
        raise ClusterError(f"apt-get {arguments[0]} ended with {code}", remedy="See what it printed above.")
    return code
