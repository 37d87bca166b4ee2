"""How far a running import is: bytes of all nodes, their rate, when they end, and the node that the others wait for.

Rates are made of when pods were seen to get on (`controller.pace`), never of the time of a plan, so that two plans of
an unchanged run say the same. Numbers are written at most every five seconds, however many nodes tell theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from controller.actions import Object
from controller.plans.attempts import soonest
from controller.plans.failures import read_failure
from controller.plans.runs import Run, Task, parse_time, timestamp

RENEWED_SECONDS: Final = 5.0
STALLED_SECONDS: Final = 180.0
"""Argo tells how far a pod is once a minute, where it is not set otherwise (`ARGO_PROGRESS_PATCH_TICK_DURATION`)."""
_LONGEST_SECONDS: Final = 30 * 86400.0
"""What would take longer is not estimated."""
_UNSAID: Final = 1
"""Argo's total of a pod that has not said anything: `0/1`."""
_NAMED: Final = 3
_NEWS: Final = ("phase", "nodesReady")
"""What is written at once."""
_ESTIMATES: Final = ("bytesPerSecond", "estimatedCompletionTime")
_PHASES: Final = {
    "resolve": "Resolving",
    "parse": "Parsing",
    "select": "Selecting",
    "cache": "Downloading",
    "publish": "Publishing",
}


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """How far a run is on one node.

    Attributes:
        node: Its name; "" when any node would do.
        completed, total: Bytes; total 0 while nobody knows the model's size.
        is_moving: Whether bytes are still to come.
        moved_at: When bytes were last seen to come; None before anything was seen.
        rate: Bytes per second; 0 when it has stalled, None while it is not known.
        earlier: Message of a failed attempt before this one; "" for none.
    """

    node: str
    completed: int
    total: int
    is_moving: bool = False
    moved_at: datetime | None = None
    rate: float | None = None
    earlier: str = ""

    @property
    def share(self) -> float:
        """Of its bytes, 0 to 1."""
        return self.completed / self.total if self.total else 0.0

    @property
    def is_stalled(self) -> bool:
        """Whether no byte has come for long."""
        return self.is_moving and self.rate == 0

    @property
    def seconds_left(self) -> float | None:
        """From when it was last seen to move; None when that is not known, or too far away to be said."""
        if not self.rate or self.moved_at is None:
            return None
        seconds = (self.total - self.completed) / self.rate
        return seconds if seconds <= _LONGEST_SECONDS else None


def node_progress(run: Run, size: int, now: datetime) -> tuple[NodeProgress, ...]:
    """What a run does on each node.

    Args:
        run: An import run.
        size: Bytes of the model; 0 while nobody knows.
        now: To tell which node has stalled.
    """
    return tuple(_of_task(task, size, now) for task in run.tasks if task.name == "cache")


