"""When a run's pods were seen to get on: Argo says how far a pod is, and not since when.

`controller.store` notes it on a run as it comes in, and `controller.plans.import_progress` makes rates of it. It is
kept nowhere else: after a restart the numbers are back with the second change that is seen.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from controller.actions import Object

SEEN: Final = "seen"
"""Field of a run's node: `[time, completed, total]` of each change that was seen of late, the newest last."""
_WINDOW_SECONDS: Final = 60.0
"""A rate is of the last minute; where Argo tells less often, of its last two words."""
_MOST: Final = 8

Mark = Sequence[float]


def pods_at_work(run: Object) -> Mapping[str, Object]:
    """The pods of a run that go on, by the id of their node."""
    nodes = (run.get("status") or {}).get("nodes") or {}
    return {key: node for key, node in nodes.items() if node.get("type") == "Pod" and node.get("phase") == "Running"}


def note_pace(pods: Mapping[str, Object], before: Object | None, now: float) -> None:
    """Write beside each pod's progress when it was seen.

    Args:
        pods: Of the run as it is now; they are changed.
        before: The run as it was noted last.
        now: Seconds since 1970.
    """
    earlier = ((before or {}).get("status") or {}).get("nodes") or {}
    for key, pod in pods.items():
        completed, total = read_progress(pod.get("progress"))
        pod[SEEN] = extended((earlier.get(key) or {}).get(SEEN) or [], completed, total, now)


def extended(seen: Sequence[Mark], completed: int, total: int, now: float) -> Sequence[Mark]:
    """What was seen, with what is seen now. It begins anew where bytes became fewer, or the clock was set back."""
    mark: Mark = [round(now, 3), completed, total]
    if not seen or seen[-1][2] != total or seen[-1][1] > completed or seen[-1][0] > mark[0]:
        return [mark]
    if seen[-1][1] == completed:
        return seen
    recent = [each for each in seen if now - each[0] <= _WINDOW_SECONDS] or seen[-1:]
    return [*recent[1 - _MOST :], mark]


def read_progress(text: Any) -> tuple[int, int]:
    """Completed and total of Argo's `completed/total`; zeros where it is something else."""
    completed, _, total = str(text or "").partition("/")
    return (int(completed), int(total)) if completed.isdecimal() and total.isdecimal() else (0, 0)
