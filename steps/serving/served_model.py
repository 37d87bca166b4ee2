"""The model resource that a service names, as an engine sees it: folder, first weight file, revision.

Called by `deploy`.
"""

from pathlib import Path

from steps.errors import ClusterError, InvalidInputError, NotFoundError
from steps.facts import Facts
from steps.published_model import stored_facts
from steps.resources import Resource
from steps.serving.fields import mapping_at, text_at
from steps.serving.model_arguments import hints_of
from steps.serving.plan import ServedModel

_WEIGHT_PATTERNS = ("*.gguf", "*.safetensors")


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
    facts = stored_facts(model)
    return ServedModel(
        name=name,
        path=path,
        weight_file=_weight_file(Path(path), facts),
        hints=hints_of(facts),
        revision=text_at(artifact, "revision", "status.artifact"),
    )


def _weight_file(folder: Path, facts: Facts | None) -> str:
    """The first weight file: as parse found it, or for a model that was never parsed the first by name."""
    if facts is not None and facts.weight_files:
        return facts.weight_files[0]
    found = (path for pattern in _WEIGHT_PATTERNS for path in sorted(folder.rglob(pattern)))
    return next((path.relative_to(folder).as_posix() for path in found), "")
