"""Two deploys of one service at the same moment end with one engine; different ones with the later one's."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from steps.errors import ClusterError
from steps.resources import ResourceFolder
from steps.serving.deploy import Deployed
from steps.serving.service_resource import is_ready
from tests.serving.made_up import apply_model, apply_runtime, deploy_tiny, pids_of, state_of


def test_two_equal_deploys_share_one_engine(tmp_path: Path) -> None:
    apply_model()
    apply_runtime("--count", str(tmp_path / "count"))
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(lambda _: deploy_tiny(), range(2))
    assert first.endpoint == second.endpoint
    assert len((tmp_path / "count").read_text().splitlines()) == 1
    assert len(pids_of()) == 2


def test_two_different_deploys_leave_one_engine_of_one_of_them() -> None:
    apply_model()
    apply_runtime(name="left")
    apply_runtime(name="right", args=["--port", "$(PORT)", "--name", "right"])

    def attempt(runtime: str) -> Deployed | ClusterError:
        try:
            return deploy_tiny(runtime=runtime)
        except ClusterError as error:
            return error

    with ThreadPoolExecutor() as pool:
        outcomes = list(pool.map(attempt, ("left", "right")))
    came_up = [outcome.endpoint for outcome in outcomes if isinstance(outcome, Deployed)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, ClusterError)]
    assert state_of().phase == "Ready"
    assert state_of().url in [endpoint.url for endpoint in came_up]
    assert all("replaced by another deploy" in error.message for error in refused)
    assert is_ready(ResourceFolder().get("InferenceService", "chat", "default"))
    assert len(pids_of()) == 2


def test_services_of_different_names_run_side_by_side() -> None:
    apply_model()
    apply_runtime()
    with ThreadPoolExecutor() as pool:
        one, two = pool.map(deploy_tiny, ("one", "two"))
    assert one.endpoint.url != two.endpoint.url
    assert state_of("one").phase == state_of("two").phase == "Ready"
