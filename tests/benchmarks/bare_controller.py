"""The least that turns models into workflows: list, watch, create. No store, queue, status, retry or second replica.

`tests.benchmarks.controller` runs it beside the controller, in a process of its own: what it takes is what the API
server and Python take.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

from tests.benchmarks.controller_load import MODELS, WORKFLOWS, connected

WORKERS = 16


async def main(kubeconfig: Path) -> None:
    """List, say so, and create a workflow for each model that appears."""
    async with connected(kubeconfig) as session:
        held: dict[str, Any] = {}
        version, token = "", ""
        began = time.monotonic()
        while True:
            async with session.get(MODELS, params={"limit": "500", "continue": token}) as answer:
                page = await answer.json()
            held.update((item["metadata"]["name"], item) for item in page["items"])
            version, token = version or page["metadata"]["resourceVersion"], page["metadata"].get("continue", "")
            if not token:
                break
        print(
            json.dumps({"message": f"{len(held)} listed after {time.monotonic() - began:.3f} s"}),
            file=sys.stderr,
            flush=True,
        )
        names: asyncio.Queue[str] = asyncio.Queue()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(_create(session, names))
            await _watch(session, version, held, names)


async def _watch(
    session: aiohttp.ClientSession, version: str, held: dict[str, Any], names: asyncio.Queue[str]
) -> None:
    while True:  # the API server ends a watch that does not keep up
        async with session.get(MODELS, params={"watch": "true", "resourceVersion": version}) as stream:
            async for line in stream.content:
                event = json.loads(line)
                name, version = event["object"]["metadata"]["name"], event["object"]["metadata"]["resourceVersion"]
                held[name] = event["object"]
                if event["type"] == "ADDED":
                    names.put_nowait(name)


async def _create(session: aiohttp.ClientSession, names: asyncio.Queue[str]) -> None:
    while True:
        name = await names.get()
        arguments = {"parameters": [{"name": "name", "value": name}]}
        body = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": f"bare-{name}", "namespace": "ome"},
            "spec": {"workflowTemplateRef": {"name": "import-model"}, "arguments": arguments},
        }
        async with session.post(WORKFLOWS, json=body) as answer:
            answer.raise_for_status()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
