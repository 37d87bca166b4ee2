"""Deploying a service on a cluster: find or make the InferenceService, render it, apply, wait until it is ready.

Called by `steps.deploy_service`. It never writes a status: the controller does, from what this step hands out.
"""

import socket
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from crds.labels import PART_OF, PRODUCT
from crds.metadata import API_VERSION
from steps.choice import Choice
from steps.cluster.api import ClusterApi
from steps.cluster.refusals import ConflictError
from steps.cluster.resource_types import resource_type
from steps.cluster.resources import ClusterResources
from steps.endpoint import Endpoint
from steps.errors import ClusterError, InvalidInputError
from steps.published_model import artifact_digest, find_model, folder_of, stored_facts
from steps.serving.asked_hardware import check_accelerator
from steps.serving.chat import served_names
from steps.serving.cluster.apply import apply_objects
from steps.serving.cluster.metadata import Object, service_metadata
from steps.serving.cluster.placed_model import place_model
from steps.serving.cluster.render import Rendered, render
from steps.serving.cluster.spec_digest import service_spec_digest
from steps.serving.cluster.wait import Patience, Report, wait_until_ready
from steps.serving.fields import mapping_at, text_at
from steps.serving.model_arguments import hints_of

_SERVICE = resource_type("InferenceService")


@dataclass(frozen=True)
class Limits:
    """How long each part may take, in seconds.

    Attributes:
        ready: Until all pods are ready.
        model: Until the controller has said that the model is imported.
        reach: Until the Service's name answers; a name takes a moment to be known everywhere.
        patience: With each trouble.
    """

    ready: float = 3600.0
    model: float = 120.0
    reach: float = 15.0
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True)
class Deployed:
    """A service that is rolled out.

    Attributes:
        endpoint: Where.
        reused: Whether all was there already, just as asked for.
        spec_digest: Of what was deployed.
        warnings: What was accepted but has no effect, in sentences.
    """

    endpoint: Endpoint
    reused: bool
    spec_digest: str
    warnings: tuple[str, ...] = ()


def deploy(
    api: ClusterApi,
    service: str,
    namespace: str,
    model: str,
    choice: Choice,
    *,
    replicas: int,
    limits: Limits,
    report: Report,
) -> Deployed:
    """Make the service run as its InferenceService asks, and return when it is ready.

    Args:
        api: The cluster.
        service: Name of the InferenceService; it is made when there is none.
        namespace: Its namespace.
        model: Name of the model that it serves.
        choice: The runtime, and on what.
        replicas: Pods, where the InferenceService does not say.
        limits: How long to wait.
        report: Told what is waited for.

    Raises:
        InvalidInputError: when the service and what is asked for here contradict each other.
        NotFoundError: for a model, a runtime or an accelerator class that is not there.
        UnsupportedError: for what this version cannot do.
        EngineFailedError, ClusterError: when it does not become ready; the message has the words of who said why.
    """
    if not choice.runtime:
        raise InvalidInputError('choice: runtime is ""', remedy="Run select-runtime first and hand its choice on.")
    if replicas < 1:
        raise InvalidInputError(f'replicas: "{replicas}" is below 1', remedy="Give 1, or delete the service.")
    resources = ClusterResources(api)
    found = _imported_model(resources, model, namespace, limits.model, report)
    stored = _find_or_make(api, service, namespace, found, replicas)
    check_agreement(stored, model, choice)
    kind = "ServingRuntime" if choice.runtime_namespace else "ClusterServingRuntime"
    runtime = resources.get(kind, choice.runtime, choice.runtime_namespace)
    accelerator = resources.get("AcceleratorClass", choice.accelerator) if choice.accelerator else None
    facts = stored_facts(found)
    placed = place_model(
        found,
        namespace,
        folder=str(folder_of(found) or ""),
        weight_file=facts.weight_files[0] if facts is not None and facts.weight_files else "",
        hints=hints_of(facts),
    )
    rendered = render(stored, runtime, placed, choice, accelerator, replicas=replicas)
    about = service_metadata(stored)
    is_as_rendered = apply_objects(api, about, rendered)
    was_ready = wait_until_ready(
        api, about, rendered, placed, timeout_seconds=limits.ready, report=report, patience=limits.patience
    )
    if not is_as_rendered:
        apply_objects(api, about, rendered)
    return Deployed(
        _endpoint(rendered, service, namespace, choice, limits.reach),
        was_ready,
        service_spec_digest(stored, found),
        rendered.warnings,
    )


