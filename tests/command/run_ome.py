"""Runs `ome` as a child process."""

import subprocess
import sys


def ome(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `ome` with arguments in the test's home; never raises on a bad exit code."""
    return subprocess.run(
        [sys.executable, "-m", "pipelines.command", *arguments],
        capture_output=True,
        text=True,
        input=stdin,
        check=False,
        timeout=300,
    )
