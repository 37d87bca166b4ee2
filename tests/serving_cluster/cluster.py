"""A cluster as deploy-service sees it, and its controllers and kubelets played by the test: what these write is data.

The API server is real and deploy has the rights of its service account. Nothing makes pods of a Deployment here, so a
test writes what the Deployment controller, the scheduler and the kubelet of a real cluster would have written.
"""

from collections.abc import Callable, Sequence
from typing import Any

from steps.choice import Choice
from steps.cluster.api import open_api
from steps.serving.cluster.deploy import Deployed, Limits, deploy
from steps.serving.cluster.strategy import TEMPLATE_DIGEST
from steps.serving.cluster.wait import Patience
from tests.apiserver.client import ApiClient, ApiRefusedError, Object
from tests.serving_cluster.made_up import DIGEST

SELECTOR = "ome.io/inferenceservice"
AT_ONCE = Patience(image=0, configuration=0, refused=0, volume=0, unschedulable=0, poll=0.01)
LATER = Patience(poll=0.01)
KINDS = {
    "Deployment": "/apis/apps/v1", "Service": "/api/v1", "HorizontalPodAutoscaler": "/apis/autoscaling/v2",
    "PodDisruptionBudget": "/apis/policy/v1", "ServiceAccount": "/api/v1",
    "Role": "/apis/rbac.authorization.k8s.io/v1", "RoleBinding": "/apis/rbac.authorization.k8s.io/v1",
}  # fmt: skip


class Cluster:
    """One namespace of a cluster that has a model and a runtime.

    Attributes:
        waited_for: What deploy said that it waits for, in order.
    """

    def __init__(self, admin: ApiClient, namespace: str) -> None:
        self.admin, self.namespace = admin, namespace
        self.waited_for: list[str] = []

    def deploy(
        self,
        service: str = "chat",
        *,
        model: str = "smollm2",
        choice: Choice | None = None,
        replicas: int = 1,
        ready: float = 30.0,
        patience: Patience = LATER,
        meanwhile: Callable[[], None] | None = None,
        on_look: Callable[[str], None] | None = None,
    ) -> Deployed:
        """Run deploy; `meanwhile` is called at its first wait, `on_look` with each later one."""

        def report(phase: str, _: float) -> None:
            self.waited_for.append(phase)
            if len(self.waited_for) == 1 and meanwhile is not None:
                meanwhile()
            elif on_look is not None:
                on_look(phase)

        self.waited_for.clear()
        limits = Limits(ready=ready, model=0.2, reach=0.0, patience=patience)
        return deploy(
            open_api(), service, self.namespace, model, choice or Choice(runtime="tiny"),
            replicas=replicas, limits=limits, report=report,
        )  # fmt: skip

    def deploy_and_roll_out(self, service: str = "chat", **options: Any) -> Deployed:
        """Run deploy, and play the controllers of a cluster where all goes well."""

        def roll_out() -> None:
            for deployment in self.objects("Deployment", service):
                self.roll_out(deployment["metadata"]["name"])

        return self.deploy(service, meanwhile=roll_out, **options)

    def apply_service(self, name: str = "chat", annotations: dict[str, str] | None = None, **spec: Any) -> Object:
        """Apply an InferenceService as a user does."""
        return self.admin.apply(
            {
                "apiVersion": "ome.io/v1beta1",
                "kind": "InferenceService",
                "metadata": {"name": name, "namespace": self.namespace, "annotations": annotations or {}},
                "spec": {"model": {"name": "smollm2"}, "engine": {}, **spec},
            }
        )

    def get(self, kind: str, name: str) -> Object | None:
        """An object of this namespace, or None."""
        version = "ome.io/v1beta1" if kind == "InferenceService" else KINDS[kind].partition("s/")[2] or "v1"
        if KINDS.get(kind) == "/api/v1":
            version = "v1"
        try:
            return self.admin.get(
                {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": self.namespace}}
            )
        except ApiRefusedError as refusal:
            if refusal.status == 404:
                return None
            raise

    def objects(self, kind: str, service: str = "chat") -> list[Object]:
        """All objects of a kind that a service has."""
        path = f"{KINDS[kind]}/namespaces/{self.namespace}/{_plural(kind)}?labelSelector={SELECTOR}={service}"
        found: list[Object] = self.admin.request("GET", path)["items"]
        return found

    def names(self, service: str = "chat") -> set[str]:
        """All that a service has, as kind/name."""
        return {f"{kind}/{body['metadata']['name']}" for kind in KINDS for body in self.objects(kind, service)}

    def roll_out(self, name: str = "chat-engine", **changes: Any) -> None:
        """What the Deployment controller writes when all pods are there and ready."""
        deployment = self._deployment(name)
        replicas = deployment["spec"]["replicas"]
        status = {
            "observedGeneration": deployment["metadata"]["generation"], "replicas": replicas,
            "updatedReplicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas, **changes,
        }  # fmt: skip
        self._write_status("/apis/apps/v1", "deployments", name, status)

    def starting(self, name: str = "chat-engine", **changes: Any) -> None:
        """What the Deployment controller writes when it has made the pods."""
        self.roll_out(name, **{"readyReplicas": 0, "availableReplicas": 0, **changes})

    def add_pod(
        self, status: Object, name: str = "pod-1", deployment: str = "chat-engine", gates: Sequence[str] = ()
    ) -> Object:
        """A pod as the ReplicaSet controller makes it, with a status as scheduler and kubelet write it.

        Gates are those that a queue's webhook adds.
        """
        template = self._deployment(deployment)["spec"]["template"]
        made = self.admin.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {**template["metadata"], "name": name, "namespace": self.namespace},
                "spec": {**template["spec"], "schedulingGates": [{"name": gate} for gate in gates]},
            }
        )
        if status:
            self._write_status("/api/v1", "pods", name, status)
        return made

    def add_event(self, pod: Object, reason: str, message: str, kind: str = "Warning", second: int = 0) -> None:
        """An event about a pod, as the kubelet writes it, in a second of New Year's morning."""
        metadata = pod["metadata"]
        self.admin.create(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"generateName": "event-", "namespace": self.namespace},
                "involvedObject": {
                    "kind": "Pod", "name": metadata["name"], "namespace": self.namespace, "uid": metadata["uid"],
                },
                "type": kind,
                "reason": reason,
                "message": message,
                "lastTimestamp": f"2026-01-01T00:00:{second:02d}Z",
            }
        )  # fmt: skip

    def template_digest(self, name: str = "chat-engine") -> str:
        """Of a Deployment's pods."""
        found: str = self._deployment(name)["spec"]["template"]["metadata"]["annotations"][TEMPLATE_DIGEST]
        return found

    def _deployment(self, name: str) -> Object:
        found = self.get("Deployment", name)
        assert found is not None
        return found

    def _write_status(self, group: str, plural: str, name: str, status: Object) -> None:
        path = f"{group}/namespaces/{self.namespace}/{plural}/{name}/status"
        self.admin.request("PATCH", path, {"status": status}, "application/merge-patch+json")


