"""A pipeline's graph, read from its workflow template, and drawn in Mermaid, which GitHub shows as a picture.

Pure: from the dictionary that a cluster gets to text, so that a picture cannot say what the template does not.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.runner.expression import depends_names
from pipelines.templates.settings import TITLE

Template = Mapping[str, Any]

_RESERVED = frozenset({"click", "default", "direction", "end", "flowchart", "graph", "class", "style", "subgraph"})
"""Words that Mermaid reads as its own where a node is named so."""
_NOT_PLAIN = re.compile(r"[|!]|\.(?!Succeeded\b)")
"""In `depends`: anything but tasks that all have to end well."""
_REFERENCE = re.compile(r"\{\{=?\s*(?:workflow\.parameters|inputs\.parameters)\.([-\w]+)\s*\}\}")
_OUTPUT = re.compile(r"\{\{=?\s*tasks\.([-\w]+)\.outputs\.parameters\.([-\w]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Node:
    """A task.

    Attributes:
        name: Its name.
        title: What it does, in a few words, as the Argo UI shows it.
        loop: What it runs once for each of; "" for a task that runs once.
        condition: When it runs at all; "" for always.
    """

    name: str
    title: str
    loop: str = ""
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """One task after another.

    Attributes:
        before: Name of the task that comes first.
        after: Name of the other one.
        condition: What has to become of the first; "" for that it ended well.
    """

    before: str
    after: str
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """The tasks of a pipeline, in its order, and what each waits for."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def read_graph(template: Template, all_templates: Mapping[str, Template]) -> Graph:
    """The graph of a workflow template's entrypoint.

    Args:
        template: As it is exported.
        all_templates: By name, for the titles of the steps that its tasks refer to.

    Raises:
        ValueError: when the entrypoint is not a DAG.
    """
    tasks = _entrypoint(template).get("dag", {}).get("tasks")
    if not tasks:
        raise ValueError(f"{template['metadata']['name']}: its entrypoint has no tasks to draw")
    nodes = tuple(_node(task, template, all_templates) for task in tasks)
    return Graph(nodes, tuple(edge for task in tasks for edge in _edges(task)))


def mermaid(graph: Graph, direction: str = "TD") -> str:
    """The graph in Mermaid.

    Args:
        graph: The graph.
        direction: TD from top to bottom, LR from left to right.

    Returns:
        Text without the fence. A task that runs more than once has a double border, one that may not run a dashed one.
    """
    shapes = {node.name: _shape(node) for node in graph.nodes}
    lines = [f"flowchart {direction}"]
    for edge in graph.edges:
        arrow = f'-- "{_escaped(edge.condition)}" -->' if edge.condition else "-->"
        before, after = (shapes.pop(name, _identifier(name)) for name in (edge.before, edge.after))
        lines.append(f"    {before} {arrow} {after}")
    lines += [f"    {shape}" for shape in shapes.values()]  # those that wait for nothing, and nothing for them
    if optional := [_identifier(node.name) for node in graph.nodes if node.condition]:
        lines.append("    classDef optional stroke-dasharray: 5 5")
        lines.append(f"    class {','.join(optional)} optional")
    return "\n".join(lines)


def _entrypoint(template: Template) -> Template:
    spec = template["spec"]
    found: Template = next(each for each in spec["templates"] if each["name"] == spec["entrypoint"])
    return found


def _node(task: Template, template: Template, all_templates: Mapping[str, Template]) -> Node:
    reference = task.get("templateRef")
    holder = all_templates[reference["name"]] if reference else template
    name = reference["template"] if reference else task["template"]
    step = next(each for each in holder["spec"]["templates"] if each["name"] == name)
    title = ((step.get("metadata") or {}).get("annotations") or {}).get(TITLE, name)
    return Node(task["name"], title, _loop(task), _in_words(task.get("when", "")))


def _loop(task: Template) -> str:
    if "withParam" in task:
        return _in_words(task["withParam"])
    if "withItems" in task:
        return ", ".join(map(str, task["withItems"]))
    return "a sequence" if "withSequence" in task else ""


def _edges(task: Template) -> Iterator[Edge]:
    depends = task.get("depends", "")
    names = depends_names(depends) if depends else task.get("dependencies", ())
    condition = depends if _NOT_PLAIN.search(depends) else ""
    for name in names:
        yield Edge(name, task["name"], condition)


def _in_words(text: str) -> str:
    """References by the names that people know them by: `{{workflow.parameters.nodes}}` is `nodes`."""
    return _OUTPUT.sub(r"\2 of \1", _REFERENCE.sub(r"\1", text)).strip()


def _shape(node: Node) -> str:
    """A node where it is mentioned first; after that its identifier is enough."""
    opening, closing = ("[[", "]]") if node.loop else ("[", "]")
    return f'{_identifier(node.name)}{opening}"{_label(node)}"{closing}'


def _label(node: Node) -> str:
    lines = [node.title]
    lines += [f"once for each of {node.loop}"] if node.loop else []
    lines += [f"when {node.condition}"] if node.condition else []
    return "<br>".join(map(_escaped, lines))


def _escaped(text: str) -> str:
    """Text as Mermaid takes it between quotation marks; its entities begin with a number sign."""
    codes = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;"}
    return "".join(codes.get(character, character) for character in text)


def _identifier(name: str) -> str:
    found = re.sub(r"\W", "_", name)
    return f"{found}_" if found.lower() in _RESERVED else found
