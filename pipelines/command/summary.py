"""The end of `ome onboard` and `ome quickstart`: facts, choice, answer, measurements, and where the report is."""

import json
from typing import Any

import typer

from pipelines.command.benchmark import print_report
from pipelines.command.output import format_seconds, print_pairs
from pipelines.command.parse import describe_facts
from pipelines.command.pipeline import output_of
from pipelines.command.select import print_choice
from pipelines.run_record import RunRecord


def summary_of(record: RunRecord) -> dict[str, Any]:
    """What a run of `onboard-model` found, as plain data; parts whose step did not run are absent."""

    def data(step: str, name: str) -> Any:
        text = output_of(record, step, name)
        return json.loads(text) if text else None

    parts = {
        "run": record.run,
        "seconds": record.seconds,
        "uri": record.arguments.get("uri"),
        "model": output_of(record, "publish-model", "model"),
        "facts": data("parse-model", "facts"),
        "fetchedBytes": data("cache-model", "fetched_bytes"),
        "reusedBytes": data("cache-model", "reused_bytes"),
        "choice": data("select-runtime", "choice"),
        "endpoint": data("deploy-service", "endpoint"),
        "prompt": record.arguments.get("prompt"),
        "answer": output_of(record, "ask-endpoint", "answer").strip(),
        "benchmark": data("benchmark-endpoint", "report"),
        "reportFolder": output_of(record, "benchmark-endpoint", "report_folder"),
    }
    return {name: value for name, value in parts.items() if value not in (None, "")}


def print_summary(summary: dict[str, Any]) -> None:
    """Print a summary for a person."""
    _heading(f"Facts of {summary['model']}")
    print_pairs(describe_facts(summary["facts"]))
    _heading("Choice")
    print_choice(summary["choice"])
    _heading("Answer")
    print_pairs([("asked", summary["prompt"]), ("answered", summary["answer"])])
    if "benchmark" in summary:
        _heading("Benchmark")
        print_report(summary["benchmark"], summary["reportFolder"])
    service = summary["endpoint"]["service"]
    _heading(f"Ready after {format_seconds(summary['seconds'])}")
    print_pairs(
        [
            ("endpoint", f"{summary['endpoint']['url']}/v1 (OpenAI API, model {summary['endpoint']['modelName']})"),
            ("ask it", f'ome ask {service} "What is a workflow?"'),
            ("look", f"ome get; ome runs show {summary['run']}"),
            ("stop it", "ome down"),
        ]
    )


def _heading(text: str) -> None:
    typer.echo(f"\n{text}")
