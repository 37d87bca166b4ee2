"""Resources of a cluster, by the methods that `steps.resources.ResourceFolder` has: callers need not care which.

Opened by `steps.resources.open_resources`. It never writes a status: on a cluster the controller is its only writer.
"""

from collections.abc import Callable
from typing import Any

from crds.kinds import NAMESPACED
from steps.cluster.api import ClusterApi, open_api
from steps.cluster.refusals import ConflictError
from steps.cluster.resource_types import resource_type
from steps.errors import NotFoundError
from steps.home import LONGEST_NAMESPACE, checked_name

Resource = dict[str, Any]
ATTEMPTS = 10


class ClusterResources:
    """Get, list, apply and delete resources through the API server."""

    def __init__(self, api: ClusterApi | None = None) -> None:
        self._api = api or open_api()

    def find(self, kind: str, name: str, namespace: str = "") -> Resource | None:
        """The object, or None.

        Raises:
            InvalidInputError: for an unknown kind or an impossible name.
        """
        return self._api.find(resource_type(kind), checked_name("metadata.name", name), _namespace(kind, namespace))

    def get(self, kind: str, name: str, namespace: str = "") -> Resource:
        """The object.

        Raises:
            NotFoundError: with the names that exist.
        """
        found = self.find(kind, name, namespace)
        if found is None:
            where = _namespace(kind, namespace)
            there = ", ".join(sorted(o["metadata"]["name"] for o in self.list(kind, where))) or "none"
            place = f" in namespace {where}" if where else ""
            raise NotFoundError(f'{kind} "{name}" does not exist{place}', remedy=f"There are: {there}.")
        return found

    def list(self, kind: str, namespace: str = "") -> list[Resource]:
        """All objects of a kind, of one namespace or ("") of all, by name."""
        return list(self._api.list(resource_type(kind), namespace if kind in NAMESPACED else ""))

    def update(self, kind: str, name: str, namespace: str, change: Callable[[Resource | None], Resource]) -> Resource:
        """Read, change and write one object; `change` gets None when there is none yet, and anew when others write.

        Raises:
            ConflictError: when others write without end.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return self._write(kind, name, namespace, change)
            except ConflictError:
                continue
        return self._write(kind, name, namespace, change)

    def apply(self, resource: Resource) -> Resource:
        """Create an object, or take over the fields given; what others have set beside them stays."""
        kind = resource["kind"]
        metadata = dict(resource["metadata"])
        if kind in NAMESPACED:
            metadata["namespace"] = _namespace(kind, str(metadata.get("namespace") or ""))
        body = {key: value for key, value in resource.items() if key != "status"} | {"metadata": metadata}
        return self._api.apply(resource_type(kind), body)

    def delete(self, kind: str, name: str, namespace: str = "") -> bool:
        """Remove an object; whether there was one. One with finalizers goes when they have done their work."""
        return self._api.delete(resource_type(kind), name, _namespace(kind, namespace))

    def _write(self, kind: str, name: str, namespace: str, change: Callable[[Resource | None], Resource]) -> Resource:
        old = self.find(kind, name, namespace)
        new = change(old)
        if old is None:
            return self._api.create(resource_type(kind), new)
        return old if new == old else self._api.replace(resource_type(kind), new)


def _namespace(kind: str, namespace: str) -> str:
    if kind not in NAMESPACED:
        return ""
    return checked_name("metadata.namespace", namespace or "default", LONGEST_NAMESPACE)
