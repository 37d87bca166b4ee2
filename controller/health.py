"""`/healthz`, `/readyz` and `/metrics`: what the kubelet and Prometheus ask.

Ready means that the caches are full and the election works, as leader or standing by. What is waited for is said in
the answer and, by `controller.engine`, in the log.
"""

from collections.abc import Callable, Sequence

from aiohttp import web

from controller.metrics import Metrics
from steps.errors import InvalidInputError


class Health:
    """The HTTP server of one process.

    Args:
        metrics: Shown at /metrics.
        problems: What this process waits for; empty when it is ready.
        role: "leader" or "standby", for the answer.
    """

    def __init__(self, metrics: Metrics, problems: Callable[[], Sequence[str]], role: Callable[[], str]) -> None:
        self._metrics = metrics
        self._problems = problems
        self._role = role
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port, which is a free one where 0 is asked for.

        Raises:
            InvalidInputError: when that cannot be had, such as a port that is taken.
        """
        app = web.Application()
        app.router.add_get("/healthz", self._live)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/metrics", self._page)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            raise InvalidInputError(
                f"cannot listen on {host or 'every address'}, port {port}: {error.strerror or error}",
                remedy="Give --metrics-port a free port, or 0, and --metrics-host an address of this machine.",
            ) from None
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _live(self, _: web.Request) -> web.Response:
        """That this is answered says that the event loop turns; a task that ended would have ended the process."""
        return web.Response(text="ok\n")

    async def _ready(self, _: web.Request) -> web.Response:
        problems = self._problems()
        if problems:
            return web.Response(status=503, text="".join(f"{problem}\n" for problem in problems))
        return web.Response(text=f"ok: {self._role()}\n")

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(
            body=self._metrics.text().encode(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )
