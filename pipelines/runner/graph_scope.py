"""What a task may refer to: inputs of its template, results of the tasks before it, its loop's item, the workflow.

Pure: `graph_run` fills it as tasks end and asks it for values.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipelines.run_record import StepPhase
from pipelines.runner.run_context import NodeResult
from pipelines.runner.workflow_source import Located, as_json


@dataclass(frozen=True, slots=True)
class GraphScope:
    """Values of references inside one DAG or steps template.

    Attributes:
        prefix: `tasks` in a DAG, `steps` in a steps template.
        inputs, artifacts: Of the template.
        variables: `workflow.*`, shared by the whole run.
        producer: The template that a task runs, by the task's name; for the defaults of outputs that never came.
        results: How tasks ended, by name; filled while the template runs.
        item: References of the current loop item.
    """

    prefix: str
    inputs: Mapping[str, str]
    artifacts: Mapping[str, Path]
    variables: Mapping[str, str]
    producer: Callable[[str], Located]
    results: dict[str, NodeResult] = field(default_factory=dict)
    item: Mapping[str, str] = field(default_factory=dict)

    def with_item(self, item: object) -> "GraphScope":
        """The same scope inside one iteration of a loop."""
        references = {"item": as_text(item)}
        if isinstance(item, Mapping):
            references |= {f"item.{key}": as_text(value) for key, value in item.items()}
        return replace(self, item=references)

    def lookup(self, reference: str) -> str | None:
        """The value of a reference, or None."""
        if reference in self.item:
            return self.item[reference]
        if reference == "inputs.parameters":
            return as_json([{"name": name, "value": value} for name, value in self.inputs.items()])
        if reference.startswith("inputs.parameters."):
            return self.inputs.get(reference.removeprefix("inputs.parameters."))
        if reference.startswith(f"{self.prefix}."):
            _, task, *rest = reference.split(".")
            return self._of_task(task, ".".join(rest))
        return self.variables.get(reference)

    def _of_task(self, task: str, what: str) -> str | None:
        result = self.results.get(task)
        if result is None:
            return None
        if what == "status":
            return result.phase
        if what == "exitCode":
            return None if result.exit_code is None else str(result.exit_code)
        if what == "outputs.result":
            return result.result
        name = what.removeprefix("outputs.parameters.")
        if what == "outputs.parameters":
            return result.parameters.get("")
        if name in result.parameters:
            return result.parameters[name]
        for declared in self.producer(task).outputs("parameters"):
            default = (declared.get("valueFrom") or {}).get("default")
            if declared["name"] == name and default is not None and result.children is None:
                return str(default)
        return None

    def artifact(self, reference: str) -> Path | None:
        """The path of an artifact reference such as `tasks.make.outputs.artifacts.report`, or None."""
        parts = reference.split(".")
        if parts[:2] == ["inputs", "artifacts"] and len(parts) == 3:
            return self.artifacts.get(parts[2])
        if parts[0] == self.prefix and parts[2:4] == ["outputs", "artifacts"] and parts[1] in self.results:
            return self.results[parts[1]].artifacts.get(parts[4])
        return None


def as_text(item: object) -> str:
    """A loop item as Argo writes it: text as it is, everything else as JSON."""
    return item if isinstance(item, str) else as_json(item)


def aggregate(results: list[NodeResult]) -> NodeResult:
    """A loop's result from its iterations: outputs of those that succeeded, as JSON lists in order."""
    good = [r for r in results if r.phase == "Succeeded"]
    names = dict.fromkeys(name for r in good for name in r.parameters if name)
    parameters = {name: as_json([r.parameters[name] for r in good if name in r.parameters]) for name in names}
    parameters[""] = as_json([{k: v for k, v in r.parameters.items() if k} for r in good])
    printed: list[Any] = [_parsed(r.result) for r in good if r.result is not None]
    phases: tuple[StepPhase, ...] = tuple(r.phase for r in results)
    failed = [phase for phase in phases if phase in ("Failed", "Error")]
    return NodeResult(
        phase=failed[-1] if failed else "Succeeded",
        parameters=parameters,
        result=as_json(printed) if printed else None,
        children=phases,
    )


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def graph_phase(
    parents: Mapping[str, list[str]],
    results: Mapping[str, NodeResult],
    targets: list[str],
    continues: Callable[[str, StepPhase], bool],
) -> StepPhase:
    """The phase of a DAG from its tasks, as Argo assesses it.

    A task that did not run inherits the worst phase of its parents; the DAG fails when a target does, unless the
    target says to continue on that. (Argo's `failFast` stops nothing that can still run, except under `parallelism`.)

    Args:
        parents: The tasks each task depends on.
        results: How each task ended.
        targets: The tasks that count: those named, else those nothing depends on.
        continues: Whether a task's `continueOn` covers a phase.
    """

    def branch(task: str) -> StepPhase:
        phase = results[task].phase
        if phase in ("Succeeded", "Failed", "Error"):
            return phase
        inherited = [branch(parent) for parent in parents[task]]
        return next((p for p in inherited if p in ("Failed", "Error")), "Succeeded")

    for target in targets:
        phase = branch(target)
        if phase != "Succeeded" and not continues(target, phase):
            return phase
    return "Succeeded"
