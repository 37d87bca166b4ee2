"""An engine's log is cut when it is long while the engine goes on writing, and its last lines are fit to be shown."""

from pathlib import Path

from steps.serving.logs import LOG_NAME, bound_log, last_lines, start_log
from tests.serving.made_up import apply_model, apply_runtime, deploy_tiny, folder_of


def test_long_log_is_moved_aside_and_writing_goes_on(tmp_path: Path) -> None:
    log = tmp_path / LOG_NAME
    with log.open("ab") as file:
        file.write(b"old\n" * 100)
        file.flush()
        assert not bound_log(tmp_path, largest=400)
        assert bound_log(tmp_path, largest=399)
        file.write(b"new\n")
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "engine.log.1").read_bytes() == b"old\n" * 100


def test_last_lines_are_the_last_that_say_something_and_readable(tmp_path: Path) -> None:
    log = tmp_path / LOG_NAME
    assert last_lines(log) == ()
    log.write_bytes(b"first\n\n\x1b[31mred\x1b[0m\x07\n" + b"y" * 1000 + b"\n  \nb\xff\n")
    assert last_lines(log, 3) == ("red", "y" * 400, "b\N{REPLACEMENT CHARACTER}")
    log.write_bytes(b"z" * 100_000 + b"\nend\n")
    assert last_lines(log, 1) == ("end",)


def test_new_deployment_begins_a_new_log(tmp_path: Path) -> None:
    start_log(tmp_path)
    (tmp_path / LOG_NAME).write_text("one")
    start_log(tmp_path)
    assert (tmp_path / LOG_NAME).read_text() == ""
    assert (tmp_path / "engine.log.1").read_text() == "one"


def test_engine_prints_to_the_deployments_log() -> None:
    apply_model()
    apply_runtime("--print", "hello from the engine")
    deploy_tiny()
    assert last_lines(folder_of() / LOG_NAME) == ("hello from the engine",)
