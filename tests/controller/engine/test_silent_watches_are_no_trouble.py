"""A watch on which nothing happens is taken up anew without a warning, one that breaks with one; neither misses."""

import asyncio
import logging
from pathlib import Path

from controller.api import connect
from controller.metrics import Metrics
from controller.resources import RESOURCES, Watched
from controller.store import Change, Store
from controller.watch import Watch, WatchMetrics
from tests.apiserver.client import Object
from tests.apiserver.fixture import ApiServer
from tests.controller.engine.heard import Heard
from tests.controller.engine.proxy import CuttingProxy

SECRETS = Watched(RESOURCES["Secret"], "ome", metadata_only=True)
PATIENCE_SECONDS = 60


def secret(name: str) -> Object:
    metadata = {"name": name, "namespace": "ome"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"token": "aGVsbG8="}}


def test_a_silent_watch_is_taken_up_without_a_warning_and_a_broken_one_with_one(
    engine_server: ApiServer, tmp_path: Path, name: str
) -> None:
    changes: asyncio.Queue[Change] = asyncio.Queue()

    async def until_change_of(wanted: str) -> None:
        while (await changes.get()).key.name != wanted:
            pass

    async def run(proxy: CuttingProxy) -> None:
        metrics = Metrics()
        api = await connect(proxy.kubeconfig, metrics)
        store = Store((SECRETS,))
        watch = Watch(api, 0, SECRETS, store, changes.put_nowait, WatchMetrics(metrics), idle_seconds=0.2)
        with Heard("controller.watch") as heard:
            watching = asyncio.ensure_future(watch.run())
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    silences = 0
                    while silences < 3:
                        record = await heard.records.get()
                        assert record.levelno < logging.WARNING, record.getMessage()
                        silences += "after a silence" in record.getMessage()
                    engine_server.admin.create(secret(f"{name}-silent"))
                    await until_change_of(f"{name}-silent")
                    await asyncio.to_thread(proxy.cut_watches)
                    while (await heard.records.get()).levelno < logging.WARNING:
                        await asyncio.to_thread(proxy.cut_watches)
                    engine_server.admin.create(secret(f"{name}-broken"))
                    await until_change_of(f"{name}-broken")
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
                await api.close()

    with CuttingProxy(engine_server, tmp_path) as proxy:
        asyncio.run(run(proxy))