def prepare(admin: ApiClient) -> None:
    """A model that is imported, and a runtime."""
    model = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": "smollm2"},
        "spec": {"storage": {"storageUri": "hf://HuggingFaceTB/SmolLM2"}},
    }
    admin.apply(model)
    admin.apply({**model, "status": {"state": "Ready", "artifact": {"digest": DIGEST}}}, subresource="status")
    runner = {"runner": {"name": "ome-container", "image": "tiny:1", "args": ["--model", "$(MODEL_PATH)"]}}
    admin.apply(
        {
            "apiVersion": "ome.io/v1beta1",
            "kind": "ClusterServingRuntime",
            "metadata": {"name": "tiny"},
            "spec": {"engineConfig": runner, "decoderConfig": runner, "routerConfig": runner},
        }
    )


def waiting(reason: str, message: str, **status: Any) -> Object:
    """A pod whose container waits, as the kubelet writes it."""
    return container({"waiting": {"reason": reason, "message": message}}, **status)


def container(state: Object, **status: Any) -> Object:
    """A pod on a node with one container, as the kubelet writes it."""
    return {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}],
        "containerStatuses": [
            {
                "name": "ome-container", "image": "tiny:1", "imageID": "", "ready": False, "restartCount": 0,
                "state": state, **status,
            }
        ],
    }  # fmt: skip


def unscheduled(message: str) -> Object:
    """A pod that no node takes, as the scheduler writes it."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"phase": "Pending", "conditions": [condition]}


def _plural(kind: str) -> str:
    return f"{kind.lower()}s"
