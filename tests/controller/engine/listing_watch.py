"""One watch in this process, looked at while it lists: what it holds, what it asked for and what it leaves behind."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import load_kube_config

from controller.api import Api
from controller.metrics import Metrics
from controller.resources import RESOURCES, Watched
from controller.store import Change, Store
from controller.watch import Watch, WatchMetrics

PATIENCE_SECONDS = 60
SMALL_PAGE = 3


class ListingWatch:
    """A watch of one namespace's secrets, three of them in a page.

    Args:
        api: The API server, as the watch asks it.
        namespace: Where.
        metrics: Of the watch.
        heard: Called with each change, before the test sees it.

    Attributes:
        changes: Those that the test has not seen yet.
        counts: What the watch counts.
        running: The watch.
    """

    def __init__(self, api: Api, namespace: str, metrics: Metrics, heard: Callable[[Change], object]) -> None:
        secrets = Watched(RESOURCES["Secret"], namespace, metadata_only=True)
        self.changes: asyncio.Queue[Change] = asyncio.Queue()
        self.counts = WatchMetrics(metrics)
        self._heard = heard
        self._metrics = metrics
        self._store = Store((secrets,))
        self._watch = Watch(
            api, 0, secrets, self._store, self._change, self.counts, first_delay_seconds=0.01, page=SMALL_PAGE
        )
        self.running = asyncio.ensure_future(self._watch.run())

    @property
    def names(self) -> list[str]:
        """What is in the caches."""
        return [item["metadata"]["name"] for item in self._store.list("Secret")]

    @property
    def lists(self) -> float:
        """Complete lists."""
        return self.counts.lists.value("Secret")

    @property
    def end(self) -> str:
        """How the watch has ended."""
        return "a stop" if self.running.cancelled() else str(self.running.exception())

    def pages(self, code: str = "200") -> int:
        """How many pages were answered so."""
        sample = f'ome_controller_api_requests_total{{verb="list",code="{code}"}} '
        found = [line for line in self._metrics.text().splitlines() if line.startswith(sample)]
        return int(found[0].removeprefix(sample)) if found else 0

    async def until_listed(self) -> None:
        """Wait for a first complete list."""
        await self._watch.synced.wait()

    async def until_change_of(self, name: str) -> list[Change]:
        """Wait for a change of an object; all that came until then."""
        found = [await self.changes.get()]
        while found[-1].key.name != name:
            found.append(await self.changes.get())
        return found

    def _change(self, change: Change) -> None:
        self.changes.put_nowait(change)
        self._heard(change)


@asynccontextmanager
async def watch_of(
    namespace: str, kubeconfig: Path, heard: Callable[[Change], object] = id, hook: Callable[[object], object] = id
) -> AsyncIterator[ListingWatch]:
    """Such a watch; at the end it is stopped, and nothing runs any more.

    Args:
        namespace: Where.
        kubeconfig: The cluster.
        heard: Called with each change.
        hook: Called before each request, as the official client calls what renews a token.
    """
    configuration = Configuration()
    configuration.client_session_kwargs = {"trust_env": False}
    await load_kube_config(str(kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call] # the library has no types there
    configuration.refresh_api_key_hook = hook  # type: ignore[assignment] # the library has no types there
    metrics = Metrics()
    api = Api(configuration, metrics)
    watch = ListingWatch(api, namespace, metrics, heard)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield watch
    finally:
        watch.running.cancel()
        await asyncio.gather(watch.running, return_exceptions=True)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        await api.close()
    assert not left, left


def run_quietly(play: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run it in an event loop of its own, which is to have nothing to complain of."""
    complaints: list[object] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        await play()

    asyncio.run(run())
    gc.collect()  # a task whose failure nobody looked at complains when it is thrown away
    assert not complaints, complaints
