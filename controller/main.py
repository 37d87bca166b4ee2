"""`python -m controller`: reads arguments and environment, runs one engine, ends on SIGTERM."""

import argparse
import asyncio
import gc
import logging
import math
import os
import signal
import socket
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from controller.api import connect
from controller.engine import Engine, Options
from controller.leader import Terms
from controller.log import set_up_logs
from controller.metrics import Metrics
from controller.observed import Settings
from controller.reconcile import Planner
from steps.errors import InvalidInputError, OmeError

_LEVELS = ("debug", "info", "warning", "error")
_HIGHEST_PORT = 65535
_HOUR = 3600
_log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None, planners: Mapping[str, Planner] | None = None) -> int:
    """Run a controller until SIGTERM or SIGINT.

    Args:
        arguments: Of the command line; None for this process's.
        planners: By kind; None for those of this project.

    Returns:
        The exit status.
    """
    given = parser().parse_args(arguments)
    set_up_logs()
    if planners is None:
        from controller.planners import PLANNERS  # not before the help text and wrong arguments are dealt with

        planners = PLANNERS
    try:
        settings, options = settings_of(given), options_of(given)
        set_up_logs(level_of(given))
        asyncio.run(_run(settings, options, given.kubeconfig, planners))
    except OmeError as error:
        _log.error("%s", error.message, extra={"error": error.code, "remedy": error.remedy})
        return error.exit_code
    return 0


_DECODED_BEFORE_COLLECTING = 50_000
"""Containers made before the garbage collector looks for cycles. What is decoded from JSON has none, and looking
through every page of a list took four fifths of the time until the caches were full."""


async def _run(settings: Settings, options: Options, kubeconfig: Path | None, planners: Mapping[str, Planner]) -> None:
    gc.set_threshold(_DECODED_BEFORE_COLLECTING)
    metrics = Metrics()
    api = await connect(kubeconfig, metrics)
    try:
        engine = Engine(api, planners, settings, options, metrics)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, engine.stop)
        await engine.run(lambda port: _log.info("health and metrics on port %d", port))
        _log.info("stopped")
    finally:
        await api.close()


def parser() -> argparse.ArgumentParser:
    """The command line; each default may be given in the environment."""
    found = argparse.ArgumentParser(
        prog="python -m controller",
        description="Turns resources of ome.io into workflows of Argo, and writes what became of them to status.",
        epilog="Each option can be given in the environment instead: --workers as OME_CONTROLLER_WORKERS.",
    )
    defaults, terms = Settings(), Terms()
    _option(found, "--namespace", defaults.namespace, "where templates are and workflows run")
    _option(found, "--models-root", defaults.models_root, "folder on nodes that holds models")
    _option(found, "--max-attempts", defaults.max_attempts, "runs for the same inputs that another attempt may mend")
    _option(found, "--retry-seconds", defaults.retry_seconds, "wait before the second attempt; doubles")
    _option(found, "--slow-retry-seconds", defaults.slow_retry_seconds, "first wait where a person has to mend a node")
    _option(
        found, "--revision-check-hours", defaults.revision_check_seconds / _HOUR,
        "how often sources of models are asked whether they have moved; 0 for never",
    )  # fmt: skip
    _option(found, "--workers", 16, "resources planned at once")
    _option(found, "--metrics-port", 8080, "port of /healthz, /readyz and /metrics; 0 for a free one")
    _option(found, "--metrics-host", "", "address to serve them on; all when empty")
    _option(found, "--lease-seconds", terms.lease, "time after which a silent leader is replaced")
    _option(found, "--log-level", "info", f"{', '.join(_LEVELS[:-1])} or {_LEVELS[-1]}")
    kubeconfig = _environment("--kubeconfig")
    found.add_argument(
        "--kubeconfig", type=Path, default=Path(kubeconfig) if kubeconfig else None, metavar="FILE",
        help="the cluster to use; by default that of this pod, else the user's own kubeconfig",
    )  # fmt: skip
    found.add_argument(
        "--no-leader-election", action="store_true", default=_environment("--no-leader-election") in {"1", "true"},
        help="for a single process: work at once, without a Lease",
    )  # fmt: skip
    return found


def settings_of(given: argparse.Namespace) -> Settings:
    """What an installation decides.

    Raises:
        InvalidInputError: names the option and its value.
    """
    _at_least("--max-attempts", given.max_attempts, 1)
    for name, seconds in (
        ("--retry-seconds", given.retry_seconds),
        ("--slow-retry-seconds", given.slow_retry_seconds),
    ):
        if not (seconds > 0 and math.isfinite(seconds)):
            raise InvalidInputError(
                f"{name}: {seconds} is no wait, so that attempts would follow each other without end",
                remedy="Give a number of seconds above 0, such as 10.",
            )
    _at_least("--revision-check-hours", given.revision_check_hours, 0)
    if not given.models_root.startswith("/"):
        raise InvalidInputError(
            f'--models-root: "{given.models_root}" is not absolute', remedy="Give a path such as /mnt/models."
        )
    return Settings(
        namespace=given.namespace,
        models_root=given.models_root,
        max_attempts=given.max_attempts,
        retry_seconds=given.retry_seconds,
        slow_retry_seconds=given.slow_retry_seconds,
        revision_check_seconds=given.revision_check_hours * _HOUR,
    )


def options_of(given: argparse.Namespace) -> Options:
    """How this process runs.

    Raises:
        InvalidInputError: names the option and its value.
    """
    _at_least("--workers", given.workers, 1)
    _at_least("--lease-seconds", given.lease_seconds, 1)
    if not 0 <= given.metrics_port <= _HIGHEST_PORT:
        raise InvalidInputError(
            f"--metrics-port: {given.metrics_port} is no port",
            remedy=f"Give a port of 1 to {_HIGHEST_PORT}, or 0 for a free one.",
        )
    lease = given.lease_seconds
    return Options(
        identity=f"{os.environ.get('POD_NAME') or socket.gethostname()}_{uuid.uuid4().hex[:8]}",
        workers=given.workers,
        elects=not given.no_leader_election,
        terms=Terms(lease=lease, renew=lease * 2 / 3, retry=lease * 2 / 15),
        host=given.metrics_host,
        port=given.metrics_port,
    )


def level_of(given: argparse.Namespace) -> str:
    """From which level on lines are logged.

    Raises:
        InvalidInputError: names the option and its value.
    """
    if given.log_level.lower() not in _LEVELS:
        raise InvalidInputError(
            f'--log-level: "{given.log_level}" is no level of the log', remedy=f"Give one of {', '.join(_LEVELS)}."
        )
    return str(given.log_level)


def _option(found: argparse.ArgumentParser, name: str, default: str | float, description: str) -> None:
    kind = type(default)
    text = _environment(name)
    try:
        value = kind(text) if text else default
    except ValueError:
        found.error(f'{_variable(name)}: "{text}" is not a number')
    found.add_argument(
        name, type=kind, default=value, help=f"{description} (default: {default})", metavar=kind.__name__.upper()
    )


def _environment(name: str) -> str:
    return os.environ.get(_variable(name), "")


def _variable(name: str) -> str:
    return "OME_CONTROLLER_" + name.lstrip("-").replace("-", "_").upper()


def _at_least(name: str, value: float, least: float) -> None:
    if not (value >= least and math.isfinite(value)):  # not a number is below nothing
        raise InvalidInputError(f"{name}: {value} is not {least} or more", remedy=f"Give {least} or more.")
