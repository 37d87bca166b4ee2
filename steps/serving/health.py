"""What an engine's probes said so far, and what that means: not started, ready, unready, dead.

Called by `supervisor`, which asks the probes and hands the answers in; nothing here waits or connects.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from steps.serving.launch import LaunchPlan
from steps.serving.probe import Probe

Condition = Literal["starting", "ready", "unready", "dead"]
EAGER_SECONDS = 0.1
PATIENT_SECONDS = 0.5
_EAGER_FOR_SECONDS = 15.0


@dataclass
class Health:
    """Keeps count of probe answers for one run of an engine.

    Attributes:
        plan: Has the probes.
        ask: Asks one probe; "" when well, else why not.
        started_at: On the clock of `now` below.
        problem: Why it is not ready; "" when it is.
    """

    plan: LaunchPlan
    ask: Callable[[Probe], str]
    started_at: float
    condition: Condition = "starting"
    problem: str = ""
    _is_started: bool = False
    _was_ready: bool = False
    _unready_in_a_row: int = 0
    _dead_in_a_row: int = 0
    _next_readiness: float = 0.0
    _next_liveness: float = 0.0

    def check(self, now: float) -> Condition:
        """Ask what is due and return how the engine is."""
        if now >= self._next_readiness:
            self._check_readiness(now)
        # In a pod an initial delay keeps a loading engine from being ended; here it is that it was ready once.
        if self._was_ready and self.plan.liveness is not None and now >= self._next_liveness:
            self._check_liveness(self.plan.liveness, now)
        return self.condition

    def next_check(self) -> float:
        """When something is due again."""
        is_watched = self._was_ready and self.plan.liveness is not None
        return min(self._next_readiness, self._next_liveness) if is_watched else self._next_readiness

    def _check_readiness(self, now: float) -> None:
        problem = ""
        if not self._is_started and self.plan.startup is not None:
            problem = self.ask(self.plan.startup)
        self._is_started = self._is_started or not problem
        if not problem:
            problem = self.ask(self.plan.readiness)
        if not problem:
            self.condition, self.problem, self._unready_in_a_row, self._was_ready = "ready", "", 0, True
            self._next_readiness = now + self.plan.readiness.period_seconds
            return
        self._unready_in_a_row += 1
        if self.condition == "ready" and self._unready_in_a_row >= self.plan.readiness.failure_threshold:
            self.condition = "unready"
        if self.condition != "ready":
            self.problem = problem
        if self.condition == "starting":
            is_new = now - self.started_at < _EAGER_FOR_SECONDS
            self._next_readiness = now + (EAGER_SECONDS if is_new else PATIENT_SECONDS)
        else:
            self._next_readiness = now + min(self.plan.readiness.period_seconds, 1.0)

    def _check_liveness(self, liveness: Probe, now: float) -> None:
        problem = self.ask(liveness)
        self._dead_in_a_row = self._dead_in_a_row + 1 if problem else 0
        self._next_liveness = now + liveness.period_seconds
        if self._dead_in_a_row >= liveness.failure_threshold:
            self.condition, self.problem = "dead", problem
