"""`import-model`: a model from its URI to verified files on nodes and a model resource that says what it is."""

from hera.workflows import DAG, Parameter, WorkflowTemplate

from pipelines.templates.pipeline import (
    REQUEST,
    TRUST,
    ask_for,
    hand_on,
    output,
    run_step,
    workflow_template,
    workflow_values,
)

NODES = Parameter(
    name="nodes",
    description="Nodes to cache it on, as a JSON list of names; an empty name means any node.",
    default='[""]',
)
FIRST_PATH = "{{=jsonpath(tasks.cache.outputs.parameters.path, '$[0]')}}"
"""The loop over nodes gives a list of paths; they are the same on every node."""


def build() -> WorkflowTemplate:
    """The workflow template."""
    with workflow_template(
        "import-model",
        title="Import a model",
        description="Pins a model's revision, parses it, puts verified files on nodes, and publishes the model.",
        deadline_seconds=48 * 3600,
        parameters=[
            *ask_for("resolve-model", "uri"),
            *ask_for("publish-model", "name", "scope", "namespace"),
            *ask_for("resolve-model", *REQUEST[1:], "manifest_digest"),
            *ask_for("cache-model", "path", *TRUST, "distribution", "secret", "secret_key"),
            NODES,
        ],
    ) as template:
        outputs = [
            hand_on("resolve", "manifest", "Digest of the manifest."),
            hand_on("resolve", "revision", "The immutable revision."),
            hand_on("resolve", "total_bytes", "Bytes of all files."),
            hand_on("resolve", "file_count", "Number of files."),
            hand_on("parse", "facts", "Facts of the model, as JSON."),
            hand_on("publish", "model", "The model resource."),
        ]
        # failFast off: nodes that can be filled are filled, and a retry needs only the others.
        with DAG(name="import-model", outputs=outputs, fail_fast=False):
            token = workflow_values("secret", "secret_key")
            run_step(
                "resolve-model",
                "resolve",
                workflow_values(*REQUEST, "manifest_digest") | token,
            )
            manifest = {"manifest": output("resolve", "manifest")}
            run_step("parse-model", "parse", manifest | token, depends="resolve")
            run_step(
                "cache-model",
                "cache",
                manifest
                | workflow_values("name", "scope", "namespace", "path", *TRUST, "distribution")
                | token
                | {"node": "{{item}}"},
                depends="resolve",
                with_param="{{workflow.parameters.nodes}}",
            )
            run_step(
                "publish-model",
                "publish",
                workflow_values("name", "scope", "namespace", "nodes", *TRUST, "manifest_digest", *REQUEST)
                | token
                | manifest
                | {"facts": output("parse", "facts"), "path": FIRST_PATH},
                depends="parse && cache",
            )
    return template
