"""The load on a controller, in a process of its own: creates models, watches workflows, and says how long each took.

`python -m tests.benchmarks.controller_load KUBECONFIG PREFIX COUNT RATE` prints JSON: seconds from the first request
to the last workflow, and for each model from its request to its workflow. A rate of 0 is as fast as it goes.
"""

import asyncio
import json
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import load_kube_config

MODELS = "/apis/ome.io/v1beta1/clusterbasemodels"
WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/ome/workflows"
CONNECTIONS = 16


@asynccontextmanager
async def connected(kubeconfig: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with a kubeconfig's server and token."""
    configuration = Configuration()
    await load_kube_config(str(kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call] # the library has no types there
    settings = await configuration.auth_settings()
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    headers = {"Authorization": str(settings["BearerToken"]["value"]), "Accept-Encoding": "identity"}
    async with aiohttp.ClientSession(
        configuration.host, headers=headers, connector=aiohttp.TCPConnector(ssl=context, limit=0),
        timeout=aiohttp.ClientTimeout(total=None), read_bufsize=2**21,
    ) as session:  # fmt: skip
        yield session


async def load(kubeconfig: Path, prefix: str, count: int, rate: float) -> dict[str, object]:
    """Create `count` models, `rate` a second, and wait for a workflow for each."""
    began: dict[str, float] = {}
    seen: dict[str, float] = {}
    done = asyncio.Event()
    async with connected(kubeconfig) as session:
        async with session.get(WORKFLOWS, params={"limit": "1"}) as answer:
            version = (await answer.json())["metadata"]["resourceVersion"]
        watching = asyncio.ensure_future(_watch(session, version, prefix, count, seen, done))
        slots = asyncio.Semaphore(CONNECTIONS)
        first = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(count):
                if rate:
                    await asyncio.sleep(max(0.0, first + number / rate - time.monotonic()))
                await slots.acquire()
                tasks.create_task(_create(session, f"{prefix}-{number}", began, slots))
        created = time.monotonic() - first
        await asyncio.wait_for(done.wait(), 600)
        watching.cancel()
    latencies = sorted(seen[name] - began[name] for name in began)
    return {"created": created, "seconds": max(seen.values()) - first, "latencies": latencies}


async def _create(
    session: aiohttp.ClientSession, name: str, began: dict[str, float], slots: asyncio.Semaphore
) -> None:
    body = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": name, "labels": {"team": "benchmarks"}, "annotations": {"note": "a model in place " * 8}},
        "spec": {
            "displayName": f"A model called {name}",
            "vendor": "acme",
            "version": "1.0.0",
            "modelFormat": {"name": "safetensors", "version": "1.0.0"},
            "modelArchitecture": "LlamaForCausalLM",
            "modelType": "llama",
            "modelParameterSize": "8.03B",
            "maxTokens": 8192,
            "modelCapabilities": ["TEXT_TO_TEXT"],
            "storage": {"storageUri": f"hf://acme/{name}", "path": f"/mnt/models/{name}"},
        },
    }
    try:
        began[name] = time.monotonic()
        async with session.post(MODELS, json=body) as answer:
            if answer.status >= 400:
                raise RuntimeError(await answer.text())
    finally:
        slots.release()


async def _watch(
    session: aiohttp.ClientSession, version: str, prefix: str, count: int, seen: dict[str, float], done: asyncio.Event
) -> None:
    while True:  # the API server ends a watch that does not keep up
        async with session.get(WORKFLOWS, params={"watch": "true", "resourceVersion": version}) as stream:
            async for line in stream.content:
                event = json.loads(line)
                version = event["object"]["metadata"]["resourceVersion"]
                parameters = event["object"]["spec"]["arguments"]["parameters"]
                name = next(str(p["value"]) for p in parameters if p["name"] == "name")
                if event["type"] == "ADDED" and name.startswith(f"{prefix}-"):
                    seen.setdefault(name, time.monotonic())
                    if len(seen) == count:
                        done.set()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(load(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))))
