"""A leader killed with -9 at each write about a benchmark, or about its Lease: the next takes the Lease over.

What it leaves behind comes to the same end as without election, in `test_real_planners_outlive_every_kill`.
"""

from pathlib import Path

import pytest

from controller.leader import NAME
from tests.apiserver.client import Object
from tests.apiserver.fixture import ApiServer
from tests.controller.engine.benchmark_lives import BenchmarkLife
from tests.controller.engine.killing import kill_at_every_write, live_until_cut
from tests.controller.engine.leading import controller_of, elected_controller_of, finish, live_calmly
from tests.controller.engine.lives import SYSTEM
from tests.controller.engine.process import ControllerProcess
from tests.controller.engine.proxy import CuttingProxy

LEASE: Object = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"name": NAME, "namespace": SYSTEM},
}
_LEASE_WRITES = (1, 1, 2, 3)
"""The Lease is made, it is taken over, and then it is renewed, seven times a second, while lives go on."""


@pytest.fixture(autouse=True)
def no_lease(released_server: ApiServer) -> None:
    released_server.admin.delete(LEASE)


def _takeovers(server: ApiServer) -> int:
    """How often the Lease went to another controller; the first is one of them."""
    return int(server.admin.get(LEASE)["spec"]["leaseTransitions"])


def test_the_end_is_the_same_after_a_kill_of_the_leader_at_every_write(
    released_server: ApiServer, tmp_path: Path
) -> None:
    started: list[ControllerProcess] = []
    with CuttingProxy(released_server, tmp_path) as proxy:
        proxy.uncounted.add("leases")  # how many there are is a question of time

        def start() -> ControllerProcess:
            started.append(elected_controller_of(proxy.kubeconfig, tmp_path))
            return started[-1]

        writes = kill_at_every_write(BenchmarkLife, "led", released_server, proxy, start)
    assert len(writes) >= BenchmarkLife.fewest_writes, writes
    assert _takeovers(released_server) == len(started)


def test_the_end_is_the_same_after_kills_at_writes_of_the_lease(released_server: ApiServer, tmp_path: Path) -> None:
    killed: list[tuple[BenchmarkLife, str]] = []
    with CuttingProxy(released_server, tmp_path) as proxy:
        with controller_of(proxy.kubeconfig, tmp_path):
            measure = live_calmly(BenchmarkLife(released_server, "leased-calm"), proxy)
        for number in _LEASE_WRITES:
            life = BenchmarkLife(released_server, f"leased-{len(killed) + 1:03d}")
            with elected_controller_of(proxy.kubeconfig, tmp_path):
                cut = live_until_cut(life, proxy, number, NAME)
                assert cut.happened.wait(60), f"the Lease is not renewed; its writes: {cut.writes}"
            proxy.mend()
            killed.append((life, f"a kill after {', '.join(cut.writes)}"))
        with elected_controller_of(proxy.kubeconfig, tmp_path):
            for life, happened in killed:
                finish(life, measure, proxy, happened)
    assert _takeovers(released_server) == len(killed) + 1
