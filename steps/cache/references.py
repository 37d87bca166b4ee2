"""Which model folders something still needs, so that room for one model is never made at the cost of another in use.

On one machine: folders that a model's resource or a deployment names, and all that another home folder made. On a
cluster: folders whose marker names a model that the API server still has, folders that a model's resource names, and
those of a model that an InferenceService names. What the API server does not tell is never taken for "nothing": an
error ends the import. Read by `collection` when room is needed.
"""

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

from steps.cache.folder import Marker
from steps.cluster.pod import is_on_cluster
from steps.errors import OmeError
from steps.home import home
from steps.manifest_store import load_manifest
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
        self._services: list[dict[str, Any]] = []
        resources = open_resources()
        for kind in _MODEL_KINDS:
            for model in resources.list(kind):
                self._models.add(str(owner_of(model)))
                self._add(folder_of(model))
        for weight in resources.list("FineTunedWeight"):
            self._add(((weight.get("spec") or {}).get("storage") or {}).get("path"))
        if is_on_cluster():
            self._services = list(resources.list("InferenceService"))
            for service in self._services:
                self._served |= _served_models(service)
        self._deployments = [] if is_on_cluster() else _deployments()

    def need(self, folder: Path, marker: Marker) -> bool:
        """Whether anything refers to the folder, to something in it, or to the model it belongs to."""
        if any(path == folder or path.is_relative_to(folder) for path in self._paths):
            return True
        if is_on_cluster():
            return marker.model in self._models or marker.model in self._served
        return marker.home != str(home()) or any(str(folder) in text for text in self._deployments)

    def serve_earlier(self, folder: Path, model: str, manifest: str, known: Collection[str]) -> bool:
        """Whether anything may serve an earlier revision of a model.

        A service says what it was deployed with by a digest over its spec and the model's manifest: one that fits no
        manifest of the folder may be any, as when its spec has changed since.

        Args:
            folder: The model's.
            model: As `ModelOwner` is written.
            manifest: Of that revision.
            known: Those of all its revisions that are there, the present one included.
        """
        if not is_on_cluster():
            texts = [text for text in self._deployments if str(folder) in text]
            return any(_may_be(manifest, known, partial(_is_deployed, text)) for text in texts)
        services = [
            service for service in self._services if model in _served_models(service) and _deployed_with(service)
        ]
        return any(_may_be(manifest, known, partial(_was_deployed_with, service)) for service in services)

    def _add(self, path: Path | str | None) -> None:
        if path:
            self._paths.add(Path(path).resolve())


def _may_be(manifest: str, known: Collection[str], serves: Callable[[str], bool]) -> bool:
    return serves(manifest) or not any(serves(other) for other in known)


def _deployed_with(service: dict[str, Any]) -> str:
    """Digest of what a service was deployed with last; "" before it ever was."""
    from steps.serving.cluster.spec_digest import DEPLOYED_WITH

    return str(((service.get("status") or {}).get("annotations") or {}).get(DEPLOYED_WITH) or "")


def _was_deployed_with(service: dict[str, Any], manifest: str) -> bool:
    from steps.serving.cluster.spec_digest import service_spec_digest

    return _deployed_with(service) == service_spec_digest(
        service, {"status": {"artifact": {"digest": f"sha256:{manifest}"}}}
    )


def _is_deployed(deployment: str, manifest: str) -> bool:
    """Whether a deployment of this machine is of the revision that a manifest pins, which its plan names."""
    try:
        return load_manifest(manifest).revision in deployment
    except OmeError:
        return False


def _served_models(service: dict[str, Any]) -> set[str]:
    """Both models that a service may mean by the name of its model."""
    name = ((service.get("spec") or {}).get("model") or {}).get("name")
    if not name:
        return set()
    return {f"ClusterBaseModel/{name}", f"BaseModel/{service['metadata'].get('namespace')}/{name}"}


def _deployments() -> list[str]:
    """What each deployment of this machine says of itself."""
    texts: dict[Path, str] = {}
    for path in sorted((home() / "deployments").glob("*/*")):
        if path.suffix in (".json", ".yaml") and path.stat().st_size <= _LARGEST_STATE:
            texts[path.parent] = texts.get(path.parent, "") + path.read_text(errors="replace")
    return list(texts.values())
