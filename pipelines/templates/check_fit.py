"""`check-fit`: whether a model would run here, from its headers, before its weights are fetched."""

from hera.workflows import DAG, WorkflowTemplate

from pipelines.templates.pipeline import (
    REQUEST,
    ask_for,
    hand_on,
    output,
    run_step,
    workflow_template,
    workflow_values,
)
from pipelines.templates.select_runtime import CHOSEN_BY

_ASKED = tuple(name for name in CHOSEN_BY if name != "fit")


def build() -> WorkflowTemplate:
    """The workflow template."""
    with workflow_template(
        "check-fit",
        title="Check whether a model fits",
        description="Chooses a runtime for a model that is not here yet, by its headers, and fails if none runs it.",
        deadline_seconds=2 * 3600,
        parameters=[
            *ask_for("resolve-model", "uri"),
            *ask_for("publish-model", "name"),
            *ask_for("select-runtime", "namespace"),
            *ask_for("resolve-model", *REQUEST[1:], "manifest_digest", "secret", "secret_key"),
            *ask_for("select-runtime", *_ASKED),
        ],
    ) as template:
        outputs = [
            hand_on("resolve", "revision", "The immutable revision."),
            hand_on("resolve", "total_bytes", "Bytes of all files."),
            hand_on("parse", "facts", "Facts of the model, as JSON."),
            hand_on("select", "choice", "The choice and every refusal, as JSON."),
        ]
        with DAG(name="check-fit", outputs=outputs):
            token = workflow_values("secret", "secret_key")
            run_step("resolve-model", "resolve", workflow_values(*REQUEST, "manifest_digest") | token)
            run_step("parse-model", "parse", {"manifest": output("resolve", "manifest")} | token, depends="resolve")
            run_step(
                "select-runtime",
                "select",
                workflow_values("namespace", *_ASKED, model="name")
                | {"facts": output("parse", "facts"), "fit": "enforce"},
                depends="parse",
            )
    return template
