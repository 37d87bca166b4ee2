"""`ome quickstart`: the whole life of a real model on this machine, from a hub that runs here too."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import typer

from pipelines.command import options
from pipelines.command.output import Output, OutputFormat

RUN_PREFIX = "quickstart"
SCENARIO = "D(32,8)"
"""Short prompts and answers: 100 requests take under a minute on two cores."""

CLONE = Path(__file__).parents[2]
"""The repository, unless `ome` was installed without it."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(quickstart)


def quickstart(benchmark: options.Benchmark = True, output: Output = OutputFormat.table) -> None:
    """Onboard a real small model on this machine.

    SmolLM2-135M-Instruct is imported, parsed, cached, deployed on llama.cpp, asked and benchmarked. No cluster, no
    account, no accelerator; a second run finds the model in the cache.
    """
    from pipelines.command.deploy import PROMPT
    from pipelines.command.environments import ensure_for
    from pipelines.command.onboard import run_onboard
    from pipelines.command.sample_model import REPOSITORY
    from steps.benchmark.defaults import FIRST_LEVELS
    from steps.contract import to_parameter

    arguments = {
        "uri": f"hf://{REPOSITORY}",
        "name": "smollm2-135m-instruct",
        "service": "smollm2",
        "prompt": PROMPT,
        "benchmark": "yes" if benchmark else "no",
        "scenarios": to_parameter([SCENARIO]),
        "concurrency": to_parameter(FIRST_LEVELS),
        "max_requests": "50",
        "max_minutes": "5",
    }
    ensure_for("onboard-model", arguments)  # first, so that no hub waits for minutes
    with sample_hub():
        run_onboard(arguments, output, run_prefix=RUN_PREFIX)


def hub_of(run: str) -> AbstractContextManager[None]:
    """What a run needs around it to go on: the sample model's hub when the quickstart started it."""
    return sample_hub() if run.startswith(f"{RUN_PREFIX}-") else nullcontext()


@contextmanager
def sample_hub() -> Iterator[None]:
    """Serve the sample model on this machine, and make `hf://` mean that hub, to which no token of the user goes."""
    from pipelines.command.environments import say
    from pipelines.command.sample_model import fetch_sample_model, hub_folder

    fetch_sample_model(say)
    with local_hub(str(hub_folder())) as url:
        say(f"a local hub serves the model at {url}: hf:// with real HTTP ranges, and no account")
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            os.environ.pop(name, None)
        os.environ |= {"HF_ENDPOINT": url, "HF_TOKEN_PATH": os.devnull}
        yield


@contextmanager
def local_hub(folder: str) -> Iterator[str]:
    """The tests' hub as a child process; yields its URL and ends it.

    Raises:
        UnsupportedError: when the hub is not there, which is so outside a clone of the repository.
    """
    from pipelines.runner import step_guard
    from steps.errors import ClusterError, UnsupportedError

    if not (CLONE / "tests" / "hub").is_dir():
        raise UnsupportedError(
            "the quickstart's hub is part of the repository's tests, and they are not installed here",
            remedy="Run `make quickstart` in a clone, or `ome onboard hf://organisation/name`.",
        )
    hub = [sys.executable, "-m", "tests.hub", "--folder", folder, "--port", "0"]
    guard = [sys.executable, "-P", str(Path(step_guard.__file__))]  # ends the hub when the pipe to it closes
    with tempfile.TemporaryFile() as log:  # a pipe that nobody reads would stop a hub with much to say
        process = subprocess.Popen(
            [*guard, *hub], cwd=CLONE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        with process:
            assert process.stdin is not None  # noqa: S101 - both are pipes
            assert process.stdout is not None  # noqa: S101
            try:
                url = process.stdout.readline().strip()
                if not url.startswith("http"):
                    log.seek(0)
                    raise ClusterError(f"the local hub did not start: {log.read().decode(errors='replace')[-500:]}")
                yield url
            finally:
                process.stdin.close()
