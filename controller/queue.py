"""Keys to be planned: each once, never two workers on one, with back-off for those that failed.

The reconciler takes keys from here; changes, delays and failures put them in.
"""

import asyncio
import math
import random
import time
from collections import deque
from collections.abc import Callable

from controller.actions import Key

PATIENCE_SECONDS = 30.0
"""How long the other keys wait while urgent ones keep coming; then every second key taken is one of them."""

CALM_SECONDS = 1.0
"""After the last urgent key others are worked on by all workers again."""
BESIDE_URGENT = 2
"""Others that are worked on at once before that. Their writes take the API server's time from runs that a person waits
for: with sixteen the slowest hundredth of runs took six times as long."""


class QueueClosedError(Exception):
    """There is nothing more to do: the queue was shut down."""


class KeyedQueue:
    """Keys in two lanes: urgent ones (a person changed something) before those that follow from our own work.

    Args:
        first_delay_seconds: Wait after a key's first failure; doubles with each further one.
        longest_delay_seconds: Where doubling ends.
        jitter: A number from 0 to 1 that spreads delays, so that what failed together does not come back together.
        patience_seconds: How long keys that are not urgent wait while urgent ones keep coming: in a burst runs are
            submitted first, and statuses written when they are.
        calm_seconds: How long after an urgent key no more than `BESIDE_URGENT` others are worked on at once.
    """

    def __init__(
        self,
        first_delay_seconds: float = 0.25,
        longest_delay_seconds: float = 300.0,
        jitter: Callable[[], float] = random.random,
        patience_seconds: float = PATIENCE_SECONDS,
        calm_seconds: float = CALM_SECONDS,
    ) -> None:
        self._first = first_delay_seconds
        self._longest = longest_delay_seconds
        self._jitter = jitter
        self._patience = patience_seconds
        self._calm = calm_seconds
        self._urgent: deque[Key] = deque()
        self._others: deque[Key] = deque()
        self._since: dict[Key, tuple[float, bool]] = {}
        self._active: dict[Key, bool] = {}
        self._others_active = 0
        self._last_urgent = -math.inf
        self._calm_timer: asyncio.TimerHandle | None = None
        self._again: dict[Key, tuple[float, bool]] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._was_urgent = False
        self._is_closed = False

    @property
    def depth(self) -> int:
        """Keys that could be taken now."""
        return len(self._since)

    @property
    def delayed(self) -> int:
        """Keys that wait for their time."""
        return len(self._timers)

    def add(self, key: Key, *, is_urgent: bool = False) -> None:
        """Plan a key soon; one that is worked on comes again afterwards."""
        now = time.monotonic()
        if is_urgent:
            self._last_urgent = now
        if key in self._active:
            since, was_urgent = self._again.get(key, (now, False))
            self._again[key] = since, was_urgent or is_urgent
        elif key not in self._since:
            self._since[key] = now, is_urgent
            (self._urgent if is_urgent else self._others).append(key)
            self._wake_one()
        elif is_urgent and not self._since[key][1]:
            # It stays in the other lane too; whoever finds it there later finds that it is not due, and passes it by.
            self._since[key] = self._since[key][0], True
            self._urgent.append(key)
            self._wake_one()  # it may have had to wait where it was

    def add_after(self, key: Key, seconds: float) -> None:
        """Plan a key when the time has come; a later call for the same key takes this one's place."""
        self.cancel_delay(key)
        if seconds <= 0:
            self.add(key)
            return
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, self._due, key)

    def cancel_delay(self, key: Key) -> None:
        """Forget a key's delay."""
        if timer := self._timers.pop(key, None):
            timer.cancel()

    def defer(self, key: Key, seconds: float) -> None:
        """Plan a key not before its time, although something changed while it was worked on."""
        self._again.pop(key, None)
        self.add_after(key, seconds)

    def retry(self, key: Key, at_least_seconds: float = 0.0) -> float:
        """Plan a key that failed again after a back-off; the seconds until then."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        seconds = min(self._longest, self._first * 2.0 ** min(failures - 1, 30))
        seconds = max(at_least_seconds, seconds * (0.5 + 0.5 * self._jitter()))
        self.add_after(key, seconds)
        return seconds

    def succeeded(self, key: Key) -> None:
        """A key's next failure is its first again."""
        self._failures.pop(key, None)

    async def take(self) -> tuple[Key, float]:
        """The next key and since when it waits (monotonic seconds); the taker calls `done` when it is through.

        Raises:
            QueueClosedError: after `close`.
        """
        while not self._is_closed:
            key = self._pop()
            if key is not None:
                since, is_urgent = self._since.pop(key)
                self._active[key] = is_urgent
                self._others_active += not is_urgent
                return key, since
            wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(wake)
            await wake
        raise QueueClosedError

    def done(self, key: Key) -> None:
        """The taker of a key is through with it."""
        if not self._active.pop(key):
            self._others_active -= 1
            self._wake_one()
        if again := self._again.pop(key, None):
            self.add(key, is_urgent=again[1])
            self._since[key] = again

    def forget(self, key: Key) -> None:
        """An object is gone: no delay, no failures."""
        self.cancel_delay(key)
        self._failures.pop(key, None)

    def close(self) -> None:
        """Give out no more keys and wake all who wait for one."""
        self._is_closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._calm_timer:
            self._calm_timer.cancel()
        self._wake_all()

    def _due(self, key: Key) -> None:
        del self._timers[key]
        self.add(key)

    def _pop(self) -> Key | None:
        lanes = (self._urgent, self._others)
        if self._was_urgent and self._others_waited_long():
            lanes = (self._others, self._urgent)
        for lane in lanes:
            if lane is self._others and lane and self._others_have_to_wait():
                continue
            while lane:
                key = lane.popleft()
                if self._is_due_in(lane, key):
                    self._was_urgent = lane is self._urgent
                    return key
        return None

    def _is_due_in(self, lane: deque[Key], key: Key) -> bool:
        """Of a key in both lanes only the urgent place counts."""
        return key in self._since and (lane is self._urgent) == self._since[key][1]

    def _others_waited_long(self) -> bool:
        while self._others and not self._is_due_in(self._others, self._others[0]):
            self._others.popleft()
        return bool(self._others) and time.monotonic() - self._since[self._others[0]][0] >= self._patience

    def _others_have_to_wait(self) -> bool:
        """Whether enough are worked on beside urgent keys; workers are woken when none has come for a while."""
        left = self._last_urgent + self._calm - time.monotonic()
        if self._others_active < BESIDE_URGENT or left <= 0 or self._others_waited_long():
            return False
        if self._calm_timer is None:
            self._calm_timer = asyncio.get_running_loop().call_later(left, self._look_again)
        return True

    def _look_again(self) -> None:
        self._calm_timer = None
        self._wake_all()

    def _wake_all(self) -> None:
        while self._waiting:
            self._wake_one()

    def _wake_one(self) -> None:
        while self._waiting:
            wake = self._waiting.popleft()
            if not wake.done():
                wake.set_result(None)
                return
