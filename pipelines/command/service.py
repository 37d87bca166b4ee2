"""A service of this machine: running, as `ome ask` meets it, or applied, as `ome deploy` reads it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from steps.endpoint import Endpoint
from steps.errors import ClusterError, NotFoundError
from steps.resources import ResourceFolder, Resources
from steps.serving.asked_hardware import asked_hardware
from steps.serving.deployments import Deployment, endpoint_of, list_deployments, stop


def find_service(name: str, namespace: str) -> Deployment | None:
    """The deployment of a service, running or not; None when there is none."""
    return next((d for d in list_deployments() if (d.service, d.namespace) == (name, namespace)), None)


def hardware_arguments(
    name: str, namespace: str, accelerator: str, *, is_there: bool = False, resources: Resources | None = None
) -> dict[str, str]:
    """What an applied InferenceService asks of the hardware, as parameters of the pipelines that select.

    Args:
        name: Of the service; "" for none.
        namespace: Its namespace.
        accelerator: What the command line asks for; it goes before the service's, and deploy refuses a difference.
        is_there: Whether it must exist already.
        resources: Of a cluster; None for this machine's.

    Raises:
        NotFoundError: when it must and does not.
        InvalidInputError: for a field of a wrong shape.
    """
    there: Resources = resources if resources is not None else ResourceFolder()
    read = there.get if is_there else there.find
    found = read("InferenceService", name, namespace) if name else None
    asked = asked_hardware(found).arguments() if found is not None else {}
    return asked | ({"accelerator": accelerator} if accelerator else {})


def is_running(name: str, namespace: str) -> bool:
    """Whether a service's processes are there."""
    found = find_service(name, namespace)
    return found is not None and found.is_running


def running_service(name: str, namespace: str) -> tuple[Deployment, Endpoint]:
    """A service that answers, and where.

    Raises:
        NotFoundError: with the services that there are.
        ClusterError: when it does not run, with its log.
    """
    found = find_service(name, namespace)
    if found is None:
        there = (
            ", ".join(s["metadata"]["name"] for s in ResourceFolder().list("InferenceService", namespace)) or "none"
        )
        raise NotFoundError(
            f'service "{name}" does not exist in namespace {namespace}',
            remedy=f"There are: {there}. Deploy one with `ome deploy MODEL`.",
        )
    endpoint = endpoint_of(name, namespace)
    if endpoint is None:
        phase = found.state.phase if found.state is not None else "not started"
        message = f": {found.state.message}" if found.state is not None and found.state.message else ""
        raise ClusterError(
            f'service "{name}" does not run ({phase}{message})',
            remedy=f"Start it with `ome deploy {found.model} --service {name}`. Its log is {found.log}.",
        )
    return found, endpoint


@contextmanager
def stopped_when_cancelled(arguments: Mapping[str, str]) -> Iterator[None]:
    """Stop a service that a pipeline has started when a person cancels the pipeline; one that ran before stays.

    Args:
        arguments: The pipeline's parameters; without `service` it starts none.
    """
    name, namespace = arguments.get("service", ""), arguments.get("namespace") or "default"
    if not name:
        yield
        return
    was_running = is_running(name, namespace)
    try:
        yield
    except KeyboardInterrupt:
        if not was_running:
            stop(name, namespace)
        raise
