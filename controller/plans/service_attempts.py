"""What an attempt at deploying a service is for, and whether earlier failures let it be made now.

Failures are counted by `key`, which pods that come and go do not change: a runtime that comes up and falls at its
first request would else be deployed for ever. What an attempt found around it is noted beside the key. Something that
no failed attempt has met yet lets one more be made: pods of a template that came up after all, or other nodes for the
selection.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from controller.actions import Object
from controller.observed import Context
from controller.plans.attempts import Prospect, doubled_wait, prospect_of, seconds_left
from controller.plans.choices import nodes_of_classes, plain
from controller.plans.naming import digest_of
from controller.plans.runs import Run
from controller.plans.service_components import Component
from controller.plans.service_inputs import Asked

VERB: Final = "deploy"
SELECT: Final = "select"
_STEPS: Final = frozenset({"", SELECT, "deploy", "ask"})
_BEFORE_PODS_ARE_UP: Final = frozenset({"", "deploy"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that could be made now.

    Attributes:
        key: What it is for, the target before the dash; "" while there is nothing to deploy.
        pods: Digest of the templates whose pods are all up; "" while one is not.
        nodes: Digest of the nodes that a selection chooses from.
    """

    key: str = ""
    pods: str = ""
    nodes: str = ""

    @property
    def inputs(self) -> str:
        """As the run's annotation has it; "" while there is nothing to deploy."""
        return f"{self.key}/{self.pods}/{self.nodes}" if self.key else ""


def attempt_of(asked: Asked, components: Sequence[Component], context: Context) -> Attempt:
    """The attempt that could be made now."""
    if not asked.spec_digest:
        return Attempt()
    are_up = all(part.is_rolled_out for part in components)
    pods = digest_of([part.revision for part in components]) if are_up else ""
    return Attempt(asked.key(context), pods, digest_of(_nodes(asked, context)))


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
    if found.last.task in _BEFORE_PODS_ARE_UP and attempt.pods:
        return found if any(_noted(run).pods == attempt.pods for run in failed) else replace(found, wait_seconds=0.0)
    if found.last.task != SELECT or found.last.patience != "never":
        return found
    if any(_noted(run).nodes == attempt.nodes for run in failed):
        return found
    wait = doubled_wait(found.failures, context.settings)
    return replace(found, wait_seconds=seconds_left(failed[-1].finished, wait, context.now))


def target_of(run: Run) -> str:
    """What a run was to deploy; "" for one that was not submitted or adopted for it."""
    return _noted(run).key.partition("-")[0]


def _noted(run: Run) -> Attempt:
    key, pods, nodes = (*run.inputs(VERB).split("/"), "", "")[:3]
    return Attempt(key, pods, nodes)


def _nodes(asked: Asked, context: Context) -> list[Any]:
    """What a selection reads of nodes, as statuses tell it: these change only when a node does."""
    return [nodes_of_classes(context), plain(_status(asked.model).get("nodesReady"))]


def _status(item: Object | None) -> Mapping[str, Any]:
    return (item or {}).get("status") or {}
