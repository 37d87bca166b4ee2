"""The workers: take a key, plan it, carry the plan out, and say when to look again.

`controller.engine` runs them while this process leads. What went wrong with one key never stops the others.
"""

import logging
import random
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from controller.actions import CreateObject, EmitEvent, Key, Object, Plan
from controller.api import ApiError
from controller.execute import Executor, NotLeadingError, StaleError
from controller.metrics import Metrics
from controller.observed import Context, Settings
from controller.plans.refusal import is_refusal, plan_refusal
from controller.queue import KeyedQueue, QueueClosedError
from controller.store import Store
from steps.errors import OmeError

Planner = Callable[[Object, Context], Plan]

_UNSETTLED = 8
"""Plans in a row that all want something done; after that many a key waits longer and longer."""
_FIRST_SILENCE, _LONGEST_SILENCE = 0.25, 30.0
"""Seconds until a key is planned again when the API server did not answer; doubled while it answers nobody."""
_MOST_DOUBLED_WHEN_ANSWERED = 3
_log = logging.getLogger(__name__)


class Reconciler:
    """Plans keys and carries plans out.

    Args:
        store: What planners observe.
        queue: Where keys come from.
        executor: What carries out plans.
        planners: By kind.
        settings: Of this installation.
        metrics: Counts plans, durations and errors.
        clock: The time that planners are given.
    """

    def __init__(
        self,
        store: Store,
        queue: KeyedQueue,
        executor: Executor,
        planners: Mapping[str, Planner],
        settings: Settings,
        metrics: Metrics,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._queue = queue
        self._executor = executor
        self._planners = planners
        self._settings = settings
        self._clock = clock
        self._unsettled: dict[Key, int] = {}
        self._answers = 0
        self._silences: dict[Key, tuple[int, int]] = {}
        self._seconds = metrics.histogram(
            "ome_controller_reconcile_seconds", "Time to plan a resource and carry the plan out.", ("kind",)
        )
        self._to_workflow = metrics.histogram(
            "ome_controller_resource_to_workflow_seconds",
            "Time from a change's arrival to its workflow's creation.",
            ("kind",),
        )
        self._errors = metrics.counter("ome_controller_errors_total", "Failed attempts, by class.", ("kind", "class"))

    async def work(self) -> None:
        """Take and plan keys until the queue is closed."""
        while True:
            try:
                key, since = await self._queue.take()
            except QueueClosedError:
                return
            began = time.monotonic()
            try:
                await self._attempt(key, since)
            finally:
                self._queue.done(key)
                self._seconds.observe(time.monotonic() - began, key.kind)

    async def _attempt(self, key: Key, since: float) -> None:
        version = self._store.version(key)
        try:
            requeue_seconds = await self._reconcile(key, since)
        except StaleError as stale:
            self._unsettled[key] = self._unsettled.get(key, 0) + 1
            _log.debug("%s", stale, extra={"key": str(key)})
            if self._store.version(key) != version and self._is_settling(key):
                self._queue.add(key)
            else:
                self._queue.retry(key)  # until the watch brings what the API server has
        except NotLeadingError:
            _log.info("not the leader any more: left as it is", extra={"key": str(key)})
        except OmeError as error:
            seconds = self._failed(key, error)
            if isinstance(error, ApiError) and is_refusal(error.status):
                await self._tell(key, error, seconds)
        except Exception as error:  # noqa: BLE001 - a fault in one plan must not end the others; it is told in full
            self._errors.add(1, key.kind, "internal")
            seconds = self._queue.retry(key, at_least_seconds=1.0)
            _log.error(
                "a fault of ome-pipelines: %s: %s; again in %.1f s", type(error).__name__, error, seconds,
                extra={"key": str(key), "error": "internal", "trace": traceback.format_exc()},
            )  # fmt: skip
        else:
            if not self._is_settling(key):
                seconds = self._queue.retry(key)
                self._queue.defer(key, seconds)
                return
            self._queue.succeeded(key)
            self._silences.pop(key, None)
            if requeue_seconds is None:
                self._queue.cancel_delay(key)
            else:
                self._queue.add_after(key, requeue_seconds)

    async def _reconcile(self, key: Key, since: float) -> float | None:
        item = self._store.get(key.kind, key.namespace, key.name)
        if item is None:
            self._queue.forget(key)
            self._unsettled.pop(key, None)
            self._silences.pop(key, None)
            return None
        plan = self._planners[key.kind](item, Context(self._store, self._settings, self._clock()))
        changed = False
        for action in plan.actions:
            is_new = await self._executor.carry_out(action)
            changed |= is_new
            self._answers += is_new and not isinstance(action, EmitEvent)
            if is_new and isinstance(action, CreateObject) and action.body["kind"] == "Workflow":
                self._to_workflow.observe(time.monotonic() - since, key.kind)
                _log.info("submitted %s", action.body["metadata"].get("name"), extra={"key": str(key)})
        if changed:
            self._unsettled[key] = self._unsettled.get(key, 0) + 1
        else:
            self._unsettled.pop(key, None)
        return plan.requeue_seconds

    def _is_settling(self, key: Key) -> bool:
        """Whether a key's plans come to an end; one that never does must not keep the API server busy."""
        unsettled = self._unsettled.get(key, 0)
        if unsettled == _UNSETTLED:
            self._errors.add(1, key.kind, "unsettled")
            _log.error(
                "a fault of ome-pipelines: %d plans in a row that all changed something", unsettled,
                extra={"key": str(key), "error": "unsettled"},
            )  # fmt: skip
        return unsettled < _UNSETTLED

    def _wait_out_silence(self, key: Key) -> float:
        """Plan a key again soon: that the API server was away is not the key's fault, and it may be back."""
        answers, doubled = self._silences.get(key, (self._answers, 0))
        if answers != self._answers:
            doubled = min(doubled, _MOST_DOUBLED_WHEN_ANSWERED)
        self._silences[key] = self._answers, doubled + 1
        seconds = min(_LONGEST_SILENCE, _FIRST_SILENCE * 2.0 ** min(doubled, 20)) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load
        self._queue.add_after(key, seconds)
        return seconds

    async def _tell(self, key: Key, error: ApiError, seconds: float) -> None:
        """Say on the resource what was refused; that this changes it is no reason to ask again sooner."""
        item = self._store.get(key.kind, key.namespace, key.name)
        if item is None:
            return
        try:
            for action in plan_refusal(item, error.status, error.message, self._clock()):
                if await self._executor.carry_out(action) and not isinstance(action, EmitEvent):
                    self._queue.defer(key, seconds)
        except (OmeError, StaleError, NotLeadingError) as trouble:
            _log.warning("a refusal is not told: %s", trouble, extra={"key": str(key)})

    def _failed(self, key: Key, error: OmeError) -> float:
        """Plan a key again after a back-off; the seconds until then."""
        self._errors.add(1, key.kind, error.code)
        self._unsettled.pop(key, None)
        if isinstance(error, ApiError) and error.status == 0:
            seconds = self._wait_out_silence(key)
        else:
            seconds = self._queue.retry(key, at_least_seconds=error.retry_after_seconds or 0.0)
        _log.warning(
            "%s; again in %.1f s", error.message, seconds,
            extra={"key": str(key), "error": error.code, "remedy": error.remedy},
        )  # fmt: skip
        return seconds
