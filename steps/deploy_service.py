"""The step deploy-service: from a choice to an endpoint that answers.

Run by the `deploy-model` and `onboard-model` pipelines. On one machine the runtime's container command runs here as a
child of a supervisor, see `steps.serving`; on a cluster it is rendered to objects, see `steps.serving.cluster`.
"""

import sys
from collections.abc import Callable

from pydantic import Field

from steps.choice import Choice
from steps.contract import StepInputs, StepOutputs, step
from steps.endpoint import Endpoint

DEADLINE_SECONDS = 600
CLUSTER_DEADLINE_SECONDS = 3600
"""Nodes pull images of many GB, and large models load for minutes."""


class DeployServiceInputs(StepInputs):
    """What to deploy, and how it is to be served."""

    service: str = Field(default="", description="Name of the InferenceService.")
    namespace: str = Field(default="default", description="Its namespace.")
    model: str = Field(default="", description="Name of the BaseModel or ClusterBaseModel it serves.")
    choice: Choice = Field(default=Choice(runtime=""), description="The choice that select-runtime made.")
    replicas: int = Field(default=1, description="How many copies answer; one machine runs 1.")
    spec_digest: str = Field(
        default="",
        description="Mark of the controller: the spec it submits this for. Leave it empty; what is deployed is the"
        " spec as it is when this runs.",
    )
    timeout_seconds: int = Field(
        default=0,
        ge=0,
        description=f"How long to wait until the engine answers, in seconds; 0 for {DEADLINE_SECONDS}, on a cluster"
        f" for {CLUSTER_DEADLINE_SECONDS}.",
    )


class DeployServiceOutputs(StepOutputs):
    """Where it answers, and whether it was running already."""

    endpoint: Endpoint
    reused: bool
    spec_digest: str = Field(default="", description="Digest of the service's spec that was deployed, on a cluster.")
    warnings: tuple[str, ...] = Field(
        default=(), description="What was accepted and has no effect, or will not work, in sentences."
    )


@step(
    "deploy-service",
    title="Deploy the service",
    description="Starts the chosen runtime with the model, or keeps the one that runs, and waits until it answers.",
)
def deploy_service(inputs: DeployServiceInputs) -> DeployServiceOutputs:
    """Deploy the service and wait until it answers.

    Raises:
        EngineFailedError, ClusterError: when it does not come up; the message has the last lines of its log.
        UnsupportedError: for what this place cannot do.
        InvalidInputError, NotFoundError: when the resources do not fit together.
    """
    from steps.cluster.pod import is_on_cluster
    from steps.progress import ProgressReporter

    reporter = ProgressReporter()

    def report(phase: str, seconds: float) -> None:
        reporter.report(phase, int(seconds), 0, unit="seconds")

    outputs = _on_cluster(inputs, report) if is_on_cluster() else _on_this_machine(inputs, report)
    for warning in outputs.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    return outputs


def _on_this_machine(inputs: DeployServiceInputs, report: Callable[[str, float], None]) -> DeployServiceOutputs:
    from steps.serving.deploy import deploy

    deployed = deploy(
        inputs.service,
        inputs.namespace,
        inputs.model,
        inputs.choice,
        replicas=inputs.replicas,
        timeout_seconds=inputs.timeout_seconds or DEADLINE_SECONDS,
        report=report,
    )
    return DeployServiceOutputs(endpoint=deployed.endpoint, reused=deployed.reused, warnings=deployed.warnings)


def _on_cluster(inputs: DeployServiceInputs, report: Callable[[str, float], None]) -> DeployServiceOutputs:
    from steps.cluster.api import open_api
    from steps.serving.cluster.deploy import Limits, deploy

    deployed = deploy(
        open_api(),
        inputs.service,
        inputs.namespace,
        inputs.model,
        inputs.choice,
        replicas=inputs.replicas,
        limits=Limits(ready=inputs.timeout_seconds or CLUSTER_DEADLINE_SECONDS),
        report=report,
    )
    return DeployServiceOutputs(
        endpoint=deployed.endpoint,
        reused=deployed.reused,
        spec_digest=deployed.spec_digest,
        warnings=deployed.warnings,
    )
