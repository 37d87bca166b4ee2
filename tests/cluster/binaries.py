"""Builds the cluster's programs from Go modules into the cache, only what is missing or changed.

`ensure("etcd", "kube-apiserver")` is all that the tests against an API server need; `make cluster-binaries` builds
everything (about 12 minutes on two cores with nothing cached). A stamp for each program says what it was made from.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from steps.errors import ClusterError
from tests.cluster.go_toolchain import find_go
from tests.cluster.places import binaries_folder, cluster_folder
from tests.cluster.programs import ARGO_MODULE, ARGO_PROGRAMS, MODULES_FOLDER, OF_A_CLUSTER, GoModule, by_module

Report = Callable[[str], None]
_VERSION_ENDING = re.compile(r"/v\d+$")
_NO_DEBUGGER = "-gcflags=all=-dwarf=false"
"""A seventh less to compile: what a debugger reads is not made, which the linker would leave out again."""


def ensure(*names: str, report: Report | None = None) -> Path:
    """Build the named programs unless they are up to date (all programs, when none is named).

    Args:
        names: Programs, as `PROGRAMS` lists them; none for those of a cluster.
        report: Told a line when something is built; by default it goes to stderr.

    Returns:
        The folder that has them.

    Raises:
        InvalidInputError: for an unknown name.
        UnsupportedError: when something must be built and there is no Go toolchain.
        ClusterError: when a build fails, with the end of its output.
    """
    wanted = by_module(names or OF_A_CLUSTER)
    if not _outdated(wanted):
        return binaries_folder()
    tell = report or _to_stderr
    cluster_folder().mkdir(parents=True, exist_ok=True)
    lock = FileLock(cluster_folder() / "build.lock")
    if lock.is_locked or not _acquired_at_once(lock):
        tell("cluster: another process builds; waiting for it")
        lock.acquire()
    try:
        for module, programs in _outdated(wanted).items():
            _build(module, programs, tell)
    finally:
        lock.release()
    return binaries_folder()


def missing(*names: str) -> tuple[str, ...]:
    """Those of the named programs (of all, when none is named) that are not built, or from something else."""
    return tuple(program for programs in _outdated(by_module(names or OF_A_CLUSTER)).values() for program in programs)


def argo_source(go: Path | None = None) -> Path:
    """The published source of Argo Workflows in Go's module cache, fetched if need be; its manifests are in it.

    Raises:
        UnsupportedError: when there is no Go toolchain.
        ClusterError: when it cannot be fetched.
    """
    return _published_source(go or find_go(), by_module(("argo",)).popitem()[0].folder, ARGO_MODULE)


def _outdated(wanted: dict[GoModule, tuple[str, ...]]) -> dict[GoModule, tuple[str, ...]]:
    stale = {
        module: tuple(name for name in programs if not _is_up_to_date(module, name))
        for module, programs in wanted.items()
    }
    return {module: programs for module, programs in stale.items() if programs}


def _is_up_to_date(module: GoModule, program: str) -> bool:
    stamp = _stamp(program)
    return (
        (binaries_folder() / program).exists() and stamp.exists() and stamp.read_text() == module.fingerprint(program)
    )


def _stamp(program: str) -> Path:
    return cluster_folder() / "built" / program


def _build(module: GoModule, programs: tuple[str, ...], tell: Report) -> None:
    go, started = find_go(), time.monotonic()
    tell(f"cluster: building {', '.join(programs)} (minutes the first time; Go keeps what it compiled)")
    work = cluster_folder() / "build" / module.name
    _remove(work)
    shutil.copytree(module.folder, work)
    if set(programs) & set(ARGO_PROGRAMS):
        _complete_argo(go, work)
    if module.laid_over:
        _take_copy(go, work, module.laid_over)
    staged = work / "bin"
    staged.mkdir()
    flags = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in module.variables.items())])
    packages = [module.packages[program] for program in programs]
    _go(
        go, work, "build", "-trimpath", "-buildvcs=false", _NO_DEBUGGER, "-ldflags", flags, "-o", f"{staged}/",
        *packages,
    )  # fmt: skip
    for program in programs:
        for path in (binaries_folder() / program, _stamp(program)):
            path.parent.mkdir(parents=True, exist_ok=True)
        built = staged / _VERSION_ENDING.sub("", module.packages[program]).rpartition("/")[2]  # as Go names programs
        built.replace(binaries_folder() / program)  # a running program keeps its old file
        _stamp(program).write_text(module.fingerprint(program))
    sizes = ", ".join(f"{program} {(binaries_folder() / program).stat().st_size >> 20} MiB" for program in programs)
    _remove(work)
    tell(f"cluster: {module.name} built in {time.monotonic() - started:.0f} s ({sizes})")


def _complete_argo(go: Path, work: Path) -> None:
    """Build from a copy of Argo's source with the two files that its published module leaves out."""
    copy = _take_copy(go, work, ARGO_MODULE)
    signals = (MODULES_FOLDER / "signal_linux.go.txt").read_text()
    signals = signals.replace("github.com/argoproj/argo-workflows/v3", ARGO_MODULE)
    (copy / "workflow" / "executor" / "osspecific" / "signal_linux.go").write_text(signals)
    page = copy / "ui" / "dist" / "app" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("<!doctype html><title>Argo Workflows without its pages</title>\n")


def _take_copy(go: Path, work: Path, module: str) -> Path:
    """Have a copy of a published module's source built in its place, with our files laid over it; return it."""
    copy = work / "module"
    shutil.copytree(_published_source(go, work, module), copy)
    _make_writable(copy)
    if (work / "_over").exists():
        shutil.copytree(work / "_over", copy, dirs_exist_ok=True)
    _go(go, work, "mod", "edit", f"-replace={module}=./module")
    return copy


def _published_source(go: Path, folder: Path, module: str) -> Path:
    """Where Go's module cache has the source of a module that the go.mod of `folder` pins, fetched if need be."""
    _go(go, folder, "mod", "download", module)
    return Path(_go(go, folder, "list", "-m", "-f", "{{.Dir}}", module).strip())


def _go(go: Path, folder: Path, *arguments: str) -> str:
    environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off"}
    command = [str(go), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        ending = "\n".join(done.stderr.strip().splitlines()[-8:])
        message = f"`go {' '.join(arguments[:2])}` ended with {done.returncode} in {folder}:\n{ending}"
        remedy = "If a module could not be fetched, check the connection and GOPROXY; what is compiled is kept."
        raise ClusterError(message, remedy=remedy)
    return done.stdout


def _make_writable(folder: Path) -> None:
    """Go's module cache is read-only, and so is a copy of it."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)


def _remove(folder: Path) -> None:
    if folder.exists():
        _make_writable(folder)
        shutil.rmtree(folder)


def _acquired_at_once(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except TimeoutError:
        return False
    return True


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
