"""`audit-cache`: models on nodes are hashed and mended where they are damaged, and what nothing needs goes."""

from hera.workflows import DAG, WorkflowTemplate

from pipelines.templates.pipeline import ask_for, output, run_step, workflow_template, workflow_values


def build() -> WorkflowTemplate:
    """The workflow template."""
    with (
        workflow_template(
            "audit-cache",
            title="Audit the cache",
            description="Verifies the files of models on nodes by their digests, repairs them and collects garbage.",
            deadline_seconds=24 * 3600,
            parameters=[
                *ask_for("find-nodes", "nodes"),
                *ask_for("audit-cache", "damaged", "rest_days", "secret", "secret_key"),
            ],
        ) as template,
        # failFast off: damage on one node must not keep the others from being looked at.
        DAG(name="audit-cache", fail_fast=False),
    ):
        run_step("find-nodes", "find", workflow_values("nodes"))
        run_step(
            "audit-cache",
            "audit",
            workflow_values("damaged", "rest_days", "secret", "secret_key") | {"node": "{{item}}"},
            depends="find",
            with_param=output("find", "nodes"),
        )
    return template
