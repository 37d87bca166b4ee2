"""Bytes, rate, end and slowest node of a running import: made of what was seen of its pods, and written seldom."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controller.actions import Object, WriteStatus
from controller.pace import extended
from controller.plans import plan_model
from controller.plans.import_progress import STALLED_SECONDS, import_progress, node_progress
from controller.plans.runs import Run, parse_time
from tests.controller.plans.argo import DIGEST, REVISION, importing, only_run, runs_of, step, told, write
from tests.controller.plans.cluster import START, Cluster
from tests.controller.plans.golden import check_plan
from tests.controller.plans.models import MODEL, cluster_with, settle
from tests.controller.plans.objects import add_node, condition, set_ready

SIZE = 1000
RESOLVED = {"manifest": DIGEST, "revision": REVISION, "total_bytes": str(SIZE), "file_count": "3"}


def loading(cluster: Cluster, progress: Mapping[str, str], failed: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Argo tells how far each node is; the model's progress as it is written then."""
    tell(cluster, progress, failed)
    found: dict[str, Any] = settle(cluster)["progress"]
    return found


def tell(cluster: Cluster, progress: Mapping[str, str], failed: Mapping[str, str] | None = None) -> None:
    """Argo tells how far each node is.

    Args:
        cluster: Where one import runs.
        progress: By node, as Argo writes it.
        failed: By node, the message of an attempt that failed before.
    """
    nodes = step("resolve", outputs=RESOLVED, order=1)
    for item, (node, text) in enumerate(progress.items()):
        nodes |= step("cache", "Running", item=item, node=node, progress=text, order=3)
        if message := (failed or {}).get(node):
            pod = nodes[f"p-cache({item}:{node})"]
            name, began = f"{pod['id']}-0", "2026-11-21T12:00:02Z"
            nodes[name] = {**pod, "id": name, "phase": "Failed", "message": message, "startedAt": began}
    write(cluster, only_run(cluster, "import-model"), "Running", nodes)


def begun(*nodes: str) -> Cluster:
    cluster = cluster_with(*nodes)
    settle(cluster)
    return cluster


def ready(cluster: Cluster) -> str:
    found: str = condition(cluster.get(*MODEL), "Ready")["message"]
    return found


def test_rates_and_the_end_are_of_what_was_seen() -> None:
    cluster = begun("node-a", "node-b")
    loading(cluster, {"node-a": "0/1000", "node-b": "0/1000"})
    cluster.pass_time(10)
    tell(cluster, {"node-a": "400/1000", "node-b": "100/1000"})
    check_plan("model-half-loaded", cluster.plan(plan_model, *MODEL))
    assert settle(cluster)["progress"] == {
        "phase": "Downloading",
        "completedBytes": 500,
        "totalBytes": 2000,
        "percent": 25,
        "bytesPerSecond": 50,
        "estimatedCompletionTime": "2026-11-21T12:01:40Z",
        "observedAt": "2026-11-21T12:00:10Z",
        "nodesReady": "0/2",
        "slowestNode": "node-b",
        "slowestNodePercent": 10,
        "slowestNodeBytesPerSecond": 10,
    }


def test_bytes_that_were_there_before_are_no_rate() -> None:
    cluster = begun("node-a")
    loading(cluster, {"node-a": "0/1"})
    cluster.pass_time(10)
    assert "bytesPerSecond" not in loading(cluster, {"node-a": "900/1000"})
    cluster.pass_time(10)
    assert loading(cluster, {"node-a": "950/1000"})["bytesPerSecond"] == 5


def test_an_attempt_that_begins_anew_has_no_negative_rate() -> None:
    cluster = begun("node-a")
    for text in ("0/1000", "800/1000"):
        loading(cluster, {"node-a": text})
        cluster.pass_time(10)
    assert "bytesPerSecond" in loading(cluster, {"node-a": "900/1000"})
    cluster.pass_time(10)
    progress = loading(cluster, {"node-a": "300/1000"})
    assert (progress["completedBytes"], progress["percent"]) == (300, 30)
    cluster.pass_time(10)
    assert loading(cluster, {"node-a": "320/1000"})["bytesPerSecond"] == 2


