"""Ctrl-C in the middle of the quickstart: no process stays, and the next run succeeds."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.command.run_ome import ome
from tests.quickstart.processes import describe, processes_of

pytestmark = [pytest.mark.quickstart, pytest.mark.timeout(600)]

MOMENTS = ("local hub serves", "Resolve the model", "Select a runtime", "Publish the model", "Ask the model")
"""Ctrl-C comes when the line with these words is printed: set-up is over, a step has ended and the next one runs.
After the last one the benchmark runs, and the service is up."""


def test_ctrl_c_at_any_moment_leaves_no_process_and_the_next_run_succeeds(
    ome_home: Path, smollm2_gguf: Path, llama_cpp_environment: Path, genai_bench_environment: Path
) -> None:
    for moment in MOMENTS:
        with subprocess.Popen(
            [sys.executable, "-m", "pipelines.command", "quickstart"],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stderr is not None
            seen = ""
            for line in process.stderr:
                seen += line
                if moment in line:
                    os.killpg(process.pid, signal.SIGINT)
                    break
            seen += process.stderr.read()
            assert process.wait() == 130, seen
        assert "Traceback" not in seen, seen
        psutil.wait_procs(processes_of(ome_home), timeout=10)
        assert describe(processes_of(ome_home)) == [], f"after Ctrl-C at {moment!r}"

    final = ome("quickstart", "--no-benchmark", "--output", "json")
    assert final.returncode == 0, final.stderr
    assert "language model" in json.loads(final.stdout)["answer"].lower()
    assert ome("down").returncode == 0
    assert describe(processes_of(ome_home)) == []
