"""From apply to ready and away, through cut watches, expired versions, lost deletions and an API server that dies."""

from pathlib import Path

import pytest

from controller.resources import RESOURCES
from tests.apiserver.client import ApiRefusedError, Object
from tests.apiserver.fixture import ApiServer
from tests.controller.engine.conftest import Start
from tests.controller.engine.custom_resources import KINDS, install
from tests.controller.engine.process import ControllerProcess
from tests.controller.engine.proxy import CuttingProxy
from tests.controller.engine.trivial import config_map, model, workflow
from tests.controller.engine.waiting import until

ALONE = "--no-leader-election"


def _phase(server: ApiServer, name: str) -> str:
    return str(server.admin.get(model(name)).get("status", {}).get("phase", ""))


def _until_phase(server: ApiServer, name: str, phase: str) -> None:
    until(lambda: _phase(server, name) == phase, f"{name} {phase}")


def _is_gone(server: ApiServer, item: Object) -> bool:
    try:
        server.admin.get(item)
    except ApiRefusedError as refusal:
        return refusal.status == 404
    return False


def _succeed(server: ApiServer, name: str) -> None:
    server.admin.patch(workflow("ome", name), {"status": {"phase": "Succeeded"}})


def _writes(controller: ControllerProcess) -> float:
    verbs = ("create", "update", "patch", "delete")
    return sum(controller.metric(f'ome_controller_api_requests_total{{verb="{verb}"') for verb in verbs)


def test_a_model_becomes_ready_and_leaves_nothing_behind(engine_server: ApiServer, start: Start, name: str) -> None:
    controller = start(ALONE)
    engine_server.admin.apply(model(name))
    _until_phase(engine_server, name, "Importing")
    _succeed(engine_server, name)
    _until_phase(engine_server, name, "Ready")
    assert engine_server.admin.get(config_map("ome", name))["metadata"]["labels"]
    engine_server.admin.delete(model(name))
    for each in (model(name), workflow("ome", name), config_map("ome", name)):
        until(lambda each=each: _is_gone(engine_server, each), "gone")  # type: ignore[misc] # a lambda in a loop
    events = engine_server.admin.request("GET", "/api/v1/namespaces/default/events")["items"]
    mine = [event for event in events if event["involvedObject"]["name"] == name]
    assert [(event["reason"], event["message"]) for event in mine] == [("Submitted", f"submitted import-{name}")]
    submitted = [line for line in controller.lines() if line["message"] == f"submitted import-{name}"]
    assert [line["key"] for line in submitted] == [f"ClusterBaseModel/{name}"]
    assert controller.terminate() == 0


def test_nothing_is_written_when_nothing_changed(engine_server: ApiServer, start: Start, name: str) -> None:
    first = start(ALONE)
    engine_server.admin.apply(model(name))
    _until_phase(engine_server, name, "Importing")
    assert _writes(first) > 0, "writes are not counted under these names"
    assert first.terminate() == 0
    second = start(ALONE)
    second.until_ready()
    until(lambda: second.metric("ome_controller_reconcile_seconds_count") > 0, "every model planned")
    until(lambda: second.metric("ome_controller_queue_depth") == 0, "an empty queue")
    before = second.metric("ome_controller_reconcile_seconds_count")
    engine_server.admin.patch(model(name), {"metadata": {"annotations": {"note": "of no concern"}}})
    until(lambda: second.metric("ome_controller_reconcile_seconds_count") > before, "planned again")
    assert _writes(second) == 0


