"""What an InferenceService asks for, its model, and the deploy run that brings it about.

`spec_digest` names what is to be deployed: the service's spec and its model's files. `key` also counts what makes the
failures of earlier attempts void: `ome.io/retry`, and the runtimes and classes to choose from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from controller.actions import Object
from controller.observed import Context
from controller.plans.choices import kinds_to_choose_from
from controller.plans.conditions import condition_of, is_true
from controller.plans.naming import digest_of
from steps.serving.asked_hardware import asked_hardware
from steps.serving.cluster.spec_digest import DEPLOYED_WITH, service_spec_digest

RETRY: Final = "ome.io/retry"
ON_DRIFT: Final = "ome.io/on-drift"
SELECTED_FOR: Final = "ome.io/selected-for"
DEPLOYED: Final = DEPLOYED_WITH
RUNTIME_DIGEST: Final = "ome.io/runtime-digest"
ENDPOINT: Final = "ome.io/endpoint"
"""Keys of `status.annotations`, where the controller remembers what outlives its runs."""
_FIT = "ome.io/fit"
UNFIT: Final = "DoesNotFit"
"""Reason of a model that is not fetched because nothing here runs it, and of the services that wait for it."""


@dataclass(frozen=True)
class Asked:
    """What a service asks for.

    Attributes:
        model: The model's object; None when there is none.
        model_name: As the service names it; "" when it names none.
        asked: Digest of the service alone: the selection is pinned for it.
        spec_digest: Digest of the service and its model's files.
        is_pinned: Whether the selection in the status holds.
        selection: Of the status.
        runtime: The runtime that is pinned or named, as it is; None when there is none of that name.
        runtime_digest: Of its spec.
        has_drifted: Whether the runtime differs from what was deployed.
        has_namesake: Whether a runtime of the namespace has the name of the pinned one of the cluster.
    """

    service: Object
    model: Object | None
    model_name: str
    asked: str
    spec_digest: str
    is_pinned: bool
    selection: Mapping[str, Any]
    runtime: Object | None
    runtime_digest: str
    has_drifted: bool
    has_namesake: bool = False

    @property
    def namespace(self) -> str:
        """The service's."""
        return str(self.service["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """The service's."""
        return str(self.service["metadata"]["name"])

    @property
    def remembered(self) -> Mapping[str, str]:
        """What the status remembers."""
        return (self.service.get("status") or {}).get("annotations") or {}

    @property
    def annotations(self) -> Mapping[str, str]:
        """The service's."""
        return self.service["metadata"].get("annotations") or {}

    @property
    def target(self) -> str:
        """What is to be deployed: with the runtime's digest where a drifted runtime is to be followed."""
        follows = self.annotations.get(ON_DRIFT) == "redeploy" and self.has_drifted
        return f"{self.spec_digest}.{self.runtime_digest}" if follows else self.spec_digest

    @property
    def pinned_runtime(self) -> str:
        """The pinned runtime as select-runtime is to find it, and no other one of its name."""
        name, namespace = str(self.selection["runtime"]), str(self.selection.get("runtimeNamespace") or "")
        return f"{namespace}/{name}" if namespace or self.has_namesake else name

    @property
    def is_deployed(self) -> bool:
        """Whether the status remembers that just this was deployed."""
        is_same = bool(self.spec_digest) and self.remembered.get(DEPLOYED) == self.spec_digest
        return is_same and self.target == self.spec_digest

    def key(self, context: Context) -> str:
        """What attempts are for, by which their failures are counted: the target before the dash."""
        choices: Any = self.runtime_digest
        if not self.is_pinned:
            choices = kinds_to_choose_from(self.namespace, context)
        uid = self.service["metadata"].get("uid")  # or services of one name in two namespaces would share a run
        return f"{self.target}-{digest_of([uid, self.annotations.get(RETRY, ''), choices])}"

    def arguments(self) -> dict[str, str]:
        """Arguments of deploy-model that differ from its defaults."""
        spec = self.service.get("spec") or {}
        runtime = str((spec.get("runtime") or {}).get("name") or "")
        hardware = asked_hardware(self.service).arguments()
        context = 0
        if self.is_pinned:
            runtime, context = self.pinned_runtime, int(self.selection.get("context") or 0)
            pinned = str(self.selection.get("accelerator") or "")
            hardware = ({"accelerator": pinned} if pinned else {}) | hardware
        replicas = (spec.get("engine") or {}).get("minReplicas")
        made = {"model": self.model_name, "service": self.name, "namespace": self.namespace}
        made |= {"runtime": runtime} if runtime else {}
        made |= hardware
        made |= {"context": str(context)} if context else {}
        made |= {"fit": self.annotations[_FIT]} if self.annotations.get(_FIT) else {}
        made |= {"replicas": str(replicas)} if isinstance(replicas, int) and replicas > 0 else {}
        return made | {"spec_digest": self.spec_digest}


def asked_of(service: Object, context: Context) -> Asked:
    """What a service asks for."""
    spec, status = service.get("spec") or {}, service.get("status") or {}
    name = str((spec.get("model") or {}).get("name") or "")
    namespace = str(service["metadata"]["namespace"])
    model = find_model(name, namespace, context) if name else None
    asked = service_spec_digest(service, {})
    remembered = status.get("annotations") or {}
    selection = status.get("selection") or {}
    is_pinned = bool(selection.get("runtime")) and remembered.get(SELECTED_FOR) == asked
    runtime = find_runtime(service, selection if is_pinned else {}, context)
    digest = digest_of(runtime.get("spec")) if runtime is not None else ""
    before = remembered.get(RUNTIME_DIGEST, "")
    return Asked(
        service=service,
        model=model,
        model_name=name,
        asked=asked,
        spec_digest=service_spec_digest(service, model) if model is not None else "",
        is_pinned=is_pinned,
        selection=selection,
        runtime=runtime,
        runtime_digest=digest,
        has_drifted=is_pinned and bool(before) and before != digest,
        has_namesake=is_pinned
        and context.observed.get("ServingRuntime", namespace, str(selection["runtime"])) is not None,
    )


def find_model(name: str, namespace: str, context: Context) -> Object | None:
    """The BaseModel of the namespace, else the ClusterBaseModel."""
    return context.observed.get("BaseModel", namespace, name) or context.observed.get("ClusterBaseModel", "", name)


def find_runtime(service: Object, selection: Mapping[str, Any], context: Context) -> Object | None:
    """The runtime that is selected, else the one that the service names."""
    namespace = str(service["metadata"]["namespace"])
    if selection:
        place = str(selection.get("runtimeNamespace") or "")
        kind = "ServingRuntime" if place else "ClusterServingRuntime"
        return context.observed.get(kind, place, str(selection["runtime"]))
    name = str(((service.get("spec") or {}).get("runtime") or {}).get("name") or "")
    if not name:
        return None
    return context.observed.get("ServingRuntime", namespace, name) or context.observed.get(
        "ClusterServingRuntime", "", name
    )


def model_obstacle(asked: Asked) -> tuple[str, str] | None:
    """Why the model cannot be served now: reason and message; None when it can."""
    if not asked.model_name:
        return "NoModel", "spec.model.name is empty: name an imported model."
    model = asked.model
    if model is None:
        text = (
            f'There is no BaseModel "{asked.model_name}" in namespace {asked.namespace}, and no ClusterBaseModel of '
            "that name. It is deployed when one comes."
        )
        return "ModelNotFound", text
    what = f"{model['kind']} {asked.model_name}"
    if "deletionTimestamp" in model["metadata"]:
        return "ModelNotFound", f"{what} is being deleted."
    if (model.get("spec") or {}).get("disabled"):
        return "ModelDisabled", f"{what} is disabled (spec.disabled); enable it, or serve another model."
    if not is_true(model, "Ready"):
        told = condition_of(model, "Ready")
        why = f" {told.get('reason', '')}: {told.get('message', '')}" if told else " Its import has not begun."
        reason = UNFIT if told.get("reason") == UNFIT else "ModelNotReady"
        return reason, f"{what} is not ready.{why}"
    return None
