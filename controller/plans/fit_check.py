"""Whether a model would run here, before a byte of its weights is fetched, where `ome.io/fit: enforce` asks for that.

A model asks by that annotation of its own. Without it services ask, when every one that names the model enforces. A
run of `check-fit` resolves, parses and selects; the import is submitted once one has ended well. What is refused is
looked at again when anything that it was chosen from changes. What nodes have already is not asked about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from controller.actions import Action, DeleteObject, EmitEvent, Object
from controller.observed import Context
from controller.plans.at_work import at_work
from controller.plans.attempts import doubled_wait, prospect_of, seconds_left
from controller.plans.choices import kinds_to_choose_from, nodes_of_classes
from controller.plans.conditions import Said
from controller.plans.import_runs import cache_tasks
from controller.plans.model_runs import own_runs_of_model
from controller.plans.model_state import ModelState
from controller.plans.model_token import token_for_run
from controller.plans.naming import digest_of, next_run, run_name
from controller.plans.runs import Run
from controller.plans.service_inputs import asked_of, find_model
from controller.plans.service_virtual import is_virtual
from controller.plans.submission import forget_failures, submit
from crds.metadata import FIT
from crds.problems import FieldError
from crds.service_annotations import check_fit

TEMPLATE: Final = "check-fit"
VERB: Final = "fit"
_ENFORCE: Final = "enforce"
_OF_A_SERVICE: Final = ("namespace", "runtime", "accelerator", "constraints", "policy", "tolerations", "context")
_OF_A_MODEL: Final = (
    "uri", "revision", "allow_patterns", "ignore_patterns", "source_parameters", "manifest_digest", "secret",
    "secret_key",
)  # fmt: skip
_FIRST: Final = "It is looked at first whether it fits: nothing is fetched before that."
_AGAIN: Final = (
    "It is looked at again when the runtimes, the accelerator classes, their nodes or what is asked change, or the "
    "annotation ome.io/retry."
)


@dataclass(frozen=True, slots=True)
class FitCheck:
    """Whether an import may be submitted, and what to do to know.

    Attributes:
        obstacle: Why not, as the condition Ready has it; None when it may.
        is_refused: Whether nothing here runs it, so that it is not only waited for.
        stopped: Runs to end: of other questions, and imports that have not come to the weights yet.
        submission: The run to submit now, behind what it needs.
        is_running: Whether one goes on.
        wait_seconds: Until it is looked at again though nothing changes; None for never.
    """

    obstacle: Said | None = None
    is_refused: bool = False
    stopped: tuple[Action, ...] = ()
    submission: tuple[Action, ...] = ()
    is_running: bool = False
    wait_seconds: float | None = None

    @property
    def needs_token(self) -> bool:
        """Whether a run goes on or is to be submitted now."""
        return self.is_running or bool(self.submission)


def plan_fit(state: ModelState, context: Context) -> FitCheck:
    """What to do about whether a model fits."""
    asked = asked_fit(state.model, context)
    if asked is None or _has_begun(state):
        return FitCheck()
    runs, inputs = own_runs_of_model(state.model, context, TEMPLATE), _inputs(state, asked, context)
    same = [run for run in runs if run.inputs(VERB) == inputs]
    last = same[-1] if same else None
    if last is not None and last.phase == "Succeeded":
        return FitCheck()
    outdated = [run for run in runs if run.is_active and run is not last] + _early_imports(state)
    stopped = tuple(DeleteObject("Workflow", run.namespace, run.name) for run in outdated)
    if last is not None and last.is_active:
        words = Said("Ready", False, "CheckingFit", f"{_FIRST} {at_work(last)}")
        return FitCheck(words, stopped=stopped, is_running=True, wait_seconds=last.seconds_to_deadline)
    found = prospect_of(same, context)
    if found.last is not None:
        outlook = _AGAIN if found.last.patience == "never" else found.outlook
        words = Said("Ready", False, found.last.reason, f"Nothing is fetched. {found.last.sentence} {outlook}")
        submission = tuple(_submission(state, runs, inputs, asked, context)) if found.is_due else ()
        return FitCheck(
            words, found.wait_seconds is None, stopped, submission, wait_seconds=found.wait_seconds or None
        )
    wait = _rest(runs, state, context)
    submission = tuple(_submission(state, runs, inputs, asked, context)) if not wait else ()
    words = Said("Ready", False, "CheckingFit", _FIRST)
    return FitCheck(words, stopped=stopped, submission=submission, wait_seconds=wait or None)


def asked_fit(model: Object, context: Context) -> Mapping[str, str] | None:
    """What a runtime and a class must meet for this model to be fetched, as inputs of select-runtime.

    Of several services it is what all of them ask. None when it is fetched whatever comes of it.
    """
    metadata = model["metadata"]
    if own := _policy(model):
        place = {"namespace": str(metadata["namespace"])} if metadata.get("namespace") else {}
        return place if own == _ENFORCE else None
    named = context.observed.services_of(str(metadata["name"]), str(metadata.get("namespace") or ""))
    services = [service for service in named if _counts(service, model, context)]
    if not services or any(_policy(service) != _ENFORCE for service in services):
        return None
    first, *others = (asked_of(service, context).arguments() for service in services)
    return {
        key: first[key]
        for key in _OF_A_SERVICE
        if key in first and all(other.get(key) == first[key] for other in others)
    }


def fit_mistake(model: Object) -> str:
    """What is wrong with a model's annotation `ome.io/fit`, which the API server cannot refuse; "" for nothing."""
    try:
        check_fit(model["metadata"].get("annotations") or {})
    except FieldError as error:
        return f"{error.field}: {error}"
    return ""


