"""The InferenceService as a resource: made or brought up to date by deploy, with conditions that say why.

Pure: takes and returns dictionaries. Called by `deploy` and `deployments`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from steps.choice import Choice
from steps.resources import Resource
from steps.serving.fields import mapping_at
from steps.serving.state import DeploymentState

Condition = tuple[str, bool | None, str, str]
"""Type, whether it holds (None: not known yet), reason, message."""


def desired_service(
    old: Resource | None, *, name: str, namespace: str, model: str, model_kind: str, replicas: int
) -> Resource:
    """The service as asked for: what a person wrote stays, model and replicas are as given."""
    service: Resource = {"apiVersion": "ome.io/v1beta1", "kind": "InferenceService", **(old or {})}
    metadata = {**mapping_at(service, "metadata", ""), "name": name, "namespace": namespace}
    spec = mapping_at(service, "spec", "")
    spec = {**spec, "model": {**mapping_at(spec, "model", "spec"), "name": model, "kind": model_kind}}
    spec["engine"] = {"minReplicas": replicas, "maxReplicas": replicas, **mapping_at(spec, "engine", "spec")}
    return {**service, "metadata": metadata, "spec": spec}


def with_conditions(service: Resource, conditions: Sequence[Condition], now: str) -> Resource:
    """The service with conditions set; a transition time changes only when a condition's status does."""
    status = mapping_at(service, "status", "InferenceService")
    kept = [c for c in status.get("conditions") or [] if isinstance(c, dict)]
    by_type = {condition.get("type"): condition for condition in kept}
    for kind, holds, reason, message in conditions:
        word = "Unknown" if holds is None else str(holds)
        old = by_type.get(kind, {})
        changed_at = old.get("lastTransitionTime", now) if old.get("status") == word else now
        by_type[kind] = {
            "type": kind, "status": word, "reason": reason, "message": message, "lastTransitionTime": changed_at,
        }  # fmt: skip
    return {**service, "status": {**status, "conditions": list(by_type.values())}}


def with_selection(service: Resource, choice: Choice, revision: str, now: str) -> Resource:
    """The service with the choice pinned in its status."""
    status = mapping_at(service, "status", "InferenceService")
    selection = {**choice.model_dump(by_alias=True, mode="json"), "modelRevision": revision}
    chosen = f"runtime {choice.runtime}" + (f" on {choice.accelerator}" if choice.accelerator else "")
    conditions: list[Condition] = [
        ("ModelReady", True, "Ready", f"revision {revision}" if revision else ""),
        ("RuntimeSelected", True, "Selected", "; ".join((chosen, *choice.reasons))),
    ]
    return with_conditions({**service, "status": {**status, "selection": selection}}, conditions, now)


def with_deployment(service: Resource, state: DeploymentState | None, now: str) -> Resource:
    """The service with the state of its deployment in url, components and conditions."""
    status = mapping_at(service, "status", "InferenceService")
    is_up = state is not None and state.phase == "Ready" and state.is_supervised
    url = state.url if state is not None and is_up else ""
    deployed, ready = _engine_conditions(state, is_up=is_up)
    rest: dict[str, Any] = {key: value for key, value in status.items() if key not in ("url", "components")}
    if url:
        rest |= {"url": url, "components": {"engine": {"url": url}}}
    conditions: list[Condition] = [deployed, ready, ("Ready", *ready[1:])]
    return with_conditions({**service, "status": rest}, conditions, now)


def is_ready(service: Mapping[str, Any]) -> bool:
    """Whether the service's Ready condition holds."""
    conditions = mapping_at(service, "status", "").get("conditions") or []
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _engine_conditions(state: DeploymentState | None, *, is_up: bool) -> tuple[Condition, Condition]:
    if state is None:
        return ("Deployed", False, "NotDeployed", ""), ("EngineReady", False, "NotDeployed", "not deployed here")
    if is_up:
        return ("Deployed", True, "Running", ""), ("EngineReady", True, "Ready", "")
    if state.phase in ("Failed", "Stopped"):
        return ("Deployed", False, state.phase, state.message), ("EngineReady", False, state.phase, state.message)
    if not state.is_supervised:
        lost = "its supervisor is gone (killed, or this machine was started anew); deploy again"
        return ("Deployed", False, "SupervisorLost", lost), ("EngineReady", False, "SupervisorLost", lost)
    return ("Deployed", True, "Running", ""), ("EngineReady", None, state.phase, state.message)
