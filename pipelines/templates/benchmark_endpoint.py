"""`benchmark-endpoint`: how an endpoint behaves under load."""

from hera.workflows import DAG, WorkflowTemplate

from pipelines.templates.pipeline import ask_for, hand_on, run_step, workflow_template, workflow_values

ASKED = (
    "name", "endpoint", "model", "namespace", "model_label", "task", "scenarios", "concurrency", "max_requests",
    "max_minutes", "max_error_rate", "baseline", "request_parameters", "server", "pod",
)  # fmt: skip


def build() -> WorkflowTemplate:
    """The workflow template."""
    with workflow_template(
        "benchmark-endpoint",
        title="Benchmark an endpoint",
        description="Measures latency, throughput and errors of an endpoint over scenarios and concurrencies.",
        deadline_seconds=24 * 3600,
        parameters=ask_for("benchmark-endpoint", *ASKED),
    ) as template:
        outputs = [
            hand_on("benchmark", "report", "The report's figures, as JSON."),
            hand_on("benchmark", "report_folder", "Where the whole report is."),
        ]
        with DAG(name="benchmark-endpoint", outputs=outputs):
            run_step("benchmark-endpoint", "benchmark", workflow_values(*ASKED))
    return template
