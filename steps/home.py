"""The folder that is the "cluster" of one machine: `$OME_HOME`, by default `~/.ome`.

In a pod of a cluster it only holds what the pod itself needs, under /tmp, and is gone with it.

resources/<plural>/[<namespace>/]<name>.yaml   the same YAML as on a cluster
models/                                        the models root, with its content store in models/.ome/
manifests/<digest>.json.gz                     manifests by digest
runs/<run>/                                    run.json and a folder a step
deployments/<namespace>.<name>/                one running service: state, log
reports/<name>-<time>/                         report.html, results.csv, results.json
reports/.unfinished/                           measured cells of a benchmark that was interrupted
tokenizers/<digest>/                           tokenizers made from models, for the load generator
locks/                                         file locks; safe to delete when nothing runs
"""

import os
import re
import tempfile
from pathlib import Path

from steps.cluster.pod import HOME, is_on_cluster
from steps.errors import InvalidInputError

LONGEST_NAME = 150
"""Kubernetes allows 253; here names become file names with a namespace, a kind or a time, 255 bytes in all."""
LONGEST_NAMESPACE = 63
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")


def home() -> Path:
    """The folder of local state, created when missing."""
    chosen = os.environ.get("OME_HOME") or (HOME if is_on_cluster() else Path.home() / ".ome")
    folder = Path(chosen).expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def part(name: str) -> Path:
    """A named part of the home (`models`, `runs` …), created when missing."""
    folder = home() / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def checked_name(field: str, name: str, longest: int = LONGEST_NAME) -> str:
    """`name` when it is a Kubernetes object name, which also makes it safe as a file name.

    Raises:
        InvalidInputError: names the field and the value.
    """
    if len(name) > longest:
        raise InvalidInputError(
            f'{field}: "{name[:40]}…" has {len(name)} characters',
            remedy=f"Use at most {longest}: on one machine names are file names.",
        )
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            f'{field}: "{name}" is not a valid name',
            remedy="Use lower-case letters, digits, '-' and '.', starting and ending with a letter or digit.",
        )
    return name


def write_atomically(path: Path, content: bytes, *, is_durable: bool = True) -> None:
    """Write a file so that a reader, or a kill at any moment, sees the old content or the new, never a part.

    Args:
        path: The file; its folder is made when missing.
        content: All of it.
        is_durable: Whether to wait until the disk has it, so that it also outlives a power cut.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o644)  # a temporary file is private; what it becomes is not
            file.write(content)
            file.flush()
            if is_durable:
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
