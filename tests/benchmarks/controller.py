"""How quickly the controller turns resources into workflows, with thousands in place, beside a bare loop.

A real API server with Argo's resource definitions and without Argo: workflows stay as they are submitted. The load,
the controller and the bare loop are processes of their own, on the same cores. `--models 1000` makes it smaller.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psutil

from tests.apiserver.fixture import ApiServer
from tests.benchmarks.table import Row, markdown
from tests.controller.engine.custom_resources import add_ready_node, install_released
from tests.controller.engine.process import REPOSITORY, ControllerProcess
from tests.controller.engine.waiting import until

HEADS = ("{models} models in place", "controller", "against a bare loop")
MODELS, BURST, RATE, STEADY_SECONDS, QUIET_SECONDS, ROUNDS = 10_000, 2_000, 50, 20, 60, 5
_LISTED = "listed after"
_WRITES = ("create", "update", "patch", "delete")


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        models: In place before anything is measured.
        burst: Models created at once, `rounds` times.
        steady_seconds: For which models are created at a steady rate, `rounds` times.
        quiet_seconds: For which nothing changes.
        rounds: Of the start, the steady rate and the burst, whose medians count.
    """

    models: int = MODELS
    burst: int = BURST
    steady_seconds: int = STEADY_SECONDS
    quiet_seconds: int = QUIET_SECONDS
    rounds: int = ROUNDS


@dataclass(frozen=True)
class Figures:
    """What one contender did: seconds, changes a second and megabytes."""

    p50: float
    p99: float
    per_second: float
    megabytes: float
    sync: float


def controller_figures(scale: Scale, module: str = "controller") -> list[Row]:
    """The table's rows: each contender on an API server of its own, with models that it has turned into workflows."""
    with tempfile.TemporaryDirectory() as folder, ApiServer(Path(folder) / "server") as server:
        install_released(server)
        add_ready_node(server, "node-1")
        log = Path(folder) / "controller.log"
        with ControllerProcess(server.kubeconfig, log, "--no-leader-election", module=module) as filling:
            filling.until_ready()
            _load(server, "in-place", scale.models, 0)
            _until_settled(filling)
        syncs = []
        for _ in range(scale.rounds - 1):
            with ControllerProcess(server.kubeconfig, log, "--no-leader-election", module=module) as process:
                process.until_ready()
                syncs.append(_logged_seconds(process, "in the caches after"))
                _until_settled(process)
        with ControllerProcess(server.kubeconfig, log, "--no-leader-election", module=module) as process:
            process.until_ready()
            sync = median([*syncs, _logged_seconds(process, "in the caches after")])
            _until_settled(process)
            before = _samples(process, _WRITES)
            time.sleep(scale.quiet_seconds)
            quiet = _samples(process, _WRITES) - before
            ours = _measure(server, process.process, scale, sync, lambda: _until_settled(process))
    with tempfile.TemporaryDirectory() as folder, ApiServer(Path(folder) / "server") as server:
        install_released(server)
        with _bare_loop(server, Path(folder) / "filling.log"):
            _load(server, "in-place", scale.models, 0)
        log = Path(folder) / "bare.log"
        syncs = []
        for _ in range(scale.rounds - 1):
            with _bare_loop(server, log):
                syncs.append(_seconds_after(log.read_text(), _LISTED))
        with _bare_loop(server, log) as bare_process:
            sync = median([*syncs, _seconds_after(log.read_text(), _LISTED)])
            bare = _measure(server, bare_process, scale, sync, lambda: None)
    return _rows(ours, bare, quiet, scale)


@contextmanager
def _bare_loop(server: ApiServer, log: Path) -> "Iterator[subprocess.Popen[Any]]":
    """The bare loop in a process of its own, once it has listed what is there."""
    command = [sys.executable, "-m", "tests.benchmarks.bare_controller", str(server.kubeconfig)]
    with log.open("w") as stream:
        process = subprocess.Popen(command, cwd=REPOSITORY, stderr=stream)
    try:
        until(lambda: _LISTED in log.read_text(), "the bare loop's list")
        yield process
    finally:
        process.kill()
        process.wait()


