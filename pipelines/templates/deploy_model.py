"""`deploy-model`: an imported model served at an endpoint that has answered a question."""

from hera.workflows import DAG, WorkflowTemplate

from pipelines.templates.pipeline import ask_for, hand_on, output, run_step, workflow_template, workflow_values
from pipelines.templates.select_runtime import CHOSEN_BY


def build() -> WorkflowTemplate:
    """The workflow template."""
    with workflow_template(
        "deploy-model",
        title="Deploy a model",
        description="Chooses a runtime, deploys the service, waits until it is healthy, and asks it a question.",
        deadline_seconds=6 * 3600,
        parameters=[
            *ask_for("deploy-service", "model", "service", "namespace"),
            *ask_for("select-runtime", *CHOSEN_BY),
            *ask_for("deploy-service", "replicas", "spec_digest"),
            *ask_for("ask-endpoint", "prompt", "max_tokens"),
        ],
    ) as template:
        outputs = [
            hand_on("select", "choice", "The choice and every refusal, as JSON."),
            hand_on("deploy", "endpoint", "Where the model answers, as JSON."),
            hand_on("deploy", "spec_digest", "Digest of the service's spec that was deployed."),
            hand_on("deploy", "warnings", "What of the service has no effect, as JSON."),
            hand_on("ask", "answer", "What it answered to the prompt."),
        ]
        with DAG(name="deploy-model", outputs=outputs):
            run_step(
                "select-runtime",
                "select",
                workflow_values("model", "namespace", *CHOSEN_BY),
            )
            run_step(
                "deploy-service",
                "deploy",
                workflow_values("service", "namespace", "model", "replicas", "spec_digest")
                | {"choice": output("select", "choice")},
                depends="select",
            )
            run_step(
                "ask-endpoint",
                "ask",
                {"endpoint": output("deploy", "endpoint")} | workflow_values("prompt", "max_tokens"),
                depends="deploy",
            )
    return template
