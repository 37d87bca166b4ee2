"""`parse-model`: what is known about a model without downloading it."""

from hera.workflows import DAG, WorkflowTemplate

from pipelines.templates.pipeline import ask_for, hand_on, output, run_step, workflow_template, workflow_values


def build() -> WorkflowTemplate:
    """The workflow template."""
    with workflow_template(
        "parse-model",
        title="Parse a model",
        description="Reads a model's configuration and tensor headers, by range: type, size, memory, capabilities.",
        deadline_seconds=3600,
        parameters=ask_for("resolve-model", "uri", "revision", "source_parameters", "secret", "secret_key"),
    ) as template:
        outputs = [
            hand_on("resolve", "manifest", "Digest of the manifest."),
            hand_on("parse", "facts", "Facts of the model, as JSON."),
        ]
        with DAG(name="parse-model", outputs=outputs):
            token = workflow_values("secret", "secret_key")
            run_step("resolve-model", "resolve", workflow_values("uri", "revision", "source_parameters") | token)
            run_step("parse-model", "parse", {"manifest": output("resolve", "manifest")} | token, depends="resolve")
    return template
