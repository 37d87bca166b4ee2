"""`docs/pipelines.md`: each pipeline as its workflow template has it, and the steps that they are made of. Pure."""

import re
import shlex
from collections.abc import Mapping

from pipelines.install.options import NAMESPACE
from pipelines.reference.graph import Template, mermaid, read_graph
from pipelines.reference.markdown import bullets, code, fenced, paragraph, table
from pipelines.reference.uses import USES, Use
from pipelines.templates.settings import DESCRIPTION, STEPS_TEMPLATE, TITLE

_HEAD = f"""\
<!-- Written by `python -m pipelines.reference` from the workflow templates; changes belong there. -->

# Pipelines

Each is a WorkflowTemplate of Argo Workflows in the namespace `{NAMESPACE}`; on one machine `ome` runs the same one.
In the graphs a task with a double border runs once for each of a list; one with a dashed border may be left out."""

_SUBMITTING = f"""\
## Four ways to run one

- **By resource.** Apply a model, a service or a benchmark; the controller submits what it takes, tries again what
  another attempt may mend, and writes to `status` what became of it.
- **In the Argo UI.** Workflow Templates, the namespace `{NAMESPACE}`, the pipeline, Submit: the form has the
  parameters of the tables below, each with its description, its choices and its default.
- **With Argo's command line**, as below each pipeline, or by `kubectl create` of a Workflow that names the template:

  ```yaml
  apiVersion: argoproj.io/v1alpha1
  kind: Workflow
  metadata:
    generateName: parse-
    namespace: {NAMESPACE}
  spec:
    workflowTemplateRef:
      name: parse-model
    arguments:
      parameters:
        - name: uri
          value: hf://HuggingFaceTB/SmolLM2-135M-Instruct-GGUF
  ```
- **On one machine**, with no cluster: the `ome` command below each pipeline.

A run that a person submits for a resource that is there, with the same arguments, is adopted: one run, one status."""


def pipeline_page(templates: Mapping[str, Template]) -> str:
    """The page.

    Args:
        templates: By name, in the order in which people should meet them.
    """
    pipelines = {name: each for name, each in templates.items() if name != STEPS_TEMPLATE}
    links = [f"[{name}](#{name}): {_annotation(each, DESCRIPTION)}" for name, each in pipelines.items()]
    sections = [_section(name, each, templates) for name, each in pipelines.items()]
    return "\n\n".join([_HEAD, bullets(links), _SUBMITTING, *sections, _steps(templates[STEPS_TEMPLATE])]) + "\n"


def pipeline_graph(name: str, templates: Mapping[str, Template], direction: str = "TD") -> str:
    """A pipeline's graph as a block of Mermaid."""
    return fenced(mermaid(read_graph(templates[name], templates), direction), "mermaid")


def example(name: str, use: Use) -> str:
    """The command that submits the example to a cluster, and the one for one machine."""
    arguments = "".join(f" \\\n  -p {shlex.quote(f'{key}={value}')}" for key, value in use.arguments.items())
    lines = [f"argo submit -n {NAMESPACE} --watch --from workflowtemplate/{name}{arguments}"]
    return "\n".join([*lines, *([use.command] if use.command else [])])


def _section(name: str, template: Template, templates: Mapping[str, Template]) -> str:
    use = USES[name]
    hours = _duration(template["spec"]["activeDeadlineSeconds"])
    text = " ".join(filter(None, [_annotation(template, DESCRIPTION), use.notes, f"A run is ended after {hours}."]))
    parts = [
        f"## {name}",
        f"**{_annotation(template, TITLE)}.** {text}",
        pipeline_graph(name, templates),
        fenced(example(name, use), "sh"),
        f"**By resource**: {use.resource}",
        table(("parameter", "type", "default", "meaning"), _parameters(template)),
    ]
    if outputs := _outputs(template):
        parts.append(table(("output", "meaning"), outputs))
    return "\n\n".join(part if part.startswith(("|", "`", "#")) else paragraph(part) for part in parts)


def _parameters(template: Template) -> list[tuple[str, str, str, str]]:
    parameters = template["spec"]["arguments"]["parameters"]
    return [(code(p["name"]), _type(p), code(p["value"]), p["description"]) for p in parameters]


def _outputs(template: Template) -> list[tuple[str, str]]:
    spec = template["spec"]
    entrypoint = next(each for each in spec["templates"] if each["name"] == spec["entrypoint"])
    return [(code(p["name"]), p["description"]) for p in entrypoint.get("outputs", {}).get("parameters", ())]


def _type(parameter: Template) -> str:
    """What a parameter takes: its choices, or what its default is one of. Argo itself knows only text."""
    if choices := parameter.get("enum"):
        return ", ".join(map(code, choices))
    default = parameter["value"]
    if default.startswith("["):
        return "JSON list"
    if re.fullmatch(r"-?\d+", default):
        return "whole number"
    return "number" if re.fullmatch(r"-?\d+\.\d+", default) else "text"


def _steps(template: Template) -> str:
    lines = []
    for each in template["spec"]["templates"]:
        attempts = each["retryStrategy"]["limit"] + 1
        limits = f"{attempts} attempts of {_duration(each['activeDeadlineSeconds'])} at most"
        memory = each["script"]["resources"]["limits"]["memory"]
        about = each["metadata"]["annotations"][DESCRIPTION]
        lines.append(f"`{each['name']}`: {about} {limits}, {memory} of memory, as `{each['serviceAccountName']}`.")
    head = (
        f"Every task runs a step of the template `{STEPS_TEMPLATE}`. Only failures that another attempt may mend are "
        "tried again. What an account may do: [accounts.md](accounts.md)."
    )
    return "\n\n".join(["## The steps", paragraph(head), bullets(lines)])


def _annotation(template: Template, name: str) -> str:
    return str(template["metadata"]["annotations"][name])


def _duration(seconds: int) -> str:
    minutes = seconds // 60
    return f"{minutes} minutes" if minutes < 60 else f"{minutes // 60} hour{'s' if minutes >= 120 else ''}"