def _load(server: ApiServer, prefix: str, count: int, rate: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.controller_load", str(server.kubeconfig), prefix, str(count),
               str(rate)]  # fmt: skip
    done = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _measure(
    server: ApiServer, process: "subprocess.Popen[Any]", scale: Scale, sync: float, settle: Callable[[], None]
) -> Figures:
    _load(server, "warm-up", RATE * 2, RATE)
    settle()
    megabytes = psutil.Process(process.pid).memory_info().rss / 1e6  # before the rounds bring more than as many again
    halves, hundredths = [], []
    for number in range(scale.rounds):
        steady = _load(server, f"steady-{number}", RATE * scale.steady_seconds, RATE)["latencies"]
        settle()
        halves.append(median(steady))
        hundredths.append(quantiles(steady, n=100)[98])
    bursts = []
    for number in range(scale.rounds):
        bursts.append(scale.burst / float(_load(server, f"burst-{number}", scale.burst, 0)["seconds"]))
        settle()
    return Figures(median(halves), median(hundredths), median(bursts), megabytes, sync)


def _until_settled(process: ControllerProcess) -> None:
    """Wait until nothing waits to be planned, and nothing was, between two looks; events trickle on."""

    def is_settled() -> bool:
        before = _planned(process)
        time.sleep(1.0)
        return process.metric("ome_controller_queue_depth") == 0 and before == _planned(process)

    deadline = time.monotonic() + 900
    while not is_settled():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the controller never settled: {process.log}")


def _samples(process: ControllerProcess, verbs: tuple[str, ...]) -> float:
    """Requests with these verbs."""
    return sum(process.metric(f'ome_controller_api_requests_total{{verb="{verb}"') for verb in verbs)


def _planned(process: ControllerProcess) -> float:
    return process.metric("ome_controller_reconcile_seconds_count")


def _logged_seconds(process: ControllerProcess, words: str) -> float:
    line = next(line["message"] for line in process.lines() if words in line["message"])
    return _seconds_after(line, words)


def _seconds_after(line: str, words: str) -> float:
    return float(line.split(words)[1].split()[0])


def _rows(ours: Figures, bare: Figures, quiet: float, scale: Scale) -> list[Row]:
    rate, burst = f"{RATE} changes/s", f"workflows in a burst of {scale.burst}"

    def row(what: str, figure: str, aim: str, is_met: bool, ratio: float, allowed: float, is_as_allowed: bool) -> Row:
        return Row(f"{what}; aim {aim}, {allowed:.2g} x", f"{figure}, {_word(is_met)}",
                   f"{ratio:.2f} x, {_word(is_as_allowed)}")  # fmt: skip

    def at_most(what: str, own: float, other: float, aim: float, allowed: float, unit: str) -> Row:
        ratio = own / other
        return row(what, f"{own:.3g} {unit}", f"{aim:g} {unit}", own < aim, ratio, allowed, ratio < allowed)

    ratio = ours.per_second / bare.per_second
    return [
        at_most(f"resource to workflow, p50, at {rate}", ours.p50 * 1e3, bare.p50 * 1e3, 20, 20 / 9, "ms"),
        at_most(f"resource to workflow, p99, at {rate}", ours.p99 * 1e3, bare.p99 * 1e3, 60, 60 / 28, "ms"),
        row(burst, f"{ours.per_second:.0f}/s", "300/s", ours.per_second >= 300, ratio, 300 / 356, ratio >= 300 / 356),
        at_most("resident memory with them in place", ours.megabytes, bare.megabytes, 120, 120 / 70, "MB"),
        at_most("all caches full after start", ours.sync, bare.sync, 3, 3 / 0.44, "s"),
        Row(f"writes in {scale.quiet_seconds} s without a change; aim 0", f"{quiet:.0f}, {_word(quiet == 0)}", "–"),
    ]


def _word(is_met: bool) -> str:
    return "met" if is_met else "missed"


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--models", type=int, default=MODELS)
    given.add_argument("--burst", type=int, default=BURST)
    given.add_argument("--steady-seconds", type=int, default=STEADY_SECONDS)
    given.add_argument("--quiet-seconds", type=int, default=QUIET_SECONDS)
    given.add_argument("--rounds", type=int, default=ROUNDS)
    given.add_argument("--module", default="controller", help="what runs the controller's process")
    options = vars(given.parse_args())
    chosen = options.pop("module")
    scaled = Scale(**options)
    print(markdown((HEADS[0].format(models=scaled.models), *HEADS[1:]), controller_figures(scaled, chosen)))
