"""Wait until a service's rollouts are complete, and say what is waited for; give up early on what waiting cannot mend.

Called by `deploy`. What a trouble is, `rollout` says; how long it may last is here.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from steps.cluster.api import ClusterApi
from steps.cluster.resource_types import DEPLOYMENT, EVENT, POD
from steps.errors import ClusterError, EngineFailedError
from steps.serving.cluster.metadata import ServiceMetadata, component_selector
from steps.serving.cluster.placed_model import PlacedModel
from steps.serving.cluster.pod_trouble import Cause, Trouble
from steps.serving.cluster.render import Rendered, RenderedComponent
from steps.serving.cluster.rollout import Diagnosis, Seen, diagnose

Report = Callable[[str, float], None]
"""Told what is waited for, and for how many seconds it has been."""


@dataclass(frozen=True)
class Patience:
    """How long each trouble may last, in seconds, before it is taken as final.

    A pod that its queue has not admitted is waited for until the deadline, as is what is merely starting.

    Attributes:
        image: A registry may be slow to answer, and a tag may be pushed at this moment.
        configuration: A Secret may be applied after the service.
        refused: A quota may be raised.
        volume: A claim may be bound late.
        unschedulable: A node may become free, or be labelled when it has the model.
        poll: Between two looks.
    """

    image: float = 45.0
    configuration: float = 45.0
    refused: float = 45.0
    volume: float = 120.0
    unschedulable: float = 120.0
    poll: float = 1.0

    def with_trouble(self, trouble: Trouble) -> float | None:
        """How long this trouble may last; None for as long as the deadline allows."""
        if trouble.is_final:
            return 0.0
        lasting: dict[Cause, float] = {
            "image": self.image,
            "configuration": self.configuration,
            "refused": self.refused,
            "volume": self.volume,
            "unschedulable": self.unschedulable,
        }
        return None if trouble.nodes_come else lasting.get(trouble.cause)


def wait_until_ready(
    api: ClusterApi,
    service: ServiceMetadata,
    rendered: Rendered,
    model: PlacedModel,
    *,
    timeout_seconds: float,
    report: Report,
    patience: Patience,
) -> bool:
    """Wait until every component of a service is rolled out.

    Returns:
        Whether all was there at the first look.

    Raises:
        EngineFailedError: for what waiting does not mend: a crash again and again, an image that cannot be had, a pod
            that no node takes. The message has the words of who said so.
        ClusterError: when the time is up, or the service was deleted or deployed anew meanwhile.
    """
    began = time.monotonic()
    since: dict[tuple[str, Cause], float] = {}
    looks = 0
    while True:
        now = time.monotonic()
        looks += 1
        diagnoses = {part: _look(api, service, part, model) for part in rendered.components}
        for part, diagnosis in diagnoses.items():
            _check_that_it_is_ours(service, part, diagnosis)
        troubles = {(part.name, d.trouble.cause): d.trouble for part, d in diagnoses.items() if d.trouble is not None}
        since = {key: since.get(key, now) for key in troubles}
        for key, trouble in troubles.items():
            limit = patience.with_trouble(trouble)
            if limit is not None and now - since[key] >= limit:
                raise EngineFailedError(
                    f"service {service.namespace}/{service.name} does not start: {trouble.message}",
                    remedy=trouble.remedy,
                )
        waiting = [diagnosis.waiting_for for diagnosis in diagnoses.values() if diagnosis.state != "done"]
        if not waiting:
            return looks == 1
        if now - began > timeout_seconds:
            remedies = " ".join(trouble.remedy for trouble in troubles.values() if trouble.remedy)
            raise ClusterError(
                f"service {service.namespace}/{service.name} was not ready within {timeout_seconds:g} s:"
                f" {'; '.join(waiting)}",
                remedy=remedies or f"See kubectl get pods -n {service.namespace} -l {_labels(service)}.",
            )
        report("; ".join(waiting).partition("\n")[0], now - began)
        time.sleep(patience.poll)


def _look(api: ClusterApi, service: ServiceMetadata, part: RenderedComponent, model: PlacedModel) -> Diagnosis:
    """One look; pods and events are asked for only while something is not as it should be."""
    deployment = api.find(DEPLOYMENT, part.deployment, service.namespace)
    first = diagnose(part, Seen(deployment), model)
    if first.state != "waiting":
        return first
    selector = component_selector(service, part.name)
    pods = list(api.list(POD, service.namespace, labels=",".join(f"{key}={selector[key]}" for key in selector)))
    events = list(api.list(EVENT, service.namespace, fields="involvedObject.kind=Pod")) if pods else []
    return diagnose(part, Seen(deployment, pods, events), model)


def _check_that_it_is_ours(service: ServiceMetadata, part: RenderedComponent, diagnosis: Diagnosis) -> None:
    name = f"Deployment {service.namespace}/{part.deployment}"
    if diagnosis.state == "deleted":
        raise ClusterError(f"{name} was deleted while it was starting", remedy="Deploy again.")
    if diagnosis.state == "replaced":
        raise ClusterError(f"{name} was changed by another deploy meanwhile", remedy="Deploy again.")


def _labels(service: ServiceMetadata) -> str:
    return ",".join(f"{key}={value}" for key, value in service.selector.items())