def test_cut_watches_and_expired_versions_lose_nothing(
    engine_server: ApiServer, start: Start, tmp_path: Path, name: str
) -> None:
    with CuttingProxy(engine_server, tmp_path) as proxy:
        controller = start(ALONE, kubeconfig=proxy.kubeconfig)
        controller.until_ready()
        for number in range(3):
            proxy.cut_watches()
            engine_server.admin.apply(model(f"{name}-{number}"))
            _until_phase(engine_server, f"{name}-{number}", "Importing")
        assert controller.metric("ome_controller_lists_total") == _metric_of_first_lists(controller)
        proxy.expire = {"clusterbasemodels"}
        proxy.cut_watches()
        engine_server.admin.apply(model(f"{name}-expired"))
        _until_phase(engine_server, f"{name}-expired", "Importing")
        assert controller.metric('ome_controller_watches_expired_total{kind="ClusterBaseModel"}') == 1
        assert controller.metric('ome_controller_lists_total{kind="ClusterBaseModel"}') == 2


def _metric_of_first_lists(controller: ControllerProcess) -> int:
    return sum(" listed in " in line["message"] for line in controller.lines())


def test_a_deletion_that_no_watch_told_is_found_by_the_list(
    engine_server: ApiServer, start: Start, tmp_path: Path, name: str
) -> None:
    with CuttingProxy(engine_server, tmp_path) as proxy:
        controller = start(ALONE, kubeconfig=proxy.kubeconfig)
        engine_server.admin.apply(model(name))
        _until_phase(engine_server, name, "Importing")
        proxy.cut_all()
        proxy.cut_watches()
        engine_server.admin.delete(workflow("ome", name))
        proxy.expire = {"workflows"}
        proxy.mend()
        until(lambda: engine_server.admin.get(workflow("ome", name)), "a new run for the one that was deleted")
        assert controller.metric('ome_controller_watches_expired_total{kind="Workflow"}') == 1


def test_an_api_server_that_is_killed_is_waited_for(own_server: ApiServer, tmp_path: Path) -> None:
    with ControllerProcess(own_server.kubeconfig, tmp_path / "log", ALONE) as controller:
        own_server.admin.apply(model("a"))
        _until_phase(own_server, "a", "Importing")
        own_server.kill_api_server()
        controller.until_logged("no answer from")
        own_server.restart()
        own_server.admin.apply(model("b"))
        _succeed(own_server, "a")
        _until_phase(own_server, "a", "Ready")
        _until_phase(own_server, "b", "Importing")
        runs = own_server.admin.request("GET", "/apis/argoproj.io/v1alpha1/namespaces/ome/workflows")["items"]
        assert [run["metadata"]["name"] for run in runs] == ["import-a", "import-b"]
        assert controller.process.poll() is None
        assert not any(line.get("error") == "internal" for line in controller.lines())


def test_a_kind_that_is_not_served_is_named_and_waited_for(tmp_path: Path) -> None:
    with ApiServer(tmp_path / "server") as server:
        ours = tuple(kind for kind in KINDS if RESOURCES[kind].api_version == "ome.io/v1beta1")
        install(server, ours)
        with ControllerProcess(server.kubeconfig, tmp_path / "log", ALONE) as controller:
            until(lambda: len(controller.page("/readyz")[1].splitlines()) == 2, "all but Argo's kinds")
            status, text = controller.page("/readyz")
            assert status == 503
            assert "Workflow (ome.io/pipeline): argoproj.io/v1alpha1 is not served by this API server" in text
            assert controller.page("/healthz") == (200, "ok\n")
            server.admin.apply(model("a"))
            install(server)
            _until_phase(server, "a", "Importing")
            assert controller.page("/readyz") == (200, "ok: leader\n")


@pytest.mark.parametrize("arguments", [["--workers=0"], ["--models-root=models"], ["--kubeconfig=/nowhere"]])
def test_wrong_arguments_end_with_one_line_that_says_so(tmp_path: Path, arguments: list[str]) -> None:
    with ControllerProcess(tmp_path / "none", tmp_path / "log", *arguments) as controller:
        assert controller.process.wait(60) == 16
        (line,) = controller.lines()
        assert line["level"] == "error"
        assert "Traceback" not in (tmp_path / "log").read_text()
