"""What an attempt at deploying a service is for, and whether earlier failures let it be made now.

Failures are counted by `key`, which pods that come and go do not change: a runtime that comes up and falls at its
first request would else be deployed for ever. Beside the key is noted which pods were up: those of a template that no
failed attempt has met, which came up after all, let one more be made.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from controller.observed import Context
from controller.plans.attempts import Prospect, prospect_of
from controller.plans.naming import digest_of
from controller.plans.runs import Run
from controller.plans.service_components import Component
from controller.plans.service_inputs import Asked

VERB: Final = "deploy"
_STEPS: Final = frozenset({"", "select", "deploy", "ask"})
_BEFORE_PODS_ARE_UP: Final = frozenset({"", "deploy"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that could be made now.

    Attributes:
        key: What it is for, the target before the dash; "" while there is nothing to deploy.
        pods: Digest of the templates whose pods are all up; "" while one is not.
    """

    key: str = ""
    pods: str = ""

    @property
    def inputs(self) -> str:
        """As the run's annotation has it; "" while there is nothing to deploy."""
        return f"{self.key}/{self.pods}" if self.key else ""


def attempt_of(asked: Asked, components: Sequence[Component], context: Context) -> Attempt:
    """The attempt that could be made now."""
    if not asked.spec_digest:
        return Attempt()
    are_up = all(part.is_rolled_out for part in components)
    pods = digest_of([part.revision for part in components]) if are_up else ""
    return Attempt(asked.key(context), pods)


def prospect_of_attempt(attempt: Attempt, runs: Sequence[Run], context: Context) -> Prospect:
    """What follows the failures of earlier attempts with the same key.

    Args:
        attempt: That could be made now.
        runs: Of its target, newest last; one without inputs is about to be adopted.
        context: Waits and bounds, and the time.
    """
    same = [run for run in runs if not run.inputs(VERB) or _noted(run).key == attempt.key]
    found = prospect_of(same, context, _STEPS)
    if found.last is None or found.is_due:
        return found
    failed = [run for run in same if run.phase == "Failed"]
    is_news = bool(attempt.pods) and all(_noted(run).pods != attempt.pods for run in failed)
    return replace(found, wait_seconds=0.0) if is_news and found.last.task in _BEFORE_PODS_ARE_UP else found


def target_of(run: Run) -> str:
    """What a run was to deploy; "" for one that was not submitted or adopted for it."""
    return _noted(run).key.partition("-")[0]


def _noted(run: Run) -> Attempt:
    key, _, pods = run.inputs(VERB).partition("/")
    return Attempt(key, pods)
