"""`read-claim`: a model that stays in its PersistentVolumeClaim, and what is known about it."""

from hera.workflows import DAG, WorkflowTemplate

from pipelines.templates.pipeline import ask_for, hand_on, run_step, workflow_template, workflow_values

_INPUTS = ("uri", "name", "scope", "namespace", "allow_patterns", "ignore_patterns")


def build() -> WorkflowTemplate:
    """The workflow template."""
    with workflow_template(
        "read-claim",
        title="Read a model in a claim",
        description="Mounts a PersistentVolumeClaim read-only and parses the model in it, which stays where it is.",
        deadline_seconds=2 * 3600,
        parameters=ask_for("read-claim", *_INPUTS),
    ) as template:
        outputs = [
            hand_on("read", "manifest", "Digest under which the facts are stored."),
            hand_on("read", "revision", "Digest over names and sizes of the files."),
            hand_on("read", "total_bytes", "Bytes of all files."),
            hand_on("read", "file_count", "Number of files."),
            hand_on("read", "facts", "Facts of the model, as JSON."),
        ]
        with DAG(name="read-claim", outputs=outputs):
            run_step("read-claim", "read", workflow_values(*_INPUTS))
    return template
