"""The deployments of this machine: list, stop, delete, and their state in the services' status.

Called by `deploy`, and by `ome get`, `ome delete` and `ome down`. Stopping ends every process of a deployment, also
one that nobody keeps any more, and never a process that is not its own.
"""

import contextlib
import shutil
import signal
from pathlib import Path

import psutil
from pydantic import ValidationError

from steps.endpoint import Endpoint
from steps.errors import ClusterError, NotFoundError
from steps.frozen import Frozen
from steps.resources import Resource, ResourceFolder
from steps.serving import state
from steps.serving.identity import end_processes, find_process, marked_processes, wait_until_gone
from steps.serving.logs import LOG_NAME
from steps.serving.service_resource import with_deployment
from steps.serving.state import DeploymentState

_SPARE_SECONDS = 7.0


class Deployment(Frozen):
    """One deployment as a person sees it.

    Attributes:
        service, namespace: Of the InferenceService.
        state: How it is; a phase that promises a process is true only if `is_running`.
        is_running: Whether its supervisor runs.
        log: The engine's log.
    """

    service: str
    namespace: str
    model: str
    runtime: str
    state: DeploymentState | None
    is_running: bool
    log: Path


def list_deployments() -> tuple[Deployment, ...]:
    """All deployments of this machine, stopped ones too, by namespace and name."""
    found = []
    for folder in state.deployment_folders():
        order, now = state.read_order(folder), state.read_state(folder)
        if order is not None:
            plan = order.plan
            found.append(
                Deployment(
                    service=plan.service,
                    namespace=plan.namespace,
                    model=plan.model,
                    runtime=plan.runtime,
                    state=now,
                    is_running=now is not None and now.is_supervised,
                    log=folder / LOG_NAME,
                )
            )
    return tuple(found)


def endpoint_of(service: str, namespace: str = "default") -> Endpoint | None:
    """Where a running deployment answers and under which name, or None when it does not run or never answered."""
    folder = state.deployment_folder(service, namespace)
    now = state.read_state(folder)
    if now is None or now.phase != "Ready" or not now.is_supervised:
        return None
    try:
        found = Endpoint.model_validate_json((folder / state.ENDPOINT).read_bytes())
    except (OSError, ValidationError):
        return None
    return found.model_copy(update={"url": now.url})  # a restarted engine may have had to take another port


def refresh_service(resources: ResourceFolder, service: str, namespace: str) -> Resource | None:
    """Write a deployment's present state into its service's status; the service, or None when there is none."""
    now = state.read_state(state.deployment_folder(service, namespace))

    def change(old: Resource | None) -> Resource:
        if old is None:
            raise NotFoundError(f"InferenceService {namespace}/{service} does not exist")
        return with_deployment(old, now, state.now_text())

    try:
        return resources.update("InferenceService", service, namespace, change)
    except NotFoundError:
        return None


def refresh_services(resources: ResourceFolder) -> None:
    """Write every deployment's present state into its service's status."""
    for service in resources.list("InferenceService"):
        metadata = service["metadata"]
        refresh_service(resources, metadata["name"], metadata.get("namespace", "default"))


def stop(service: str, namespace: str = "default") -> bool:
    """End all processes of a service's deployment; whether there were any. Its folder and log stay.

    Raises:
        ClusterError: when a process would not end, with its number.
    """
    folder = state.deployment_folder(service, namespace)
    with state.deployment_lock(folder):
        return stop_locked(folder)


def stop_all() -> int:
    """End all processes of every deployment of this machine; how many deployments had any.

    Raises:
        ClusterError: when a process would not end; the others are ended first.
    """
    stopped, problems = 0, []
    for folder in state.deployment_folders():
        try:
            with state.deployment_lock(folder):
                stopped += stop_locked(folder)
        except ClusterError as error:
            problems.append(error.message)
    if problems:
        raise ClusterError("; ".join(problems), remedy="End these processes yourself.")
    return stopped


def delete(service: str, namespace: str = "default") -> bool:
    """Stop a service's deployment and remove its folder and its InferenceService; whether there was either.

    Raises:
        ClusterError: when a process would not end; nothing is removed then.
    """
    folder = state.deployment_folder(service, namespace)
    with state.deployment_lock(folder):
        stop_locked(folder)
        was_there = folder.exists()
        shutil.rmtree(folder, ignore_errors=True)
    return ResourceFolder().delete("InferenceService", service, namespace) or was_there


def stop_locked(folder: Path) -> bool:
    """As `stop`, for a caller who holds the deployment's lock."""
    now = state.read_state(folder)
    order = state.read_order(folder)
    grace = float(order.plan.grace_seconds) if order is not None else 0.0
    had_processes = False
    supervisor = find_process(now.supervisor) if now is not None else None
    if supervisor is not None:  # it ends its engine first, so give it the engine's grace and a little more
        had_processes = True
        with contextlib.suppress(psutil.Error):
            supervisor.send_signal(signal.SIGTERM)
        wait_until_gone([supervisor], grace + _SPARE_SECONDS)
    left = marked_processes(folder)
    engine = find_process(now.engine) if now is not None else None
    left += [process for process in (supervisor, engine) if process is not None and wait_until_gone([process], 0)]
    if left:
        had_processes = True
        end_processes(left, min(grace, _SPARE_SECONDS))
    survivors = [process.pid for process in wait_until_gone(left, 0)]
    if survivors:
        numbers = ", ".join(map(str, survivors))
        raise ClusterError(f"deployment {folder.name}: processes {numbers} do not end", remedy=f"kill -9 {numbers}")
    now = state.read_state(folder)
    if now is not None and now.phase not in ("Stopped", "Failed"):
        change = {"phase": "Stopped", "engine": None, "message": "stopped", "since": state.now_text()}
        state.write_state(folder, now.model_copy(update=change))
    return had_processes
