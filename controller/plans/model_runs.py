"""The runs for a model, by the templates that they were made from."""

from controller.actions import Object
from controller.observed import Context
from controller.plans.runs import Run, read_runs


def runs_of_model(model: Object, context: Context, *templates: str) -> tuple[Run, ...]:
    """Whoever submitted them, oldest first, also those of a model of that name that was deleted since."""
    metadata = model["metadata"]
    place = model["kind"], str(metadata.get("namespace") or ""), metadata["name"]
    return read_runs((run for name in templates for run in context.observed.runs(name, *place)), context.now)


def own_runs_of_model(model: Object, context: Context, template: str) -> tuple[Run, ...]:
    """Those that the controller submitted or adopted, for this very model, oldest first."""
    return tuple(run for run in runs_of_model(model, context, template) if run.is_ours and run.is_of(model))
