"""Runs other programs for the test cluster; a failure is one classed error with the end of what the program said."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from steps.errors import ClusterError

_ENDING = 2000


def run(
    *argv: object, stdin: str | None = None, must_succeed: bool = True, environment: Mapping[str, str] | None = None
) -> str:
    """Run a program to its end and return what it printed.

    Raises:
        ClusterError: when it cannot be started, or fails and `must_succeed`.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False, env=environment)
    except FileNotFoundError as error:
        raise ClusterError(f"{words[0]} is not installed", remedy="Run: make cluster-install") from error
    if must_succeed and done.returncode:
        shown = " ".join(words if len(words) < 12 else [*words[:11], "…"])
        raise ClusterError(f"{shown}: exit code {done.returncode}\n{done.stderr.strip()[-_ENDING:]}")
    return done.stdout


def succeeds(*argv: object) -> bool:
    """Whether a program ends with exit code 0; what it prints is dropped."""
    return subprocess.run([str(word) for word in argv], capture_output=True, check=False).returncode == 0


def write_value(path: Path, value: str) -> None:
    """Write a file of the kernel's, such as a setting below /proc/sys.

    Raises:
        ClusterError: when the kernel refuses, naming the file and the value.
    """
    try:
        path.write_text(value)
    except OSError as error:
        message = f'{path} cannot be set to "{value.strip()}": {error.strerror}'
        raise ClusterError(message, remedy="The cluster needs root, and a machine that allows it.") from error
