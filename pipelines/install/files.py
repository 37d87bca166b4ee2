"""The checked-in folders of an installation as texts: for `kubectl apply -k`, and as a Helm chart.

`python -m pipelines.install` writes them; `tests/install` compares them with what is there.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from crds import manifest_files
from crds.yaml_text import yaml_text
from pipelines.install import argo, controller
from pipelines.install.accounts import access_objects
from pipelines.install.chart import chart_files
from pipelines.install.objects import Object
from pipelines.install.options import Options
from pipelines.install.peers import peer_objects
from pipelines.install.workflow_templates import workflow_templates

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("controller/install", "pipelines/manifests")
"""Folders of the repository that hold nothing but what is written from here."""

NOTE = "# Written by `python -m pipelines.install` from pipelines/install; changes belong there.\n"
_KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}


def files(options: Options | None = None) -> dict[str, str]:
    """Every file by its path in the repository."""
    options = options or Options()
    templates = {f"{each['metadata']['name']}.yaml": [each] for each in workflow_templates(options)}
    system = {
        "namespace.yaml": [controller.namespace()],
        "access.yaml": access_objects(),
        "settings.yaml": [controller.settings(options)],
        "peers.yaml": peer_objects(),
        "controller.yaml": [controller.deployment(options)],
    }
    bundled = {"definitions.yaml": argo.definitions(), "argo.yaml": argo.argo_objects(options)}
    return {
        **_folder("pipelines/manifests", templates),
        **_folder("controller/install/system", system),
        **_folder("controller/install/argo", bundled),
        **_list(
            "controller/install/existing-argo",
            ["../../../crds/manifests", "../system", "../../../pipelines/manifests"],
        ),
        **_list("controller/install/with-argo", ["../existing-argo", "../argo"]),
        **{f"controller/install/chart/{name}": text for name, text in chart_files().items()},
    }


def links() -> dict[str, str]:
    """Links of the chart to the definitions of ome.io, which are checked in once: targets by their path."""
    names = sorted(name for name in manifest_files.files() if name != "kustomization.yaml")
    return {f"controller/install/chart/crds/{name}": f"../../../../crds/manifests/{name}" for name in names}


def write(folder: Path) -> list[Path]:
    """Write every file and link under a folder, and remove what was written there before and is no longer.

    Returns:
        What changed.
    """
    changed = []
    texts, targets = files(), links()
    for name in differing(folder):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if name in targets:
            path.symlink_to(targets[name])
        elif name in texts:
            path.write_text(texts[name])
        changed.append(path)
    return changed


def differing(folder: Path) -> list[str]:
    """Paths of files and links that are not there, have another content, or should not be there."""
    texts, targets = files(), links()
    wrong = [name for name, text in texts.items() if not _holds(folder / name, text)]
    wrong += [name for name, target in targets.items() if not _leads(folder / name, target)]
    return [*wrong, *(path.relative_to(folder).as_posix() for path in _stale(folder, {**texts, **targets}))]


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and not path.is_symlink() and path.read_text() == text


def _leads(path: Path, target: str) -> bool:
    return path.is_symlink() and path.readlink().as_posix() == target


def _stale(folder: Path, wanted: Mapping[str, str]) -> list[Path]:
    """Files in the written folders that are not among the wanted ones."""
    found = (path for name in FOLDERS for path in sorted((folder / name).rglob("*")) if not path.is_dir())
    return [path for path in found if path.relative_to(folder).as_posix() not in wanted]


def dump(objects: Sequence[Object]) -> str:
    """Objects as one YAML file."""
    return NOTE + yaml_text(objects)


def _folder(folder: str, contents: Mapping[str, Sequence[Object]]) -> dict[str, str]:
    texts = {f"{folder}/{name}": dump(objects) for name, objects in contents.items()}
    return {**texts, **_list(folder, list(contents))}


def _list(folder: str, resources: Sequence[str]) -> dict[str, str]:
    return {f"{folder}/kustomization.yaml": dump([{**_KUSTOMIZATION, "resources": list(resources)}])}
