"""The project's own templates run here with the real steps, and their errors arrive as the steps said them."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines import local
from pipelines.export import templates
from pipelines.run_events import RunEvent, StepWaiting
from pipelines.run_record import RunRecord, read_log
from tests.pipelines.workflows import graph, script, workflow


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a tiny model: one tensor and its configuration."""
    folder = tmp_path / "model"
    folder.mkdir()
    header = json.dumps({"w": {"dtype": "F32", "shape": [16, 8], "data_offsets": [0, 512]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(512))
    config = {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8, "num_hidden_layers": 1,
        "num_attention_heads": 1, "vocab_size": 16, "max_position_embeddings": 64, "torch_dtype": "float32",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_model_is_imported_by_the_templates_themselves(model: Path, home: Path) -> None:
    record = local.run("import-model", {"uri": f"local://{model}", "name": "tiny", "nodes": ["", "this-node"]})
    assert record.phase == "Succeeded", record.message
    assert [s.path for s in record.steps][0] == "resolve" and [s.path for s in record.steps][-1] == "publish"
    assert {s.path for s in record.steps} == {"resolve", "parse", "cache(0)", "cache(1)", "publish"}
    resource = yaml.safe_load((home / "resources" / "clusterbasemodels" / "tiny.yaml").read_text())
    assert resource["spec"]["storage"]["path"] == str(home / "models" / "tiny")
    assert json.loads(record.outputs["facts"])["architecture"] == "LlamaForCausalLM"


def test_a_model_that_nothing_can_serve_is_refused_before_its_bytes_are_fetched(model: Path, home: Path) -> None:
    record = local.run("onboard-model", {"uri": f"local://{model}", "name": "tiny", "service": "tiny"})
    assert record.phase == "Failed"
    assert {s.path: s.phase for s in record.steps} == {
        "resolve": "Succeeded", "parse": "Succeeded", "select": "Failed", "cache": "Omitted", "publish": "Omitted",
        "deploy": "Omitted", "ask": "Omitted", "benchmark": "Omitted",
    }  # fmt: skip
    assert not (home / "models" / "tiny").exists()


def test_a_steps_error_has_its_class_its_words_and_its_remedy(tmp_path: Path) -> None:
    record = local.run("parse-model", {"uri": f"local://{tmp_path}/not-there"})
    step = record.failed_step
    assert step is not None and step.error is not None
    assert (step.path, step.template, step.error.code) == ("resolve", "ome-steps/resolve-model", "not-found")
    assert len(step.attempts) == 1, "a missing folder is not worth another attempt"
    assert "not-there" in step.error.message and step.error.remedy
    assert step.error.message in read_log(record, "resolve")
    assert record.message == f"resolve: {step.error.message}"


def test_a_workflow_may_refer_to_a_template(model: Path) -> None:
    document = {
        "kind": "Workflow",
        "metadata": {"generateName": "parse-"},
        "spec": {
            "workflowTemplateRef": {"name": "parse-model"},
            "arguments": {"parameters": [{"name": "uri", "value": f"local://{model}"}]},
        },
    }
    record = local.run(document, templates=templates())
    assert record.phase == "Succeeded", record.message
    assert record.run.startswith("parse-2") and record.title == "Parse a model"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", f"http://{'a' * 300}"])
def test_benchmarks_of_one_endpoint_take_turns_whatever_their_names(tmp_path: Path, url: str) -> None:
    """Two runs at once, with the lock of the step that measures, whose steps would fail if they met."""
    benchmark = find_template("benchmark-endpoint")
    source = f"""
import os, time
os.mkdir("{tmp_path}/alone")
time.sleep(0.05)
os.rmdir("{tmp_path}/alone")
"""
    locked = script("alone", source, inputs={"parameters": [{"name": "name"}, {"name": "endpoint"}]})
    locked["synchronization"] = benchmark["synchronization"]
    endpoint = {"name": "endpoint", "value": json.dumps({"url": url})}
    arguments = {"parameters": [{"name": "name", "value": "job-{{item}}"}, endpoint]}
    tasks: list[dict[str, Any]] = [
        {"name": "each", "template": "alone", "withItems": [1, 2, 3], "arguments": arguments}
    ]
    records: list[RunRecord] = []
    events: list[RunEvent] = []

    def run(name: str) -> None:
        records.append(local.run(workflow(graph(tasks), locked), templates={}, name=name, listener=events.append))

    threads = [threading.Thread(target=run, args=(name,)) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(r.phase, r.message) for r in records] == [("Succeeded", "")] * 2
    waited = [event for event in events if isinstance(event, StepWaiting)]
    assert waited and {event.mutex for event in waited} == {f"benchmark-{url}"}, "nobody is told what is waited for"


@pytest.mark.parametrize("endpoint", ["", "nonsense", '{"modelName":"m"}'])
def test_an_endpoint_that_no_lock_can_be_named_by_is_refused_by_the_step(home: Path, endpoint: str) -> None:
    record = local.run("benchmark-endpoint", {"endpoint": endpoint, "model": "m"})
    assert record.phase == "Failed"
    assert "jsonpath" not in record.message and "endpoint" in record.message


def find_template(name: str) -> dict[str, Any]:
    """The template of a step."""
    (found,) = [each for each in templates()["ome-steps"]["spec"]["templates"] if each["name"] == name]
    return dict(found)
