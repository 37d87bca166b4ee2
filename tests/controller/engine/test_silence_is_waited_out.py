"""How soon a resource is tried again when the API server did not answer: soon when it answers others, else later."""

import asyncio
import itertools
from pathlib import Path

from controller.actions import Key, Object, PatchObject, Plan
from controller.api import connect
from controller.events import EventRecorder
from controller.execute import Executor
from controller.metrics import Metrics
from controller.observed import Context, Settings
from controller.queue import KeyedQueue
from controller.reconcile import Reconciler
from controller.resources import watched
from controller.store import Change, Store
from tests.apiserver.fixture import ApiServer
from tests.controller.engine.heard import Heard
from tests.controller.engine.proxy import CuttingProxy
from tests.controller.engine.trivial import model

ROUNDS = 6
SOON_SECONDS = 2.0
LONGEST_SECONDS = 30.0
PATIENCE_SECONDS = 60


def test_a_resource_that_got_no_answer_is_tried_soon_when_others_get_one(
    engine_server: ApiServer, tmp_path: Path, name: str
) -> None:
    numbers = itertools.count()
    changes: asyncio.Queue[Change] = asyncio.Queue()
    unheard, heard = (Key("ClusterBaseModel", "", f"{name}-{word}") for word in ("unheard", "heard"))

    def plan(resource: Object, context: Context) -> Plan:
        patch = {"metadata": {"annotations": {"number": str(next(numbers))}}}
        return Plan((PatchObject("ClusterBaseModel", "", resource["metadata"]["name"], patch),))

    async def run(proxy: CuttingProxy) -> tuple[list[float], list[float]]:
        metrics, store, queue = Metrics(), Store(watched("ome")), KeyedQueue()
        api = await connect(proxy.kubeconfig, metrics)
        events = EventRecorder(api, "tests", metrics)
        executor = Executor(api, store, changes.put_nowait, events, lambda: True, metrics)
        reconciler = Reconciler(store, queue, executor, {"ClusterBaseModel": plan}, Settings(), metrics)
        for key in (unheard, heard):
            store.observe(engine_server.admin.apply(model(key.name)))
        working = asyncio.ensure_future(reconciler.work())
        with Heard("controller.reconcile") as log:

            async def wait_of_unheard() -> float:
                queue.add(unheard)  # as a change does, so that nobody has to wait as long as is said
                while "again in" not in (record := await log.records.get()).msg:
                    pass
                assert isinstance(record.args, tuple) and isinstance(record.args[1], float)
                return record.args[1]

            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    among_others = []
                    for _ in range(ROUNDS):
                        among_others.append(await wait_of_unheard())
                        queue.add(heard)
                        await changes.get()
                    return among_others, [await wait_of_unheard() for _ in range(2 * ROUNDS)]
            finally:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
                await api.close()

    with CuttingProxy(engine_server, tmp_path) as proxy:
        proxy.deaf_to = {unheard.name}
        among_others, alone = asyncio.run(run(proxy))
    assert max(among_others) <= SOON_SECONDS
    assert SOON_SECONDS < max(alone) <= LONGEST_SECONDS
