"""Where the test servers run: one event loop in a thread for those in Python, child processes for the others.

Both end with the test session: the thread is a daemon, and the kernel ends a child with the process that started it.
"""

import asyncio
import ctypes
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from aiohttp import web

from steps.errors import OmeError
from tests.cluster.binaries import ensure
from tests.not_run import not_run

T = TypeVar("T")
START_SECONDS = 60
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class Background:
    """An event loop in a thread; servers are started and stopped in it from the test's thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="test servers", daemon=True).start()

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Run a coroutine in the loop and wait for what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)

    @contextmanager
    def serving(self, handler: Callable[[web.Request], object], tls: ssl.SSLContext | None = None) -> Iterator[str]:
        """Serve every path by one handler on a free port of 127.0.0.1; gives the URL."""
        runner, url = self.run(_listen(handler, tls))
        try:
            yield url
        finally:
            self.run(runner.cleanup())


@contextmanager
def child(command: Sequence[str | Path], port: int, log: Path, **environment: str) -> Iterator[None]:
    """A server as a child process, from when it accepts connections until the end of the block.

    Args:
        command: The program and its arguments.
        port: Where it will listen.
        log: Gets its output.
        environment: All of the variables it sees.

    Raises:
        RuntimeError: when it ends, or does not listen in time; has the end of the log.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - prctl alone, which takes no lock
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _accepts(port):
            if process.poll() is not None or time.monotonic() > deadline:
                ending = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{command[0]} does not listen on port {port}:\n{ending}")
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def built(program: str) -> Path:
    """A server written in Go, built into the cache if need be; ends the test where that cannot be."""
    try:
        return ensure(program) / program
    except OmeError as error:
        not_run(f"{program}, and {error.message}", error.remedy)


def free_port() -> int:
    """A port that nothing listens on now, for servers that cannot choose one themselves."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


async def _listen(handler: Callable[[web.Request], object], tls: ssl.SSLContext | None) -> tuple[web.AppRunner, str]:
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]  # a bound coroutine method
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    return runner, f"{'http' if tls is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}"


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _end_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
