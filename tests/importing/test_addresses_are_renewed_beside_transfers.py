"""A token that its server gives slowly holds up the requests that need it, and no others."""

import asyncio
import threading

from steps.cache.connection import RemoteFile, open_session
from steps.sources import open_source
from steps.sources.patience import TransferSettings
from steps.sources.source import RemoteAddress
from tests.hub.fixture import RunningHub
from tests.importing.models import noise, resolve

WEIGHTS = noise(200_000, 1)
PATIENCE = 20


def test_transfers_go_on_while_an_address_is_renewed(hub: RunningHub) -> None:
    hub.add("acme/model", {"model.safetensors": WEIGHTS})
    manifest = resolve("hf://acme/model")
    file = manifest.files[0]
    address = open_source(manifest.uri).address(file)
    assert isinstance(address, RemoteAddress)
    is_other_done = threading.Event()

    def renew() -> RemoteAddress:
        assert is_other_done.wait(PATIENCE), "nothing else came meanwhile"
        return address

    renewed = RemoteAddress(address.url, renew=renew)

    async def both() -> tuple[bytes, bytes]:
        settings, first, second = TransferSettings(), bytearray(), bytearray()
        async with open_session(settings) as session, asyncio.TaskGroup() as group:
            slow = RemoteFile(session, file, renewed, "slow", PATIENCE)
            quick = RemoteFile(session, file, address, "quick", PATIENCE)
            group.create_task(slow.fetch(0, file.size, first.extend))
            await asyncio.create_task(quick.fetch(0, file.size, second.extend))
            is_other_done.set()
        return bytes(first), bytes(second)

    assert asyncio.run(both()) == (WEIGHTS, WEIGHTS)
