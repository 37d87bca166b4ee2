"""Images as virtual environments: on one machine, an image's content is an environment made from the image's own lock.

`install` makes one, once per lock and Python version, in the cache folder shared by every clone; `find_environment`
is how steps look up the programs of an image. Locks are in `images/locks/<image name>.txt`, with hashes.
"""

import contextlib
import hashlib
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from pathlib import Path

from filelock import FileLock

LOCKS = Path(__file__).parent / "locks"
CONTAINERFILES = Path(__file__).parent / "containerfiles"

NOTES: Mapping[str, str] = {
    "ome-llama-cpp": "llama.cpp's OpenAI server, compiled for this machine: about two minutes on two cores, once",
    "ome-genai-bench": "genai-bench, the load generator: about 800 MB",
}


BUILD_VARIABLES: Mapping[str, Mapping[str, str]] = {
    # docs/decisions/007-what-of-llama-cpp-is-compiled.md: GCC 12 drops the stores to AMX's tile configuration, and the
    # server then dies at its first request on a CPU that has AMX; what no runtime here uses takes long to compile.
    "ome-llama-cpp": {
        "CFLAGS": "-U__AMX_INT8__",
        "CXXFLAGS": "-U__AMX_INT8__",
        "CMAKE_ARGS": "-DLLAVA_BUILD=OFF -DCMAKE_PROJECT_llama.cpp_INCLUDE={folder}/llama-cpp.cmake",
    },
}
"""Environment variables of the compiler, for what is compiled here; `{folder}` is `CONTAINERFILES`."""


class EnvironmentProblem(Exception):  # noqa: N818 - a problem to tell a user, with its remedy
    """An environment could not be made: what failed, and what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def cache_folder() -> Path:
    """Where environments and the sample model are kept: `$OME_CACHE`, or `ome-pipelines` in the user's cache."""
    base = os.environ.get("OME_CACHE")
    if base:
        return Path(base).expanduser().resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser().resolve() / "ome-pipelines"


def image_name(image: str) -> str:
    """The last path part of an image reference, without tag and digest: `x.io/y/ome-vllm:1` is `ome-vllm`."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def lock_of(name: str) -> Path:
    """The lock file of an image's environment; it need not exist."""
    return LOCKS / f"{name}.txt"


def environment_folder(name: str) -> Path:
    """Where the environment of an image with a lock lives, made or not; a changed lock or Python is another."""
    content = lock_of(name).read_bytes() + repr(sorted(BUILD_VARIABLES.get(name, {}).items())).encode()
    lock = hashlib.sha256(content).hexdigest()[:8]
    python = f"py{sys.version_info.major}{sys.version_info.minor}-{platform.machine()}"
    return cache_folder() / "environments" / f"{name}-{lock}-{python}"


def find_environment(image: str) -> Path | None:
    """The virtual environment that stands for `image` on this machine, or None when there is none (yet)."""
    name = image_name(image)
    if not name or not lock_of(name).is_file():
        return None
    folder = environment_folder(name)
    return folder if _is_complete(folder) else None


def known_environments() -> list[str]:
    """Names of the images that have a lock here and so can be made into an environment."""
    return sorted(name for name in NOTES if lock_of(name).is_file())


def install(name: str, report: Callable[[str], None]) -> Path:
    """Make the environment of an image unless it is there; safe to call twice at once and to kill at any moment.

    Args:
        name: The image's name, one of `known_environments()`.
        report: Gets a line when work begins that takes long.

    Returns:
        The environment's folder.

    Raises:
        EnvironmentProblem: when a compiler is missing or the installer fails; it names the log.
    """
    folder = environment_folder(name)
    if _is_complete(folder):
        return folder
    if name == "ome-llama-cpp" and not any(shutil.which(c) for c in ("c++", "g++", "clang++")):
        raise EnvironmentProblem(
            "llama.cpp has to be compiled, and no C++ compiler is on PATH",
            "Debian: `apt-get install g++`. macOS: `xcode-select --install`. Or put `llama-server` on PATH.",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    log = folder.parent / f"{folder.name}.log"
    with FileLock(f"{folder}.lock"):
        if _is_complete(folder):
            return folder
        report(f"installing {name} ({NOTES[name]}); log: {log}")
        shutil.rmtree(folder, ignore_errors=True)
        place = shlex.quote(str(CONTAINERFILES))  # scikit-build splits what it is told as a shell does
        variables = {key: text.format(folder=place) for key, text in BUILD_VARIABLES.get(name, {}).items()}
        install_lock(lock_of(name), folder, log, variables)
        (folder / ".complete").touch()
    return folder


def install_lock(lock: Path, folder: Path, log: Path, build_variables: Mapping[str, str] | None = None) -> None:
    """Make a virtual environment at `folder` holding exactly what `lock` names, checked by hash.

    Args:
        lock: A requirements file with hashes.
        folder: Replaced when it is there.
        log: Gets the installer's output.
        build_variables: For the compiler; what an installer has kept from other builds is then not used.

    Raises:
        EnvironmentProblem: with the last line of the installer's output.
    """
    venv.create(folder, with_pip=_uv() is None, symlinks=True, clear=True)
    python = str(folder / "bin" / "python")
    uv = _uv()
    if uv:
        command = [uv, "pip", "install", "--python", python, "--compile-bytecode"]
    else:
        command = [python, "-m", "pip", "install", "--disable-pip-version-check"]
    if build_variables:
        command.append("--no-cache-dir")
    # A lock is complete; --no-deps keeps an installer from adding what the lock leaves out on purpose.
    run_logged([*command, "--no-deps", "--require-hashes", "-r", str(lock)], log, build_variables)


def run_logged(command: list[str], log: Path, variables: Mapping[str, str] | None = None) -> None:
    """Run an installer with its output in `log`, with environment variables beside ours.

    Raises:
        EnvironmentProblem: when it fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **(variables or {})}
    # A Ctrl-C that comes while the installer is being started waits until there is something to end.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
            )
    except BaseException:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        raise
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        code = process.wait()
    except BaseException:  # Ctrl-C: the compilers that it has started end too
        _end_group(process)
        raise
    if code != 0:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        last = lines[-1].strip() if lines else "no output"
        raise EnvironmentProblem(f"`{Path(command[0]).name}` failed with exit code {code}: {last}", f"See {log}.")


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    return shutil.which("uv") or (str(beside) if beside.exists() else None)


def _is_complete(folder: Path) -> bool:
    return (folder / ".complete").exists()
