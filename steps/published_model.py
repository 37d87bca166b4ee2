"""A published model looked up by name, and the facts that its import stored.

Called by every step that takes a model by name: select-runtime, deploy-service and benchmark-endpoint.
"""

from pathlib import Path

from steps.cluster.pod import is_on_cluster, models_root_on_nodes
from steps.errors import AuthError, InvalidInputError, NotFoundError
from steps.facts import Facts
from steps.manifest_store import load_facts
from steps.model_owner import ModelOwner, default_folder
from steps.resources import Resource, Resources


def find_model(resources: Resources, name: str, namespace: str) -> Resource:
    """The BaseModel of the namespace, else the ClusterBaseModel.

    Raises:
        InvalidInputError: for an empty or impossible name.
        NotFoundError: when there is neither, with the names that there are.
    """
    if not name:
        raise InvalidInputError("model: is empty", remedy="Give the name of an imported model; see `ome get models`.")
    found = resources.find("BaseModel", name, namespace) or resources.find("ClusterBaseModel", name)
    if found is None:
        raise NotFoundError(
            f'model "{name}" is neither a BaseModel of namespace {namespace} nor a ClusterBaseModel',
            remedy=f"{_models_there(resources, namespace)}Import one with `ome import`.",
        )
    return found


def _models_there(resources: Resources, namespace: str) -> str:
    try:
        models = resources.list("BaseModel", namespace) + resources.list("ClusterBaseModel")
    except AuthError:  # a step that may read the model it is given need not be allowed to list them all
        return ""
    return f"There are: {', '.join(sorted({str(model['metadata']['name']) for model in models})) or 'none'}. "


def artifact_digest(model: Resource) -> str:
    """Digest (hex) of the manifest that a model was published from, or "" when it has not been imported."""
    artifact = (model.get("status") or {}).get("artifact") or {}
    return str(artifact.get("digest") or "").removeprefix("sha256:")


def owner_of(model: Resource) -> ModelOwner:
    """The model as owner of a folder."""
    metadata = model["metadata"]
    is_cluster_wide = model["kind"] == "ClusterBaseModel"
    namespace = "" if is_cluster_wide else str(metadata.get("namespace") or "default")
    return ModelOwner("ClusterBaseModel" if is_cluster_wide else "BaseModel", namespace, str(metadata["name"]))


def folder_of(model: Resource) -> Path | None:
    """Where a model's files are: `spec.storage.path`, else on a cluster the default folder of nodes, else None."""
    path = ((model.get("spec") or {}).get("storage") or {}).get("path")
    if path:
        return Path(str(path))
    return default_folder(Path(models_root_on_nodes()), owner_of(model)) if is_on_cluster() else None


def stored_facts(model: Resource) -> Facts | None:
    """The facts behind a model's publication, or None when they are not (or no more) stored here."""
    digest = artifact_digest(model)
    try:
        return load_facts(digest) if digest else None
    except (NotFoundError, InvalidInputError):
        return None
