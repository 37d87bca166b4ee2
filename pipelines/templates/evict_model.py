"""`evict-model`: a model's files off nodes that are not to hold it any more."""

from hera.workflows import DAG, Parameter, WorkflowTemplate

from pipelines.templates.pipeline import ask_for, run_step, workflow_template, workflow_values

NODES = Parameter(
    name="nodes",
    description="Nodes to take it from, as a JSON list of names; an empty name means any node.",
    default='[""]',
)


def build() -> WorkflowTemplate:
    """The workflow template."""
    with (
        workflow_template(
            "evict-model",
            title="Evict a model",
            description="Removes a model's files from nodes; files that another model shares stay.",
            deadline_seconds=3600,
            parameters=[*ask_for("evict-model", "name", "scope", "namespace", "path", "reserve"), NODES],
        ) as template,
        # failFast off: a node that does not answer must not keep the files on the others.
        DAG(name="evict-model", fail_fast=False),
    ):
        run_step(
            "evict-model",
            "evict",
            workflow_values("name", "scope", "namespace", "path", "reserve") | {"node": "{{item}}"},
            with_param="{{workflow.parameters.nodes}}",
        )
    return template
