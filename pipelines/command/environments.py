"""`ome environments`: the programs that containers bring on a cluster, as virtual environments on this machine."""

import shutil
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from pipelines.command.output import Output, OutputFormat, print_data, print_table

app = typer.Typer(name="environments", help="Programs of container images, installed on this machine.")

SERVE, BENCHMARK = "ome-llama-cpp", "ome-genai-bench"
_PROGRAM = {SERVE: "llama-server", BENCHMARK: "genai-bench"}


@app.command("list")
def list_environments(output: Output = OutputFormat.table) -> None:
    """List what can be installed here, and what is."""
    from images.environment import NOTES, environment_folder, find_environment, known_environments

    rows = [
        {"name": name, "installed": find_environment(name) is not None, "folder": str(environment_folder(name)),
         "about": NOTES[name]}
        for name in known_environments()
    ]  # fmt: skip
    if output is OutputFormat.table:
        print_table(
            ("NAME", "INSTALLED", "ABOUT"),
            [(r["name"], "yes" if r["installed"] else "no", r["about"]) for r in rows],
        )
    else:
        print_data(rows, output)


@app.command()
def install(
    names: Annotated[list[str] | None, typer.Argument(help="Names of `ome environments list`; all if none.")] = None,
) -> None:
    """Install environments that are not there yet.

    `ome` does it by itself when it needs one.
    """
    from images.environment import install as install_environment
    from images.environment import known_environments
    from steps.errors import NotFoundError

    known = known_environments()
    for name in names or known:
        if name not in known:
            raise NotFoundError(f'environment "{name}" does not exist', remedy=f"There are: {', '.join(known)}.")
        install_environment(name, say)
        typer.echo(f"{name} is installed")


def ensure_for(pipeline: str, arguments: Mapping[str, str]) -> None:
    """Install what a pipeline is about to need, unless its program is on PATH already.

    Args:
        pipeline: Name of its workflow template.
        arguments: Its parameters.
    """
    from images.environment import find_environment
    from images.environment import install as install_environment

    needed = [SERVE] if pipeline in ("onboard-model", "deploy-model") else []
    if pipeline == "benchmark-endpoint" or pipeline == "onboard-model" and arguments.get("benchmark", "yes") == "yes":
        needed.append(BENCHMARK)
    for name in needed:
        if find_environment(name) is None and shutil.which(_PROGRAM[name]) is None:
            install_environment(name, say)


def say(line: str) -> None:
    """Tell a person about set-up that takes long."""
    sys.stderr.write(f"set-up: {line}\n")
    sys.stderr.flush()
