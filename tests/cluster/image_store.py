"""The images that nodes start with, imported and unpacked once; each node gets a copy of that folder, of hard links.

Importing two gigabytes on each of three nodes takes minutes of processor and disk. What containerd keeps of an image,
blobs and unpacked layers, it never writes again, so nodes may share those files; a database each has for itself.
`python -m tests.cluster images` fills the folder, and nodes that start anew begin with it.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from steps.errors import ClusterError
from tests.cluster.commands import run, succeeds
from tests.cluster.places import cluster_folder

_SHARED = (
    Path("io.containerd.content.v1.content", "blobs"),
    Path("io.containerd.snapshotter.v1.overlayfs", "snapshots"),
)
"""Where containerd keeps what it never writes again."""
_PATIENCE_SECONDS = 60


def store_folder() -> Path:
    """Where the images are."""
    return cluster_folder() / "image-store"


def identity(archive: Path) -> list[object]:
    """What tells an archive from a later one of the same name: path, time of its last change, size in bytes."""
    about = archive.stat()
    return [str(archive.resolve()), about.st_mtime_ns, about.st_size]


def held() -> dict[str, list[object]]:
    """The identities of the archives whose images are in the store, by file name; none while it is being filled."""
    try:
        known: dict[str, list[object]] = json.loads(_record().read_text())
    except FileNotFoundError:
        return {}
    return known


def holds(archive: Path) -> bool:
    """Whether the store has an archive's images, as they are now."""
    return held().get(archive.name) == identity(archive)


def fill(archives: Sequence[Path]) -> None:
    """Import and unpack the images of archives that the store lacks; it need not be whole after an interruption.

    Raises:
        ClusterError: when containerd does not start, or refuses an archive.
    """
    store_folder().mkdir(parents=True, exist_ok=True)
    with _locked():
        known = held()
        lacking = [archive for archive in archives if known.get(archive.name) != identity(archive)]
        if not lacking:
            return
        _record().unlink(missing_ok=True)
        with containerd(store_folder()) as socket:
            for archive in lacking:
                known[archive.name] = identity(archive)
                run("ctr", "-a", socket, "-n", "k8s.io", "images", "import", archive.resolve())
        staged = _record().with_suffix(".part")
        staged.write_text(json.dumps(known, indent=1))
        staged.replace(_record())


def copy_to(root: Path) -> bool:
    """Give a node that has not started yet the store's images.

    Args:
        root: What will be its containerd's root folder, on the store's file system; it does not exist.

    Returns:
        Whether there was a whole store.

    Raises:
        ClusterError: when it cannot be copied.
    """
    if not held():
        return False
    staged = root.with_name(f"{root.name}.part")
    shutil.rmtree(staged, ignore_errors=True)
    with _locked():
        run("cp", "--archive", "--link", store_folder() / "root", staged)
    shared = {staged / part for part in _SHARED}
    for folder, below, files in os.walk(staged):
        below[:] = [name for name in below if Path(folder, name) not in shared]
        for name in files:
            _own(Path(folder, name))
    staged.rename(root)
    return True


def _locked() -> FileLock:
    return FileLock(store_folder() / "lock")


def _record() -> Path:
    return store_folder() / "held.json"


def _own(path: Path) -> None:
    """Put a copy in the place of a hard link."""
    staged = path.with_name(f"{path.name}.own")
    shutil.copy2(path, staged)
    staged.replace(path)


@contextmanager
def containerd(folder: Path) -> Iterator[Path]:
    """One that serves no kubelet, in a mount namespace of its own; gives its socket."""
    state, log = folder / "state", folder / "log"
    shutil.rmtree(state, ignore_errors=True)
    config, socket = folder / "config.toml", state / "socket"
    config.write_text(
        f'version = 2\nroot = "{folder / "root"}"\nstate = "{state}"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{socket}"\n'
    )
    ending_with_us = ("setpriv", "--pdeathsig", "KILL")  # it would keep the databases locked
    command = [
        *ending_with_us,
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "containerd",
        "--config",
        str(config),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not succeeds("ctr", "-a", socket, "version"):
            if process.poll() is not None or time.monotonic() > deadline:
                ending = log.read_text(errors="replace")[-2000:]
                raise ClusterError(f"containerd does not start; {log} ends with\n{ending}", remedy="Read that log.")
            time.sleep(0.1)
        yield socket
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
