"""What is chosen for a service, why, and why not the rest: selection, conditions, and the event of a new choice."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from controller.actions import EmitEvent, Object
from controller.plans.attempts import Prospect
from controller.plans.conditions import Said
from controller.plans.service_attempts import SELECT
from controller.plans.service_inputs import UNFIT, model_obstacle
from controller.plans.service_state import ServiceState
from steps.choice import Choice


def selection_of(state: ServiceState, generation: int) -> Object:
    """The choice as the status has it; what is pinned stays as it is."""
    asked, choice = state.asked, _choice(state)
    is_told = choice is not None and (choice.runtime or not asked.selection.get("runtime"))
    if asked.is_pinned or choice is None or not is_told:
        return dict(asked.selection)
    artifact = ((asked.model or {}).get("status") or {}).get("artifact") or {}
    told = {"refused", "left_out", "warnings"} if not choice.runtime else None
    unsaid = None if choice.left_out else {"left_out"}
    made: Object = choice.model_dump(by_alias=True, mode="json", include=told, exclude=unsaid)
    made |= {"modelRevision": str(artifact.get("revision") or ""), "observedGeneration": generation}
    return {key: value for key, value in made.items() if value not in (None, [], "")}


def selection_event(service: Object, status: Object) -> tuple[EmitEvent, ...]:
    """The event of another choice than the status had; none when it is the same."""
    old, new = (found.get("selection") or {} for found in (service.get("status") or {}, status))
    named = ("runtimeNamespace", "runtime", "accelerator")
    if not new.get("runtime") or all((old.get(key) or "") == (new.get(key) or "") for key in named):
        return ()
    before = f", before {_chosen(old)}" if old.get("runtime") else ""
    text = "; ".join((f"{_chosen(new)}{before}", *(new.get("reasons") or ())))
    return (EmitEvent(service, "Normal", "Selected", text),)


def selected(state: ServiceState) -> Said:
    """Whether something is chosen, as the condition RuntimeSelected: what and why, or why nothing is."""
    choice = _choice(state)
    if state.asked.is_pinned or (choice is not None and choice.runtime):
        found = selection_of(state, 0)
        return Said("RuntimeSelected", True, "Selected", "; ".join((_chosen(found), *(found.get("reasons") or ()))))
    last = state.prospect.last
    if last is not None and last.task == SELECT:
        return Said("RuntimeSelected", False, last.reason, f"{last.sentence} {outlook_of(state.prospect)}")
    if state.active is not None:
        return Said("RuntimeSelected", None, "Deploying", "The selection is at work.")
    if (obstacle := model_obstacle(state.asked)) is not None and obstacle[0] == UNFIT:
        return Said("RuntimeSelected", False, *obstacle)
    return Said("RuntimeSelected", None, "Waiting", "Nothing is selected yet.")


def unfit(state: ServiceState) -> Said | None:
    """The selection was made although the model does not fit; None where it fits, and with `ome.io/fit: off`."""
    selection = selection_of(state, 0)
    fit = selection.get("fit") or {}
    told = str(fit.get("explanation") or "")
    if fit.get("verdict") != "does-not-fit" or told not in (selection.get("warnings") or ()):
        return None
    text = f'{_chosen(selection)}: {told}. With "ome.io/fit: enforce" it is refused, with "off" not looked at.'
    return Said("Fits", False, "DoesNotFit", text, "Info")


def outlook_of(prospect: Prospect) -> str:
    """What comes next; a selection is made anew when what it chooses from changes too."""
    is_refused = prospect.last is not None and prospect.last.task == SELECT and prospect.last.patience == "never"
    if is_refused and prospect.wait_seconds is None:
        return (
            "Tried again when the spec, the runtimes, the classes or the nodes change, or the annotation ome.io/retry."
        )
    return prospect.outlook


def _chosen(selection: Mapping[str, Any]) -> str:
    """Such as `runtime team/vllm on h100`."""
    place = f"{selection['runtimeNamespace']}/" if selection.get("runtimeNamespace") else ""
    where = f" on {selection['accelerator']}" if selection.get("accelerator") else ""
    return f"runtime {place}{selection['runtime']}{where}"


def _choice(state: ServiceState) -> Choice | None:
    """What the newest run for what is asked has chosen."""
    text = state.last.output("choice", "select") if state.last is not None else ""
    if not text:
        return None
    try:
        return Choice.model_validate_json(text)
    except ValidationError:
        return None
