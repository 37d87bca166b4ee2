"""Whose folder it is: on a cluster no model may take the folder of another, whatever its `storage.path` says.

The marker in a folder names its model, and the API server says which models there are: a folder whose model is gone
may be taken over. A path that somebody chose is also compared with the folders of models that are not cached yet. On
one machine all models are one person's, and a path may be given to another model. Called by `importing`.
"""

import sys
from pathlib import Path

from steps.cache.folder import read_marker
from steps.cluster.pod import is_on_cluster
from steps.errors import InvalidInputError
from steps.model_owner import ModelOwner, default_folder
from steps.published_model import folder_of, owner_of
from steps.resources import Resources, open_resources

MODEL_KINDS = ("ClusterBaseModel", "BaseModel")


def refuse_folder_of_another(root: Path, folder: Path, owner: ModelOwner) -> None:
    """Refuse a folder that is another model's. Asks the API server only when it may be one.

    Raises:
        InvalidInputError: names the path and the model that it belongs to.
        OmeError: when the API server cannot be asked.
    """
    if not is_on_cluster():
        return
    marker = read_marker(folder)
    if marker is not None and marker.model == str(owner):
        return
    resources = open_resources()
    if marker is not None and marker.model:
        if _exists(resources, marker.model):
            raise _belongs_to(folder, marker.model)
        sys.stderr.write(f"{folder} was of {marker.model}, which is gone; {owner} takes it over\n")
    if folder != default_folder(root, owner):
        _refuse_planned(resources, folder, owner)


def _refuse_planned(resources: Resources, folder: Path, owner: ModelOwner) -> None:
    """Compare a chosen path with the folder of every other model, cached or not."""
    for kind in MODEL_KINDS:
        for model in resources.list(kind):
            other, theirs = owner_of(model), folder_of(model)
            if theirs is not None and other != owner:
                place = theirs.resolve()
                if folder == place or folder.is_relative_to(place) or place.is_relative_to(folder):
                    raise _belongs_to(folder, str(other))


def _exists(resources: Resources, model: str) -> bool:
    kind, _, rest = model.partition("/")
    namespace, _, name = rest.rpartition("/")
    return resources.find(kind, name, namespace) is not None


def _belongs_to(folder: Path, model: str) -> InvalidInputError:
    return InvalidInputError(
        f'storage.path: "{folder}" is the folder of another model, {model}',
        remedy="Give a folder of its own, or leave the path out.",
    )
