"""`ome parse`: the facts of a model from its headers, without downloading it."""

import json
from typing import Any

import typer

from pipelines.command import options
from pipelines.command.output import Output, OutputFormat, format_bytes, print_data, print_pairs


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(parse)


def parse(uri: options.Uri, revision: options.Revision = "", output: Output = OutputFormat.table) -> None:
    """Print a model's facts without downloading it.

    Parameters, architecture, context, memory: from configs and tensor headers, read by range.
    """
    from pipelines.command.model_name import checked_uri
    from pipelines.command.pipeline import output_of, run_pipeline

    record = run_pipeline("parse-model", {"uri": checked_uri(uri), "revision": revision})
    facts = json.loads(output_of(record, "parse-model", "facts"))
    if output is OutputFormat.table:
        print_pairs(describe_facts(facts))
        for warning in facts["warnings"]:
            typer.echo(f"  warning: {warning}")
    else:
        print_data(facts, output)


def describe_facts(facts: dict[str, Any]) -> list[tuple[str, object]]:
    """The facts that a person asks for first, as names and values."""
    parameters, attention = facts["parameters"], facts["attention"]
    count = f"{parameters['total']:,} ({facts['parameterSize']}, {parameters['confidence']})"
    if parameters["active"] != parameters["total"]:
        count += f", {parameters['active']:,} active"
    quantization = facts.get("quantization") or {}
    version = f" {facts['formatVersion']}" if facts["formatVersion"] else ""
    return [
        ("architecture", facts["architecture"]),
        ("model type", facts["modelType"]),
        ("parameters", count),
        ("counted from", parameters["source"]),
        ("why estimated", parameters["reason"]),
        ("format", facts["format"] + version),
        ("quantization", f"{quantization['method']}, {quantization['bits']:g} bits" if quantization else ""),
        ("dtype", facts["dtype"]),
        ("context length", f"{facts['contextLength']:,} tokens" if facts["contextLength"] else ""),
        ("on disk", format_bytes(facts["bytesOnDisk"])),
        ("in memory", format_bytes(facts["bytesInMemory"])),
        ("KV cache", f"{format_bytes(attention['kvBytesPerToken'])} a token" if attention["kvBytesPerToken"] else ""),
        ("capabilities", ", ".join(facts["capabilities"])),
        ("chat template", "yes" if facts["hasChatTemplate"] else "no"),
        ("licence", facts["licence"]),
    ]