def test_all_nodes_count_from_the_beginning() -> None:
    cluster = begun("node-a", "node-b")
    loading(cluster, {"node-a": "0/1", "node-b": "0/1"})
    cluster.pass_time(10)
    progress = loading(cluster, {"node-a": "500/1000", "node-b": "0/1"})
    assert (progress["completedBytes"], progress["totalBytes"], progress["percent"]) == (500, 2 * SIZE, 25)
    assert "estimatedCompletionTime" not in progress, "node-b has not begun"


def test_a_node_that_stalls_is_named_with_what_failed_before_and_counts_no_more() -> None:
    cluster = begun("node-a", "node-b")
    earlier = {"node-b": told("network", "the hub does not answer", "Look at the proxy.")}
    for text in ("100/1000", "200/1000"):
        loading(cluster, {"node-a": text, "node-b": text}, earlier)
        cluster.pass_time(10)
    assert "got no byte" not in ready(cluster)
    for seconds in range(2, int(STALLED_SECONDS) // 10 + 1):
        loading(cluster, {"node-a": f"{200 + seconds}/1000", "node-b": "200/1000"}, earlier)
        cluster.pass_time(10)
    progress = loading(cluster, {"node-a": "300/1000", "node-b": "200/1000"}, earlier)
    assert (progress["slowestNode"], progress["slowestNodeBytesPerSecond"]) == ("node-b", 0)
    assert "estimatedCompletionTime" not in progress
    assert ready(cluster).endswith(
        "Node node-b has got no byte since 2026-11-21T12:00:10Z, at 20 %, after an attempt that failed: "
        "the hub does not answer. Look at the proxy."
    )
    loading(cluster, {"node-a": "310/1000", "node-b": "210/1000"}, earlier)
    assert "got no byte" not in ready(cluster)


def test_a_stall_is_seen_although_nothing_changes_any_more() -> None:
    cluster = begun("node-a")
    loading(cluster, {"node-a": "0/1"})
    wait = cluster.plan(plan_model, *MODEL).requeue_seconds
    assert wait is not None and wait <= STALLED_SECONDS
    cluster.pass_time(wait)
    status = settle(cluster)
    assert "has got no byte since 2026-11-21T12:00:00Z, at 0 %; the log of its pod says more." in ready(cluster)
    assert status["progress"]["bytesPerSecond"] == 0
    cluster.written.clear()
    cluster.pass_time(3600)
    settle(cluster)
    assert cluster.written == [], "it is told once"


def test_numbers_are_written_every_five_seconds_at_most_and_the_last_ones_in_time() -> None:
    cluster = begun("node-a", "node-b")
    loading(cluster, {"node-a": "0/1000", "node-b": "0/1000"})
    cluster.written.clear()
    for tenth in range(1, 200):
        cluster.pass_time(0.1)
        loading(cluster, {"node-a": f"{tenth}/1000", "node-b": f"{tenth}/1000"})
    assert 3 <= len([each for each in cluster.written if isinstance(each, WriteStatus)]) <= 5
    wait = cluster.plan(plan_model, *MODEL).requeue_seconds
    assert wait is not None and wait <= 5
    cluster.pass_time(wait)
    assert settle(cluster)["progress"]["completedBytes"] == 2 * 199


def test_after_a_restart_the_numbers_stay_until_they_are_known_anew() -> None:
    cluster = begun("node-a", "node-b")
    for text in ("0/1000", "100/1000"):
        before = loading(cluster, {"node-a": text, "node-b": text})
        cluster.pass_time(10)
    cluster.restart()
    assert cluster.plan(plan_model, *MODEL).actions == (), "nothing is written because of a restart"
    cluster.pass_time(10)
    assert loading(cluster, {"node-a": "600/1000", "node-b": "100/1000"})["bytesPerSecond"] > 0
    cluster.pass_time(10)
    again = loading(cluster, {"node-a": "700/1000", "node-b": "150/1000"})
    assert again["bytesPerSecond"] > before["bytesPerSecond"]
    assert again["slowestNode"] == "node-b"


def test_a_finished_import_shows_no_rate() -> None:
    cluster = begun("node-a")
    loading(cluster, {"node-a": "0/1000"})
    cluster.pass_time(10)
    loading(cluster, {"node-a": "900/1000"})
    importing(cluster, only_run(cluster, "import-model"))
    assert settle(cluster)["progress"] == {"nodesReady": "1/1"}


def test_a_run_that_hangs_on_a_dead_node_while_a_newer_one_is_over_is_told_once() -> None:
    cluster = begun("node-a", "node-b")
    hanging = only_run(cluster, "import-model")
    importing(cluster, hanging, cached={"node-a": "Succeeded", "node-b": "Running"}, is_over=False)
    settle(cluster)
    set_ready(cluster, "node-b", is_ready=False)
    cluster.pass_time(10)
    settle(cluster)
    add_node(cluster, "node-c")
    cluster.pass_time(10)
    settle(cluster)
    (newer,) = set(runs_of(cluster, "import-model")) - {hanging}
    importing(cluster, newer)
    status = settle(cluster)
    assert status["workflow"]["name"] == newer and status["progress"]["nodesReady"] == "2/3"
    cluster.written.clear()
    for _ in range(10):
        cluster.pass_time(1)
        settle(cluster)
    assert cluster.written == []


def test_few_moments_are_remembered_however_often_argo_tells() -> None:
    seen: Any = []
    for tenth in range(1000):
        seen = extended(seen, tenth, 1000, START.timestamp() + tenth / 10)
    assert len(seen) == 8 and seen[-1][1] == 999


def test_a_clock_that_is_set_back_begins_anew() -> None:
    assert extended([[100.0, 0, 1000], [110.0, 100, 1000]], 200, 1000, 50.0) == [[50.0, 200, 1000]]


TOTALS = st.sampled_from((0, 1, 1000, 2**62))
MOMENTS = st.lists(st.tuples(st.floats(-10, 100), st.integers(0, 1500)), min_size=1, max_size=12)


@given(moments=MOMENTS, total=TOTALS, size=TOTALS, later=st.floats(-1e6, 1e6))
def test_whatever_pods_say_the_numbers_make_sense(
    moments: list[tuple[float, int]], total: int, size: int, later: float
) -> None:
    """Totals of nothing, more than all, bytes that become fewer, a clock that is set back, what takes for ever."""
    seen: Any = []
    time = START.timestamp()
    for seconds, completed in moments:
        time += seconds
        seen = extended(seen, completed, total, time)
    assert 1 <= len(seen) <= 8
    pods = step("cache", "Running", item=0, node="node-a", progress=f"{moments[-1][1]}/{total}")
    pods |= step("cache", "Running", item=1, node="node-b")
    pods["p-cache(0:node-a)"]["seen"] = seen
    workflow: Object = {"metadata": {"name": "run"}, "status": {"phase": "Running", "nodes": pods}}
    run = Run(workflow, START)
    now = START + timedelta(seconds=time - START.timestamp() + later)
    progress, wait = import_progress(run, size, "0/2", {}, now)
    assert wait is None or wait >= 1
    assert 0 <= progress.get("percent", 0) <= 100
    assert 0 <= progress.get("completedBytes", 0) <= progress.get("totalBytes", 0)
    assert progress.get("bytesPerSecond", 0) >= 0
    for node in node_progress(run, size, now):
        assert node.seconds_left is None or 0 <= node.seconds_left <= 30 * 86400
    if end := progress.get("estimatedCompletionTime"):
        assert parse_time(end).timestamp() >= int(seen[-1][0])
