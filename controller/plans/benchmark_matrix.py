"""The cells that a BenchmarkJob asks for: its own scenarios and levels, or genai-bench's of its task."""

from collections.abc import Mapping
from typing import Any, Final

from controller.plans.conditions import Said
from steps.benchmark.defaults import DEFAULTS
from steps.benchmark.plan import MAX_CELLS, backend_of
from steps.benchmark.request_fields import parse_fields
from steps.benchmark.scenarios import demand_of
from steps.errors import OmeError

_REMEDY: Final = "Change it, and it is measured; until then no run is started."


def scenarios_of(spec: Mapping[str, Any], context_length: int) -> tuple[str, ...]:
    """Its traffic scenarios; of the task's own ones those that the model has room for.

    Args:
        spec: Of a job whose task is measured.
        context_length: Of the model, in tokens; 0 where it is not known.
    """
    given = tuple(map(str, spec.get("trafficScenarios") or ()))
    if given:
        return given
    task = task_of(spec)
    scenarios = DEFAULTS[task].scenarios
    demands = [demand_of(text, task) for text in scenarios]
    fitting = tuple(
        one.scenario for one in demands if not context_length or one.input_tokens + one.output_tokens <= context_length
    )
    return fitting or scenarios[:1]


def levels_of(spec: Mapping[str, Any]) -> tuple[int, ...]:
    """Requests at once of a job whose task is measured; for embeddings and rerank the texts of a request."""
    return tuple(map(int, spec.get("numConcurrency") or ())) or DEFAULTS[task_of(spec)].levels


def matrix_mistake(spec: Mapping[str, Any]) -> Said | None:
    """The condition Completed of a job that asks for what cannot be measured; None when all of it can."""
    task, accepted = task_of(spec), ", ".join(DEFAULTS)
    if task not in DEFAULTS:
        return _refused(f'spec.task: "{task}" is not measured yet; accepted: {accepted}')
    for index, text in enumerate(spec.get("trafficScenarios") or ()):
        if text == "dataset":
            example = DEFAULTS[task].first_look
            return _refused(
                f'spec.trafficScenarios[{index}]: "dataset" is not measured yet; accepted: scenarios with numbers, '
                f"such as {example}"
            )
    scenarios, levels = len(spec.get("trafficScenarios") or ()), len(levels_of(spec))
    if scenarios * levels > MAX_CELLS:
        whose = "" if spec.get("numConcurrency") else ", those of its task,"
        return _refused(
            f"spec.trafficScenarios and spec.numConcurrency: {scenarios} × {levels}{whose} are {scenarios * levels} "
            f"cells; accepted: at most {MAX_CELLS}"
        )
    try:
        parse_fields(spec.get("additionalRequestParams") or {})
    except OmeError as error:
        text = error.message.replace("request_parameters", "spec.additionalRequestParams", 1)
        return Said("Completed", False, "InvalidSpec", f"{text}. {error.remedy}")
    return None


def engine_obstacle(spec: Mapping[str, Any], engine: str) -> str:
    """Why an endpoint's engine cannot be asked what the task asks; "" when it can.

    Args:
        spec: Of the job.
        engine: The runtime's name, or "".
    """
    if task_of(spec) != "text-to-rerank" or backend_of(engine) != "openai":
        return ""
    known = f'the endpoint\'s is "{engine}"' if engine else "the endpoint's is not known"
    return (
        f'spec.task: "text-to-rerank" is measured on vLLM and SGLang, as genai-bench asks no others; {known}. '
        "Measure another endpoint, or give spec.serviceMetadata.engine of one that is given by its URL."
    )


def task_of(spec: Mapping[str, Any]) -> str:
    """Its task."""
    return str(spec.get("task") or "text-to-text")


def _refused(text: str) -> Said:
    return Said("Completed", False, "Unsupported", f"{text}. {_REMEDY}")
