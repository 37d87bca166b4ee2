"""What a controller is started with is checked before it asks the cluster: value, what is accepted, remedy."""

import asyncio
import socket
from pathlib import Path

import pytest

from controller.health import Health
from controller.main import level_of, options_of, parser, settings_of
from controller.metrics import Metrics
from steps.errors import InvalidInputError
from tests.controller.engine.process import ControllerProcess

WRONG = [
    (("--log-level", "loud"), '--log-level: "loud"', "debug, info, warning, error"),
    (("--log-level", "critical"), '--log-level: "critical"', "debug, info, warning, error"),
    (("--retry-seconds", "0"), "--retry-seconds: 0.0", "above 0"),
    (("--retry-seconds", "-1"), "--retry-seconds: -1.0", "above 0"),
    (("--retry-seconds", "nan"), "--retry-seconds: nan", "above 0"),
    (("--slow-retry-seconds", "0"), "--slow-retry-seconds: 0.0", "above 0"),
    (("--slow-retry-seconds", "inf"), "--slow-retry-seconds: inf", "above 0"),
    (("--lease-seconds", "nan"), "--lease-seconds: nan", "1 or more"),
    (("--workers", "0"), "--workers: 0", "1 or more"),
    (("--max-attempts", "0"), "--max-attempts: 0", "1 or more"),
    (("--metrics-port", "65536"), "--metrics-port: 65536", "1 to 65535"),
    (("--models-root", "models"), '--models-root: "models"', "/mnt/models"),
]


@pytest.mark.parametrize(("arguments", "message", "accepted"), WRONG)
def test_a_wrong_option_is_named_with_what_is_accepted(
    arguments: tuple[str, ...], message: str, accepted: str
) -> None:
    given = parser().parse_args(arguments)
    with pytest.raises(InvalidInputError) as caught:
        level_of(given), settings_of(given), options_of(given)
    assert message in caught.value.message and accepted in caught.value.remedy


def test_what_is_not_given_is_accepted() -> None:
    given = parser().parse_args(["--log-level", "WARNING", "--retry-seconds", "0.1"])
    assert (level_of(given), settings_of(given).retry_seconds, options_of(given).port) == ("WARNING", 0.1, 8080)


def test_a_port_that_is_taken_is_said_to_be(tmp_path: Path) -> None:
    async def listen(port: int) -> None:
        health = Health(Metrics(), list, str)
        try:
            await health.start("127.0.0.1", port)
        finally:
            await health.stop()

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInputError, match=f"cannot listen on 127.0.0.1, port {port}") as caught:
            asyncio.run(listen(port))
    assert "--metrics-port" in caught.value.remedy


def test_a_process_that_may_not_start_ends_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kubeconfig").write_text("- a list\n")
    assert str(tmp_path / "kubeconfig") in _only_line(tmp_path)
    monkeypatch.setenv("OME_CONTROLLER_LOG_LEVEL", "loud")
    assert '--log-level: "loud"' in _only_line(tmp_path)


def _only_line(folder: Path) -> str:
    """What a controller says that ends at once with the exit status of a wrong input."""
    with ControllerProcess(folder / "kubeconfig", folder / "log", module="controller") as controller:
        assert controller.process.wait(60) == InvalidInputError.exit_code
        (line,) = controller.lines()
    assert line["error"] == InvalidInputError.code
    return str(line["message"])
