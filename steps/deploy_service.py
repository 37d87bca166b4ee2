"""The step deploy-service: from a choice to an endpoint that answers.

Run by the `deploy-model` and `onboard-model` pipelines. On one machine the runtime's container command runs here as a
child of a supervisor; see `steps.serving`.
"""

import sys

from pydantic import Field

from steps.choice import Choice
from steps.contract import StepInputs, StepOutputs, step
from steps.endpoint import Endpoint

DEADLINE_SECONDS = 600


class DeployServiceInputs(StepInputs):
    """What to deploy, and how it is to be served."""

    service: str = Field(default="", description="Name of the InferenceService.")
    namespace: str = Field(default="default", description="Its namespace.")
    model: str = Field(default="", description="Name of the BaseModel or ClusterBaseModel it serves.")
    choice: Choice = Field(default=Choice(runtime=""), description="The choice that select-runtime made.")
    replicas: int = Field(default=1, description="How many copies answer; one machine runs 1.")
    spec_digest: str = Field(default="", description="Digest of the spec to deploy; empty for the spec as it is then.")
    timeout_seconds: int = Field(
        default=DEADLINE_SECONDS, gt=0, description="How long to wait until the engine answers, in seconds."
    )


class DeployServiceOutputs(StepOutputs):
    """Where it answers, and whether it was running already."""

    endpoint: Endpoint
    reused: bool
    spec_digest: str = Field(default="", description="Digest of the service's spec that was deployed, on a cluster.")


@step(
    "deploy-service",
    title="Deploy the service",
    description="Starts the chosen runtime with the model, or keeps the one that runs, and waits until it answers.",
)
def deploy_service(inputs: DeployServiceInputs) -> DeployServiceOutputs:
    """Deploy the service and wait until it answers.

    Raises:
        EngineFailedError, ClusterError: when it does not come up; the message has the last lines of its log.
        UnsupportedError: for what needs a cluster.
        InvalidInputError, NotFoundError: when the resources do not fit together.
    """
    from steps.progress import ProgressReporter
    from steps.serving.deploy import deploy

    reporter = ProgressReporter()
    deployed = deploy(
        inputs.service,
        inputs.namespace,
        inputs.model,
        inputs.choice,
        replicas=inputs.replicas,
        timeout_seconds=inputs.timeout_seconds,
        report=lambda phase, seconds: reporter.report(phase, int(seconds), 0, unit="seconds"),
    )
    for warning in deployed.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    return DeployServiceOutputs(endpoint=deployed.endpoint, reused=deployed.reused)
