"""Leads lives to their ends behind a proxy, with the whole controller (`python -m controller`) in its own process.

A calm life gives the measure; whatever is done to another one, it must come to the same end.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.apiserver.fixture import ApiServer
from tests.controller.engine.accelerator_lives import AcceleratorLife
from tests.controller.engine.benchmark_lives import BenchmarkLife, ScheduledBenchmarkLife
from tests.controller.engine.custom_resources import add_ready_node, install_released
from tests.controller.engine.lives import NODE, TENANT, Life
from tests.controller.engine.model_lives import ClaimModelLife, ModelLife, TenantModelLife
from tests.controller.engine.process import ControllerProcess
from tests.controller.engine.proxy import CuttingProxy
from tests.controller.engine.service_lives import MODEL, RUNTIME, ServiceLife
from tests.controller.engine.waiting import until
from tests.controller.engine.weight_lives import WeightLife

LIVES: Sequence[type[Life]] = (
    ModelLife, TenantModelLife, ClaimModelLife, WeightLife, ServiceLife, BenchmarkLife, ScheduledBenchmarkLife,
    AcceleratorLife,
)  # fmt: skip
"""At least one of each kind that is planned."""


@dataclass(frozen=True)
class Measure:
    """What a calm life came to.

    Attributes:
        end: Its resource and belongings before it was deleted.
        created: What the controller created for it from beginning to end.
    """

    end: str
    created: Sequence[str]


def prepare(server: ApiServer, folder: Path) -> None:
    """Give an API server all that lives need: definitions, a node, a tenant, a model that is ready, a runtime."""
    install_released(server)
    add_ready_node(server, NODE, {"nvidia.com/gpu": "8"})
    server.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TENANT}})
    server.admin.apply(RUNTIME)
    with controller_of(server.kubeconfig, folder):
        model = ModelLife(server, MODEL)
        model.begin()
        until(model.has_settled, "a model for services")


def controller_of(kubeconfig: Path, folder: Path, *arguments: str) -> ControllerProcess:
    """The controller as it is released, alone."""
    log = folder / "controller.log"
    return ControllerProcess(kubeconfig, log, "--no-leader-election", *arguments, module="controller")


def elected_controller_of(kubeconfig: Path, folder: Path) -> ControllerProcess:
    """The controller as it is released, which works when no other has renewed the Lease for a second."""
    return ControllerProcess(kubeconfig, folder / "controller.log", "--lease-seconds=1", module="controller")


def live_calmly(life: Life, proxy: CuttingProxy) -> Measure:
    """A whole life while nothing happens to it, and nothing is asked of the API server that it refuses."""
    proxy.refused.clear()
    life.begin()
    until(life.has_settled, f"{life.name} settled")
    end = life.end()
    bury(life)
    assert not proxy.refused, proxy.refused
    return Measure(end, created_for(life, proxy))


def finish(life: Life, measure: Measure, proxy: CuttingProxy, happened: str) -> None:
    """Lead a life to its end after something happened to it; that is the end of a calm one.

    Raises:
        AssertionError: says what happened to it.
    """
    if not life.is_leaving():
        until(life.has_settled, f"{life.name} settled after {happened}")
        compare(life, measure, happened)
    bury(life, happened)
    assert created_for(life, proxy) == measure.created, happened


def compare(life: Life, measure: Measure, happened: str) -> None:
    """Find a settled life as a calm one was before it was deleted."""
    lines = difflib.unified_diff(measure.end.splitlines(), life.end().splitlines(), "calm", life.name, lineterm="")
    difference = "\n".join(lines)
    assert not difference, f"after {happened}:\n{difference}"


def bury(life: Life, happened: str = "") -> None:
    """Delete the resource, wait until it is gone, and find no trace of it."""
    life.leave()
    until(life.has_gone, f"{life.name} gone after {happened}")
    assert life.traces() == [], happened


def created_for(life: Life, proxy: CuttingProxy) -> Sequence[str]:
    """What was created for a life, in words that are the same for every life of its class."""
    return sorted(life.anonymous(each) for each in proxy.created if life.name in each)
