"""Kubernetes events about resources, without storms: what is said again is counted, and nobody waits for them.

The executor hands events in; one task writes them, slowly. A failing or overflowing event is counted and logged, and
never fails a plan: conditions, not events, are what users and tools rely on.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, datetime

from controller.actions import EmitEvent, Object
from controller.api import MERGE_PATCH, Api, ApiError
from controller.metrics import Metrics
from crds import labels
from steps.cluster.resource_types import EVENT, object_path

SAME_SECONDS = 600.0
"""The same words about the same object within this time are one event with a count."""
PER_SECOND = 10.0
"""Writes at most."""
_BURST = 25
_WAITING = 2000
_REMEMBERED = 4096
_LONGEST_MESSAGE = 1024
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Said:
    """Something said about an object, without the object."""

    name: str
    namespace: str
    regarding: dict[str, str]
    type: str
    reason: str
    message: str
    first: float
    count: int = 0
    written: int = 0
    is_waiting: bool = False


class EventRecorder:
    """Writes events to one API server.

    Args:
        api: The API server.
        identity: Of this process, as the events' reporting instance.
        metrics: Counts what was written and what was not.
    """

    def __init__(self, api: Api, identity: str, metrics: Metrics) -> None:
        self._api = api
        self._identity = identity
        self._said: OrderedDict[str, _Said] = OrderedDict()
        self._waiting: deque[_Said] = deque()
        self._wake = asyncio.Event()
        self._told = float("-inf")
        self._tokens, self._refilled = float(_BURST), time.monotonic()
        self._events = metrics.counter("ome_controller_events_total", "Kubernetes events.", ("outcome",))

    def emit(self, event: EmitEvent) -> None:
        """Write an event soon, or count it where the same was said a while ago."""
        key, now = _identity_of(event), time.monotonic()
        said = self._said.get(key)
        if said is None or now - said.first > SAME_SECONDS:
            said = self._said[key] = _say(event, key, now)
            if len(self._said) > _REMEMBERED:
                self._said.popitem(last=False)
        said.count += 1
        if said.is_waiting:
            return
        if len(self._waiting) >= _WAITING:
            self._events.add(1, "dropped")
            if now - self._told > SAME_SECONDS:  # a storm of events is not to be one of lines
                self._told = now
                _log.warning("events are dropped, %d wait; the first: %s: %s", _WAITING, event.reason, event.message)
            return
        said.is_waiting = True
        self._waiting.append(said)
        self._wake.set()

    async def run(self) -> None:
        """Write what was handed in, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._take_token()
                await self._write(self._waiting.popleft())

    async def flush(self, seconds: float) -> None:
        """Write what waits, for so long at most."""
        deadline = time.monotonic() + seconds
        while self._waiting and time.monotonic() < deadline:
            await self._write(self._waiting.popleft())

    async def _write(self, said: _Said) -> None:
        said.is_waiting = False
        count, now = said.count, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        collection = object_path(EVENT, said.namespace)
        try:
            if said.written:
                patch: Object = {"count": count, "lastTimestamp": now}
                path = f"{collection}/{said.name}"
                await self._api.call("patch", path, {"fieldManager": labels.FIELD_MANAGER}, patch,
                                     content_type=MERGE_PATCH)  # fmt: skip
            else:
                await self._api.call("create", collection, None, self._body(said, count, now))
        except ApiError as error:
            said.written = 0 if error.is_absent else said.written
            self._events.add(1, "failed")
            _log.warning("event not written: %s (%s: %s)", error.message, said.reason, said.message)
            return
        said.written = count
        self._events.add(1, "written")

    def _body(self, said: _Said, count: int, now: str) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": said.name, "namespace": said.namespace},
            "involvedObject": said.regarding,
            "type": said.type,
            "reason": said.reason,
            "message": said.message,
            "count": count,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": "ome-controller"},
            "reportingComponent": "ome.io/controller",
            "reportingInstance": self._identity[:128],
        }

    async def _take_token(self) -> None:
        now = time.monotonic()
        self._tokens = min(_BURST, self._tokens + (now - self._refilled) * PER_SECOND)
        self._refilled = now
        if self._tokens < 1:
            await asyncio.sleep((1 - self._tokens) / PER_SECOND)
        self._tokens -= 1


def _say(event: EmitEvent, key: str, now: float) -> _Said:
    metadata = event.regarding["metadata"]
    regarding = {
        "apiVersion": event.regarding.get("apiVersion"),
        "kind": event.regarding.get("kind"),
        "name": metadata["name"],
        "namespace": metadata.get("namespace"),
        "uid": metadata.get("uid"),
        "resourceVersion": metadata.get("resourceVersion"),
    }
    digest = hashlib.sha256(f"{key}/{time.time_ns()}".encode()).hexdigest()[:16]
    return _Said(
        name=f"{metadata['name'][:200]}.{digest}",
        # The API server takes events about cluster-scoped objects in the namespace "default" only.
        namespace=metadata.get("namespace") or "default",
        regarding={field: value for field, value in regarding.items() if value},
        type=event.type,
        reason=event.reason,
        message=_shortened(event.message),
        first=now,
    )


def _identity_of(event: EmitEvent) -> str:
    metadata = event.regarding["metadata"]
    about = metadata.get("uid") or f"{event.regarding['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"
    return f"{about}/{event.type}/{event.reason}/{event.message}"


def _shortened(message: str) -> str:
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[: _LONGEST_MESSAGE - 1]}…"
