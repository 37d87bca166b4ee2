"""However a run ends, no process of it stays, its record can be read, and a retry goes on from it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from pipelines import local
from pipelines.run_events import RunEvent, RunStarted, StepStarted
from pipelines.run_record import list_runs, read_run
from steps.errors import InvalidInputError, NotFoundError
from tests.pipelines.workflows import Workflow, graph, is_running, script, wait_until, workflow

RUNNER = """
import json, sys
from pipelines import local
record = local.run(json.load(open(sys.argv[1])), templates={}, name="the-run")
print(record.phase, record.message)
"""
COUNT = """
import pathlib
with open("{{workflow.parameters.folder}}/{{inputs.parameters.name}}", "a") as file:
    file.write("once ")
pathlib.Path("/tmp/ome/outputs/made").write_text("made by {{inputs.parameters.name}}")
"""
HANG = """
import os, pathlib, signal, subprocess, sys, time
folder = pathlib.Path("{{workflow.parameters.folder}}")
if (folder / "go").exists():
    sys.exit(0)
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", stubborn])
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
(folder / "part").write_text("%d %d %d" % (os.getpid(), child.pid, other.pid))
(folder / "part").rename(folder / "pids")
time.sleep(600)
"""


def hanging(folder: Path) -> Workflow:
    """One task that succeeds, one that hangs with children until `go` exists, and one after it."""
    named = {"parameters": [{"name": "name"}]}
    made = {"parameters": [{"name": "made", "valueFrom": {"path": "/tmp/ome/outputs/made"}}]}

    def count(name: str, depends: str) -> dict[str, Any]:
        arguments = {"parameters": [{"name": "name", "value": name}]}
        return {"name": name, "template": "count", "depends": depends or None, "arguments": arguments}

    return workflow(
        graph(
            [count("before", ""), {"name": "hang", "template": "hang", "depends": "before"}, count("after", "hang")]
        ),
        script("count", COUNT, inputs=named, outputs=made),
        script("hang", HANG),
        arguments={"parameters": [{"name": "folder", "value": str(folder)}]},
    )


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that runs the hanging workflow, once its step hangs."""
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(hanging(tmp_path)))
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(file)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        wait_until((tmp_path / "pids").exists)
        yield process
    finally:
        process.kill()
        process.wait()


def tree(runner: subprocess.Popen[str], folder: Path) -> list[int]:
    """The hanging step, its children and its guard."""
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    assert all(is_running(pid) for pid in pids)
    return [*pids, *(child.pid for child in psutil.Process(runner.pid).children(recursive=True))]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_leaves_no_process(
    runner: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    pids = tree(runner, tmp_path)
    os.kill(runner.pid, number)
    output, _ = runner.communicate(timeout=60)
    assert output.split() == ["Cancelled", "stopped", "by", number.name]
    assert not [pid for pid in pids if is_running(pid)]
    record = read_run("the-run")
    assert {step.path: step.phase for step in record.steps} == {"before": "Succeeded", "hang": "Cancelled"}


def test_ctrl_c_in_a_terminal_reaches_the_whole_group_and_still_ends_in_order(
    runner: subprocess.Popen[str], tmp_path: Path
) -> None:
    pids = tree(runner, tmp_path)
    os.killpg(runner.pid, signal.SIGINT)
    os.killpg(runner.pid, signal.SIGINT)
    output, _ = runner.communicate(timeout=60)
    assert output.split()[0] == "Cancelled"
    assert not [pid for pid in pids if is_running(pid)]


def test_a_killed_run_leaves_no_process_and_a_retry_goes_on(runner: subprocess.Popen[str], tmp_path: Path) -> None:
    pids = tree(runner, tmp_path)
    runner.kill()
    runner.wait()
    wait_until(lambda: not [pid for pid in pids if is_running(pid)])
    assert read_run("the-run").phase == "Interrupted"
    assert [run.phase for run in list_runs()] == ["Interrupted"]

    (tmp_path / "go").touch()
    events: list[RunEvent] = []
    record = local.retry("the-run", listener=events.append)

    assert record.phase == "Succeeded", record.message
    assert isinstance(events[0], RunStarted) and events[0].kept == ("before",)
    assert [event.path for event in events if isinstance(event, StepStarted)] == ["hang", "after"]
    assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text() == "once "
    assert record.retries == 1
    before, hang = record.step("before"), record.step("hang")
    assert before is not None and before.outputs == {"made": "made by before"}
    assert hang is not None and [attempt.number for attempt in hang.attempts] == [1, 2]


def test_a_failed_run_goes_on_and_keeps_what_succeeded(tmp_path: Path) -> None:
    text = yaml.safe_dump(hanging(tmp_path)).replace("child = ", "sys.exit(7); child = ")
    first = local.run(yaml.safe_load(text), templates={})
    assert (first.phase, first.failed_step and first.failed_step.path) == ("Failed", "hang")
    second = local.retry(first.run)
    assert (second.phase, second.failed_step and second.failed_step.path) == ("Failed", "hang")
    (tmp_path / "go").touch()
    third = local.retry(first.run)
    assert third.phase == "Succeeded", third.message
    assert (tmp_path / "before").read_text() == "once "
    assert third.retries == 2
    with pytest.raises(InvalidInputError, match="has succeeded"):
        local.retry(first.run)


def test_a_kept_step_runs_again_when_its_inputs_have_changed(tmp_path: Path) -> None:
    """The record is changed so that `first` must run again; it then makes something else."""
    outputs = {"parameters": [{"name": "made", "valueFrom": {"path": "/tmp/ome/outputs/made"}}]}
    source = f"""
import pathlib
count = pathlib.Path("{tmp_path}/count")
count.write_text(count.read_text() + "x" if count.exists() else "x")
pathlib.Path("/tmp/ome/outputs/made").write_text(count.read_text())
"""
    use = {"parameters": [{"name": "made", "value": "{{tasks.first.outputs.parameters.made}}"}]}
    tasks: list[dict[str, Any]] = [
        {"name": "first", "template": "make"},
        {"name": "second", "template": "use", "depends": "first", "arguments": use},
        {"name": "third", "template": "fail", "depends": "second"},
    ]
    record = local.run(
        workflow(
            graph(tasks),
            script("make", source, outputs=outputs),
            script("use", "pass", inputs={"parameters": [{"name": "made"}]}),
            script("fail", "raise SystemExit(1)"),
        ),
        templates={},
    )
    path = Path(os.environ["OME_HOME"]) / "runs" / record.run / "run.json"
    saved = json.loads(path.read_text())
    saved["steps"][0]["phase"] = "Failed"
    path.write_text(json.dumps(saved))
    again = local.retry(record.run)
    second = again.step("second")
    assert second is not None and second.inputs == {"made": "xx"} and len(second.attempts) == 2


def test_unknown_runs_are_named() -> None:
    with pytest.raises(NotFoundError, match='"nothing"'):
        local.retry("nothing")
    with pytest.raises(InvalidInputError, match="run"):
        local.retry("../up")


def test_a_record_holds_no_environment(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_very_secret")
    check = 'import os; assert os.environ["HF_TOKEN"] == "_".join(["hf", "very", "secret"])'
    record = local.run(workflow(script("check", check)), templates={})
    assert record.phase == "Succeeded", record.message
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files and not [path for path in files if b"hf_very_secret" in path.read_bytes()]
