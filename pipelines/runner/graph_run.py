"""Templates that are graphs: tasks in the order of their dependencies, branches side by side, loops, conditions.

`pipelines.local` starts it at the entrypoint; it reaches `leaf_run` for every script and container.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.run_record import StepError, StepPhase, StepRecord, now
from pipelines.runner.expression import depends_names, evaluate_depends, evaluate_when
from pipelines.runner.graph_scope import GraphScope, aggregate, graph_phase
from pipelines.runner.leaf_run import run_leaf
from pipelines.runner.run_context import NodeResult, RunContext, holding, mutex_names
from pipelines.runner.substitution import output_tag, references, substitute
from pipelines.runner.workflow_source import Document, Located
from steps.errors import InvalidInputError, OmeError


async def run_template(
    context: RunContext, located: Located, inputs: Mapping[str, str], artifacts: Mapping[str, Path], path: str
) -> NodeResult:
    """Run a template of any supported kind.

    Args:
        context: The run.
        located: The template.
        inputs: Values of its parameters; those it does not declare are passed over, missing ones have defaults.
        artifacts: Its input artifacts.
        path: Where it stands in the run; "" for the entrypoint.

    Raises:
        InvalidInputError: names a parameter that was not supplied.
    """
    values = {p["name"]: _input(located, p, inputs) for p in located.parameters}
    if located.template.get("dag") is not None:
        result = await _run_dag(context, located, values, artifacts, path)
    elif located.template.get("steps") is not None:
        result = await _run_steps(context, located, values, artifacts, path)
    else:
        result = await run_leaf(context, located, values, artifacts, path or located.name)
    for declared in located.outputs("parameters"):
        if declared.get("globalName") and declared["name"] in result.parameters:
            context.variables[f"workflow.outputs.parameters.{declared['globalName']}"] = result.parameters[
                declared["name"]
            ]
    return result


def _input(located: Located, parameter: Document, given: Mapping[str, str]) -> str:
    name = parameter["name"]
    value = given.get(name, parameter.get("value", parameter.get("default")))
    if value is None:
        raise InvalidInputError(f'template "{located.name}": parameter "{name}" was not supplied')
    return value if isinstance(value, str) else json.dumps(value)


def task_parents(task: Document) -> list[str]:
    """The tasks that a DAG task depends on."""
    if task.get("depends"):
        return depends_names(str(task["depends"]))
    return [str(name) for name in task.get("dependencies") or []]


def _continues(task: Document, phase: StepPhase) -> bool:
    on = task.get("continueOn") or {}
    return bool(on.get("failed") and phase == "Failed" or on.get("error") and phase == "Error")


async def _run_dag(
    context: RunContext, located: Located, inputs: Mapping[str, str], artifacts: Mapping[str, Path], path: str
) -> NodeResult:
    dag = located.template["dag"]
    tasks = {str(task["name"]): task for task in dag["tasks"]}
    parents = {name: task_parents(task) for name, task in tasks.items()}
    depended_on = {parent for names in parents.values() for parent in names}
    targets = str(dag.get("target") or "").split() or [name for name in tasks if name not in depended_on]
    scope = _scope(context, located, tasks, inputs, artifacts, "tasks")
    running: dict[str, asyncio.Task[None]] = {}

    async def run(name: str) -> None:
        if parents[name]:
            await asyncio.gather(*(start(parent) for parent in parents[name]))
        if _may_run(tasks, name, parents[name], scope.results):
            scope.results[name] = await _run_task(context, located.source, tasks[name], scope, _join(path, name))
        else:
            title = _title(context, located.source, tasks[name])
            _leave_out(context, _join(path, name), title, "Omitted", "what it depends on did not end as it asks")
            scope.results[name] = NodeResult("Omitted")

    def start(name: str) -> asyncio.Task[None]:
        if name not in running:
            running[name] = group.create_task(run(name))
        return running[name]

    async with asyncio.TaskGroup() as group:
        for name in targets:
            start(name)
    phase = graph_phase(parents, scope.results, targets, lambda name, p: _continues(tasks[name], p))
    return _graph_result(context, located, scope, phase, path)


def _may_run(
    tasks: Mapping[str, Document], name: str, parents: Sequence[str], results: Mapping[str, NodeResult]
) -> bool:
    def has_result(parent: str, result: str) -> bool:
        ended = results[parent]
        if result == "":
            return ended.phase in ("Succeeded", "Skipped") or _continues(tasks[parent], ended.phase)
        if result == "AnySucceeded":
            return any(p == "Succeeded" for p in ended.children or ())
        if result == "AllFailed":
            return bool(ended.children) and all(p == "Failed" for p in ended.children or ())
        return ended.phase == {"Errored": "Error"}.get(result, result)

    depends = tasks[name].get("depends") or " && ".join(parents)
    return not depends or evaluate_depends(str(depends), has_result)


async def _run_steps(
    context: RunContext, located: Located, inputs: Mapping[str, str], artifacts: Mapping[str, Path], path: str
) -> NodeResult:
    groups = located.template["steps"]
    steps = {str(step["name"]): step for group in groups for step in group}
    scope = _scope(context, located, steps, inputs, artifacts, "steps")
    phase: StepPhase = "Succeeded"
    for group in groups:
        async with asyncio.TaskGroup() as running:
            started = {
                step["name"]: running.create_task(
                    _run_task(context, located.source, step, scope, _join(path, step["name"]))
                )
                for step in group
            }
        for name, task in started.items():
            scope.results[name] = task.result()
        if any(
            scope.results[s["name"]].has_failed and not _continues(s, scope.results[s["name"]].phase) for s in group
        ):
            phase = "Failed"
            break
    return _graph_result(context, located, scope, phase, path)


def _scope(
    context: RunContext,
    located: Located,
    tasks: Mapping[str, Document],
    inputs: Mapping[str, str],
    artifacts: Mapping[str, Path],
    prefix: str,
) -> GraphScope:
    def producer(name: str) -> Located:
        return context.workflow.template_of(located.source, tasks[name], name)

    return GraphScope(prefix, inputs, artifacts, context.variables, producer)


def _graph_result(context: RunContext, located: Located, scope: GraphScope, phase: StepPhase, path: str) -> NodeResult:
    if phase != "Succeeded":
        return NodeResult(phase)
    parameters: dict[str, str] = {}
    try:
        for declared in located.outputs("parameters"):
            source = declared.get("valueFrom") or {}
            try:
                parameters[declared["name"]] = substitute(output_tag(source), scope.lookup)
            except InvalidInputError:
                if source.get("default") is None:
                    raise
                parameters[declared["name"]] = str(source["default"])
    except InvalidInputError as problem:
        _leave_out(context, _join(path, "outputs"), "Outputs", "Error", problem.message, problem)
        return NodeResult("Error")
    found = {d["name"]: _artifact(d, scope) for d in located.outputs("artifacts")}
    return NodeResult(phase, parameters, {name: place for name, place in found.items() if place is not None})


def _artifact(declared: Mapping[str, Any], scope: GraphScope) -> Path | None:
    for reference in references(str(declared.get("from") or "")):
        return scope.artifact(reference)
    return None


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _title(context: RunContext, source: str, task: Document) -> str:
    return context.workflow.template_of(source, task, str(task["name"])).title


def _leave_out(
    context: RunContext, path: str, title: str, phase: StepPhase, message: str, problem: OmeError | None = None
) -> NodeResult:
    """Record a step that does not run, and why."""
    error = StepError(code=problem.code, message=problem.message, remedy=problem.remedy) if problem else None
    context.journal.finish(
        StepRecord(path=path, title=title or path, message=message, error=error, started=now()), phase
    )
    return NodeResult(phase)


async def _run_task(context: RunContext, source: str, task: Document, scope: GraphScope, path: str) -> NodeResult:
    """Run one task or step: its loop, its condition, its template, then its exit handler."""
    title = _title(context, source, task)
    try:
        items = _items(task, scope)
        if items is None:
            result = await _run_once(context, source, task, scope, path)
        elif not items:
            return _leave_out(context, path, title, "Skipped", "there is nothing to loop over")
        else:
            async with asyncio.TaskGroup() as group:
                iterations = [
                    group.create_task(_run_once(context, source, task, scope.with_item(item), f"{path}({number})"))
                    for number, item in enumerate(items)
                ]
            result = aggregate([iteration.result() for iteration in iterations])
    except OmeError as problem:
        return _leave_out(context, path, title, "Error", problem.message, problem)
    await _run_exit_hook(context, source, task, scope, result, path)
    return result


def _items(task: Document, scope: GraphScope) -> list[Any] | None:
    """What a task loops over; None when it is no loop."""
    if task.get("withItems") is not None:
        return list(substitute(task["withItems"], scope.lookup))
    if task.get("withParam") is None:
        return None
    text = substitute(str(task["withParam"]), scope.lookup)
    try:
        items = json.loads(text)
    except ValueError:
        items = None
    if not isinstance(items, list):
        raise InvalidInputError(f'task "{task["name"]}": withParam is "{text[:200]}", which is not a JSON list')
    return items


async def _run_once(context: RunContext, source: str, task: Document, scope: GraphScope, path: str) -> NodeResult:
    title = _title(context, source, task)
    try:
        if task.get("when") is not None and not evaluate_when(substitute(str(task["when"]), scope.lookup)):
            return _leave_out(context, path, title, "Skipped", f"when {task['when']} is false")
        located = context.workflow.template_of(source, task, f'task "{task["name"]}"')
        inputs, artifacts = _arguments(task, located, scope)
        async with holding(_mutexes_of_graph(located, inputs, context)):
            return await run_template(context, located, inputs, artifacts, path)
    except OmeError as problem:
        return _leave_out(context, path, title, "Error", problem.message, problem)


def _mutexes_of_graph(located: Located, inputs: Mapping[str, str], context: RunContext) -> list[str]:
    """Mutexes of a DAG or steps template; a leaf takes its own."""
    if located.template.get("dag") is None and located.template.get("steps") is None:
        return []
    known = {f"inputs.parameters.{p['name']}": _input(located, p, inputs) for p in located.parameters}
    names = list(mutex_names(f'template "{located.name}"', located.template.get("synchronization")))
    return [str(name) for name in substitute(names, lambda r: known.get(r, context.variables.get(r)))]


def _arguments(task: Document, located: Located, scope: GraphScope) -> tuple[dict[str, str], dict[str, Path]]:
    declared = {p["name"]: p for p in located.parameters}
    given = task.get("arguments") or {}
    values: dict[str, str] = {}
    for parameter in given.get("parameters") or []:
        name = parameter["name"]
        value = parameter.get("value", parameter.get("default", ""))
        try:
            values[name] = substitute(value if isinstance(value, str) else json.dumps(value), scope.lookup)
        except InvalidInputError:
            # An output that never came: the consumer's own default stands in, as in Argo 4.1.
            if declared.get(name, {}).get("default") is None:
                raise
    artifacts = {a["name"]: _artifact(a, scope) for a in given.get("artifacts") or []}
    return values, {name: place for name, place in artifacts.items() if place is not None}


async def _run_exit_hook(
    context: RunContext, source: str, task: Document, scope: GraphScope, result: NodeResult, path: str
) -> None:
    """A task's exit handler; it sees the task's outcome, and its own outcome changes nothing, as in Argo."""
    hook = (task.get("hooks") or {}).get("exit")
    if hook is None and task.get("onExit"):
        hook = {"template": task["onExit"]}
    if hook is None or result.phase not in ("Succeeded", "Failed", "Error"):
        return
    scope.results[str(task["name"])] = result
    await _run_once(context, source, {"name": f"{task['name']}.onExit", **hook}, scope, f"{path}.onExit")
