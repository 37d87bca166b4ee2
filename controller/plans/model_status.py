"""A model's status: conditions that name cause and remedy, progress, artifact, and OME's state derived from them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from controller.actions import Object
from controller.observed import Context
from controller.plans.at_work import at_work
from controller.plans.attempts import Prospect
from controller.plans.conditions import Said, condition_of, conditions
from controller.plans.failures import failure
from controller.plans.import_progress import import_progress, node_progress, stalled_words
from controller.plans.model_inputs import Wanted
from controller.plans.model_state import ModelState, NodeState
from controller.plans.node_records import MOST_BYTES
from controller.plans.runs import Run, timestamp
from controller.plans.up_to_date import up_to_date
from crds.storage import DOWNLOAD_POLICY_HAS_NO_EFFECT

_NAMED = 5
"""Nodes that a message names one by one."""
_KEPT = ("lifecycle",)


def model_status(
    state: ModelState, context: Context, *, obstacle: Said | None, cleaning: Said | None, source: Object
) -> Object:
    """The status as it should be.

    Args:
        state: The model.
        context: For the time of changed conditions.
        obstacle: Why no run can be submitted, as the Ready condition has it; None when one can.
        cleaning: A condition about nodes that could not be cleaned; None when there is nothing to say.
        source: What the model's source named when it was last asked; {} when it never was.
    """
    old = state.model.get("status") or {}
    generation = int(state.model["metadata"].get("generation") or 0)
    artifact = artifact_of(state, old, "resolve")
    if artifact.get("revision") not in (state.artifact.get("revision"), state.wanted.followed):
        source = {}  # what was said of another revision
    said = said_of(state, obstacle, cleaning, context.now) + ((cleaning,) if cleaning else ())
    said += up_to_date(state, source, artifact)
    active = _active(state)
    made: Object = {key: old[key] for key in _KEPT if key in old}
    made["observedGeneration"] = generation
    made["conditions"] = conditions(old.get("conditions") or (), said, generation, context.now)
    made["state"] = _state(state, said, active)
    if names := sorted(node.name for node in state.usable):
        made["nodesReady"] = names
    if names := sorted(n.name for n in state.lacking if n.prospect.last is not None and not n.is_running):
        made["nodesFailed"] = names
    if artifact and not state.is_updating:
        artifact.pop("signedBy", None)
        artifact |= {"signedBy": signer} if (signer := _signer(state)) else {}
    if artifact:
        made["artifact"] = artifact
    if source:
        made["source"] = source
    if active is not None:
        made["progress"], _ = _progress(state, active, context.now)
    elif state.targets:
        made["progress"] = {"nodesReady": _nodes_ready(state)}
    if reference := reference_of(state, old, context):
        made["workflow"] = reference
    return made


def said_of(state: ModelState, obstacle: Said | None, cleaning: Said | None, now: datetime) -> tuple[Said, ...]:
    """The conditions, without times."""
    ready = _ready(state, obstacle, cleaning, now)
    said: tuple[Said, ...] = (_resolved(state), _parsed(state), _cached(state), ready)
    if state.wanted.tokens_in_clear:
        fields = ", ".join(f"spec.storage.{key}" for key in state.wanted.tokens_in_clear)
        text = (
            f"{fields} is readable by all who may read this model. Put it into a Secret and name that in storage.key."
        )
        said += (Said("SecretInClear", True, "TokenInClear", text, "Info"),)
    if state.wanted.storage.download_policy == "AlwaysDownload":
        text = f"spec.storage.downloadPolicy: {DOWNLOAD_POLICY_HAS_NO_EFFECT}."
        said += (Said("FieldsHonoured", False, "FieldsIgnored", text, "Info"),)
    return said


def _resolved(state: ModelState) -> Said:
    if state.is_behind:
        return _as_before(state, "Resolved")
    if state.digest:
        files, size = state.runs.output("file_count", "resolve"), state.runs.output("total_bytes", "resolve")
        old = artifact_of(state, state.model.get("status") or {}, "resolve")
        files, size = files or str(old.get("files", "")), size or str(old.get("totalBytes", ""))
        numbers = f": {files} files, {size} bytes" if files and size else ""
        return Said("Resolved", True, "Resolved", f"Revision {state.revision[:12]}{numbers}.")
    return _waits("Resolved", state, "resolve")


def _parsed(state: ModelState) -> Said:
    if state.skips_parsing:
        return Said("Parsed", True, "ParsingSkipped", "An annotation asks to keep the spec.")
    if state.is_behind:
        return _as_before(state, "Parsed")
    if state.config is not None:
        return Said("Parsed", True, "Parsed", parsed_words(state.config))
    return _waits("Parsed", state, "parse")


def parsed_words(config: Mapping[str, Any]) -> str:
    """What facts say of a model, in a sentence."""
    size = config.get("modelParameterSize") or "unknown number of"
    kind = config.get("modelArchitecture") or config.get("modelType") or "unknown architecture"
    return f"{kind}, {size} parameters."


def _as_before(state: ModelState, name: str) -> Said:
    """A condition of the revision that is served while a newer one is on its way."""
    old = condition_of(state.model, name)
    holds = {"True": True, "False": False}.get(str(old.get("status")))
    return Said(name, holds, str(old.get("reason") or "Waiting"), str(old.get("message") or ""))


def _waits(name: str, state: ModelState, task: str) -> Said:
    last = state.gate.last
    if last is not None and (last.task in ("", task)):
        return Said(name, False, last.reason, f"{last.sentence} {state.gate.outlook}")
    if _active(state) is not None:
        return Said(name, None, "Importing", "The import is at work.")
    return Said(name, None, "Waiting", "Nothing is known yet.")


def _cached(state: ModelState) -> Said:
    if not state.targets:
        return Said("Cached", False, "NoMatchingNode", _no_node(state))
    signed = f", with a signature by {signer}" if (signer := _signer(state)) else ""
    if state.is_behind and state.is_usable:
        return Said("Cached", True, "Cached", f"On {_count(state)}{signed}.")
    text = f"On {_count(state)}{signed}{_stragglers(state.lacking, state.wanted)}."
    if state.is_cached:
        return Said("Cached", True, "Cached", text)
    if (failed := _failed(state.lacking)) is not None:
        return Said("Cached", False, failed.reason, text)
    if _active(state) is not None:
        return Said("Cached", None, "Importing", text)
    return Said("Cached", False, "Waiting" if state.lacking else "TooFewNodes", text)


def _signer(state: ModelState) -> str:
    """Whose signature the files have that are served; "" for nobody's."""
    if state.is_behind:
        return str(state.artifact.get("signedBy") or "")
    return state.wanted.signer if state.ready else ""


