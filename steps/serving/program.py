"""Where a container's program comes from on this machine: the environment that stands for its image, else PATH.

Called by select, which must not choose a runtime that cannot start here, and by `plan`.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from images.environment import find_environment, image_name, known_environments
from steps.serving.arguments import is_shell_script
from steps.serving.component import runtime_engine
from steps.serving.fields import text_at, texts_at

_PYTHON = re.compile(r"python(3(\.\d+)?)?")


def missing_program(runtime_spec: Mapping[str, Any]) -> str | None:
    """Why a runtime's engine cannot be started on this machine, or None when it can.

    Args:
        runtime_spec: `spec` of a (Cluster)ServingRuntime.

    Raises:
        InvalidInputError: when the runtime has no container or a field of a wrong shape.
    """
    return missing_program_of(runtime_engine(runtime_spec).container)


def missing_program_of(container: Mapping[str, Any]) -> str | None:
    """As `missing_program`, for one container."""
    image = text_at(container, "image", "container")
    command = texts_at(container, "command", "container")
    if not command:
        named = f' of image "{image}"' if image else ""
        return (
            f"the container has no command, and the entry point{named} is not known on one machine: "
            "give the container a command"
        )
    environment = find_environment(image) if image else None
    name = command[0].rpartition("/")[2]
    words = (*command, *texts_at(container, "args", "container"))
    if image and environment is None and _needs_environment(name, words):
        what = f"module {words[words.index('-m') + 1]}" if "-m" in words[:-1] else f"the script that {name} runs"
        how = _how_to_get(image, "deploy on a cluster")
        return f'{what} comes from image "{image}", which has no environment on this machine: {how}'
    if environment is not None and (environment / "bin" / name).exists():
        return None
    if "$(" in command[0] or shutil.which(command[0]) is not None:
        return None
    if not image:
        return f'program "{command[0]}" is not on PATH: install it'
    how = _how_to_get(image, "put it on PATH, or deploy on a cluster")
    return f'program "{command[0]}" of image "{image}" is not on this machine: {how}'


def find_programs(image: str) -> Path | None:
    """The folder of the programs of the environment that stands for `image`, or None."""
    environment = find_environment(image) if image else None
    return environment / "bin" if environment is not None else None


def _needs_environment(name: str, words: tuple[str, ...]) -> bool:
    """Whether finding the program on PATH would not be enough: a Python module or a script of the image."""
    return (bool(_PYTHON.fullmatch(name)) and "-m" in words[:-1]) or is_shell_script(words)


def _how_to_get(image: str, otherwise: str) -> str:
    name = image_name(image)
    if name in known_environments():
        return f"`ome environments install {name}` makes it"
    return otherwise
