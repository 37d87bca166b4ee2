"""Lives of services: deployed by a run, available, deleted."""

import json
from collections.abc import Sequence
from typing import ClassVar

from controller.api import MERGE_PATCH
from controller.index import arguments_of
from crds import labels
from steps.serving.cluster.strategy import TEMPLATE_DIGEST
from tests.apiserver.client import Object
from tests.controller.engine.lives import TENANT, Life, has_condition, in_memory
from tests.controller.plans.argo import step, write

MODEL = "served"
"""A ClusterBaseModel that has to be ready."""
RUNTIME: Object = {
    "apiVersion": "ome.io/v1beta1",
    "kind": "ClusterServingRuntime",
    "metadata": {"name": "llama-server"},
    "spec": {"engineConfig": {"runner": {"name": "ome-container", "image": "llama-server:1"}}},
}
"""What the service's run selects."""
_AVAILABLE: Object = {
    "observedGeneration": 1,
    "replicas": 1,
    "readyReplicas": 1,
    "availableReplicas": 1,
    "updatedReplicas": 1,
    "conditions": [{"type": "Available", "status": "True"}],
}


class ServiceLife(Life):
    """An InferenceService of the model."""

    kind: ClassVar = "InferenceService"
    fewest_writes: ClassVar = 6
    """Finalizer, run, status, status; the run again, and the finalizer; there are more."""

    @property
    def notes(self) -> dict[str, str]:
        """Annotations of its Deployment."""
        return {}

    @property
    def spec(self) -> Object:
        """One pod with the model."""
        return {"model": {"name": MODEL}, "engine": {"minReplicas": 1}}

    def is_settled(self, resource: Object) -> bool:
        """Whether it answers."""
        return has_condition(resource, "Ready")

    def play(self) -> None:
        """Let the run deploy, and the Deployment become available."""
        for run in self.runs():
            if "status" not in run:
                self._deploy()
                self.server.admin.patch(run, {"status": self._deployed(run)})

    def belongings(self) -> Sequence[Object]:
        """Runs and Deployments."""
        return [*self.runs(), *self.listed("Deployment", TENANT, f"{labels.INFERENCE_SERVICE}={self.name}")]

    def _deploy(self) -> None:
        marks = {labels.INFERENCE_SERVICE: self.name, labels.COMPONENT: "engine"}
        owner = {"apiVersion": "ome.io/v1beta1", "kind": self.kind, "name": self.name, "uid": self.uid}
        body: Object = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": f"{self.name}-engine",
                "namespace": TENANT,
                "labels": marks,
                "annotations": self.notes,
                "ownerReferences": [owner],
            },
            "spec": {
                "selector": {"matchLabels": marks},
                "template": {
                    "metadata": {"labels": marks, "annotations": {TEMPLATE_DIGEST: "0a1b2c3d4e"}},
                    "spec": {"containers": [{"name": "ome-container", "image": "llama-server:1"}]},
                },
            },
        }
        if not self.is_there(body):
            self.server.admin.create(body)
        path = f"{self.server.admin.path_of(body)}/status"
        self.server.admin.request("PATCH", path, {"status": _AVAILABLE}, MERGE_PATCH)

    def _deployed(self, run: Object) -> Object:
        """What Argo writes when the run has ended well."""
        choice = {
            "choice": json.dumps({"runtime": "llama-server", "accelerator": "", "reasons": ["it is the only one"]})
        }
        url = f"http://{self.name}-engine.{TENANT}.svc:8080"
        endpoint = {"url": url, "modelName": MODEL, "service": self.name, "namespace": TENANT}
        outputs = {
            **choice,
            "endpoint": json.dumps(endpoint),
            "spec_digest": arguments_of(run)["spec_digest"],
        }
        nodes = step("select", outputs=choice) | step("deploy", order=1)
        status: Object = write(in_memory(run), run["metadata"]["name"], "Succeeded", nodes, outputs=outputs)["status"]
        return status
