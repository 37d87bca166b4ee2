"""Command lines of the three programs that build images: buildah, podman, docker.

Called by `images.build` and `images.base`. They differ in where they keep images, in what isolates a build, and in how
an archive is written; that is all here.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from images.environment import EnvironmentProblem, cache_folder

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
ENGINES = ("buildah", "podman", "docker")
_WORK = "ome-base-working-container"
"""Where buildah fills a base image. A name of its own, so that what an interrupted import left is found again."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One of the programs.

    Attributes:
        name: buildah, podman or docker.
        storage: Options that name its storage; docker has none, as its daemon keeps images.
    """

    name: str
    storage: tuple[str, ...] = ()

    def build_command(
        self,
        containerfile: Path,
        context: Path,
        tags: Sequence[str],
        arguments: Mapping[str, str],
        secrets: Mapping[str, Path],
    ) -> list[str]:
        """The command that builds a Containerfile.

        Args:
            containerfile: Its path.
            context: The folder that it copies from.
            tags: Names of the image.
            arguments: Build arguments.
            secrets: Files that are mounted while commands run and are in no layer, by their id.
        """
        words = [self.name, *self.storage, "build"]
        if self.name != "docker":
            words.append("--layers")  # each finished layer is kept and taken again while nothing of it changed
        if self.name == "buildah":
            words += ["--isolation", "chroot"]  # works where no container may be started, in a container too
        for tag in tags:
            words += ["--tag", tag]
        for name, value in arguments.items():
            words += ["--build-arg", f"{name}={value}"]
        for name, path in secrets.items():
            words += ["--secret", f"id={name},src={path}"]
        return [*words, "--file", str(containerfile), str(context)]

    def save_command(self, tag: str, archive: Path) -> list[str]:
        """The command that writes an image as an archive that `docker load` and `ctr images import` take."""
        if self.name == "buildah":
            return [self.name, *self.storage, "push", "--quiet", tag, f"docker-archive:{archive}:{tag}"]
        return [self.name, *self.storage, "save", "--output", str(archive), tag]

    def identity_command(self, tag: str) -> list[str]:
        """The command that prints an image's id, and fails where there is no such image."""
        if self.name == "buildah":
            return [self.name, *self.storage, "inspect", "--type", "image", "--format", "{{.FromImageID}}", tag]
        return [self.name, *self.storage, "image", "inspect", "--format", "{{.Id}}", tag]

    def forget_command(self) -> list[str]:
        """The command that takes away what an interrupted import left, and fails where there is nothing; or none."""
        return [self.name, *self.storage, "rm", _WORK] if self.name == "buildah" else []

    def import_commands(self, archive: Path, tag: str, environment: Mapping[str, str]) -> list[list[str]]:
        """Commands that make an image of one layer from a tar of a root file system."""
        if self.name == "buildah":
            settings = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
            start = [self.name, *self.storage]
            return [
                [*start, "from", "--name", _WORK, "scratch"],
                [*start, "add", "--quiet", _WORK, str(archive), "/"],
                [*start, "config", *settings, "--cmd", "python3", _WORK],
                [*start, "commit", "--quiet", "--rm", _WORK, tag],
            ]
        changes = [word for name, value in environment.items() for word in ("--change", f"ENV {name}={value}")]
        return [[self.name, *self.storage, "import", *changes, str(archive), tag]]


def find_engine(wanted: str = "") -> Engine:
    """The program to build with: the one asked for, else the first on PATH that can be used.

    Raises:
        EnvironmentProblem: when there is none, with how to get one.
    """
    for name in [wanted] if wanted else ENGINES:
        if shutil.which(name) and (wanted or name != "docker" or _daemon_answers()):
            return Engine(name, storage_options(name))
    raise EnvironmentProblem(
        f"{wanted or 'none of buildah, podman and docker'} is not on PATH" + ("" if wanted else " and usable"),
        "Debian: `apt-get install buildah`. Or start the docker daemon.",
    )


def storage_options(name: str) -> tuple[str, ...]:
    """Where root's buildah keeps images: in our own cache folder, so that nothing of the machine's own is touched."""
    if name != "buildah" or os.geteuid() != 0:
        return ()
    cluster = cache_folder() / "cluster"
    return (
        "--root", str(cluster / "containers"), "--runroot", str(cluster / "containers-run"),
        "--storage-driver", "overlay",
    )  # fmt: skip


def host_files() -> dict[str, Path]:
    """What of the host pip and apt must see to reach their registries: its pip configuration and its certificates."""
    home = Path.home()
    named = os.environ.get("PIP_CONFIG_FILE")
    candidates = [
        *([Path(named)] if named and named != os.devnull else []),
        home / ".config" / "pip" / "pip.conf",
        home / ".pip" / "pip.conf",
        Path("/etc/pip.conf"),
    ]
    configuration = next((path for path in candidates if path.is_file()), None)
    found = {"pip": configuration, "certificates": CERTIFICATES if CERTIFICATES.is_file() else None}
    return {name: path for name, path in found.items() if path is not None}


def _daemon_answers() -> bool:
    try:
        asked = subprocess.run(["docker", "version"], capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0
