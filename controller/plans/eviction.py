"""Taking a model off nodes: evict runs submitted, their results read, and what is left of nodes that do not answer.

The files of a reserved model stay: the same runs then write that on nodes, since no resource says it any more.

Each eviction is of an entry: an annotation of the run says, by node, which. A model that comes back to a node later
has another entry, so an old run never passes for its eviction.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from controller.actions import CreateObject, Object
from controller.observed import Context
from controller.plans.attempts import Failed, Prospect, prospect, soonest
from controller.plans.failures import Failure, read_failure
from controller.plans.model_inputs import RETRY, Wanted, default_folder
from controller.plans.model_runs import runs_of_model
from controller.plans.model_state import NodeState
from controller.plans.naming import digest_of, next_run
from controller.plans.node_records import Entry
from controller.plans.runs import Run, Task
from controller.plans.submission import submit
from crds.labels import RESERVED

TEMPLATE: Final = "evict-model"
EVICTS: Final = "evicts"
"""Annotation `ome.io/evicts`: JSON, the token of the entry by node."""


@dataclass(frozen=True, slots=True)
class Eviction:
    """How far cleaning some nodes is.

    Attributes:
        done: Nodes that are clean, or whose files are to stay.
        left: Folder by node, of those in `done` whose files stay because no eviction may reach them.
        given_up: Nodes where it failed for good, with the failure.
        submission: The run to submit now.
        is_running: Whether a run goes on.
        wait_seconds: Until the next attempt.
        trouble: The newest failure of a node that is tried again.
    """

    done: tuple[str, ...] = ()
    given_up: Mapping[str, Failure] = field(default_factory=dict)
    submission: CreateObject | None = None
    is_running: bool = False
    wait_seconds: float | None = None
    trouble: Failure | None = None
    left: Mapping[str, str] = field(default_factory=dict)


def plan_eviction(
    model: Object, wanted: Wanted, nodes: Sequence[NodeState], context: Context, *, may_submit: bool
) -> Eviction:
    """What to do about nodes that hold something of a model that they are not to hold.

    Args:
        model: The model.
        wanted: What it asks for.
        nodes: Those nodes, each with an entry and able to start pods.
        context: What is observed.
        may_submit: False while another run of the model goes on.
    """
    runs = evict_runs(model, context)
    active = next((run for run in runs if run.is_active), None)
    done: list[str] = []
    left: dict[str, str] = {}
    given_up: dict[str, Failure] = {}
    due: list[NodeState] = []
    waits: list[float | None] = []
    trouble: Failure | None = None
    for node in nodes:
        assert node.entry is not None  # noqa: S101 - the caller's promise
        folder = node.entry.path or wanted.folder
        is_below = folder.startswith(f"{context.settings.models_root.rstrip('/')}/")
        is_shared = shares_folder(model, folder, context)
        if is_shared or not is_below:
            done.append(node.name)
            left |= {} if is_shared or is_reserved(model) else {node.name: folder}
            continue
        outcome = _outcome(runs, node.name, _token(model, node.entry), context)
        if outcome is None:
            done.append(node.name)
            continue
        trouble = outcome.last or trouble
        if outcome.wait_seconds is None and outcome.last is not None:
            given_up[node.name] = outcome.last
        elif outcome.is_due:
            due.append(node)
        else:
            waits.append(outcome.wait_seconds)
    submission = _submission(model, wanted, due, runs, context) if due and active is None and may_submit else None
    if active is not None:
        waits.append(active.seconds_to_deadline)
    return Eviction(tuple(done), given_up, submission, active is not None, soonest(waits), trouble, left)


def evict_runs(model: Object, context: Context) -> tuple[Run, ...]:
    """Evict runs of a model, oldest first."""
    return runs_of_model(model, context, TEMPLATE)


def is_reserved(model: Object) -> bool:
    """Whether its files stay by its label: its evictions then only note on nodes that they do."""
    return bool((model["metadata"].get("labels") or {}).get(RESERVED) == "true")


def shares_folder(model: Object, folder: str, context: Context) -> bool:
    """Whether files stay although the model goes, since another model's folder is there or below."""
    return any(
        item["metadata"].get("uid") != model["metadata"].get("uid") and "deletionTimestamp" not in item["metadata"]
        for item in context.observed.models_in(folder, context.settings.models_root)
    )


def _outcome(runs: Sequence[Run], node: str, token: str, context: Context) -> Prospect | None:
    """None when an eviction of that entry has succeeded, else when it is due."""
    failed: list[Failed] = []
    for run in reversed(runs):
        if _evicts(run).get(node) != token:
            continue
        task = next((t for t in run.tasks if t.name == "evict" and node in (t.node, t.outputs.get("node"))), None)
        if _succeeded(run, task):
            return None
        if not run.is_active:
            told = read_failure(task.message, "evict") if task is not None and task.phase == "Failed" else run.failure
            if told is not None:
                failed.append(Failed(told, run.finished))
    return prospect(failed[::-1], context.settings, context.now)


def _token(model: Object, entry: Entry) -> str:
    """What an eviction is of: the entry, and anew when a person asks for another attempt, or for the files to stay."""
    retry = str((model["metadata"].get("annotations") or {}).get(RETRY) or "")
    return "+".join(filter(None, (entry.token, retry, "reserve" if is_reserved(model) else "")))


def _succeeded(run: Run, task: Task | None) -> bool:
    return task.phase == "Succeeded" if task is not None else run.phase == "Succeeded"


def _evicts(run: Run) -> Mapping[str, str]:
    try:
        found = json.loads(run.annotations.get(f"ome.io/{EVICTS}") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _submission(
    model: Object, wanted: Wanted, due: Sequence[NodeState], runs: Sequence[Run], context: Context
) -> CreateObject:
    """A run for the nodes of one folder; those of another one come after it."""
    folder = (due[0].entry.path if due[0].entry else "") or wanted.folder
    group = [node for node in due if node.entry is not None and (node.entry.path or wanted.folder) == folder]
    tokens = {node.name: _token(model, node.entry) for node in group if node.entry is not None}
    inputs = digest_of([wanted.uid, folder, tokens])
    arguments = {"name": wanted.name, "scope": wanted.kind}
    arguments |= {"namespace": wanted.namespace} if wanted.namespace else {}
    default = default_folder(context.settings.models_root, wanted.namespace, model["metadata"])
    arguments |= {"path": folder} if folder != default else {}
    arguments |= {"reserve": "true"} if is_reserved(model) else {}
    arguments["nodes"] = json.dumps(sorted(tokens))
    name = next_run("evict", wanted.name, inputs, (run.name for run in runs))
    return submit(
        TEMPLATE, name, model, arguments, inputs, context.settings.namespace, evicts=json.dumps(tokens, sort_keys=True)
    )
