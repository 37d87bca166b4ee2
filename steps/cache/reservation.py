"""Keeps the files of a model whose resource goes: its marker says that they are reserved, and no import evicts them.

Called for a model with OME's label `models.ome/reserve-model-artifact`: by `steps.evict_model` on a node, by
`ome delete` on one machine. Whoever applies the model again without the label, and deletes it, removes them.
"""

from steps.cache.eviction import is_own
from steps.cache.folder import hold_folder, read_marker, replace_marker
from steps.cache.root import PRIVATE, model_folder, models_root
from steps.cache.store import ObjectStore
from steps.model_owner import ModelOwner, default_folder


def reserve_model(owner: ModelOwner, path: str = "") -> bool:
    """Mark a model's folder as reserved; whether there is one that is the model's. May be repeated.

    Args:
        owner: The model.
        path: Its folder, or "" for the default one; under the models root.

    Raises:
        InvalidInputError: when the path is not under the models root, or lies in another model's folder.
    """
    root = models_root()
    folder = model_folder(root, owner.name, path or str(default_folder(root, owner)))
    if not (root / PRIVATE).is_dir() or not folder.exists():
        return False
    store = ObjectStore(root)
    with hold_folder(store, folder) as staging, store.locked():
        if not is_own(folder, owner) or (marker := read_marker(folder)) is None:
            return False
        if not marker.reserved:
            replace_marker(staging, folder, marker.model_copy(update={"reserved": True}))
    return True
