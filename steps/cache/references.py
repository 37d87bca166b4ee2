"""Which model folders something still needs, so that room for one model is never made at the cost of another in use.

On one machine: folders that a model's resource or a deployment names, and all that another home folder made. On a
cluster: folders whose marker names a model that the API server still has, folders that a model's resource names, and
those of a model that an InferenceService names. What the API server does not tell is never taken for "nothing": an
error ends the import. Read by `collection` when room is needed.
"""

from pathlib import Path
from typing import Any

from steps.cache.folder import Marker
from steps.cluster.pod import is_on_cluster
from steps.home import home
from steps.published_model import folder_of, owner_of
from steps.resources import open_resources

_MODEL_KINDS = ("ClusterBaseModel", "BaseModel")
_LARGEST_STATE = 1 << 20


class References:
    """What refers to model folders, read once.

    Raises:
        OmeError: when the API server cannot be asked.
    """

    def __init__(self) -> None:
        self._paths: set[Path] = set()
        self._models: set[str] = set()
        self._served: set[str] = set()
        resources = open_resources()
        for kind in _MODEL_KINDS:
            for model in resources.list(kind):
                self._models.add(str(owner_of(model)))
                self._add(folder_of(model))
        for weight in resources.list("FineTunedWeight"):
            self._add(((weight.get("spec") or {}).get("storage") or {}).get("path"))
        if is_on_cluster():
            for service in resources.list("InferenceService"):
                self._served |= _served_models(service)
        self._deployments = [] if is_on_cluster() else _deployments()

    def need(self, folder: Path, marker: Marker) -> bool:
        """Whether anything refers to the folder, to something in it, or to the model it belongs to."""
        if any(path == folder or path.is_relative_to(folder) for path in self._paths):
            return True
        if is_on_cluster():
            return marker.model in self._models or marker.model in self._served
        return marker.home != str(home()) or any(str(folder) in text for text in self._deployments)

    def _add(self, path: Path | str | None) -> None:
        if path:
            self._paths.add(Path(path).resolve())


def _served_models(service: dict[str, Any]) -> set[str]:
    """Both models that a service may mean by the name of its model."""
    name = ((service.get("spec") or {}).get("model") or {}).get("name")
    if not name:
        return set()
    return {f"ClusterBaseModel/{name}", f"BaseModel/{service['metadata'].get('namespace')}/{name}"}


def _deployments() -> list[str]:
    return [
        path.read_text(errors="replace")
        for path in sorted((home() / "deployments").glob("*/*"))
        if path.suffix in (".json", ".yaml") and path.stat().st_size <= _LARGEST_STATE
    ]
