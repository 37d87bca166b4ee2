"""How a run that goes on is told: that it is at work, and which step waits for something and for what.

In Argo's words, which are the scheduler's and the kubelet's: a pod that no node can take, an image that is not there,
a lock that another run has.
"""

from typing import Final

from controller.plans.runs import Run

_PASSING: Final = frozenset({"", "ContainerCreating", "PodInitializing"})
"""Every pod is that for a moment."""


def at_work(run: Run) -> str:
    """A sentence or two."""
    begun = (task for task in run.tasks if task.phase in ("Pending", "Running"))
    waiting = next((task for task in begun if task.message not in _PASSING), None)
    if waiting is None:
        return f"Run {run.name} is at work."
    where = f" on {waiting.node}" if waiting.node else ""
    return f"Run {run.name} is at work. Its step {waiting.name}{where} waits: {' '.join(waiting.message.split())}"
