"""Where models live on this machine, and which folders under it a model may take."""

import os
from pathlib import Path

from steps.cluster.pod import MODELS_ROOT, is_on_cluster
from steps.errors import InvalidInputError
from steps.home import checked_name, home
from steps.sources.paths import MARKER

PRIVATE = ".ome"


def models_root() -> Path:
    """`$OME_MODELS_ROOT`, by default `models` in the home folder, on a cluster /mnt/models; created when missing.

    Raises:
        InvalidInputError: when it cannot be made.
    """
    chosen = os.environ.get("OME_MODELS_ROOT") or (MODELS_ROOT if is_on_cluster() else home() / "models")
    root = Path(chosen).expanduser().resolve()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(
            f'OME_MODELS_ROOT: "{root}" cannot be made ({error.strerror})',
            remedy="Name a folder that can be written, or make it and give it to whom this runs as.",
        ) from None
    return root


def model_folder(root: Path, name: str, path: str) -> Path:
    """The folder a model is to have: `path` where one is given, else `<root>/<name>`.

    Raises:
        InvalidInputError: when it is not under the root, is the root, or lies in another model's folder.
    """
    folder = Path(path) if path else root / checked_name("name", name)
    folder = Path(os.path.realpath(folder if folder.is_absolute() else root / folder))
    if folder == root or not folder.is_relative_to(root):
        raise InvalidInputError(
            f'storage.path: "{path}" is not under the models root {root}',
            remedy=f"Give a folder under {root}, or set OME_MODELS_ROOT to a folder that holds {path}.",
        )
    relative = folder.relative_to(root)
    if relative.parts[0] == PRIVATE:
        raise InvalidInputError(f'storage.path: "{path}" lies in {root / PRIVATE}, which is the content store')
    for parent in folder.parents:
        if parent == root:
            break
        if (parent / MARKER).exists():
            raise InvalidInputError(
                f'storage.path: "{folder}" lies in the folder of another model, {parent}',
                remedy="Give a folder of its own.",
            )
    return folder