def check_agreement(service: Object, model: str, choice: Choice) -> None:
    """Refuse to deploy something else than the InferenceService asks for.

    Raises:
        InvalidInputError: names the field and both values.
        UnsupportedError: when its decoder asks for another accelerator than its engine.
    """
    metadata, spec = mapping_at(service, "metadata", "InferenceService"), mapping_at(service, "spec", "")
    name = f"InferenceService {metadata.get('namespace')}/{metadata.get('name')}"
    if metadata.get("deletionTimestamp"):
        raise InvalidInputError(f"{name} is being deleted", remedy="Wait until it is gone, or take another name.")
    serves = text_at(mapping_at(spec, "model", "spec"), "name", "spec.model")
    if serves != model:
        raise InvalidInputError(
            f'{name}: spec.model.name is "{serves}", and "{model}" was asked for',
            remedy="Change the InferenceService, or deploy under another service name.",
        )
    runtime = text_at(mapping_at(spec, "runtime", "spec"), "name", "spec.runtime")
    if runtime and runtime != choice.runtime:
        raise InvalidInputError(
            f'{name}: spec.runtime.name is "{runtime}", and "{choice.runtime}" was chosen',
            remedy=f"Run with runtime={runtime}, or change the InferenceService.",
        )
    check_accelerator(service, choice)


def _imported_model(resources: ClusterResources, model: str, namespace: str, seconds: float, report: Report) -> Object:
    """The model, once the controller has said that it is imported: a run's own import may be a moment ago.

    Raises:
        ClusterError: when it does not say so in time.
    """
    began = time.monotonic()
    while True:
        found = find_model(resources, model, namespace)
        status = mapping_at(found, "status", "model")
        if artifact_digest(found) or status.get("state") == "Ready":
            return found
        waited = time.monotonic() - began
        if waited > seconds:
            conditions = [c for c in status.get("conditions") or () if isinstance(c, dict)]
            said = next((str(c.get("message") or "") for c in conditions if c.get("type") == "Ready"), "")
            raise ClusterError(
                f'model {model} is not imported: status.state is "{status.get("state") or ""}"'
                + (f", {said}" if said else ""),
                remedy=f"See kubectl describe {str(found['kind']).lower()} {model}; its import must succeed first.",
            )
        report(f"waiting until model {model} is imported", waited)
        time.sleep(min(1.0, seconds))


def _find_or_make(api: ClusterApi, service: str, namespace: str, model: Object, replicas: int) -> Object:
    found = api.find(_SERVICE, service, namespace)
    if found is not None:
        return found
    body: Object = {
        "apiVersion": API_VERSION,
        "kind": "InferenceService",
        "metadata": {"name": service, "namespace": namespace, "labels": {PART_OF: PRODUCT}},
        "spec": {
            "model": {"name": model["metadata"]["name"], "kind": model["kind"]},
            "engine": {"minReplicas": replicas},
        },
    }
    try:
        return api.create(_SERVICE, body)
    except ConflictError:  # somebody else was first, or this call's own first attempt
        return api.get(_SERVICE, service, namespace)


def _endpoint(rendered: Rendered, service: str, namespace: str, choice: Choice, seconds: float) -> Endpoint:
    """Where it answers, and under which name: the one it lists, where it lists any."""
    names = _names_at(rendered.url, seconds) if rendered.components else ()
    name = rendered.served_name if not names or rendered.served_name in names else names[0]
    return Endpoint(url=rendered.url, model_name=name, service=service, namespace=namespace, engine=choice.runtime)


def _names_at(url: str, seconds: float) -> tuple[str, ...]:
    """What the engine lists, asked through its Service; none when it cannot be reached from here in time."""
    parts = urlsplit(url)
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((parts.hostname or "", parts.port or 80), timeout=2.0).close()
            return served_names(url)
        except OSError:
            if time.monotonic() > deadline:
                return ()  # the smoke test that follows says what is wrong
        time.sleep(0.5)