def _policy(resource: Object) -> str:
    return str((resource["metadata"].get("annotations") or {}).get(FIT) or "")


def _counts(service: Object, model: Object, context: Context) -> bool:
    """Whether a service that names a model is to be served with this one, and not with a namesake."""
    metadata = service["metadata"]
    found = find_model(str(model["metadata"]["name"]), str(metadata["namespace"]), context)
    is_it = found is not None and found["metadata"].get("uid") == model["metadata"].get("uid")
    return is_it and "deletionTimestamp" not in metadata and not is_virtual(service)


def _has_begun(state: ModelState) -> bool:
    """Whether nodes have it, or are getting it, or it is a newer revision of what they have."""
    is_there = any(node.holds(state.wanted) for node in state.nodes)
    is_coming = any(run.is_active and cache_tasks(run) for run in state.runs.wanted)
    return is_there or is_coming or bool(state.wanted.followed)


def _early_imports(state: ModelState) -> list[Run]:
    """Imports of ours that were submitted before somebody asked, and have not come to the weights."""
    prefix = run_name("import", state.wanted.name, state.wanted.inputs, 0)[:-1]
    return [run for run in state.runs.wanted if run.is_active and run.name.startswith(prefix)]


def _inputs(state: ModelState, asked: Mapping[str, str], context: Context) -> str:
    places = [node.name for node in state.targets]
    choices = [kinds_to_choose_from(asked.get("namespace", ""), context), nodes_of_classes(context)]
    found: list[Any] = [state.wanted.inputs, dict(asked), choices, places]
    return f"{state.wanted.files}-{digest_of(found)}"


def _rest(runs: Sequence[Run], state: ModelState, context: Context) -> float:
    """Seconds to wait after refusals of the same files, so that nodes that come and go make no stream of runs."""
    mine = [run for run in runs if run.inputs(VERB).partition("-")[0] == state.wanted.files]
    refused = [run for run in mine if run.phase == "Failed"]
    if not refused:
        return 0.0
    return seconds_left(refused[-1].finished, doubled_wait(len(refused), context.settings), context.now)


def _submission(
    state: ModelState, runs: Sequence[Run], inputs: str, asked: Mapping[str, str], context: Context
) -> list[Action]:
    """The run, behind the token that it needs, and without failed runs that nobody looks at any more."""
    wanted, settings = state.wanted, context.settings
    arguments = {key: text for key, text in wanted.arguments((), "").items() if key in _OF_A_MODEL}
    actions: list[Action] = []
    if token := token_for_run(state, settings.namespace):
        arguments["secret"] = wanted.copied_secret
        actions.append(token)
    name = next_run(VERB, wanted.name, inputs, (run.name for run in runs))
    arguments |= {"name": wanted.name, **asked}
    run = submit(TEMPLATE, name, state.model, arguments, inputs, settings.namespace)
    old = forget_failures(runs, TEMPLATE, settings.max_attempts)
    return [*actions, run, *old, EmitEvent(state.model, "Normal", "Submitted", f"Run {name}: whether it fits.")]
