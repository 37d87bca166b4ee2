"""A service's status: conditions with the scheduler's and the containers' own words, selection, url, OME's fields."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from controller.actions import Object
from controller.observed import Context
from controller.plans.at_work import at_work
from controller.plans.conditions import Said, conditions
from controller.plans.failures import failure
from controller.plans.runs import timestamp
from controller.plans.service_choice import outlook_of, selected, selection_of, unfit
from controller.plans.service_components import REASONS, Component
from controller.plans.service_inputs import DEPLOYED, Asked, model_obstacle
from controller.plans.service_loading import model_status
from controller.plans.service_memory import endpoint_of, remembered, warnings_of
from controller.plans.service_state import ServiceState

MISSING: Final = "ObjectsMissing"


def service_said(state: ServiceState) -> tuple[Said, ...]:
    """The conditions, without times."""
    said = [_model(state.asked), selected(state), _deployed(state)]
    parts = [_component(part, state) for part in state.components]
    said += parts
    if state.asked.has_drifted:
        said.append(_drifted(state.asked))
    if (doubt := unfit(state)) is not None:
        said.append(doubt)
    if state.mistake is not None:
        said.append(state.mistake)
    return (*said, _ready(state, said[2], parts))


def service_status(state: ServiceState, context: Context) -> Object:
    """The status as it should be."""
    service = state.asked.service
    old = service.get("status") or {}
    generation = int(service["metadata"].get("generation") or 0)
    said = service_said(state)
    endpoint = endpoint_of(state.asked, state.done)
    made: Object = {
        "observedGeneration": generation,
        "conditions": conditions(old.get("conditions") or (), said, generation, context.now),
        "modelStatus": model_status(
            state.engine, old, said[-1], state.prospect.last if state.active is None else None, context
        ),
    }
    selection = selection_of(state, generation)
    if selection:
        made["selection"] = selection
    if kept := remembered(state.asked, state.done, selection, context):
        made["annotations"] = kept
    if url := str(endpoint.get("url") or ""):
        made["url"] = url
        made["address"] = {"url": url}
    before = old.get("components") or {}
    if found := {
        c.name: _component_status(c, before.get(c.name) or {}, url) for c in state.components if c.deployment
    }:
        made["components"] = found
    reference: Object = state.last.reference() if state.last is not None else dict(old.get("workflow") or {})
    if state.lost and state.last is None:
        gone = failure("vanished", f"run {state.lost} was deleted before it ended")
        reference |= {"phase": "Error", "finishedAt": timestamp(context.now), "message": gone.sentence}
    if reference:
        made["workflow"] = reference
    return made


def _model(asked: Asked) -> Said:
    if (obstacle := model_obstacle(asked)) is not None:
        return Said("ModelReady", False, *obstacle)
    revision = str((((asked.model or {}).get("status") or {}).get("artifact") or {}).get("revision") or "")
    return Said("ModelReady", True, "Ready", f"{asked.model_name} at revision {revision[:12]}." if revision else "")


def _deployed(state: ServiceState) -> Said:
    if state.missing and state.active is None:
        return Said(
            "Deployed", False, MISSING, f"Gone since: {', '.join(state.missing)}. {_outlook_of_missing(state)}"
        )
    if state.is_deployed and state.active is None:
        warnings = "".join(f" {warning}." for warning in warnings_of(state.asked, state.done))
        return Said("Deployed", True, "Deployed", f"Just this is deployed, and has answered.{warnings}")
    if state.mistake is not None and state.active is None:
        return Said("Deployed", False, state.mistake.reason, state.mistake.message)
    last = state.prospect.last
    if state.active is not None:
        earlier = f" The attempt before failed: {last.sentence}" if last is not None else ""
        return Said("Deployed", None, "Deploying", f"{at_work(state.active)}{earlier}")
    if last is not None:
        return Said("Deployed", False, last.reason, f"{last.sentence} {outlook_of(state.prospect)}")
    if _waits_with_pods(state):
        return Said("Deployed", None, "ModelNotReady", f"{_fetching(state.asked)}; it is deployed then.")
    if model_obstacle(state.asked) is not None:
        return Said("Deployed", False, "ModelNotReady", "It waits for its model.")
    return Said("Deployed", False, "Pending", "A run will be submitted.")


def _outlook_of_missing(state: ServiceState) -> str:
    if state.mistake is not None:
        return f"It is deployed again once this is mended: {state.mistake.message}"
    if (obstacle := model_obstacle(state.asked)) is not None:
        return f"It is deployed again when its model can be served: {obstacle[1]}"
    return "It is deployed again."


def _component(part: Component, state: ServiceState) -> Said:
    name = f"{part.name.capitalize()}Ready"
    if part.deployment is None:
        is_coming = state.active is not None or state.is_deployed
        return Said(
            name, None if is_coming else False, "Deploying" if is_coming else "NotDeployed", "No Deployment yet."
        )
    if part.is_available:
        return Said(name, True, "Available", f"{part.count}.")
    if part.trouble is not None:
        text = f"{part.count}: {part.trouble.message}. {part.trouble.remedy}".strip()
        return Said(name, False, REASONS[part.trouble.cause], text)
    return Said(name, False, "Progressing", f"{part.count}.")


def _drifted(asked: Asked) -> Said:
    name = str(asked.selection.get("runtime") or "")
    if asked.runtime is None:
        text = f"Runtime {name}, with which it was deployed, is gone; what runs goes on running."
        return Said("Drifted", True, "RuntimeGone", text, "Info")
    if asked.target != asked.spec_digest:
        text = f"Runtime {name} has changed since, and ome.io/on-drift asks to follow it."
        return Said("Drifted", True, "Redeploying", text, "Info")
    text = f'Runtime {name} has changed since it was deployed. Set "ome.io/reselect" or "ome.io/on-drift: redeploy".'
    return Said("Drifted", True, "RuntimeChanged", text, "Info")


def _ready(state: ServiceState, deployed: Said, parts: Sequence[Said]) -> Said:
    broken = next((part for part in parts if not part.holds), None)
    if unreachable := [one for one in state.missing if one.startswith("Service/")]:
        return Said("Ready", False, MISSING, f"Gone since it was deployed: {', '.join(unreachable)}.")
    if (deployed.holds or deployed.reason == MISSING) and broken is None:
        return Said("Ready", True, "Ready", "Every component is available.")
    if state.mistake is not None and state.active is None and not all(part.deployment for part in state.components):
        return Said("Ready", False, state.mistake.reason, state.mistake.message)
    if broken is None and _waits_with_pods(state):
        return Said("Ready", None, "ModelNotReady", f"The pods before answer. {_fetching(state.asked)}.")
    obstacle = model_obstacle(state.asked)
    if obstacle is not None and state.active is None and not state.is_deployed:
        return Said("Ready", False, *obstacle)
    if deployed.holds is False and deployed.reason not in ("ModelNotReady", "Pending"):
        return Said("Ready", False, deployed.reason, deployed.message)
    if broken is not None and broken.reason not in ("NotDeployed", "Deploying"):
        return Said("Ready", False, broken.reason, broken.message)
    if state.active is not None and broken is None:
        what = "The pods before answer" if state.asked.remembered.get(DEPLOYED) else "Every component is available"
        return Said("Ready", None, "Deploying", f"{what} while run {state.active.name} is at work.")
    return Said("Ready", False, deployed.reason if not deployed.holds else "Progressing", deployed.message)


def _waits_with_pods(state: ServiceState) -> bool:
    """Whether all that is new is the model's revision, whose files are still on their way."""
    asked, obstacle = state.asked, model_obstacle(state.asked)
    if (
        obstacle is None
        or obstacle[0] != "ModelNotReady"
        or state.active is not None
        or state.prospect.last is not None
    ):
        return False
    return asked.is_pinned and asked.remembered.get(DEPLOYED, "") not in ("", asked.spec_digest)


def _fetching(asked: Asked) -> str:
    revision = str((((asked.model or {}).get("status") or {}).get("artifact") or {}).get("revision") or "")
    which = f"{asked.model_name} at revision {revision[:12]}" if revision else f"A new revision of {asked.model_name}"
    return f"{which} is being fetched, see ModelReady"


def _component_status(part: Component, old: Mapping[str, Any], url: str) -> Object:
    made: Object = {"latestCreatedRevision": part.revision}
    if part.is_rolled_out:
        made |= {"latestReadyRevision": part.revision, "latestRolledoutRevision": part.revision}
        before = str(old.get("latestRolledoutRevision") or "")
        previous = before if before and before != part.revision else str(old.get("previousRolledoutRevision") or "")
        made |= {"previousRolledoutRevision": previous} if previous else {}
    else:
        kept = ("latestReadyRevision", "latestRolledoutRevision", "previousRolledoutRevision")
        made |= {key: old[key] for key in kept if old.get(key)}
    if part.name == "engine" and url:
        made["url"] = url
    return made
