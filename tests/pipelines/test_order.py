"""Tasks begin when what they depend on has ended, and branches run side by side."""

from pathlib import Path

from pipelines import local
from pipelines.run_events import RunEvent, RunFinished, RunStarted, StepFinished, StepProgress, StepStarted
from pipelines.run_record import read_log, read_run
from tests.pipelines.workflows import graph, script, workflow

MEET = """
import pathlib, time
mine, other = pathlib.Path("{{workflow.parameters.folder}}/{{inputs.parameters.me}}"), pathlib.Path(
    "{{workflow.parameters.folder}}/{{inputs.parameters.other}}")
mine.touch()
deadline = time.monotonic() + 60
while not other.exists():
    assert time.monotonic() < deadline, "the other never came"
    time.sleep(0.01)
"""


def test_branches_run_at_the_same_time(tmp_path: Path) -> None:
    """Each of two branches, and each of two iterations, waits for the other one to have begun."""
    inputs = {"parameters": [{"name": "me"}, {"name": "other"}]}

    def meet(name: str, me: str, other: str, **fields: object) -> dict[str, object]:
        arguments = [{"name": "me", "value": me}, {"name": "other", "value": other}]
        return {"name": name, "template": "meet", "arguments": {"parameters": arguments}, **fields}

    loop = [{"me": "x", "other": "y"}, {"me": "y", "other": "x"}]
    tasks = [
        meet("left", "1", "2"),
        meet("right", "2", "1"),
        meet("loop", "{{item.me}}", "{{item.other}}", withItems=loop, depends="left && right"),
    ]
    record = local.run(
        workflow(
            graph(tasks),
            script("meet", MEET, inputs=inputs),
            arguments={"parameters": [{"name": "folder", "value": str(tmp_path)}]},
        ),
        templates={},
    )
    assert record.phase == "Succeeded", record.message


def test_parallelism_of_one_runs_one_after_the_other() -> None:
    running, most = 0, 0

    def count(event: RunEvent) -> None:
        nonlocal running, most
        running += isinstance(event, StepStarted) - isinstance(event, StepFinished)
        most = max(most, running)

    tasks = [{"name": "each", "template": "alone", "withItems": list(range(4))}]
    record = local.run(workflow(graph(tasks), script("alone", "pass"), parallelism=1), templates={}, listener=count)
    assert record.phase == "Succeeded", record.message
    assert (running, most) == (0, 1)


def test_events_come_in_order_and_tell_of_progress() -> None:
    source = """
from steps.progress import ProgressReporter
reporter = ProgressReporter()
reporter.report("downloading", 5, 10)
reporter.report("downloading", 10, 10)
"""
    tasks = [{"name": "a", "template": "work"}, {"name": "b", "template": "work", "depends": "a"}]
    annotations = {"annotations": {"workflows.argoproj.io/title": "Work hard"}}
    events: list[RunEvent] = []
    record = local.run(
        workflow(graph(tasks), script("work", source, metadata=annotations)), templates={}, listener=events.append
    )
    order = [(type(e).__name__, getattr(e, "path", "")) for e in events if not isinstance(e, StepProgress)]
    assert order == [
        ("RunStarted", ""),
        ("StepStarted", "a"),
        ("StepFinished", "a"),
        ("StepStarted", "b"),
        ("StepFinished", "b"),
        ("RunFinished", ""),
    ]
    last = {e.path: e.progress for e in events if isinstance(e, StepProgress)}
    assert {path: (p.phase, p.completed, p.total) for path, p in last.items()} == {
        "a": ("downloading", 10, 10),
        "b": ("downloading", 10, 10),
    }
    started = [e for e in events if isinstance(e, StepStarted)]
    assert all(e.title == "Work hard" and e.log.exists() for e in started)
    assert isinstance(events[0], RunStarted) and isinstance(events[-1], RunFinished)
    assert events[-1].record == record == read_run(record.run)
    finished = [e for e in events if isinstance(e, StepFinished)]
    assert all(e.record.seconds == e.seconds > 0 for e in finished)


def test_a_deep_graph_runs_each_task_once_after_its_parents() -> None:
    names = [f"t{n}" for n in range(12)]
    tasks = [
        {"name": name, "template": "nothing", "dependencies": [p for p in names[:n] if (n * 7 + int(p[1:])) % 3 == 0]}
        for n, name in enumerate(names)
    ]
    record = local.run(workflow(graph(tasks), script("nothing", "pass")), templates={})
    steps = {step.path: step for step in record.steps}
    assert sorted(steps) == sorted(names)
    for task in tasks:
        for parent in task["dependencies"]:
            earlier, later = steps[str(parent)].finished, steps[str(task["name"])].started
            assert earlier and later and earlier <= later


def test_a_steps_words_are_in_its_log_and_its_error_in_the_record() -> None:
    source = 'import sys; print("said", flush=True); print("last words", file=sys.stderr); sys.exit(3)'
    record = local.run(workflow(script("fails", source)), templates={})
    assert record.phase == "Failed"
    step = record.failed_step
    assert step is not None and step.error is not None
    assert (step.exit_code, step.error.code) == (3, "exit")
    assert "last words" in step.error.message and "last words" in record.message
    assert set(read_log(record, "fails").split("\n")) >= {"said", "last words"}


def test_what_a_step_leaves_running_in_its_group_ends_and_a_server_of_its_own_stays(tmp_path: Path) -> None:
    from tests.pipelines.workflows import is_running, wait_until

    source = f"""
import pathlib, subprocess, sys
wait = [sys.executable, "-c", "import time; time.sleep(600)"]
child = subprocess.Popen(wait)
server = subprocess.Popen(wait, start_new_session=True)
pathlib.Path("{tmp_path}/pids").write_text(f"{{child.pid}} {{server.pid}}")
""".replace("{{", "{ {").replace("}}", "} }")
    source = source.replace('f"{ {child.pid} } { {server.pid} }"', '"%d %d" % (child.pid, server.pid)')
    record = local.run(workflow(script("serves", source)), templates={})
    assert record.phase == "Succeeded", record.message
    child, server = map(int, (tmp_path / "pids").read_text().split())
    try:
        wait_until(lambda: not is_running(child))
        assert is_running(server)
    finally:
        import psutil

        psutil.Process(server).kill()
