"""Resources: those of the cluster that a step runs in, or on one machine the same YAML objects, one file each.

`open_resources` gives one or the other. Steps read runtimes, accelerator classes and models here and publish what they
learn. Objects are raw dictionaries; `crds.kinds` types them. Writers of files take a lock, so two `ome` at once lose
nothing.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import yaml

from crds.kinds import NAMESPACED, PLURALS
from steps.cluster.pod import is_on_cluster
from steps.errors import InvalidInputError, NotFoundError
from steps.home import LONGEST_NAMESPACE, checked_name, home, part, write_atomically

if TYPE_CHECKING:
    from filelock import FileLock

__all__ = ["NAMESPACED", "PLURALS", "Resource", "ResourceFolder", "Resources", "open_resources"]

Resource = dict[str, Any]


class Resources(Protocol):
    """What steps do with resources, wherever these are."""

    def find(self, kind: str, name: str, namespace: str = "") -> Resource | None:
        """The object, or None."""

    def get(self, kind: str, name: str, namespace: str = "") -> Resource:
        """The object.

        Raises:
            NotFoundError: with the names that exist.
        """

    def list(self, kind: str, namespace: str = "") -> list[Resource]:
        """All objects of a kind, of one namespace or ("") of all, by name."""

    def update(self, kind: str, name: str, namespace: str, change: Callable[[Resource | None], Resource]) -> Resource:
        """Read, change and write one object; `change` gets None when there is none, and may be called again."""

    def apply(self, resource: Resource) -> Resource:
        """Create or replace an object's metadata and spec; its status is left alone."""

    def delete(self, kind: str, name: str, namespace: str = "") -> bool:
        """Remove an object; whether there was one."""


def open_resources() -> Resources:
    """The cluster's resources in a pod of a cluster, else those of the home folder."""
    if is_on_cluster():
        from steps.cluster.resources import ClusterResources

        return ClusterResources()
    return ResourceFolder()


class ResourceFolder:
    """Get, list, apply and delete resources of one folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or home() / "resources"

    def path(self, kind: str, name: str, namespace: str = "") -> Path:
        """Where an object lives.

        Raises:
            InvalidInputError: for an unknown kind or an impossible name.
        """
        if kind not in PLURALS:
            raise InvalidInputError(f'kind: "{kind}" is unknown', remedy=f"Known kinds: {', '.join(PLURALS)}.")
        checked_name("metadata.name", name)
        folder = self._folder / PLURALS[kind]
        if kind in NAMESPACED:
            folder = folder / checked_name("metadata.namespace", namespace or "default", LONGEST_NAMESPACE)
        return folder / f"{name}.yaml"

    def find(self, kind: str, name: str, namespace: str = "") -> Resource | None:
        """The object, or None."""
        try:
            loaded: Resource = yaml.safe_load(self.path(kind, name, namespace).read_text())
        except FileNotFoundError:
            return None
        return loaded

    def get(self, kind: str, name: str, namespace: str = "") -> Resource:
        """The object.

        Raises:
            NotFoundError: with the names that exist.
        """
        found = self.find(kind, name, namespace)
        if found is None:
            there = ", ".join(sorted(o["metadata"]["name"] for o in self.list(kind, namespace))) or "none"
            raise NotFoundError(f'{kind} "{name}" does not exist', remedy=f"There are: {there}. See `ome get {kind}`.")
        return found

    def list(self, kind: str, namespace: str = "") -> list[Resource]:
        """All objects of a kind, of one namespace or ("" ) of all, by name."""
        return list(self._iterate(kind, namespace))

    def _iterate(self, kind: str, namespace: str) -> Iterator[Resource]:
        pattern = f"{namespace or '*'}/*.yaml" if kind in NAMESPACED else "*.yaml"
        found = (self._folder / PLURALS[kind]).glob(pattern)
        for path in sorted(found, key=lambda path: (path.parent, path.stem)):  # "a" before "a-b", unlike "a.yaml"
            if not path.name.startswith("."):
                yield yaml.safe_load(path.read_text())

    def update(self, kind: str, name: str, namespace: str, change: Callable[[Resource | None], Resource]) -> Resource:
        """Read, change and write one object under its lock; `change` gets None when there is none yet."""
        path = self.path(kind, name, namespace)
        with _lock(kind, name, namespace):
            new = change(self.find(kind, name, namespace))
            write_atomically(path, yaml.safe_dump(new, sort_keys=False, allow_unicode=True).encode())
        return new

    def apply(self, resource: Resource) -> Resource:
        """Create or replace an object's metadata and spec, keeping the status of one that is there."""
        kind, metadata = resource["kind"], resource["metadata"]

        def change(old: Resource | None) -> Resource:
            new = dict(resource)
            if old is not None and "status" in old and "status" not in new:
                new["status"] = old["status"]
            return new

        return self.update(kind, metadata["name"], metadata.get("namespace", ""), change)

    def delete(self, kind: str, name: str, namespace: str = "") -> bool:
        """Remove an object; whether there was one."""
        path = self.path(kind, name, namespace)
        with _lock(kind, name, namespace):
            existed = path.exists()
            path.unlink(missing_ok=True)
        return existed


def _lock(kind: str, name: str, namespace: str) -> "FileLock":
    from filelock import FileLock  # here, because steps that only read start in four fifths of the time without it

    return FileLock(part("locks") / f"{kind}.{namespace or '-'}.{name}.lock")
