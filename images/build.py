"""Builds images from their Containerfiles, and writes each as an archive; what did not change is not built again.

Called by `python -m images build`. The build's context is a copy of just the files that an image is made of, with one
time for all of them, so that layers are found again on any clone and nothing else can get in.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from images.base import image_identity
from images.catalogue import REPOSITORY, Image, source_files, sources_digest
from images.compiled_wheel import compiled_wheel
from images.engine import Engine, host_files
from images.environment import EnvironmentProblem, cache_folder, run_logged

_TIME = 315532800  # 1980, the first that every archive format can say


@dataclass(frozen=True, slots=True)
class Built:
    """What an archive was made from, kept beside it as JSON.

    Attributes:
        image: Its name.
        tag: The image reference inside the archive.
        sources: Digest of its files.
        base: Id of the base image, or its name where the engine has not seen it yet.
        reused: Whether a wheel was taken that this machine had compiled.
    """

    image: str
    tag: str
    sources: str
    base: str
    reused: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a build ended.

    Attributes:
        archive: The archive.
        seconds: How long it took.
        built: False when nothing had changed.
    """

    archive: Path
    seconds: float
    built: bool


def build(
    image: Image,
    *,
    engine: Engine,
    base: str,
    tag: str,
    version: str,
    output: Path,
    report: Callable[[str], None],
    reuse_compiled: bool = False,
) -> Outcome:
    """Build one image and write its archive, unless both are there from the same files and the same base.

    Args:
        image: Which.
        engine: What builds.
        base: The base image's name.
        tag: The image's whole reference, such as `localhost/ome-steps:test`.
        version: The version that its label says.
        output: Folder of the archive.
        report: Gets a line when work begins that takes long.
        reuse_compiled: Take this machine's compiled llama.cpp (see `images.compiled_wheel`).

    Raises:
        EnvironmentProblem: when the build fails; it names the log.
    """
    started = time.monotonic()
    reused = reuse_compiled and image.name == "ome-llama-cpp"
    archive, record = output / f"{image.name}.tar", output / f"{image.name}.json"
    output.mkdir(parents=True, exist_ok=True)
    with FileLock(output / f"{image.name}.lock"), tempfile.TemporaryDirectory(prefix=f"{image.name}-") as work:
        context = Path(work)
        stage(image, context)
        sources = sources_digest(image, context)  # of the copies: the repository may be changing
        wanted = Built(image.name, tag, sources, image_identity(engine, base) or base, reused)
        if archive.is_file() and _read(record) == asdict(wanted):
            return Outcome(archive, time.monotonic() - started, built=False)
        log = cache_folder() / "cluster" / "build" / f"{image.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        report(f"{image.name}: building {image.holds}; log: {log}")
        if reused:
            check_same_system(engine, base)
            os.utime(compiled_wheel(context / "images" / "prebuilt"), (_TIME, _TIME))
        record.unlink(missing_ok=True)
        arguments = {"BASE": base, "VERSION": version}
        run_logged(engine.build_command(context / image.containerfile, context, [tag], arguments, host_files()), log)
        unfinished = archive.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        run_logged(engine.save_command(tag, unfinished), log)
        unfinished.replace(archive)
        record.write_text(json.dumps(asdict(wanted), indent=2) + "\n")
    return Outcome(archive, time.monotonic() - started, built=True)


def stage(image: Image, context: Path, repository: Path = REPOSITORY) -> None:
    """Copy the files of an image into an empty folder, all with the same time and rights."""
    for name in source_files(image, repository):
        target = context / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(repository / name, target)
        target.chmod(0o644)
        os.utime(target, (_TIME, _TIME))
    (context / "images" / "prebuilt").mkdir(parents=True, exist_ok=True)
    for folder in [context, *(path for path in context.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
        os.utime(folder, (_TIME, _TIME))


def check_same_system(engine: Engine, base: str) -> None:
    """Refuse to put programs that this machine compiled on a base of another system.

    Raises:
        EnvironmentProblem: when the base's release or processor is another.
    """
    here = _release(Path("/etc/os-release").read_text())
    there = _release(engine_reads(engine, base, "/etc/os-release"))
    if here != there:
        raise EnvironmentProblem(
            f"this machine runs {' '.join(here)} and the base {base} is {' '.join(there)}",
            "Build without --reuse-compiled: the image then compiles its own.",
        )


def engine_reads(engine: Engine, image: str, path: str) -> str:
    """A file of an image as text."""
    if engine.name == "buildah":
        start = [engine.name, *engine.storage]
        container = subprocess.run([*start, "from", image], capture_output=True, text=True, check=True).stdout.strip()
        try:
            words = [*start, "run", "--isolation", "chroot", container, "cat", path]
            return subprocess.run(words, capture_output=True, text=True, check=True).stdout
        finally:
            subprocess.run([*start, "rm", container], capture_output=True, check=False)
    words = [engine.name, *engine.storage, "run", "--rm", "--entrypoint", "cat", image, path]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def _release(text: str) -> tuple[str, str]:
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return values.get("ID", "unknown").strip('"'), values.get("VERSION_ID", "").strip('"')


def _read(record: Path) -> object:
    try:
        return json.loads(record.read_text())
    except (OSError, ValueError):
        return None
