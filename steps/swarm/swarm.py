"""A node's part in a swarm: a thread that answers peers and follows them, for as long as the import goes on.

The download (`steps.cache.download`) asks it what to fetch next, and tells it what has come.
"""

import asyncio
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from steps.errors import ClusterError
from steps.manifest import FileEntry
from steps.pace import UPLOAD_LIMIT, Pace, pace_from_environment
from steps.swarm.choice import Choice, Missing, choose, turns_of
from steps.swarm.client import open_peer_session
from steps.swarm.following import Following
from steps.swarm.holdings import Holdings
from steps.swarm.peer import Peer
from steps.swarm.peer_file import PeerFile
from steps.swarm.ranges import Range
from steps.swarm.server import Answering, Places, serve
from steps.swarm.settings import PeerSettings

if TYPE_CHECKING:
    from aiohttp import ClientSession

SILENCE_SECONDS = 10.0
"""A node that has finished goes when nobody took anything from it for so long."""
SEEDS = 2
"""How many of those that have finished stay for one that has not."""
LOOK_SECONDS = 0.1
ACQUAINTANCE_SECONDS = 5.0
"""A node that begins without knowing what others fetch already would fetch it too."""


class Swarm:
    """Peers of one import. A context manager: the thread ends with it.

    Args:
        settings: Where they are, and the key.
        manifest: Digest of what is imported.
        files: Its files, each digest once, in the order of all nodes.
        places: Where each is, by its number in `files`.
        readers: How many requests the source gets at once from all nodes together, as far as there are as many nodes.

    Attributes:
        holdings: What this node has.
        received_bytes: What came from peers.
    """

    def __init__(
        self, settings: PeerSettings, manifest: str, files: Sequence[FileEntry], places: Places, readers: int
    ) -> None:
        self.holdings = Holdings(uuid.uuid4().hex)
        self.received_bytes = 0
        self._settings = settings
        self._manifest = manifest
        self._numbers = {(file.algorithm, file.digest): number for number, file in enumerate(files)}
        self._readers = readers
        pace = pace_from_environment(UPLOAD_LIMIT)
        self._answering = Answering(manifest, settings.key, self.holdings, places, pace)
        self._following = Following(settings, manifest, self.holdings.instance)
        self._idle_since = time.monotonic()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_ended: asyncio.Event | None = None
        self._is_listening = threading.Event()
        self._failure: OSError | None = None
        self._port = 0
        self._thread = threading.Thread(target=self._run, name="swarm", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._is_listening.wait()
        if self._failure is not None:
            self._thread.join()
            where = f"{self._settings.host or '*'}:{self._settings.port}"
            raise ClusterError(
                f"peers cannot be answered at {where}: {self._failure.strerror or self._failure}",
                remedy="Give another address in OME_PEER_ADDRESS, or set distribution to direct.",
            )
        self._following.wait_until_acquainted(ACQUAINTANCE_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._is_ended is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._is_ended.set)
        self._thread.join()

    @property
    def port(self) -> int:
        """Where this node answers."""
        return self._port

    @property
    def sent_bytes(self) -> int:
        """What peers got from this node."""
        return self._answering.sent_bytes

    @property
    def peers(self) -> list[Peer]:
        """Those that are alive."""
        return self._following.peers

    def number(self, file: FileEntry) -> int:
        """A file's number, which is the same on all nodes."""
        return self._numbers[file.algorithm, file.digest]

    def source_requests(self, connections: int) -> int:
        """How many requests of the source this node may have at once, out of `connections` for one node alone."""
        peers = self.peers
        return max(1, connections // len(turns_of(self.holdings.instance, peers, self._readers)))

    def choose(self, missing: Sequence[Missing], *, reads_source: bool) -> Choice | None:
        """What to fetch next; None when it is better to wait."""
        now = time.monotonic()
        choice = choose(
            missing,
            self.holdings.instance,
            self.peers,
            idle_seconds=now - self._idle_since,
            reads_source=reads_source,
            readers=self._readers,
            now=now,
        )
        if choice is not None and not choice.is_taken_over:
            self._idle_since = now
        return choice

    def is_at_work(self) -> None:
        """What this node fetches of its own share is under way: it is not idle."""
        self._idle_since = time.monotonic()

    def remote(
        self, session: "ClientSession", peer: Peer, file: FileEntry, subject: str, pace: Pace | None
    ) -> PeerFile:
        """A file at a peer; the arguments are those of `PeerFile`."""
        path = f"/manifests/{self._manifest}/files/{self.number(file)}"
        return PeerFile(session, peer, path, self._settings.key, subject, pace)

    def is_to_be_had(self, file: FileEntry, position: int) -> bool:
        """Whether a peer has a byte of a file, and may be asked for it."""
        number, now = self.number(file), time.monotonic()
        return any(peer.may_be_asked(now) and peer.end_from(number, position) > position for peer in self.peers)

    def add(self, file: FileEntry, ranges: Sequence[Range]) -> None:
        """Bytes of a file are there."""
        self.holdings.add(self.number(file), ranges)

    def linger(self) -> None:
        """Go on answering while a peer needs this node, as the settings allow; an interrupt only ends that."""
        self.holdings.complete()
        began = time.monotonic()
        with suppress(KeyboardInterrupt):  # the model is there: being ended now is no failure
            while time.monotonic() < began + self._settings.linger_seconds and self._is_needed(began):
                time.sleep(LOOK_SECONDS)

    def _is_needed(self, began: float) -> bool:
        peers = self.peers
        if all(peer.is_complete for peer in peers):
            return False
        whole = sorted([self.holdings.instance, *(peer.instance for peer in peers if peer.is_complete)])
        is_seed = self.holdings.instance in whole[:SEEDS]
        silent = time.monotonic() - max(began, self._answering.last_asked)
        return is_seed and (self._answering.sending > 0 or silent < SILENCE_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve_and_follow())
        except OSError as error:
            self._failure = error
            if self._is_listening.is_set():
                sys.stderr.write(f"peers are no longer answered or asked ({error.strerror or error})\n")
        except Exception as error:  # noqa: BLE001 - the import goes on without its peers
            sys.stderr.write(f"peers are no longer answered or asked ({type(error).__name__}: {error})\n")
        finally:
            self._is_listening.set()

    async def _serve_and_follow(self) -> None:
        self._loop, self._is_ended = asyncio.get_running_loop(), asyncio.Event()
        application = self._answering.application()
        async with open_peer_session() as session:
            tasks = [
                asyncio.ensure_future(self._is_ended.wait()),
                asyncio.ensure_future(serve(application, self._settings.host, self._settings.port, self._listens)),
                asyncio.ensure_future(self._following.run(session)),
            ]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _listens(self, port: int) -> None:
        self._port = port
        self._is_listening.set()
