"""How a step meets the workflow engine: typed inputs and outputs over the files that Argo reads and writes.

A step is a function from one frozen `StepInputs` to one frozen `StepOutputs`, marked with `@step`. Its template runs
`python -m steps <step> <file>`, where the file is the JSON list of `{name, value}` that Argo makes of
`{{inputs.parameters}}`; each output field is written to `<root>/outputs/<field>`. Hera is not imported here: its start
alone costs more than a whole step may take (docs/decisions/002-step-contract.md).
"""

import json
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError

from steps.errors import InvalidInputError, OmeError

STEP_ROOT = "/tmp/ome"  # noqa: S108 - the path inside a step's own container; the local runner gives each step its own
OUTPUTS = "outputs"


class StepInputs(BaseModel):
    """Base of a step's inputs: one workflow parameter a field; every field has a description and a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StepOutputs(BaseModel):
    """Base of a step's outputs: one output parameter a field."""

    model_config = ConfigDict(frozen=True, extra="forbid")


In = TypeVar("In", bound=StepInputs)
Out = TypeVar("Out", bound=StepOutputs)


class Step(NamedTuple):
    """A step as the templates see it."""

    name: str
    title: str
    description: str
    inputs: type[StepInputs]
    outputs: type[StepOutputs]
    function: Callable[[Any], StepOutputs]


def step(name: str, *, title: str, description: str) -> Callable[[Callable[[In], Out]], Callable[[In], Out]]:
    """Mark a function as the body of the step `name`; title and description are shown in the Argo UI."""

    def mark(function: Callable[[In], Out]) -> Callable[[In], Out]:
        hints = get_type_hints(function)
        outputs = hints.pop("return")
        (inputs,) = hints.values()
        function.__dict__["step"] = Step(name, title, description, inputs, outputs, function)
        return function

    return mark


CATALOGUE: Mapping[str, str] = {
    "resolve-model": "steps.resolve_model:resolve_model",
    "check-revision": "steps.check_revision:check_revision",
    "parse-model": "steps.parse_model:parse_model",
    "cache-model": "steps.cache_model:cache_model",
    "publish-model": "steps.publish_model:publish_model",
    "read-claim": "steps.read_claim:read_claim",
    "evict-model": "steps.evict_model:evict_model",
    "find-nodes": "steps.find_nodes:find_nodes",
    "audit-cache": "steps.audit_cache:audit_cache",
    "select-runtime": "steps.select_runtime:select_runtime",
    "deploy-service": "steps.deploy_service:deploy_service",
    "ask-endpoint": "steps.ask_endpoint:ask_endpoint",
    "benchmark-endpoint": "steps.benchmark_endpoint:benchmark_endpoint",
    "upload-report": "steps.upload_report:upload_report",
}
"""Every step by name. Modules are imported only when their step runs."""


def find_step(name: str) -> Step:
    """The step called `name`.

    Raises:
        InvalidInputError: with the known names.
    """
    if name not in CATALOGUE:
        raise InvalidInputError(f'step: "{name}" is unknown', remedy=f"Known steps: {', '.join(CATALOGUE)}.")
    module, _, function = CATALOGUE[name].partition(":")
    found: Step = getattr(import_module(module), function).step
    return found


def step_root() -> Path:
    """The folder of this step's inputs and outputs."""
    return Path(os.environ.get("OME_STEP_ROOT", STEP_ROOT))


def to_parameter(value: object) -> str:
    """A field's value as a workflow parameter: text as it is, everything else as compact JSON (camelCase)."""
    if isinstance(value, str):
        return value
    if isinstance(value, BaseModel):
        return value.model_dump_json(by_alias=True)
    if isinstance(value, (list, tuple)):
        items = [v.model_dump(by_alias=True, mode="json") if isinstance(v, BaseModel) else v for v in value]
        return json.dumps(items, separators=(",", ":"))
    return json.dumps(value, separators=(",", ":"))


def read_inputs(step: Step, parameters: Mapping[str, str]) -> StepInputs:
    """Typed inputs from workflow parameters, which are always text. An empty value means the field's default.

    Raises:
        InvalidInputError: names the parameter, its value and what is accepted.
    """
    values: dict[str, object] = {}
    for name, text in parameters.items():
        field = step.inputs.model_fields.get(name)
        if field is None:
            accepted = ", ".join(step.inputs.model_fields)
            raise InvalidInputError(f'{step.name}: parameter "{name}" is unknown', remedy=f"Accepted: {accepted}.")
        if field.annotation is str:
            values[name] = text
        elif text != "":
            try:
                values[name] = json.loads(text)
            except ValueError:
                values[name] = text
    try:
        return step.inputs.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(p) for p in first["loc"])
        given = str(first["input"])[:200]
        raise InvalidInputError(f'{step.name}: parameter {place} is "{given}": {first["msg"]}') from None


def write_outputs(outputs: StepOutputs, root: Path) -> None:
    """Write one file an output field under `root/outputs`."""
    folder = root / OUTPUTS
    folder.mkdir(parents=True, exist_ok=True)
    for name in type(outputs).model_fields:
        (folder / name).write_text(to_parameter(getattr(outputs, name)))


def write_empty_outputs(step: Step, root: Path) -> None:
    """Write what a failed step leaves: empty outputs, so that the engine reports the step's error and not theirs."""
    folder = root / OUTPUTS
    folder.mkdir(parents=True, exist_ok=True)
    for name in step.outputs.model_fields:
        path = folder / name
        if not path.exists():
            path.write_text("")


class StepFailure(BaseModel):
    """A failed step's error as JSON, written to the termination log so that a reader need not parse text."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    remedy: str


LONGEST_FAILURE = 4000
"""Bytes: the kubelet cuts a termination message at 4096, and what is cut is no JSON."""


def failure_of(error: OmeError) -> StepFailure:
    """The error as data, its message shortened in the middle when the whole would not fit a termination message."""
    failure = StepFailure(code=error.code, message=error.message, remedy=error.remedy[: LONGEST_FAILURE // 8])
    kept = len(error.message)
    while len(failure.model_dump_json().encode()) > LONGEST_FAILURE:
        kept = kept * 9 // 10
        shortened = f"{error.message[: kept * 3 // 4]} … {error.message[len(error.message) - kept // 4 :]}"
        failure = failure.model_copy(update={"message": shortened})
    return failure
