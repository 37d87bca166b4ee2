"""`check-revision`: which revision a storage URI names now."""

from hera.workflows import DAG, WorkflowTemplate
from hera.workflows.models import TTLStrategy

from pipelines.templates.pipeline import ask_for, hand_on, run_step, workflow_template, workflow_values

_INPUTS = ("uri", "allow_patterns", "ignore_patterns", "source_parameters", "secret", "secret_key")
_TTL = TTLStrategy(seconds_after_success=3600, seconds_after_failure=86400)
"""A run a model and interval, of which the model's status keeps all that matters."""


def build() -> WorkflowTemplate:
    """The workflow template."""
    with workflow_template(
        "check-revision",
        title="Check a model's revision",
        description="Asks a model's source which revision its URI names now; nothing is fetched and nothing changed.",
        deadline_seconds=3600,
        parameters=ask_for("check-revision", *_INPUTS),
        ttl=_TTL,
    ) as template:
        outputs = [
            hand_on("check", "revision", "The immutable revision that the URI names now."),
            hand_on("check", "manifest", "Digest of its manifest, which is not stored."),
        ]
        with DAG(name="check-revision", outputs=outputs):
            run_step("check-revision", "check", workflow_values(*_INPUTS))
    return template
