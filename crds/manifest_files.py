"""The definitions as YAML files, the way they are checked in and applied: one file a kind, and a kustomization.

`python -m crds` writes them; a test compares them with the types.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crds.definition import definitions
from crds.metadata import GROUP
from crds.yaml_text import yaml_text

FOLDER = Path(__file__).parent / "manifests"


def files() -> Mapping[str, str]:
    """Each file's text by its name, the same at every run."""
    made = {f"{GROUP}_{each['spec']['names']['plural']}.yaml": each for each in definitions()}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(made),
    }
    return {name: _yaml(document) for name, document in made.items()} | {"kustomization.yaml": _yaml(kustomization)}


def write(folder: Path = FOLDER) -> list[Path]:
    """Write every file, and give their paths."""
    folder.mkdir(exist_ok=True)
    written = []
    for name, text in files().items():
        path = folder / name
        path.write_text(text)
        written.append(path)
    return written


def _yaml(document: dict[str, Any]) -> str:
    header = "# Made from the types in crds/ by `python -m crds`; changes belong there.\n"
    return header + yaml_text([document])
