"""`ome quickstart`: the whole life of a real model on this machine, from a hub that runs here too."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import typer

from pipelines.command import options
from pipelines.command.output import Output, OutputFormat

SCENARIO = "D(32,8)"
"""Short prompts and answers: 100 requests take under a minute on two cores."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(quickstart)


def quickstart(benchmark: options.Benchmark = True, output: Output = OutputFormat.table) -> None:
    """Onboard a real small model on this machine.

    SmolLM2-135M-Instruct is imported, parsed, cached, deployed on llama.cpp, asked and benchmarked. No cluster, no
    account, no accelerator; a second run finds the model in the cache.
    """
    from pipelines.command.benchmark import CONCURRENCY
    from pipelines.command.deploy import PROMPT
    from pipelines.command.environments import BENCHMARK, SERVE, ensure, say
    from pipelines.command.onboard import run_onboard
    from pipelines.command.sample_model import REPOSITORY, fetch_sample_model, hub_folder
    from steps.contract import to_parameter

    ensure(SERVE, *([BENCHMARK] if benchmark else []))
    fetch_sample_model(say)
    with local_hub(str(hub_folder())) as url:
        say(f"a local hub serves the model at {url}: hf:// with real HTTP ranges, and no account")
        os.environ["HF_ENDPOINT"] = url
        run_onboard(
            {
                "uri": f"hf://{REPOSITORY}",
                "name": "smollm2-135m-instruct",
                "service": "smollm2",
                "prompt": PROMPT,
                "benchmark": "yes" if benchmark else "no",
                "scenarios": to_parameter([SCENARIO]),
                "concurrency": to_parameter(list(CONCURRENCY)),
                "max_requests": "50",
                "max_minutes": "5",
            },
            output,
        )


@contextmanager
def local_hub(folder: str) -> Iterator[str]:
    """The test hub as a child process; yields its URL and ends it.

    Raises:
        UnsupportedError: when the hub is not there, which is so outside a clone of the repository.
    """
    from steps.errors import ClusterError, UnsupportedError

    if find_spec("tests.hub") is None:
        raise UnsupportedError(
            "the quickstart's hub is part of the repository's tests, and they are not installed here",
            remedy="Run `make quickstart` in a clone, or `ome onboard hf://organisation/name`.",
        )
    hub = [sys.executable, "-m", "tests.hub", "--folder", folder, "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.step_guard", *hub],  # ends the hub when the pipe to it closes
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None  # noqa: S101 - all three are pipes
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        try:
            url = process.stdout.readline().strip()
            if not url.startswith("http"):
                raise ClusterError(f"the local hub did not start: {process.stderr.read().strip()[-500:]}")
            yield url
        finally:
            process.stdin.close()
