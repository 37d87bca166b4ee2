"""Whatever happens in whatever order, wherever a plan is cut short: the end is the same, and nothing is doubled."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.actions import CreateObject, Object
from controller.plans import plan_benchmark, plan_model, plan_service
from tests.controller.plans.argo import evicting, importing, reading, runs_of
from tests.controller.plans.benchmarks import JOB, finish
from tests.controller.plans.benchmarks import cluster_with as cluster_with_benchmark
from tests.controller.plans.cluster import Cluster, Planner, StaleError, snapshot
from tests.controller.plans.models import nodes_of
from tests.controller.plans.objects import add_node, model_body, set_ready
from tests.controller.plans.reports import report
from tests.controller.plans.services import (
    AVAILABLE,
    SERVICE,
    add_deployment,
    add_ready_model,
    add_runtime,
    deploy,
    service_body,
)

MODEL = ("ClusterBaseModel", "", "smollm2")
NODES = ("node-a", "node-b", "node-c")
Key = tuple[str, str, str]
Story = Callable[[Cluster, Callable[[], None]], None]
quietly = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


class Crashing:
    """Carries plans out, but dies after so many writes: then it starts anew from what there is."""

    def __init__(self, cluster: Cluster, planner: Planner, key: Key, dies_after: int | None) -> None:
        self.cluster, self.planner, self.key, self.left = cluster, planner, key, dies_after

    def settle(self) -> None:
        """Until nothing is left to do."""
        for _ in range(60):
            plan = self.cluster.plan(self.planner, *self.key)
            if not plan.actions:
                return
            for action in plan.actions:
                if self.left == 0:
                    self.left = None
                    break
                self.cluster.carry_out(action)
                self.left = self.left - 1 if self.left is not None else None
        raise AssertionError(f"does not come to rest: {plan.actions}")


def open_runs(cluster: Cluster, template: str) -> list[str]:
    found = []
    for name in runs_of(cluster, template):
        if "finishedAt" not in (cluster.get("Workflow", "ome", name).get("status") or {}):
            found.append(name)
    return found


def import_story(cluster: Cluster, settle: Callable[[], None]) -> None:
    for name in NODES[:2]:
        add_node(cluster, name)
    cluster.add(model_body())
    settle()
    for outcome in ({"node-a": "Succeeded", "node-b": "disk-full"}, {"node-b": "Succeeded"}):
        (run,) = open_runs(cluster, "import-model")
        importing(cluster, run, cached=outcome)
        settle()
        cluster.pass_time(400)
        settle()
    cluster.change("Node", "", "node-b", {"metadata": {"labels": {"pool": "x"}}})
    settle()
    (run,) = open_runs(cluster, "evict-model")
    evicting(cluster, run)
    settle()


def deletion_story(cluster: Cluster, settle: Callable[[], None]) -> None:
    import_story(cluster, settle)
    cluster.delete(*MODEL)
    settle()
    (run,) = open_runs(cluster, "evict-model")
    evicting(cluster, run)
    settle()
    assert cluster.find(*MODEL) is None


def service_story(cluster: Cluster, settle: Callable[[], None]) -> None:
    add_ready_model(cluster)
    add_runtime(cluster)
    cluster.add(service_body())
    settle()
    (run,) = open_runs(cluster, "deploy-model")
    add_deployment(cluster, AVAILABLE)
    deploy(cluster, run)
    settle()
    cluster.pass_time(60)
    cluster.delete("Deployment", "team", "chat-engine")
    settle()
    (run,) = open_runs(cluster, "deploy-model")
    add_deployment(cluster, AVAILABLE)
    deploy(cluster, run)
    settle()


def benchmark_story(cluster: Cluster, settle: Callable[[], None]) -> None:
    for item in cluster_with_benchmark().objects.values():
        cluster.add(item)
    settle()
    (run,) = open_runs(cluster, "benchmark-endpoint")
    finish(cluster, run, report())
    settle()


def claim_story(cluster: Cluster, settle: Callable[[], None]) -> None:
    import_story(cluster, settle)
    cluster.change(*MODEL, {"spec": {"storage": {"storageUri": "pvc://team:weights/smollm2"}}})
    settle()
    (run,) = open_runs(cluster, "evict-model")
    evicting(cluster, run)
    settle()
    for outcome in ("cluster", "Succeeded"):
        (run,) = open_runs(cluster, "read-claim")
        reading(cluster, run, outcome)
        settle()
        cluster.pass_time(400)
        settle()
    cluster.delete(*MODEL)
    settle()
    assert cluster.find(*MODEL) is None


STORIES: list[tuple[Story, Planner, Key]] = [
    (import_story, plan_model, MODEL),
    (claim_story, plan_model, MODEL),
    (deletion_story, plan_model, MODEL),
    (service_story, plan_service, SERVICE),
    (benchmark_story, plan_benchmark, JOB),
]


def told(story: Story, planner: Planner, key: Key, dies_after: int | None) -> tuple[list[Object], int, list[str]]:
    """The end of a story, how many writes it took, and the names of the workflows that were created."""
    cluster = Cluster()
    story(cluster, Crashing(cluster, planner, key, dies_after).settle)
    created = [a.body["metadata"]["name"] for a in cluster.written if isinstance(a, CreateObject)]
    names = [name for name in created if name.startswith(("import-", "evict-", "deploy-", "benchmark-"))]
    return list(snapshot(cluster)), len(cluster.written), names


def test_a_crash_after_any_write_ends_the_same_with_nothing_doubled() -> None:
    for story, planner, key in STORIES:
        end, writes, names = told(story, planner, key, None)
        assert len(names) == len(set(names))
        for dies_after in range(writes + 1):
            crashed = told(story, planner, key, dies_after)
            assert crashed[0] == end, (story.__name__, dies_after)
            assert sorted(set(crashed[2])) == sorted(names), (story.__name__, dies_after)


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("join"), st.sampled_from(NODES)),
        st.tuples(st.just("leave"), st.sampled_from(NODES)),
        st.tuples(st.just("label"), st.sampled_from(NODES)),
        st.tuples(st.just("unlabel"), st.sampled_from(NODES)),
        st.tuples(st.just("die"), st.sampled_from(NODES)),
        st.tuples(st.just("live"), st.sampled_from(NODES)),
        st.tuples(st.just("cordon"), st.sampled_from(NODES)),
        st.tuples(st.just("uncordon"), st.sampled_from(NODES)),
        st.tuples(st.just("fail"), st.sampled_from(["auth", "network", "disk-full", "cluster"])),
        st.tuples(st.just("end"), st.just("")),
        st.tuples(st.just("clear"), st.just("")),
        st.tuples(st.just("uri"), st.sampled_from(["hf://org/one", "hf://org/two"])),
        st.tuples(st.just("retry"), st.sampled_from(["1", "2"])),
    ),
    max_size=12,
)


def happen(cluster: Cluster, event: str, what: str) -> None:
    """One thing that may happen to a cluster."""
    cluster.pass_time(30)
    if event == "join" and cluster.find("Node", "", what) is None:
        add_node(cluster, what)
    if event in ("fail", "end"):
        play_argo(cluster, what)
    if event == "clear":
        for name in runs_of(cluster, "import-model"):
            if name not in open_runs(cluster, "import-model"):
                cluster.delete("Workflow", "ome", name)
    if event == "uri":
        cluster.change(*MODEL, {"spec": {"storage": {"storageUri": what}}})
    if event == "retry":
        cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/retry": what}}})
    if cluster.find("Node", "", what) is None:
        return
    match event:
        case "leave":
            cluster.delete("Node", "", what)
        case "label" | "unlabel":
            pool = "models" if event == "label" else None
            cluster.change("Node", "", what, {"metadata": {"labels": {"pool": pool}}})
        case "die" | "live":
            set_ready(cluster, what, is_ready=event == "live")
        case "cordon" | "uncordon":
            cluster.change("Node", "", what, {"spec": {"unschedulable": event == "cordon" or None}})


def play_argo(cluster: Cluster, code: str) -> None:
    """End every run: with success, or with that failure on its nodes."""
    for name in open_runs(cluster, "import-model"):
        if code in ("auth", "network"):
            importing(cluster, name, resolved=code)
        elif code:
            importing(cluster, name, cached=dict.fromkeys(nodes_of(cluster, name), code))
        else:
            importing(cluster, name)
    for name in open_runs(cluster, "evict-model"):
        evicting(cluster, name)


def mend(cluster: Cluster) -> None:
    """Everything is well again, and everything that runs succeeds, until nothing happens any more."""
    for node in cluster.of_kind("Node"):
        set_ready(cluster, node["metadata"]["name"], is_ready=True)
        cluster.change("Node", "", node["metadata"]["name"], {"spec": {"unschedulable": None}})
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/retry": "mended"}}})
    for _ in range(20):
        cluster.pass_time(600)
        cluster.settle(plan_model, *MODEL)
        if not open_runs(cluster, "import-model") and not open_runs(cluster, "evict-model"):
            return
        play_argo(cluster, "")
    raise AssertionError("there is always another run")


@quietly
@given(events=EVENTS)
def test_a_model_ends_on_just_the_nodes_that_qualify(events: list[tuple[str, str]]) -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    cluster.add(model_body())
    for event, what in events:
        cluster.settle(plan_model, *MODEL)
        assert len(open_runs(cluster, "import-model") + open_runs(cluster, "evict-model")) <= 1
        happen(cluster, event, what)
    mend(cluster)
    qualified, labelled, entered = [], [], []
    for node in cluster.of_kind("Node"):
        name, labels = node["metadata"]["name"], node["metadata"]["labels"]
        config_map = cluster.find("ConfigMap", "ome", name) or {}
        qualified += [name] if labels.get("pool") == "models" else []
        labelled += [name] if labels.get("models.ome.io/clusterbasemodel.smollm2") == "Ready" else []
        entered += [name] if "clusterbasemodel.smollm2" in (config_map.get("data") or {}) else []
    assert labelled == entered == qualified
    status = cluster.get(*MODEL)["status"]
    assert status.get("nodesReady", []) == qualified
    assert (status["state"] == "Ready") == bool(qualified)


@quietly
@given(events=EVENTS, dies_after=st.integers(0, 60))
def test_a_model_that_is_deleted_after_anything_leaves_no_trace(
    events: list[tuple[str, str]], dies_after: int
) -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    cluster.add(model_body())
    hand = Crashing(cluster, plan_model, MODEL, dies_after)
    for event, what in events:
        hand.settle()
        happen(cluster, event, what)
    cluster.delete(*MODEL)
    for _ in range(10):
        hand.settle()
        play_argo(cluster, "")
        cluster.pass_time(600)
    assert cluster.find(*MODEL) is None
    assert not cluster.of_kind("Workflow")
    assert not any(item.get("data") for item in cluster.of_kind("ConfigMap"))
    for node in cluster.of_kind("Node"):
        assert not any(label.startswith("models.ome") for label in node["metadata"]["labels"])


def test_a_status_for_an_old_version_is_refused() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    cluster.add(model_body())
    cluster.settle(plan_model, *MODEL)
    importing(cluster, open_runs(cluster, "import-model")[0], is_over=False)
    plan = cluster.plan(plan_model, *MODEL)
    cluster.change(*MODEL, {"metadata": {"labels": {"touched": "yes"}}})
    try:
        for action in plan.actions:
            cluster.carry_out(action)
    except StaleError:
        return
    raise AssertionError("a plan for an old version was carried out whole")
