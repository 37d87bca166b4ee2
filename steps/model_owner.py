"""Which model a folder on a node belongs to, and the folder that a model has when nobody chose one.

Called by `steps.cache`, whose markers name the owner, and by all that look for a model's files. Pure.
"""

from pathlib import Path
from typing import NamedTuple

from crds.labels import ModelKind
from steps.cluster.pod import is_on_cluster
from steps.home import LONGEST_NAMESPACE, checked_name


class ModelOwner(NamedTuple):
    """A model's resource: its kind, its namespace ("" for a ClusterBaseModel) and its name."""

    kind: ModelKind
    namespace: str
    name: str

    def __str__(self) -> str:
        """As markers and messages have it: `BaseModel/namespace/name`, `ClusterBaseModel/name`."""
        return "/".join(part for part in self if part)


def model_owner(kind: ModelKind, namespace: str, name: str) -> ModelOwner:
    """The owner that a step's inputs name.

    Raises:
        InvalidInputError: for an impossible name or namespace.
    """
    checked_name("name", name)
    if kind == "ClusterBaseModel":
        return ModelOwner(kind, "", name)
    return ModelOwner(kind, checked_name("namespace", namespace or "default", LONGEST_NAMESPACE), name)


def default_folder(root: Path, owner: ModelOwner) -> Path:
    """`<root>/<name>`, and for a BaseModel of a cluster `<root>/<namespace>/<name>`."""
    if owner.namespace and is_on_cluster():
        return root / owner.namespace / owner.name
    return root / owner.name
