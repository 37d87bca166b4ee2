"""`onboard-model`: a model from its URI to a measured endpoint, in one graph."""

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
from pipelines.templates.select_runtime import CHOSEN_BY

BENCHMARK = Parameter(
    name="benchmark", description="Whether to measure the endpoint.", default="yes", enum=["yes", "no"]
)
MEASURED = ("task", "scenarios", "concurrency", "max_requests", "max_minutes", "max_error_rate")


def build() -> WorkflowTemplate:
    """The workflow template."""
    with workflow_template(
        "onboard-model",
        title="Onboard a model",
        description="Imports a model, chooses a runtime, deploys it, asks it a question, and measures it.",
        deadline_seconds=72 * 3600,
        parameters=[
            *ask_for("resolve-model", "uri"),
            *ask_for("publish-model", "name", "scope"),
            *ask_for("deploy-service", "service", "namespace"),
            *ask_for("resolve-model", *REQUEST[1:], "manifest_digest"),
            *ask_for("cache-model", "path", "node", *TRUST, "secret", "secret_key"),
            *ask_for("select-runtime", *CHOSEN_BY),
            *ask_for("deploy-service", "replicas"),
            *ask_for("ask-endpoint", "prompt", "max_tokens"),
            BENCHMARK,
            *ask_for("benchmark-endpoint", *MEASURED),
        ],
    ) as template:
        outputs = [
            hand_on("parse", "facts", "Facts of the model, as JSON."),
            hand_on("select", "choice", "The choice and every refusal, as JSON."),
            hand_on("deploy", "endpoint", "Where the model answers, as JSON."),
            hand_on("deploy", "warnings", "What of the service has no effect, as JSON."),
            hand_on("ask", "answer", "What it answered to the prompt."),
            hand_on("benchmark", "report", "The report's figures, as JSON; empty without a benchmark."),
        ]
        with DAG(name="onboard-model", outputs=outputs):
            _import_and_select()
            _serve_and_measure()
    return template


def _import_and_select() -> None:
    """Facts before bytes: what cannot run here is refused before it is fetched (docs/decisions/003)."""
    manifest = {"manifest": output("resolve", "manifest")}
    facts = {"facts": output("parse", "facts")}
    token = workflow_values("secret", "secret_key")
    run_step(
        "resolve-model",
        "resolve",
        workflow_values(*REQUEST, "manifest_digest") | token,
    )
    run_step("parse-model", "parse", manifest | token, depends="resolve")
    run_step(
        "select-runtime",
        "select",
        workflow_values("namespace", *CHOSEN_BY, model="name") | facts,
        depends="parse",
    )
    run_step(
        "cache-model",
        "cache",
        manifest | token | workflow_values("name", "scope", "namespace", "path", "node", *TRUST),
        depends="select",
    )
    run_step(
        "publish-model",
        "publish",
        workflow_values("name", "scope", "namespace", *TRUST, "manifest_digest", *REQUEST)
        | token
        | manifest
        | facts
        | {"path": output("cache", "path"), "nodes": '["{{workflow.parameters.node}}"]'},
        depends="cache",
    )


def _serve_and_measure() -> None:
    endpoint = {"endpoint": output("deploy", "endpoint")}
    run_step(
        "deploy-service",
        "deploy",
        workflow_values("service", "namespace", "replicas", model="name") | {"choice": output("select", "choice")},
        depends="publish",
    )
    run_step("ask-endpoint", "ask", endpoint | workflow_values("prompt", "max_tokens"), depends="deploy")
    run_step(
        "benchmark-endpoint",
        "benchmark",
        endpoint | workflow_values("namespace", *MEASURED, name="service", model="name"),
        depends="ask",
        when="{{workflow.parameters.benchmark}} == yes",
    )
