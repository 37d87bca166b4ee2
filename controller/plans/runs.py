"""A workflow as planners read it: its phase, what each task gave or why it failed, and what came to each node.

Read from `status.nodes`, which the store has for large runs too (`controller.trim`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final, Literal

from controller.actions import Object
from controller.pace import SEEN, read_progress
from controller.plans.deadlines import DEADLINES
from controller.plans.failures import Failure, failure, read_failure
from crds import labels

Phase = Literal["Pending", "Running", "Succeeded", "Failed"]

GRACE: Final = timedelta(minutes=5)
"""How long after its deadline Argo may take to end a run."""
ADOPTED: Final = f"{labels.INPUTS}-"
"""Annotation on a run of several pipelines in one: what it was adopted for, by verb."""
_PHASES: Final[Mapping[str, Phase]] = {
    "Running": "Running",
    "Succeeded": "Succeeded",
    "Failed": "Failed",
    "Error": "Failed",
}
_ITEM = re.compile(r"\((\d+):(.*?)\)")


@dataclass(frozen=True, slots=True)
class Task:
    """One step of a run; of a loop over nodes, the step on one node.

    Attributes:
        name: Of the task: resolve, parse, cache …
        node: The node that a cache or evict step is for; "" for others, or when any node would do.
        host: The node that its pod ran on, where that is known.
        outputs: By name.
        completed, total: Its progress, in the step's own units; 0 when unknown, and 0 of 1 before it says anything.
        seen: When it was seen how far, in seconds since 1970; the newest last.
        earlier: Message of the attempt before, of a step that goes on after a failed one.
    """

    name: str
    phase: Phase
    node: str = ""
    host: str = ""
    message: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    completed: int = 0
    total: int = 0
    seen: tuple[tuple[float, int], ...] = ()
    earlier: str = ""


class Run:
    """A workflow.

    Args:
        workflow: As the API server has it.
        now: To tell whether it is past its deadline.
    """

    def __init__(self, workflow: Object, now: datetime) -> None:
        self.workflow = workflow
        self._now = now
        self._metadata: Mapping[str, Any] = workflow["metadata"]
        self._status: Mapping[str, Any] = workflow.get("status") or {}

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._metadata["name"])

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(self._metadata.get("namespace") or "")

    @property
    def uid(self) -> str:
        """Its uid."""
        return str(self._metadata.get("uid") or "")

    @property
    def pipeline(self) -> str:
        """The template it was made from."""
        return str((self._metadata.get("labels") or {}).get(labels.PIPELINE) or "")

    @property
    def annotations(self) -> Mapping[str, str]:
        """Its annotations."""
        return self._metadata.get("annotations") or {}

    @property
    def is_ours(self) -> bool:
        """Whether the controller submitted or adopted it."""
        return labels.INPUTS in self.annotations

    def is_of(self, resource: Object) -> bool:
        """Whether it may be a run of this resource: not where another one of that name, deleted since, owns it."""
        owners = [o for o in self._metadata.get("ownerReferences") or () if o.get("kind") == resource["kind"]]
        return all(owner.get("uid") == resource["metadata"].get("uid") for owner in owners)

    def inputs(self, verb: str) -> str:
        """What it was submitted or adopted for, by the verb of its part; "" for neither."""
        return self.annotations.get(f"{ADOPTED}{verb}") or self.annotations.get(labels.INPUTS, "")

    @property
    def created(self) -> str:
        """RFC 3339."""
        return str(self._metadata.get("creationTimestamp") or "")

    @property
    def started(self) -> str:
        """RFC 3339; "" before it starts."""
        return str(self._status.get("startedAt") or "")

    @property
    def finished(self) -> str:
        """RFC 3339; "" while it runs. One that is past its deadline counts as finished then."""
        if text := self._status.get("finishedAt"):
            return str(text)
        overdue = self._overdue_at()
        return timestamp(overdue) if overdue is not None and overdue <= self._now else ""

    @property
    def phase(self) -> Phase:
        """Succeeded and Failed are final."""
        known = _PHASES.get(str(self._status.get("phase") or ""), "Pending")
        if known in ("Succeeded", "Failed"):
            return known
        return "Failed" if self.is_overdue else known

    @property
    def argo_phase(self) -> str:
        """As Argo names it."""
        return str(self._status.get("phase") or "Pending")

    @property
    def is_active(self) -> bool:
        """Whether more may come of it."""
        return self.phase in ("Pending", "Running")

    @property
    def is_overdue(self) -> bool:
        """Whether it is past its deadline although nothing has ended it."""
        overdue = self._overdue_at()
        is_final = self._status.get("phase") in ("Succeeded", "Failed", "Error")
        return overdue is not None and overdue <= self._now and not is_final

    @property
    def seconds_to_deadline(self) -> float | None:
        """When to look again even if nothing changes; None without a deadline."""
        overdue = self._overdue_at()
        return None if overdue is None else max((overdue - self._now).total_seconds(), 1.0)

    @cached_property
    def arguments(self) -> Mapping[str, str]:
        """Its parameters, with the template's defaults for those left out."""
        template = self._status.get("storedWorkflowTemplateSpec") or {}
        found: dict[str, str] = {}
        for arguments in (template.get("arguments"), (self.workflow.get("spec") or {}).get("arguments")):
            for parameter in (arguments or {}).get("parameters") or ():
                if parameter.get("value") is not None:
                    found[str(parameter["name"])] = str(parameter["value"])
        return found

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """Its steps that have begun, by task and node."""
        return tuple(_tasks(self._nodes()))

    def task(self, name: str) -> Task | None:
        """A task that is no loop, or the first of a loop; None when it has not begun."""
        return next((task for task in self.tasks if task.name == name), None)

    def output(self, name: str, task: str = "") -> str:
        """An output of the whole run; while the run goes on, that of the task that gives it."""
        if given := self._outputs.get(name):
            return given
        found = self.task(task) if task else None
        return found.outputs.get(name, "") if found is not None else ""

    @cached_property
    def _outputs(self) -> Mapping[str, str]:
        """Of the node that the run began with; Argo leaves `status.outputs` empty for a run of one graph."""
        entry = next((node for node in self._nodes() if node.get("name") == self.name), {})
        return _parameters(entry.get("outputs"))

    @cached_property
    def failure(self) -> Failure | None:
        """The first failed task's failure, or the run's own; None while it runs and when it succeeded."""
        if self.phase != "Failed":
            return None
        if self.is_overdue:
            return failure("deadline", f"run {self.name} is past its deadline and was not ended")
        if (self.workflow.get("spec") or {}).get("shutdown"):
            return failure("stopped", f"run {self.name} was stopped by a person")
        failed = next((task for task in self.tasks if task.phase == "Failed"), None)
        if failed is not None:
            return read_failure(failed.message, failed.name)
        return failure("workflow", self._words_of_argo() or f"run {self.name} failed without a message")

    def _words_of_argo(self) -> str:
        """Why Argo gave up where no step failed: a task's error says more than the run's."""
        words = [str(n.get("message") or "") for n in self._nodes() if _PHASES.get(str(n.get("phase"))) == "Failed"]
        return " ".join((max(words, key=len, default="") or str(self._status.get("message") or "")).split())

    def reference(self) -> Object:
        """`status.workflow` of a resource whose state this run made."""
        made: Object = {"name": self.name, "namespace": self.namespace, "phase": self.argo_phase}
        if self.started:
            made["startedAt"] = self.started
        if self.finished:
            made["finishedAt"] = self.finished
        if self.failure is not None:
            where = f"{self.failure.task}: " if self.failure.task else ""
            made["message"] = f"{where}{self.failure.message}"
        return made

    def _nodes(self) -> Iterable[Mapping[str, Any]]:
        return [node for node in (self._status.get("nodes") or {}).values() if isinstance(node, dict)]

    def _overdue_at(self) -> datetime | None:
        seconds = (self.workflow.get("spec") or {}).get("activeDeadlineSeconds") or DEADLINES.get(self.pipeline)
        begin = self.started or self.created
        if not seconds or not begin:
            return None
        return parse_time(begin) + timedelta(seconds=int(seconds)) + GRACE


