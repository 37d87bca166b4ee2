"""The status of a model that stays in its claim: read, or why not. `controller.plans.claim_model` writes it."""

from controller.actions import Object
from controller.observed import Context
from controller.plans.at_work import at_work
from controller.plans.conditions import Said, condition_of, conditions
from controller.plans.model_state import ModelState
from controller.plans.model_status import artifact_of, parsed_words, reference_of

_TASK = "read"


def claim_status(state: ModelState, context: Context, *, is_remembered: bool) -> Object:
    """The status as it should be.

    Args:
        state: The model.
        context: For the time of changed conditions.
        is_remembered: Whether the claim has been read for the inputs as they are.
    """
    old = state.model.get("status") or {}
    generation = int(state.model["metadata"].get("generation") or 0)
    said = claim_said(state, is_remembered=is_remembered)
    made: Object = {key: old[key] for key in ("lifecycle",) if key in old}
    made["observedGeneration"] = generation
    made["conditions"] = conditions(old.get("conditions") or (), said, generation, context.now)
    made["state"] = _state(state, said)
    if artifact := artifact_of(state, old, _TASK):
        made["artifact"] = artifact
    if state.runs.active is not None:
        made["progress"] = {"phase": "Parsing"}
    if reference := reference_of(state, old, context):
        made["workflow"] = reference
    return made


def claim_said(state: ModelState, *, is_remembered: bool) -> tuple[Said, ...]:
    """The conditions, without times."""
    parsed = _parsed(state, is_remembered=is_remembered)
    return (_resolved(state), parsed, _cached(state), _ready(state, parsed))


def _resolved(state: ModelState) -> Said:
    if not state.digest or state.gate.last is not None:
        return _waits("Resolved", state)
    artifact = artifact_of(state, state.model.get("status") or {}, _TASK)
    numbers = f": {artifact['files']} files, {artifact['totalBytes']} bytes" if "files" in artifact else ""
    return Said("Resolved", True, "Resolved", f"Listing {state.revision[:12]}{numbers}.")


def _parsed(state: ModelState, *, is_remembered: bool) -> Said:
    if state.skips_parsing:
        return Said("Parsed", True, "ParsingSkipped", "An annotation asks to keep the spec.")
    if state.gate.last is not None:
        return _waits("Parsed", state)
    if state.config is not None:
        return Said("Parsed", True, "Parsed", parsed_words(state.config))
    before = condition_of(state.model, "Parsed")
    if is_remembered and before.get("status") == "True":  # its run was cleared away
        return Said("Parsed", True, "Parsed", str(before.get("message") or ""))
    return _waits("Parsed", state)


def _cached(state: ModelState) -> Said:
    if not state.digest or state.gate.last is not None:
        return _waits("Cached", state)
    place = state.wanted.uri.removeprefix("pvc://")
    text = f"It is read in place from claim {place}: pods mount it, and nothing is copied to nodes."
    return Said("Cached", True, "ReadInPlace", text)


def _ready(state: ModelState, parsed: Said) -> Said:
    active, last = state.runs.active, state.gate.last
    if last is not None and active is None:
        return Said("Ready", False, last.reason, f"{last.sentence} {state.gate.outlook}")
    if state.digest and parsed.holds and last is None:
        return Said("Ready", True, "Ready", f"In claim {state.wanted.uri.removeprefix('pvc://')}.")
    if active is not None:
        earlier = f" The attempt before failed: {last.sentence}" if last is not None else ""
        return Said("Ready", False, "Importing", f"{at_work(active)}{earlier}")
    if state.digest:
        text = "The run ended well, but its facts cannot be read. Set the annotation ome.io/retry to parse it again."
        return Said("Ready", False, "FactsUnreadable", text)
    return Said("Ready", False, "Waiting", "A run will be submitted.")


def _waits(name: str, state: ModelState) -> Said:
    if state.gate.last is not None:
        return Said(name, False, state.gate.last.reason, f"{state.gate.last.sentence} {state.gate.outlook}")
    if state.runs.active is not None:
        return Said(name, None, "Importing", "The claim is being read.")
    return Said(name, None, "Waiting", "Nothing is known yet.")


def _state(state: ModelState, said: tuple[Said, ...]) -> str:
    """OME's word."""
    if next(one for one in said if one.type == "Ready").holds:
        return "Ready"
    if state.runs.active is not None:
        return "Importing"
    return "Failed" if state.gate.last is not None else "Creating"