def _ready(state: ModelState, obstacle: Said | None, cleaning: Said | None, now: datetime) -> Said:
    if (state.is_cached and state.is_parsed) or (state.is_behind and state.is_usable):
        return Said("Ready", True, "Ready", f"Verified files on {_count(state)}.")
    active, gate = _active(state), state.gate
    if obstacle is not None:
        return obstacle
    if active is not None:
        words = [at_work(active), stalled_words(node_progress(active, _size(state), now))]
        words += [f"The attempt before failed: {gate.last.sentence}"] if gate.last else []
        return Said("Ready", False, "Importing", " ".join(filter(None, words)))
    if gate.last is not None:
        return Said("Ready", False, gate.last.reason, f"{gate.last.sentence} {gate.outlook}")
    if not state.targets:
        return Said("Ready", False, "NoMatchingNode", _no_node(state))
    if (node := _failing(state.lacking)) is not None and node.prospect.last is not None:
        text = f"{node.name}: {node.prospect.last.sentence} {node.prospect.outlook}"
        return Said("Ready", False, node.prospect.last.reason, text)
    if not state.is_parsed and state.is_cached:
        text = "The run ended well, but its facts cannot be read. Set the annotation ome.io/retry to parse it again."
        return Said("Ready", False, "FactsUnreadable", text)
    if full := [node.name for node in state.lacking if node.is_full(state.wanted)]:
        return Said("Ready", False, "NodeRecordFull", _no_room(full))
    if not state.lacking and not state.is_cached:
        text = f"On {_count(state)}. Label more nodes, or lower spec.minReadyNodes."
        return Said("Ready", False, "TooFewNodes", text)
    if all(not node.place.can_start_pods for node in state.lacking):
        text = f"No pod can start on the nodes that lack it{_stragglers(state.lacking, state.wanted)}."
        return Said("Ready", False, "NodesUnavailable", f"{text} Mend them, or set spec.minReadyNodes.")
    if cleaning is not None and all(node.is_left_over(state.wanted) for node in state.lacking):
        return Said("Ready", False, cleaning.reason, cleaning.message)
    return Said("Ready", False, "Waiting", "A run will be submitted.")


def _count(state: ModelState) -> str:
    """How many nodes have it, of those that match; of those asked for, where so many do not match."""
    ready, targets, asked = len(state.usable), len(state.targets), state.wanted.min_ready or 0
    if asked > targets:
        return f"{ready} of the {asked} nodes asked for; {targets} {'matches' if targets == 1 else 'match'}"
    return f"{ready} of {targets} nodes"


