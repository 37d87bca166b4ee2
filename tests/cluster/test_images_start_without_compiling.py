"""What pods of ours run is compiled in their image: at each start Python would compile it anew, into nowhere."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from tests.cluster.places import cluster_folder

CODE = "opt/ome/code/"


@pytest.mark.parametrize("name", ["ome-steps", "ome-controller"])
def test_all_code_is_there_as_bytecode_over_one_layer_of_dependencies(name: str, image: Callable[[str], str]) -> None:
    image(name)
    layers = files_of(cluster_folder() / "images" / f"{name}.tar")
    below, ours = [files for files in layers if any(file.startswith("opt/") for file in files)]
    assert not any(file.startswith(CODE) for file in below), "the code changes, what it needs does not"
    for files, fewest in ((below, 1000), (ours, 200)):
        sources, compiled = modules(files, ".py"), modules(files, ".pyc")
        assert len(sources) > fewest
        assert sources <= compiled, sorted(sources - compiled)[:5]


def modules(files: set[str], suffix: str) -> set[PurePosixPath]:
    """The modules that files of a kind are of: `a/b` for `a/b.py` and for `a/__pycache__/b.cpython-311.pyc`."""
    paths = [PurePosixPath(file) for file in files if file.endswith(suffix)]
    folders = [path.parent.parent if path.parent.name == "__pycache__" else path.parent for path in paths]
    return {folder / path.name.partition(".")[0] for folder, path in zip(folders, paths, strict=True)}


def files_of(archive: Path) -> list[set[str]]:
    """The files of each layer, the lowest first."""
    found = []
    with tarfile.open(archive) as whole:
        manifest = whole.extractfile("manifest.json")
        assert manifest is not None
        for layer in json.load(manifest)[0]["Layers"]:
            with tarfile.open(fileobj=whole.extractfile(layer)) as one:
                found.append({member.name.removeprefix("./") for member in one if not member.isdir()})
    return found
