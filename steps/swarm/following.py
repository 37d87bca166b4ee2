"""Finds the peers again and again, and hears from each what it has: one task for each address that is named."""

import asyncio
import threading
from itertools import count
from typing import TYPE_CHECKING

from pydantic import ValidationError

from steps.swarm.addresses import find_addresses
from steps.swarm.holdings import Told
from steps.swarm.peer import Peer
from steps.swarm.settings import PeerSettings

if TYPE_CHECKING:
    from aiohttp import ClientSession

FIND_SECONDS = 1.0
LOOKS_FOR_THE_FIRST = 2
AGAIN_SECONDS = 0.5
ANSWER_SECONDS = 10.0
"""A peer that is asked what it has answers within a second; one that needs so long is taken for gone."""
MOST_BYTES = 8 << 20
"""Of what a peer tells at once: hundreds of thousands of ranges."""


class Following:
    """Keeps the list of peers as the addresses say, and each as it has told last.

    Args:
        settings: Where peers are found, and the key.
        manifest: Digest of what is imported.
        own: The instance of this node, which finds itself among the addresses.
    """

    def __init__(self, settings: PeerSettings, manifest: str, own: str) -> None:
        self._settings = settings
        self._manifest = manifest
        self._own = own
        self._peers: dict[tuple[str, int], Peer] = {}
        self._asked: set[tuple[str, int]] = set()
        self._is_acquainted = threading.Event()

    @property
    def peers(self) -> list[Peer]:
        """Those that are alive, each once: a node may have several addresses."""
        return list({peer.instance: peer for peer in list(self._peers.values()) if peer.is_alive}.values())

    def wait_until_acquainted(self, seconds: float) -> None:
        """Wait until every peer that was found first has been asked once, or so long."""
        self._is_acquainted.wait(seconds)

    async def run(self, session: "ClientSession") -> None:
        """Go on until cancelled."""
        tasks: dict[tuple[str, int], asyncio.Task[None]] = {}
        try:
            for attempt in count():
                found = await find_addresses(self._settings.addresses)
                for address in found - tasks.keys():
                    self._peers[address] = Peer(_url(address))
                    tasks[address] = asyncio.create_task(self._follow(session, address))
                for address in tasks.keys() - found:
                    if not self._peers[address].is_alive:  # a name server that fails takes nobody away
                        tasks.pop(address).cancel()
                        del self._peers[address]
                if found or attempt >= LOOKS_FOR_THE_FIRST:  # an address of this node's own takes a moment to be known
                    self._note_asked()
                await asyncio.sleep(FIND_SECONDS)
        finally:
            for task in tasks.values():
                task.cancel()
            for peer in self._peers.values():  # nobody hears of them any more
                peer.forget()

    async def _follow(self, session: "ClientSession", address: tuple[str, int]) -> None:
        peer = self._peers[address]
        try:
            while True:
                told = await self._ask(session, peer)
                self._asked.add(address)
                self._note_asked()
                if told is not None and told.instance == self._own:
                    return  # this node itself
                if told is not None:
                    peer.hear(told, asyncio.get_running_loop().time())
                    continue
                peer.forget()
                await asyncio.sleep(AGAIN_SECONDS)
        finally:
            peer.forget()

    def _note_asked(self) -> None:
        if self._peers.keys() <= self._asked:
            self._is_acquainted.set()

    async def _ask(self, session: "ClientSession", peer: Peer) -> Told | None:
        """What a peer has; None when it does not answer, or imports something else."""
        import aiohttp

        url = f"{peer.url}/manifests/{self._manifest}/holdings"
        question = {"since": str(peer.version), "instance": peer.instance}
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                session.get(
                    url, params=question, headers=authorization(self._settings.key), allow_redirects=False
                ) as answer,
            ):
                is_good = answer.status == 200 and (answer.content_length or MOST_BYTES + 1) <= MOST_BYTES
                return Told.model_validate_json(await answer.read()) if is_good else None
        except (aiohttp.ClientError, OSError, TimeoutError, ValidationError):
            return None


def authorization(key: str) -> dict[str, str]:
    """The header that shows that a node is one of the import."""
    return {"Authorization": f"Bearer {key}"}


def _url(address: tuple[str, int]) -> str:
    host, port = address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
