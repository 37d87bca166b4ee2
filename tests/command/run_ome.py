"""Runs `ome` as a child process."""

import os
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


def on_terminal(columns: int, *arguments: str, has_errors: bool = True) -> str:
    """What `ome` writes where its standard output is a terminal of so many columns, colours too.

    Args:
        columns: Of the terminal.
        arguments: Of the command.
        has_errors: Whether standard error is that terminal too; it is dropped otherwise.
    """
    ours, its = os.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "pipelines.command", *arguments]
    errors = its if has_errors else subprocess.DEVNULL
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=its, stderr=errors, env=environment)
    os.close(its)
    printed = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            more = b""
        if not more:
            break
        printed += more
    os.close(ours)
    child.wait()
    return printed.decode().replace("\r\n", "\n")
