"""The model resource that a service names, as an engine sees it: folder, first weight file, revision.

Called by `deploy`.
"""

from pathlib import Path

from steps.errors import ClusterError, InvalidInputError, NotFoundError
from steps.manifest_store import load_facts
from steps.resources import Resource, ResourceFolder
from steps.serving.fields import mapping_at, text_at
from steps.serving.plan import ServedModel

_WEIGHT_PATTERNS = ("*.gguf", "*.safetensors")


def find_model(resources: ResourceFolder, name: str, namespace: str) -> Resource:
    """The BaseModel of the namespace, else the ClusterBaseModel.

    Raises:
        NotFoundError: when there is neither.
    """
    return resources.find("BaseModel", name, namespace) or resources.get("ClusterBaseModel", name)


def served_model(model: Resource) -> ServedModel:
    """What an engine needs to know of a model.

    Raises:
        InvalidInputError: when it is disabled or has no path.
        ClusterError: when it is not ready.
        NotFoundError: when its folder is gone.
    """
    name = text_at(mapping_at(model, "metadata", "model"), "name", "metadata")
    spec, status = mapping_at(model, "spec", "model"), mapping_at(model, "status", "model")
    if spec.get("disabled") is True:
        raise InvalidInputError(f"model {name}: spec.disabled is true", remedy="Enable it, or choose another model.")
    state = text_at(status, "state", "status")
    if state != "Ready":
        raise ClusterError(
            f'model {name} is not ready: status.state is "{state}"',
            remedy="Import it, and deploy when `ome get` shows it as Ready.",
        )
    path = text_at(mapping_at(spec, "storage", "spec"), "path", "spec.storage")
    if not path:
        raise InvalidInputError(f"model {name}: spec.storage.path is not set", remedy="Import the model again.")
    if not Path(path).is_dir():
        raise NotFoundError(f"model {name}: its folder {path} does not exist", remedy="Import the model again.")
    artifact = mapping_at(status, "artifact", "status")
    return ServedModel(
        name=name,
        path=path,
        weight_file=_weight_file(Path(path), text_at(artifact, "digest", "status.artifact")),
        revision=text_at(artifact, "revision", "status.artifact"),
    )


def _weight_file(folder: Path, digest: str) -> str:
    """The first weight file: as parse found it, or for a model that was never parsed the first by name."""
    if digest:
        try:
            weights = load_facts(digest).weight_files
        except (NotFoundError, InvalidInputError):
            weights = ()
        if weights:
            return weights[0]
    found = (path for pattern in _WEIGHT_PATTERNS for path in sorted(folder.rglob(pattern)))
    return next((path.relative_to(folder).as_posix() for path in found), "")
