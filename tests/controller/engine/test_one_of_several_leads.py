"""Leader election on a real API server: one works, the next takes over when it dies, stops or loses its connection."""

from pathlib import Path

import pytest

from tests.apiserver.client import Object
from tests.apiserver.fixture import ApiServer
from tests.controller.engine.conftest import Start
from tests.controller.engine.process import ControllerProcess
from tests.controller.engine.proxy import CuttingProxy
from tests.controller.engine.trivial import model, workflow
from tests.controller.engine.waiting import until

QUICK = "--lease-seconds=2"
LEASE: Object = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"name": "ome-controller", "namespace": "ome"},
}


@pytest.fixture(autouse=True)
def no_lease(engine_server: ApiServer) -> None:
    engine_server.admin.delete(LEASE)


def _holder(server: ApiServer) -> str:
    return str(server.admin.get(LEASE)["spec"]["holderIdentity"])


def _leads(controller: ControllerProcess) -> bool:
    return controller.page("/readyz") == (200, "ok: leader\n")


def _until_it_leads(controller: ControllerProcess) -> None:
    until(lambda: _leads(controller), "a leader")


def _until_it_stands_by(controller: ControllerProcess) -> None:
    until(lambda: controller.page("/readyz") == (200, "ok: standby\n"), "standing by")


def test_the_second_takes_over_from_a_killed_leader(engine_server: ApiServer, start: Start, name: str) -> None:
    first = start(QUICK)
    _until_it_leads(first)
    second = start(QUICK)
    _until_it_stands_by(second)
    holder = _holder(engine_server)
    first.kill()
    engine_server.admin.apply(model(name))
    until(lambda: engine_server.admin.get(workflow("ome", name)), "a workflow by the second")
    assert _leads(second)
    assert _holder(engine_server) != holder
    assert engine_server.admin.get(LEASE)["spec"]["leaseTransitions"] == 2


def test_a_leader_that_ends_in_order_leaves_the_lease_free(engine_server: ApiServer, start: Start) -> None:
    first = start()  # with the usual lease of 15 s, which nobody here waits for
    _until_it_leads(first)
    assert first.terminate() == 0
    assert _holder(engine_server) == ""
    _until_it_leads(start())


def test_a_leader_that_reaches_nobody_stops_before_another_starts(
    engine_server: ApiServer, start: Start, tmp_path: Path, name: str
) -> None:
    with CuttingProxy(engine_server, tmp_path) as proxy:
        first = start(QUICK, kubeconfig=proxy.kubeconfig)
        _until_it_leads(first)
        second = start(QUICK)
        _until_it_stands_by(second)
        proxy.cut_all()
        proxy.cut_watches()
        _until_it_leads(second)
        assert first.has_logged("the lease is lost")
        assert not _leads(first)
        proxy.mend()
        _until_it_stands_by(first)
        assert first.process.poll() is None
        second.kill()
        engine_server.admin.apply(model(name))
        until(lambda: engine_server.admin.get(workflow("ome", name)), "a workflow by the first, which leads again")
        assert _leads(first)
