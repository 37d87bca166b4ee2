"""`ome select`: which runtime would serve a model, and why not the others."""

import json
from typing import Any

import typer

from pipelines.command import options
from pipelines.command.output import Output, OutputFormat, print_data, print_pairs, print_table

MODEL = typer.Argument(help="Name of a model from `ome get models`.")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(select)


def select(
    model: str = MODEL,
    namespace: options.Namespace = "default",
    runtime: options.Runtime = "",
    protocol: options.Protocol = "",
    accelerator: options.Accelerator = "",
    service: options.AskingService = "",
    context: options.Context = 0,
    sequences: options.Parallel = 1,
    fit: options.Fit = "warn",
    output: Output = OutputFormat.table,
) -> None:
    """Choose a runtime for a model, and say why not the others."""
    from pipelines.command.pipeline import output_of, run_pipeline
    from pipelines.command.service import hardware_arguments

    record = run_pipeline(
        "select-runtime",
        {
            "model": model,
            "namespace": namespace,
            "runtime": runtime,
            "protocol": protocol,
            **hardware_arguments(service, namespace, accelerator, is_there=True),
            "context": str(context),
            "concurrency": str(sequences),
            "fit": fit,
        },
    )
    choice = json.loads(output_of(record, "select-runtime", "choice"))
    if output is OutputFormat.table:
        print_choice(choice)
    else:
        print_data(choice, output)


def print_choice(choice: dict[str, Any]) -> None:
    """Print a choice and the table of what was not chosen."""
    namespace = f"{choice['runtimeNamespace']}/" if choice["runtimeNamespace"] else ""
    print_pairs(
        [
            ("runtime", namespace + choice["runtime"]),
            ("accelerator", choice["accelerator"]),
            ("parallelism", describe_parallelism(choice["parallelism"])),
            ("fit", choice["fit"]["explanation"] or choice["fit"]["verdict"]),
            ("because", "; ".join(r for r in choice["reasons"] if r != choice["fit"]["explanation"])),
            ("warning", "; ".join(choice["warnings"])),
        ]
    )
    if choice["refused"]:
        typer.echo("")
        print_table(
            ("NOT CHOSEN", "", "WHY"),
            [
                (r["runtime"], "ranked lower" if r["isCandidate"] else "refused", r["reason"])
                for r in choice["refused"]
            ],
        )
    if choice["leftOut"]:
        typer.echo(f"\nand {choice['leftOut']} more, see `ome runtimes explain`")


def describe_parallelism(parallelism: dict[str, int]) -> str:
    """`tensor 2 x pipeline 1`, or "" on a single device."""
    devices = parallelism["tensor"] * parallelism["pipeline"] * parallelism["data"]
    if devices == 1:
        return ""
    return " x ".join(f"{name} {size}" for name, size in parallelism.items() if size > 1)
