"""`benchmark-endpoint`: how an endpoint behaves under load."""

from hera.workflows import DAG, WorkflowTemplate

from pipelines.templates.pipeline import ask_for, hand_on, output, run_step, workflow_template, workflow_values

ASKED = (
    "name", "endpoint", "model", "namespace", "model_label", "task", "scenarios", "concurrency", "max_requests",
    "max_minutes", "max_error_rate", "baseline", "request_parameters", "server", "pod",
)  # fmt: skip
KEPT_AT = ("output_uri", "result_folder", "output_parameters", "secret")


def build() -> WorkflowTemplate:
    """The workflow template."""
    with workflow_template(
        "benchmark-endpoint",
        title="Benchmark an endpoint",
        description="Measures latency, throughput and errors of an endpoint over scenarios and concurrencies.",
        deadline_seconds=24 * 3600,
        parameters=[*ask_for("benchmark-endpoint", *ASKED), *ask_for("upload-report", *KEPT_AT)],
    ) as template:
        outputs = [
            hand_on("benchmark", "report", "The report's figures, as JSON."),
            hand_on("benchmark", "report_folder", "Where the whole report is."),
            hand_on("upload", "report_uri", "Where it was uploaded to; empty where it was not."),
        ]
        # Both count: of the last alone, one that may fail, Argo would take a failed measurement for a good end.
        with DAG(name="benchmark-endpoint", outputs=outputs, target="benchmark upload"):
            run_step("benchmark-endpoint", "benchmark", workflow_values(*ASKED))
            run_step(
                "upload-report",
                "upload",
                workflow_values(*KEPT_AT) | {"report_folder": output("benchmark", "report_folder")},
                depends="benchmark",
                when="'{{workflow.parameters.output_uri}}' != ''",
                may_fail=True,
            )
    return template
