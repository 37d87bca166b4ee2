"""Leader election over a Lease: of several controllers one works, and the next takes over within seconds.

`controller.engine` starts its workers when this process leads and stops them at once when it does not. The official
client's election is not used: it lets a request hang longer than the lease lasts, so that two would lead.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from controller.actions import Object
from controller.api import Api, ApiError
from controller.resources import LEASE
from steps.cluster.resource_types import object_path

NAME = "ome-controller"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things last, in seconds, as in Kubernetes' own controllers.

    Attributes:
        lease: After the last sign of life another may take the lease.
        renew: Without having renewed for so long, a leader stops; shorter than `lease` by what clocks may differ.
        retry: Between tries.
    """

    lease: float = 15.0
    renew: float = 10.0
    retry: float = 2.0


class Leader:
    """This process's part in the election.

    Args:
        api: The API server.
        namespace: Where the Lease is.
        identity: Of this process; no other has it.
        terms: How long things last.
    """

    def __init__(self, api: Api, namespace: str, identity: str, terms: Terms) -> None:
        self._api = api
        self._identity = identity
        self._terms = terms
        self._path = object_path(LEASE, namespace, NAME)
        self._collection = object_path(LEASE, namespace)
        self._namespace = namespace
        self._renewed = float("-inf")
        self._lease: Object | None = None
        self._seen: tuple[str, float] = ("", 0.0)
        self.problem = "has not asked for the lease yet"

    def leads(self) -> bool:
        """Whether no other process can be the leader now; asked before each write."""
        return time.monotonic() < self._renewed + self._terms.renew

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Stand for election until `work` ends by itself; it runs while this process leads, else is cancelled."""
        while True:
            await self._until_elected()
            _log.info("elected: %s leads", self._identity)
            working = asyncio.ensure_future(work())
            try:
                await self._while_renewed(working)
            finally:
                self._renewed = float("-inf")
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
            if not working.cancelled():
                return working.result()  # it has ended by itself
            _log.warning("the lease is lost: %s stands by", self._identity)

    async def release(self) -> None:
        """Give the lease up, so that the next need not wait for its end."""
        self._renewed = float("-inf")
        if self._lease is None or self._lease["spec"].get("holderIdentity") != self._identity:
            return
        spec = self._lease["spec"] | {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
        try:
            await self._api.call("update", self._path, None, self._lease | {"spec": spec}, timeout_seconds=3.0)
        except ApiError as error:
            _log.warning("the lease was not given up: %s", error.message)

    async def _until_elected(self) -> None:
        while not await self._try():
            await asyncio.sleep(self._terms.retry * (0.8 + 0.4 * random.random()))  # noqa: S311 - spreads load

    async def _while_renewed(self, working: "asyncio.Future[None]") -> None:
        """Return when the lease could not be renewed in time, or the work has ended."""
        while self.leads() and not working.done():
            await asyncio.wait([working], timeout=self._terms.retry)
            if not working.done():
                await self._try()

    async def _try(self) -> bool:
        """Take or renew the lease; whether this process has it now."""
        began = time.monotonic()
        # A request that outlives the time to renew could not be of use any more.
        left = self._renewed + self._terms.renew - began
        seconds = min(self._terms.retry * 2, left) if left > 0 else self._terms.retry * 2
        try:
            async with asyncio.timeout(seconds):
                has_it = await self._take()
        except TimeoutError:
            self.problem = f"no answer about the lease within {seconds:.1f} s"
        except ApiError as error:
            self.problem = "" if error.status == 409 else error.message
            if error.status != 409:  # in a conflict another was quicker
                _log.warning("lease: %s", error.message, extra={"error": error.code})
        else:
            self.problem = ""
            # What was granted counts from before it was asked for: others count from when they see it.
            self._renewed = began if has_it else float("-inf")
            return has_it
        return False

    async def _take(self) -> bool:
        try:
            lease = await self._api.call("get", self._path)
        except ApiError as error:
            if not error.is_absent:
                raise
            body = {
                "apiVersion": LEASE.api_version,
                "kind": "Lease",
                "metadata": {"name": NAME, "namespace": self._namespace},
                "spec": self._claim({}),
            }
            self._lease = await self._api.call("create", self._collection, None, body)
            return True
        if not self._is_free(lease):
            return False
        claim = self._claim(lease.get("spec") or {})
        self._lease = await self._api.call("update", self._path, None, lease | {"spec": claim})
        return True

    def _is_free(self, lease: Object) -> bool:
        """Whether the holder is nobody, this process, or one that has given no sign of life for a lease's time.

        Time is this process's own since it first saw the lease as it is: clocks of machines differ.
        """
        spec = lease.get("spec") or {}
        if spec.get("holderIdentity", "") in {"", self._identity}:
            return True
        version, now = lease["metadata"]["resourceVersion"], time.monotonic()
        if self._seen[0] != version:
            self._seen = version, now
        return now > self._seen[1] + float(spec.get("leaseDurationSeconds") or self._terms.lease)

    def _claim(self, spec: Object) -> Object:
        is_mine = spec.get("holderIdentity") == self._identity
        transitions = int(spec.get("leaseTransitions") or 0)
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._terms.lease)),
            "acquireTime": spec.get("acquireTime") if is_mine else _now(),
            "renewTime": _now(),
            "leaseTransitions": transitions if is_mine else transitions + 1,
        }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
