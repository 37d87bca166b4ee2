"""What import runs of a model say: which are for what is wanted, what they gave to each node, and how they failed.

A finished run counts until its results are recorded, which `status.workflow` says: from then on the nodes' entries are
what is known, so that an old run never brings back what was evicted since.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from controller.actions import Object, PatchObject
from controller.observed import Context
from controller.plans.attempts import Failed, Prospect, prospect, prospect_of, since_success
from controller.plans.failures import read_failure
from controller.plans.model_inputs import Wanted
from controller.plans.model_runs import runs_of_model
from controller.plans.runs import ADOPTED, Run, Task
from controller.plans.submission import resource_labels
from crds import labels
from steps.facts import Facts
from steps.publication import facts_in_spec

VERB: Final = "import"
TEMPLATE: Final = "import-model"
CLAIM_TEMPLATE: Final = "read-claim"
_OWN: Final = (TEMPLATE, CLAIM_TEMPLATE)
"""Templates whose runs are for a model alone."""
_TEMPLATES: Final = (*_OWN, "onboard-model")
_GATES: Final = frozenset({"", "resolve", "parse", "read"})
"""Tasks whose failure concerns every node; "" is the run as a whole."""


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What a run has done on one node so far."""

    run: Run
    task: Task


@dataclass(frozen=True)
class ImportRuns:
    """The import runs of a model.

    Attributes:
        every: All of them, oldest first.
        wanted: Those that bring what is wanted.
        attempts: Those of `wanted` whose failures count: submitted for the inputs as they are.
        unrecorded: Those of `wanted` whose results the model's status does not have yet, and those that go on.
        adoptable: Those of `wanted` that nobody has marked as ours yet.
        lost: Name of the run that the status waits for and that is not there any more; "" for none.
        status: The model's.
    """

    every: tuple[Run, ...]
    wanted: tuple[Run, ...]
    attempts: tuple[Run, ...]
    unrecorded: tuple[Run, ...]
    adoptable: tuple[Run, ...]
    lost: str = ""
    status: Mapping[str, Any] = field(default_factory=dict)

    @property
    def last(self) -> Run | None:
        """The newest run that brings what is wanted; None when the status remembers a newer one that went well."""
        return next(iter(since_success(self.wanted, self.status)[-1:]), None)

    @property
    def active(self) -> Run | None:
        """The newest run that goes on, whatever it imports."""
        return next((run for run in reversed(self.every) if run.is_active), None)

    @property
    def outdated(self) -> tuple[Run, ...]:
        """Runs of ours that go on and bring what is not wanted any more."""
        return tuple(
            run
            for run in self.every
            if run.is_active and run.is_ours and run.pipeline in _OWN and run not in self.wanted
        )

    @property
    def has_news(self) -> bool:
        """Whether a finished run's results have yet to be recorded."""
        return any(not run.is_active for run in self.unrecorded)

    def results(self) -> Mapping[str, NodeResult]:
        """By node: what the newest run that reached it has done there, recorded results left out."""
        found: dict[str, NodeResult] = {}
        for run in self.unrecorded:
            for task in cache_tasks(run):
                found[task.node or task.outputs.get("node", "") or task.host] = NodeResult(run, task)
        found.pop("", None)
        return found

    def output(self, name: str, task: str) -> str:
        """An output of the newest run that has it."""
        return next((text for run in reversed(self.wanted) if (text := run.output(name, task))), "")

    def told(self, name: str, task: str) -> str:
        """As `output`, of runs whose results the status lacks, that it names, or that brought its artifact.

        What others brought was replaced since: a finished run is there for days.
        """
        named = (self.status.get("workflow") or {}).get("name")
        digest = str((self.status.get("artifact") or {}).get("digest") or "").removeprefix("sha256:")
        for run in reversed(self.wanted):
            is_present = bool(digest) and run.output("manifest", "resolve").removeprefix("sha256:") == digest
            counts = run in self.unrecorded or run.name == named or is_present
            if counts and (text := run.output(name, task)):
                return text
        return ""

    def facts(self) -> Mapping[str, Any] | None:
        """The model's facts in the words of its spec, from the newest run that has them."""
        text = self.output("facts", "parse") or self.output("facts", "read")
        if not text:
            return None
        try:
            return facts_in_spec(Facts.model_validate_json(text))
        except ValidationError:
            return None

    def gate(self, context: Context) -> Prospect:
        """When another run may start, after failures that concern every node."""
        return prospect_of(since_success(self.attempts, self.status), context, _GATES)

    def needed(self, nodes: Collection[str], most: int) -> frozenset[str]:
        """Names of the runs that tell how it failed on nodes: for each node the newest ones, at most so many."""
        found: set[str] = set()
        for node in nodes:
            reached = [run.name for run in self.attempts if any(node in _nodes(task) for task in cache_tasks(run))]
            found.update(reached[-most:])
        return frozenset(found)

    def on_node(self, node: str, context: Context) -> Prospect:
        """When another run may try a node, after failures there."""
        failed: list[Failed] = []
        for run in reversed(self.attempts):
            task = next((t for t in cache_tasks(run) if node in _nodes(t)), None)
            if task is None or task.phase in ("Pending", "Running"):
                continue
            if task.phase == "Succeeded":
                break
            failed.append(Failed(read_failure(task.message, "cache"), run.finished or _end_of_time(context)))
        return prospect(failed[::-1], context.settings, context.now)