def import_progress(
    run: Run, size: int, nodes_ready: str, status: Object, now: datetime
) -> tuple[Object, float | None]:
    """`status.progress` of a model, and the seconds until it should be looked at again; None when only news matter.

    Args:
        run: The one that goes on.
        size: Bytes of the model; 0 while nobody knows.
        nodes_ready: As `3/8`.
        status: The model's, as it is.
        now: The time.
    """
    nodes = node_progress(run, size, now)
    is_same_run = (status.get("workflow") or {}).get("name") == run.name
    before: Object = status.get("progress") or {}
    estimated = before if is_same_run else {}
    made: Object = {"phase": _phase(run)}
    if total := sum(node.total for node in nodes):
        completed = sum(node.completed for node in nodes)
        made |= {"completedBytes": completed, "totalBytes": total, "percent": 100 * completed // total}
    made["nodesReady"] = nodes_ready
    moving = [node for node in nodes if node.is_moving]
    made |= _estimates(moving, estimated) | _slowest([node for node in moving if node.node], estimated)
    waits = [_seconds_to_stall(node, now) for node in moving]
    if "completedBytes" not in made:
        return made, soonest(waits)
    numbers = {key: value for key, value in before.items() if key != "observedAt"}
    seen_at = str(before.get("observedAt") or "")
    if seen_at and made == numbers:
        return before, soonest(waits)
    age = (now - parse_time(seen_at)).total_seconds() if seen_at else -1.0
    if 0 <= age < RENEWED_SECONDS and all(before.get(key) == made[key] for key in _NEWS):
        return before, soonest([*waits, RENEWED_SECONDS - age])
    return made | {"observedAt": timestamp(now)}, soonest(waits)


def stalled_words(nodes: Sequence[NodeProgress]) -> str:
    """A sentence for each node that has stalled; "" for none."""
    stalled = [node for node in nodes if node.is_stalled and node.moved_at is not None]
    told = [_stalled(node) for node in stalled[:_NAMED]]
    if more := len(stalled) - len(told):
        told.append(f"So have {more} more nodes.")
    return " ".join(told)


def _stalled(node: NodeProgress) -> str:
    since = timestamp(node.moved_at) if node.moved_at is not None else "?"
    where = f"Node {node.node}" if node.node else "The node"
    text = f"{where} has got no byte since {since}, at {int(100 * node.share)} %"
    if not node.earlier:
        return f"{text}; the log of its pod says more."
    return f"{text}, after an attempt that failed: {read_failure(node.earlier).sentence}"


def _of_task(task: Task, size: int, now: datetime) -> NodeProgress:
    is_told = task.total > _UNSAID
    total = task.total if is_told else size
    completed = min(task.completed, total) if is_told else total if task.phase == "Succeeded" else 0
    is_moving = task.phase == "Running" and (completed < total or not is_told)
    if not is_moving or not task.seen:
        return NodeProgress(task.node, completed, total, is_moving, earlier=task.earlier)
    moved_at = datetime.fromtimestamp(task.seen[-1][0], UTC)
    is_stalled = (now - moved_at).total_seconds() >= STALLED_SECONDS
    rate = 0.0 if is_stalled else _rate(task.seen)
    return NodeProgress(task.node, completed, total, True, moved_at, rate, task.earlier)


def _rate(seen: Sequence[tuple[float, int]]) -> float | None:
    (since, before), (until, completed) = seen[0], seen[-1]
    return (completed - before) / (until - since) if until > since and completed > before else None


def _estimates(moving: Sequence[NodeProgress], before: Object) -> Object:
    """Rate and end; while no node's rate is known, such as after a restart, what was said before."""
    rates = [node.rate for node in moving if node.rate is not None]
    if not rates:
        return {key: before[key] for key in _ESTIMATES if key in before} if moving else {}
    made: Object = {"bytesPerSecond": round(sum(rates))}
    ends = [
        node.moved_at + timedelta(seconds=node.seconds_left)
        for node in moving
        if node.moved_at is not None and node.seconds_left is not None
    ]
    return made | ({"estimatedCompletionTime": timestamp(max(ends))} if len(ends) == len(moving) else {})


def _slowest(moving: Sequence[NodeProgress], before: Object) -> Object:
    if len(moving) < 2:
        return {}
    node = min(moving, key=lambda each: (each.share, each.node))
    made: Object = {"slowestNode": node.node, "slowestNodePercent": int(100 * node.share)}
    if node.rate is not None:
        made["slowestNodeBytesPerSecond"] = round(node.rate)
    elif before.get("slowestNode") == node.node and "slowestNodeBytesPerSecond" in before:
        made["slowestNodeBytesPerSecond"] = before["slowestNodeBytesPerSecond"]
    return made


def _seconds_to_stall(node: NodeProgress, now: datetime) -> float | None:
    if node.moved_at is None or node.is_stalled:
        return None
    return max((node.moved_at - now).total_seconds() + STALLED_SECONDS, 1.0)


def _phase(run: Run) -> str:
    going = [task for task in run.tasks if task.phase in ("Running", "Pending")]
    first = next((task for task in going if task.name == "cache"), going[0] if going else None)
    return _PHASES.get(first.name, "Starting") if first is not None else "Starting"
