"""A controller killed with -9 at each of its writes, before or after it was carried out: nothing doubled or lost."""

from pathlib import Path

import pytest

from tests.apiserver.fixture import ApiServer
from tests.controller.engine.conftest import Start
from tests.controller.engine.proxy import CuttingProxy, When
from tests.controller.engine.trivial import FINALIZER, config_map, model, workflow
from tests.controller.engine.waiting import until

WRITES = 5
"""Finalizer, workflow, status; then, when the workflow has succeeded, ConfigMap and status."""


def _phase(server: ApiServer, name: str) -> str:
    return str(server.admin.get(model(name)).get("status", {}).get("phase", ""))


def _play_argo(server: ApiServer, name: str) -> bool:
    server.admin.patch(workflow("ome", name), {"status": {"phase": "Succeeded"}})
    return True


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_end_is_the_same_wherever_it_is_killed(
    engine_server: ApiServer, tmp_path: Path, start: Start, name: str, when: When
) -> None:
    arguments = ("--no-leader-election", "--workers=1")
    seen: list[str] = []
    with CuttingProxy(engine_server, tmp_path) as proxy:
        for number in range(1, WRITES + 1):
            each = f"{name}-{number}"
            proxy.mend()
            controller = start(*arguments, kubeconfig=proxy.kubeconfig)
            controller.until_ready()
            cut = proxy.cut_at(number, each, when)
            engine_server.admin.apply(model(each))
            if number > 3:
                until(lambda each=each: _phase(engine_server, each) == "Importing", "importing")  # type: ignore[misc] # a lambda in a loop
                _play_argo(engine_server, each)
            assert cut.happened.wait(60), cut.writes
            controller.kill()
            seen.append(cut.writes[-1].split(" ")[0] + " " + cut.writes[-1].rsplit("/", 2)[-1])
        proxy.mend()
        start(*arguments, kubeconfig=proxy.kubeconfig)
        names = [f"{name}-{number}" for number in range(1, WRITES + 1)]
        for each in names:
            until(lambda each=each: _play_argo(engine_server, each), "its workflow")  # type: ignore[misc] # as above
        for each in names:
            until(lambda each=each: _phase(engine_server, each) == "Ready", "ready")  # type: ignore[misc] # as above
    assert [s.split(" ")[0] for s in seen] == ["PATCH", "POST", "PATCH", "PATCH", "PATCH"], seen
    for each in names:
        found = engine_server.admin.get(model(each))
        assert found["metadata"]["finalizers"] == [FINALIZER]
        assert found["status"] == {"phase": "Ready", "generation": 1}
        assert engine_server.admin.get(config_map("ome", each))["data"] == config_map("ome", each)["data"]
    runs = engine_server.admin.request("GET", "/apis/argoproj.io/v1alpha1/namespaces/ome/workflows")["items"]
    mine = sorted(run["metadata"]["name"] for run in runs if run["metadata"]["name"].startswith(f"import-{name}-"))
    assert mine == [f"import-{each}" for each in names]
