"""`select-runtime`: which runtime and accelerator would serve a model, and why not the others."""

from hera.workflows import DAG, WorkflowTemplate

from pipelines.templates.pipeline import ask_for, hand_on, run_step, workflow_template, workflow_values

HARDWARE = ("accelerator", "constraints", "policy", "tolerations")
ASKED = ("model", "namespace", "runtime", "protocol", *HARDWARE, "context", "concurrency", "fit")
CHOSEN_BY = ("runtime", *HARDWARE, "context", "fit")
"""What deploy-model and onboard-model ask for of it, besides the model."""


def build() -> WorkflowTemplate:
    """The workflow template."""
    with workflow_template(
        "select-runtime",
        title="Select a runtime",
        description="Chooses runtime, accelerator and parallelism for an imported model, and explains every refusal.",
        deadline_seconds=1800,
        parameters=ask_for("select-runtime", *ASKED),
    ) as template:
        outputs = [hand_on("select", "choice", "The choice and every refusal, as JSON.")]
        with DAG(name="select-runtime", outputs=outputs):
            run_step("select-runtime", "select", workflow_values(*ASKED))
    return template
