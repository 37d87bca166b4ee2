"""The controller as a whole: watches fill the store, changes become keys, and the leader plans them.

`controller.main` makes one and runs it; tests do the same with planners of their own.
"""

import asyncio
import gc
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from controller.api import Api
from controller.events import EventRecorder
from controller.execute import Executor
from controller.health import Health
from controller.leader import Leader, Terms
from controller.metrics import Metrics
from controller.observed import Settings
from controller.queue import KeyedQueue
from controller.reconcile import Planner, Reconciler
from controller.resources import watched
from controller.routes import concerned
from controller.store import Change, Store
from controller.watch import Watch, WatchMetrics

_TOLD_SECONDS = 30.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """How a process runs, beside what an installation decides.

    Attributes:
        identity: Of this process; no other has it.
        workers: Keys planned at once.
        elects: Whether there may be other processes.
        terms: Of the election.
        host: Where health and metrics are served.
        port: The same; 0 for a free one.
        drain_seconds: How long the end waits for plans that are being carried out.
    """

    identity: str
    workers: int = 16
    elects: bool = True
    terms: Terms = field(default_factory=Terms)
    host: str = ""
    port: int = 8080
    drain_seconds: float = 10.0


class Engine:
    """One controller process.

    Args:
        api: The API server.
        planners: By kind.
        settings: Of this installation.
        options: Of this process.
        metrics: Of this process.
    """

    def __init__(
        self, api: Api, planners: Mapping[str, Planner], settings: Settings, options: Options, metrics: Metrics
    ) -> None:
        sources = watched(settings.namespace)
        self._api = api
        self._planners = planners
        self._options = options
        self._store = Store(sources)
        self._queue = KeyedQueue()
        self._is_working = False
        self._is_stopping = False
        watch_metrics = WatchMetrics(metrics)
        self._watches = [
            Watch(api, number, source, self._store, self._watch_changed, watch_metrics)
            for number, source in enumerate(sources)
        ]
        self._events = EventRecorder(api, options.identity, metrics)
        self._leader = Leader(api, settings.namespace, options.identity, options.terms)
        executor = Executor(api, self._store, self._write_changed, self._events, self._may_write, metrics)
        self._reconciler = Reconciler(self._store, self._queue, executor, planners, settings, metrics)
        self._health = Health(metrics, self.problems, self._role)
        self._stop = asyncio.Event()
        metrics.gauge("ome_controller_queue_depth", "Keys that wait to be planned.", lambda: self._queue.depth)
        metrics.gauge("ome_controller_queue_delayed", "Keys that wait for their time.", lambda: self._queue.delayed)
        metrics.gauge("ome_controller_objects", "Objects in the caches.", self._store.count)
        metrics.gauge("ome_controller_is_leader", "1 while this process leads.", lambda: float(self._is_working))

    def stop(self) -> None:
        """End `run` in an orderly way: what is being written is written, the lease is given up."""
        self._stop.set()

    async def run(self, listening: Callable[[int], None] = lambda port: None) -> None:
        """Run until `stop`.

        Args:
            listening: Called with the port of health and metrics.

        Raises:
            Exception: whatever ended one of the tasks; the process is to end with it.
        """
        listening(await self._health.start(self._options.host, self._options.port))
        tasks = [asyncio.ensure_future(each) for each in (self._events.run(), self._lead(), self._tell())]
        tasks += [asyncio.ensure_future(watch.run()) for watch in self._watches]
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
            self._is_stopping = True
            if stopped.done():
                await self._drain()
        finally:
            for task in (stopped, *tasks):
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            await self._leader.release()
            await self._health.stop()
        for end in ends:
            if isinstance(end, Exception):
                raise end

    def problems(self) -> Sequence[str]:
        """What this process waits for before it is ready."""
        found = [f"{watch.name}: {watch.problem}" for watch in self._watches if not watch.synced.is_set()]
        if self._options.elects and self._leader.problem:
            found.append(f"Lease: {self._leader.problem}")
        return ["is stopping"] if self._is_stopping else found

    def _role(self) -> str:
        return "leader" if self._is_working else "standby"

    def _may_write(self) -> bool:
        return not self._options.elects or self._leader.leads()

    async def _lead(self) -> None:
        began = time.monotonic()
        for watch in self._watches:
            await watch.synced.wait()
        # What is held now is held for long: the collector need not look through it again and again.
        gc.collect()
        gc.freeze()
        _log.info("%d objects in the caches after %.3f s", self._store.count(), time.monotonic() - began)
        if self._options.elects:
            await self._leader.run(self._work)
        else:
            await self._work()

    async def _work(self) -> None:
        """Plan every resource once, and from then on what changes."""
        for kind in self._planners:
            for key in self._store.keys(kind):
                self._queue.add(key)
        self._is_working = True
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._options.workers):
                    workers.create_task(self._reconciler.work())
        finally:
            self._is_working = False

    async def _drain(self) -> None:
        """Let workers finish what they are at, and events be written."""
        self._queue.close()
        deadline = time.monotonic() + self._options.drain_seconds
        while self._is_working and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        await self._events.flush(2.0)

    async def _tell(self) -> None:
        """Say in the log what is waited for, for as long as it is waited for."""
        while True:
            await asyncio.sleep(_TOLD_SECONDS)
            for problem in self.problems():
                _log.warning("not ready: %s", problem)

    def _watch_changed(self, change: Change) -> None:
        if self._is_working:
            for key in concerned(change, self._store):
                if key.kind in self._planners:
                    self._queue.add(key, is_urgent=key == change.key)

    def _write_changed(self, change: Change) -> None:
        if self._is_working:
            for key in concerned(change, self._store):
                if key.kind in self._planners:
                    self._queue.add(key)
