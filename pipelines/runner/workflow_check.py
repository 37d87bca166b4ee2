"""Checks a workflow before anything of it runs here: every field, name, expression and reference that it can reach.

`pipelines.local` calls `check_workflow`; a mistake or something that only a cluster can do is named, not met half-way.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.runner.expression import depends_names
from pipelines.runner.expression_syntax import parse
from pipelines.runner.retry_plan import read_retry
from pipelines.runner.run_context import mutex_names
from pipelines.runner.substitution import output_tag, references
from pipelines.runner.supported import (
    ARTIFACT,
    CONTAINER,
    CONTINUE_ON,
    DAG,
    HOOK,
    PARAMETER,
    TASK,
    VALUE_FROM,
    VARIABLE,
    check_fields,
    check_list,
)
from pipelines.runner.workflow_source import Document, Located, Workflow
from steps.contract import STEP_ROOT
from steps.errors import InvalidInputError, UnsupportedError

_KNOWN_VARIABLES = frozenset(
    f"workflow.{name}" for name in ("name", "namespace", "uid", "parameters", "creationTimestamp", "mainEntrypoint",
                                    "serviceAccountName")
)  # fmt: skip
_EXIT_VARIABLES = frozenset({"workflow.status", "workflow.failures"})
_RESULT_FIELDS = ("status", "exitCode", "outputs.result", "outputs.parameters")


def check_workflow(workflow: Workflow, arguments: Mapping[str, str]) -> None:
    """Check all that can be checked before a run.

    Raises:
        UnsupportedError: names a field that this machine cannot honour.
        InvalidInputError, NotFoundError: names what is wrong or missing.
    """
    variables = _KNOWN_VARIABLES | {f"workflow.parameters.{name}" for name in arguments}
    mutex_names(workflow.where, workflow.spec.get("synchronization"))
    for name in workflow.spec.get("hooks") or {}:
        if name != "exit":
            raise UnsupportedError(f'{workflow.where} uses the hook "{name}"; only "exit" is supported on one machine')
    _Checker(workflow, variables).check(workflow.entrypoint())
    handler = workflow.exit_handler()
    if handler is not None:
        _Checker(workflow, variables | _EXIT_VARIABLES).check(handler)


class _Checker:
    """Walks templates from one entrypoint; each once."""

    def __init__(self, workflow: Workflow, variables: frozenset[str]) -> None:
        self._workflow = workflow
        self._variables = variables
        self._seen: set[tuple[str, str]] = set()

    def check(self, located: Located) -> None:
        key = (located.source, located.name)
        if key in self._seen:
            return
        self._seen.add(key)
        where = f'template "{located.name}"'
        kinds = [k for k in ("script", "container", "dag", "steps") if located.template.get(k) is not None]
        if len(kinds) != 1:
            raise InvalidInputError(f"{where} is {' and '.join(kinds) or 'empty'}", remedy="Give it one kind of work.")
        check_list(f"{where} input", (located.template.get("inputs") or {}).get("parameters"), PARAMETER)
        check_list(f"{where} input artifact", (located.template.get("inputs") or {}).get("artifacts"), ARTIFACT)
        for output in check_list(f"{where} output", located.outputs("parameters"), PARAMETER):
            source = check_fields(f"{where} output {output['name']}", output.get("valueFrom") or {}, VALUE_FROM)
            needed = ("path",) if kinds[0] in ("script", "container") else ("parameter", "expression")
            if not any(source.get(field) for field in needed):
                message = f'{where}: output "{output["name"]}" has no valueFrom.{" or valueFrom.".join(needed)}'
                raise InvalidInputError(message)
        check_list(f"{where} output artifact", located.outputs("artifacts"), ARTIFACT)
        mutex_names(where, located.template.get("synchronization"))
        read_retry(where, _readable_retry(located))
        inputs = {f"inputs.parameters.{p['name']}" for p in located.parameters} | {"inputs.parameters"}
        inputs |= {
            f"inputs.artifacts.{a['name']}" for a in (located.template.get("inputs") or {}).get("artifacts") or []
        }
        if kinds[0] in ("script", "container"):
            self._check_leaf(where, located, kinds[0], inputs)
        elif kinds[0] == "dag":
            self._check_dag(where, located, inputs)
        else:
            self._check_steps(where, located, inputs)

    def _check_leaf(self, where: str, located: Located, kind: str, inputs: set[str]) -> None:
        container = check_fields(f"{where}.{kind}", located.template[kind], CONTAINER)
        if not container.get("command"):
            raise InvalidInputError(
                f"{where} has no command", remedy="Set command: an image is not asked for it here."
            )
        check_list(f"{where} env", container.get("env"), VARIABLE)
        paths = [o["valueFrom"]["path"] for o in located.outputs("parameters")]
        paths += [a.get("path") for a in located.outputs("artifacts")]
        paths += [a.get("path") for a in (located.template.get("inputs") or {}).get("artifacts") or []]
        for path in paths:
            if not str(path).startswith(f"{STEP_ROOT}/") or ".." in str(path).split("/"):
                raise UnsupportedError(
                    f'{where} declares the path "{path}"', remedy=f"On one machine paths must lie under {STEP_ROOT}/."
                )
        own = {f"outputs.parameters.{o['name']}.path" for o in located.outputs("parameters")}
        own |= {f"outputs.artifacts.{a['name']}.path" for a in located.outputs("artifacts")}
        own |= {f"{name}.path" for name in inputs if name.startswith("inputs.artifacts.")}
        honoured: dict[str, Any] = {field: container.get(field) for field in ("command", "args", "source")}
        honoured["env"] = [v.get("value") for v in container.get("env") or []]  # valueFrom is passed over here
        limits = {field: located.template.get(field) for field in ("activeDeadlineSeconds", "timeout")}
        self._check_references(where, [honoured, limits], inputs | own | {"retries", "node.name"})

    def _check_dag(self, where: str, located: Located, inputs: set[str]) -> None:
        dag = check_fields(f"{where}.dag", located.template["dag"], DAG)
        tasks = {str(t["name"]): t for t in check_list(f"{where} task", dag.get("tasks"), TASK)}
        parents: dict[str, list[str]] = {}
        for name, task in tasks.items():
            if task.get("depends") and (task.get("dependencies") or task.get("continueOn")):
                raise InvalidInputError(
                    f'{where} task "{name}": depends goes with neither dependencies nor continueOn'
                )
            depends = str(task.get("depends") or "")
            parents[name] = depends_names(depends) if depends else [str(d) for d in task.get("dependencies") or []]
            _check_known(f'{where} task "{name}" depends on', parents[name], tasks)
        _check_known(f"{where}.dag.target", str(dag.get("target") or "").split(), tasks)
        for name, task in tasks.items():
            ancestors = _ancestors(f'{where} task "{name}"', name, parents)
            self._check_task(where, located.source, task, inputs, {a: tasks[a] for a in ancestors}, "tasks")
        self._check_outputs(where, located, inputs, tasks, "tasks")

    def _check_steps(self, where: str, located: Located, inputs: set[str]) -> None:
        before: dict[str, Document] = {}
        for group in located.template["steps"]:
            steps = check_list(f"{where} step", group, TASK)
            for step in steps:
                self._check_task(where, located.source, step, inputs, before, "steps")
            before |= {str(step["name"]): step for step in steps}
        self._check_outputs(where, located, inputs, before, "steps")

    def _check_task(
        self,
        where: str,
        source: str,
        task: Document,
        inputs: set[str],
        before: Mapping[str, Document],
        prefix: str,
    ) -> None:
        where = f'{where} task "{task["name"]}"'
        check_fields(f"{where}.continueOn", task.get("continueOn") or {}, CONTINUE_ON)
        items = self._item_references(where, task)
        known = inputs | items | self._results(source, before, prefix)
        located = self._workflow.template_of(source, task, where)
        self._check_arguments(where, task, located, known)
        loop = {field: task.get(field) for field in ("withParam", "withItems")}
        self._check_references(where, [loop], known - items)
        self._check_references(where, [task.get("when")], known)
        if task.get("when") and not list(references(task["when"])):
            parse(str(task["when"]), "when")
        self.check(located)
        for name, hook in {**(task.get("hooks") or {}), "onExit": task.get("onExit")}.items():
            self._check_hook(
                where, source, name, hook, known | self._results(source, {str(task["name"]): task}, prefix)
            )

    def _check_hook(self, where: str, source: str, name: str, hook: object, known: set[str]) -> None:
        if hook is None:
            return
        if name not in ("exit", "onExit"):
            raise UnsupportedError(f'{where} uses the hook "{name}"; only "exit" is supported on one machine')
        body = {"template": hook} if name == "onExit" else check_fields(f"{where} hook {name}", hook, HOOK)
        located = self._workflow.template_of(source, body, f"{where} hook {name}")
        self._check_arguments(f"{where} hook {name}", body, located, known)
        self.check(located)

    def _check_arguments(self, where: str, task: Document, located: Located, known: set[str]) -> None:
        given = task.get("arguments") or {}
        accepted = [str(p["name"]) for p in located.parameters]
        for parameter in check_list(f"{where} argument", given.get("parameters"), PARAMETER):
            if parameter["name"] not in accepted:
                raise InvalidInputError(
                    f'{where}: template "{located.name}" has no parameter "{parameter["name"]}"',
                    remedy=f"It has: {', '.join(accepted) or 'none'}.",
                )
            self._check_references(where, [parameter.get("value")], known)
        for artifact in check_list(f"{where} artifact", given.get("artifacts"), ARTIFACT):
            self._check_references(where, [artifact.get("from")], known)
        supplied = {str(p["name"]) for p in given.get("parameters") or []}
        for declared in located.parameters:
            if declared["name"] not in supplied and declared.get("value", declared.get("default")) is None:
                raise InvalidInputError(f'{where}: parameter "{declared["name"]}" was not supplied')

    def _check_outputs(
        self, where: str, located: Located, inputs: set[str], tasks: Mapping[str, Document], prefix: str
    ) -> None:
        known = inputs | self._results(located.source, tasks, prefix)
        values = [output_tag(output["valueFrom"]) for output in located.outputs("parameters")]
        self._check_references(f"{where} outputs", values, known)
        self._check_references(f"{where} outputs", [a.get("from") for a in located.outputs("artifacts")], known)

    def _results(self, source: str, tasks: Mapping[str, Document], prefix: str) -> set[str]:
        known: set[str] = set()
        for name, task in tasks.items():
            located = self._workflow.template_of(source, task, f'task "{name}"')
            known |= {f"{prefix}.{name}.{field}" for field in _RESULT_FIELDS}
            for kind in ("parameters", "artifacts"):
                known |= {f"{prefix}.{name}.outputs.{kind}.{o['name']}" for o in located.outputs(kind)}
        return known

    @staticmethod
    def _item_references(where: str, task: Document) -> set[str]:
        if task.get("withItems") is None and task.get("withParam") is None:
            return set()
        if task.get("withItems") is not None and task.get("withParam") is not None:
            raise InvalidInputError(f"{where}: withItems and withParam exclude each other")
        found = references([task.get("arguments"), task.get("when")])
        return {r for r in found if re.fullmatch(r"item(\.\w+)?", r)}

    def _check_references(self, where: str, values: Iterable[Any], known: set[str]) -> None:
        for reference in references(list(values)):
            if reference in known or reference in self._variables or reference.startswith("workflow.outputs."):
                continue
            raise InvalidInputError(
                f'{where}: "{{{{{reference}}}}}" refers to nothing known there',
                remedy="Correct its spelling, or depend on the task whose output it is.",
            )


def _readable_retry(located: Located) -> Mapping[str, Any] | None:
    """The retry strategy with a limit that is a reference set aside: it gets its value when the step runs."""
    strategy = located.template.get("retryStrategy")
    if strategy is not None and "{{" in str(strategy.get("limit")):
        return {**strategy, "limit": 0}
    return strategy


def _check_known(where: str, names: Iterable[str], known: Mapping[str, object]) -> None:
    for name in names:
        if name not in known:
            raise InvalidInputError(
                f'{where} "{name}", which does not exist', remedy=f"There are: {', '.join(known)}."
            )


def _ancestors(where: str, name: str, parents: Mapping[str, list[str]]) -> list[str]:
    found: list[str] = []
    waiting = list(parents[name])
    while waiting:
        parent = waiting.pop()
        if parent == name:
            raise InvalidInputError(f"{where} depends on itself")
        if parent not in found:
            found.append(parent)
            waiting += parents[parent]
    return found
