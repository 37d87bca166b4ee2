"""One resource from its application to its last trace, led while controllers are killed and connections are cut.

A `Life` also plays what else changes the API server: Argo, the controller of Deployments, the garbage collector.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar, Final

from controller.resources import RESOURCES
from crds import labels
from steps.cluster.resource_types import object_path
from tests.apiserver.client import ApiRefusedError, Object
from tests.apiserver.fixture import ApiServer
from tests.controller.plans.cluster import Cluster

NODE: Final = "node-1"
TENANT: Final = "team"
SYSTEM: Final = "ome"
_OF_NO_CONCERN = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "selfLink")
_HEXADECIMAL = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|[0-9a-f]{8,}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Life(ABC):
    """What becomes of one resource.

    Args:
        server: Where.
        name: No other life has it, or a name that it is a part of.

    Attributes:
        kind: Of the resource.
        fewest_writes: By which the controller leads it from its beginning to its end.
    """

    kind: ClassVar[str]
    fewest_writes: ClassVar[int]

    def __init__(self, server: ApiServer, name: str) -> None:
        self.server = server
        self.name = name
        self.uid = ""

    @property
    @abstractmethod
    def spec(self) -> Object:
        """What a person asks for."""

    @abstractmethod
    def is_settled(self, resource: Object) -> bool:
        """Whether what was asked for has come about, and the controller has said so."""

    @abstractmethod
    def play(self) -> None:
        """Do what others than the controller would do next; at any time, as often as one likes."""

    def belongings(self) -> Sequence[Object]:
        """All objects that are there because the resource is, or was."""
        return self.runs()

    @property
    def body(self) -> Object:
        """The resource as it is applied."""
        namespace = {"namespace": TENANT} if RESOURCES[self.kind].is_namespaced else {}
        metadata = {"name": self.name, **namespace}
        return {"apiVersion": "ome.io/v1beta1", "kind": self.kind, "metadata": metadata, "spec": self.spec}

    def begin(self) -> None:
        """Apply the resource."""
        self.uid = self.server.admin.apply(self.body)["metadata"]["uid"]

    def leave(self) -> None:
        """Delete the resource."""
        self.server.admin.delete(self.body)

    def has_settled(self) -> bool:
        """Whether what was asked for has come about; if not, others do what is theirs."""
        if self.is_settled(self.server.admin.get(self.body)):
            return True
        self.play()
        return False

    def is_leaving(self) -> bool:
        """Whether the resource is being deleted, or gone."""
        found = self._found()
        return found is None or "deletionTimestamp" in found["metadata"]

    def has_gone(self) -> bool:
        """Whether the resource is gone, and what it owned with it; if not, others do what is theirs."""
        if self._found() is None:
            return not self._collect_garbage()
        self.play()
        return False

    def end(self) -> str:
        """The resource and its belongings, in words that are the same for every life of its class."""
        found = [self.server.admin.get(self.body), *self.belongings()]
        return "\n".join([self.anonymous(_plain(found[0])), *sorted(self.anonymous(_plain(o)) for o in found[1:])])

    def traces(self) -> list[str]:
        """What is left when it is gone."""
        return [f"{item['kind']} {item['metadata']['name']}" for item in self.belongings()]

    def anonymous(self, text: str) -> str:
        """A text without this life's name, digests and times."""
        return _TIME.sub("TIME", _HEXADECIMAL.sub("HEX", text.replace(self.name, "NAME")))

    def runs(self) -> Sequence[Object]:
        """Its workflows."""
        return self.listed("Workflow", SYSTEM, f"{labels.NAME}={self.name}")

    def listed(self, kind: str, namespace: str, selector: str) -> Sequence[Object]:
        """Objects by label."""
        resource = RESOURCES[kind]
        found = self.server.admin.request("GET", f"{object_path(resource, namespace)}?labelSelector={selector}")
        return [{**item, "kind": kind, "apiVersion": resource.api_version} for item in found["items"]]

    def is_there(self, item: Object) -> bool:
        """Whether there is an object of that kind and name."""
        try:
            self.server.admin.get(item)
        except ApiRefusedError as refusal:
            if refusal.status != 404:
                raise
            return False
        return True

    def _found(self) -> Object | None:
        try:
            return self.server.admin.get(self.body)
        except ApiRefusedError as refusal:
            if refusal.status != 404:
                raise
            return None

    def _collect_garbage(self) -> bool:
        """Delete what has owners of which none is there; whether there was any."""
        found = self.belongings()
        there = {item["metadata"].get("uid") for item in found}
        lost = [i for i in found if (o := i["metadata"].get("ownerReferences")) and not there & {r["uid"] for r in o}]
        for item in lost:
            self.server.admin.delete(item)
        return bool(lost)


def has_condition(resource: Object, name: str, status: str = "True") -> bool:
    """Whether a condition of a resource holds, or has another status, of its newest generation."""
    found = resource.get("status", {}).get("conditions", [])
    generation = resource["metadata"]["generation"]
    wanted = (status, generation)
    return any(c["type"] == name and (c["status"], c.get("observedGeneration")) == wanted for c in found)


def in_memory(run: Object) -> Cluster:
    """A cluster of one workflow, on which the hand that plays Argo in the tests of plans can act."""
    memory = Cluster()
    memory.now = datetime.now(UTC)
    memory.add(run)
    return memory


def _plain(item: Object) -> str:
    metadata = {key: value for key, value in item["metadata"].items() if key not in _OF_NO_CONCERN}
    return json.dumps({**item, "metadata": metadata}, indent=1, sort_keys=True)
