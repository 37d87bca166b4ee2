"""`ome onboard`: from a URI to a measured endpoint in one graph."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from crds.signature_policy import DEFAULT_SIGNATURE
from pipelines.command import options
from pipelines.command.benchmark import exit_on_failed_verdict
from pipelines.command.deploy import PROMPT
from pipelines.command.output import Output, OutputFormat, print_data

if TYPE_CHECKING:
    from pipelines.run_record import RunRecord


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(onboard)


def onboard(
    uri: options.Uri,
    name: options.Name = "",
    service: options.Service = "",
    namespace: options.Namespace = "default",
    revision: options.Revision = "",
    path: options.Path = "",
    allow: options.Allow = None,
    ignore: options.Ignore = None,
    unsafe_pickles: options.UnsafePickles = "refuse",
    signed_by: options.SignedBy = "",
    signature: options.Signature = DEFAULT_SIGNATURE,
    runtime: options.Runtime = "",
    accelerator: options.Accelerator = "",
    context: options.Context = 0,
    fit: options.Fit = "warn",
    prompt: options.Prompt = PROMPT,
    benchmark: options.Benchmark = True,
    scenarios: options.Scenarios = None,
    concurrency: options.Concurrency = None,
    max_requests: options.MaxRequests = 50,
    max_minutes: options.MaxMinutes = 10,
    max_error_rate: options.MaxErrorRate = 0.01,
    output: Output = OutputFormat.table,
) -> None:
    """Take a model from its URI to a measured endpoint.

    One graph: import, parse, cache, choose a runtime, deploy, ask, benchmark. The endpoint keeps running until
    `ome delete service` or `ome down`.
    """
    from pipelines.command.model_name import checked_uri, name_of
    from pipelines.command.service import hardware_arguments
    from pipelines.command.signer import signer_in
    from steps.benchmark.defaults import FIRST_LEVELS, first_look
    from steps.contract import to_parameter
    from steps.home import checked_name

    model = checked_name("--name", name) if name else name_of(uri)
    serving = checked_name("--service", service or model)
    arguments = {
        "uri": checked_uri(uri),
        "name": model,
        "service": serving,
        "namespace": namespace,
        "revision": revision,
        "path": path,
        "allow_patterns": to_parameter(allow or []),
        "ignore_patterns": to_parameter(ignore or []),
        "unsafe_pickles": unsafe_pickles,
        "signed_by": signer_in(signed_by),
        "signature": signature,
        "runtime": runtime,
        **hardware_arguments(serving, namespace, accelerator),
        "context": str(context),
        "fit": fit,
        "prompt": prompt,
        "benchmark": "yes" if benchmark else "no",
        "scenarios": to_parameter(scenarios or first_look("text-to-text")),
        "concurrency": to_parameter(concurrency or FIRST_LEVELS),
        "max_requests": str(max_requests),
        "max_minutes": str(max_minutes),
        "max_error_rate": str(max_error_rate),
    }
    run_onboard(arguments, output)


def run_onboard(arguments: Mapping[str, str], output: Output, *, run_prefix: str = "") -> None:
    """Run the pipeline and print its summary."""
    from pipelines.command.pipeline import run_pipeline

    print_onboarded(run_pipeline("onboard-model", arguments, run_prefix=run_prefix), output)


def print_onboarded(record: "RunRecord", output: Output) -> None:
    """Print what a run of `onboard-model` found; ends with an exit code of its own when the benchmark failed."""
    from pipelines.command.summary import print_summary, summary_of

    summary = summary_of(record)
    if output is OutputFormat.table:
        print_summary(summary)
    else:
        print_data(summary, output)
    if "benchmark" in summary:
        exit_on_failed_verdict(summary["benchmark"])
