"""`ome benchmark`: measure a service, or any OpenAI endpoint, with genai-bench."""

import json
import re
import sys
from typing import Annotated, Any

import typer

from pipelines.command import options
from pipelines.command.output import Output, OutputFormat, print_data, print_table


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(benchmark)


def benchmark(
    target: Annotated[str, typer.Argument(help="A service from `ome get services`, or the URL of an endpoint.")],
    model: Annotated[str, typer.Option("--model", help="For a URL: the imported model that answers there.")] = "",
    model_name: Annotated[str, typer.Option("--model-name", help="For a URL: the name it answers to.")] = "",
    namespace: options.Namespace = "default",
    scenarios: options.Scenarios = None,
    concurrency: options.Concurrency = None,
    max_requests: options.MaxRequests = 50,
    max_minutes: options.MaxMinutes = 10,
    max_error_rate: options.MaxErrorRate = 0.01,
    output: Output = OutputFormat.table,
) -> None:
    """Measure a service and write a report.

    Latency, throughput and error rate for each scenario and concurrency, as an HTML report, CSV and JSON.
    """
    from pipelines.command.namespaced_name import split_name
    from pipelines.command.pipeline import output_of, run_pipeline
    from pipelines.command.service import running_service
    from steps.benchmark.defaults import FIRST_LEVELS, first_look
    from steps.contract import to_parameter
    from steps.endpoint import Endpoint, base_url
    from steps.errors import InvalidInputError

    if target.startswith(("http://", "https://")):
        if not model:
            raise InvalidInputError(
                "--model is missing: a URL does not say which tokenizer counts its tokens",
                remedy="Name an imported model (`ome get models`) with --model.",
            )
        endpoint = Endpoint(url=base_url(_checked_url(target)), model_name=model_name or model)
        name = model
    else:
        name, namespace = split_name(target, namespace)
        deployment, endpoint = running_service(name, namespace)
        model = deployment.model
    arguments = {
        "name": name,
        "endpoint": to_parameter(endpoint),
        "model": model,
        "namespace": namespace,
        "scenarios": to_parameter(scenarios or first_look("text-to-text")),
        "concurrency": to_parameter(concurrency or FIRST_LEVELS),
        "max_requests": str(max_requests),
        "max_minutes": str(max_minutes),
        "max_error_rate": str(max_error_rate),
    }
    record = run_pipeline("benchmark-endpoint", arguments)
    report = json.loads(output_of(record, "benchmark-endpoint", "report"))
    folder = output_of(record, "benchmark-endpoint", "report_folder")
    if output is OutputFormat.table:
        print_report(report, folder)
    else:
        print_data({"report": report, "reportFolder": folder}, output)
    exit_on_failed_verdict(report)


def _checked_url(url: str) -> str:
    from crds.autoscaling import checked_http_url
    from crds.problems import FieldError
    from steps.errors import InvalidInputError

    if "@" in re.split("[/?#]", url)[2]:
        raise InvalidInputError(
            "the endpoint's URL holds a user or password, and a run's record keeps its URL",
            remedy="Leave them out, and put the endpoint's key into OME_ENDPOINT_KEY.",
        )
    try:
        return checked_http_url(url)
    except FieldError as error:
        raise InvalidInputError(f"endpoint: {error.message}", remedy=f"Give {error.accepted}.") from None


def print_report(report: dict[str, Any], folder: str) -> None:
    """Print a benchmark's cells, verdict, and where its report is."""
    print_table(
        ("SCENARIO", "CONCURRENCY", "REQUESTS", "TTFT p50/p99", "TPOT p50/p99", "OUTPUT", "ERRORS"),
        [
            (
                cell["scenario"],
                cell["concurrency"],
                cell["requests"],
                _milliseconds(cell["ttft"]),
                _milliseconds(cell["tpot"]),
                f"{cell['outputTokensPerSecond']:.1f} tok/s",
                f"{cell['errorRate']:.1%}",
            )
            for cell in report["cells"]
        ],
    )
    typer.echo(f"\n  verdict  {report['verdict']}")
    typer.echo(f"  report   {folder}/report.html")


def exit_on_failed_verdict(report: dict[str, Any]) -> None:
    """End with exit code 22 when too many requests failed, so that a script sees it; the report is there."""
    if report["verdict"] == "Failed":
        sys.stderr.write("error (verdict): the benchmark failed: too many requests did, see the report\n")
        raise typer.Exit(22)


def _milliseconds(percentiles: dict[str, float] | None) -> str:
    if not percentiles:
        return "-"
    return f"{percentiles['p50'] * 1000:.0f} / {percentiles['p99'] * 1000:.0f} ms"