def read_import_runs(model: Object, wanted: Wanted, context: Context) -> ImportRuns:
    """The import runs of a model, from whatever template and whoever submitted them."""
    every = runs_of_model(model, context, *_TEMPLATES)
    status = model.get("status") or {}
    adoptable = tuple(run for run in every if _is_adoptable(run, model, wanted))
    of_files = [run for run in every if run.is_of(model) and run.inputs(VERB).partition("-")[0] == wanted.files]
    mine = [run for run in every if run in of_files or run in adoptable]
    marker = status.get("workflow") or {}
    is_lost = bool(marker.get("name")) and not marker.get("finishedAt")
    is_lost = is_lost and all(run.name != marker["name"] for run in every)
    return ImportRuns(
        every=every,
        wanted=tuple(mine),
        attempts=tuple(run for run in mine if run.inputs(VERB) in ("", wanted.inputs)),
        unrecorded=tuple(run for run in mine if not _is_recorded(run, every, marker)),
        adoptable=adoptable,
        lost=str(marker["name"]) if is_lost else "",
        status=status,
    )


def adopt(run: Run, model: Object, inputs: str) -> PatchObject:
    """Mark a run that somebody else submitted as the one for these inputs."""
    metadata: Object = {"annotations": {labels.INPUTS: inputs}, "labels": resource_labels(model)}
    if run.pipeline not in _OWN:
        metadata = {"annotations": {f"{ADOPTED}{VERB}": inputs}}
    return PatchObject("Workflow", run.namespace, run.name, {"metadata": metadata})


def cache_tasks(run: Run) -> Sequence[Task]:
    """What a run did on nodes. Of a success whose details cannot be read, all that it was asked to do."""
    found = [task for task in run.tasks if task.name == "cache"]
    if found or run.phase != "Succeeded":
        return found
    return [Task("cache", "Succeeded", node=node) for node in asked_nodes(run)]


def unfinished_nodes(run: Run) -> frozenset[str]:
    """Nodes that are all a run has left to do; none before it has come as far as nodes, and when it is through."""
    begun = [task for task in run.tasks if task.name == "cache"]
    if not begun:
        return frozenset()
    return frozenset(asked_nodes(run)) - {task.node for task in begun if task.phase in ("Succeeded", "Failed")}


def asked_nodes(run: Run) -> tuple[str, ...]:
    """The nodes in a run's arguments; those that are named."""
    try:
        nodes = json.loads(run.arguments.get("nodes") or "[]")
    except ValueError:
        return ()
    return tuple(str(node) for node in nodes if node) if isinstance(nodes, list) else ()


def _nodes(task: Task) -> tuple[str, ...]:
    """The node of a task by all that may name it."""
    return task.node, task.outputs.get("node", ""), task.host


def _is_adoptable(run: Run, model: Object, wanted: Wanted) -> bool:
    """Asked for by others, for the same files; of an earlier model of that name only if it outlived it."""
    if run.inputs(VERB) or not wanted.uri or not run.is_of(model):
        return False
    artifact = (model.get("status") or {}).get("artifact") or {}
    has = str(artifact.get("revision") or "") if artifact.get("uri") == wanted.uri else ""
    is_of_this_life = run.is_active or run.finished >= str(model["metadata"].get("creationTimestamp") or "")
    return is_of_this_life and wanted.is_asked_by(run.arguments, wanted.followed or has)


def _is_recorded(run: Run, every: Sequence[Run], marker: Mapping[str, Any]) -> bool:
    """Whether the status has come as far as this run: `marker` is the run that it names."""
    if run.is_active or not marker:
        return False
    if run.name == marker.get("name"):
        return bool(marker.get("finishedAt"))
    named = next((other for other in every if other.name == marker.get("name")), None)
    if named is not None:
        return every.index(run) < every.index(named)
    return run.created <= str(marker.get("startedAt") or marker.get("finishedAt") or "")


def _end_of_time(context: Context) -> str:
    """A node's failure in a run that still goes on counts from now: the next run comes after it anyway."""
    return context.now.isoformat()
