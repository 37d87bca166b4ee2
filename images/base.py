"""A base image where no registry can be reached: Debian 12 with its own Python 3.11, made by debootstrap.

`python -m images base` makes it once; it is what `python:3.11-slim-bookworm` would be from a registry.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from images.engine import Engine
from images.environment import EnvironmentProblem, cache_folder, run_logged

TAG = "localhost/ome-base:debian12-python3.11"
RELEASE = "bookworm"
PACKAGES = ("python3", "python3-venv", "ca-certificates", "libgomp1")
"""Python, what makes environments, what TLS is checked with, and OpenMP's library, which llama.cpp runs with."""
_WASTE = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/locale", "usr/share/man")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def make_base(engine: Engine, report: Callable[[str], None], tag: str = TAG) -> str:
    """Make the base image unless the engine has it.

    Args:
        engine: What will hold it.
        report: Gets a line when work begins that takes long, and one when it is done.
        tag: Its name.

    Returns:
        The tag.

    Raises:
        EnvironmentProblem: when debootstrap is missing, refuses, or fails.
    """
    if image_identity(engine, tag):
        return tag
    if shutil.which("debootstrap") is None:
        raise EnvironmentProblem(
            "a base image has to be made, and debootstrap is not on PATH",
            "Debian: `apt-get install debootstrap`. Or name a base: --base python:3.11-slim-bookworm.",
        )
    if os.geteuid() != 0:
        raise EnvironmentProblem(
            "debootstrap needs root", "Run as root, or name a base: --base python:3.11-slim-bookworm."
        )
    folder = cache_folder() / "cluster" / "build"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "ome-base.log"
    started = time.monotonic()
    report(f"base: Debian {RELEASE} with Python, by debootstrap: about a minute; log: {log}")
    with tempfile.TemporaryDirectory(prefix="ome-base-", dir=folder) as work:
        root, archive = Path(work, "root"), Path(work, "root.tar")
        run_logged(["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", RELEASE, str(root)], log)
        for waste in _WASTE:
            shutil.rmtree(root / waste, ignore_errors=True)
            (root / waste).mkdir(parents=True)
        run_logged(["tar", "--create", "--numeric-owner", f"--file={archive}", f"--directory={root}", "."], log)
        import_archive(engine, archive, tag, log)
    report(f"base: {tag} after {time.monotonic() - started:.0f} s")
    return tag


def import_archive(engine: Engine, archive: Path, tag: str, log: Path) -> None:
    """Make an image of a tar of a root file system, whether or not an earlier attempt was interrupted.

    Raises:
        EnvironmentProblem: when the engine fails.
    """
    if forget := engine.forget_command():
        subprocess.run(forget, capture_output=True, check=False)  # fails where nothing was left
    for command in engine.import_commands(archive, tag, {"PATH": _PATH, "LANG": "C.UTF-8"}):
        run_logged(command, log)


def image_identity(engine: Engine, tag: str) -> str:
    """The id of an image that the engine has, or "" when it has none of that name."""
    asked = subprocess.run(engine.identity_command(tag), capture_output=True, text=True, check=False)
    return asked.stdout.strip() if asked.returncode == 0 else ""
