"""A graph has the tasks of its template and what they wait for, and no text of a template breaks the drawing."""

import re
from typing import Any

import pytest

from pipelines.export import templates
from pipelines.reference.graph import Edge, mermaid, read_graph

ALL = templates()
PIPELINES = [name for name in ALL if name != "ome-steps"]
ODD = {
    "metadata": {"name": "odd"},
    "spec": {
        "entrypoint": "main",
        "templates": [
            {"name": "shout", "script": {}},
            {
                "name": "main",
                "dag": {
                    "tasks": [
                        {"name": "end", "template": "shout", "withItems": ["a", '"b"']},
                        {"name": "b-c", "template": "shout", "dependencies": ["end"], "when": "{{item}} < &#1"},
                        {"name": "d", "template": "shout", "depends": "end.Succeeded && b-c.Succeeded"},
                        {"name": "e", "template": "shout", "depends": "(d.Failed || d.Errored) && !end.Skipped"},
                        {
                            "name": "f",
                            "template": "shout",
                            "when": "{{tasks.d.outputs.parameters.size}} == {{workflow.parameters.limit}}",
                        },
                    ]
                },
            },
        ],
    },
}


def test_tasks_and_their_waits_are_those_of_the_template() -> None:
    for name in PIPELINES:
        (entrypoint,) = ALL[name]["spec"]["templates"]
        tasks: list[dict[str, Any]] = entrypoint["dag"]["tasks"]
        graph = read_graph(ALL[name], ALL)
        assert [node.name for node in graph.nodes] == [task["name"] for task in tasks]
        waits = {(wait, task["name"]) for task in tasks for wait in re.findall(r"[\w-]+", task.get("depends", ""))}
        waits |= {(wait, task["name"]) for task in tasks for wait in task.get("dependencies", ())}
        assert {(edge.before, edge.after) for edge in graph.edges} == waits
        assert {node.name for node in graph.nodes if node.loop} == {t["name"] for t in tasks if "withParam" in t}
        assert {node.name for node in graph.nodes if node.condition} == {t["name"] for t in tasks if "when" in t}


def test_the_import_is_drawn() -> None:
    assert mermaid(read_graph(ALL["import-model"], ALL), "LR") == "\n".join(
        [
            "flowchart LR",
            '    resolve["Resolve the model"] --> parse["Parse the model"]',
            '    resolve --> cache[["Cache the model<br>once for each of nodes"]]',
            '    parse --> publish["Publish the model"]',
            "    cache --> publish",
        ]
    )


def test_odd_names_and_expressions_are_drawn() -> None:
    graph = read_graph(ODD, {})
    either = "(d.Failed || d.Errored) && !end.Skipped"
    assert graph.edges[-2:] == (Edge("d", "e", either), Edge("end", "e", either))
    assert mermaid(graph).splitlines() == [
        "flowchart TD",
        '    end_[["shout<br>once for each of a, #quot;b#quot;"]] --> b_c["shout<br>when {{item}} #lt; #amp;#35;1"]',
        '    end_ --> d["shout"]',
        "    b_c --> d",
        '    d -- "(d.Failed || d.Errored) #amp;#amp; !end.Skipped" --> e["shout"]',
        '    end_ -- "(d.Failed || d.Errored) #amp;#amp; !end.Skipped" --> e',
        '    f["shout<br>when size of d == limit"]',
        "    classDef optional stroke-dasharray: 5 5",
        "    class b_c,f optional",
    ]


def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(ValueError, match="ome-steps: its entrypoint has no tasks"):
        read_graph(ALL["ome-steps"], ALL)
