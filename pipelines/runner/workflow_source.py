"""A workflow made ready to run here: its spec, its arguments, and every template that it can reach, by reference.

Takes the dictionaries that the generator makes or that a YAML file holds; decides nothing about order.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.runner.supported import (
    PARAMETER,
    TEMPLATE,
    TEMPLATE_REF,
    WORKFLOW,
    check_fields,
    check_list,
)
from steps.contract import to_parameter
from steps.errors import InvalidInputError, NotFoundError, UnsupportedError

Document = Mapping[str, Any]
TITLE = "workflows.argoproj.io/title"


@dataclass(frozen=True, slots=True)
class Located:
    """A template and the workflow template it stands in, where its own tasks look for their templates."""

    source: str
    template: Document

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.template["name"])

    @property
    def title(self) -> str:
        """Its title for people, or ""."""
        for holder in (self.template, self.template.get("metadata") or {}):
            title = (holder.get("annotations") or {}).get(TITLE)
            if title:
                return str(title)
        return ""

    @property
    def parameters(self) -> list[Document]:
        """Its input parameters."""
        return list((self.template.get("inputs") or {}).get("parameters") or [])

    def outputs(self, kind: str) -> list[Document]:
        """Its output `parameters` or `artifacts`."""
        return list((self.template.get("outputs") or {}).get(kind) or [])


class Workflow:
    """A workflow, or a workflow template to be run as one.

    Args:
        document: A `Workflow` or `WorkflowTemplate`.
        templates: The workflow templates that it may refer to, by name.

    Raises:
        UnsupportedError: for another kind, or a field that is refused.
        InvalidInputError, NotFoundError: when it is not well-formed, or refers to what is not there.
    """

    def __init__(self, document: Document, templates: Mapping[str, Document]) -> None:
        kind = document.get("kind", "Workflow")
        if kind not in ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate"):
            raise UnsupportedError(f'kind "{kind}" is not supported on one machine', remedy="Run a Workflow.")
        metadata = document.get("metadata") or {}
        self.name = str(metadata.get("name") or str(metadata.get("generateName") or "workflow").rstrip("-"))
        self.where = f'{kind} "{self.name}"'
        self.title = str((metadata.get("annotations") or {}).get(TITLE) or self.name)
        spec = dict(check_fields(self.where, document.get("spec") or {}, WORKFLOW))
        self._templates = templates
        reference = spec.get("workflowTemplateRef")
        if reference is not None:
            base = Workflow(self._document(str(reference.get("name"))), templates)
            self.title = base.title if self.title == self.name else self.title
            arguments = _merged(base.spec.get("arguments"), spec.get("arguments"))
            spec = {**base.spec, **{k: v for k, v in spec.items() if v is not None}, "arguments": arguments}
        self.spec: Document = spec

    def _document(self, name: str) -> Document:
        if name not in self._templates:
            there = ", ".join(sorted(self._templates)) or "none"
            raise NotFoundError(f'workflow template "{name}" does not exist', remedy=f"There are: {there}.")
        return self._templates[name]

    def find(self, source: str, name: str) -> Located:
        """The template `name` of the workflow template `source`, or of this workflow itself when `source` is ""."""
        where = f'WorkflowTemplate "{source}"' if source else self.where
        spec = check_fields(where, self._document(source).get("spec"), WORKFLOW) if source else self.spec
        for template in spec.get("templates") or []:
            if template.get("name") == name:
                return Located(source, check_fields(f'template "{name}"', template, TEMPLATE))
        there = ", ".join(str(t.get("name")) for t in spec.get("templates") or []) or "none"
        raise NotFoundError(f'{where} has no template "{name}"', remedy=f"It has: {there}.")

    def template_of(self, source: str, caller: Document, where: str) -> Located:
        """The template that a task, step or hook of `source` runs."""
        reference = caller.get("templateRef")
        if reference is not None:
            check_fields(f"{where}.templateRef", reference, TEMPLATE_REF)
            return self.find(str(reference.get("name")), str(reference.get("template")))
        if not caller.get("template"):
            raise InvalidInputError(f"{where}: names neither template nor templateRef")
        return self.find(source, str(caller["template"]))

    def texts(self) -> list[object]:
        """All templates that it could reach, to look for words in."""
        return [self.spec.get("templates"), *(t.get("spec") for t in self._templates.values())]

    def entrypoint(self) -> Located:
        """Where it begins."""
        if not self.spec.get("entrypoint"):
            raise InvalidInputError(f"{self.where}: spec.entrypoint is missing")
        return self.find("", str(self.spec["entrypoint"]))

    def exit_handler(self) -> Located | None:
        """What runs when it is over, for good or ill."""
        hook = (self.spec.get("hooks") or {}).get("exit")
        if hook is not None:
            return self.template_of("", hook, f"{self.where} hook exit")
        return self.find("", str(self.spec["onExit"])) if self.spec.get("onExit") else None

    def arguments(self, given: Mapping[str, object]) -> dict[str, str]:
        """Every workflow parameter as text: what was given, else its value or default.

        Raises:
            InvalidInputError: for an unknown parameter, one without a value, or a value outside its enum.
        """
        declared = {
            str(p["name"]): p
            for p in check_list(
                f"{self.where} parameter", (self.spec.get("arguments") or {}).get("parameters"), PARAMETER
            )
        }
        for name in given:
            if name not in declared:
                accepted = ", ".join(declared) or "none"
                raise InvalidInputError(f'{self.where} has no parameter "{name}"', remedy=f"It has: {accepted}.")
        values: dict[str, str] = {}
        for name, parameter in declared.items():
            value = given.get(name, parameter.get("value", parameter.get("default")))
            if value is None:
                raise InvalidInputError(f'{self.where}: parameter "{name}" has no value', remedy=f"Give {name}.")
            values[name] = to_parameter(value)
            accepted_values = [str(v) for v in parameter.get("enum") or []]
            if accepted_values and values[name] not in accepted_values:
                raise InvalidInputError(
                    f'{self.where}: parameter {name} is "{values[name]}"',
                    remedy=f"Accepted: {', '.join(accepted_values)}.",
                )
        return values


def _merged(base: Document | None, over: Document | None) -> Document:
    """Workflow arguments with some of their values replaced."""
    changes = {p["name"]: p for p in (over or {}).get("parameters") or []}
    old = (base or {}).get("parameters") or []
    merged = [{**p, **changes.pop(p["name"], {})} for p in old]
    return {"parameters": [*merged, *changes.values()]}


def as_json(value: object) -> str:
    """Compact JSON, as Argo writes lists of parameters."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
