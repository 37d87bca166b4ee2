"""Lives of models: imported to the one node there is, or read in their claim, ready, deleted, and evicted."""

import hashlib
from collections.abc import Sequence
from typing import ClassVar

from controller.resources import ARGO
from crds import labels
from tests.apiserver.client import Object
from tests.controller.engine.lives import NODE, SYSTEM, TENANT, Life, has_condition, in_memory
from tests.controller.plans.argo import evicting, importing, reading


class ModelLife(Life):
    """A ClusterBaseModel."""

    kind: ClassVar = "ClusterBaseModel"
    fewest_writes: ClassVar = 12
    """Finalizer, run, status, entry, label, spec, status; a run that evicts, entry, label, run, finalizer."""
    contents: ClassVar[Sequence[str]] = ("manifest", "facts")
    """What its run leaves behind in ConfigMaps."""

    @property
    def spec(self) -> Object:
        """A repository of its own."""
        return {"storage": {"storageUri": f"hf://acme/{self.name}"}}

    @property
    def digest(self) -> str:
        """Of its manifest."""
        return hashlib.sha256(self.name.encode()).hexdigest()

    def is_settled(self, resource: Object) -> bool:
        """Whether it is ready, and its manifest does not go with the run any more."""
        is_kept = not any("ownerReferences" in item["metadata"] for item in self._manifests())
        return has_condition(resource, "Ready") and is_kept

    def play(self) -> None:
        """End every run that goes on, as Argo does when all goes well."""
        for run in self.runs():
            if "status" not in run:
                self.server.admin.patch(run, {"status": self._ended(run)["status"]})

    def belongings(self) -> Sequence[Object]:
        """Runs, what they left for other runs, and what is written on the node."""
        secrets = self.listed("Secret", SYSTEM, f"{labels.NAME}={self.name}")
        return [*self.runs(), *self._manifests(), *secrets, *self._on_nodes()]

    def _ended(self, run: Object) -> Object:
        """A run as it is when all went well, and what its steps left behind."""
        name = run["metadata"]["name"]
        if name.startswith("evict-"):
            return evicting(in_memory(run), name)
        self._keep_manifest(run)
        return importing(in_memory(run), name, digest=self.digest)

    def _manifests(self) -> Sequence[Object]:
        return self.listed("ConfigMap", SYSTEM, f"{labels.MANIFEST}={self.digest[:12]}")

    def _on_nodes(self) -> Sequence[Object]:
        """Of the node and its ConfigMap what concerns this model."""
        node = self.server.admin.request("GET", f"/api/v1/nodes/{NODE}")["metadata"].get("labels") or {}
        shown = {k: v for k, v in node.items() if self.name in k or (self.uid and self.uid in k)}
        found: list[Object] = [{"kind": "Node", "metadata": {"name": NODE, "labels": shown}}] if shown else []
        for item in self.listed("ConfigMap", SYSTEM, f"{labels.NODE_STATUS}=true"):
            if entries := {k: v for k, v in (item.get("data") or {}).items() if self.name in k}:
                found.append({"kind": "ConfigMap", "metadata": {"name": item["metadata"]["name"]}, "data": entries})
        return found

    def _keep_manifest(self, run: Object) -> None:
        """What the steps resolve, parse and read leave behind."""
        owner = {key: run["metadata"][key] for key in ("name", "uid")} | {"apiVersion": ARGO, "kind": "Workflow"}
        for content in self.contents:
            metadata = {
                "name": f"{content}-{self.digest[:12]}",
                "namespace": SYSTEM,
                "labels": {labels.MANIFEST: self.digest[:12]},
                "ownerReferences": [owner],
            }
            body: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {content: "{}"}}
            if not self.is_there(body):
                self.server.admin.create(body)


class TenantModelLife(ModelLife):
    """A BaseModel of a tenant, whose token is copied to where its runs are."""

    kind: ClassVar = "BaseModel"
    fewest_writes: ClassVar = 14
    """The same, the copy of the Secret, and its deletion."""

    @property
    def spec(self) -> Object:
        """A repository that asks for a token."""
        return {"storage": {"storageUri": f"hf://acme/{self.name}", "key": "hub-token"}}

    def begin(self) -> None:
        """Apply the Secret and the model."""
        metadata = {"name": "hub-token", "namespace": TENANT}
        secret: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"token": "aGVsbG8="}}
        self.server.admin.apply(secret)
        super().begin()


class ClaimModelLife(ModelLife):
    """A BaseModel of a tenant that stays in a claim: read there by one run, and on no node."""

    kind: ClassVar = "BaseModel"
    fewest_writes: ClassVar = 8
    """Finalizer, run, status, facts kept, spec, status; facts, run, and the finalizer again."""
    contents: ClassVar = ("facts",)

    @property
    def spec(self) -> Object:
        """A folder of its own."""
        return {"storage": {"storageUri": f"pvc://weights/{self.name}"}}

    def _ended(self, run: Object) -> Object:
        self._keep_manifest(run)
        return reading(in_memory(run), run["metadata"]["name"], digest=self.digest)
