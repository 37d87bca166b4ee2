"""The guard of one step's process: nothing of a step outlives its runner, however the runner ends.

The local runner starts `python step_guard.py <command> …` with a pipe as standard input and writes nothing to it. When
the pipe closes (the runner cancels, dies or is killed, also by kill -9) the guard ends the step and every descendant:
first politely, then by force. It works wherever there are pipes and process groups. When the step ends by itself, what
it left in its process group ends too, as in a pod; a server that a step starts in a session of its own lives on.
"""

import contextlib
import os
import select
import signal
import sys
import time

GRACE_SECONDS = 10.0
GRACE_VARIABLE = "OME_STEP_GRACE_SECONDS"
NOT_STARTED = 127
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the runner decides; a terminal's Ctrl-C reaches it too


def main(command: list[str]) -> int:
    """Run the command and return its exit code, 128 + n when signal n ended it."""
    for interrupt in _IGNORED:
        signal.signal(interrupt, signal.SIG_IGN)
    wakes, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    child = os.fork()
    if child == 0:
        _become(command)
    status = _wait(child, wakes)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _become(command: list[str]) -> None:
    """Turn this forked process into the step."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (*_IGNORED, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(2, f"cannot start {command[0]}: {error.strerror}\n".encode())
        os._exit(NOT_STARTED)


def _wait(child: int, wakes: int) -> int:
    """The child's wait status; ends its tree when the runner goes away first."""
    while True:
        ready, _, _ = select.select([0, wakes], [], [])
        if wakes in ready:
            os.read(wakes, 1024)
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return status
        if 0 in ready and not os.read(0, 1024):
            _end_tree(child)
            return os.waitpid(child, 0)[1]


def _end_tree(child: int) -> None:
    import psutil  # here, because a step that ends by itself never needs it

    def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
        found = []
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def descendants(processes: list[psutil.Process]) -> list[psutil.Process]:
        found = list(processes)
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                found += process.children(recursive=True)
        return list(dict.fromkeys(found))

    tree = descendants([psutil.Process(child)])
    for process in tree:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    deadline = time.monotonic() + float(os.environ.get(GRACE_VARIABLE, GRACE_SECONDS))
    while alive(tree) and time.monotonic() < deadline:
        time.sleep(0.02)
    for process in descendants(alive(tree)):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