def read_runs(workflows: Iterable[Object], now: datetime) -> tuple[Run, ...]:
    """Runs of workflows, those that are being deleted left out, oldest first."""
    kept = (item for item in workflows if "deletionTimestamp" not in item["metadata"])
    return tuple(
        sorted((Run(item, now) for item in kept), key=lambda run: (run.created, run.finished or "9", run.name))
    )


def parse_time(text: str) -> datetime:
    """RFC 3339 as a time in UTC."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def timestamp(time: datetime) -> str:
    """A time in RFC 3339, to the second."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tasks(nodes: Iterable[Mapping[str, Any]]) -> Iterable[Task]:
    """One task for each step, whatever number of pods Argo tried it with."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for node in nodes:
        if node.get("type") in ("Pod", "Retry"):
            display = str(node.get("displayName") or "")
            groups.setdefault(re.sub(r"\(\d+\)$", "", display), []).append(node)
    for display, group in sorted(groups.items(), key=lambda item: (_begun(item[1]), item[0])):
        yield _task(display, group)


def _begun(group: list[Mapping[str, Any]]) -> str:
    return min(str(node.get("startedAt") or "9") for node in group)


def _task(display: str, group: list[Mapping[str, Any]]) -> Task:
    pods = sorted((n for n in group if n["type"] == "Pod"), key=lambda n: (n.get("startedAt") or "", n.get("name")))
    last = pods[-1] if pods else group[-1]
    whole = next((node for node in group if node["type"] == "Retry"), last)
    phase = _PHASES.get(str(whole.get("phase") or ""), "Pending")
    inputs = _parameters(last.get("inputs")) or _parameters(whole.get("inputs"))
    item = _ITEM.search(display)
    completed, total = read_progress(last.get("progress"))
    failed = [pod for pod in pods if pod.get("phase") in ("Failed", "Error") and pod.get("message")]
    told = failed[-1] if failed and phase == "Failed" else last
    return Task(
        name=display.partition("(")[0],
        phase=phase,
        node=inputs.get("node") or (item.group(2) if item else ""),
        host=str(last.get("hostNodeName") or ""),
        message=str(told.get("message") or whole.get("message") or ""),
        outputs=_parameters(whole.get("outputs")) or _parameters(last.get("outputs")),
        completed=completed,
        total=total,
        seen=tuple((float(mark[0]), int(mark[1])) for mark in last.get(SEEN) or ()),
        earlier=str(failed[-1]["message"]) if failed and phase == "Running" else "",
    )


def _parameters(holder: Any) -> dict[str, str]:
    parameters = (holder or {}).get("parameters") or ()
    return {str(p["name"]): str(p["value"]) for p in parameters if p.get("value") is not None}