def _no_node(state: ModelState) -> str:
    storage = state.wanted.storage
    asked = [f"{key}={value}" for key, value in sorted(storage.node_selector.items())]
    asked += ["storage.nodeAffinity"] if storage.node_affinity else []
    if not asked:
        return "There is no node that a cache pod can start on."
    return f"No node satisfies {', '.join(asked)}. Label a node, or change spec.storage."


def _no_room(names: Sequence[str]) -> str:
    told = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    return (
        f"No room for another model in the ConfigMap that records what a node has, of {told}: Kubernetes allows "
        f"{MOST_BYTES} bytes. Delete models that are not needed, send some to other nodes by spec.storage, or set "
        "spec.minReadyNodes. It is looked at again every few minutes."
    )


def _stragglers(nodes: Sequence[NodeState], wanted: Wanted) -> str:
    """Which nodes lack it, and why."""
    told = [f"{node.name} {_why(node, wanted)}" for node in nodes[:_NAMED]]
    more = f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else ""
    return f"; lacking: {', '.join(told)}{more}" if told else ""


def _why(node: NodeState, wanted: Wanted) -> str:
    if node.place.trouble:
        return f"({node.place.trouble})"
    if node.is_running:
        return "(at work)"
    if node.is_full(wanted):
        return "(its ConfigMap is full)"
    if node.prospect.last is not None:
        return f"({node.prospect.last.reason}: {node.prospect.last.message})"
    return "(waiting)"


def _failing(nodes: Sequence[NodeState]) -> NodeState | None:
    return next((node for node in nodes if node.prospect.last is not None and not node.is_running), None)


def _failed(nodes: Sequence[NodeState]) -> Any:
    found = _failing(nodes)
    return found.prospect.last if found is not None else None


def _active(state: ModelState) -> Run | None:
    return next((run for run in reversed(state.runs.wanted) if run.is_active), None)


def _state(state: ModelState, said: Sequence[Said], active: Run | None) -> str:
    """OME's word: Ready, Failed, In_Transit while files move, Importing before, Creating while nothing happens."""
    if next(one for one in said if one.type == "Ready").holds:
        return "Ready"
    if active is not None:
        return "In_Transit" if active.task("cache") is not None else "Importing"
    prospects: list[Prospect] = [state.gate, *(node.prospect for node in state.lacking)]
    return "Failed" if any(one.last is not None for one in prospects) else "Creating"


def artifact_of(state: ModelState, old: Object, task: str) -> Object:
    """`status.artifact`: what the newest run brought, by the task of it that lists files; else what it is."""
    before: Object = dict(old.get("artifact") or {})
    if state.is_updating:
        return before
    if not state.digest or before.get("digest") == state.digest and before.get("uri") == state.wanted.uri:
        return before
    made: Object = {"uri": state.wanted.uri, "revision": state.revision, "digest": state.digest}
    for field, output in (("totalBytes", "total_bytes"), ("files", "file_count")):
        text = state.runs.output(output, task)
        if text.isdigit():
            made[field] = int(text)
        elif before.get("digest") == state.digest and field in before:
            made[field] = before[field]
    return made


def seconds_to_progress(state: ModelState, context: Context) -> float | None:
    """Until the progress of a running import may have to be told anew although nothing changes; None for never."""
    active = _active(state)
    return _progress(state, active, context.now)[1] if active is not None else None


def _progress(state: ModelState, run: Run, now: datetime) -> tuple[Object, float | None]:
    return import_progress(run, _size(state), _nodes_ready(state), state.model.get("status") or {}, now)


def _size(state: ModelState) -> int:
    """Bytes of the model; 0 while nobody knows."""
    return int(artifact_of(state, state.model.get("status") or {}, "resolve").get("totalBytes") or 0)


def _nodes_ready(state: ModelState) -> str:
    return f"{len(state.usable)}/{len(state.targets)}"


def reference_of(state: ModelState, old: Object, context: Context) -> Object:
    """The newest run; one that went while it was waited for is told of as an error."""
    before: Object = dict(old.get("workflow") or {})
    if state.runs.lost and not state.runs.wanted:
        gone = failure("vanished", f"run {state.runs.lost} was deleted before it ended")
        return before | {"phase": "Error", "finishedAt": timestamp(context.now), "message": gone.sentence}
    return state.runs.last.reference() if state.runs.last is not None else before
